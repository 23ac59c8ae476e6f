"""A picture in k colours: an index a pixel, and the colours they stand for."""

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .._checks import check_count, check_key
from .._errors import ConfigError
from .._linalg import group_sums
from .._typing import Array, ArrayLike, Float, KeyArray, UInt8
from ..cluster import nearest_centers
from ..features import oklab_to_srgb, srgb_to_oklab
from ._counts import Counts, check_picture, codes_of, distinct, gathered, padded
from ._dither import dithered
from ._search import search

_BREATHS = 4  # further ones lower the error by less than a hundredth of a decibel each (measured)
_STEPS = 5  # of Lloyd's iteration over distinct colours, after that over the means of near ones
_BLOCK = 2**15  # colours that are worked on at once
_ROOMS = (18, 72, 288)  # places for 16, 64 and 256 colours, and an eighth more: three programs
_EXACT = 2**21  # distinct colours up to which those last steps see all of them


class Quantized(NamedTuple):
    """A picture of few colours; `colors[indices]` are its pixels.

    Attributes:
      indices: (h, w) `uint8`.
      colors: (k, 3), or (k, 4) with alpha, `uint8`, the most frequent first.
      shares: (k,) of the pixels; they sum to 1.
    """

    indices: UInt8[np.ndarray, "h w"]
    colors: UInt8[np.ndarray, "k c"]
    shares: Float[np.ndarray, " k"]


def quantize(
    key: KeyArray,
    image: UInt8[ArrayLike, "h w c"],
    k: int,
    *,
    dither: float = 0.0,
    perceptual: float = 0.5,
) -> Quantized:
    """The k colours, and each pixel's, that change a picture least.

    What is minimised is the mean of (1 − p) |Δ sRGB|² + p |Δ OKLab|², p = `perceptual`, by k-means
    that splits and merges clusters after it has converged, over counted colours; then each distinct
    colour goes to the nearest. p = 0 gives the highest PSNR, p = 1 the least difference in OKLab;
    between them little of one buys much of the other: 0.5 costs a few hundredths of a decibel for
    3 to 6 % less difference in OKLab (24 squares of photographs not in `benchmarks/quantize.py`).

    With alpha, a pixel is what is seen of it over black and over white: the square of the
    difference is the mean of both.

    Dithering diffuses the error of each pixel to four neighbours (Floyd and Steinberg), in linear
    light, which is what the eye averages, and takes the colour that is nearest in OKLab; XLA works
    along slanted lines, whose pixels do not wait for each other. It makes gradients smooth for
    eyes, and every measure pixel by pixel worse. 0.75 comes nearest to the picture as it is seen
    from afar; more smears what no colour is near to (measured on other pictures than those of
    `benchmarks/quantize.py`).

    Works on the host, in bounded memory: not under `jit`, where `palette` and
    `cluster.nearest_centers` do the same for a picture's pixels.

    Args:
      key: for k-means.
      image: `uint8` (h, w), (h, w, 1), (h, w, 3) or (h, w, 4).
      k: number of colours, 1 to 256.
      dither: how much of the error is diffused, 0 (none) to 1 (all).
      perceptual: p, from 0 to 1.

    Returns:
      A `Quantized` of k colours, or of all the picture's colours, exactly, where they are no more.

    Raises:
      ValueError: for another shape, or options that cannot be.
      TypeError: for another dtype.

    Example:
      >>> import jax, numpy as np
      >>> from clusterart_jax.art import quantize
      >>> ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
      >>> found = quantize(jax.random.key(0), ramp, 4)
      >>> found.colors.shape, len(np.unique(found.indices))
      ((4, 3), 4)

    References:
      Floyd and Steinberg, An adaptive algorithm for spatial greyscale, 1976.
      Ottosson, A perceptual color space for image processing, 2020,
      https://bottosson.github.io/posts/oklab/.
    """
    key, k = check_key(key), check_count(k, "k", high=256)
    for name, value in (("dither", dither), ("perceptual", perceptual)):
        if not 0 <= value <= 1:
            raise ConfigError(f"{name} must be between 0 and 1, not {value!r}")
    pixels = np.asarray(check_picture(image))
    if pixels.shape[2] == 1:
        pixels = pixels.repeat(3, axis=2)
    found, p = distinct(pixels), np.float32(perceptual)
    exact = len(found.colors) <= k
    parts = list(_parts(found))
    colors = found.colors if exact else _colors(key, found, parts, k, p)
    if dither and not exact:
        indices = dithered(pixels, colors, dither)
    else:
        table = _table(colors)
        labels = [np.asarray(_step(*part, *table, p)[1], np.uint8) for part in parts]
        indices = _everywhere(pixels, found.colors, np.concatenate(labels)[: len(found.colors)])
    return _ordered(indices, colors)


