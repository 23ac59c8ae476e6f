"""Charts: every square counted, every page needed, every symbol of its own."""

import jax
import numpy as np
import pytest

from clusterart_jax._errors import ConfigError, DataError
from clusterart_jax.art import Dots, Words, chart, chart_pages, draw_chart, raster
from clusterart_jax.art._chart import SYMBOLS

KEY = jax.random.key(0)
HALVES = np.zeros((40, 60, 3), np.uint8)
HALVES[:, :40], HALVES[:, 40:] = (220, 40, 20), (20, 60, 200)


@pytest.fixture(scope="module")
def found():
    return chart(KEY, HALVES, 30, 2)


def test_squares_by_hand(found):
    assert found.cells.shape == (20, 30)
    assert (found.cells[:, :20] == 0).all()
    assert (found.cells[:, 20:] == 1).all()
    assert found.counts.tolist() == [400, 200]
    assert np.rint(255 * found.colors).tolist() == [[220, 40, 20], [20, 60, 200]]


def test_single_squares_give_way():
    image = HALVES[:20, :30].copy()
    image[10, 10] = (20, 60, 200)
    image[:, 25:] = (20, 60, 200)
    assert chart(KEY, image, 30, 2, smoothness=0).cells[10, 10] == 1
    assert chart(KEY, image, 30, 2, smoothness=5).cells[10, 10] == 0


def test_clear_squares_stay_empty():
    clear = np.dstack([HALVES, np.full((40, 60), 255, np.uint8)])
    clear[:, :20, 3] = 0
    found = chart(KEY, clear, 30, 4)
    assert (found.cells[:, :10] == -1).all()
    assert found.counts.sum() == 400
    with pytest.raises(DataError, match="visible"):
        chart(KEY, np.zeros((9, 9, 4), np.uint8), 9)


def test_a_symbol_in_each_square_and_numbers_along_the_sides(found):
    drawing = draw_chart(found)
    words = [mark for mark in drawing.marks if isinstance(mark, Words)]
    inside = [mark for mark in words if len(mark.places) > 1]
    assert [(m.text, len(m.places)) for m in inside] == [(SYMBOLS[0], 400), (SYMBOLS[1], 200)]
    texts = [mark.text for mark in words]
    assert [texts.count(t) for t in ("10", "20", "30")] == [2, 2, 1]
    assert "400" in texts
    assert "600 in 2 colours, 30 × 20" in texts
    picture = raster(drawing, 5)
    column, row = (int(5 * (10 + 4 * (i + 0.08))) + 1 for i in (25, 5))
    assert picture[row, column].tolist() == [20, 60, 200]


def test_beads_are_round(found):
    dots = [mark for mark in draw_chart(found, "beads").marks if isinstance(mark, Dots)]
    assert [len(mark.radii) for mark in dots] == [400, 200]
    assert dots[0].centers[0].tolist() == [12, 12]


@pytest.mark.parametrize("kind", ["stitch", "beads"])
def test_pages_hold_every_square_once(kind):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (90, 130, 1), np.uint8)
    found = chart(KEY, image, 130, 3, smoothness=0)
    pages = chart_pages(found, kind)
    inside = 0
    for page in pages[1:]:
        for mark in page.marks:
            points = mark.places if isinstance(mark, Words) else np.zeros((1, 2))
            inside += len(points) if isinstance(mark, Words) and mark.anchor == "center" else 0
            assert (points >= 0).all()
            assert (points <= (page.width, page.height)).all()
    assert inside == 90 * 130
    wide, high = (50, 70) if kind == "stitch" else (58, 58)
    assert len(pages) == 1 + -(-130 // wide) * -(-90 // high)


def test_symbols_are_there_for_all_and_differ():
    assert len(SYMBOLS) >= 64
    assert len(set(SYMBOLS)) == len(SYMBOLS)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"columns": 3}, "columns must be between 4"),
        ({"n_colors": 65}, "n_colors must be between 1 and 64"),
        ({"smoothness": -1.0}, "smoothness must be at least 0"),
    ],
)
def test_what_cannot_be(options, text):
    with pytest.raises(ConfigError, match=text):
        chart(KEY, HALVES, **options)


def test_what_cannot_be_drawn(found):
    with pytest.raises(ConfigError, match="did you mean 'beads'"):
        draw_chart(found, "bead")
    with pytest.raises(ConfigError, match="at least 100 by 100"):
        chart_pages(found, paper_mm=(50.0, 300.0))
