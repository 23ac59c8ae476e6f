"""Arrays: every dtype and shape that is taken, and the line for each that is not."""

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from clusterart_jax._errors import DataError
from clusterart_jax.data import _arrays, load


def as_pictures(values, dtype):
    return np.array(values, dtype).reshape(1, 1, -1, 1)


@pytest.mark.parametrize(
    ("dtype", "values", "expected"),
    [
        (np.uint8, [0, 7, 255], [0, 7, 255]),
        (bool, [False, True], [0, 255]),
        (np.uint16, [0, 128, 129, 257, 65535], [0, 0, 1, 1, 255]),
        (">u2", [0, 129, 65535], [0, 1, 255]),
        (np.int64, [0, 3, 255], [0, 3, 255]),
        (np.uint32, [0, 3, 255], [0, 3, 255]),
        (np.int8, [0, 127], [0, 127]),
        (np.float16, [0, 0.5, 1], [0, 128, 255]),
        (np.float32, [0, 0.2, 1], [0, 51, 255]),
        (np.float64, [0, 0.999, 1], [0, 255, 255]),
        (jnp.bfloat16, [0, 0.5, 1], [0, 128, 255]),
    ],
)
def test_values_by_dtype(dtype, values, expected):
    images = load(as_pictures(values, dtype)).images
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images.ravel(), expected)


def test_all_of_uint16_is_rounded_to_nearest():
    values = np.arange(65536, dtype=np.uint16)
    np.testing.assert_array_equal(_arrays.to_uint8(values), np.rint(values / 257))


def test_jax_arrays_and_lists_are_arrays():
    assert load(jnp.ones((2, 5, 6, 3))).images.shape == (2, 5, 6, 3)
    assert load([[[1, 2], [3, 4]]]).images.ravel().tolist() == [1, 2, 3, 4]


def test_names_tell_the_row_and_grey_gets_its_channel():
    pictures = load(np.zeros((12, 5, 7), np.uint8))
    assert pictures.images.shape == (12, 5, 7, 1)
    assert pictures.names[11] == "row 11"
    assert pictures.source == "array"
    assert pictures.labels is None


def test_alpha_is_laid_over_white():
    rgba = np.array([[[[10, 20, 30, 255], [10, 20, 30, 0], [0, 100, 255, 128]]]], np.uint8)
    images = load(rgba).images
    half = [round(c * 128 / 255 + 255 * 127 / 255) for c in (0, 100, 255)]
    assert images.tolist() == [[[[10, 20, 30], [255, 255, 255], half]]]


def test_grey_of_colour_is_pillows_grey(monkeypatch):
    colour = np.random.default_rng(0).integers(0, 256, (5, 9, 7, 3), dtype=np.uint8)
    monkeypatch.setattr(_arrays, "_BLOCK_BYTES", 600)  # several blocks
    grey = load(colour, channels=1).images[..., 0]
    for ours, picture in zip(grey, colour, strict=True):
        np.testing.assert_array_equal(ours, np.asarray(Image.fromarray(picture).convert("L")))


def test_colour_of_grey_repeats_it():
    grey = np.arange(12, dtype=np.uint8).reshape(1, 3, 4)
    colour = load(grey, channels=3).images
    np.testing.assert_array_equal(colour, np.stack([grey] * 3, axis=-1))


def test_conversion_in_blocks_equals_conversion_at_once(monkeypatch):
    values = np.random.default_rng(1).random((11, 4, 5, 3))
    at_once = load(values).images
    monkeypatch.setattr(_arrays, "_BLOCK_BYTES", 3 * values[0].nbytes)
    np.testing.assert_array_equal(load(values).images, at_once)
    rows = [int(name.removeprefix("row ")) for name in load(values, limit=5).names]
    np.testing.assert_array_equal(load(values, limit=5).images, at_once[rows])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_first_row_that_is_not_finite_is_named(bad, monkeypatch):
    monkeypatch.setattr(_arrays, "_BLOCK_BYTES", 1)  # a row a block
    values = np.zeros((9, 2, 2))
    values[7, 1, 0] = values[5, 0, 1] = bad
    with pytest.raises(DataError, match="data holds NaN or infinity, first in row 5"):
        load(values)


@pytest.mark.parametrize(
    ("low", "high", "dtype", "message"),
    [
        (
            0,
            255,
            np.float32,
            r"values from 0 to 255, but floats must lie in \[0, 1\]; divide by 255",
        ),
        (-1, 1, np.float64, r"values from -1 to 1, but floats"),
        (0, 256, np.int64, "values from 0 to 256, but int64 must lie in 0…255"),
        (-3, 9, np.int16, "values from -3 to 9, but int16"),
    ],
)
def test_values_out_of_range_are_told_with_the_whole_range(low, high, dtype, message, monkeypatch):
    monkeypatch.setattr(_arrays, "_BLOCK_BYTES", 1)
    values = np.zeros((4, 2, 2), dtype)
    values[1], values[3] = high, low
    with pytest.raises(DataError, match=message):
        load(values)


@pytest.mark.parametrize("dtype", [object, np.complex64, "U3", "M8[s]"])
def test_other_dtypes_are_refused(dtype):
    with pytest.raises(DataError, match=r"data (holds Python objects|has dtype)"):
        load(np.zeros((2, 2, 2), dtype))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((), r"shape \(\)"),
        ((64,), r"shape \(64,\); pictures must have shape \(n, h, w\)"),
        ((5, 64), r"shape \(5, 64\)"),
        ((2, 8, 8, 2), r"shape \(2, 8, 8, 2\)"),
        ((2, 3, 8, 8), r"channels come last: np\.moveaxis"),
        ((2, 2, 2, 2, 1), "pictures must have shape"),
        ((0, 8, 8), "there is no picture in it"),
        ((2, 0, 8, 1), "there is no picture in it"),
        ((480, 640, 3), r"looks like one colour picture; give x\[None\]"),
    ],
)
def test_other_shapes_are_refused(shape, message):
    with pytest.raises(DataError, match=message):
        load(np.zeros(shape, np.uint8))


def test_lists_of_unequal_pictures_are_refused():
    with pytest.raises(DataError, match="data is no array: its pictures differ in shape"):
        load([[[1, 2]], [[1, 2, 3]]])
