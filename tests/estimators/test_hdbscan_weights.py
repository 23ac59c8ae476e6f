"""`HDBSCAN` of weighted rows: 0 is absent, 2 is a row twice, in all that it says."""

import numpy as np
import pytest
import sklearn
from scipy.spatial.distance import cdist
from sklearn import cluster
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.metrics import adjusted_rand_score
from sklearn.pipeline import make_pipeline

import clusterart_jax as ca
from clusterart_jax.estimators._rows import FEW

X = np.concatenate(
    [
        make_blobs(120, 2, centers=[[0, 0], [5, 0], [0, 5]], cluster_std=0.6, random_state=0)[0],
        np.random.default_rng(0).uniform(-6, 10, (40, 2)),
    ]
)
TIMES = np.random.default_rng(1).integers(0, 4, len(X))
BACK = np.random.default_rng(4).permutation(np.repeat(np.arange(len(X)), TIMES))
NEW = np.random.default_rng(2).uniform(-3, 8, (50, 2))
OPTIONS = {"min_cluster_size": 12, "min_samples": 4, "copy": True}


@pytest.mark.parametrize("metric", ["euclidean", "canberra"])
def test_weight_2_is_a_row_twice(metric):
    options = {**OPTIONS, "metric": metric, "store_centers": "both"}
    weighted = ca.HDBSCAN(**options).fit(X, sample_weight=TIMES)
    repeated = ca.HDBSCAN(**options).fit(X[BACK])
    assert repeated.labels_.max() >= 1
    np.testing.assert_array_equal(weighted.labels_[BACK], repeated.labels_)
    np.testing.assert_allclose(weighted.probabilities_[BACK], repeated.probabilities_)
    np.testing.assert_allclose(weighted.outlier_scores_[BACK], repeated.outlier_scores_)
    for name in ("centroids_", "medoids_"):
        np.testing.assert_allclose(getattr(weighted, name), getattr(repeated, name))


def test_rows_that_differ_keep_the_numbers_of_scikit_learn():
    theirs = cluster.HDBSCAN(**OPTIONS).fit(X)
    assert theirs.labels_.max() >= 1
    for weights in (None, np.ones(len(X))):
        ours = ca.HDBSCAN(**OPTIONS).fit(X, sample_weight=weights)
        np.testing.assert_array_equal(ours.labels_, theirs.labels_)


@pytest.mark.parametrize("min_samples", [1, 6])
def test_new_points_meet_the_weights(min_samples):
    options = {**OPTIONS, "min_samples": min_samples}
    weighted = ca.HDBSCAN(**options).fit(X, sample_weight=TIMES)
    repeated = ca.HDBSCAN(**options).fit(X[BACK])
    np.testing.assert_array_equal(weighted.predict(NEW), repeated.predict(NEW))
    np.testing.assert_allclose(weighted.predict_strength(NEW), repeated.predict_strength(NEW))
    shares = weighted.membership_vectors(NEW)
    np.testing.assert_allclose(shares, repeated.membership_vectors(NEW))
    there = TIMES > 0
    held = weighted.labels_ >= 0
    np.testing.assert_array_equal(weighted.predict(X[held]), weighted.labels_[held])
    alone = ca.HDBSCAN(**options).fit(X[there])
    assert not np.allclose(alone.predict_strength(NEW), weighted.predict_strength(NEW))
    own = weighted.membership_vectors()
    np.testing.assert_allclose(own[there], weighted.membership_vectors(X[there]))
    assert (own[~there] == 0).all()


def test_weight_0_is_absent():
    there = TIMES > 0
    x = np.where(there[:, None], X, 1.0)
    model = ca.HDBSCAN(8).fit(x, sample_weight=there)
    alone = ca.HDBSCAN(8).fit(X[there])
    assert alone.labels_.max() >= 1
    np.testing.assert_array_equal(model.labels_[there], alone.labels_)
    np.testing.assert_array_equal(model.probabilities_[there], alone.probabilities_)
    np.testing.assert_array_equal(model.outlier_scores_[there], alone.outlier_scores_)
    np.testing.assert_array_equal(model.predict(NEW), alone.predict(NEW))
    assert (model.labels_[~there] == -1).all()
    assert (model.probabilities_[~there] == 0).all()
    assert np.isnan(model.outlier_scores_[~there]).all()
    given = ca.HDBSCAN(8, metric="precomputed").fit(cdist(x, x), sample_weight=there)
    np.testing.assert_array_equal(given.labels_, model.labels_)


