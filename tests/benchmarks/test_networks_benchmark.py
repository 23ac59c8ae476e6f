"""The cases of pretrained networks, at the smallest."""

import numpy as np
import pytest

from benchmarks import networks
from benchmarks.harness import run_case


def test_photographs_are_squares_of_any_size():
    few = networks.photographs(3, 24)
    assert few.images.shape == (3, 24, 24, 3)
    assert few.style.shape == (100,)
    assert not np.array_equal(few.images[0], few.images[2])
    assert networks.photographs(1, 700).images.shape == (1, 700, 700, 3)


def test_error_by_hand():
    exact = np.array([[1.0, 2.0]])
    assert networks._from_exact(lambda given: exact, None, [[1.5, 2.0]]) == pytest.approx(0.25)
    assert networks._from_exact(lambda given: exact, None, exact) > 0


@pytest.mark.usefixtures("plain_jax", "relaxed_promotion")
def test_both_predict_the_style():
    result = run_case(networks.predictor(1), 1, min_s=0.001)
    assert result.status == "ok", result.reason
    ours, theirs = result.contenders
    assert (ours.status, theirs.status) == ("ok", "ok"), theirs.reason
    assert ours.loss < 1e-5 < theirs.loss < 0.1
