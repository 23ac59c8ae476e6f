"""Squares of another size."""

import numpy as np
import pytest
from PIL import Image

from clusterart_jax._errors import ConfigError
from clusterart_jax.data import resize


@pytest.mark.parametrize("depth", [1, 3])
def test_a_smooth_ramp_keeps_its_values(depth):
    ramp = np.repeat(np.linspace(0, 255, 64)[None, :], 64, axis=0)
    images = np.repeat(ramp[None, :, :, None], depth, axis=-1).astype(np.uint8)
    small = resize(images, 8)
    assert small.shape == (1, 8, 8, depth)
    expected = ramp.reshape(64, 8, 8).mean(axis=2)[0]
    np.testing.assert_allclose(small[0, 3, 1:-1, 0], expected[1:-1], atol=2)


@pytest.mark.parametrize("turned", [False, True])
def test_the_square_is_the_centre_of_the_whole_picture_scaled(turned):
    noise = np.random.default_rng(0).integers(0, 256, (8, 24), dtype=np.uint8)
    whole = np.asarray(Image.fromarray(noise).resize((12, 4), Image.Resampling.LANCZOS))
    picture, expected = (noise.T, whole[:, 4:8].T) if turned else (noise, whole[:, 4:8])
    np.testing.assert_allclose(resize(picture[None, ..., None], 4)[0, ..., 0], expected, atol=1)


def test_an_odd_margin_is_shared_by_halves_of_pixels():
    ramp = np.tile(np.arange(0, 90, 10, dtype=np.uint8), (4, 1))  # 9 wide: margins of 2.5
    left, *_, right = resize(ramp[None, ..., None], 4)[0, 0, :, 0]
    assert (left, right) == (25, 55)


def test_fine_stripes_become_grey_not_stripes():
    stripes = np.zeros((1, 60, 60, 1), np.uint8)
    stripes[:, :, ::2] = 255
    np.testing.assert_allclose(resize(stripes, 7), 127.5, atol=12)


def test_enlarging_and_single_pixels():
    np.testing.assert_array_equal(resize(np.full((2, 1, 1, 3), 9, np.uint8), 16), 9)


def test_the_same_size_is_the_same_array():
    images = np.zeros((2, 6, 6, 1), np.uint8)
    assert resize(images, 6) is images


def test_size_is_checked():
    with pytest.raises(ConfigError, match="size must be a whole number from 4 to 4096, not 0"):
        resize(np.zeros((1, 8, 8, 1), np.uint8), 0)
