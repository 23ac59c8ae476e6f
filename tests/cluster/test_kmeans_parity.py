"""k-means beside scikit-learn: the same from the same start, as good from its own."""

import jax
import numpy as np
import pytest
from sklearn.cluster import KMeans, kmeans_plusplus
from sklearn.datasets import make_blobs

from clusterart_jax import kmeans


def data(name, digits):
    if name == "digits":
        return digits, 10
    return make_blobs(500, 5, centers=8, cluster_std=3.0, random_state=0)[0], 8


@pytest.mark.parametrize("name", ["digits", "blobs"])
@pytest.mark.parametrize("weighted", [False, True])
def test_same_start_same_end(name, weighted, dtype, digits, key):
    x, k = data(name, digits)
    x = x.astype(dtype)
    weights = np.random.default_rng(0).integers(0, 4, len(x)) if weighted else None
    peer = KMeans(k, init=x[:k], n_init=1, tol=0, max_iter=300).fit(x, sample_weight=weights)
    ours = kmeans(key, x, k, init=x[:k], tol=0, sample_weight=weights)
    assert ours.labels.tolist() == peer.labels_.tolist()
    assert ours.n_iter == peer.n_iter_ > 5
    np.testing.assert_allclose(ours.inertia, peer.inertia_, rtol=100 * np.finfo(dtype).eps)
    scale = np.abs(x).max()
    tolerance = 100 * np.finfo(dtype).eps * scale
    np.testing.assert_allclose(ours.centers, peer.cluster_centers_, atol=tolerance)


def test_same_stop_at_a_tolerance(digits, key):
    x, k = data("blobs", digits)
    stops = []
    for tol in (1, 0.1, 0.01, 1e-4):
        peer = KMeans(k, init=x[:k], n_init=1, tol=tol).fit(x)
        ours = kmeans(key, x, k, init=x[:k], tol=tol)
        assert ours.n_iter == peer.n_iter_
        np.testing.assert_allclose(ours.inertia, peer.inertia_, rtol=1e-12)
        stops.append(int(ours.n_iter))
    assert len(set(stops)) >= 3


def test_same_rescue_of_an_empty_cluster(digits, key):
    x, k = data("blobs", digits)
    init = x[:k].copy()
    init[2] = 1e3
    peer = KMeans(k, init=init, n_init=1, tol=0).fit(x)
    ours = kmeans(key, x, k, init=init, tol=0)
    assert ours.labels.tolist() == peer.labels_.tolist()
    assert ours.n_iter == peer.n_iter_


def test_starts_are_as_good(digits):
    x, k = data("digits", digits)
    x = x.astype(np.float32)
    theirs = [KMeans(k, n_init=1, random_state=i).fit(x).inertia_ for i in range(21)]
    ours = [kmeans(key, x, k).inertia for key in jax.random.split(jax.random.key(0), 21)]
    assert np.median(ours) < 1.01 * np.median(theirs)


def test_seeds_are_as_good(digits):
    """Before any iteration: a seventh worse without the greedy choice among draws."""
    x, k = data("digits", digits)
    theirs = [kmeans_plusplus(x, k, random_state=i)[0] for i in range(60)]
    run = jax.jit(jax.vmap(lambda key: kmeans(key, x, k, max_iter=0).inertia))
    ours = run(jax.random.split(jax.random.key(0), 60))
    peers = [((x[:, None] - c[None]) ** 2).sum(-1).min(1).sum() for c in theirs]
    assert np.median(ours) < 1.03 * np.median(peers)
