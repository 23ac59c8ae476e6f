"""The radius proposed for DBSCAN: by hand, by definition, and what DBSCAN finds with it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.datasets import make_blobs

import clusterart_jax as ca
from clusterart_jax.report import draw_eps

X = np.concatenate(
    [
        make_blobs(300, 2, centers=[[0, 0], [6, 0], [0, 6]], cluster_std=0.5, random_state=0)[0],
        np.random.default_rng(0).uniform(-8, 14, (30, 2)),
    ]
)


def test_by_hand():
    x = np.array([[0.0], [1.0], [3.0], [6.0], [10.0], [40.0]])
    found = ca.propose_eps(x, min_samples=2)
    np.testing.assert_allclose(found.distances, [1, 1, 2, 3, 4, 30])
    assert (float(found.eps), int(found.knee)) == (4, 4)
    np.testing.assert_allclose(found.mass, [1, 2, 3, 4, 5, 6])


@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "chebyshev", "cosine"])
def test_knee_is_farthest_from_the_chord(metric):
    full = cdist(X, X, {"manhattan": "cityblock"}.get(metric, metric))
    curve = np.sort(np.sort(full, axis=1)[:, 6])
    found = ca.propose_eps(X, 7, metric=metric)
    np.testing.assert_allclose(found.distances, curve, rtol=1e-9, atol=1e-9)
    chord = np.array([len(X) - 1, curve[-1] - curve[0]])
    at = np.stack([np.arange(len(X)), curve - curve[0]], axis=1) / chord
    assert int(found.knee) == np.argmax(np.abs(at[:, 0] - at[:, 1]))
    given = ca.propose_eps(full, 7, metric="precomputed")
    np.testing.assert_allclose(given.distances, curve, atol=1e-9)


def test_many_rows_of_few_columns():
    x = np.random.default_rng(1).normal(size=(5000, 2))
    found = ca.propose_eps(x, 5)
    from sklearn.neighbors import NearestNeighbors

    near = NearestNeighbors(n_neighbors=5).fit(x).kneighbors(x)[0][:, -1]
    np.testing.assert_allclose(found.distances, np.sort(near), rtol=1e-9)


def test_dbscan_finds_the_groups_with_it():
    labels = np.asarray(ca.dbscan(X, ca.propose_eps(X, 5).eps, 5).labels)
    for i in range(3):
        own = labels[:300][np.linalg.norm(X[:300] - [[0, 0], [6, 0], [0, 6]][i], axis=1) < 1]
        assert (own == own[0]).all()
        assert own[0] >= 0
    assert (labels[300:] == -1).mean() > 0.5


def test_weights_are_copies_and_0_is_absent():
    weights = np.arange(len(X)) % 3
    weighted = ca.propose_eps(X, 1, sample_weight=weights)
    assert float(weighted.eps) == 0
    weighted = ca.propose_eps(X, 4, sample_weight=weights)
    copies = ca.propose_eps(np.repeat(X, weights, axis=0), 4)
    np.testing.assert_allclose(weighted.eps, copies.eps)
    assert float(weighted.mass[weighted.knee]) == int(copies.knee) + 1
    assert int(jnp.isinf(weighted.distances).sum()) == (weights == 0).sum()


def test_rows_all_alike_or_too_few():
    assert float(ca.propose_eps(np.ones((9, 2)), 3).eps) == 0
    assert float(ca.propose_eps(np.ones((1, 2)), 1).eps) == 0
    few = ca.propose_eps(X, 5, sample_weight=np.arange(len(X)) < 3)
    assert np.isinf(few.eps)


def test_batches_and_meshes_change_nothing(on_mesh):
    one = ca.propose_eps(X[:320], 5)
    both = jax.jit(jax.vmap(lambda x: ca.propose_eps(x, 5)))(np.stack([X[:320], 2 * X[:320]]))
    np.testing.assert_allclose(both.eps, [one.eps, 2 * one.eps])
    assert float(ca.propose_eps(on_mesh(X[:320]), 5).eps) == float(one.eps)


@pytest.mark.parametrize(
    ("x", "options", "words"),
    [
        (X, {"min_samples": 0}, "min_samples must be between 1"),
        (X, {"metric": "l2"}, "metric must be one of"),
        (X, {"metric": "precomputed"}, "must hold distances"),
    ],
)
def test_impossible_options_are_refused(x, options, words):
    with pytest.raises(ValueError, match=words):
        ca.propose_eps(x, **options)


def test_plot_shows_the_curve_and_the_knee():
    found = ca.propose_eps(X, 5)
    (axes,) = draw_eps(found).axes
    curve = np.stack([found.mass, found.distances], axis=1)
    assert any(np.array_equal(line.get_xydata(), curve) for line in axes.lines)
    mark = axes.lines[-1].get_xydata()
    np.testing.assert_array_equal(mark, [[found.mass[found.knee], found.eps]])
    assert [text.get_text() for text in axes.texts] == [f"eps = {float(found.eps):.4g}"]
