"""Many small problems at once, at tiny sizes."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from benchmarks import problems
from benchmarks.harness import run_case


def test_mean_inertia_by_hand():
    rows = np.array([[[0.0], [2.0]], [[0.0], [10.0]]], np.float32)
    centers = np.array([[[1.0]], [[0.0]]], np.float32)
    assert problems.mean_inertia(rows, centers) == pytest.approx((2 + 100) / 2)


def test_the_program_and_the_loop_find_as_good_clusters(plain_jax):
    (case,) = problems.cases(quick=True)
    assert case.name == "problems/100-of-4096x3-k8"
    result = run_case(replace(case, load=partial(problems.problems, 6)), 1, min_s=0.001)
    ours, peer = result.contenders
    assert (ours.status, peer.status) == ("ok", "ok"), ours.reason + peer.reason
    assert ours.loss_ratio == pytest.approx(1, abs=0.1)
