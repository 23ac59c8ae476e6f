import numpy as np
import pytest

from clusterart_jax.report import contact_sheet
from clusterart_jax.report._sheets import _area_weights, enlargement, numbered, shrink


def test_every_pixel_of_a_sheet_is_where_it_should_be():
    images = np.array([10, 20, 30], np.uint8).reshape(3, 1, 1, 1)
    sheet = contact_sheet(images, 2, scale=2, gap=1, background=9)
    by_hand = [
        [10, 10, 9, 20, 20],
        [10, 10, 9, 20, 20],
        [9, 9, 9, 9, 9],
        [30, 30, 9, 9, 9],
        [30, 30, 9, 9, 9],
    ]
    for channel in range(3):
        assert sheet[..., channel].tolist() == by_hand
    assert sheet.dtype == np.uint8


def test_colours_and_oblong_pictures_are_kept_apart():
    images = np.zeros((2, 1, 2, 3), np.uint8)
    images[0, 0, 1] = 1, 2, 3
    images[1, 0, 0] = 4, 5, 6
    sheet = contact_sheet(images, 1, scale=1, gap=0)
    assert sheet.tolist() == [[[0, 0, 0], [1, 2, 3]], [[4, 5, 6], [0, 0, 0]]]


def test_places_after_the_last_picture_stay_empty():
    sheet = contact_sheet(np.zeros((1, 4, 4, 1), np.uint8), 3, scale=1, gap=2)
    assert sheet.shape == (4, 16, 3)
    assert (sheet[:, 4:] == 255).all()
    assert (sheet[:, :4] == 0).all()


@pytest.mark.parametrize("side", [1, 8, 16, 20, 28, 32, 64])
def test_small_pictures_grow_to_about_64_pixels(side):
    assert 48 <= side * enlargement(side, side) <= 64
    assert contact_sheet(np.zeros((1, side, side, 1), np.uint8), 1).shape[0] <= 64


@pytest.mark.parametrize(
    ("images", "options", "word"),
    [
        (np.zeros((0, 8, 8, 1), np.uint8), {}, "none"),
        (np.zeros((2, 8, 8), np.uint8), {}, "shape"),
        (np.zeros((2, 8, 8, 2), np.uint8), {}, "channels"),
        (np.zeros((2, 8, 8, 1)), {}, "uint8"),
        (np.zeros((2, 8, 8, 1), np.uint8), {"columns": 0}, "columns"),
        (np.zeros((2, 8, 8, 1), np.uint8), {"scale": 0}, "scale"),
        (np.zeros((2, 8, 8, 1), np.uint8), {"gap": -1}, "gap"),
        (np.zeros((2, 8, 8, 1), np.uint8), {"background": 256}, "background"),
    ],
)
def test_what_is_no_sheet_is_refused_by_name(images, options, word):
    with pytest.raises(ValueError, match=word):
        contact_sheet(images, **({"columns": 2} | options))


def test_shrinking_takes_the_mean_over_areas():
    image = np.array([[0, 100, 200, 100]] * 4, np.uint8)[None, ..., None]
    assert shrink(image, 2)[0, ..., 0].tolist() == [[50, 150], [50, 150]]
    # 3 → 2: each new pixel is one old one and half of the middle one.
    assert shrink(np.array([[0, 90, 180]] * 3, np.uint8)[None, ..., None], 2)[
        0, 0, :, 0
    ].tolist() == [30, 150]
    assert shrink(image, 4) is image
    assert shrink(np.zeros((300, 10, 5, 3), np.uint8), 4).shape == (300, 4, 2, 3)


@pytest.mark.parametrize(("old", "new"), [(3, 2), (100, 64), (65, 64), (7, 1)])
def test_area_weights_share_out_every_old_pixel(old, new):
    weights = _area_weights(old, new)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(weights.sum(axis=0), new / old, rtol=1e-5)


def test_a_number_is_drawn_in_the_colour_of_its_cluster():
    strip = numbered(np.zeros((20, 3, 3), np.uint8), 1, "#ffff00", width=20)
    assert strip.shape == (20, 23, 3)
    field = (strip[:, :20] == 0).all(axis=2)  # black on yellow
    rows, columns = np.nonzero(field)
    # A "1" of 3 × 5 pixels, twice enlarged: 1 + … set bits by hand: 010 110 010 010 111.
    assert field.sum() == 4 * (1 + 2 + 1 + 1 + 3)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (5, 14, 7, 12)
