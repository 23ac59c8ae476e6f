"""Photo-mosaics: a picture made of thousands of pictures, each where its colours fit."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .._checks import check_count, check_key
from .._errors import ConfigError, DataError
from .._typing import Float, Int, KeyArray, UInt8
from ..cluster import kmeans
from ..features import srgb_to_oklab
from ._counts import check_picture
from ._photo import of_colors, photo_of, shares

_GRID = 4  # tiles are compared by the colours of 4 x 4 fields
_CLUSTERS = 64
_CHOICE = 128  # tiles that a place can choose from
_ROUND = 2**22  # numbers computed at a time
_MOST_PIXELS = 2**28


class Mosaic(NamedTuple):
    """Which tile lies where.

    Attributes:
      tiles: (rows, columns) number of the tile at each place, −1 where the picture is transparent.
      colors: (rows, columns, 3) mean sRGB of the picture at each place, 0…1.
      clusters: (n,) the cluster of each tile, by k-means of their colours.
      error: root mean squared OKLab distance of fields of the tiles to those of the picture.
    """

    tiles: Int[np.ndarray, "rows columns"]
    colors: Float[np.ndarray, "rows columns 3"]
    clusters: Int[np.ndarray, " n"]
    error: float


def mosaic(
    key: KeyArray,
    image: Any,
    tiles: UInt8[Any, "n s s c"],
    columns: int = 64,
    *,
    apart: int = 5,
    variety: float = 1.0,
) -> Mosaic:
    """Chooses a tile for each place of a picture, unlike those near by.

    Tiles and places are compared by 4 × 4 fields in OKLab. Tiles are clustered by k-means; a place
    is compared with those of the clusters nearest to its own, and may choose one of the best 128.
    Places choose in random order; a tile costs the more, the more of it lie near by.

    Cost O(n + m n / √n) for n tiles and m places, and O(m apart²) for the choice (about 0.5 s for
    10,000 places); memory some 400 bytes a tile and 2 kB a place.

    Args:
      key: of the clusters and of the order.
      image: `uint8`, (h, w, c) with c = 1, 3 or, with alpha, 4; places mostly clear stay empty.
      tiles: `uint8` (n, s, s, c), c = 1 or 3, s ≥ 4.
      columns: tiles side by side, 1…1,000; as many rows as the shape of the picture asks for.
      apart: from how many places away on the same tile costs nothing, 0…20.
      variety: how much the same tile near by costs.

    Returns:
      `Mosaic`.

    Raises:
      ValueError: for another shape.
      TypeError: for another dtype.
      ConfigError: for options that cannot be.
      DataError: where the whole picture is transparent.

    Example:
      >>> import jax, numpy as np
      >>> from clusterart_jax import art
      >>> greys = np.repeat(np.uint8([0, 80, 160, 240]), 64).reshape(4, 8, 8, 1)
      >>> ramp = np.repeat(np.uint8([[0, 240]]), 16, axis=0).repeat(8, axis=1)
      >>> art.mosaic(jax.random.key(0), ramp, greys, 4, apart=0).tiles[0].tolist()
      [0, 0, 3, 3]
    """
    key = check_key(key)
    image = check_picture(image)
    tiles = _check_tiles(tiles)
    columns = check_count(columns, "columns", high=1000)
    apart = check_count(apart, "apart", low=0, high=20)
    if not (variety >= 0 and math.isfinite(variety)):
        raise ConfigError(f"variety must be at least 0, not {variety!r}")
    h, w = image.shape[:2]
    rows = max(1, round(columns * h / w))
    if rows > 4000:
        raise ConfigError(f"columns={columns} would make {rows} rows; ask for fewer")
    small = photo_of(image, rows * _GRID, columns * _GRID)
    shown = _fields(small.alpha[..., None], rows, columns).mean(axis=1) >= 0.5
    if not shown.any():
        raise DataError("image: no place of it is visible")
    places = _fields(of_colors(srgb_to_oklab, small.rgb), rows, columns)
    looks = _looks(tiles)
    begin, order = jax.random.split(key)
    k = min(len(looks), max(1, round(math.sqrt(len(looks)))), _CLUSTERS)
    found = kmeans(begin, jnp.asarray(looks), k, max_iter=30)
    clusters, centers = np.asarray(found.labels), np.asarray(found.centers)
    c = min(len(looks), _CHOICE if apart and variety else 1)
    choice, costs = _choices(places[shown], looks, clusters, centers, c)
    turns = np.asarray(jax.random.permutation(order, int(shown.sum())))
    where = np.flatnonzero(shown)
    chosen = _laid(choice, costs, where, turns, (rows, columns), apart, variety)
    far = np.sum((looks[chosen.ravel()[where]] - places[where]) ** 2, axis=1) / _GRID**2
    colors = _fields(small.rgb, rows, columns).reshape(rows, columns, _GRID**2, 3).mean(axis=2)
    return Mosaic(chosen, colors, clusters, float(np.sqrt(far.mean())))


def _check_tiles(tiles: Any) -> np.ndarray:
    found = np.asarray(tiles)
    if found.ndim != 4 or found.shape[3] not in (1, 3) or min(found.shape[:3]) < 1:
        raise ValueError(f"tiles must have shape (n, s, s, c) with c = 1 or 3, not {found.shape}")
    if min(found.shape[1:3]) < _GRID:
        raise ValueError(f"tiles must be of at least 4×4 pixels, not shape {found.shape}")
    if found.dtype != np.uint8:
        raise TypeError(f"tiles must be uint8 values 0…255, not {found.dtype}")
    return found


def _fields(pixels: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """(rows · 4, columns · 4, c) → (rows · columns, 16 c)."""
    c = pixels.shape[2]
    parts = pixels.reshape(rows, _GRID, columns, _GRID, c).transpose(0, 2, 1, 3, 4)
    return parts.reshape(rows * columns, -1)


def _looks(tiles: np.ndarray) -> Float[np.ndarray, "n 48"]:
    """The OKLab colours of the fields of each tile."""
    n, s, t, c = tiles.shape
    down, across = (shares(side, _GRID).toarray() for side in (s, t))
    means = np.empty((n, _GRID, _GRID, c), np.float32)
    step = max(1, _ROUND // (s * t * c))
    for i in range(0, n, step):
        rows = tiles[i : i + step].astype(np.float32).reshape(-1, s, t * c)
        means[i : i + step] = across @ (down @ rows).reshape(-1, _GRID, t, c)
    rgb = np.broadcast_to(means / 255, (*means.shape[:3], 3))
    return of_colors(srgb_to_oklab, rgb).reshape(n, -1)


def _choices(
    places: np.ndarray, looks: np.ndarray, clusters: np.ndarray, centers: np.ndarray, c: int
) -> tuple[Int[np.ndarray, "m c"], Float[np.ndarray, "m c"]]:
    """The c tiles most like each place, of the clusters nearest to it, and squared distances."""
    n, k = len(looks), len(centers)
    enough = min(n, max(4 * n // k, 2 * _CHOICE))
    own = np.concatenate(
        [
            _squares(places[i : i + 65536], centers).argmin(axis=1)
            for i in range(0, len(places), 65536)
        ]
    )
    near = np.argsort(_squares(centers, centers), axis=1, kind="stable")
    members = [np.flatnonzero(clusters == j) for j in range(k)]
    choice = np.empty((len(places), c), np.int32)
    costs = np.empty((len(places), c), np.float32)
    for j in range(k):
        pool = np.concatenate([members[i] for i in near[j]])
        reach = np.cumsum([len(members[i]) for i in near[j]])
        pool = pool[: reach[np.searchsorted(reach, enough)]]
        mine = np.flatnonzero(own == j)
        step = max(1, _ROUND // len(pool))
        for i in range(0, len(mine), step):
            some = mine[i : i + step]
            square = _squares(places[some], looks[pool])
            best = np.argpartition(square, c - 1, axis=1)[:, :c]
            square = np.take_along_axis(square, best, axis=1)
            rank = np.argsort(square, axis=1, kind="stable")
            choice[some] = pool[np.take_along_axis(best, rank, axis=1)]
            costs[some] = np.take_along_axis(square, rank, axis=1)
    return choice, costs


def _squares(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    square = np.sum(x**2, axis=1)[:, None] - 2 * x @ y.T + np.sum(y**2, axis=1)
    return np.maximum(square, 0)


def _laid(
    choice: np.ndarray,
    costs: np.ndarray,
    where: np.ndarray,
    turns: np.ndarray,
    shape: tuple[int, int],
    apart: int,
    variety: float,
) -> Int[np.ndarray, "rows columns"]:
    """Place by place the cheapest tile; tiles laid before cost by the square of their nearness."""
    if choice.shape[1] == 1:
        only = np.full(shape, -1, np.int32)
        only.flat[where] = choice[:, 0]
        return only
    wide = np.full((shape[0] + 2 * apart, shape[1] + 2 * apart), -1, np.int32)
    span = np.arange(-apart, apart + 1)
    square = span[:, None] ** 2 + span[None] ** 2
    price = np.where(square <= apart**2, 1 / np.maximum(square, 1), 0).ravel()
    # The cost of a neighbour, so that one far off tile in a hundred is preferred to a repeat.
    scale = variety * float(np.median(costs[:, min(costs.shape[1] - 1, 32)]) + 1e-6)
    for turn in turns.tolist():
        row, column = divmod(int(where[turn]), shape[1])
        around = wide[row : row + 2 * apart + 1, column : column + 2 * apart + 1].ravel()
        laid = np.flatnonzero((around >= 0) & (price > 0))
        same = choice[turn][:, None] == around[laid][None]
        cost = costs[turn] + scale * (same @ price[laid])
        wide[row + apart, column + apart] = choice[turn, int(cost.argmin())]
    return wide[apart : apart + shape[0], apart : apart + shape[1]]


def draw_mosaic(
    found: Mosaic, tiles: UInt8[Any, "n s s c"], *, tint: float = 0.3
) -> UInt8[np.ndarray, "h w 3"]:
    """Lays the tiles.

    Args:
      found: of `mosaic`.
      tiles: the same pictures in the same order, in the size in which they shall be laid.
      tint: how far the mean colour of a tile is moved to that of its place, 0…1.

    Returns:
      Shape (rows · s, columns · s, 3), white where the picture is transparent.

    Raises:
      ConfigError: for a `tint` that cannot be, or more than 268 million pixels.

    Example:
      >>> import jax, numpy as np
      >>> from clusterart_jax import art
      >>> greys = np.repeat(np.uint8([0, 200]), 64).reshape(2, 8, 8, 1)
      >>> found = art.mosaic(jax.random.key(0), np.full((16, 16), 200, np.uint8), greys, 2)
      >>> art.draw_mosaic(found, greys).shape
      (16, 16, 3)
    """
    tiles = _check_tiles(tiles)
    if not 0 <= tint <= 1:
        raise ConfigError(f"tint must be between 0 and 1, not {tint!r}")
    rows, columns = found.tiles.shape
    s, t = tiles.shape[1:3]
    if rows * s * columns * t > _MOST_PIXELS:
        raise ConfigError(
            f"{columns}×{rows} tiles of {t}×{s} pixels are too many; use smaller ones"
        )
    picture = np.full((rows, s, columns, t, 3), 255, np.uint8)
    means = tiles.reshape(len(tiles), -1, tiles.shape[3]).mean(axis=1) / 255
    for row in range(rows):
        laid = np.flatnonzero(found.tiles[row] >= 0)
        which = found.tiles[row, laid]
        shift = 255 * tint * (found.colors[row, laid] - means[which])
        tinted = tiles[which] + shift[:, None, None, :]
        picture[row, :, laid] = np.clip(np.rint(tinted), 0, 255).astype(np.uint8)
    return picture.reshape(rows * s, columns * t, 3)
