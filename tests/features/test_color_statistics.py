"""Statistics of colours, against NumPy and by hand."""

import jax
import numpy as np
import pytest

from clusterart_jax import features
from clusterart_jax.features import color_statistics, srgb_to_oklab

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (5, 12, 9, 3), np.uint8)


def lab_of(image):
    return np.asarray(srgb_to_oklab(image.reshape(-1, 3) / 255.0))


def test_moments_are_those_of_numpy():
    rows = np.asarray(color_statistics(IMAGES))
    for row, image in zip(rows, IMAGES, strict=True):
        lab = lab_of(image)
        offset = lab - lab.mean(axis=0)
        deviation = lab.std(axis=0)
        chroma = np.hypot(lab[:, 1], lab[:, 2])
        np.testing.assert_allclose(row[:3], lab.mean(axis=0), atol=1e-5)
        np.testing.assert_allclose(row[3:6], 4 * deviation, atol=1e-4)
        np.testing.assert_allclose(
            np.sinh(row[6:9]), (offset**3).mean(axis=0) / deviation**3, atol=0.01
        )
        np.testing.assert_allclose(
            np.exp(row[9:12]), (offset**4).mean(axis=0) / deviation**4, rtol=0.01
        )
        pairs = np.corrcoef(lab.T)[[0, 0, 1], [1, 2, 2]]
        np.testing.assert_allclose(row[12:15], pairs, atol=0.01)
        np.testing.assert_allclose(row[15:17], [4 * chroma.mean(), 4 * chroma.std()], atol=1e-4)


def test_histograms_are_shares_and_hold_the_means():
    rows = np.asarray(color_statistics(IMAGES))
    light, both = rows[:, 17:25] ** 2, rows[:, 25:].reshape(-1, 9, 9) ** 2
    np.testing.assert_allclose(light.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(both.sum(axis=(1, 2)), 1, atol=1e-5)
    # A colour between two middles is shared so that the mean stays where it was.
    middles = np.linspace(-0.28, 0.28, 9)
    for image, bins, share in zip(IMAGES, both, light, strict=True):
        lab = lab_of(image)
        inside = np.clip(lab[:, 1:], -0.28, 0.28).mean(axis=0)
        np.testing.assert_allclose(
            [bins.sum(1) @ middles, bins.sum(0) @ middles], inside, atol=1e-5
        )
        np.testing.assert_allclose(share @ np.linspace(0, 1, 8), lab[:, 0].mean(), atol=1e-5)


def test_places_of_pixels_do_not_matter():
    mixed = IMAGES.reshape(5, -1, 3)[:, RNG.permutation(12 * 9)].reshape(IMAGES.shape)
    np.testing.assert_allclose(color_statistics(mixed), color_statistics(IMAGES), atol=2e-5)


def test_grey_is_three_equal_channels_and_flat_pictures_are_finite():
    grey = IMAGES[..., :1]
    np.testing.assert_allclose(
        color_statistics(grey), color_statistics(grey.repeat(3, axis=3)), atol=1e-6
    )
    flat = np.asarray(color_statistics(np.zeros((1, 4, 4, 1), np.uint8)))
    np.testing.assert_allclose(flat[0, :15], 0, atol=1e-6)
    assert np.isfinite(flat).all()


@pytest.mark.parametrize("call", [color_statistics, features.texture_statistics])
def test_under_jit_and_alone_the_same(call):
    alone = np.concatenate([call(image[None]) for image in IMAGES])
    np.testing.assert_allclose(jax.jit(call)(IMAGES), alone, atol=2e-4)


@pytest.mark.parametrize("call", [color_statistics, features.texture_statistics])
def test_what_is_no_picture_is_refused(call):
    with pytest.raises(ValueError, match="1 or 3 channels, not 4"):
        call(np.zeros((1, 8, 8, 4), np.uint8))
    with pytest.raises(TypeError, match="uint8"):
        call(np.zeros((1, 8, 8, 3), np.float32))
    with pytest.raises(ValueError, match="shape"):
        call(np.zeros((8, 8, 3), np.uint8))
