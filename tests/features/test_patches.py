import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.feature_extraction.image import extract_patches_2d, reconstruct_from_patches_2d

from clusterart_jax.features import (
    extract_patches,
    merge_patches,
    normalize_patches,
    random_patches,
)

IMAGES = np.random.default_rng(0).random((3, 7, 9, 2))


def test_by_hand():
    image = np.arange(12).reshape(1, 3, 4, 1).astype(np.uint8)
    patches = extract_patches(image, 2, stride=2)
    assert patches.dtype == np.uint8
    assert patches.tolist() == [[0, 1, 4, 5], [2, 3, 6, 7]]
    # Two patches share the middle column: its pixels are means.
    rows = np.array([[1.0, 2, 3, 4], [6, 7, 8, 9]])
    assert merge_patches(rows, (2, 3, 1), 2).ravel().tolist() == [1, 4, 7, 3, 6, 9]


@pytest.mark.parametrize(("size", "stride"), [(1, 1), (3, 1), (3, 2), (4, 3), (2, 5)])
def test_every_patch_and_back(size, stride):
    patches = extract_patches(IMAGES, size, stride=stride)
    expected = [
        image[y : y + size, x : x + size].ravel()
        for image in IMAGES
        for y in range(0, 7 - size + 1, stride)
        for x in range(0, 9 - size + 1, stride)
    ]
    np.testing.assert_array_equal(patches, expected)
    covered = np.zeros((7, 9), bool)
    for y in range(0, 7 - size + 1, stride):
        for x in range(0, 9 - size + 1, stride):
            covered[y : y + size, x : x + size] = True
    merged = merge_patches(patches, (7, 9, 2), size, stride=stride)
    np.testing.assert_allclose(merged, IMAGES * covered[None, :, :, None], rtol=1e-12)


def test_parity():
    patches = extract_patches(IMAGES[:1], 3)
    np.testing.assert_array_equal(
        patches.reshape(-1, 3, 3, 2), extract_patches_2d(IMAGES[0], (3, 3))
    )
    noisy = np.random.default_rng(1).random((35, 3, 3, 2))
    np.testing.assert_allclose(
        merge_patches(noisy.reshape(35, 18), (7, 9, 2), 3)[0],
        reconstruct_from_patches_2d(noisy, (7, 9, 2)),
        rtol=1e-12,
    )


def test_random_patches_lie_everywhere(key):
    # Pixels that know where they are: picture, row, column.
    where = np.stack(np.meshgrid(range(3), range(5), range(6), indexing="ij"), -1).astype(np.uint8)
    patches = np.asarray(random_patches(key, where, 2, 3000)).reshape(-1, 2, 2, 3)
    corners = patches[:, 0, 0]
    step = np.array([[[0, 0, 0], [0, 0, 1]], [[0, 1, 0], [0, 1, 1]]])
    np.testing.assert_array_equal(patches, corners[:, None, None] + step)
    places, counts = np.unique(corners, axis=0, return_counts=True)
    assert len(places) == 3 * 4 * 5
    assert counts.min() > 20  # 50 expected of each


def test_random_patches_of_sharded_pictures(key, on_mesh):
    images = np.random.default_rng(0).random((8, 5, 5, 1))
    alone = random_patches(key, images, 3, 20)
    np.testing.assert_array_equal(random_patches(key, on_mesh(images), 3, 20), alone)


def test_normalized():
    rows = np.random.default_rng(0).random((20, 12))
    plain = normalize_patches(rows, noise=0.0)
    np.testing.assert_allclose(plain.mean(1), 0, atol=1e-14)
    np.testing.assert_allclose(plain.std(1), 1, rtol=1e-12)
    np.testing.assert_allclose(normalize_patches(3 * rows + 7, noise=0.0), plain, rtol=1e-9)
    variances = rows.var(1, keepdims=True)
    shrunk = np.asarray(plain) * np.sqrt(variances / (variances + 0.01))
    np.testing.assert_allclose(normalize_patches(rows, noise=0.1), shrunk, rtol=1e-9)
    assert normalize_patches(np.full((1, 4), 0.7), noise=0.0).tolist() == [[0] * 4]


def test_merging_is_the_mean_under_grad():
    patches = jnp.asarray(extract_patches(IMAGES, 3))
    slope = jax.jit(jax.grad(lambda p: merge_patches(p, (7, 9, 2), 3).sum()))(patches)
    # The shares of a pixel's patches sum to 1.
    np.testing.assert_allclose(slope.sum(), IMAGES.size, rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: extract_patches(IMAGES, 8), ValueError, "size must be between 1 and 7, not 8"),
        (lambda: extract_patches(IMAGES, 2, stride=0), ValueError, "stride must be at least 1"),
        (lambda: extract_patches(IMAGES[0], 2), ValueError, r"images must have shape \(n, h, w, c"),
        (
            lambda: merge_patches(np.ones((5, 18)), (7, 9, 2), 3),
            ValueError,
            r"patches must have shape \(n·35, 18\), not \(5, 18\)",
        ),
        (lambda: random_patches(0, IMAGES, 2, 3), TypeError, "key must come from jax.random.key"),
        (lambda: normalize_patches(IMAGES), ValueError, "patches must have 2 dimensions"),
    ],
)
def test_bad_arguments(call, error, text):
    with pytest.raises(error, match=text):
        call()
