"""The DBSCAN cases at a tiny size, and their loss by hand."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import dbscan
from benchmarks.dbscan import Problem
from benchmarks.harness import run_case


def test_faults_by_hand():
    x = np.array([[0.0], [1.0], [2.0], [3.5], [9.0]], np.float32)
    problem = dbscan.problem(lambda n: x, 5, 1.0, 3)
    assert {(c.row, c.core, tuple(c.cores.tolist())) for c in problem.checks} == {
        *((0, False, (1,)), (1, True, (1,)), (2, False, (1,))),
        *((3, False, ()), (4, False, ())),
    }
    each = problem._replace(checks=list({c.row: c for c in problem.checks}.values()))
    assert dbscan.faults(each, np.array([0, 0, 0, -1, -1])) == 1
    assert dbscan.faults(each, np.array([0, 0, -1, -1, -1])) == pytest.approx(1.2)
    assert dbscan.faults(each, np.array([0, -1, 0, 0, 1])) == pytest.approx(2)


def test_all_find_the_same(plain_jax):
    x = np.random.default_rng(0).normal(size=(600, 2)).astype(np.float32)
    case = dbscan.cases(quick=True)[0]
    assert case.name == "dbscan/blobs-100000"
    small = replace(case, load=lambda: dbscan.problem(lambda n: x, 600, 0.2, 5))
    result = run_case(small, 2, min_s=0.001)
    assert isinstance(small.load(), Problem)
    assert result.status == "ok"
    for contender in result.contenders:
        assert contender.status in ("ok", "not installed"), contender.reason
        assert contender.status != "ok" or contender.loss == 1
