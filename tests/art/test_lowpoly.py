"""Low-poly: triangles that fill the picture, in the colours of what they cover."""

import jax
import numpy as np
import pytest

from clusterart_jax._errors import ConfigError
from clusterart_jax.art import draw_lowpoly, lowpoly, raster

KEY = jax.random.key(0)
HALVES = np.zeros((40, 60, 3), np.uint8)
HALVES[:, :31], HALVES[:, 31:] = (220, 40, 20), (20, 60, 200)


@pytest.fixture(scope="module")
def found():
    return lowpoly(KEY, HALVES, 80)


def areas(found):
    corners = found.points[found.triangles]
    return np.abs(np.linalg.det(corners[:, 1:] - corners[:, :1])) / 2


def test_triangles_fill_the_picture(found):
    assert areas(found).sum() == pytest.approx(40 * 60, rel=1e-6)
    corners = {tuple(p) for p in found.points.round(9).tolist()}
    assert {(0, 0), (60, 0), (0, 40), (60, 40)} <= corners
    assert (found.points >= 0).all()
    assert (found.points <= (60, 40)).all()


def test_points_gather_along_edges(found):
    near = np.abs(found.points[:, 0] - 31) < 4
    assert near.mean() > 3 * 8 / 60 * 0.8
    even = lowpoly(KEY, HALVES, 80, evenness=100.0)
    assert (np.abs(even.points[:, 0] - 31) < 4).mean() < 0.2


def test_colours_are_means(found):
    middle = found.points[found.triangles].mean(axis=1)
    left = middle[:, 0] < 25
    assert np.allclose(found.colors[left] * 255, (220, 40, 20), atol=0.6)
    whole = (areas(found)[:, None] * found.colors).sum(axis=0) / (40 * 60)
    assert np.allclose(whole * 255, HALVES.mean(axis=(0, 1)), atol=3)
    assert (found.alpha == 1).all()


def test_the_picture_is_seen(found):
    picture = raster(draw_lowpoly(found), 2)[::2, ::2].astype(int)
    assert np.abs(picture - HALVES).mean() < 8


def test_clear_triangles_are_left_out():
    clear = np.dstack([HALVES, np.full((40, 60), 255, np.uint8)])
    clear[:, :31, 3] = 0
    found = lowpoly(KEY, clear, 60)
    drawing = draw_lowpoly(found)
    assert 0.2 < len(drawing.marks) / len(found.triangles) < 0.9
    assert min(mark.rings[0][:, 0].max() for mark in drawing.marks) > 31
    for mark in drawing.marks:
        assert np.allclose(mark.color * 255, (20, 60, 200), atol=2)


@pytest.mark.parametrize("shape", [(1, 1), (2, 300, 3)])
def test_any_shape(shape):
    found = lowpoly(KEY, np.full(shape, 90, np.uint8), 40)
    assert areas(found).sum() == pytest.approx(shape[0] * shape[1], rel=1e-6)
    assert np.allclose(found.colors * 255, 90, atol=0.01)


def test_the_same_key_gives_the_same_triangles(found):
    assert np.array_equal(found.points, lowpoly(KEY, HALVES, 80).points)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"n_points": 2}, "n_points must be between 3"),
        ({"evenness": 0.0}, "evenness must be above"),
    ],
)
def test_what_cannot_be(options, text):
    with pytest.raises(ConfigError, match=text):
        lowpoly(KEY, HALVES, **options)


@pytest.mark.parametrize("scale", [0.5, 1, 2, 5])
def test_no_paper_shines_through_between_triangles(scale):
    flat = np.full((50, 70, 3), (200, 30, 40), np.uint8)
    pixels = raster(draw_lowpoly(lowpoly(KEY, flat, 40)), scale)
    assert (pixels == flat[0, 0]).all()
