"""SLIC superpixels: k-means in colour and place, each pixel with the centres around it only."""

from typing import NamedTuple

import numpy as np

from .._checks import check_number
from .._typing import Int, UInt8
from ._connected import connected
from ._segments import Parts, Segments, check_amount, check_visible
from ._slic_tiles import AROUND, cluster_tiles


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

    Cost: O(h w max_iter), whatever `n_segments`. Peak extra memory: some 50 bytes a pixel, and
    200 more where segments have fewer than 16 pixels.

    Args:
      image: (h, w) or (h, w, c) `uint8`, c = 1 grey, 3 sRGB or 4 with alpha; pixels of alpha 0
        belong to no segment.
      n_segments: about how many; the result may have some more or fewer.
      compactness: how much place counts beside colour: small values follow the finest outlines,
        large ones give squares. 10 suits photographs.
      max_iter: iterations.
      min_size: patches smaller than this share of a segment's mean size are joined to another.

    Returns:
      `Segments`, numbered in the order in which rows of pixels meet them.

    Raises:
      DataError: when all of `image` is transparent.
      TypeError: when it is not `uint8`.
      ValueError: for another shape, `n_segments` below 1 or above the number of pixels, and
        `compactness` not above 0.

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
        check_visible(image), n_segments, compactness, max_iter, min_size, "n_segments"
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
    tiles = _rounded(down * across)
    centers = 1 << max(
        8, (grid.rows * grid.columns).bit_length()
    )  # and one for pixels that are not there
    pixels = np.zeros((3, tiles, side * side), np.uint8)
    for channel in range(3):
        plane = image[..., channel if image.shape[2] > 1 else 0]
        _into_tiles(plane, side, pixels[channel])
    inside = np.zeros((tiles, side * side), bool)
    _into_tiles(np.ones((height, width), bool) if there is None else there, side, inside)
    middle = (np.stack(np.divmod(np.arange(down * across), across), axis=1) + 0.5) * side
    place = np.zeros((tiles, 2), np.float32)
    place[: len(middle)] = (middle - [height / 2, width / 2]) / grid.side
    near = np.zeros((AROUND, tiles), np.int32)
    near[:, : len(middle)] = _around(middle, height, width, grid)
    start = np.zeros((centers, 2), np.float32)
    cells = np.stack(np.divmod(np.arange(grid.rows * grid.columns), grid.columns), axis=1) + 0.5
    start[: len(cells)] = (
        cells * [height / grid.rows, width / grid.columns] - [height / 2, width / 2]
    ) / grid.side
    labels = np.asarray(
        cluster_tiles(
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


def _rounded(count: int) -> int:
    """A number of four bits and zeros: pictures of about one size share a program."""
    count = max(count, 256)
    zeros = count.bit_length() - 4
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
