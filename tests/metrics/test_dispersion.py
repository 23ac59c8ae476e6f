"""Davies-Bouldin and Caliński-Harabasz, by hand, beside scikit-learn, weighted, sharded."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import metrics as peer

from clusterart_jax import metrics

SCORES = ["davies_bouldin_score", "calinski_harabasz_score"]
every = pytest.mark.parametrize("name", SCORES)


def test_by_hand(dtype):
    x = np.array([[0], [2], [10], [12], [40]], dtype)
    labels = [3, 3, -7, -7, 5]
    ours = metrics.davies_bouldin_score(x, labels)
    # Distances to the means 1, 1, 0; means 1, 11, 40 apart by 10, 29, 39.
    np.testing.assert_allclose(ours, (0.2 + 0.2 + 1 / 29) / 3, rtol=1e-6)
    assert ours.dtype == dtype
    ours = metrics.calinski_harabasz_score(x, labels)
    between = 2 * 11.8**2 + 2 * 1.8**2 + 27.2**2
    np.testing.assert_allclose(ours, (between / 2) / (4 / 2), rtol=1e-6)


@every
@pytest.mark.parametrize("shift", [0, 10_000])
def test_parity(name, shift, digits, dtype):
    x = (digits + shift).astype(dtype)
    labels = np.random.default_rng(0).integers(0, 7, len(x))
    expected = getattr(peer, name)(digits, labels)  # which loses digits itself, far from zero
    tolerance = 1e-5 if dtype == np.float32 else 1e-9
    np.testing.assert_allclose(getattr(metrics, name)(x, labels), expected, rtol=tolerance)


@every
def test_degenerate_clusters(name, blobs):
    ours, theirs = getattr(metrics, name), getattr(peer, name)
    spots = np.repeat(blobs[:3], 2, axis=0)
    labels = np.repeat([0, 1, 2], 2)
    np.testing.assert_allclose(ours(spots, labels), theirs(spots, labels), atol=1e-12)
    alike = np.ones((6, 2))
    np.testing.assert_allclose(ours(alike, labels), theirs(alike, labels))
    x = np.array([[0.0], [2], [2], [0], [9]])  # two clusters with one mean
    labels = [0, 0, 1, 1, 2]
    np.testing.assert_allclose(ours(x, labels), theirs(x, labels), rtol=1e-12)


@every
def test_a_weight_is_a_number_of_rows(name, blobs):
    score = getattr(metrics, name)
    labels, weights = np.arange(240) % 5, np.arange(240) % 3
    expected = score(np.repeat(blobs, weights, axis=0), np.repeat(labels, weights))
    np.testing.assert_allclose(score(blobs, labels, sample_weight=weights), expected, rtol=1e-10)


@every
def test_noise_and_empty_clusters_are_left_out(name, blobs):
    labels = 2 * (np.arange(240) % 4) - 1
    labels[labels < 0] = -1
    held = labels >= 0
    expected = getattr(peer, name)(blobs[held], labels[held])
    for k in (None, 9):
        ours = getattr(metrics, name)(blobs, labels, k=k)
        np.testing.assert_allclose(ours, expected, rtol=1e-10)


@every
def test_moving_and_turning_change_nothing(name, blobs):
    score, labels = getattr(metrics, name), np.arange(240) % 4
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0]
    order = np.random.default_rng(1).permutation(240)
    ours = score((blobs @ turn + 5)[order], (7 - labels)[order])
    np.testing.assert_allclose(ours, score(blobs, labels), rtol=1e-10)


@every
def test_memory_is_bounded(name):
    n = 100_000
    x, labels = jax.ShapeDtypeStruct((n, 32), jnp.float32), jax.ShapeDtypeStruct((n,), jnp.int32)
    run = jax.jit(lambda x, labels: getattr(metrics, name)(x, labels, k=10))
    memory = run.lower(x, labels).compile().memory_analysis()
    assert memory.temp_size_in_bytes < 6 * 2**20  # of 12 MiB


@every
def test_bad_input(name, blobs):
    score = getattr(metrics, name)
    with pytest.raises(ValueError, match="need at least 2 clusters, not 1"):
        score(blobs, [0] * 240)
    with pytest.raises(ValueError, match=r"labels must have shape \(240,\), not \(3,\)"):
        score(blobs, [0, 1, 1])
    with pytest.raises(ValueError, match=r"sample_weight must have shape \(240,\)"):
        score(blobs, np.arange(240) % 2, sample_weight=[1.0])
