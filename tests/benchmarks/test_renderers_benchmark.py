"""The losses of the renderers' cases, by hand."""

import jax
import numpy as np
import pytest

from benchmarks import renderers
from clusterart_jax import art


def test_each_case_has_a_name_of_its_own():
    names = [case.name for case in renderers.cases()]
    assert len(set(names)) == len(names) == 10
    assert {case.name for case in renderers.cases(quick=True)} < set(names)


def test_distance_to_dots():
    image = np.full((4, 4, 3), 255, np.uint8)
    image[1, 2] = 0
    assert renderers.spread(image, np.array([[2.5, 1.5]])) == pytest.approx(0, abs=1e-4)
    assert renderers.spread(image, np.array([[2.5, 4.5]])) == pytest.approx(9, rel=1e-3)


def test_squares_and_tiles():
    image = np.zeros((40, 80, 3), np.uint8)
    image[:, 40:] = 255
    cells = np.zeros((4, 8, 3), np.uint8)
    cells[:, 4:] = 255
    assert renderers.chart_error(image, cells) == pytest.approx(0, abs=1e-4)
    assert renderers.chart_error(image, 255 - cells) == pytest.approx(1, abs=1e-3)
    laid = np.zeros((1, 2, 24, 24, 3), np.uint8)
    laid[:, 1] = 255
    assert renderers.tile_error(image, laid) == pytest.approx(0, abs=1e-4)
    assert renderers.tile_error(image, 0 * laid) == pytest.approx(0.5**0.5, abs=1e-3)


def test_triangles():
    image = np.full((10, 20, 3), 51, np.uint8)
    corners = np.array([[0.0, 0], [20, 0], [20, 10], [0, 10]])
    triangles = np.array([[0, 1, 2], [0, 2, 3]])
    right = (corners, triangles, np.full((2, 3), 0.2))
    assert renderers.triangle_error(image, right) < 5e-4
    wrong = (corners, triangles, np.full((2, 3), 0.7))
    assert renderers.triangle_error(image, wrong) == pytest.approx(0.2525, abs=4e-3)


def test_tiles_are_all_made():
    tiles = renderers.tiles_of(np.zeros((4, 4, 3), np.uint8))
    assert tiles.shape == (4000, 24, 24, 3)
    assert len(np.unique(tiles.reshape(4000, -1)[:, ::97], axis=0)) > 3900


def test_posters():
    image = np.full((30, 40, 3), 90, np.uint8)
    poster = art.posterize(jax.random.key(0), image, 2, smallest=10)
    sheet = art.PaintByNumbers(poster, 1.0, (40.0, 30.0))
    assert renderers.poster_error(image, sheet) < 3e-3
    assert renderers.poster_error(0 * image, sheet) > 0.2
