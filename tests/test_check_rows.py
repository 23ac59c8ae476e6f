"""What checks hand on is the caller's no more."""

import numpy as np
import pytest

from clusterart_jax import _checks


@pytest.mark.parametrize("large", [0, 2**40])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int16"])
def test_rows_are_a_copy_of_what_the_caller_may_change(monkeypatch, large, dtype):
    monkeypatch.setattr(_checks, "_LARGE", large)
    held = np.zeros(4096 + 64, np.uint8)
    first = -held.ctypes.data % 64  # where XLA's arrays begin, so that it could lend the memory
    x = held[first : first + 4096].view(dtype).reshape(-1, 8)
    x[:] = 3
    rows = _checks.check_rows(x)
    x[:] = 0
    assert (np.asarray(rows) == 3).all()
