"""Stippling: as much ink as darkness, in the places where it is dark."""

import jax
import numpy as np
import pytest

from clusterart_jax._errors import ConfigError, DataError
from clusterart_jax.art import draw_stipple, stipple

KEY = jax.random.key(0)
DISC = np.where(np.hypot(*(np.mgrid[:40, :60] - np.array([20, 20])[:, None, None])) < 12, 0, 255)
DISC = DISC.astype(np.uint8)


@pytest.fixture(scope="module")
def dots():
    return stipple(KEY, DISC, 150, levels=0)


def test_ink_is_darkness_and_lies_where_it_is_dark(dots):
    assert np.sum(np.pi * dots.radii**2) == pytest.approx((DISC == 0).sum(), rel=0.01)
    assert np.hypot(*(dots.points - 20.5).T).max() < 12.5
    assert dots.size == (40, 60)
    assert dots.colors.mean() < 0.1, "ink of a black disc"


def test_dots_keep_apart(dots):
    far = np.sqrt(np.sum((dots.points[:, None] - dots.points[None]) ** 2, axis=2))
    np.fill_diagonal(far, np.inf)
    spacing = np.sqrt((DISC == 0).sum() / 150)
    assert far.min(axis=1).min() > 0.5 * spacing
    assert dots.radii.std() < 0.15 * dots.radii.mean()


def test_the_same_key_gives_the_same_dots(dots):
    again = stipple(KEY, DISC, 150, levels=0)
    assert np.array_equal(dots.points, again.points)
    assert not np.array_equal(dots.points, stipple(jax.random.key(1), DISC, 150).points)


def test_grey_colour_and_alpha_say_the_same(dots):
    rgb = DISC[..., None].repeat(3, axis=2)
    clear = np.zeros((40, 60, 4), np.uint8)
    clear[..., 3] = 255 - DISC  # black where it is seen
    for same in (DISC[..., None], rgb, clear):
        assert np.allclose(stipple(KEY, same, 150, levels=0).points, dots.points, atol=1e-3)


def test_tones():
    ramp = np.linspace(250, 5, 96).astype(np.uint8)[None].repeat(32, axis=0)
    found = stipple(KEY, ramp, 600, levels=0)
    ink = np.bincount((found.points[:, 0] // 16).astype(int), np.pi * found.radii**2, 6)
    dark = (1 - ramp / 255).reshape(32, 6, 16).sum(axis=(0, 2))
    assert np.allclose(ink, dark, rtol=0.12)
    lighter = stipple(KEY, ramp, 600, levels=0, gamma=2.0)
    assert lighter.points[:, 0].mean() > found.points[:, 0].mean() + 5


def test_levels_stretch_faint_pictures():
    faint = np.linspace(160, 90, 96).astype(np.uint8)[None].repeat(32, axis=0)
    share = [np.mean(stipple(KEY, faint, 300, levels=v).points[:, 0] > 48) for v in (0, 0.01)]
    assert share[0] < 0.62
    assert share[1] > 0.7


@pytest.mark.parametrize(("shape", "n"), [((1, 1), 3), ((2, 300, 1), 40)])
def test_any_shape(shape, n):
    found = stipple(KEY, np.full(shape, 90, np.uint8), n)
    assert found.points.shape == (n, 2)
    assert (found.points >= 0).all()
    assert (found.points <= shape[1::-1]).all()


def test_colours_of_places():
    halves = np.zeros((20, 40, 3), np.uint8)
    halves[:, :20], halves[:, 20:] = (200, 0, 0), (0, 0, 200)
    found = stipple(KEY, halves, 60)
    left = found.points[:, 0] < 18
    assert np.allclose(found.colors[left] * 255, (200, 0, 0), atol=12)
    drawing = draw_stipple(found, ink=None)
    assert sum(len(mark.radii) for mark in drawing.marks) == 60
    assert len(draw_stipple(found, spread=0.5).marks) == 1


@pytest.mark.parametrize(
    ("image", "options", "error", "text"),
    [
        (np.full((9, 9), 255, np.uint8), {}, DataError, "nothing to draw"),
        (np.zeros((9, 9, 4), np.uint8), {}, DataError, "nothing to draw"),
        (np.zeros((9, 9)), {}, TypeError, "uint8"),
        (np.zeros((9, 9, 2), np.uint8), {}, ValueError, "shape"),
        (DISC, {"n_points": 0}, ConfigError, "n_points must be between"),
        (DISC, {"gamma": 0.0}, ConfigError, "gamma must be above 0"),
        (DISC, {"levels": 0.5}, ConfigError, "levels must be"),
        (DISC, {"tol": float("nan")}, ConfigError, "tol must be above 0"),
    ],
)
def test_what_cannot_be(image, options, error, text):
    with pytest.raises(error, match=text):
        stipple(KEY, image, **options)
