"""The HDBSCAN cases at a tiny size: all find trees of the same weight."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from benchmarks import hdbscan
from benchmarks.harness import run_case


def test_mean_edge_by_hand():
    found = hdbscan.Found(np.array([0, 0, -1]), np.array([1.0, 4.0]))
    assert hdbscan.mean_edge(np.zeros((3, 1)), found) == 2.5


def test_all_find_the_same(plain_jax):
    case = hdbscan.cases(quick=True)[0]
    assert case.name == "hdbscan/blobs-50000"
    result = run_case(case, 1, min_s=0.001)
    assert result.status == "ok"
    found = {c.name: c for c in result.contenders if c.status != "not installed"}
    assert {"clusterart_jax", "scikit-learn"} <= set(found)
    for contender in found.values():
        assert contender.status == "ok", contender.reason
        # hdbscan's own tree is approximate by default.
        assert contender.loss_ratio == pytest.approx(
            1, abs=1e-5 if "hd" not in contender.name else 0.01
        )


def test_labels_are_scikit_learns(plain_jax):
    x = hdbscan.groups(2000)
    ours, theirs = hdbscan.ours(x)(), hdbscan.sklearn(x)()
    np.testing.assert_allclose(ours.heights, theirs.heights, rtol=1e-4, atol=1e-6)
    assert adjusted_rand_score(ours.labels, theirs.labels) > 0.99
