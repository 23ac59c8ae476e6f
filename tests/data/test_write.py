"""PNG files, whole or absent."""

import io
import os

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from clusterart_jax._errors import DataError, OutputError
from clusterart_jax.data import png_bytes, write_picture, write_png


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (5, 7, 3), (1, 1)])
def test_what_is_written_is_read_back(tmp_path, shape):
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    write_png(tmp_path / "a.png", image)
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.format == "PNG"
        assert picture.mode == ("RGB" if shape[2:] == (3,) else "L")
        np.testing.assert_array_equal(np.asarray(picture).reshape(shape), image)
    assert (tmp_path / "a.png").read_bytes() == png_bytes(image)
    assert os.listdir(tmp_path) == ["a.png"]  # noqa: PTH208 - hidden leftovers count


def test_jax_arrays_and_strided_views_are_taken():
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    assert png_bytes(jnp.asarray(image)) == png_bytes(image)
    flipped = np.asarray(Image.open(io.BytesIO(png_bytes(image[:, ::-1]))))
    np.testing.assert_array_equal(flipped, image[:, ::-1])


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((4, 4)), "image must be uint8 values 0…255, not float64"),
        (np.zeros((4, 4, 2), np.uint8), r"not \(4, 4, 2\)"),
        (np.zeros((1, 4, 4, 3), np.uint8), r"not \(1, 4, 4, 3\)"),
        (np.zeros((0, 4), np.uint8), r"not \(0, 4\)"),
        (np.zeros(4, np.uint8), r"not \(4,\)"),
    ],
)
def test_other_arrays_are_refused(image, message):
    with pytest.raises(DataError, match=message):
        png_bytes(image)


def test_a_folder_that_is_not_there_is_an_output_error(tmp_path):
    with pytest.raises(OutputError, match=r"cannot write .*a\.png: No such file"):
        write_png(tmp_path / "absent" / "a.png", np.zeros((4, 4), np.uint8))


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing(tmp_path, monkeypatch):
    target = tmp_path / "a.png"
    write_png(target, np.zeros((4, 4), np.uint8))
    before = target.read_bytes()

    def full_disk(path, content):
        with path.open("wb") as file:
            file.write(content[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full_disk)
    with pytest.raises(OutputError, match="No space left on device"):
        write_png(target, np.ones((4, 4), np.uint8))
    assert target.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.png"]  # noqa: PTH208


def test_grey_of_16_bits_is_kept(tmp_path):
    deep = np.array([[0, 255], [256, 65535]], np.uint16)
    write_png(tmp_path / "a.png", deep)
    with Image.open(tmp_path / "a.png") as read:
        assert read.mode == "I;16"
        assert np.array_equal(np.asarray(read), deep)
    with pytest.raises(DataError, match="uint8"):
        png_bytes(np.zeros((2, 2, 3), np.uint16))
    with pytest.raises(DataError, match="uint8"):
        write_picture(tmp_path / "a.jpg", deep)
