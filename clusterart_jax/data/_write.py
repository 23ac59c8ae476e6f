"""One picture → PNG; several → a moving picture."""

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .._errors import DataError
from .._files import atomic_path
from ._arrays import over_white


def png_bytes(image: Any) -> bytes:
    """The bytes of a PNG file.

    Args:
      image: `uint8`, shape (h, w), (h, w, 1), (h, w, 3) or, with alpha, (h, w, 4), values 0…255;
        or `uint16`, shape (h, w) or (h, w, 1), values 0…65535.

    Returns:
      A whole PNG file; the same picture gives the same bytes.

    Raises:
      DataError: for another shape or dtype.

    Example:
      >>> import numpy as np
      >>> png_bytes(np.zeros((8, 8), np.uint8))[1:4]
      b'PNG'
    """
    return _encoded(image, "PNG")


def write_png(path: str | os.PathLike[str], image: Any) -> None:
    """Writes a picture as a PNG file, whole or not at all.

    Args:
      path: the file; its folder must exist. An existing file is replaced.
      image: as for `png_bytes`.

    Raises:
      DataError: for another shape or dtype.
      OutputError: when the file cannot be written; what was there before is untouched.

    Example:
      >>> import numpy as np, pathlib, tempfile
      >>> path = pathlib.Path(tempfile.mkdtemp()) / "black.png"
      >>> write_png(path, np.zeros((8, 8, 3), np.uint8))
      >>> path.stat().st_size > 0
      True
    """
    content = png_bytes(image)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


_KINDS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}


def write_picture(path: str | os.PathLike[str], image: Any) -> None:
    """Writes a picture in the format that the file's name ends in, whole or not at all.

    Args:
      path: ends in .png, .webp (without loss both), .jpg or .jpeg (quality 95); its folder must
        exist. An existing file is replaced.
      image: as for `png_bytes`; alpha is laid over white where the format has none.

    Raises:
      DataError: for another ending, shape or dtype.
      OutputError: when the file cannot be written; what was there before is untouched.

    Example:
      >>> import numpy as np, pathlib, tempfile
      >>> path = pathlib.Path(tempfile.mkdtemp()) / "black.jpg"
      >>> write_picture(path, np.zeros((8, 8, 4), np.uint8))
      >>> path.read_bytes()[:2].hex()
      'ffd8'
    """
    kind = _KINDS.get(Path(path).suffix.lower())
    if kind is None:
        raise DataError(f"a picture must end in {', '.join(_KINDS)}, not {os.fspath(path)!r}")
    if kind == "JPEG" and np.ndim(image) == 3 and np.shape(image)[2] == 4:
        image = over_white(np.asarray(image))
    content = _encoded(image, kind)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def _encoded(image: Any, kind: str) -> bytes:
    from PIL import Image

    array = np.asarray(image)
    depth = array.shape[2] if array.ndim == 3 else 1
    if array.ndim not in (2, 3) or depth not in (1, 3, 4) or 0 in array.shape:
        shapes = "(h, w), (h, w, 1), (h, w, 3) or (h, w, 4)"
        raise DataError(f"image must have shape {shapes}, not {array.shape}")
    deep = array.dtype == np.uint16 and depth == 1 and kind == "PNG"
    if array.dtype != np.uint8 and not deep:
        raise DataError(f"image must be uint8 values 0…255, not {array.dtype}")
    buffer = io.BytesIO()
    picture = Image.fromarray(array if depth > 1 else array.reshape(array.shape[:2]))
    how: dict[str, Any] = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"lossless": True}}
    picture.save(buffer, format=kind, **how.get(kind, {}))
    return buffer.getvalue()


def write_animation(path: str | os.PathLike[str], frames: Sequence[Any], seconds: float) -> None:
    """Writes pictures as a moving one that repeats for ever, whole or not at all.

    Args:
      path: the file, ending in .gif, or in .png or .apng for an animated PNG with all colours.
      frames: pictures of one shape, each as for `png_bytes`.
      seconds: how long each is shown, at least 0.02, which is what browsers can do.

    Raises:
      DataError: for no pictures, another suffix, shape or dtype.
      OutputError: when the file cannot be written; what was there before is untouched.

    Example:
      >>> import numpy as np, pathlib, tempfile
      >>> path = pathlib.Path(tempfile.mkdtemp()) / "blink.gif"
      >>> write_animation(path, np.repeat(np.uint8([0, 255]), 64).reshape(2, 8, 8), 0.1)
      >>> path.read_bytes()[:3]
      b'GIF'
    """
    from PIL import Image

    suffix = Path(path).suffix.lower()
    if suffix not in (".gif", ".png", ".apng"):
        raise DataError(f"an animation must end in .gif, .png or .apng, not {os.fspath(path)!r}")
    if not len(frames):
        raise DataError("frames: there are none to show")
    if not seconds >= 0.02:
        raise DataError(f"seconds must be at least 0.02, not {seconds!r}")
    pictures = [Image.open(io.BytesIO(png_bytes(frame))) for frame in frames]
    if len({(picture.size, picture.mode) for picture in pictures}) > 1:
        raise DataError("frames must all have one shape")
    kind = "GIF" if suffix == ".gif" else "PNG"
    buffer = io.BytesIO()
    pictures[0].save(
        buffer,
        format=kind,
        save_all=True,
        append_images=pictures[1:],
        duration=round(seconds * 1000),
        loop=0,
    )
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getvalue())