def test_weights_of_many_rows():
    x = np.concatenate([X + 20.0 * np.array([i % 11, i // 11]) for i in range(80)]).astype("f4")
    x += np.random.default_rng(3).normal(scale=1e-3, size=x.shape).astype("f4")
    times = np.tile(TIMES, 80)
    options = {**OPTIONS, "min_samples": 1}  # so that copies make no edges of equal length
    ours = ca.HDBSCAN(**options).fit(x, sample_weight=times)
    assert len(ours.labels_) > FEW
    theirs = cluster.HDBSCAN(**options).fit(np.repeat(x, times, axis=0))
    assert theirs.labels_.max() > 100
    assert adjusted_rand_score(np.repeat(ours.labels_, times), theirs.labels_) > 0.999


def test_rows_that_are_missing_have_no_say():
    x, weights = np.concatenate([X, [[np.nan, 0], [np.inf, 0]]]), np.append(TIMES, [9, 0])
    model = ca.HDBSCAN(**OPTIONS).fit(x, sample_weight=weights)
    alone = ca.HDBSCAN(**OPTIONS).fit(X, sample_weight=TIMES)
    assert model.labels_.tolist() == [*alone.labels_, -3, -2]


def test_one_heavy_row_may_be_all():
    x = [[0.0, 0.0], [7.0, 7.0]]
    model = ca.HDBSCAN(4, min_samples=3, allow_single_cluster=True).fit(x, sample_weight=[5, 0])
    assert model.labels_.tolist() == [0, -1]
    assert model.predict([[0.0, 0.0]]).tolist() == [0]
    assert model.dbscan_clustering(0.5, 5).tolist() == [0, -1]
    assert model.dbscan_clustering(0.5, 6).tolist() == [-1, -1]


def test_clusters_at_one_distance_weigh_enough():
    weighted = ca.HDBSCAN(**OPTIONS).fit(X, sample_weight=TIMES)
    repeated = ca.HDBSCAN(**OPTIONS).fit(X[BACK])
    for cut in (0.2, 0.5, 2.0):
        ours = weighted.dbscan_clustering(cut, 7)
        np.testing.assert_array_equal(ours[BACK], repeated.dbscan_clustering(cut, 7))
        assert ours.max() >= 0


def test_impossible_weights_are_refused():
    with pytest.raises(ValueError, match=r"sample_weight.shape == \(3,\), expected \(160,\)"):
        ca.HDBSCAN().fit(X, sample_weight=np.ones(3))
    with pytest.raises(ValueError, match="1D array or scalar"):
        ca.HDBSCAN().fit(X, sample_weight=np.ones((160, 1)))
    with pytest.raises(ValueError, match="Negative values in data passed to `sample_weight`"):
        ca.HDBSCAN().fit(X, sample_weight=-TIMES)
    with pytest.raises(ValueError, match=r"min_samples \(9\) must be at most .* \(8\)"):
        ca.HDBSCAN(min_samples=9).fit(X[:4], sample_weight=[2, 5, 0, 0.5])
    with pytest.raises(ValueError, match="requires more than one sample"):
        ca.HDBSCAN().fit(X[:4], sample_weight=[1, 0, 0, 0])


def test_weights_are_routed():
    with sklearn.config_context(enable_metadata_routing=True):
        model = ca.HDBSCAN(**OPTIONS).set_fit_request(sample_weight=True)
        labels = make_pipeline(ca.PCA(), model).fit_predict(X, sample_weight=TIMES)
    alone = clone(model).fit_predict(ca.PCA().fit_transform(X), sample_weight=TIMES)
    assert len(set(alone)) > 2
    np.testing.assert_array_equal(labels, alone)
