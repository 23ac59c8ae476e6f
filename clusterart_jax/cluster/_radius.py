"""Sums and minima over the rows within a radius of each row; no neighbourhood is ever stored.

Rows lie in the order of the cells of a grid. A block of queries is compared with the rows of the
cells around it, tile by tile. Each device takes every so many blocks.
"""

from collections.abc import Callable
from functools import reduce
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax

from .._typing import Array, Bool, Float, Int
from ._cells import Cells, runs
from ._within import Radius, centred, is_direct, is_exact, measure, near_exactly

_NARROW = (128, 512)  # queries and rows of a tile, where distances are few operations (measured)
_WIDE = (256, 1024)
_FEW = 32  # rows and queries measured exactly at once
_FOLDS = 16  # parts of a tile that are put together in one loop, nothing stored (measured)


class Kind(NamedTuple):
    """How values are put together.

    Attributes:
      give: what a row gives another that it is near to, from the values of the two.
      start: from a dtype to the value that changes nothing.
      open: from a dtype to a value that shows in whatever it is put together with.
      shows: whether it does.
      reduce: over the first axis.
      join: two results.
      merge: results of the devices of an axis.
    """

    give: Callable[[Array, Array], Array]
    start: Callable[[Any], Array]
    open: Callable[[Any], Array]
    shows: Callable[[Array], Array]
    reduce: Callable[[Array], Array]
    join: Callable[[Array, Array], Array]
    merge: Callable[[Array, Any], Array]


def _is_whole(dtype: Any) -> bool:
    return jnp.issubdtype(dtype, jnp.integer)


_NONE = 2**31 - 1
_TOO_MANY = 2**20  # more than a tile often sums up to

SUM = Kind(
    lambda theirs, own: theirs,
    lambda dtype: jnp.zeros((), dtype),
    lambda dtype: jnp.array(_TOO_MANY if _is_whole(dtype) else jnp.nan, dtype),
    lambda sums: sums >= _TOO_MANY if _is_whole(sums.dtype) else jnp.isnan(sums),
    lambda values: jnp.sum(values, axis=0, dtype=values.dtype),
    lax.add,
    lax.psum,
)
"""Sums."""

LEAST = Kind(
    lambda theirs, own: jnp.where(theirs == own, _NONE, theirs),
    lambda dtype: jnp.array(_NONE, dtype),
    lambda dtype: jnp.array(-1, dtype),
    lambda least: least < 0,
    lambda values: jnp.min(values, axis=0),
    lax.min,
    lax.pmin,
)
"""Minima of int32 ≥ 0 that differ from the value of the row itself."""


class Neighborhood(NamedTuple):
    """Rows and what is near in them.

    Attributes:
      rows: (n, d) in the order of the cells.
      cells: the grid.
      radius: as the sum of two floats.
      centred: the rows as they are measured roughly.
      exact: whether distances and the radius are numbers that rounding leaves as they are.
      metric: a name.
      axis: mesh axis of the devices that share the work, or None.
    """

    rows: Float[Array, "n d"]
    cells: Cells
    radius: Radius
    centred: Float[Array, "n d"]
    exact: Bool[Array, ""]
    metric: str
    axis: Any


def neighborhood(
    x: Array, present: Array, cells: Cells, radius: Radius, metric: str, axis: Any
) -> Neighborhood:
    """Lays out rows, in their own order, for `sweep`."""
    rows = x[cells.order]
    about = rows if is_direct(x.shape[1], metric) else centred(x, present, metric)[cells.order]
    exact = is_exact(x, present, radius, metric)
    return Neighborhood(rows, cells, radius, about, exact, metric, axis)


