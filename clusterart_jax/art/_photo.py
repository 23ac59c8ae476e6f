"""A picture as renderers take it: colour on paper and what is transparent, at a bounded size."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .._typing import Float
from ._counts import check_picture

_BLOCK = 2**22  # numbers that are handled at a time
_COLORS = 2**16  # colours that a program takes: one program serves pictures of all sizes


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

    def pixel(rows: np.ndarray) -> np.ndarray:
        part = rows.astype(np.float32) / 255
        if depth == 1:
            return part
        if depth == 4:
            return np.concatenate([part[..., :3] * part[..., 3:], part[..., 3:]], axis=2)
        return part

    step = max(1, _BLOCK // (w * depth))
    thin = np.concatenate(
        [resample(pixel(image[i : i + step]), width, axis=1) for i in range(0, h, step)]
    )
    step = max(1, _BLOCK // (h * depth))
    small = np.concatenate(
        [resample(thin[:, i : i + step], height, axis=0) for i in range(0, width, step)], axis=1
    )
    if depth == 4:
        alpha = small[..., 3]
        rgb = small[..., :3] / np.maximum(alpha, 1e-6)[..., None]
        rgb = np.where(alpha[..., None] > 1e-3, np.clip(rgb, 0, 1), np.float32(1))
        return Photo(rgb, np.clip(alpha, 0, 1), scale)
    rgb = np.clip(np.broadcast_to(small, (*small.shape[:2], 3)), 0, 1)
    return Photo(rgb, np.ones(small.shape[:2], np.float32), scale)


def resample(x: Float[np.ndarray, "..."], n: int, axis: int) -> Float[np.ndarray, "..."]:
    """An axis brought to length n: exact means of what each covers, or straight lines between.

    Args:
      x: values at the middles of equal stretches.
      n: their number afterwards.
      axis: which.
    """
    m = x.shape[axis]
    if n == m:
        return x
    x = np.moveaxis(x, axis, 0)
    if n > m:
        at = np.clip((np.arange(n) + 0.5) * (m / n) - 0.5, 0, m - 1)
        sums: np.ndarray = x
    else:
        at = np.arange(n + 1) * (m / n)
        zero = np.zeros((1, *x.shape[1:]), np.float64)
        sums = np.concatenate([zero, np.cumsum(x, axis=0, dtype=np.float64)])
    low = np.minimum(at.astype(int), len(sums) - 2) if len(sums) > 1 else np.zeros(n, int)
    part = (at - low).reshape(-1, *(1,) * (x.ndim - 1))
    found = sums[low] * (1 - part) + sums[np.minimum(low + 1, len(sums) - 1)] * part
    if n < m:
        found = np.diff(found, axis=0) * (n / m)
    return np.moveaxis(found.astype(x.dtype), 0, axis)


def of_colors(f: Callable[[Any], Any], rgb: Float[np.ndarray, "... 3"]) -> np.ndarray:
    """A compiled function of colours (n, 3), applied block by block."""
    rows = np.asarray(rgb, np.float32).reshape(-1, 3)
    found = []
    for i in range(0, len(rows), _COLORS):
        block = rows[i : i + _COLORS]
        padded = np.pad(block, ((0, _COLORS - len(block)), (0, 0)))
        found.append(np.asarray(f(padded))[: len(block)])
    whole = np.concatenate(found)
    return whole.reshape(*np.shape(rgb)[:-1], *whole.shape[1:])
