"""Minimum spanning tree of rows of many columns, from blocks of matrix products."""

from typing import Any

import jax.numpy as jnp
from jax import lax

from .._linalg import HIGHEST, squared_norms
from .._typing import Array, Bool, Float, Int
from ._boruvka import Start, boruvka, finished, floors, length
from ._leaves import listed
from ._neighbors import raw_distances
from ._spanning import SpanningTree

_ASKING, _TILE = 256, 1024  # rows that ask, and rows they are compared with, at once


def product_spanning_tree(
    rows: Float[Array, "n d"],
    core: Float[Array, " n"],
    distances: Float[Array, "n k"],
    near: Int[Array, "n k"],
    present: Bool[Array, " n"],
    metric: str,
    alpha: Float[Array, ""],
    axis: Any = None,
) -> SpanningTree:
    """Minimum spanning tree of max(coreᵢ, coreⱼ, dᵢⱼ / alpha), as `spanning_tree` gives it.

    Of equally long edges others may be taken, and of edges that differ by the rounding of expanded
    squares; lengths themselves are sums of squared differences. Edges to absent rows come last.

    Cost O(m n d) where m rows must look farther than their k nearest, n of them a round at worst;
    peak extra memory one copy of the rows, O(n k) and a block of 2¹⁸ distances.

    Args:
      rows: (n, d), `embed`ded.
      core: (n,) core distances, infinite for absent rows.
      distances: (n, k) of the nearest rows of each row.
      near: (n, k) which they are.
      present: (n,) whether a row is there.
      metric: "euclidean" or "cosine".
      alpha: what distances are divided by.
      axis: mesh axis of the devices that share the work, each of which gets all of the result.
    """
    n, kind, columns = len(rows), rows.dtype, rows.T
    floor_of = floors(core, metric, alpha)

    def between(to: Array) -> Array:
        found = length(raw_distances(columns, columns[:, to], metric), floor_of, floor_of[to])
        return jnp.where(present & present[to] & (found < jnp.inf), found, jnp.inf)

    # No edge that leads elsewhere is shorter than to the last of the nearest rows.
    last = floors(distances[:, -1], metric, jnp.ones((), kind))
    start = Start(
        present, jnp.maximum(floor_of, last * (1 - 1e-5)), near.T, lax.map(between, near.T)
    )
    device, devices = jnp.int32(0), jnp.int32(1)
    if axis is not None:
        device, devices = lax.axis_index(axis), lax.axis_size(axis)
    tiles = -(-n // _TILE)
    extra = tiles * _TILE - n
    centred = rows - jnp.mean(rows, axis=0, keepdims=True)
    # The squared norm is one more column, beside a column of ones: a product gives whole squares.
    norms, ones = squared_norms(centred)[:, None], jnp.ones((n, 1), kind)
    wide = jnp.concatenate([-2 * centred, norms, ones], axis=1)
    asking = jnp.concatenate([centred, ones, norms], axis=1)
    wide = jnp.pad(wide, ((0, extra), (0, 0)))
    floor_wide = jnp.pad(jnp.where(present, floor_of, jnp.inf), (0, extra), constant_values=jnp.inf)

    def search(comp: Array, asks: Array, limit: Array) -> tuple[Array, Array, Array]:
        todo, count = listed(asks, _ASKING)
        comp_wide = jnp.pad(comp, (0, extra), constant_values=-1)

        def visit(t: Array, out: tuple[Array, Array]) -> tuple[Array, Array]:
            first = (t * devices + device) * _ASKING
            ids = lax.dynamic_slice_in_dim(todo, first, _ASKING)
            there = first + jnp.arange(_ASKING, dtype=jnp.int32) < count
            q, own, floor = asking[ids].T, comp[ids], floor_of[ids]

            def tile(s: Array, best: tuple[Array, Array]) -> tuple[Array, Array]:
                at = s * _TILE
                some = lax.dynamic_slice_in_dim(wide, at, _TILE)
                theirs = lax.dynamic_slice_in_dim(comp_wide, at, _TILE)[:, None]
                floors = lax.dynamic_slice_in_dim(floor_wide, at, _TILE)[:, None]
                raw = jnp.matmul(some, q, precision=HIGHEST)
                found = jnp.maximum(jnp.maximum(raw, floors), floor[None, :])
                found = jnp.where(theirs != own[None, :], found, jnp.inf)
                value = jnp.min(found, axis=0)
                order = lax.broadcasted_iota(jnp.int32, found.shape, 0)
                place = jnp.min(jnp.where(found == value[None, :], order, _TILE - 1), axis=0)
                wins = value < best[0]
                return jnp.where(wins, value, best[0]), jnp.where(wins, at + place, best[1])

            none = (jnp.full(_ASKING, jnp.inf, kind), jnp.full(_ASKING, -1, jnp.int32))
            value, place = lax.fori_loop(jnp.int32(0), jnp.int32(tiles), tile, none)
            # Measured once more, exactly.
            ends = columns[:, ids], columns[:, jnp.maximum(place, 0)]
            exact = length(raw_distances(*ends, metric), floor, floor_of[jnp.maximum(place, 0)])
            value = jnp.where(value < jnp.inf, exact, jnp.inf)
            ids = jnp.where(there, ids, n)
            return out[0].at[ids].set(value, mode="drop"), out[1].at[ids].set(place, mode="drop")

        out = (jnp.full(n, jnp.inf, kind), jnp.full(n, -1, jnp.int32))
        turns = ((count + _ASKING - 1) // _ASKING - device + devices - 1) // devices
        value, place = lax.fori_loop(jnp.int32(0), turns, visit, out)
        if axis is not None:
            value, place = lax.pmin(value, axis), lax.pmax(place, axis)
        return value, place, jnp.where(asks, value, -jnp.inf)

    owner, first, second, count = boruvka(start, search, n)
    return finished(columns, core, present, owner, (first, second, count), metric, alpha)
