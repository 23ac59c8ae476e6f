"""Inception Score by hand and as torch-fidelity cuts it into splits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from clusterart_jax import metrics


def oracle(p, splits):
    """torch-fidelity's, without its shuffle."""
    p = np.asarray(p, np.float64)
    n, scores = len(p), []
    for i in range(splits):
        part = p[i * n // splits : (i + 1) * n // splits]
        divergence = part * (np.log(part) - np.log(part.mean(0, keepdims=True)))
        scores.append(np.exp(divergence.sum(1).mean()))
    return np.mean(scores), np.std(scores)


def probabilities(n, c, seed=0):
    logits = np.random.default_rng(seed).normal(scale=2, size=(n, c))
    return np.exp(logits) / np.exp(logits).sum(1, keepdims=True)


def test_by_hand(dtype):
    sure = np.eye(4, dtype=dtype)[[0, 1, 2, 3, 0, 0, 1, 1]]
    found = metrics.inception_score(sure, splits=2)  # 4 classes, then 2
    np.testing.assert_allclose(found.mean, 3, rtol=1e-6)
    np.testing.assert_allclose(found.std, 1, rtol=1e-6)
    assert found.mean.dtype == dtype
    np.testing.assert_allclose(metrics.inception_score(np.full((5, 4), 0.25), splits=1).mean, 1)


@pytest.mark.parametrize(("n", "splits"), [(100, 10), (97, 10), (7, 7), (23, 4), (3001, 9)])
def test_parity(n, splits, dtype):
    p = probabilities(n, 12).astype(dtype)
    found = metrics.inception_score(p, splits=splits)
    tolerance = 2e-5 if dtype == np.float32 else 1e-10
    np.testing.assert_allclose(found, oracle(p, splits), rtol=tolerance, atol=tolerance / 10)


def test_a_weight_is_a_number_of_rows():
    p = probabilities(40, 5)
    w = np.tile([2, 0, 1, 1], 10)  # no copies fall into two splits
    ours = metrics.inception_score(p, splits=5, sample_weight=w)
    expected = metrics.inception_score(np.repeat(p, w, axis=0), splits=5)
    np.testing.assert_allclose(ours, expected, rtol=1e-10)
    assert np.isnan(metrics.inception_score(p, splits=5, sample_weight=np.zeros(40)).mean)
    p[3, 1] = np.nan
    assert np.isnan(metrics.inception_score(p, splits=5).mean)


@pytest.mark.parametrize("axes", ["auto", "explicit"])
def test_sharded_equals_unsharded(axes, on_mesh):
    p = probabilities(120, 5)
    alone = metrics.inception_score(p, splits=7)
    np.testing.assert_allclose(
        metrics.inception_score(on_mesh(p, 4, axes), splits=7), alone, rtol=1e-12
    )


def test_memory_is_bounded():
    p = jax.ShapeDtypeStruct((100_000, 200), jnp.float32)
    memory = jax.jit(metrics.inception_score).lower(p).compile().memory_analysis()
    assert memory.temp_size_in_bytes < 10 * 2**20


def test_bad_arguments():
    with pytest.raises(ValueError, match="splits must be between 1 and 3, not 4"):
        metrics.inception_score(np.eye(3), splits=4)
    with pytest.raises(ValueError, match="probabilities must have 2 dimensions"):
        metrics.inception_score(np.ones(3))
