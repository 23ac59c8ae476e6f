"""Silhouettes by hand, beside scikit-learn, with noise, in blocks, on several devices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import metrics as peer

from clusterart_jax import metrics


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
    monkeypatch.setattr("clusterart_jax.metrics._silhouette.block_size", lambda n, w: min(n, 50))
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
    assert memory.temp_size_in_bytes < 40 * 2**20


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
