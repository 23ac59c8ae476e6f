"""Pictures of segments, by hand."""

import numpy as np
import pytest

from clusterart_jax._errors import ConfigError, DataError
from clusterart_jax.art import (
    Segments,
    cut_out,
    draw_labels,
    draw_means,
    draw_outlines,
    label_map,
    segment_mask,
)

LABELS = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 2, -1]], np.int32)
COLORS = np.array([[10, 20, 30], [40, 50, 60], [70, 80, 90]], np.uint8)


def made(labels=LABELS, colors=COLORS):
    sizes = np.bincount(labels[labels >= 0]).astype(np.int32)
    return Segments(labels, colors, sizes, np.zeros((len(sizes), 2), np.float32))


IMAGE = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)


def test_means():
    drawn = draw_means(made())
    assert drawn.shape == (3, 4, 4)
    assert drawn[0, 3].tolist() == [40, 50, 60, 255]
    assert drawn[2, 3].tolist() == [0, 0, 0, 0]
    full = np.maximum(LABELS, 0)
    assert draw_means(made(full)).shape == (3, 4, 3)
    grey = draw_means(made(full, COLORS[:, :1]))
    assert np.array_equal(grey, COLORS[:, :1][full])
    assert draw_means(made(LABELS, COLORS[:, :1]))[2, 0].tolist() == [70, 70, 70, 255]


def test_label_map():
    assert np.array_equal(label_map(made()), LABELS + 1)
    assert label_map(made()).dtype == np.uint8
    many = np.arange(300, dtype=np.int32)[None]
    deep = label_map(made(many, np.zeros((300, 3), np.uint8)))
    assert deep.dtype == np.uint16
    assert deep[0, -1] == 300
    most = np.arange(65536, dtype=np.int32)[None]
    with pytest.raises(DataError, match="65,535"):
        label_map(made(most, np.zeros((65536, 3), np.uint8)))


def test_colours_tell_neighbours_apart():
    some = np.arange(40, dtype=np.int32)[None]
    drawn = draw_labels(made(some, np.zeros((40, 3), np.uint8)))[0].astype(int)
    assert np.abs(np.diff(drawn, axis=0)).sum(axis=1).min() > 100
    assert len(np.unique(drawn, axis=0)) == 40


def test_masks():
    assert np.array_equal(segment_mask(made(), 1), LABELS == 1)
    assert np.array_equal(segment_mask(made(), np.int32(1)), LABELS == 1)
    assert np.array_equal(segment_mask(made(), [0, 2]), (LABELS == 0) | (LABELS == 2))
    for wrong in (3, -1):
        with pytest.raises(ConfigError, match=f"segments 0 to 2, but no segment {wrong}"):
            segment_mask(made(), wrong)


def test_cut_out():
    alone = cut_out(IMAGE, made(), 1)
    assert np.array_equal(alone[LABELS == 1, :3], IMAGE[LABELS == 1])
    assert (alone[LABELS == 1, 3] == 255).all()
    assert not alone[LABELS != 1].any()
    half = np.concatenate([IMAGE, np.full((3, 4, 1), 7, np.uint8)], axis=2)
    assert (cut_out(half, made(), 1)[LABELS == 1, 3] == 7).all()
    assert cut_out(IMAGE[..., :1], made(), 0)[0, 1].tolist() == [3, 3, 3, 255]


def test_outlines():
    plain = np.zeros((3, 6, 3), np.uint8)
    labels = np.repeat([[0, 1]], 3, axis=1).repeat(3, axis=0).astype(np.int32)
    halves = made(labels, COLORS[:2])
    for width, columns in ((1, [2]), (2, [2, 3]), (3, [1, 2, 3]), (4, [1, 2, 3, 4])):
        drawn = draw_outlines(plain, halves, color=(9, 8, 7), width=width)
        wanted = np.zeros_like(plain)
        wanted[:, columns] = (9, 8, 7)
        assert np.array_equal(drawn, wanted)
    assert not plain.any()
    clear = draw_outlines(np.concatenate([IMAGE, IMAGE[..., :1]], axis=2), made())
    assert clear[1, 0].tolist() == [255, 255, 255, 255]
    assert draw_outlines(IMAGE[..., :1], made()).shape == (3, 4, 3)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"image": IMAGE[:2]}, DataError, "image is of 4×2 pixels, but segments are of 4×3"),
        ({"width": 0}, ConfigError, "width must be at least 1"),
        ({"color": (0, 0, 256)}, ConfigError, "color must be"),
        ({"color": (0, 0)}, ConfigError, "color must be"),
    ],
)
def test_bad_outlines(options, error, text):
    with pytest.raises(error, match=text):
        draw_outlines(**{"image": IMAGE, "segments": made(), **options})
