"""Palettes: shares add up, the largest is first, and what was counted is what is there."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from clusterart_jax._errors import ConfigError, DataError
from clusterart_jax.art import palette, palettes, shared_palette
from clusterart_jax.features import srgb_to_oklab

KEY = jax.random.key(0)
RED, BLUE, GOLD = (255, 0, 0), (0, 0, 255), (255, 215, 0)


@pytest.fixture(scope="module")
def photograph():
    from sklearn.datasets import load_sample_image

    return load_sample_image("flower.jpg")[100:300, 200:440]


def stripes(*parts, width=12):
    """Rows of one colour each: (colour, how many)."""
    rows = [np.full((n, width, len(color)), color, np.uint8) for color, n in parts]
    return np.concatenate(rows)


def levels(colors):
    return np.round(255 * np.asarray(colors)).astype(int).tolist()


def test_a_flag_has_its_own_colours_in_the_order_of_area():
    found = palette(KEY, stripes((BLUE, 2), (RED, 5), (GOLD, 3)), 3)
    assert levels(found.colors) == [list(RED), list(GOLD), list(BLUE)]
    assert np.allclose(found.shares, [0.5, 0.3, 0.2])
    assert float(found.error) < 1e-5
    assert bool(found.converged)


def test_more_colours_than_there_are_give_what_there_is():
    found = palette(KEY, stripes((BLUE, 1), (RED, 3)), 3)
    assert levels(found.colors) == [list(RED), list(BLUE)]
    assert np.allclose(found.shares, [0.75, 0.25])


def test_of_one_colour_it_is_the_mean_in_oklab(photograph):
    found = palette(KEY, photograph, 1)
    points = np.asarray(srgb_to_oklab(photograph.reshape(-1, 3) / 255))
    assert np.allclose(found.centers[0], points.mean(axis=0), atol=2e-5)
    wanted = np.sqrt(((points - points.mean(axis=0)) ** 2).sum(axis=1).mean())
    assert np.isclose(float(found.error), wanted, rtol=1e-4)


def test_shares_are_of_the_nearest_colour(photograph):
    found = palette(KEY, photograph, 3)
    points = np.asarray(srgb_to_oklab(photograph.reshape(-1, 3) / 255))
    centers = np.asarray(found.centers, float)
    squares = ((points[:, None] - centers) ** 2).sum(axis=2)
    shares = np.bincount(squares.argmin(axis=1), minlength=3) / len(points)
    assert np.allclose(found.shares, shares, atol=1e-4)
    assert np.isclose(float(found.error) ** 2, squares.min(axis=1).mean(), rtol=1e-3)
    assert (np.diff(found.shares) <= 0).all()
    assert np.isclose(float(found.shares.sum()), 1)


def test_near_colours_together_change_a_palette_by_a_level_or_two(photograph, monkeypatch):
    exact = palette(KEY, photograph, 3)
    monkeypatch.setattr("clusterart_jax.art._counts.MOST", 2**12)
    binned = palette(KEY, photograph, 3)
    assert np.abs(exact.colors - binned.colors).max() < 2.5 / 255
    assert np.abs(exact.shares - binned.shares).max() < 0.01


def test_alpha_is_a_weight():
    image = np.concatenate(
        [stripes(((*RED, 255), 2)), stripes(((*BLUE, 51), 5)), stripes(((*GOLD, 0), 9))]
    )
    found = palette(KEY, image, 3)
    assert levels(found.colors) == [list(RED), list(BLUE)]
    assert np.allclose(found.shares, [2 / 3, 1 / 3])


def test_weights_are_counts():
    image = stripes((BLUE, 1), (RED, 3))
    weights = np.ones(image.shape[:2])
    weights[0] = 9
    assert np.allclose(palette(KEY, image, 2, sample_weight=weights).shares, [0.75, 0.25])
    weights[0] = 0
    assert levels(palette(KEY, image, 2, sample_weight=weights).colors) == [list(RED)]


def test_grey_is_colour_without_hue():
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    one, three = palette(KEY, grey, 3), palette(KEY, grey[..., None].repeat(3, axis=2), 3)
    assert np.array_equal(one.colors, three.colors)
    assert np.ptp(np.asarray(one.colors), axis=1).max() < 1e-3


def test_traced_and_on_the_host_agree(photograph):
    small = photograph[:48, :48]
    traced = jax.jit(lambda key, image: palette(key, image, 3, n_init=8))(KEY, small)
    host = palette(KEY, small, 3, n_init=8)
    assert np.allclose(traced.colors, host.colors, atol=1e-3)
    assert np.allclose(traced.shares, host.shares, atol=2e-3)


def test_traced_large_pictures_are_binned(photograph):
    traced = jax.jit(lambda key, image: palette(key, image, 1))(KEY, photograph)
    assert np.allclose(traced.colors, palette(KEY, photograph, 1).colors, atol=3e-3)


def test_many_pictures_are_each_by_itself():
    images = np.stack([stripes((a, 1), (b, 3), width=4) for a, b in ((RED, BLUE), (GOLD, RED))])
    found = palettes(KEY, images, 3)
    assert found.colors.shape == (2, 3, 3)
    assert levels(found.colors[:, :2]) == [[list(BLUE), list(RED)], [list(RED), list(GOLD)]]
    assert np.allclose(found.shares, [[0.75, 0.25, 0], [0.75, 0.25, 0]])
    by_vmap = jax.vmap(lambda image: palette(KEY, image, 3))(jnp.asarray(images))
    assert levels(by_vmap.colors) == levels(found.colors)


@pytest.mark.parametrize(("parts", "wanted"), [(1, 1), (2, 2), (5, 5)])
def test_auto_finds_how_many_colours_a_flat_picture_has(parts, wanted):
    colors = [RED, BLUE, GOLD, (0, 0, 0), (255, 255, 255)]
    found = palette(KEY, stripes(*((color, 2) for color in colors[:parts])))
    assert len(found.shares) == wanted


def test_auto_takes_no_two_colours_that_look_alike(photograph):
    found = palette(KEY, photograph[:40, :60], n_init=1)
    centers = np.asarray(found.centers)
    gaps = np.linalg.norm(centers[:, None] - centers, axis=2) + 9 * np.eye(len(centers))
    assert 2 <= len(centers) <= 12
    assert gaps.min() >= 0.05


def test_in_a_shared_palette_each_picture_counts_the_same():
    pictures = [stripes((RED, 2)), stripes((BLUE, 40)), stripes((BLUE, 1), (GOLD, 1), width=3)]
    found = shared_palette(KEY, iter(pictures), 3)
    assert levels(found.colors) == [list(BLUE), list(RED), list(GOLD)]
    assert np.allclose(found.shares, [1.5 / 3, 1 / 3, 0.5 / 3])


def test_same_key_same_palette(photograph):
    first, second = palette(KEY, photograph, 3), palette(KEY, photograph, 3)
    assert np.array_equal(first.colors, second.colors)


@pytest.mark.parametrize(
    ("image", "k", "error", "words"),
    [
        (np.zeros((4, 4, 2), np.uint8), 2, ValueError, "image must have shape"),
        (np.zeros((0, 4, 3), np.uint8), 2, ValueError, "image must have shape"),
        (np.zeros((4, 4, 3)), 2, TypeError, "uint8 values 0…255, not float64"),
        (np.zeros((4, 4, 3), np.uint8), 0, ValueError, "k must be between 1 and"),
        (np.zeros((4, 4, 3), np.uint8), "all", ConfigError, "k must be .*'auto', not 'all'"),
        (np.zeros((4, 4, 4), np.uint8), 2, DataError, "no pixel of it is visible"),
    ],
)
def test_what_cannot_be_is_named(image, k, error, words):
    with pytest.raises(error, match=words):
        palette(KEY, image, k)


def test_weights_that_cannot_be():
    image = stripes((RED, 2))
    with pytest.raises(ValueError, match=r"sample_weight must have shape \(2, 12\)"):
        palette(KEY, image, 1, sample_weight=np.ones(3))
    with pytest.raises(DataError, match="finite numbers, 0 or more"):
        palette(KEY, image, 1, sample_weight=np.full((2, 12), -1.0))
    with pytest.raises(DataError, match="there are none"):
        shared_palette(KEY, [], 2)
