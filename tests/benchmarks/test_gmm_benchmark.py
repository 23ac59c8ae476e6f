"""The mixture cases at tiny sizes."""

import numpy as np
import pytest
from scipy.stats import norm

from benchmarks import gmm
from benchmarks.gmm import Mixture, Problem
from benchmarks.harness import run_case


def rows():
    rng = np.random.default_rng(0)
    centers = rng.normal(scale=4, size=(3, 4))
    return (centers[np.arange(300) % 3] + rng.normal(size=(300, 4))).astype(np.float32)


@pytest.mark.parametrize("kind", ["full", "diag", "spherical", "tied"])
def test_surprise_by_hand(kind):
    x = np.array([[0.0], [1.0], [5.0]], np.float32)
    variances = np.array([4.0, 4.0])
    shapes = {"full": (2, 1, 1), "diag": (2, 1), "spherical": (2,)}
    covariances = np.array([[4.0]]) if kind == "tied" else variances.reshape(shapes[kind])
    found = Mixture(np.array([0.25, 0.75]), np.array([[0.0], [4.0]]), covariances)
    density = 0.25 * norm(0, 2).pdf(x) + 0.75 * norm(4, 2).pdf(x)
    problem = Problem(x, kind, found, covariances)
    assert gmm.surprise(problem, found) == pytest.approx(np.exp(-np.log(density).mean()))


@pytest.mark.parametrize("kind", ["full", "spherical"])
def test_all_start_alike_and_end_alike(kind, plain_jax):
    result = run_case(gmm.case("gmm/tiny", "groups", rows, kind, 3), 2, min_s=0.001)
    found = {c.name: c for c in result.contenders}
    assert result.status == "ok"
    assert set(found) == {"clusterart_jax", "scikit-learn"} | (
        {"gmmx"} if kind == "full" else set()
    )
    for contender in found.values():
        if contender.status == "not installed":
            continue
        assert contender.status == "ok", contender.reason
        assert contender.loss_ratio == pytest.approx(1, abs=1e-5)
    assert found["scikit-learn"].ratio.median > 0


def test_every_case_is_listed():
    names = [case.name for case in gmm.cases()]
    assert len(set(names)) == len(names) == len(gmm.cases(quick=True))
    assert "gmm/fashion-mnist-pca-full-k64" in names
