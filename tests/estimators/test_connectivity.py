"""`connectivity` of agglomerative clustering, and distances of DBSCAN, beside scikit-learn's."""

from functools import partial

import numpy as np
import pytest
import sklearn.cluster
from scipy import sparse
from scipy.spatial.distance import cdist
from sklearn.feature_extraction.image import grid_to_graph
from sklearn.metrics import adjusted_rand_score
from sklearn.neighbors import kneighbors_graph

import clusterart_jax as ca


def rows(n, d=3, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


def same(ours, theirs):
    np.testing.assert_array_equal(np.sort(ours.children_), np.sort(theirs.children_))
    assert ours.n_connected_components_ == theirs.n_connected_components_
    assert ours.n_clusters_ == theirs.n_clusters_
    if hasattr(theirs, "distances_"):
        np.testing.assert_allclose(ours.distances_, theirs.distances_, rtol=1e-9)
    if ours.linkage == "single":  # children in another order: other numbers
        assert adjusted_rand_score(ours.labels_, theirs.labels_) == 1
    else:
        assert ours.labels_.tolist() == theirs.labels_.tolist()


def both(x, **options):
    return [library.AgglomerativeClustering(**options).fit(x) for library in (ca, sklearn.cluster)]


@pytest.mark.parametrize("linkage", ["ward", "average", "complete", "single"])
def test_pictures_and_parts_of_trees(linkage):
    x, graph = rows(120), grid_to_graph(10, 12)
    for options in (
        {"n_clusters": 5},
        {"n_clusters": 110},  # so many that the tree is left there
        {"n_clusters": 5, "compute_full_tree": False, "compute_distances": True},
        {"n_clusters": None, "distance_threshold": 2.0},
    ):
        same(*both(x, linkage=linkage, connectivity=graph, **options))


@pytest.mark.parametrize("linkage", ["ward", "single"])
def test_parts_are_joined_with_a_warning(linkage):
    x = np.concatenate([rows(60), rows(60, seed=1) + 9])
    options = {"linkage": linkage, "connectivity": partial(kneighbors_graph, n_neighbors=3)}
    with pytest.warns(UserWarning, match="Completing it"):
        same(*both(x, compute_distances=True, **options))


def test_zeros_that_a_sparse_graph_holds_are_edges():
    x = np.array([[0.0], [3.0], [1.0]])
    graph = sparse.csr_array(([0.0, 0.0], ([0, 1], [1, 2])), shape=(3, 3))
    model = ca.AgglomerativeClustering(1, connectivity=graph, linkage="single").fit(x)
    assert model.children_.tolist() == [[1, 2], [0, 3]]


def test_a_graph_of_another_size_is_refused():
    with pytest.raises(ValueError, match="Wrong shape for connectivity"):
        ca.AgglomerativeClustering(connectivity=np.eye(4)).fit(rows(5))


@pytest.mark.parametrize("metric", ["precomputed", "canberra", "a function", "minkowski"])
def test_dbscan_by_all_distances(metric):
    x = np.round(rows(150), 2) + 7 * (np.arange(150) % 2)[:, None]
    options = {"eps": 0.7, "min_samples": 4, "metric": metric}
    if metric == "precomputed":
        given, new = cdist(x, x), cdist(x[:20] + 0.1, x)
    else:
        given, new = x, x[:20] + 0.1
        if metric == "a function":
            options["metric"] = lambda a, b: np.abs(a - b).max()
        if metric == "minkowski":
            options["p"] = 3
    weights = np.random.default_rng(1).integers(-1, 3, 150)
    for sample_weight in (None, weights):
        ours, theirs = (
            library.DBSCAN(**options).fit(given, sample_weight=sample_weight)
            for library in (ca, sklearn.cluster)
        )
        assert ours.labels_.tolist() == theirs.labels_.tolist()
        assert ours.core_sample_indices_.tolist() == theirs.core_sample_indices_.tolist()
        np.testing.assert_array_equal(ours.components_, theirs.components_)
    ours = ca.DBSCAN(**options).fit(given)
    held = ours.labels_ >= 0
    assert len(set(ours.labels_)) > 2
    assert ours.predict(given)[held].tolist() == ours.labels_[held].tolist()
    assert set(ours.predict(new)) <= set(ours.labels_)


def test_dbscan_of_distances_that_are_not_symmetric():
    far = np.random.default_rng(0).uniform(0, 1, (120, 120))
    for eps in (0.03, 0.04):
        options = {"eps": eps, "min_samples": 3, "metric": "precomputed"}
        ours, theirs = (c.DBSCAN(**options).fit(far) for c in (ca, sklearn.cluster))
        assert ours.labels_.tolist() == theirs.labels_.tolist()
        assert theirs.labels_.max() >= 0


def test_dbscan_refuses_what_cannot_be():
    with pytest.raises(ValueError, match=r"Precomputed distances must be \(n, 5\), not \(5, 3\)"):
        ca.DBSCAN(metric="precomputed").fit(np.ones((5, 3)))
    with pytest.raises(ValueError, match="Negative values in data"):
        ca.DBSCAN(metric="precomputed").fit(-np.ones((5, 5)))
    with pytest.raises(ValueError, match="at most 32768 rows, not 40000"):
        ca.DBSCAN(metric="canberra").fit(np.ones((40_000, 1)))
    with pytest.raises(ValueError, match="distances must be square"):
        ca.cluster.dbscan_distances(np.ones((3, 2)), 1.0)
    with pytest.raises(ValueError, match="eps must be more than 0"):
        ca.cluster.dbscan_distances(np.ones((3, 3)), 0.0)
