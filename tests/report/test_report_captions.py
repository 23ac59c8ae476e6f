"""Sheets with words, and the page of styles."""

import numpy as np

from clusterart_jax.report import StylePart, captioned_sheet, style_sheet, write_styles_page
from clusterart_jax.report import _captions as captions

RNG = np.random.default_rng(0)


def test_pictures_lie_whole_in_their_places():
    images = list(RNG.integers(0, 256, (5, 20, 30, 3), np.uint8))
    sheet = captioned_sheet(images, ["one", "two", "", "four", "$x_1$ & <b>"], 3)
    assert sheet.shape == (48 + 2 * (20 + 30) + 8, 48 + 3 * 30 + 2 * 8, 3)
    for i, image in enumerate(images):
        y, x = 24 + (i // 3) * 58, 24 + (i % 3) * 38
        assert np.array_equal(sheet[y : y + 20, x : x + 30], image)
    assert (sheet[44:74, 24:54] < 128).any()  # ink below the first
    assert (sheet[44:74, 100:] == 255).all()  # and none below the third


def test_without_captions_there_is_no_room_for_them():
    sheet = captioned_sheet(list(RNG.integers(0, 9, (4, 20, 30, 3), np.uint8)), [""] * 4, 2)
    assert sheet.shape == (48 + 2 * 20 + 8, 48 + 2 * 30 + 8, 3)


def test_a_style_shows_its_pictures_and_shares():
    typical = list(RNG.integers(0, 256, (7, 40, 40, 3), np.uint8))
    swatch = RNG.integers(0, 256, (10, 10, 3), np.uint8)
    shares = np.array([0.75, 0.25])
    sheet = style_sheet("name", "about", typical, swatch, ["#ff0000", "#0000ff"], shares)
    top, side = 24 + 64, 3 * 40 + 2 * 8
    assert np.array_equal(sheet[top : top + 40, 24:64], typical[0])
    assert np.array_equal(sheet[top + 48 : top + 88, 24:64], typical[4])
    bar = sheet[top + side + 16 + 2]
    red = (bar == (255, 0, 0)).all(axis=1).sum()
    blue = (bar == (0, 0, 255)).all(axis=1).sum()
    assert red + blue == sheet.shape[1] - 48
    assert abs(red / (red + blue) - 0.75) < 0.01


def test_twice_as_large_is_linear_between_middles():
    image = np.zeros((1, 2, 3), np.uint8)
    image[:, 1] = 200
    assert captions._doubled(image)[:, :, 0].tolist() == [[0, 50, 150, 200]] * 2


def test_the_page_escapes_what_people_write(tmp_path):
    part = StylePart(0, "<script>", 3, 0.5, b"png", ["a<b>.png", "\udcff.png"], [("#102030", 1.0)])
    write_styles_page(tmp_path / "r.html", "T & T", "about", [part], ["a note <i>"])
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "a&lt;b&gt;.png" in page
    assert "a note &lt;i&gt;" in page
    assert "T &amp; T" in page
    assert "#102030" in page
    assert "3 pictures, 50.0% of all" in page
