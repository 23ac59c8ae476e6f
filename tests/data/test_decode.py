"""One picture file at a time, of every kind that is read, through the folder that holds it."""

import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, ImageDraw, PngImagePlugin

from clusterart_jax.data import load

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


@pytest.fixture
def read(tmp_path):
    """Saves a picture alone into a folder and loads that; returns its array."""

    def save_and_load(picture, suffix, *, size=16, channels=None, **options):
        picture.save(tmp_path / f"a.{suffix}", **options)
        return load(tmp_path, size=size, channels=channels, strict=True).images[0]

    return save_and_load


def corners(image):
    """The colours of the four quadrants, row by row, exact to a few levels of lossy formats."""
    near = np.rint(image[[2, 2, -3, -3], [2, -3, 2, -3]].astype(int) / 255 * 8) * 255 / 8
    return [tuple(int(v) for v in colour) for colour in near]


@pytest.mark.parametrize("suffix", ["jpg", "JPEG", "png", "WebP", "gif", "bmp", "tif", "tiff"])
def test_every_format(read, quadrants, suffix):
    image = read(quadrants, suffix)
    assert image.shape == (16, 16, 3)
    assert corners(image) == [RED, GREEN, BLUE, WHITE]


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (1, [RED, GREEN, BLUE, WHITE]),
        (2, [GREEN, RED, WHITE, BLUE]),
        (3, [WHITE, BLUE, GREEN, RED]),
        (4, [BLUE, WHITE, RED, GREEN]),
        (5, [RED, BLUE, GREEN, WHITE]),
        (6, [BLUE, RED, WHITE, GREEN]),
        (7, [WHITE, GREEN, BLUE, RED]),
        (8, [GREEN, WHITE, RED, BLUE]),
        (9, [RED, GREEN, BLUE, WHITE]),  # no such orientation: as it is
    ],
)
def test_exif_turns_the_picture(read, quadrants, suffix, orientation, expected):
    exif = Image.Exif()
    exif[0x0112] = orientation
    # Not square, so that a picture turned twice or cropped before its turn would show.
    wide = Image.new("RGB", (96, 64), "grey")
    wide.paste(quadrants, (16, 0))
    assert corners(read(wide, suffix, exif=exif)) == expected


def test_a_damaged_exif_block_is_no_damaged_picture(read, quadrants):
    image = read(quadrants, "jpg", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff broken")
    assert corners(image) == [RED, GREEN, BLUE, WHITE]


def ramp():
    return Image.fromarray(np.tile(np.linspace(0, 255, 64).astype(np.uint8), (64, 1)))


@pytest.mark.parametrize(
    ("mode", "suffix"), [("L", "png"), ("L", "jpg"), ("L", "gif"), ("L", "tif"), ("LA", "png")]
)
def test_grey_pictures_have_one_channel(read, mode, suffix):
    image = read(ramp().convert(mode), suffix, size=64)
    if suffix == "gif":  # its palette is grey, and Pillow says so
        assert image.shape[-1] in (1, 3)
        image = image[..., :1]
    assert image.shape == (64, 64, 1)
    np.testing.assert_allclose(image[..., 0], np.asarray(ramp()), atol=2)


@pytest.mark.parametrize(("mode", "channels"), [("L", 3), ("RGB", 1)])
def test_channels_can_be_chosen(read, mode, channels):
    image = read(ramp().convert(mode), "png", size=64, channels=channels)
    assert image.shape == (64, 64, channels)
    for channel in np.moveaxis(image, -1, 0):
        np.testing.assert_array_equal(channel, np.asarray(ramp()))


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_grey_of_colour_is_its_luma(read, suffix):
    image = read(Image.new("RGB", (64, 64), (200, 100, 50)), suffix, channels=1)
    np.testing.assert_allclose(image, 0.299 * 200 + 0.587 * 100 + 0.114 * 50, atol=2)


def test_one_bit(read):
    picture = Image.new("1", (64, 64))
    picture.paste(1, (32, 0, 64, 64))
    image = read(picture, "png")
    assert image.shape == (16, 16, 1)
    assert image[8, 2] == 0
    assert image[8, 13] == 255


@pytest.mark.parametrize(
    ("dtype", "suffix"), [(np.uint16, "png"), (np.uint16, "tif"), (">u2", "tif"), (np.int32, "tif")]
)
def test_sixteen_bits_are_scaled_not_clipped(read, suffix, dtype):
    levels = np.tile(np.linspace(0, 65535, 64).astype(dtype), (64, 1))
    picture = Image.fromarray(levels)
    assert picture.mode in ("I;16", "I;16B", "I")
    image = read(picture, suffix, size=64)
    assert image.shape == (64, 64, 1)
    np.testing.assert_array_equal(image[..., 0], np.rint(levels / 257))


def test_floating_point_tiff(read):
    levels = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (64, 1))
    image = read(Image.fromarray(levels), "tif", size=64)
    np.testing.assert_array_equal(image[..., 0], np.rint(levels * 255))


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_cmyk(read, quadrants, suffix):
    image = read(quadrants.convert("CMYK"), suffix)
    assert image.shape == (16, 16, 3)
    assert corners(image) == [RED, GREEN, BLUE, WHITE]


