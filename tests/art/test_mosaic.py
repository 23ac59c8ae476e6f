"""Mosaics: tiles where they fit, and not twice near by."""

import jax
import numpy as np
import pytest

from clusterart_jax._errors import ConfigError, DataError
from clusterart_jax.art import draw_mosaic, mosaic
from clusterart_jax.art._mosaic import _choices, _looks
from clusterart_jax.cluster import kmeans

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def tiles():
    """300 tiles 8×8 of two colours each, upper and lower half."""
    rng = np.random.default_rng(0)
    halves = rng.integers(0, 256, (300, 2, 1, 3), np.uint8)
    return halves.repeat(4, axis=1).repeat(8, axis=2)


@pytest.fixture(scope="module")
def image():
    y, x = np.mgrid[:60, :80]
    return np.stack([3 * x, 4 * y, 255 - 3 * x], axis=2).astype(np.uint8)


def test_a_picture_of_its_own_tiles_is_found_again(tiles):
    places = np.arange(300).reshape(15, 20)
    picture = tiles[places].transpose(0, 2, 1, 3, 4).reshape(120, 160, 3)
    found = mosaic(KEY, picture, tiles, 20)
    assert np.array_equal(found.tiles, places)
    assert found.error < 1e-3
    assert np.array_equal(draw_mosaic(found, tiles, tint=0.0), picture)


def test_choices_are_nearly_those_of_brute_force(tiles):
    looks = _looks(tiles)
    places = _looks(np.random.default_rng(1).integers(0, 256, (200, 4, 4, 3), np.uint8))
    clusters = kmeans(KEY, looks, 17)
    labels, centers = np.asarray(clusters.labels), np.asarray(clusters.centers)
    square = np.sum((places[:, None] - looks[None]) ** 2, axis=2)
    choice, costs = _choices(places, looks, labels, centers, 128)
    assert np.allclose(costs, np.take_along_axis(square, choice, axis=1), atol=1e-3)
    assert (np.diff(costs, axis=1) >= 0).all()
    assert (costs[:, 0] <= square.min(axis=1) * 1.001).mean() > 0.9


def test_repeats_keep_apart(tiles):
    flat = np.full((80, 80), 128, np.uint8)

    def nearest_repeat(**options):
        laid = mosaic(KEY, flat, tiles, 20, **options).tiles
        y, x = np.mgrid[:20, :20]
        far = np.hypot(y.ravel()[:, None] - y.ravel(), x.ravel()[:, None] - x.ravel())
        same = laid.ravel()[:, None] == laid.ravel()
        np.fill_diagonal(same, False)
        return np.where(same, far, np.inf).min(axis=1)

    assert (nearest_repeat(variety=0.0) == 1).all()
    assert (nearest_repeat(variety=100.0, apart=4) > 4).mean() > 0.99


def test_tint_brings_means_to_those_of_the_picture(tiles, image):
    found = mosaic(KEY, image, tiles, 16)
    assert found.tiles.shape == (12, 16)
    wanted = image.reshape(12, 5, 16, 5, 3).mean(axis=(1, 3))
    assert np.allclose(found.colors * 255, wanted, atol=0.5)
    off = []
    for tint in (0.0, 0.5, 1.0):
        laid = draw_mosaic(found, tiles, tint=tint).reshape(12, 8, 16, 8, 3).mean(axis=(1, 3))
        off.append(np.abs(laid - wanted).mean())
    assert off[2] < off[1] < off[0]
    assert off[2] < 8


def test_grey_tiles_and_clear_places(image):
    greys = np.repeat(np.arange(0, 256, 5, dtype=np.uint8), 16).reshape(-1, 4, 4, 1)
    clear = np.dstack([image, np.full((60, 80), 255, np.uint8)])
    clear[:30, :, 3] = 0
    found = mosaic(KEY, clear, greys, 8)
    assert (found.tiles[:3] == -1).all()
    assert (found.tiles[3:] >= 0).all()
    picture = draw_mosaic(found, greys, tint=0.0)
    assert (picture[:12] == 255).all()
    assert (picture[..., 0] == picture[..., 2]).all()


def test_one_tile_and_the_same_key(tiles, image):
    assert (mosaic(KEY, image, tiles[:1], 5).tiles == 0).all()
    assert np.array_equal(mosaic(KEY, image, tiles, 9).tiles, mosaic(KEY, image, tiles, 9).tiles)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"tiles": np.zeros((3, 2, 2, 3), np.uint8)}, ValueError, "at least 4×4"),
        ({"columns": 0}, ConfigError, "columns must be between"),
        ({"apart": 21}, ConfigError, "apart must be between"),
        ({"variety": -1.0}, ConfigError, "variety must be at least 0"),
        ({"image": np.zeros((9, 9, 4), np.uint8)}, DataError, "visible"),
        ({"image": np.zeros((900, 9), np.uint8)}, ConfigError, "rows"),
    ],
)
def test_what_cannot_be(tiles, image, options, error, text):
    with pytest.raises(error, match=text):
        mosaic(KEY, **{"image": image, "tiles": tiles, "columns": 64, **options})


def test_what_cannot_be_laid(tiles, image):
    found = mosaic(KEY, image, tiles, 9)
    with pytest.raises(ConfigError, match="tint must be"):
        draw_mosaic(found, tiles, tint=1.5)
    huge = np.broadcast_to(tiles[:1, :1, :1], (300, 4000, 4000, 3))
    with pytest.raises(ConfigError, match="too many"):
        draw_mosaic(found, huge)
