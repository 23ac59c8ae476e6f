"""The transformer network over a picture of any size, in tiles, with the norms of the whole.

A norm needs means over the whole picture, so tiles cannot go through the network one after the
other: each layer goes over all tiles before the next begins, and what it gives waits on the host.
Tiles overlap by what a kernel sees beyond its pixel, so the result is that of `stylize`. As all
tiles have one shape, pictures of all sizes share the programs.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .._typing import Array, Float
from ._transformer import (
    StyleTransformer,
    affine,
    contract,
    convolve,
    doubled,
    norms_of,
)

_SMALL, _LARGE = 32, 96  # sides of tiles in pixels of a quarter of the size
_FEW = 1 << 20  # pixels of a picture, up to which tiles are small
_MOST = np.float32(30)  # beyond, a sigmoid is 0 or 1

Index = np.ndarray


class _Tile(NamedTuple):
    """A square of a map: first row and column, and its side."""

    top: int
    left: int
    side: int

    def times(self, factor: int) -> "_Tile":
        return _Tile(*(factor * part for part in self))


class _Moments:
    """Mean and variance of each channel, from those of tiles (Chan et al. 1979)."""

    def __init__(self) -> None:
        self.count, self.mean, self.squares = 0.0, np.zeros(()), np.zeros(())

    def add(self, count: Array, mean: Array, squares: Array) -> None:
        n, new = float(count), np.asarray(mean, np.float64)
        total = self.count + n
        apart = new - self.mean
        self.squares = self.squares + np.asarray(squares, np.float64)
        self.squares = self.squares + apart**2 * (self.count * n / total)
        self.mean = self.mean + apart * (n / total)
        self.count = total

    def norm(self, scale: Array, shift: Array) -> tuple[np.ndarray, np.ndarray]:
        """Factor and summand of the norm."""
        mean, variance = (np.float32(v) for v in (self.mean, self.squares / self.count))
        factor, summand = affine(jnp.asarray(mean), jnp.asarray(variance), scale, shift)
        return np.asarray(factor), np.asarray(summand)


def _inside(start: int, count: int, length: int) -> Index:
    """Places start, start + 1, …, reflected where they lie beyond the edges of a map.

    Those so far outside that no pixel of the map sees them are brought to its edge.
    """
    places = np.abs(np.arange(start, start + count))
    return np.clip(np.minimum(places, 2 * (length - 1) - places), 0, length - 1)


def _nearest(start: int, count: int, length: int) -> Index:
    return np.clip(np.arange(start, start + count), 0, length - 1)


def _within(start: int, count: int, length: int) -> Index:
    """Where in the tile the reflection of each of its places lies."""
    return np.clip(_inside(start, count, length) - start, 0, count - 1).astype(np.int32)


def _cut(
    whole: np.ndarray, tile: _Tile, margin: int, places: Callable[[int, int, int], Index] = _inside
) -> np.ndarray:
    """A tile of a map (h, w, c) with a margin."""
    (h, w), side = whole.shape[:2], tile.side + 2 * margin
    top, left = tile.top - margin, tile.left - margin
    if min(top, left) >= 0 and top + side <= h and left + side <= w:
        return whole[top : top + side, left : left + side][None]
    rows = whole[places(top, side, h)]
    return rows[:, places(left, side, w)][None]


def _put(whole: np.ndarray, tile: _Tile, part: Array) -> None:
    """Writes a tile (1, side, side, c) into a map, as far as it lies inside."""
    place = whole[tile.top : tile.top + tile.side, tile.left : tile.left + tile.side]
    place[...] = np.asarray(part)[0, : place.shape[0], : place.shape[1]]


def _moments(x: Array, size: Array) -> tuple[Array, Array, Array]:
    """Number, mean and sum of squared differences of the first `size` rows and columns."""
    inside = [jnp.arange(side, dtype=size.dtype) < size[i] for i, side in enumerate(x.shape[1:3])]
    held = (inside[0][:, None] & inside[1][None])[None, :, :, None]
    count = (size[0] * size[1]).astype(x.dtype)
    mean = jnp.sum(jnp.where(held, x, 0), axis=(0, 1, 2)) / count
    return (
        count,
        mean,
        jnp.sum(jnp.where(held, (x - mean[None, None, None]) ** 2, 0), axis=(0, 1, 2)),
    )


def _affine(x: Array, factor: Array, summand: Array) -> Array:
    return x * factor[None, None, None] + summand[None, None, None]


@jax.jit
def _contract(net: StyleTransformer, x: Array, half: Array, quarter: Array) -> Array:
    """A tile of `contract`; the indices reflect rows and columns before the second and third."""

    def at(index: Array) -> Callable[[Array], Array]:
        return lambda y: jnp.take(jnp.take(y, index[0], axis=1), index[1], axis=2)

    return contract(net, x, at(half), at(quarter))


@partial(jax.jit, static_argnames="double")
def _layer(
    kernel: Array, x: Array, factor: Array, summand: Array, least: Array, size: Array, double: bool
) -> tuple[Array, tuple[Array, Array, Array]]:
    """Norm, maximum with `least`, convolution; and the moments of what comes out."""
    y = convolve(jnp.maximum(_affine(x, factor, summand), least), kernel)
    y = doubled(y) if double else y
    return y, _moments(y, size)


@jax.jit
def _last(
    kernels: tuple[Array, Array], x: Array, norms: tuple[Array, ...], size: Array, index: Array
) -> tuple[Array, tuple[Array, Array, Array]]:
    """The last two layers; the index reflects rows and columns between them."""
    factor, summand, then, plus = norms
    y = doubled(convolve(jnp.maximum(_affine(x, factor, summand), 0), kernels[0]))
    y = jnp.maximum(_affine(y, then, plus), 0)
    y = jnp.take(jnp.take(y, index[0], axis=1), index[1], axis=2)
    y = convolve(y, kernels[1])
    return y, _moments(y, size)


def stylize_tiled(
    net: StyleTransformer,
    picture: Float[np.ndarray, "h w 3"],
    style: Float[np.ndarray, " 100"],
    *,
    side: int | None = None,
) -> Float[np.ndarray, "h w 3"]:
    """What `stylize` gives for one picture, in tiles.

    Cost as that of `stylize` and a fifth more; peak extra memory 28 bytes a pixel and a few
    megabytes for a tile: 0.7 GB for 6,000 × 4,000.

    Args:
      net: of `style_transformer`.
      picture: `uint8`, or values 0…1; h and w multiples of 4, at least 16.
      style: one style.
      side: of tiles in quarter pixels, for tests; even.
    """
    h, w = picture.shape[:2]
    high, wide = h // 4, w // 4
    side = side or (_SMALL if h * w <= _FEW else _LARGE)
    scales, shifts = norms_of(net, jnp.asarray(style, jnp.float32)[None])
    norms = iter([(scale[0], shift[0]) for scale, shift in zip(scales, shifts, strict=True)])
    tiles = [_Tile(i, j, side) for i in range(0, high, side) for j in range(0, wide, side)]

    def sized(tile: _Tile, factor: int) -> np.ndarray:
        ends = min(tile.side, high - tile.top), min(tile.side, wide - tile.left)
        return np.array(ends, np.int32) * np.int32(factor)

    def over(
        kernel: Array,
        source: np.ndarray,
        out: np.ndarray | None,
        before: tuple[np.ndarray, np.ndarray],
        least: float = 0.0,
        double: bool = False,
    ) -> tuple[np.ndarray, np.ndarray]:
        """One layer over all tiles of a map; its norm comes back."""
        found = _Moments()
        grown = source.shape[0] // high  # 1 for a quarter of the size, 2 for a half
        places = _nearest if double else _inside
        factor, summand = before
        for tile in tiles:
            x = _cut(source, tile.times(grown), 1, places)
            size = sized(tile, grown * (1 + double))
            y, moments = _layer(kernel, x, factor, summand, np.float32(least), size, double=double)
            found.add(*moments)
            if out is not None:
                _put(out, tile.times(grown * (1 + double)), y)
        return found.norm(*next(norms))

    x = np.empty((high, wide, 32), np.float32)
    for tile in tiles:
        _put(x, tile, _contracted(net, picture, tile))
    as_is = np.ones(32, np.float32), np.zeros(32, np.float32)
    y, z = np.empty_like(x), np.empty_like(x)
    for first, second in zip(net.residual[::2], net.residual[1::2], strict=True):
        factor, summand = over(second, y, z, over(first, x, y, as_is, -np.inf))
        for row in range(high):
            x[row] += z[row] * factor + summand
    del y, z
    half = np.empty((2 * high, 2 * wide, 16), np.float32)
    one, two, last = net.expand
    before = over(one, x, half, as_is, -np.inf, double=True)
    del x
    then = over(two, half, None, before, double=True)
    found, out = _Moments(), np.empty((h, w, 3), np.float32)
    for tile in tiles:
        whole = tile.times(4)
        index = _reflections(whole.top - 4, whole.left - 4, whole.side + 8, (h, w))
        part = _cut(half, tile.times(2), 3, _nearest)
        drawn, moments = _last((two, last), part, (*before, *then), sized(tile, 4), index)
        found.add(*moments)
        _put(out, whole, drawn)
    factor, summand = found.norm(*next(norms))
    for row in range(h):
        logits = np.clip(out[row] * factor + summand, -_MOST, _MOST)
        out[row] = 1 / (1 + np.exp(-logits))
    return out


def _reflections(top: int, left: int, side: int, shape: tuple[int, int]) -> np.ndarray:
    return np.stack([_within(top, side, shape[0]), _within(left, side, shape[1])])


def _contracted(net: StyleTransformer, picture: np.ndarray, tile: _Tile) -> Array:
    """The tile of a quarter of the size that `contract` makes of a picture.

    Its row i is made of rows 2i − 1 … 2i + 1 of the half, and so are those of the whole.
    """
    (h, w), side = picture.shape[:2], tile.side
    top, left = 4 * tile.top - 7, 4 * tile.left - 7
    length = 4 * side + 11
    if min(top, left) >= 0 and top + length <= h and left + length <= w:
        x = picture[top : top + length, left : left + length]
    else:
        x = picture[_inside(top, length, h)][:, _inside(left, length, w)]
    if x.dtype == np.uint8:
        x = x / np.float32(255)
    full = _reflections(top + 4, left + 4, 4 * side + 3, (h, w))
    half = _reflections(2 * tile.top - 1, 2 * tile.left - 1, 2 * side + 1, (h // 2, w // 2))
    return _contract(net, x[None], full, half)
