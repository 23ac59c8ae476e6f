"""How much points belong to each of HDBSCAN's clusters: by definition, and its properties."""

import jax
import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.datasets import make_blobs

import clusterart_jax as ca
from clusterart_jax.cluster import hdbscan_labels, hdbscan_memberships

X = np.concatenate(
    [
        make_blobs(150, 2, centers=[[0, 0], [4, 0], [0, 4]], cluster_std=0.6, random_state=0)[0],
        np.random.default_rng(0).uniform(-6, 10, (30, 2)),
    ]
)
NEW = np.random.default_rng(1).uniform(-3, 7, (40, 2))
RESULT = ca.hdbscan(X, min_cluster_size=10, min_samples=4)
K = int(RESULT.n_clusters)


def by_definition(x, metric="euclidean", alpha=1.0):
    """Point by point and cluster by cluster."""
    name = {"manhattan": "cityblock"}.get(metric, metric)
    result = ca.hdbscan(X, 10, min_samples=4, metric=metric, alpha=alpha)
    labels, cores, deaths = (np.asarray(a) for a in (result[0], result[3], result[7]))
    found = np.zeros((len(x), int(result.n_clusters)))
    for i, row in enumerate(cdist(x, X, name)):
        core = np.sort(row)[3]
        edge = np.maximum(np.maximum(row / alpha, cores), core)
        rate = np.array([1 / edge[labels == c].min() for c in range(found.shape[1])])
        best = rate.argmax()
        found[i] = min(rate[best], deaths[best]) / deaths[best] * rate / rate.sum()
    return result, found


@pytest.mark.parametrize(("metric", "alpha"), [("euclidean", 1.0), ("manhattan", 1.5)])
def test_by_definition(metric, alpha):
    result, expected = by_definition(NEW, metric, alpha)
    options = {"min_samples": 4, "metric": metric, "alpha": alpha}
    found = hdbscan_memberships(NEW, X, result, expected.shape[1] + 2, **options)
    np.testing.assert_allclose(found[:, :-2], expected, rtol=1e-9)
    assert (found[:, -2:] == 0).all()


def test_largest_share_is_the_label_and_sums_are_strengths():
    assert K == 3
    found = np.asarray(hdbscan_memberships(X, X, RESULT, K, min_samples=4))
    labels, strength = hdbscan_labels(X, X, RESULT, min_samples=4)
    held = np.asarray(labels) >= 0
    assert (found[held].argmax(axis=1) == np.asarray(labels)[held]).all()
    np.testing.assert_allclose(found.sum(axis=1)[held], np.asarray(strength)[held])
    assert (found >= 0).all()
    assert (found.sum(axis=1) <= 1 + 1e-12).all()
    assert found[~held].sum(axis=1).max() < 1
    assert (hdbscan_memberships(X[:2] + 1e9, X, RESULT, K, min_samples=4).sum(axis=1) < 1e-6).all()


def test_equal_rows_belong_wholly():
    x = np.repeat([[0.0, 0.0], [5.0, 5.0]], 8, axis=0)
    result = ca.hdbscan(x)
    found = np.asarray(hdbscan_memberships(x, x, result, 2))
    np.testing.assert_array_equal(found, np.eye(2)[np.asarray(result.labels)])


def test_noise_alone_belongs_nowhere():
    x = 2.0 ** np.arange(16)[:, None] * [[1.0, 0.0]]
    result = ca.hdbscan(x, min_cluster_size=7, min_samples=5)
    assert int(result.n_clusters) == 0
    assert (hdbscan_memberships(x, x, result, 2, min_samples=5) == 0).all()


def test_batches_and_meshes_change_nothing(on_mesh):
    one = hdbscan_memberships(NEW, X, RESULT, K, min_samples=4)
    run = jax.vmap(lambda x: hdbscan_memberships(x, X, RESULT, K, min_samples=4))
    np.testing.assert_allclose(run(NEW.reshape(4, 10, 2)).reshape(40, K), one)
    shared = hdbscan_memberships(on_mesh(NEW), X, RESULT, K, min_samples=4)
    np.testing.assert_allclose(shared, one)
    assert len(shared.sharding.device_set) == 4


@pytest.mark.parametrize(
    ("x", "options", "words"),
    [
        (NEW[:, :1], {}, "1 columns but the rows have 2"),
        (NEW, {"metric": "precomputed"}, "metric must be one of"),
        (NEW, {"min_samples": 181}, "min_samples must be between 1 and 180"),
    ],
)
def test_impossible_options_are_refused(x, options, words):
    with pytest.raises(ValueError, match=words):
        hdbscan_memberships(x, X, RESULT, K, **options)


def test_estimator_says_the_same():
    model = ca.HDBSCAN(min_cluster_size=10, min_samples=4, copy=True).fit(X)
    expected = np.asarray(hdbscan_memberships(X, X, RESULT, K, min_samples=4))
    np.testing.assert_allclose(model.membership_vectors(), expected, rtol=1e-9)
    odd = np.concatenate([NEW, [[np.nan, 0], [np.inf, 0]]])
    found = model.membership_vectors(odd)
    np.testing.assert_allclose(found[:40], by_definition(NEW)[1], rtol=1e-9)
    assert np.isnan(found[40]).all()
    assert (found[41] == 0).all()
    labels, strength = hdbscan_labels(NEW, X, RESULT, min_samples=4)
    np.testing.assert_array_equal(model.predict(odd)[:40], labels)
    np.testing.assert_allclose(model.predict_strength(odd), [*strength, np.nan, 0], rtol=1e-9)


def test_medoids_are_rows_nearest_to_the_others():
    model = ca.HDBSCAN(min_cluster_size=10, min_samples=4, store_centers="both", copy=True).fit(X)
    for c in range(K):
        own = model.labels_ == c
        far = cdist(X[own], X[own]) @ model.probabilities_[own]
        np.testing.assert_array_equal(model.medoids_[c], X[own][far.argmin()])
        mean = np.average(X[own], axis=0, weights=model.probabilities_[own])
        np.testing.assert_allclose(model.centroids_[c], mean)


def test_a_heavy_row_is_as_many():
    weights = np.full(len(X), 50.0)
    for question in (hdbscan_labels, lambda *a, **o: hdbscan_memberships(*a, K, **o)):
        found = question(NEW, X, RESULT, min_samples=200, row_weight=weights)
        # So do four rows.
        expected = question(NEW, X, RESULT, min_samples=4)
        for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12)
    heavy = ca.hdbscan(X, 500, min_samples=200, sample_weight=weights)
    np.testing.assert_allclose(heavy.core_distances, RESULT.core_distances)
