"""Minimum spanning tree of rows in leaves: few comparisons in few columns."""

from typing import Any

import jax.numpy as jnp
from jax import lax

from .._typing import Array, Bool, Float, Int
from ._boruvka import Start, boruvka, finished, floors, length
from ._least import pick
from ._leaves import (
    LEAF,
    NODE,
    Asked,
    Leaves,
    candidates,
    empty_room,
    first_places,
    fold_near,
    listed,
    node_rows,
    written,
)
from ._neighbors import raw_distances
from ._spanning import SpanningTree

_BESIDE = (1, 2, 5, 11, 23)  # places along the curve at which a first edge is looked for


def leaf_spanning_tree(  # noqa: PLR0915 - one search, read from top to bottom
    leaves: Leaves,
    core: Float[Array, " n"],
    near: Int[Array, "n k"],
    present: Bool[Array, " n"],
    metric: str,
    alpha: Float[Array, ""],
    axis: Any = None,
) -> SpanningTree:
    """Minimum spanning tree of max(coreᵢ, coreⱼ, dᵢⱼ / alpha), as `spanning_tree` gives it.

    Of equally long edges others may be taken, and they come in another order; edges to absent rows
    come last. Cost O(n k log n) where boxes are small against what lies between them, O(n² d) a
    round at worst; peak extra memory O(n k).

    Args:
      leaves: the rows.
      core: (n,) core distances.
      near: (n, k) rows near each row, where a short edge is looked for first.
      present: (n,) whether a row is there.
      metric: "euclidean", "manhattan", "chebyshev" or "cosine".
      alpha: what distances are divided by.
      axis: mesh axis of the devices that share the work, each of which gets all of the result.
    """
    n, m = core.shape[0], leaves.columns.shape[1]
    size, lanes = m * LEAF, NODE * LEAF
    kind = core.dtype
    filled = leaves.rows < n
    numbers = jnp.arange(size, dtype=jnp.int32)
    place_of = jnp.zeros(n, jnp.int32).at[leaves.rows].set(numbers, mode="drop")
    cores = core.at[leaves.rows].get(mode="fill", fill_value=jnp.inf)
    floor_of = floors(cores, metric, alpha)
    columns = leaves.columns.reshape(-1, size)

    def between(to: Array) -> Array:
        raw = raw_distances(columns, columns[:, to], metric)
        found = length(raw, floor_of, floor_of[to])
        return jnp.where(filled & filled[to] & (found < jnp.inf), found, jnp.inf)

    # Near rows, then those beside along the curve.
    near_places = place_of[near.at[leaves.rows].get(mode="clip")].T
    beside = [jnp.clip(numbers + s * o, 0, size - 1) for o in _BESIDE for s in (1, -1)]
    goals = jnp.concatenate([near_places, jnp.stack(beside)])
    device, devices = jnp.int32(0), jnp.int32(1)
    if axis is not None:
        device, devices = lax.axis_index(axis), lax.axis_size(axis)
    kept = floor_of.reshape(m, LEAF)
    least_floor = jnp.min(kept, axis=1)

    def search(comp: Array, asks: Array, limit: Array) -> tuple[Array, Array, Array]:
        bound = jnp.max(jnp.where(asks, limit, -jnp.inf).reshape(m, LEAF), axis=1)
        held = jnp.where(filled, comp, -1).reshape(m, LEAF)
        lowest = jnp.min(jnp.where(held >= 0, held, size), axis=1)
        alone = jnp.where(lowest == jnp.max(held, axis=1), lowest, -1)
        todo, count = listed(jnp.any(bound.reshape(-1, NODE) > -jnp.inf, axis=1))

        def visit(t: Array, out: tuple[Array, ...]) -> tuple[Array, ...]:
            a = todo[t * devices + device]
            q, own, floor = (node_rows(v, a) for v in (leaves.columns, held, kept))

            def step(state: tuple[Array, ...], ids: Array) -> tuple[Array, ...]:
                values = candidates(leaves.columns, ids, jnp.inf)
                raw = raw_distances(values, q[:, None, None], metric)
                others = candidates(held, ids, -1) != own[None, None]
                found = length(raw, candidates(kept, ids, jnp.inf), floor[None, None])
                room = written(state[0], jnp.where(others & (found < jnp.inf), found, jnp.inf))
                least = jnp.min(room, axis=1).reshape(-1, lanes)
                first = first_places(ids, len(room))

                def take(state: tuple[Array, ...]) -> tuple[Array, ...]:
                    room, least, value, place, wins = state
                    new, at, _, _ = pick(room, least, jnp.zeros_like(first), first)
                    value, place = jnp.where(wins, new, value), jnp.where(wins, at, place)
                    return room, least, value, place, jnp.zeros_like(wins)

                # One turn, or none; what a loop is given is made once, not for each use of it.
                start = (room, least, *state[1:], jnp.min(least, axis=0) < state[1])
                return room, *lax.while_loop(lambda s: jnp.any(s[4]), take, start)[2:4]

            nothing = jnp.full(lanes, jnp.inf, kind), jnp.full(lanes, -1, jnp.int32)
            asked = Asked(a, node_rows(bound, a), alone, least_floor)
            start: tuple[Array, ...] = (empty_room(kind), *nothing)
            (_, value, place), rest = fold_near(leaves, asked, metric, step, start)
            # Of a leaf that did not ask, nothing is known.
            rest = jnp.repeat(jnp.where(asked.bound > -jnp.inf, rest, -jnp.inf), LEAF)
            found = (value, place, jnp.minimum(value, rest))
            return tuple(
                lax.dynamic_update_slice_in_dim(o, f, a * lanes, 0)
                for o, f in zip(out, found, strict=True)
            )

        out = (
            jnp.full(size, jnp.inf, kind),
            jnp.full(size, -1, jnp.int32),
            jnp.full(size, -jnp.inf, kind),
        )
        turns = (count - device + devices - 1) // devices
        value, place, sure = lax.fori_loop(jnp.int32(0), turns, visit, out)
        if axis is None:
            return value, place, sure
        return lax.pmin(value, axis), lax.pmax(place, axis), lax.pmax(sure, axis)

    start = Start(filled, floor_of, goals, lax.map(between, goals))
    comp, first, second, count = boruvka(start, search, n)
    edges = leaves.rows[first], leaves.rows[second], count
    turned = columns[:, place_of]
    return finished(turned, core, present, leaves.rows[comp[place_of]], edges, metric, alpha)
