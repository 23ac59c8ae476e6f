"""SLIC superpixels: k-means in colour and place, each pixel with the centres around it only."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .._checks import check_number
from .._typing import Array, Int, UInt8
from ..features import srgb_to_xyz
from ._connected import connected
from ._segments import LINEAR, Parts, Segments, check_amount, check_picture

_AROUND = 9  # centres that a pixel is compared with: its cell's, and those of the cells around
_SAMPLES = 4  # lines of a tile, each way, that are enough to find the centres


def slic(
    image: UInt8[np.ndarray, "h w c"],
    n_segments: int,
    *,
    compactness: float = 10.0,
    max_iter: int = 10,
    min_size: float = 0.25,
) -> Segments:
    """Superpixels: connected patches of one colour, about equally large, that keep to the outlines.

    k-means of pixels with D² = (ΔE / compactness)² + (distance / S)², where ΔE is the distance in
    CIELAB and S the side of a square of h w / n_segments pixels. Centres start on a regular grid,
    and a pixel is compared with the nine centres that started around it. Where segments have many
    pixels, iterations look at some of them, evenly spread, and only the labels are those of all.
    Patches that are small or cut off from the others of their centre then
    go to the neighbour of the nearest colour.

    Deterministic. The clustering is one XLA program, compiled once for pictures of about one size;
    connecting the patches is done on the host, from runs of pixels.

    Cost: O(h w max_iter), whatever `n_segments`. Peak extra memory: some 50 bytes a pixel.

    Args:
      image: (h, w, c) `uint8`, c = 1 grey, 3 sRGB or 4 with alpha; pixels of alpha 0 belong to no
        segment.
      n_segments: about how many; the result may have some more or fewer.
      compactness: how much place counts beside colour: small values follow the finest outlines,
        large ones give squares. 10 suits photographs.
      max_iter: iterations.
      min_size: patches smaller than this share of a segment's mean size are joined to another.

    Returns:
      `Segments`, numbered in the order in which rows of pixels meet them.

    Raises:
      DataError: when `image` is no picture, or all of it is transparent.
      ValueError: for `n_segments` below 1 or above the number of pixels, `compactness` not above 0.

    Example:
      >>> import numpy as np
      >>> from clusterart_jax.art import slic
      >>> image = np.zeros((32, 32, 3), np.uint8)
      >>> image[:, 13:] = 255
      >>> found = slic(image, 16)
      >>> bool((found.labels[:, 12] != found.labels[:, 13]).all())
      True

    References:
      Achanta, Shaji, Smith, Lucchi, Fua and Süsstrunk, SLIC superpixels compared to
      state-of-the-art superpixel methods, 2012, doi:10.1109/TPAMI.2012.120.
    """
    return superpixels(
        check_picture(image), n_segments, compactness, max_iter, min_size, "n_segments"
    ).segments()


def superpixels(
    image: UInt8[np.ndarray, "h w c"],
    count: int,
    compactness: float = 10.0,
    max_iter: int = 10,
    min_size: float = 0.25,
    name: str = "n_superpixels",
) -> Parts:
    """The same with sums in place of means; `name` is that of `count` where it cannot be."""
    height, width, depth = image.shape
    count = check_amount(count, name, height * width)
    check_number(compactness, "compactness", np.float32, above=True, low=0)
    check_amount(max_iter, "max_iter")
    check_number(min_size, "min_size", np.float32, low=0)
    there = image[..., 3] > 0 if depth == 4 else None
    area = height * width if there is None else int(there.sum())
    grid = grid_of(height, width, min(count * height * width / area, height * width))
    found = _labels(image, there, grid, float(compactness), max_iter)
    return connected(image, found, min_size * area / count)


class Grid(NamedTuple):
    """Cells in which centres start.

    Attributes:
      rows, columns: how many.
      side: S, the root of a cell's area, in pixels.
    """

    rows: int
    columns: int
    side: float


def grid_of(height: int, width: int, count: float) -> Grid:
    """About `count` cells, as square as can be."""
    rows = min(max(1, round((count * height / width) ** 0.5)), height)
    columns = min(max(1, round(count / rows)), width)
    return Grid(rows, columns, (height * width / rows / columns) ** 0.5)


def _labels(
    image: np.ndarray, there: np.ndarray | None, grid: Grid, compactness: float, max_iter: int
) -> Int[np.ndarray, "h w"]:
    """The nearest centre of each pixel, −1 where none is."""
    height, width = image.shape[:2]
    side = 1 << int(np.log2(max(grid.side / 2, 1)))
    down, across = -(-height // side), -(-width // side)
    tiles = rounded(down * across)
    centers = rounded(grid.rows * grid.columns + 1)
    pixels = np.zeros((3, tiles, side * side), np.uint8)
    for channel in range(3):
        plane = image[..., channel if image.shape[2] > 1 else 0]
        _into_tiles(plane, side, pixels[channel])
    inside = np.zeros((tiles, side * side), bool)
    _into_tiles(np.ones((height, width), bool) if there is None else there, side, inside)
    middle = np.stack(np.divmod(np.arange(down * across), across), axis=1) * side + (side - 1) / 2
    place = np.zeros((tiles, 2), np.float32)
    place[: len(middle)] = (middle - [height / 2, width / 2]) / grid.side
    near = np.zeros((_AROUND, tiles), np.int32)
    near[:, : len(middle)] = _around(middle, height, width, grid)
    start = np.zeros((centers, 2), np.float32)
    cells = np.stack(np.divmod(np.arange(grid.rows * grid.columns), grid.columns), axis=1) + 0.5
    start[: len(cells)] = (
        cells * [height / grid.rows, width / grid.columns] - [height / 2, width / 2]
    ) / grid.side
    labels = np.asarray(
        _cluster(
            pixels,
            inside,
            place,
            near,
            start,
            np.float32(1 / grid.side),
            np.float32(1 / compactness),
            np.int32(max_iter),
            side=side,
        )
    )
    whole = labels[: down * across].reshape(down, across, side, side).swapaxes(1, 2)
    return whole.reshape(down * side, across * side)[:height, :width]


def rounded(count: int) -> int:
    """A number of four bits and zeros, so that pictures of about one size share a program."""
    zeros = max(0, count.bit_length() - 4)
    return -(-count >> zeros) << zeros


def _into_tiles(plane: np.ndarray, side: int, tiles: np.ndarray) -> None:
    height, width = plane.shape
    down, across = -(-height // side), -(-width // side)
    if (down * side, across * side) != plane.shape:
        plane = np.pad(plane, ((0, down * side - height), (0, across * side - width)))
    cut = plane.reshape(down, side, across, side).swapaxes(1, 2)
    tiles[: down * across].reshape(down, across, side, side)[:] = cut


def _around(middle: np.ndarray, height: int, width: int, grid: Grid) -> np.ndarray:
    """The nine centres of each tile; at the picture's edge some are farther in, or the same."""
    row = (middle[:, 0] * grid.rows / height).astype(np.int32)
    column = (middle[:, 1] * grid.columns / width).astype(np.int32)
    row = np.clip(row, 1, max(1, grid.rows - 2))
    column = np.clip(column, 1, max(1, grid.columns - 2))
    near = [
        np.minimum(row + i, grid.rows - 1) * grid.columns + np.minimum(column + j, grid.columns - 1)
        for i in (-1, 0, 1)
        for j in (-1, 0, 1)
    ]
    return np.stack(near)


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
def _cluster(
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
    none = jnp.full(some.inside.shape, _AROUND, jnp.int8)

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

    x, y, z = (root(sum(matrix[j, i] * light[j] for j in range(3))) for i in range(3))  # type: ignore[arg-type]
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
    for i in range(_AROUND):
        color = sum((pixels.colors[j] - near[i, 2 + j][:, None]) ** 2 for j in range(3))
        down = pixels.offsets[None, :, 0] - row[i][:, None]
        across = pixels.offsets[None, :, 1] - column[i][:, None]
        distance = down**2 + across**2 + weight * color
        which = jnp.where(distance < best, jnp.int8(i), which)
        best = jnp.minimum(distance, best)
    return jnp.where(pixels.inside, which, jnp.int8(_AROUND))


def _named(near: Array, which: Array, none: int) -> Array:
    """Numbers of the centres."""
    numbers = jnp.full(which.shape, none, jnp.int32)
    for i in range(_AROUND):
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
