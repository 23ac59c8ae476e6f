"""The XLA program of SLIC: k-means of pixels in tiles, each with the nine centres around it.

A tile is a square of pixels that share their nine centres, so that distances are arithmetic of
whole arrays with nothing to look up: numbers of centres are found per tile.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .._typing import Array
from ..features import srgb_to_xyz
from ._segments import LINEAR

AROUND = 9
"""Centres that a pixel is compared with: its cell's, and those of the cells around."""

_SAMPLES = 4  # lines of a tile, each way, that are enough to find the centres


class _Pixels(NamedTuple):
    """What is clustered; lengths are in units of S, colours in units of the compactness.

    Attributes:
      colors: L*, a* and b* of the p pixels of each of t tiles, (t, p) each.
      inside: (t, p) whether there is a pixel.
      place: (t, 2) of the middle of the tile.
      offsets: (p, 2) from there.
      near: (9, t) numbers of centres.
    """

    colors: tuple[Array, Array, Array]
    inside: Array
    place: Array
    offsets: Array
    near: Array


@partial(jax.jit, static_argnames=("side",))
def cluster_tiles(
    pixels: Array,
    inside: Array,
    place: Array,
    near: Array,
    start: Array,
    unit: Array,
    scale: Array,
    max_iter: Array,
    *,
    side: int,
) -> Array:
    """The nearest centre of each pixel, (t, p) int32; −1 where there is no pixel.

    Args:
      pixels: (3, t, p) `uint8` sRGB of the p pixels of each of t tiles.
      inside: (t, p) whether there is a pixel.
      place: (t, 2) of the middle of the tile, from that of the picture in units of S.
      near: (9, t) numbers of the tile's centres.
      start: (m, 2) places of the centres, of which the last is none.
      unit: 1 / S, S in pixels.
      scale: 1 / compactness.
      max_iter: iterations.
      side: of a tile, in pixels: p = side².
    """

    def every(step: int) -> _Pixels:
        """Those of every so many rows and columns."""
        lines = np.arange(step // 2, side, step)
        chosen = (lines[:, None] * side + lines).reshape(-1)
        places = np.stack(np.divmod(chosen, side), axis=1) - (side - 1) / 2
        some = pixels[..., chosen] if step > 1 else pixels
        return _Pixels(
            _lab(some, scale),
            inside[:, chosen] if step > 1 else inside,
            place,
            jnp.asarray(places, jnp.float32) * unit,
            near,
        )

    step = max(1, side // _SAMPLES)
    some = every(step)
    centers = jnp.concatenate([start, jnp.zeros((len(start), 3), start.dtype)], axis=1)
    none = jnp.full(some.inside.shape, AROUND, jnp.int8)

    def turn(i: Array, carried: tuple[Array, Array]) -> tuple[Array, Array]:
        # Labels of the turn before: places alone decide on the first.
        centers = _means(some, carried[1], carried[0])
        return centers, _nearest(some, centers, jnp.where(i > 0, np.float32(1), np.float32(0)))

    centers, which = lax.fori_loop(0, max_iter + 1, turn, (centers, none))
    if step == 1:
        return _named(near, which, -1)
    centers = _means(some, which, centers)
    return _named(near, _nearest(every(1), centers, np.float32(1)), -1)


def _lab(pixels: Array, scale: Array) -> tuple[Array, Array, Array]:
    """CIELAB of 8-bit sRGB (3, …), channel by channel.

    As `srgb_to_lab`, but for cube roots from logarithms, and no axis of length 3 to be put
    together: a tenth of the time on a CPU.
    """
    table = jnp.asarray(LINEAR)
    matrix = srgb_to_xyz(jnp.eye(3, dtype=jnp.float32))
    matrix = matrix / jnp.sum(matrix, axis=0)[None]  # white is (1, 1, 1)
    light = [table[pixels[j].astype(jnp.int32)] for j in range(3)]
    edge = 6 / 29

    def root(t: Array) -> Array:
        cube = jnp.exp(jnp.log(jnp.maximum(t, edge**3)) / 3)
        return jnp.where(t > edge**3, cube, t / (3 * edge**2) + 4 / 29)

    red, green, blue = light
    x, y, z = (root(a * red + b * green + c * blue) for a, b, c in matrix.T)
    return (116 * y - 16) * scale, 500 * (x - y) * scale, 200 * (y - z) * scale


def _nearest(pixels: _Pixels, centers: Array, weight: Array | np.float32) -> Array:
    """Which of its nine centres each pixel is nearest to, the first of equals; 9 where none is.

    Args:
      pixels: (t, p) of them.
      centers: places and colours.
      weight: of squared distances of colours.
    """
    near = jnp.take(centers, pixels.near.reshape(-1), axis=0)
    near = near.reshape(*pixels.near.shape, 5).transpose(0, 2, 1)
    row = near[:, 0] - pixels.place[None, :, 0]
    column = near[:, 1] - pixels.place[None, :, 1]
    best = jnp.full(pixels.inside.shape, jnp.inf, centers.dtype)
    which = jnp.zeros(best.shape, jnp.int8)
    for i in range(AROUND):
        color = sum((pixels.colors[j] - near[i, 2 + j][:, None]) ** 2 for j in range(3))
        down = pixels.offsets[None, :, 0] - row[i][:, None]
        across = pixels.offsets[None, :, 1] - column[i][:, None]
        distance = down**2 + across**2 + weight * color
        which = jnp.where(distance < best, jnp.int8(i), which)
        best = jnp.minimum(distance, best)
    return jnp.where(pixels.inside, which, jnp.int8(AROUND))


def _named(near: Array, which: Array, none: int) -> Array:
    """Numbers of the centres."""
    numbers = jnp.full(which.shape, none, jnp.int32)
    for i in range(AROUND):
        numbers = jnp.where(which == i, near[i][:, None], numbers)
    return numbers


def _means(pixels: _Pixels, which: Array, centers: Array) -> Array:
    """Means of the pixels of each centre; one without pixels stays."""
    tiles, size = which.shape
    block = min(max(1, 2**14 // size), tiles & -tiles)  # of tiles: what stays in cache
    last = tiles // block

    def add(i: Array, carried: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        sums, numbers, rows = carried
        # Rows of the turn before: those of this one would be made anew for every number of a row.
        sums = sums.at[numbers].add(rows)
        start = jnp.minimum(i, last - 1) * block

        def part(x: Array, axis: int = 0) -> Array:
            return lax.dynamic_slice_in_dim(x, start, block, axis)

        numbers = _named(part(pixels.near, 1), part(which), len(centers) - 1).reshape(-1)
        place = part(pixels.place)
        at = [place[:, j : j + 1] + pixels.offsets[None, :, j] for j in range(2)]
        one = jnp.ones((block, size), at[0].dtype)
        columns = [*at, *(part(color) for color in pixels.colors), one]
        return sums, numbers, jnp.stack(columns, axis=-1).reshape(-1, 6)

    none = jnp.zeros(block * size, jnp.int32), jnp.zeros((block * size, 6), centers.dtype)
    sums = jnp.zeros((len(centers), 6), centers.dtype)
    sums = lax.fori_loop(0, last + 1, add, (sums, *none))[0]
    mass = sums[:, 5:]
    return jnp.where(mass > 0, sums[:, :5] / jnp.maximum(mass, 1), centers)
