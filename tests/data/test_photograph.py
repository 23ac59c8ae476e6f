"""Single pictures of any shape: read as they are meant to be seen, written by their suffix."""

import numpy as np
import pytest
from PIL import Image

from clusterart_jax._errors import DataError, OutputError
from clusterart_jax.data import read_picture, write_picture

WIDE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)


@pytest.mark.parametrize("suffix", ["png", "webp"])
@pytest.mark.parametrize("depth", [1, 3, 4])
def test_without_loss_what_is_written_is_read(tmp_path, suffix, depth):
    image = np.random.default_rng(1).integers(1, 255, (20, 30, depth), np.uint8)
    write_picture(tmp_path / f"a.{suffix}", image)
    read = read_picture(tmp_path / f"a.{suffix}")
    wanted = image.repeat(3, axis=2) if suffix == "webp" and depth == 1 else image  # WebP: no grey
    assert np.array_equal(read, wanted)


def test_jpeg_is_near_and_lies_on_white(tmp_path):
    ramp = np.zeros((32, 48, 4), np.uint8)
    ramp[..., 0] = np.arange(48)
    ramp[16:, :, 3] = 255
    write_picture(tmp_path / "a.jpg", ramp)
    read = read_picture(tmp_path / "a.jpg").astype(int)
    assert abs(read[:8] - 255).max() <= 4
    assert abs(read[24:, :, 0] - np.arange(48)).max() <= 8


def test_opaque_alpha_says_nothing(tmp_path):
    Image.fromarray(WIDE).convert("RGBA").save(tmp_path / "a.png")
    assert np.array_equal(read_picture(tmp_path / "a.png"), WIDE)


def test_grey_with_alpha_becomes_colour_with_alpha(tmp_path):
    grey = Image.fromarray(WIDE[:, :, 0])
    clear = Image.merge("LA", (grey, Image.new("L", grey.size, 7)))
    clear.save(tmp_path / "a.png")
    read = read_picture(tmp_path / "a.png")
    assert np.array_equal(read[..., :3], WIDE[..., :1].repeat(3, axis=2))
    assert (read[..., 3] == 7).all()


def test_exif_turns_it_and_size_bounds_it(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright
    Image.fromarray(WIDE).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(read_picture(tmp_path / "a.png"), np.rot90(WIDE, -1))
    assert read_picture(tmp_path / "a.png", max_side=15).shape == (15, 10, 3)
    assert read_picture(tmp_path / "a.png", max_side=64).shape == (30, 20, 3)


def test_a_thin_picture_keeps_a_pixel(tmp_path):
    write_picture(tmp_path / "a.png", np.zeros((1, 400, 3), np.uint8))
    assert read_picture(tmp_path / "a.png", max_side=16).shape == (1, 16, 3)


def test_clear_pixels_do_not_bleed_when_made_smaller(tmp_path):
    image = np.zeros((64, 64, 4), np.uint8)
    image[:, ::2] = (255, 0, 0, 255)  # red stripes beside clear black
    write_picture(tmp_path / "a.png", image)
    read = read_picture(tmp_path / "a.png", max_side=8)
    assert (read[..., 0] > 250).all()
    assert (abs(read[..., 3].astype(int) - 128) < 12).all()


def test_palette_cmyk_and_sixteen_bits(tmp_path):
    Image.fromarray(WIDE).quantize(4).save(tmp_path / "p.png")
    assert read_picture(tmp_path / "p.png").shape == (20, 30, 3)
    Image.new("CMYK", (4, 3)).save(tmp_path / "c.jpg")
    assert read_picture(tmp_path / "c.jpg").shape == (3, 4, 3)
    Image.fromarray(np.full((3, 4), 257 * 9, np.uint16)).save(tmp_path / "d.png")
    assert (read_picture(tmp_path / "d.png") == 9).all()


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "empty file"), (b"no picture", "not a picture"), (None, "no such file")],
)
def test_unreadable_files_are_named(tmp_path, content, reason):
    if content is not None:
        (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(DataError, match=rf"cannot read '.*a\.png': {reason}"):
        read_picture(tmp_path / "a.png")


def test_too_many_pixels(tmp_path):
    write_picture(tmp_path / "a.png", WIDE)
    with pytest.raises(DataError, match="30×20 pixels"):
        read_picture(tmp_path / "a.png", max_pixels=599)


def test_a_damaged_end_is_an_error(tmp_path):
    write_picture(tmp_path / "a.png", WIDE)
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(whole[:-400])
    with pytest.raises(DataError, match=r"a\.png"):
        read_picture(tmp_path / "a.png")


def test_writing_refuses_other_suffixes_and_keeps_what_was_there(tmp_path):
    with pytest.raises(DataError, match=r"must end in \.png"):
        write_picture(tmp_path / "a.gif", WIDE)
    with pytest.raises(DataError, match="shape"):
        write_picture(tmp_path / "a.png", WIDE[..., :2])
    with pytest.raises(OutputError):
        write_picture(tmp_path / "none" / "a.png", WIDE)
    assert list(tmp_path.iterdir()) == []


def test_samples_have_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert read_picture("flower", max_side=64).shape == (43, 64, 3)
    with pytest.raises(DataError, match="no such file"):
        read_picture("rose")
    Image.fromarray(WIDE).save(tmp_path / "flower", format="PNG")
    assert np.array_equal(read_picture("flower"), WIDE), "a file of that name comes first"
