"""Flat labels: the nearest colour, or one near what is around."""

import jax
import jax.numpy as jnp
import numpy as np

from clusterart_jax.art import palette
from clusterart_jax.art._flat import flat_labels, told_apart
from clusterart_jax.art._photo import photo
from clusterart_jax.art._regions import connected
from clusterart_jax.features import oklab_to_srgb, srgb_to_oklab

COLORS = np.array([[0.9, 0.2, 0.1], [0.1, 0.3, 0.8], [0.2, 0.6, 0.3]])


def noisy(spread):
    """A disc on a ground, in the first two colours."""
    y, x = np.mgrid[:60, :70]
    ideal = (np.hypot(y - 30, x - 35) < 20).astype(int)
    noise = np.random.default_rng(0).normal(0, spread, (60, 70, 3))
    return ideal, np.clip(255 * (COLORS[ideal] + noise), 0, 255).astype(np.uint8)


def test_without_smoothness_the_nearest():
    small = photo(noisy(0.3)[1], 10**6)
    lab = np.asarray(srgb_to_oklab(jnp.asarray(small.rgb)))
    centers = np.asarray(srgb_to_oklab(jnp.asarray(COLORS)))
    square = np.sum((lab[:, :, None] - centers) ** 2, axis=3)
    assert np.array_equal(flat_labels(small, COLORS, 0.0), square.argmin(axis=2))


def test_smoothness_finds_the_disc_in_noise():
    ideal, image = noisy(0.45)
    small = photo(image, 10**6)
    alone, smooth = flat_labels(small, COLORS, 0.0), flat_labels(small, COLORS, 8.0)
    assert (alone != ideal).mean() > 0.2
    assert (smooth != ideal).mean() < 0.05
    assert connected(smooth).max() < connected(alone).max() / 20


def test_clear_pixels_have_no_colour():
    image = np.dstack([noisy(0)[1], np.full((60, 70), 255, np.uint8)])
    image[:5, :, 3] = 0
    found = flat_labels(photo(image, 10**6), COLORS, 8.0)
    assert (found[:5] == -1).all()
    assert (found[5:] >= 0).all()


def test_colours_that_look_alike_are_one():
    lab = jnp.array([[0.5, 0.0, 0.0], [0.51, 0, 0], [0.9, 0, 0], [0.3, 0.1, 0]])
    shades = np.rint(255 * np.asarray(oklab_to_srgb(lab))).astype(np.uint8)
    image = np.repeat(shades[[0, 1, 1, 2, 3]], 8, axis=0)[:, None].repeat(4, axis=1)
    found = palette(jax.random.key(0), image, 4)
    assert len(found.colors) == 4
    kept = np.rint(255 * told_apart(found)).astype(int)
    assert sorted(kept.tolist()) == sorted(shades[[1, 2, 3]].tolist()), "the larger one is kept"
