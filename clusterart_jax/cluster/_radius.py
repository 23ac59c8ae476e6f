"""Sums and minima over the rows within a radius of each row; no neighbourhood is ever stored.

Rows lie in the order of the cells of a grid. A block of queries is compared with the runs of that
order around it, tile by tile. Each device takes every so many blocks.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax

from .._typing import Array, Bool, Float, Int
from ._cells import Cells, runs
from ._within import Radius, is_direct, measure, near_exactly

_NARROW = (128, 256)  # queries and rows of a tile, where distances are few operations (measured)
_WIDE = (256, 1024)
_FEW = 32  # rows of a tile whose values are put together in one vectorised loop (measured)


class Kind(NamedTuple):
    """How values are put together.

    Attributes:
      start: from a dtype to the value that changes nothing.
      open: from a dtype to a value that shows in whatever it is put together with.
      shows: whether it does.
      reduce: over one axis.
      join: two results.
      merge: results of the devices of an axis.
    """

    start: Callable[[Any], Array]
    open: Callable[[Any], Array]
    shows: Callable[[Array], Array]
    reduce: Callable[[Array, int], Array]
    join: Callable[[Array, Array], Array]
    merge: Callable[[Array, Any], Array]


def _is_whole(dtype: Any) -> bool:
    return jnp.issubdtype(dtype, jnp.integer)


_NONE = np.int32(2**31 - 1)
_TOO_MANY = 2**20  # more than there are rows in a tile

SUM = Kind(
    lambda dtype: jnp.zeros((), dtype),
    lambda dtype: jnp.array(_TOO_MANY if _is_whole(dtype) else jnp.nan, dtype),
    lambda sums: sums >= _TOO_MANY if _is_whole(sums.dtype) else jnp.isnan(sums),
    lambda values, axis: jnp.sum(values, axis=axis, dtype=values.dtype),
    lax.add,
    lax.psum,
)
"""Sums; whole numbers are 0 or 1."""


def _smaller(a: Array, b: Array) -> Array:
    return jnp.where(b < a, b, a)  # takes less than `minimum` in a vectorised loop (measured)


LEAST = Kind(
    lambda dtype: jnp.array(_NONE, dtype),
    lambda dtype: jnp.array(-1, dtype),
    lambda least: least < 0,
    lambda values, axis: lax.reduce(values, _NONE, _smaller, (axis,)),
    lax.min,
    lax.pmin,
)
"""Minima, of int32 ≥ 0."""


class Neighborhood(NamedTuple):
    """Rows and what is near in them.

    Attributes:
      x: (n, d) rows in the order of the cells.
      columns: (d, n + t) the same, turned, and filled up by a tile.
      lines: (n + t,) line of the cell of each, −1 beyond the last.
      cells: the grid.
      radius: as the sum of two floats.
      metric: a name.
      axis: mesh axis of the devices that share the work, or None.
    """

    x: Float[Array, "n d"]
    columns: Float[Array, "d m"]
    lines: Int[Array, " m"]
    cells: Cells
    radius: Radius
    metric: str
    axis: Any


def _tile(d: int) -> tuple[int, int]:
    return _NARROW if d <= 8 else _WIDE


def neighborhood(x: Array, cells: Cells, radius: Radius, metric: str, axis: Any) -> Neighborhood:
    """Lays out rows, in their own order, for `sweep`."""
    x = x[cells.order]
    more = _tile(x.shape[1])[1]
    columns = jnp.pad(x.T, ((0, 0), (0, more)))
    lines = jnp.pad(cells.keys // cells.stride, (0, more), constant_values=-1)
    return Neighborhood(x, columns, lines, cells, radius, metric, axis)


def sweep(
    space: Neighborhood,
    queries: Bool[Array, " n"],
    values: Array,
    kind: Kind,
    skip: Callable[[Array, Array], Array] | None = None,
) -> Array:
    """For each query, the sum or the minimum of the values of all rows near it, itself among them.

    Cost O(n m d) where a query has m rows in the cells around it; extra memory O(n d).

    Args:
      space: the rows.
      queries: which places are asked about; others get `kind.start`.
      values: (n,) what rows have to give, in the order of the cells.
      kind: `SUM` or `LEAST`.
      skip: from the values of a block's queries (b,) and of a tile (t,), whether nothing in the
        tile can change their result.

    Returns:
      (n,) in the order of the cells.
    """
    start = kind.start(values.dtype)
    n, d = space.x.shape
    b, t = _tile(d)
    b = min(b, n)
    places, count = _listed(queries, b)
    blocks = len(places) // b
    values_in = jnp.pad(values, (0, t), constant_values=start)
    last = jnp.minimum(jnp.arange(1, blocks + 1, dtype=jnp.int32) * b, count) - 1
    begin, end = runs(space.cells, places[::b], places[jnp.maximum(last, 0)])
    device, devices = jnp.int32(0), jnp.int32(1)
    if space.axis is not None:
        device, devices = lax.axis_index(space.axis), lax.axis_size(space.axis)

    def visit_tile(at: Array, x: Array, line: Array, own: Array, result: Array) -> Array:
        y = lax.dynamic_slice_in_dim(space.columns, at, t, 1)
        same = lax.dynamic_slice_in_dim(space.lines, at, t)[:, None] == line[None]
        theirs = lax.dynamic_slice_in_dim(values_in, at, t)

        def look() -> Array:
            value, limit, margin = measure(x, y, space.radius, space.metric)
            inside = theirs[:, None]
            if x.dtype == jnp.float64 and is_direct(d, space.metric):
                return kind.join(result, _reduce(kind, inside, (value <= limit) & same))
            sure = jnp.where(value < limit - margin, inside, kind.open(values.dtype))
            rough = _reduce(kind, sure, (value <= limit + margin) & same)

            def closely() -> Array:
                exact = near_exactly(x, y, space.radius, space.metric)
                return _reduce(kind, inside, exact & same)

            return kind.join(result, lax.cond(jnp.any(kind.shows(rough)), closely, lambda: rough))

        if skip is None:
            return look()
        return lax.cond(skip(own, theirs), lambda: result, look)

    def visit_block(i: Array, found: Array) -> Array:
        block = i * devices + device
        ids = lax.dynamic_slice_in_dim(places, block * b, b)
        clipped = jnp.minimum(ids, n - 1)
        x, line, own = space.x[clipped], space.lines[clipped], values_in[clipped]
        own = jnp.where(ids < n, own, own[0])

        def visit_run(s: Array, result: Array) -> Array:
            first = begin[block, s]
            tiles = (end[block, s] - first + t - 1) // t
            return lax.fori_loop(
                jnp.int32(0),
                tiles,
                lambda j, r: visit_tile(first + j * t, x, line + space.cells.shifts[s], own, r),
                result,
            )

        result = jnp.full(b, start, values.dtype)
        result = lax.fori_loop(jnp.int32(0), jnp.int32(len(space.cells.shifts)), visit_run, result)
        return found.at[ids].set(result, mode="drop", unique_indices=True)

    mine = ((count + b - 1) // b - device + devices - 1) // devices
    found = jnp.full(n, start, values.dtype)
    found = lax.fori_loop(jnp.int32(0), mine, visit_block, found)
    return found if space.axis is None else kind.merge(found, space.axis)


def _reduce(kind: Kind, values: Array, chosen: Array) -> Array:
    """Over the first axis of (t, b): few values at a time, stored first, so that it vectorises."""
    values = jnp.where(chosen, values, kind.start(values.dtype))
    t, b = values.shape
    values = lax.optimization_barrier(values.reshape(t // _FEW, _FEW, b))
    return kind.reduce(kind.reduce(values, 1), 0)


def _listed(chosen: Array, block: int) -> tuple[Array, Array]:
    """Chosen places in ascending order, then n, up to a whole number of blocks; and how many."""
    n = chosen.shape[0]
    size = -(-n // block) * block
    place = jnp.cumsum(chosen, dtype=jnp.int32) - 1
    place = jnp.where(chosen, place, size)
    ids = jnp.full(size, n, jnp.int32)
    ids = ids.at[place].set(jnp.arange(n, dtype=jnp.int32), mode="drop", unique_indices=True)
    return ids, jnp.sum(chosen, dtype=jnp.int32)
