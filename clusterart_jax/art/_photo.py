"""A picture as renderers take it: colour on paper and what is transparent, at a bounded size."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .._typing import Float
from ._counts import check_picture

_BLOCK = 2**22  # numbers that are handled at a time
_COLORS = 2**16, 2**12  # that programs take: two of them serve pictures of all sizes


class Photo(NamedTuple):
    """A picture made smaller.

    Attributes:
      rgb: (h, w, 3) sRGB in 0…1; white where `alpha` is 0.
      alpha: (h, w) in 0…1.
      scale: (x, y) pixels of the picture that one of these stands for.
    """

    rgb: Float[np.ndarray, "h w 3"]
    alpha: Float[np.ndarray, "h w"]
    scale: Float[np.ndarray, "2"]

    @property
    def on_paper(self) -> Float[np.ndarray, "h w 3"]:
        """The colours over white paper."""
        return 1 - self.alpha[..., None] * (1 - self.rgb)


def photo(image: Any, pixels: int) -> Photo:
    """A picture of at most about `pixels` pixels, means of what they cover, never made larger."""
    image = check_picture(image)
    h, w = image.shape[:2]
    shrink = min(1.0, math.sqrt(pixels / (h * w)))
    return photo_of(image, max(1, round(h * shrink)), max(1, round(w * shrink)))


def photo_of(image: Any, height: int, width: int) -> Photo:
    """A picture of a given size; memory beside the result is a few MiB, whatever the picture's."""
    image = np.asarray(check_picture(image))
    h, w, depth = image.shape
    scale = np.array([w / width, h / height])
    down, across = shares(h, height), shares(w, width)
    small = np.empty((height, width, depth), np.float32)
    step = max(1, _BLOCK // (w * depth * -(-h // height)))
    for i in range(0, height, step):
        part = down[i : i + step]
        low, high = int(part.indices.min()), int(part.indices.max()) + 1
        rows = image[low:high].astype(np.float32)
        if depth == 4:
            rows[..., :3] *= rows[..., 3:] * np.float32(1 / 255)
        rows = rows if height == h else _along(part[:, low:high], rows, 0)
        small[i : i + step] = rows if width == w else _along(across, rows, 1)
    small /= 255
    if depth == 4:
        alpha = small[..., 3]
        rgb = small[..., :3] / np.maximum(alpha, 1e-6)[..., None]
        rgb = np.where(alpha[..., None] > 1e-3, np.clip(rgb, 0, 1), np.float32(1))
        return Photo(rgb, np.clip(alpha, 0, 1), scale)
    rgb = np.clip(np.broadcast_to(small, (*small.shape[:2], 3)), 0, 1)
    return Photo(rgb, np.ones(small.shape[:2], np.float32), scale)


def shares(m: int, n: int) -> Any:
    """(n, m), sparse: what each of n values takes of each of m, at the middles of equal stretches.

    Exact means of what each covers, or straight lines between.
    """
    from scipy.sparse import csr_array

    if n > m:
        at = np.clip((np.arange(n) + 0.5) * (m / n) - 0.5, 0, m - 1)
        low = np.minimum(at.astype(int), max(m - 2, 0))
        column = np.stack([low, np.minimum(low + 1, m - 1)], axis=1).ravel()
        share = np.stack([1 - (at - low), at - low], axis=1).ravel()
        row = np.repeat(np.arange(n), 2)
    else:
        # Ends of stretches in units of 1 / n of a value, which are whole numbers.
        ends = np.arange(n + 1) * m
        first, last = ends[:-1] // n, -(-ends[1:] // n)
        count = last - first
        row = np.repeat(np.arange(n), count)
        column = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count - first, count)
        inside = np.minimum((column + 1) * n, ends[row + 1]) - np.maximum(column * n, ends[row])
        share = inside / m
    return csr_array((share.astype(np.float32), (row, column)), shape=(n, m))


def _along(shares: Any, x: np.ndarray, axis: int) -> np.ndarray:
    """The product of a matrix and an axis."""
    front = np.moveaxis(x, axis, 0)
    rows = np.ascontiguousarray(front).reshape(len(front), -1)
    return np.moveaxis((shares @ rows).reshape(-1, *front.shape[1:]), 0, axis)


def of_colors(f: Callable[[Any], Any], rgb: Float[np.ndarray, "... 3"]) -> np.ndarray:
    """A compiled function of colours (n, 3), applied block by block."""
    rows = np.asarray(rgb, np.float32).reshape(-1, 3)
    many, few = _COLORS
    found, done = [], 0
    while done < max(1, len(rows)):
        size = many if 2 * (len(rows) - done) > many else few
        block = rows[done : done + size]
        padded = np.pad(block, ((0, size - len(block)), (0, 0)))
        found.append(np.asarray(f(padded))[: len(block)])
        done += size
    whole = np.concatenate(found)
    return whole.reshape(*np.shape(rgb)[:-1], *whole.shape[1:])
