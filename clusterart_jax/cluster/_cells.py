"""Rows sorted into the cells of a grid, so that those near a row lie in few runs of the order."""

import itertools
import math
from typing import NamedTuple

import jax.numpy as jnp
from jax import lax

from .._typing import Array, Bool, Float, Int
from ._sorting import sort_places

AXES = 3  # a grid of more has too many neighbouring cells
_SHRINK = 15 / 16  # of cells whose rows are all near each other: room for the rounding of places
_ROUNDING = 1 / 16  # of a cell: how far rounding can put a row, at `_LONGEST` cells and float32
_LONGEST = 2.0**19
_MOST = 2.0**30  # cells that a number of 32 bits can name


class Cells(NamedTuple):
    """The order of rows by cell, and where the cells around one are.

    Attributes:
      order: (n,) the row at each place; absent ones come last.
      keys: (n,) number of the cell at each place, ascending.
      stride: cells in a line along the last axis; a line's number is key // stride.
      shifts: (s,) differences between the numbers of a line and of those around it.
      reach: lines and cells to look at on each side.
      tight: whether all rows of one cell are near each other.
    """

    order: Int[Array, " n"]
    keys: Int[Array, " n"]
    stride: Int[Array, ""]
    shifts: Int[Array, " s"]
    reach: int
    tight: Bool[Array, ""]


def cell_ratio(d: int, metric: str) -> float:
    """The radius over the side of the largest cell whose rows are all near each other."""
    return {"manhattan": float(d), "chebyshev": 1.0}.get(metric, math.sqrt(d))


def sort_into_cells(
    x: Float[Array, "n d"], present: Bool[Array, " n"], radius: Float[Array, ""], metric: str
) -> Cells:
    """A grid over up to three columns, those that spread most.

    Rows farther apart than the radius in any column are no neighbours, so that a grid over some
    columns serves any number of them. Cost O(n log n), extra memory O(n).
    """
    d = x.shape[1]
    axes = min(d, AXES)
    # Rows of one cell are near each other where the grid has all columns and cells are small
    # enough; of others, cells are as large as the radius, so that fewer have to be looked at.
    ratio = cell_ratio(d, metric) / _SHRINK if d <= AXES else 7 / 8
    reach = math.ceil(ratio + _ROUNDING)

    low = jnp.min(jnp.where(present[:, None], x, jnp.inf), axis=0)
    extent = jnp.max(jnp.where(present[:, None], x, -jnp.inf), axis=0) - low
    extent = jnp.where(jnp.isfinite(extent), extent, 0)
    chosen = lax.top_k(extent, axes)[1]
    low, extent = low[chosen], extent[chosen]
    least = jnp.maximum(jnp.max(extent) / _LONGEST, jnp.finfo(x.dtype).tiny)
    wanted = radius / ratio
    side = jnp.maximum(wanted, least)
    for _ in range(8):  # padding of short axes makes this slow to settle
        cells = _cells(extent, side, reach)
        side = side * jnp.maximum(jnp.prod(cells) / _MOST, 1) ** (1 / axes)
    cells = _cells(extent, side, reach).astype(jnp.int32)

    places = jnp.floor((x[:, chosen] - low[None]) / side)
    places = jnp.clip(places, 0, (extent / side)[None]).astype(jnp.int32)
    keys = jnp.zeros(x.shape[0], jnp.int32)
    steps: list[Array] = []
    for axis in range(axes):
        keys = keys * cells[axis] + places[:, axis] + reach
        steps = [step * cells[axis] for step in steps] + [jnp.int32(1)]
    keys = jnp.where(present, keys, jnp.iinfo(jnp.int32).max)
    keys, order = sort_places(keys)
    stride = cells[-1]
    around = itertools.product(range(-reach, reach + 1), repeat=axes - 1)
    shifts = [
        sum((o * (step // stride) for o, step in zip(offset, steps, strict=False)), jnp.int32(0))
        for offset in around
    ]
    tight = jnp.array(d <= AXES) & (side <= wanted)
    return Cells(order, keys, stride, jnp.stack(shifts), reach, tight)


def _cells(extent: Array, side: Array, reach: int) -> Array:
    """Cells along each axis, with so many at its ends that lines around a line are different."""
    return jnp.maximum(jnp.floor(extent / side) + 1 + 2 * reach, 4 * reach + 1)


def runs(cells: Cells, first: Array, last: Array) -> tuple[Array, Array]:
    """Where rows around blocks of places `first`…`last` lie: where runs begin and end, (b, s)."""
    shift = cells.shifts * cells.stride
    low = cells.keys[first][:, None] + shift[None] - cells.reach
    high = cells.keys[last][:, None] + shift[None] + cells.reach
    begin = jnp.searchsorted(cells.keys, low.ravel(), side="left").reshape(low.shape)
    end = jnp.searchsorted(cells.keys, high.ravel(), side="right").reshape(low.shape)
    return begin.astype(jnp.int32), end.astype(jnp.int32)
