"""Indexed PNG files: as small as their colours allow, and read back as they were."""

import struct

import numpy as np
import pytest
from PIL import Image

from clusterart_jax._errors import DataError, OutputError
from clusterart_jax.data import draw_text, read_picture, write_indexed_png

PIXELS = np.random.default_rng(0).integers(0, 5, (20, 30), np.uint8)
TABLE = np.random.default_rng(1).integers(0, 256, (5, 3), np.uint8)


@pytest.mark.parametrize(("k", "bits"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 4), (17, 8)])
def test_bits_are_as_few_as_the_colours_need(tmp_path, k, bits):
    table = np.random.default_rng(k).integers(0, 256, (k, 3), np.uint8)
    pixels = np.arange(24, dtype=np.uint8).reshape(4, 6) % k
    write_indexed_png(tmp_path / "a.png", pixels, table)
    depth, kind = struct.unpack(">BB", (tmp_path / "a.png").read_bytes()[24:26])
    assert (depth, kind) == (bits, 3)
    assert np.array_equal(read_picture(tmp_path / "a.png"), table[pixels])


def test_indices_and_colours_keep_their_order(tmp_path):
    write_indexed_png(tmp_path / "a.png", PIXELS, TABLE)
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.mode == "P"
        assert np.array_equal(np.asarray(picture), PIXELS)
        assert picture.getpalette()[:15] == TABLE.reshape(-1).tolist()


def test_alpha_is_kept(tmp_path):
    table = np.concatenate([TABLE, np.uint8([[0], [50], [255], [128], [255]])], axis=1)
    write_indexed_png(tmp_path / "a.png", PIXELS, table)
    assert np.array_equal(read_picture(tmp_path / "a.png"), table[PIXELS])


@pytest.mark.parametrize(
    ("indices", "colors", "words"),
    [
        (PIXELS[0], TABLE, "indices must be uint8"),
        (PIXELS.astype(int), TABLE, "indices must be uint8"),
        (PIXELS, TABLE / 255, "colors must be uint8"),
        (PIXELS, TABLE[:0], "k from 1 to 256"),
        (PIXELS, TABLE[:4], "4 has no colour, there are 4"),
    ],
)
def test_what_cannot_be_is_named_and_nothing_written(tmp_path, indices, colors, words):
    with pytest.raises(DataError, match=words):
        write_indexed_png(tmp_path / "a.png", indices, colors)
    assert list(tmp_path.iterdir()) == []


def test_no_folder(tmp_path):
    with pytest.raises(OutputError):
        write_indexed_png(tmp_path / "none" / "a.png", PIXELS, TABLE)


def test_text_is_where_it_was_told():
    white = np.full((60, 200, 3), 255, np.uint8)
    ink = [
        np.argwhere((draw_text(white, [("m", 100, 30, 20, (0, 0, 0), anchor)]) < 128).any(axis=2))
        for anchor in ("left", "middle", "right")
    ]
    assert all(20 <= dots[:, 0].mean() <= 40 for dots in ink)
    assert ink[0][:, 1].min() >= 99 >= ink[2][:, 1].max()
    assert abs(ink[1][:, 1].mean() - 100) < 2
    with pytest.raises(DataError, match="anchor must be one of"):
        draw_text(white, [("m", 1, 1, 9, (0, 0, 0), "top")])
    with pytest.raises(DataError, match="image must be uint8"):
        draw_text(white[..., 0], [])