@pytest.mark.parametrize("suffix", ["png", "webp", "tif"])
def test_alpha_is_laid_over_white(read, suffix):
    # What is fully transparent is black underneath: none of it may show.
    picture = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    picture.paste((0, 0, 255, 255), (0, 0, 64, 32))
    picture.paste((255, 0, 0, 128), (0, 32, 32, 64))
    image = read(picture, suffix, **({"lossless": True} if suffix == "webp" else {}))
    assert image.shape == (16, 16, 3)
    np.testing.assert_allclose(image[2, 2], BLUE, atol=1)
    np.testing.assert_allclose(image[13, 2], (255, 127, 127), atol=1)
    np.testing.assert_allclose(image[13, 13], WHITE, atol=1)
    # Along the edge of the transparent part, blue fades into white, never into black.
    assert image[:, 13, 2].min() >= 254


def test_grey_alpha_is_laid_over_white(read):
    picture = Image.new("LA", (64, 64), (0, 0))
    picture.paste((100, 255), (0, 0, 64, 32))
    image = read(picture, "png")
    assert image.shape == (16, 16, 1)
    assert image[2, 2] == 100
    assert image[13, 2] == 255


@pytest.mark.parametrize("suffix", ["png", "gif"])
def test_palettes_with_and_without_a_transparent_colour(read, quadrants, suffix):
    palette = quadrants.quantize(4)
    assert corners(read(palette, suffix)) == [RED, GREEN, BLUE, WHITE]
    red = palette.getpixel((0, 0))
    assert corners(read(palette, suffix, transparency=red)) == [WHITE, GREEN, BLUE, WHITE]


def test_palette_with_a_transparency_for_each_colour(read, quadrants):
    palette = quadrants.quantize(4)
    alphas = [255] * 4
    alphas[palette.getpixel((0, 0))] = 0
    assert corners(read(palette, "png", transparency=bytes(alphas)))[0] == WHITE


@pytest.mark.parametrize(("mode", "clear"), [("RGB", (255, 0, 0)), ("L", 76)])
def test_a_transparent_colour_without_a_palette(read, quadrants, mode, clear):
    image = read(quadrants.convert(mode), "png", transparency=clear)
    assert (image[2, 2] == 255).all()
    assert image[2, 13, 0] != 255


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "tif"])
def test_the_first_frame_of_several_is_taken(read, quadrants, suffix):
    later = [Image.new("RGB", (64, 64), colour) for colour in ("black", "yellow")]
    image = read(quadrants, suffix, save_all=True, append_images=later)
    assert corners(image) == [RED, GREEN, BLUE, WHITE]


def test_single_pixels_and_slivers(tmp_path):
    Image.new("RGB", (1, 1), RED).save(tmp_path / "a.png")
    Image.new("RGB", (1, 3000), RED).save(tmp_path / "b.jpg")
    Image.new("RGB", (3000, 2), RED).save(tmp_path / "c.png")
    images = load(tmp_path, strict=True).images
    assert images.shape == (3, 32, 32, 3)
    np.testing.assert_allclose(images, np.broadcast_to(RED, images.shape), atol=2)


def test_the_short_side_is_scaled_and_the_long_side_cropped(read):
    picture = Image.new("RGB", (300, 100), "black")
    ImageDraw.Draw(picture).rectangle((100, 0, 199, 99), fill="white")
    image = read(picture, "png", size=10)
    assert image.shape == (10, 10, 3)
    assert image[:, 2:-2].min() >= 250


def test_a_jpeg_decoded_small_is_the_one_decoded_whole(tmp_path):
    from sklearn.datasets import load_sample_image

    photograph = Image.fromarray(load_sample_image("china.jpg")).crop((0, 0, 424, 424))
    photograph.save(tmp_path / "a.jpg", quality=95)
    whole = photograph.resize((32, 32), Image.Resampling.LANCZOS)
    difference = load(tmp_path).images[0].astype(float) - np.asarray(whole)
    assert np.abs(difference).mean() < 1


