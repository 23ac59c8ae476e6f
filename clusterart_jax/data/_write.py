"""One picture → PNG."""

import io
import os
from typing import Any

import numpy as np

from .._errors import DataError
from .._files import atomic_path


def png_bytes(image: Any) -> bytes:
    """The bytes of a PNG file.

    Args:
      image: `uint8`, shape (h, w), (h, w, 1) or (h, w, 3), values 0…255.

    Returns:
      A whole PNG file; the same picture gives the same bytes.

    Raises:
      DataError: for another shape or dtype.

    Example:
      >>> import numpy as np
      >>> png_bytes(np.zeros((8, 8), np.uint8))[1:4]
      b'PNG'
    """
    from PIL import Image

    array = np.asarray(image)
    depth = array.shape[2] if array.ndim == 3 else 1
    if array.ndim not in (2, 3) or depth not in (1, 3) or 0 in array.shape:
        raise DataError(f"image must have shape (h, w), (h, w, 1) or (h, w, 3), not {array.shape}")
    if array.dtype != np.uint8:
        raise DataError(f"image must be uint8 values 0…255, not {array.dtype}")
    buffer = io.BytesIO()
    picture = Image.fromarray(array if depth == 3 else array.reshape(array.shape[:2]))
    picture.save(buffer, format="PNG")
    return buffer.getvalue()


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
