"""A picture of few colours → a PNG that stores a number a pixel, and the colours once."""

import io
import os
from typing import Any

import numpy as np

from .._errors import DataError
from .._files import atomic_path


def indexed_png_bytes(indices: Any, colors: Any) -> bytes:
    """The bytes of an indexed PNG file, of 1, 2, 4 or 8 bits a pixel as the colours need.

    Args:
      indices: `uint8`, shape (h, w), each below k.
      colors: `uint8`, shape (k, 3), or (k, 4) with alpha, 1 ≤ k ≤ 256.

    Returns:
      A whole PNG file; the same picture gives the same bytes.

    Raises:
      DataError: for another shape or dtype, or an index that has no colour.

    Example:
      >>> import numpy as np
      >>> flag = np.repeat(np.uint8([0, 1]), 64).reshape(16, 8)
      >>> indexed_png_bytes(flag, np.uint8([[255, 0, 0], [255, 255, 255]]))[1:4]
      b'PNG'
    """
    from PIL import Image

    pixels, table = np.asarray(indices), np.asarray(colors)
    if pixels.ndim != 2 or 0 in pixels.shape or pixels.dtype != np.uint8:
        raise DataError(f"indices must be uint8 (h, w), not {pixels.dtype} {pixels.shape}")
    if (
        table.ndim != 2
        or table.shape[1] not in (3, 4)
        or not 1 <= len(table) <= 256
        or table.dtype != np.uint8
    ):
        raise DataError(
            f"colors must be uint8 (k, 3) or (k, 4), k from 1 to 256, not {table.dtype} "
            f"{table.shape}"
        )
    if pixels.max() >= len(table):
        raise DataError(f"indices: {pixels.max()} has no colour, there are {len(table)}")
    picture = Image.frombytes("P", pixels.shape[::-1], pixels.tobytes())
    picture.putpalette(table[:, :3].tobytes())
    alpha = {} if table.shape[1] == 3 else {"transparency": table[:, 3].tobytes()}
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True, **alpha)
    return buffer.getvalue()


def write_indexed_png(path: str | os.PathLike[str], indices: Any, colors: Any) -> None:
    """Writes a picture of few colours as an indexed PNG file, whole or not at all.

    Args:
      path: the file; its folder must exist. An existing file is replaced.
      indices: as for `indexed_png_bytes`.
      colors: as for `indexed_png_bytes`; alpha is kept.

    Raises:
      DataError: for another shape or dtype, or an index that has no colour.
      OutputError: when the file cannot be written; what was there before is untouched.

    Example:
      >>> import numpy as np, pathlib, tempfile
      >>> path = pathlib.Path(tempfile.mkdtemp()) / "red.png"
      >>> write_indexed_png(path, np.zeros((8, 8), np.uint8), np.uint8([[255, 0, 0]]))
      >>> path.stat().st_size < 200
      True
    """
    content = indexed_png_bytes(indices, colors)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