def sweep(
    space: Neighborhood,
    queries: Bool[Array, " n"],
    values: Array,
    kind: Kind,
    skip: Callable[[Array, Array], Array] | None = None,
    *,
    every: Array | None = None,
    beside: Array | None = None,
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
      every: look at one of so many places only; at all where None.
      beside: whether to look only at as many places as a tile has, those next to each block.

    Returns:
      (n,) in the order of the cells.
    """
    start = kind.start(values.dtype)
    n, d = len(queries), space.rows.shape[1]
    b, t = _NARROW if d <= 8 else _WIDE
    b = min(b, n)
    places, count = _listed(queries, b)
    last = jnp.minimum(jnp.arange(b, len(places) + b, b, dtype=jnp.int32), count) - 1
    first, last = places[::b], places[jnp.maximum(last, 0)]
    around = _around(space.cells, first, last)
    if beside is not None:
        begin = jnp.clip((first + last - t) // 2, 0, max(n - t, 0))[:, None]
        narrow = Around(
            *(jnp.broadcast_to(a, around.begin.shape) for a in (begin, jnp.int32(min(n, t))))
        )
        around = Around(*(jnp.where(beside, *both) for both in zip(narrow, around, strict=True)))
    if every is not None:
        around = _thinned(around, every)
    direct = is_direct(d, space.metric)
    far = jnp.inf if direct else 0
    rows, whole = (
        jnp.pad(a, ((0, 1), (0, 0)), constant_values=far) for a in (space.centred, space.rows)
    )
    given = jnp.append(values, start)
    columns = list(rows.T) if direct else []
    device, devices = jnp.int32(0), jnp.int32(1)
    if space.axis is not None:
        device, devices = lax.axis_index(space.axis), lax.axis_size(space.axis)

    def visit_block(i: Array, found: Array) -> Array:
        block = i * devices + device
        ids = lax.dynamic_slice_in_dim(places, block * b, b)
        # Places beyond the last query are the first one's, so that they keep no tile from a skip.
        own = jnp.where(ids < n, ids, ids[0])
        x, mine = space.centred[own], values[own]
        here = Around(*(a[block] for a in around))

        def visit_tile(j: Array, carried: tuple[Array, Array]) -> tuple[Array, Array]:
            # Places are carried, and so stored: else each of the gathers computes them again.
            near, result = carried
            theirs = given[near]
            following = _places(here, (j + 1) * t, t, n, every)

            def look() -> Array:
                # One column after the other: a gather of rows takes three times as long.
                y = jnp.stack([c[near] for c in columns]) if direct else rows[near].T

                def unrounded() -> tuple[Array, Array]:
                    return (x, y) if direct else (space.rows[own], whole[near].T)

                return kind.join(result, _compare(space, kind, x, mine, y, theirs, unrounded))

            if skip is None:
                return following, look()
            return following, lax.cond(skip(mine, theirs), lambda: result, look)

        tiles = (here.upto[-1] + t - 1) // t
        begin = (_places(here, jnp.int32(0), t, n, every), jnp.full(b, start))
        result = lax.fori_loop(jnp.int32(0), tiles, visit_tile, begin)[1]
        return found.at[ids].set(result, mode="drop", unique_indices=True)

    blocks = ((count + b - 1) // b - device + devices - 1) // devices
    found = lax.fori_loop(jnp.int32(0), blocks, visit_block, jnp.full(n, start))
    return found if space.axis is None else kind.merge(found, space.axis)


def _compare(
    space: Neighborhood,
    kind: Kind,
    x: Array,
    own: Array,
    y: Array,
    theirs: Array,
    unrounded: Callable[[], tuple[Array, Array]],
) -> Array:
    """What rows of y (d, t) give those of x (b, d) that they are near to, put together: (b,).

    Both are centred; `unrounded` gives them as they are.
    """
    direct = is_direct(x.shape[1], space.metric)
    sure = x.dtype == jnp.float64 and direct
    start, opened = kind.start(theirs.dtype), kind.open(theirs.dtype)

    def rough(y: Array, theirs: Array) -> Array:
        value, limit, margin = measure(x, y, space.radius, space.metric)
        given = kind.give(theirs[:, None], own[None, :])
        if sure:
            return jnp.where(value <= limit, given, start)
        margin = jnp.where(space.exact, 0, margin)
        given = jnp.where(value <= limit - margin, given, opened)
        return jnp.where(value <= limit + margin, given, start)

    t = y.shape[1]
    size = t // _FOLDS
    places = range(0, t, size)
    if direct:  # distances are computed as they are put together
        parts = [rough(y[:, i : i + size], theirs[i : i + size]) for i in places]
    else:
        whole = rough(y, theirs)
        parts = [whole[i : i + size] for i in places]
    folded = lax.optimization_barrier(reduce(kind.join, parts))
    together = reduce(kind.join, list(folded))
    if sure:
        return together

    shows = kind.shows(together)
    return lax.cond(
        jnp.any(shows),
        lambda: _closely(space, kind, x, own, y, theirs, unrounded(), together, shows),
        lambda: together,
    )


def _closely(
    space: Neighborhood,
    kind: Kind,
    x: Array,
    own: Array,
    y: Array,
    theirs: Array,
    unrounded: tuple[Array, Array],
    result: Array,
    shows: Array,
) -> Array:
    """`result` with the values of rows that show set right, a few rows of x and of y at once."""
    start, few = kind.start(theirs.dtype), min(_FEW, len(x))
    queries, many = _listed(shows, few)

    def visit_rows(i: Array, result: Array) -> Array:
        ids = lax.dynamic_slice_in_dim(queries, i * few, few)
        some = jnp.minimum(ids, len(x) - 1)
        p, mine = x[some], own[some]
        value, limit, margin = measure(p, y, space.radius, space.metric)
        margin = jnp.where(space.exact, 0, margin)
        inside = value <= limit - margin
        open_ = (value <= limit + margin) & ~inside
        listed, most = _listed(jnp.any(open_, axis=1), _FEW)
        given = kind.give(theirs[:, None], mine[None, :])
        sure = kind.reduce(jnp.where(inside, given, start))

        def visit_pairs(j: Array, sure: Array) -> Array:
            at = lax.dynamic_slice_in_dim(listed, j * _FEW, _FEW)
            there, at = at < len(theirs), jnp.minimum(at, len(theirs) - 1)
            near = near_exactly(unrounded[0][some], unrounded[1][:, at], space.radius, space.metric)
            near = near & open_[at] & there[:, None]
            return kind.join(sure, kind.reduce(jnp.where(near, given[at], start)))

        turns = (most + _FEW - 1) // _FEW
        sure = lax.fori_loop(jnp.int32(0), turns, visit_pairs, sure)
        return result.at[ids].set(sure, mode="drop", unique_indices=True)

    return lax.fori_loop(jnp.int32(0), (many + few - 1) // few, visit_rows, result)


class Around(NamedTuple):
    """Places around a block, each once.

    Attributes:
      begin: (s,) first place of each run.
      upto: (s,) how many places there are in a run and those before it.
    """

    begin: Int[Array, " s"]
    upto: Int[Array, " s"]


def _around(cells: Cells, first: Array, last: Array) -> Around:
    """For each block of places `first`…`last`, (blocks, s)."""
    begin, end = runs(cells, first, last)
    # Runs of a block that covers several lines overlap.
    begin = jnp.maximum(begin, jnp.pad(end[:, :-1], ((0, 0), (1, 0))))
    return Around(begin, jnp.cumsum(jnp.maximum(end - begin, 0), axis=1, dtype=jnp.int32))


def _thinned(around: Around, every: Array) -> Around:
    """Those of the places that `every` divides, by their quotient."""
    length = jnp.diff(around.upto, axis=1, prepend=0)
    begin, end = (-(-place // every) for place in (around.begin, around.begin + length))
    return Around(begin, jnp.cumsum(end - begin, axis=1, dtype=jnp.int32))


def _places(around: Around, at: Array, t: int, n: int, every: Array | None) -> Array:
    """So many of the places around a block from the `at`-th on; n beyond the last."""
    number = at + jnp.arange(t, dtype=jnp.int32)
    length = jnp.diff(around.upto, prepend=jnp.int32(0))
    skipped = around.begin[1:] - (around.begin + length)[:-1]
    passed = number[:, None] >= around.upto[None, :-1]
    more = jnp.sum(jnp.where(passed, skipped[None], 0), axis=1, dtype=jnp.int32)
    place = around.begin[0] + number + more
    return jnp.where(number < around.upto[-1], place if every is None else place * every, n)


def _listed(chosen: Array, block: int) -> tuple[Array, Array]:
    """Chosen places in ascending order, then n, up to a whole number of blocks; and how many."""
    n = chosen.shape[0]
    size = -(-n // block) * block
    place = jnp.cumsum(chosen, dtype=jnp.int32) - 1
    place = jnp.where(chosen, place, size)
    ids = jnp.full(size, n, jnp.int32)
    ids = ids.at[place].set(jnp.arange(n, dtype=jnp.int32), mode="drop", unique_indices=True)
    return ids, jnp.sum(chosen, dtype=jnp.int32)
