"""What tests of benchmarks share."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from benchmarks import generators


@pytest.fixture
def few(monkeypatch):
    """Digits in place of Fashion-MNIST, which not every machine has."""
    data = load_digits()
    images = (data.images[..., None] * 15).astype(np.uint8)
    parts = images[:300], data.target[:300], images[300:360], data.target[300:360]
    monkeypatch.setattr(generators, "fashion", lambda limit: generators.Pictures(*parts))
    return parts
