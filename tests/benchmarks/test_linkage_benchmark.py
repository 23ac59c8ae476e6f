"""The linkage cases at a tiny size, and their loss by hand."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from benchmarks import linkage
from benchmarks.harness import run_case
from benchmarks.linkage import Problem


def test_error_by_hand():
    problem = Problem(np.zeros((4, 1), np.float32), np.array([0.0, 2.0, 10.0]))
    z = np.array([[0, 1, 10.0, 2], [2, 3, 0.0, 2], [4, 5, 2.0, 4]])
    assert linkage.error(problem, z) == 1
    z[2, 2] = 2.5
    assert linkage.error(problem, z) == pytest.approx(1.25)
    z[1, 2] = 5.0  # in order 2.5, 5 and 10: the second is one and a half times too high
    assert linkage.error(problem, z) == pytest.approx(2.5)
    z[1:, 2] = 1.0, 2.0  # of equal rows beside the highest
    assert linkage.error(problem, z) == pytest.approx(1.1)


def test_cases():
    names = [case.name for case in linkage.cases()]
    assert names == [f"linkage/{m}" for m in (*linkage.METHODS, "many-ward")]
    assert list(linkage.cases()[-1].peers) == ["fastcluster, no matrix"]


@pytest.mark.parametrize("method", ["ward", "average"])
def test_all_find_the_same(method, plain_jax):
    # Digits are whole numbers, whose ties lead to trees of other heights, SciPy's too when rows
    # come in another order; what is added decides them.
    more = np.random.default_rng(0).normal(size=(1_797, 64)) / 100
    case = linkage.case(method, lambda: (load_digits().data + more).astype(np.float32), 300)
    result = run_case(case, 1, min_s=0.001)
    assert result.status == "ok"
    for contender in result.contenders:
        missing = contender.status == "not installed" and "fastcluster" in contender.name
        assert missing or contender.status == "ok", contender.reason
        assert missing or contender.loss < 1 + 1e-4