def _colors(
    key: KeyArray, found: Counts, parts: list[tuple[Array, Array]], k: int, p: np.float32
) -> np.ndarray:
    """`uint8` colours (k or fewer, c), all different."""
    rows, weights = padded(gathered([found]))
    room = next(room for room in _ROOMS if room >= max(k + 2, k + k // 8))
    sums = _start(key, rows, weights, np.int32(k), p, np.int32(_BREATHS), room=room)
    colors = _means(np.asarray(sums)[:k], rows[:k], p)
    for _ in range(_STEPS if len(found.weights) <= _EXACT else 0):
        table = _table(colors)
        every = [np.asarray(_step(*part, *table, p)[0], np.float64) for part in parts]
        colors = _means(np.sum(every, axis=0)[:k], colors, p)
    return np.unique(_levels(colors), axis=0)


def _table(colors: np.ndarray) -> tuple[np.ndarray, np.int32]:
    """Colours 0…1 with room for more, and how many there are."""
    values = colors / np.float32(255) if colors.dtype == np.uint8 else colors
    room = next(room for room in _ROOMS if room >= len(values))
    table = np.zeros((room, values.shape[1]), np.float32)
    table[: len(values)] = values
    return table, np.int32(len(values))


def _levels(colors: np.ndarray) -> np.ndarray:
    return np.round(255 * colors).clip(0, 255).astype(np.uint8)


def _parts(found: Counts) -> Iterator[tuple[Array, Array]]:
    """Distinct colours in parts of one length: their coordinates, and their weights."""
    total = found.weights.sum()
    for start in range(0, len(found.weights), _BLOCK):
        part = slice(start, start + _BLOCK)
        rows = np.zeros((_BLOCK, found.colors.shape[1]), np.float32)
        weights = np.zeros(_BLOCK, np.float32)
        rows[: len(found.colors[part])] = found.colors[part] / np.float32(255)
        weights[: len(found.weights[part])] = found.weights[part] / total
        yield _coordinates(rows), jnp.asarray(weights)


@jax.jit
def _coordinates(colors: Array) -> Array:
    """(n, 6 or 7): sRGB, OKLab, and alpha where there is one."""
    return jnp.concatenate([colors[:, :3], srgb_to_oklab(colors[:, :3]), colors[:, 3:]], axis=1)


def _points(coordinates: Array, p: Array) -> Array:
    """What is compared: squared distances are those that `quantize` minimises.

    Of a clear pixel αX is seen over black and αX + (1 − α)W over white W; the mean of the two
    squared differences is that of α(X − W/2) and α|W|/2.
    """
    near, far = jnp.sqrt(1 - p), jnp.sqrt(p)
    scale = jnp.stack([near, near, near, far, far, far])[None]
    white = jnp.asarray([[1, 1, 1, 1, 0, 0]], coordinates.dtype) * scale
    points = coordinates[:, :6] * scale
    if coordinates.shape[1] == 6:
        return points
    alpha = coordinates[:, 6:]
    half = jnp.sqrt(jnp.sum(white**2)) / 2
    return jnp.concatenate([alpha * (points - white / 2), alpha * half], axis=1)


def _sums(coordinates: Array, weights: Array, labels: Array, k: int) -> Array:
    """Of each cluster (k, 8): weight, what of it is seen, and the sums of what is seen."""
    seen = coordinates[:, 6:] if coordinates.shape[1] > 6 else jnp.ones_like(coordinates[:, :1])
    values = jnp.concatenate([jnp.ones_like(seen), seen, seen * coordinates[:, :6]], axis=1)
    return group_sums(values, labels, weights, k)


@partial(jax.jit, static_argnames="room")
def _start(
    key: KeyArray, rows: Array, weights: Array, k: Array, p: Array, breaths: Array, *, room: int
) -> Array:
    coordinates = _coordinates(rows)
    points = _points(coordinates, p)
    centers = search(key, points, weights, k, breaths, room=room)
    return _sums(coordinates, weights, _nearest(points, centers, k), room)


def _nearest(points: Array, centers: Array, k: Array) -> Array:
    """Which of the first k centres is nearest."""
    there = jnp.arange(len(centers), dtype=jnp.int32) < k
    return nearest_centers(points, jnp.where(there[:, None], centers, jnp.inf))[0]


@jax.jit
def _step(
    coordinates: Array, weights: Array, colors: Array, k: Array, p: Array
) -> tuple[Array, Array]:
    """The sums of the rows nearest to each of k colours, and which one that is of each row."""
    labels = _nearest(_points(coordinates, p), _points(_coordinates(colors), p), k)
    return _sums(coordinates, weights, labels, len(colors)), labels


def _means(sums: ArrayLike, before: np.ndarray, p: np.float32) -> np.ndarray:
    """The colour that differs least from each cluster: between its means in sRGB and in OKLab.

    A step in OKLab is about √⅓ of one in sRGB, which weighs the two means; exact for p = 0 and 1.
    """
    sums = np.asarray(sums, np.float64)
    mass, seen = sums[:, :1], sums[:, 1:2]
    means = sums[:, 2:] / np.where(seen > 0, seen, 1)
    oklab = np.asarray(oklab_to_srgb(means[:, 3:].astype(np.float32)), np.float64)
    share = float(p) / (float(p) + 3 * (1 - float(p)))
    colors = ((1 - share) * means[:, :3] + share * oklab).clip(0, 1)
    if before.shape[1] == 4:
        colors = np.concatenate([colors, seen / np.where(mass > 0, mass, 1)], axis=1)
    return np.where(mass > 0, colors, before).astype(np.float32)


def _everywhere(pixels: np.ndarray, colors: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The label of each pixel, from those of the distinct colours in the order of their codes."""
    h, w, depth = pixels.shape
    codes, flat = codes_of(colors), pixels.reshape(-1, depth)
    table = np.zeros(2**24 if depth == 3 else 0, np.uint8)
    if depth == 3:
        table[codes] = labels
    found = np.empty(h * w, np.uint8)
    for start in range(0, h * w, 2**20):
        piece = codes_of(flat[start : start + 2**20])
        one = table[piece] if depth == 3 else labels[np.searchsorted(codes, piece)]
        found[start : start + 2**20] = one
    return found.reshape(h, w)


def _ordered(indices: np.ndarray, colors: np.ndarray) -> Quantized:
    """The most frequent colour first, and none that no pixel has."""
    counts = np.bincount(indices.reshape(-1), minlength=len(colors))
    order = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
    table = np.zeros(len(colors), np.uint8)
    table[order] = np.arange(len(order), dtype=np.uint8)
    return Quantized(table[indices], colors[order], counts[order] / indices.size)
