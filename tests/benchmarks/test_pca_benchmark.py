"""The PCA case at tiny sizes."""

from functools import partial

import numpy as np
import pytest

from benchmarks import pca
from benchmarks.harness import run_case


def test_variance_left_out_by_hand():
    x = np.array([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]], np.float32)
    assert pca.left_out(x, np.array([[2.0, 0.0]], np.float32)) == pytest.approx(2)
    assert pca.left_out(x, np.array([[0.0, 1.0]], np.float32)) == pytest.approx(18)
    assert pca.left_out(x, np.eye(2, dtype=np.float32)) == pytest.approx(0)


def test_all_find_the_same(plain_jax):
    case = pca.case("pca/tiny", "decaying", partial(pca.decaying, 200, 6), 2, limit=120)
    assert case.load().shape == (120, 6)
    result = run_case(case, 2, min_s=0.001)
    assert result.status == "ok"
    assert len(result.contenders) == 4
    for contender in result.contenders:
        assert contender.status == "ok", contender.reason
        assert contender.loss_ratio == pytest.approx(1, abs=1e-4)
