"""One picture file of any shape → an array, alpha kept."""

import importlib.util
import os
from pathlib import Path

import numpy as np

from .._errors import DataError
from .._typing import UInt8

SAMPLES = ("china", "flower")
"""Photographs that come with scikit-learn, 427 × 640."""


def read_picture(
    path: str | os.PathLike[str], *, max_side: int | None = None, max_pixels: int = 100_000_000
) -> UInt8[np.ndarray, "h w c"]:
    """Reads one picture as it is meant to be seen, in its own shape.

    Args:
      path: a JPEG, PNG, WebP, GIF (its first frame), BMP or TIFF file; where there is no file of
        that name, "china" and "flower" are photographs that come with scikit-learn.
      max_side: the longer side of the result at most, in pixels; larger pictures are made smaller
        with an antialiasing filter, smaller ones stay as they are.
      max_pixels: the largest picture that is decoded, judged by its header.

    Returns:
      Shape (h, w, c), turned as its EXIF block says: c is 1 for grey, 3 for sRGB, and 4 where
      some pixel is transparent (sRGB and alpha, not premultiplied). 16 bits become 8.

    Raises:
      DataError: naming the file, when it cannot be read.

    Example:
      >>> import numpy as np, pathlib, tempfile
      >>> from clusterart_jax.data import read_picture, write_picture
      >>> path = pathlib.Path(tempfile.mkdtemp()) / "wide.png"
      >>> write_picture(path, np.zeros((40, 60, 3), np.uint8))
      >>> read_picture(path, max_side=30).shape
      (20, 30, 3)
    """
    if max_side is not None and max_side < 1:
        raise DataError(f"max_side must be at least 1, not {max_side!r}")
    from ._decode import UnreadableError, pillow_settings, read_whole, reason_of

    try:
        with pillow_settings(max_pixels):
            return read_whole(_existing(Path(path)), max_side, max_pixels)
    except Exception as error:  # damaged bytes make decoders raise nearly anything
        known = isinstance(error, UnreadableError)
        reason = str(error) if known else reason_of(error, max_pixels)
        raise DataError(f"cannot read {os.fspath(path)!r}: {reason}") from error


def _existing(path: Path) -> Path:
    """The path, or that of one of the samples."""
    if os.fspath(path) not in SAMPLES or path.exists():
        return path
    found = importlib.util.find_spec("sklearn")
    if found is None or found.origin is None:
        return path
    return Path(found.origin).parent / "datasets" / "images" / f"{path}.jpg"
