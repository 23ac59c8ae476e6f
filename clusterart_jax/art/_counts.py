"""A picture → its colours and how much of each there is: what every palette starts from.

A picture of 24 megapixels has fewer colours than pixels, and those that lie within a few levels of
each other act on a palette as their mean does. So pixels are counted once, on the host, and all
that follows costs no more than some ten thousand weighted rows.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .._checks import check_weights
from .._errors import DataError
from .._typing import Array, Float

MOST = 2**15
"""Colours that are clustered one by one; of more, near ones are taken together."""

_CHUNK = 2**20  # pixels that are sorted at once: they stay in cache


class Counts(NamedTuple):
    """Colours and their weights.

    Attributes:
      colors: (m, c) values 0…255, c = 3, or 4 with alpha.
      weights: (m,) how much of each there is, in pixels; above 0.
    """

    colors: Float[np.ndarray, "m c"]
    weights: Float[np.ndarray, " m"]


def check_picture(image: Any, name: str = "image") -> Any:
    """A picture (h, w), or (h, w, c) with c = 1, 3 or 4, of `uint8`, as (h, w, c)."""
    shape = np.shape(image)
    depth = shape[2] if len(shape) == 3 else 1
    if len(shape) not in (2, 3) or depth not in (1, 3, 4) or 0 in shape:
        shapes = "(h, w), (h, w, 1), (h, w, 3) or (h, w, 4)"
        raise ValueError(f"{name} must have shape {shapes}, not {shape}")
    dtype = getattr(image, "dtype", type(image).__name__)
    if dtype != np.uint8:
        raise TypeError(f"{name} must be uint8 values 0…255, not {dtype}")
    return image if len(shape) == 3 else image[:, :, None]


def codes_of(pixels: np.ndarray) -> np.ndarray:
    """One `uint32` a pixel (n, c), from whose bytes `colors_of` gets its channels back."""
    code = pixels[:, 0].astype(np.uint32)
    for channel in pixels.T[1:]:
        code <<= np.uint32(8)
        code |= channel
    return code


def colors_of(codes: np.ndarray, depth: int) -> np.ndarray:
    """The `uint8` channels (n, depth) of `codes_of`."""
    shifts = np.arange(8 * (depth - 1), -1, -8, dtype=np.uint32)
    return (codes[:, None] >> shifts).astype(np.uint8)


def distinct(image: np.ndarray, weights: np.ndarray | None = None) -> Counts:
    """The distinct colours of a picture (h, w, c), in the order of their codes, and their weights.

    Cost: one sort of the pixels, in pieces. Memory: O(distinct colours).
    """
    pixels = image.reshape(-1, image.shape[2])
    codes = np.zeros(0, np.uint32)
    sums: np.ndarray = np.zeros(0)
    for start in range(0, len(pixels), _CHUNK):
        piece = codes_of(pixels[start : start + _CHUNK])
        if weights is None:
            found, whole = np.unique(piece, return_counts=True)
            counts: np.ndarray = whole.astype(float)
        else:
            found, places = np.unique(piece, return_inverse=True)
            counts = np.bincount(places, weights.reshape(-1)[start : start + _CHUNK])
        codes, places = np.unique(np.concatenate([codes, found]), return_inverse=True)
        sums = np.bincount(places, np.concatenate([sums, counts]))
    return Counts(colors_of(codes, image.shape[2]), sums)


def counts_of(image: np.ndarray, weights: np.ndarray | None = None, alpha: bool = False) -> Counts:
    """At most `MOST` colours of a picture; exactly its distinct ones where there are no more.

    Args:
      image: (h, w, c) `uint8`.
      weights: of the pixels (h, w); 1 each where it is None.
      alpha: whether it is a channel like others; otherwise a weight.
    """
    found = distinct(image, weights)
    colors, sums = found.colors.astype(np.float64), found.weights
    if colors.shape[1] == 1:
        colors = colors.repeat(3, axis=1)
    if colors.shape[1] == 4 and not alpha:
        colors, sums = colors[:, :3], sums * colors[:, 3] / 255
    return gathered([Counts(colors, sums)])


def gathered(parts: Iterable[Counts]) -> Counts:
    """The sum of several counts, near colours together where they are more than `MOST`."""
    parts = list(parts)
    colors = np.concatenate([part.colors for part in parts])
    sums = np.concatenate([part.weights for part in parts])
    if len(parts) > 1:
        colors, sums = _binned(colors, sums, 8)
    colors, sums = colors[sums > 0], sums[sums > 0]
    bits = 6
    while len(sums) > MOST:
        colors, sums = _binned(colors, sums, bits)
        bits -= 1
    return Counts(colors, sums)


def _binned(colors: np.ndarray, sums: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """The mean colour and the sum of each cube of 2^(8 − bits) levels a side."""
    cubes = colors.astype(np.uint8) >> np.uint8(8 - bits)
    codes, places = np.unique(codes_of(cubes), return_inverse=True)
    mass = np.bincount(places, sums, len(codes))
    safe = np.where(mass > 0, mass, 1)
    means = [np.bincount(places, sums * channel, len(codes)) / safe for channel in colors.T]
    return np.stack(means, axis=1), mass


def padded(counts: Counts) -> tuple[np.ndarray, np.ndarray]:
    """Rows (0…1) and weights of one of two lengths, so that two programs serve all pictures.

    Weights sum to 1; the rows added have weight 0.
    """
    m = len(counts.weights)
    size = next(size for size in (2**12, MOST) if size >= m)
    rows = np.zeros((size, counts.colors.shape[1]), np.float32)
    rows[:m] = counts.colors / 255
    weights = np.zeros(size, np.float32)
    weights[:m] = counts.weights / max(counts.weights.sum(), 1e-30)
    return rows, weights


def pixel_weights(image: Any, sample_weight: Any) -> np.ndarray | None:
    """Weights (h, w) of a picture's pixels, checked; None where all are 1."""
    if sample_weight is None:
        return None
    weights = np.asarray(sample_weight, np.float64)
    if weights.shape != image.shape[:2]:
        raise ValueError(
            f"sample_weight must have shape {image.shape[:2]}, one a pixel, not {weights.shape}"
        )
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise DataError("sample_weight must hold finite numbers, 0 or more")
    return weights


def traced_counts(image: Array, sample_weight: Array | None) -> tuple[Array, Array]:
    """The same within a traced function: rows (0…1) and weights, of a length that is static."""
    h, w, depth = image.shape
    pixels = image.reshape(h * w, depth)
    rows = pixels.astype(jnp.float32) / 255
    given = None if sample_weight is None else jnp.reshape(sample_weight, -1)
    weights = check_weights(given, rows)
    if depth == 4:
        weights = weights * rows[:, 3]
    rows = jnp.repeat(rows, 3, axis=1) if depth == 1 else rows[:, :3]
    if h * w > MOST and jax.default_backend() == "cpu":
        # Elsewhere more rows cost less than float32 sums into bins (jax-ml/jax#38806).
        rows, weights = _traced_bins(rows, weights)
    return rows, weights / jnp.maximum(jnp.sum(weights), 1e-30)


def _traced_bins(rows: Array, weights: Array) -> tuple[Array, Array]:
    """The mean colour and the weight of each of 32³ cubes, empty ones too."""
    cubes = jnp.minimum(rows * 32, 31).astype(jnp.int32)
    codes = cubes @ jnp.array([1024, 32, 1], jnp.int32)
    mass = jax.ops.segment_sum(weights, codes, MOST)
    sums = jax.ops.segment_sum(weights[:, None] * rows, codes, MOST)
    return sums / jnp.where(mass > 0, mass, 1)[:, None], mass
