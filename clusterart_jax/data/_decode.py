"""One picture file → a `uint8` array, square or whole. Imports Pillow: loaded when first needed."""

import stat
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from .._typing import UInt8
from ._arrays import to_uint8
from ._resize import centre_square

# Content decides, not the suffix, but only among these: other plugins of Pillow start programs.
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")

# A JPEG may be decoded small, but stays this many times too large for the filter to work on: the
# result differs by less than one grey level on average, and reads two to three times as fast.
_DRAFT_GAP = 2

_ORIENTATION_TAG = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_GREY_MODES = ("1", "L", "LA", "La")
_DEEP_MODES = ("I", "I;16", "I;16L", "I;16B", "I;16N", "F")
# Modes whose channels may be averaged; the others (palette numbers, single bits) become one first.
_SCALABLE_MODES = ("L", "LA", "RGB", "RGBA", "CMYK", "YCbCr")

_pillow_settings = threading.Lock()


class UnreadableError(Exception):
    """A picture that cannot be used; its text is the reason."""


def read_square(
    path: Path, size: int, channels: int | None, max_pixels: int
) -> UInt8[np.ndarray, "size size c"]:
    """Reads one picture; call it inside `pillow_settings(max_pixels)`.

    Args:
      path: the file.
      size: side of the square, in pixels.
      channels: 1 or 3, or None for what the file's own mode is.
      max_pixels: the largest picture that is decoded, judged by its header.

    Returns:
      Shape (size, size, 1) or (size, size, 3).

    Raises:
      UnreadableError: with the reason, whatever is wrong with the file.
    """
    try:
        return _read_square(path, size, channels, max_pixels)
    except UnreadableError:
        raise
    except Exception as error:
        # Damaged bytes make decoders raise nearly anything (struct.error, IndexError, SyntaxError,
        # MemoryError …), and one file must not end the reading of a folder.
        raise UnreadableError(reason_of(error, max_pixels)) from error


@contextmanager
def pillow_settings(max_pixels: int) -> Iterator[None]:
    """Pillow with our limit of pixels, and without its warnings: what matters is in the reasons.

    Both are settings of the process, so they are set once around all threads, by one reader at a
    time, and put back.
    """
    with _pillow_settings, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, max_pixels
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _read_square(path: Path, size: int, channels: int | None, max_pixels: int) -> np.ndarray:
    with opened(path, max_pixels) as picture:
        # JPEG decodes straight to an eighth, and to grey, in a fraction of the time.
        enough = _DRAFT_GAP * size
        picture.draft("L" if channels == 1 else picture.mode, (enough, enough))
        picture.load()
        turn = turn_of(picture)
        grey = is_grey(picture)
        square = centre_square(scalable(picture), size)
    square = _opaque(square, grey)
    if turn is not None:
        # A centred square turned is the centred square of the turned picture, and much smaller.
        square = square.transpose(turn)
    if channels == 1 and not grey:
        square = square.convert("L")
    return np.asarray(square).reshape(size, size, -1)


def read_whole(path: Path, max_side: int | None, max_pixels: int) -> UInt8[np.ndarray, "h w c"]:
    """Reads one picture in its own shape; call it inside `pillow_settings(max_pixels)`."""
    with opened(path, max_pixels) as picture:
        size = picture.size
        if max_side is not None and max(size) > max_side:
            width, height = (max(1, round(side * max_side / max(size))) for side in size)
            size = (width, height)
            picture.draft(picture.mode, (2 * width, 2 * height))  # decoded small where that is safe
        picture.load()
        turn = turn_of(picture)
        seen = scalable(picture)
        if seen.size != size:
            seen = seen.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    if seen.mode not in ("L", "LA", "RGB", "RGBA"):
        seen = seen.convert("RGB")
    if turn is not None:
        seen = seen.transpose(turn)
    return _channels(np.asarray(seen))


def _channels(values: np.ndarray) -> np.ndarray:
    """Grey, colour, or colour with alpha where alpha says something."""
    if values.ndim == 2:
        return values[:, :, None]
    color, alpha = values[:, :, :-1], values[:, :, -1:]
    if values.shape[2] == 3:
        return values
    if (alpha == 255).all():
        return np.ascontiguousarray(color)
    return np.concatenate([np.broadcast_to(color, (*color.shape[:2], 3)), alpha], axis=2)


@contextmanager
def opened(path: Path, max_pixels: int) -> Iterator[Image.Image]:
    """A picture whose header is read and whose size is allowed; its pixels are not decoded yet."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableError("not a regular file")  # opening a pipe would wait for ever
    if status.st_size == 0:
        raise UnreadableError("empty file (0 bytes)")
    with path.open("rb") as file, Image.open(file, formats=_FORMATS) as picture:
        width, height = picture.size
        if width * height > max_pixels:
            raise UnreadableError(f"too large: {width}×{height} pixels, max_pixels is {max_pixels}")
        yield picture


def is_grey(picture: Image.Image) -> bool:
    """Whether its mode has no colour."""
    return picture.mode in _GREY_MODES or picture.mode in _DEEP_MODES


def turn_of(picture: Image.Image) -> Image.Transpose | None:
    """The turn after which it is seen as it was taken."""
    try:
        return _TURNS.get(picture.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # a damaged EXIF block is no damaged picture
        return None


def scalable(picture: Image.Image) -> Image.Image:
    """The picture in a mode whose channels may be averaged."""
    if picture.mode in _DEEP_MODES:
        return _eight_bits(picture)
    if "transparency" in picture.info or picture.mode not in _SCALABLE_MODES:
        clear = picture.has_transparency_data
        return picture.convert(
            ("LA" if clear else "L") if is_grey(picture) else ("RGBA" if clear else "RGB")
        )
    return picture


def _eight_bits(picture: Image.Image) -> Image.Image:
    values = np.asarray(picture)
    if values.dtype.kind == "i":  # "I": 32 bits that hold 16
        if values.min() < 0 or values.max() > 65535:
            span = f"{values.min()} to {values.max()}"
            raise UnreadableError(f"32-bit values from {span}; only 16 bits (0…65535) are read")
        values = values.astype(np.uint16)
    if values.dtype.kind == "f" and not ((values >= 0) & (values <= 1)).all():  # NaN is not, too
        raise UnreadableError("floating point values that are not all in [0, 1]")
    return Image.fromarray(to_uint8(values))


def _opaque(picture: Image.Image, grey: bool) -> Image.Image:
    """Grey or RGB, laid over white where the picture is transparent."""
    if picture.mode in ("LA", "RGBA"):
        white = Image.new(picture.mode, picture.size, "white")
        picture = Image.alpha_composite(white.convert("RGBA"), picture.convert("RGBA"))
    return picture.convert("L" if grey else "RGB")


def reason_of(error: Exception, max_pixels: int) -> str:
    """What is wrong with a file whose decoding raised `error`, in words."""
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, Image.DecompressionBombError):
        return f"too large: its header claims more than max_pixels, {max_pixels}"
    if isinstance(error, UnidentifiedImageError):
        known = ", ".join(_FORMATS)
        return f"not a picture in a format that is read ({known}), or its header is damaged"
    if isinstance(error, MemoryError):
        return "too large for the memory of this machine"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return f"damaged picture ({text})"