def reason(folder, **options):
    """Why the file a.* is skipped, where another picture is good; without a warning."""
    Image.new("L", (8, 8)).save(folder / "good.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pictures = load(folder, **options)
    assert pictures.names == ("good.png",)
    (skipped,) = pictures.skipped
    assert skipped.file.startswith("a.")
    assert "\n" not in skipped.reason
    assert str(folder) not in skipped.reason
    return skipped.reason


def test_text_called_png(tmp_path):
    (tmp_path / "a.png").write_text("not a picture at all")
    assert reason(tmp_path).startswith("not a picture in a format that is read (JPEG, PNG")


def test_other_formats_of_pillow_are_not_opened(tmp_path):
    # PostScript would start Ghostscript.
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    assert reason(tmp_path).startswith("not a picture in a format that is read")


def test_no_bytes(tmp_path):
    (tmp_path / "a.jpg").touch()
    assert reason(tmp_path) == "empty file (0 bytes)"


@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "webp", "bmp", "tif"])
def test_truncated(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "damaged picture" in reason(tmp_path) or "not a picture" in reason(tmp_path)


def png(*chunks):
    parts = [b"\x89PNG\r\n\x1a\n"]
    for kind, content in chunks:
        body = kind + content
        parts.append(struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body)))
    return b"".join(parts)


def header(width, height):
    return b"IHDR", struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)


@pytest.mark.parametrize(
    ("width", "height", "said"),
    [
        (20_000, 20_000, "max_pixels, 100000000"),
        (12_000, 10_000, "12000×10000 pixels, max_pixels is 100000000"),
    ],
)
def test_a_header_that_claims_too_much_is_refused_before_decoding(
    tmp_path, monkeypatch, width, height, said
):
    def decoded(self):
        raise AssertionError("decoded")

    (tmp_path / "a.png").write_bytes(
        png(header(width, height), (b"IDAT", zlib.compress(b"\0" * 99)))
    )
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load_prepare", decoded, raising=True)
    Image.new("L", (8, 8)).save(tmp_path / "good.bmp")
    pictures = load(tmp_path)
    assert pictures.names == ("good.bmp",)
    assert pictures.skipped[0].reason.startswith("too large: ")
    assert said in pictures.skipped[0].reason


def test_max_pixels_can_be_lowered_and_raised(tmp_path):
    limit = Image.MAX_IMAGE_PIXELS
    Image.new("L", (100, 100)).save(tmp_path / "a.png")
    assert reason(tmp_path, max_pixels=9_999) == "too large: 100×100 pixels, max_pixels is 9999"
    assert len(load(tmp_path, max_pixels=10_000)) == 2
    # Beyond Pillow's own limit: nothing is refused, nothing warned about.
    Image.new("1", (14_000, 13_000)).save(tmp_path / "b.png")
    assert len(load(tmp_path, max_pixels=200_000_000, strict=True)) == 3
    assert limit == Image.MAX_IMAGE_PIXELS


def test_a_zip_bomb_in_a_text_chunk(tmp_path):
    bomb = b"note\0\0" + zlib.compress(b"\0" * (PngImagePlugin.MAX_TEXT_CHUNK + 1))
    row = zlib.compress(b"\0\0\0\0")
    (tmp_path / "a.png").write_bytes(
        png(header(1, 1), (b"zTXt", bomb), (b"IDAT", row), (b"IEND", b""))
    )
    assert "decompressed data too large" in reason(tmp_path).lower()


def test_values_of_32_bits(tmp_path):
    Image.fromarray(np.full((8, 8), 70_000, np.int32)).save(tmp_path / "a.tif")
    assert reason(tmp_path) == "32-bit values from 70000 to 70000; only 16 bits (0…65535) are read"


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.5, 255.0])
def test_floating_point_values_outside_0_to_1(tmp_path, value):
    Image.fromarray(np.full((8, 8), value, np.float32)).save(tmp_path / "a.tif")
    assert reason(tmp_path) == "floating point values that are not all in [0, 1]"


def test_warnings_of_pillow_do_not_leak(tmp_path):
    palette = Image.new("P", (8, 8))
    palette.putpalette(list(range(256)) * 3)
    palette.save(tmp_path / "a.png", transparency=bytes(range(256)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(load(tmp_path, strict=True)) == 1
