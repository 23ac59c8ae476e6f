"""The silhouette case at a tiny size, and its loss by hand."""

import numpy as np
import pytest

from benchmarks import silhouette
from benchmarks.harness import run_case
from benchmarks.silhouette import Problem


def test_error_by_hand():
    problem = Problem(np.array([[0.0], [1.0], [10.0], [11.0]], np.float32), np.array([0, 0, 1, 1]))
    right = np.array([1 - 1 / 10.5, 1 - 1 / 9.5, 1 - 1 / 9.5, 1 - 1 / 10.5])
    assert silhouette.error(problem, right) == pytest.approx(1e-6)
    right[1] += 0.25
    assert silhouette.error(problem, right) == pytest.approx(0.25, abs=1e-5)


def test_all_find_the_same(plain_jax):
    case = silhouette.cases(quick=True)[0]
    assert case.name == "silhouette/digits-k10"
    result = run_case(case, 2, min_s=0.001)
    assert result.status == "ok"
    assert len(result.contenders) == 3
    for contender in result.contenders:
        assert contender.status == "ok", contender.reason
        assert contender.loss < 5e-6
