"""Spherical k-means by hand, against a plain oracle, and on rows without direction."""

from itertools import pairwise

import jax
import numpy as np
import pytest

from clusterart_jax import kmeans, spherical_kmeans
from clusterart_jax._errors import ConfigError


def oracle(x, centers, weights, max_iter=300):
    """By cosines: labels of the largest, centres the directions of sums of unit rows."""
    length = np.linalg.norm(x, axis=1, keepdims=True)
    units = np.where(length > 0, x / np.where(length > 0, length, 1), 0)
    weights = np.where(length[:, 0] > 0, weights, 0)
    centers = centers / np.linalg.norm(centers, axis=1, keepdims=True)
    labels = None
    for _ in range(max_iter):
        before, labels = labels, (units @ centers.T).argmax(1)
        if before is not None and (labels == before).all():
            break
        sums = np.stack([weights[labels == j] @ units[labels == j] for j in range(len(centers))])
        centers = sums / np.linalg.norm(sums, axis=1, keepdims=True)
    cosines = (units @ centers.T)[np.arange(len(x)), labels]
    return centers, labels, (weights * (1 - cosines)).sum()


def test_by_hand(key, dtype):
    x = np.array([[5, 0], [1, 1], [0, 3], [0, -2], [0, 0]], dtype)
    result = spherical_kmeans(key, x, 2, init=np.array([[1, 1], [0, -7]]))
    half = np.sqrt(0.5)
    np.testing.assert_allclose(result.centers, [[half, half], [0, -1]], rtol=1e-6, atol=1e-7)
    assert result.labels.tolist() == [0, 0, 0, 1, 0]
    # A row of length 0 has no direction and counts 1, whatever the centres are.
    np.testing.assert_allclose(result.inertia, 2 * (1 - half) + 1, rtol=1e-6)
    assert result.converged
    assert result.centers.dtype == result.inertia.dtype == dtype


def test_equals_oracle(key):
    rng = np.random.default_rng(0)
    for _ in range(3):
        x, weights = rng.normal(size=(80, 4)), rng.random(80) * (rng.random(80) < 0.8)
        x[:3] = 0
        ours = spherical_kmeans(key, x, 4, init=x[10:14], sample_weight=weights)
        centers, labels, inertia = oracle(x, x[10:14], weights)
        np.testing.assert_allclose(ours.centers, centers, rtol=1e-9, atol=1e-9)
        assert ours.labels[3:].tolist() == labels[3:].tolist()
        np.testing.assert_allclose(ours.inertia, inertia + weights[:3].sum(), rtol=1e-9)


def test_lengths_of_rows_do_not_matter(key, blobs):
    scale = np.exp(np.random.default_rng(0).normal(size=(240, 1)) * 20)
    a, b = spherical_kmeans(key, blobs, 4), spherical_kmeans(key, blobs * scale, 4)
    np.testing.assert_allclose(a.centers, b.centers, atol=1e-9)
    assert a.labels.tolist() == b.labels.tolist()
    np.testing.assert_allclose(np.linalg.norm(a.centers, axis=1), 1, rtol=1e-12)


def test_lengths_near_the_ends_of_floats(key):
    x = np.array([[1e-30, 0], [1e30, 1e28], [0, 1e-35], [0, 3e38]], np.float32)
    result = spherical_kmeans(key, x, 2)
    assert result.labels[0] == result.labels[1] != result.labels[2] == result.labels[3]
    assert np.isfinite(result.inertia)


def test_inertia_falls_with_every_iteration(key, blobs):
    run = lambda m: spherical_kmeans(key, blobs, 5, init=blobs[:5], max_iter=m)  # noqa: E731
    path = [float(run(m).inertia) for m in range(7)]
    assert all(after <= before + 1e-12 for before, after in pairwise(path))
    assert path[0] > path[-1]


def test_directions_without_rows_move_to_the_farthest(key):
    x = np.array([[1.0, 0], [1, 0.1], [1, 0.2], [0, 1], [0.1, 1]])
    result = spherical_kmeans(key, x, 3, init=np.array([[1.0, 0.1], [-1, -1], [-1, -2]]))
    assert len(np.unique(result.labels)) == 3


def test_a_center_whose_rows_cancel_moves_to_the_farthest(key):
    x = np.array([[0.0, 1], [0, -1], [-1, 0]])
    result = spherical_kmeans(key, x, 2, init=np.array([[1.0, 0], [-1, 0]]), max_iter=1)
    np.testing.assert_allclose(result.centers, [[0, 1], [-1, 0]], atol=1e-12)


def test_rows_of_nearly_one_direction_in_float32(key, blobs):
    """Angles of 1e-4: cosines differ in the ninth digit, which float32 does not have."""
    x = blobs + 1e4
    start = x[[0, 1, 2]]
    exact = spherical_kmeans(key, x, 3, init=start)
    ours = spherical_kmeans(key, x.astype(np.float32), 3, init=start)
    assert np.mean(np.asarray(ours.labels) == np.asarray(exact.labels)) > 0.98
    np.testing.assert_allclose(ours.inertia, exact.inertia, rtol=0.02)


def test_is_k_means_of_unit_rows_but_for_the_length_of_centers(key, digits):
    units = digits / np.linalg.norm(digits, axis=1, keepdims=True)
    ours = spherical_kmeans(key, digits, 10)
    near = kmeans(key, units, 10, init=ours.centers)
    assert np.mean(np.asarray(near.labels) == np.asarray(ours.labels)) > 0.9


def test_nothing_but_zeros(key):
    result = spherical_kmeans(key, np.zeros((5, 2)), 2, init="random")
    assert float(result.inertia) == 5
    assert not result.labels.any()
    assert np.isfinite(result.centers).all()


def test_sharded_equals_unsharded(key, blobs, on_mesh):
    init = np.concatenate([blobs[:2], -blobs[:2] * [[1], [1]]])
    weights = np.arange(240) % 4 * (np.arange(240) >= 60)
    alone = spherical_kmeans(key, blobs, 4, init=init, sample_weight=weights)
    spread = spherical_kmeans(key, on_mesh(blobs, 4), 4, init=init, sample_weight=weights)
    np.testing.assert_allclose(spread.centers, alone.centers, atol=1e-9)
    assert spread.labels.tolist() == alone.labels.tolist()


def test_bad_arguments(key):
    with pytest.raises(ValueError, match="k must be between 1 and 6, not 7"):
        spherical_kmeans(key, np.ones((6, 2)), 7)
    with pytest.raises(ConfigError, match="init must be"):
        spherical_kmeans(key, np.ones((6, 2)), 2, init="cosine")
    with pytest.raises(TypeError, match="k fixes shapes"):
        jax.jit(lambda k: spherical_kmeans(key, np.ones((6, 2)), k))(2)
