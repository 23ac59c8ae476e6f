"""Posters and sheets to paint: few colours, no area too small, a number in each."""

import jax
import numpy as np
import pytest

from clusterart_jax._errors import ConfigError, DataError
from clusterart_jax.art import (
    Words,
    draw_numbers,
    draw_poster,
    paint_by_numbers,
    posterize,
    raster,
)

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def photograph():
    from sklearn.datasets import load_sample_image

    return load_sample_image("flower.jpg")[60:340:2, 120:500:2]


@pytest.fixture(scope="module")
def poster(photograph):
    return posterize(KEY, photograph, 6, smallest=8)


def test_areas_are_large_and_wide_enough(poster, photograph):
    assert poster.area_sizes.min() >= 64
    assert poster.room.min() >= 0.35 * 8 - 0.3
    assert poster.area_sizes.sum() == pytest.approx(photograph[..., 0].size)
    assert len(poster.rings) == len(poster.area_colors) == len(poster.places) > 10


def test_shares_belong_to_the_colours(poster):
    share = np.bincount(poster.area_colors, poster.area_sizes)
    assert np.allclose(share / share.sum(), poster.shares)
    assert (np.diff(poster.shares) <= 0).all()
    assert len(poster.colors) == len(share) <= 6


def test_places_lie_in_their_areas(poster, photograph):
    picture = raster(draw_poster(poster), 4)
    x, y = (4 * poster.places.T).astype(int)
    wanted = np.rint(255 * poster.colors[poster.area_colors])
    assert (abs(picture[y, x] - wanted) <= 1).all()
    assert (picture == 255).all(axis=2).mean() < 1e-3, "no paper between the areas"
    near = np.abs(picture[2::4, 2::4].astype(int) - photograph).mean()
    assert near < 30


def test_alpha_stays_empty(photograph):
    clear = np.dstack([photograph, np.full(photograph.shape[:2], 255, np.uint8)])
    clear[:, :90, 3] = 0
    found = posterize(KEY, clear, 4, smallest=8)
    points = np.concatenate([ring for rings in found.rings for ring in rings])
    assert points[:, 0].min() > 87
    assert found.area_sizes.sum() == pytest.approx(140 * 100, rel=0.02)
    assert (raster(draw_poster(found), 1)[:, :80] == 255).all()
    with pytest.raises(DataError, match="visible"):
        posterize(KEY, np.zeros((20, 20, 4), np.uint8), 4)


@pytest.mark.parametrize("shape", [(1, 1), (16, 16, 1), (3, 200, 3)])
def test_any_shape(shape):
    found = posterize(KEY, np.full(shape, 90, np.uint8), 5, smallest=1)
    assert found.shares.tolist() == [1.0]
    assert np.allclose(found.colors * 255, 90, atol=0.6)


def test_the_same_key_gives_the_same_poster(photograph, poster):
    again = posterize(KEY, photograph, 6, smallest=8)
    assert all(map(np.array_equal, poster.lines, again.lines))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"n_colors": 1}, "n_colors must be between 2 and 64"),
        ({"smallest": -1.0}, "smallest must be at least 0"),
        ({"smoothness": float("inf")}, "smoothness must be at least 0"),
    ],
)
def test_what_cannot_be(options, text):
    with pytest.raises(ConfigError, match=text):
        posterize(KEY, np.zeros((20, 20), np.uint8), **options)


def test_every_area_has_its_number_inside(photograph):
    sheet = paint_by_numbers(KEY, photograph, 6, smallest_mm=10)
    poster = sheet.poster
    assert sheet.paper == (297.0, 210.0)
    assert poster.area_sizes.min() * sheet.mm**2 >= 100
    drawing = draw_numbers(sheet)
    words = [m for m in drawing.marks if isinstance(m, Words)][: len(poster.colors)]
    assert [w.text for w in words] == [str(i + 1) for i in range(len(poster.colors))]
    assert sum(len(w.sizes) for w in words) == len(poster.rings)
    for i, mark in enumerate(words):
        half = np.hypot(0.73, 0.64 * len(mark.text)) / 2 * mark.sizes
        assert (half <= poster.room[poster.area_colors == i] * sheet.mm).all()
    everything = np.concatenate(
        [line for m in drawing.marks if hasattr(m, "paths") for line in m.paths]
    )
    assert (everything >= 0).all()
    assert (everything <= sheet.paper).all()


def test_a_painted_sheet_has_no_numbers_in_the_picture(photograph):
    sheet = paint_by_numbers(KEY, photograph[:, :100], 4, smallest_mm=12)
    assert sheet.paper == (210.0, 297.0)
    texts = [m.text for m in draw_numbers(sheet, painted=True).marks if isinstance(m, Words)]
    assert len(texts) == 2 * len(sheet.poster.colors)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"smallest_mm": 0.0}, "smallest_mm must be above 0"),
        ({"paper_mm": (50.0, 90.0)}, "paper_mm must be at least 60"),
        ({"paper_mm": (60.0, 90.0), "n_colors": 60}, "no room for 60 colours"),
    ],
)
def test_what_a_sheet_cannot_be(options, text):
    with pytest.raises(ConfigError, match=text):
        paint_by_numbers(KEY, np.zeros((20, 20), np.uint8), **options)
