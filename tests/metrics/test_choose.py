"""How many clusters: each rule by hand on curves, and on groups that are there to be found."""

import jax
import numpy as np
import pytest
from sklearn.metrics import silhouette_score

import clusterart_jax as ca
from clusterart_jax.metrics import _choose

KS = (2, 3, 4, 5, 6)


@pytest.fixture
def groups():
    """Four round groups of 30 rows, the last three columns without any."""
    rng = np.random.default_rng(0)
    centers = np.array([[0, 0, 0, 0], [9, 0, 0, 0], [0, 9, 0, 0], [9, 9, 0, 0]])
    return centers[np.arange(120) % 4] + rng.normal(size=(120, 4))


@pytest.mark.parametrize("method", ["silhouette", "elbow", "gap"])
def test_finds_the_groups_that_are_there(method, groups, key):
    found = ca.choose_k(key, groups, KS, method=method, n_references=4)
    assert found.k == 4
    assert found.ks.tolist() == list(KS)
    assert found.scores.shape == found.errors.shape == found.inertias.shape == (5,)
    assert (np.diff(found.inertias) < 0).all()
    assert (found.errors > 0).all() == (method == "gap")
    # The same program by itself: what is scored is the k-means of so many clusters.
    best = ca.kmeans(key, groups, 6, active=4, n_init=3)
    np.testing.assert_allclose(found.inertias[2], best.inertia, rtol=1e-12)
    if method == "silhouette":
        expected = silhouette_score(groups, best.labels)
        np.testing.assert_allclose(found.scores[2], expected, rtol=1e-9)


def test_mixtures(groups, key):
    kind = {"covariance_type": "spherical", "n_init": 1, "max_iter": 20, "tol": 1e-3}
    found = ca.choose_k(key, groups, (3, 4, 5), method="bic", **kind)
    assert found.k == 4
    np.testing.assert_allclose(
        found.scores[2], ca.gmm(key, groups, 5, **kind).bic(groups), rtol=1e-12
    )
    assert np.isnan(found.inertias).all()


def test_gap_finds_no_groups_where_there_are_none(key):
    x = np.random.default_rng(0).uniform(size=(120, 4))
    assert ca.choose_k(key, x, (1, 2, 3, 6), method="gap", n_references=8).k == 1


def test_gap_is_that_of_its_references(groups, key, monkeypatch):
    monkeypatch.setattr(_choose, "_uniform_box", lambda x, weights: lambda key: x * 2)
    found = ca.choose_k(key, groups, KS, method="gap", n_references=2)
    # Twice as large, and no difference between the references but their starts.
    np.testing.assert_allclose(found.scores, np.log(4), atol=0.05)


def test_references_fill_the_box_of_the_rows_present():
    x = np.array([[0.0, -3.0], [2.0, 5.0], [1.0, 0.0], [99.0, -99.0]])
    weights = np.array([1.0, 2.0, 1.0, 0.0])
    draw = _choose._uniform_box(jax.numpy.asarray(x), jax.numpy.asarray(weights))
    rows = np.concatenate([draw(key) for key in jax.random.split(jax.random.key(0), 200)])
    assert (rows >= [0, -3]).all()
    assert (rows <= [2, 5]).all()
    np.testing.assert_allclose(rows.mean(axis=0), [1, 1], atol=0.3)


def test_the_knee_lies_farthest_below_the_chord():
    below = _choose._below_chord(np.array([1.0, 2, 4, 9]), np.array([10.0, 4, 3, 2]))
    np.testing.assert_allclose(below, [0, 1 - 1 / 8 - 1 / 4, 1 - 3 / 8 - 1 / 8, 0])


def test_a_sample_of_the_rows_present(groups, key, monkeypatch):
    weights = np.arange(120) % 5 > 0
    seen = {}

    def score(x, labels, *, sample_weight, k):
        seen.update(x=np.asarray(x), weights=np.asarray(sample_weight), labels=np.asarray(labels))
        return jax.numpy.zeros(())

    monkeypatch.setattr(_choose, "silhouette_score", score)
    ca.choose_k(key, groups, KS, sample_weight=weights, sample_size=60)
    numbers = [np.flatnonzero((groups == row).all(axis=1)).item() for row in seen["x"]]
    assert len(set(numbers)) == 60
    assert weights[numbers].all()
    assert (seen["weights"] == 1).all()
    assert len(seen["labels"]) == 60


@pytest.mark.parametrize("method", ["silhouette", "elbow", "bic"])
def test_one_program_for_the_whole_range(key, compilations, method):
    x = np.random.default_rng(0).normal(size=(67, 3))
    ca.choose_k(key, x, (2, 3, 8), method=method)
    before = compilations.count
    ca.choose_k(key, x, (4, 6, 8), method=method)
    assert compilations.count == before


@pytest.mark.parametrize(
    ("ks", "options", "text"),
    [
        ((), {}, "ks must hold numbers that rise"),
        ((3, 2), {}, r"such as range\(2, 11\), not \(3, 2\)"),
        ((1, 2), {}, "each of ks must be between 2 and 120, not 1"),
        ((2, 121), {"method": "gap"}, "each of ks must be between 1 and 120, not 121"),
        ((2, 3), {"method": "elbow"}, "an elbow needs at least 3 ks, not 2"),
        ((2, 3), {"method": "silhouettes"}, "did you mean 'silhouette'"),
        ((2, 3), {"sample_size": 1}, "sample_size must be at least 2, not 1"),
        ((2, 3), {"method": "gap", "n_references": 1}, "n_references must be at least 2, not 1"),
    ],
)
def test_bad_options(ks, options, text, groups, key):
    with pytest.raises(ValueError, match=text):
        ca.choose_k(key, groups, ks, **options)
