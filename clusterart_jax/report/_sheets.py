"""Contact sheets: pictures in a grid, composed with NumPy alone."""

import numpy as np

from ._palette import ink_on, rgb
from ._summary import pictures

# 3 × 5 pixels each: an octal digit is a row of three bits.
_DIGITS = (
    *("75557", "26227", "71747", "71717", "55711"),
    *("74717", "74757", "71111", "75757", "75717"),
)


def enlargement(height: int, width: int) -> int:
    """Integer factor by which small pictures are enlarged: the longer side comes to at most 64.

    Example:
      >>> enlargement(28, 28), enlargement(8, 8), enlargement(64, 48), enlargement(300, 200)
      (2, 8, 1, 1)
    """
    return max(1, 64 // max(height, width))


def contact_sheet(
    images: np.ndarray,
    columns: int,
    *,
    scale: int | None = None,
    gap: int = 4,
    background: int = 255,
) -> np.ndarray:
    """Sets pictures side by side, row after row.

    Args:
      images: `uint8` (n, h, w, c), n ≥ 1, c is 1 or 3.
      columns: places in a row; those after the last picture stay empty.
      scale: each pixel becomes scale × scale of them; None: small pictures grow to at most 64.
      gap: pixels between pictures; there are none around them.
      background: grey value 0…255 of gaps and empty places.

    Returns:
      `uint8` (H, W, 3), where with q columns and r = ⌈n/q⌉ rows
      H = r·h·scale + (r-1)·gap and W = q·w·scale + (q-1)·gap.

    Raises:
      ValueError: when images are no `uint8` pictures, or a number is out of range.

    Example:
      >>> import numpy as np
      >>> contact_sheet(np.zeros((5, 8, 8, 1), np.uint8), 3, scale=2, gap=1).shape
      (33, 50, 3)
    """
    pictures("images", images)
    n, h, w, c = images.shape
    if scale is None:
        scale = enlargement(h, w)
    for name, value, least in (("columns", columns, 1), ("scale", scale, 1), ("gap", gap, 0)):
        if value < least:
            raise ValueError(f"{name} is {value}; it must be at least {least}")
    if n == 0:
        raise ValueError("images: there are none to set on a sheet")
    if not 0 <= background <= 255:
        raise ValueError(f"background is {background}; it must be 0…255")
    rows = -(-n // columns)
    high, wide = h * scale + gap, w * scale + gap  # of a tile with the gap right of and below it
    tiles = np.full((rows * columns, high, wide, c), background, np.uint8)
    tiles[:n, : high - gap, : wide - gap] = images.repeat(scale, axis=1).repeat(scale, axis=2)
    sheet = tiles.reshape(rows, columns, high, wide, c).swapaxes(1, 2)
    sheet = sheet.reshape(rows * high, columns * wide, c)
    sheet = sheet[: rows * high - gap, : columns * wide - gap]
    return sheet.repeat(3, axis=2) if c == 1 else sheet.copy()


def shrink(images: np.ndarray, side: int) -> np.ndarray:
    """Pictures whose longer side is at most `side`, by the mean over the area of each new pixel.

    Args:
      images: `uint8` (n, h, w, c).
      side: pixels; pictures that are no larger come back as they are.

    Returns:
      `uint8` (n, h', w', c).
    """
    n, h, w, c = images.shape
    if max(h, w) <= side or n == 0:
        return images
    high, wide = (max(1, round(x * side / max(h, w))) for x in (h, w))
    down, across = _area_weights(h, high), _area_weights(w, wide)
    small = np.empty((n, high, wide, c), np.uint8)
    for start in range(0, n, 256):  # float copies of a block at a time
        block = images[start : start + 256].astype(np.float32)
        mean = np.matmul(down, block.reshape(len(block), h, w * c)).reshape(-1, high, w, c)
        mean = np.matmul(across, mean)
        small[start : start + 256] = np.clip(np.round(mean), 0, 255).astype(np.uint8)
    return small


def _area_weights(old: int, new: int) -> np.ndarray:
    """(new, old): how much of each old pixel lies in each new one, rows summing to 1."""
    edges = np.arange(new + 1) * (old / new)
    cells = np.arange(old)
    overlap = np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells)
    return (np.maximum(overlap, 0) * (new / old)).astype(np.float32)


def numbered(sheet: np.ndarray, number: int, color: str, width: int = 64) -> np.ndarray:
    """The sheet (H, W, 3) with a field of the cluster's colour and number to its left."""
    field = np.empty((len(sheet), width, 3), np.uint8)
    field[:] = rgb(color)
    digits = [_digit(int(d)) for d in str(number)]
    word = np.concatenate([np.pad(d, ((0, 0), (0, 1))) for d in digits], axis=1)[:, :-1]
    times = max(1, min(4, len(field) // 7, width // (word.shape[1] + 2)))
    word = word.repeat(times, 0).repeat(times, 1)[: len(field), :width]
    top, left = (len(field) - word.shape[0]) // 2, (width - word.shape[1]) // 2
    part = field[top : top + word.shape[0], left : left + word.shape[1]]
    part[word] = rgb(ink_on(color))
    return np.concatenate([field, sheet], axis=1)


def _digit(digit: int) -> np.ndarray:
    return np.array([[bool(int(row) & bit) for bit in (4, 2, 1)] for row in _DIGITS[digit]])
