"""Silhouettes by hand, beside scikit-learn, with noise, in blocks, on several devices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import metrics as peer
from sklearn.metrics import pairwise_distances

from clusterart_jax import metrics
from clusterart_jax.metrics._reach import METRICS


def test_by_hand(dtype):
    x = np.array([[0], [1], [10], [11], [30]], dtype)
    ours = metrics.silhouette_samples(x, [7, 7, 2, 2, 5])
    expected = [1 - 1 / 10.5, 1 - 1 / 9.5, 1 - 1 / 9.5, 1 - 1 / 10.5, 0]
    np.testing.assert_allclose(ours, expected, rtol=1e-6)
    assert ours.dtype == dtype
    score = metrics.silhouette_score(x, [7, 7, 2, 2, 5])
    np.testing.assert_allclose(score, np.mean(expected), rtol=1e-6)


@pytest.mark.parametrize("scatter", [0, 1000])
def test_parity(digits, dtype, scatter):
    x = (digits[:300] + scatter).astype(dtype)
    labels = np.random.default_rng(0).integers(0, 5, 300)
    expected = peer.silhouette_samples(x.astype(np.float64), labels)
    tolerance = 1e-5 if dtype == np.float32 else 1e-10
    np.testing.assert_allclose(metrics.silhouette_samples(x, labels), expected, atol=tolerance)


@pytest.mark.parametrize(
    ("metric", "d", "dtype"),
    [
        *((metric, 20, "float32") for metric in METRICS),
        *(("euclidean", d, "float64") for d in (3, 20)),
    ],
)
def test_parity_of_metrics(metric, d, dtype):
    rng = np.random.default_rng(d)
    x, labels = rng.normal(size=(260, d)).astype(dtype), rng.integers(0, 9, 260)
    x[7] = x[11] = 0  # no direction; alike
    labels[labels == 8] = 0
    labels[:2] = 8, 9  # alone
    expected = peer.silhouette_samples(x.astype(np.float64), labels, metric=metric)
    kept = (x != 0).any(axis=1) | (metric != "cosine")  # scikit-learn's zeros are 1 apart
    tolerance = 3e-6 if dtype == "float32" else 1e-12
    ours = metrics.silhouette_samples(x, labels, metric=metric)
    np.testing.assert_allclose(ours[kept], expected[kept], atol=tolerance if kept.all() else 0.02)
    own = [np.nan_to_num(mean_distance(x, labels, i, metric)) for i in range(260)]
    ours = metrics.mean_intra_cluster_distance(x, labels, metric=metric)
    np.testing.assert_allclose(ours, np.mean(own), rtol=0.01 if metric == "cosine" else tolerance)


def mean_distance(x, labels, i, metric):
    same = (labels == labels[i]) & (np.arange(len(x)) != i)
    if not same.any():
        return 0.0
    return pairwise_distances(x[same].astype(np.float64), x[i : i + 1], metric=metric).mean()


CASES_OF_LOST_DIGITS = ["tight and apart", "near pairs", "few distinct rows", "far from zero"]


@pytest.mark.parametrize("kind", CASES_OF_LOST_DIGITS)
@pytest.mark.parametrize("d", [2, 24])
def test_float32_where_expanded_squares_lose_their_digits(kind, d):
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(300, d)), rng.integers(0, 4, 300)
    spots = rng.normal(size=(15, d))[rng.integers(0, 15, 300)]
    x = {
        "tight and apart": 1e-4 * x + labels[:, None],
        "near pairs": 1e-4 * x + spots,
        "few distinct rows": spots,
        "far from zero": x + 1e4,
    }[kind].astype(np.float32)
    expected = peer.silhouette_samples(x.astype(np.float64), labels)
    np.testing.assert_allclose(metrics.silhouette_samples(x, labels), expected, atol=2e-6)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_a_weight_is_a_number_of_rows(blobs, metric):
    x, labels = blobs[:80] + 1, np.arange(80) % 3
    weights = np.arange(80) % 4
    alone = [np.repeat(a, weights, axis=0) for a in (x, labels, np.arange(80))]
    expected = metrics.silhouette_samples(*alone[:2], metric=metric)
    ours = metrics.silhouette_samples(x, labels, metric=metric, sample_weight=weights)
    np.testing.assert_allclose(ours[alone[2]], expected, rtol=1e-9)
    assert np.isnan(ours[weights == 0]).all()
    for score in (metrics.silhouette_score, metrics.mean_intra_cluster_distance):
        ours = score(x, labels, metric=metric, sample_weight=weights)
        np.testing.assert_allclose(ours, score(*alone[:2], metric=metric), rtol=1e-10)


def test_a_row_of_weight_1_among_absent_ones_is_alone(blobs):
    ours = metrics.silhouette_samples(blobs[:4], [0, 0, 1, 1], sample_weight=[1.0, 0, 1, 1])
    assert ours[0] == 0
    assert np.isfinite(ours[2:]).all()


def test_no_number_in_no_number_out(blobs):
    x = blobs.copy()
    x[3, 1] = np.nan
    assert np.isnan(metrics.silhouette_score(x, np.arange(240) % 3))


@pytest.mark.parametrize("k", [2, 60])
def test_clusters_of_all_sizes(k):
    rng = np.random.default_rng(k)
    x = rng.normal(size=(700, 10))
    labels = (k * rng.random(700) ** 4).astype(int)  # from one row to most of them
    expected = peer.silhouette_samples(x, labels)
    np.testing.assert_allclose(metrics.silhouette_samples(x, labels), expected, atol=1e-12)


def test_noise_is_left_out(blobs):
    labels = np.arange(240) % 4 - 1
    ours = metrics.silhouette_samples(blobs, labels)
    held = labels >= 0
    assert np.isnan(ours[~held]).all()
    expected = peer.silhouette_samples(blobs[held], labels[held])
    np.testing.assert_allclose(ours[held], expected, atol=1e-10)
    score = metrics.silhouette_score(blobs, labels)
    np.testing.assert_allclose(score, expected.mean(), rtol=1e-10)


def test_copies_of_one_row():
    x = np.zeros((4, 2))
    assert metrics.silhouette_samples(x, [0, 0, 1, 1]).tolist() == [0] * 4


def test_empty_cluster_is_no_neighbor(blobs):
    labels = 2 * (np.arange(240) % 2)
    ours = metrics.silhouette_samples(blobs, labels, k=4)
    np.testing.assert_allclose(ours, peer.silhouette_samples(blobs, labels), atol=1e-10)


def test_blocks_do_not_change_the_result(blobs, monkeypatch):
    labels = np.arange(239) % 3
    monkeypatch.setattr("clusterart_jax.metrics._reach._tile", lambda: (50, 32))
    ours = metrics.silhouette_samples(blobs[:239], labels)
    np.testing.assert_allclose(ours, peer.silhouette_samples(blobs[:239], labels), atol=1e-10)


@pytest.mark.parametrize(("devices", "axes"), [(2, "explicit"), (4, "auto")])
def test_sharded_equals_unsharded(devices, axes, blobs, on_mesh):
    labels = np.arange(240) % 4 - 1
    alone = metrics.silhouette_samples(blobs, labels)
    x = on_mesh(blobs, devices, axes)
    for given in (labels, on_mesh(labels, devices, axes)):
        ours = metrics.silhouette_samples(x, given)
        np.testing.assert_allclose(ours, alone, atol=1e-12)
        assert ours.sharding.spec[0] == "data"


def test_memory_is_bounded():
    n = 50_000
    x, labels = jax.ShapeDtypeStruct((n, 32), jnp.float32), jax.ShapeDtypeStruct((n,), jnp.int32)
    run = jax.jit(lambda x, labels: metrics.silhouette_samples(x, labels, k=10))
    memory = run.lower(x, labels).compile().memory_analysis()
    assert memory.temp_size_in_bytes < 1.5 * x.size * 4  # a copy in the order of the clusters


@pytest.mark.parametrize(
    ("labels", "error", "text"),
    [
        ([0, 1], ValueError, r"labels must have shape \(240,\), not \(2,\)"),
        ([0] * 240, ValueError, "silhouettes need at least 2 clusters, not 1"),
        ([-1] * 240, ValueError, "silhouettes need at least 2 clusters, not 0"),
        ([0.5] * 240, TypeError, "labels must be whole numbers, not float64"),
    ],
)
def test_bad_labels(labels, error, text, blobs):
    with pytest.raises(error, match=text):
        metrics.silhouette_samples(blobs, labels)


def test_bad_options(blobs):
    with pytest.raises(ValueError, match=r"metric must be one of .*did you mean 'euclidean'"):
        metrics.silhouette_samples(blobs, np.arange(240) % 3, metric="euclid")
    with pytest.raises(ValueError, match="distances in clusters need at least 1 cluster, not 0"):
        metrics.mean_intra_cluster_distance(blobs, [-1] * 240)
