"""The k nearest rows of each row, of rows in leaves."""

from typing import Any

import jax.numpy as jnp
from jax import lax

from .._typing import Array, Float, Int
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
    node_rows,
    written,
)
from ._neighbors import finish, raw_distances


def near_distances(
    leaves: Leaves, n: int, k: int, samples: Int[Array, ""] | int, metric: str, axis: Any = None
) -> tuple[Float[Array, "n k"], Int[Array, "n k"]]:
    """Distances of near rows of each row, nearest first, and which rows they are.

    The first `samples` ≤ k are the nearest there are; those behind are some that are near. Cost
    O(n k) where boxes are small against what lies between them, O(n² d) at worst; peak extra
    memory O(n k).

    Args:
      leaves: the rows.
      n: their number.
      k: length of the lists.
      samples: how many must be the nearest, perhaps traced.
      metric: "euclidean", "manhattan", "chebyshev" or "cosine".
      axis: mesh axis of the devices that share the work, each of which gets all of the result.
    """
    _, m, _ = leaves.columns.shape
    kind = leaves.columns.dtype
    lanes = NODE * LEAF
    # The leaves beside each are looked at first, so many that they hold k rows twice.
    around = max(1, -(-k // LEAF))
    offsets = jnp.arange(-around, around + 1, dtype=jnp.int32)
    last = jnp.asarray(samples, jnp.int32) - 1
    nobody, nothing = jnp.full(m, -1, jnp.int32), jnp.zeros(m, kind)

    def visit(t: Array, out: tuple[Array, Array]) -> tuple[Array, Array]:
        a = t * devices + device
        q = node_rows(leaves.columns, a)

        def measured(ids: Array) -> Array:
            values = candidates(leaves.columns, ids, jnp.inf)
            raw = raw_distances(values, q[:, None, None], metric)
            # What is no number is no neighbour.
            return jnp.where(raw < jnp.inf, raw, jnp.inf)

        own = a * NODE + jnp.arange(NODE, dtype=jnp.int32)
        # Slid at both ends, so that each leaf is there once.
        first = jnp.clip(own[:, None] + offsets[None, :], 0, m - 1)
        twice = (own[:, None] + offsets[None, :]) != first
        first = jnp.where(twice, -1, first)
        best = (jnp.full((k, lanes), jnp.inf, kind), jnp.zeros((k, lanes), jnp.int32))
        best = _nearest_of(best, measured(first), first, last)
        reached = lax.dynamic_index_in_dim(best[0], last, keepdims=False).reshape(NODE, LEAF)
        bound = jnp.max(jnp.where(q[0] < jnp.inf, reached, -jnp.inf), axis=1)

        def step(state: tuple[Array, ...], ids: Array) -> tuple[Array, ...]:
            room = written(state[0], measured(ids))
            return room, *_nearest_of(state[1:], room, ids, last)

        asked = Asked(a, bound, nobody, nothing, around)
        begin: tuple[Array, ...] = (empty_room(kind), *best)
        (_, *state), _ = fold_near(leaves, asked, metric, step, begin)
        return (
            lax.dynamic_update_slice_in_dim(out[0], state[0], a * lanes, 1),
            lax.dynamic_update_slice_in_dim(out[1], state[1], a * lanes, 1),
        )

    device, devices = jnp.int32(0), jnp.int32(1)
    if axis is not None:
        device, devices = lax.axis_index(axis), lax.axis_size(axis)
    out = (jnp.full((k, m * LEAF), jnp.inf, kind), jnp.zeros((k, m * LEAF), jnp.int32))
    turns = (jnp.int32(m // NODE) - device + devices - 1) // devices
    best, where = lax.fori_loop(jnp.int32(0), turns, visit, out)
    if axis is not None:
        best, where = lax.pmin(best, axis), lax.pmax(where, axis)
    values = jnp.full((n, k), jnp.inf, kind).at[leaves.rows].set(best.T, mode="drop")
    numbers = jnp.zeros((n, k), jnp.int32)
    numbers = numbers.at[leaves.rows].set(jnp.minimum(leaves.rows[where.T], n - 1), mode="drop")
    return finish(values, metric), numbers


def _nearest_of(
    best: tuple[Array, ...], raw: Float[Array, "g m q b"], ids: Int[Array, "q s"], last: Array
) -> tuple[Array, Array]:
    """Takes what is nearer than the last of the best (k, q · b) into them, one a turn."""
    first = first_places(ids, len(raw))

    def wins(least: Array, best: Array) -> Array:
        bound = lax.dynamic_index_in_dim(best, last, keepdims=False)
        return jnp.min(least, axis=0) < bound

    def more(state: tuple[Array, ...]) -> Array:
        return jnp.any(state[-1])

    def take(state: tuple[Array, ...]) -> tuple[Array, ...]:
        raw, least, taken, values, held, won = state
        value, owner, least, taken = (a[None] for a in pick(raw, least, taken, first))
        above = jnp.concatenate([jnp.full_like(value, -jnp.inf), values[:-1]])
        beside = jnp.concatenate([held[:1], held[:-1]])
        stays, here = (values <= value) | ~won[None], above <= value
        values = jnp.where(stays, values, jnp.where(here, value, above))
        held = jnp.where(stays, held, jnp.where(here, owner, beside))
        return raw, least[0], taken[0], values, held, wins(least[0], values)

    least = jnp.min(raw, axis=1).reshape(len(raw), -1)
    won = wins(least, best[0])
    state: tuple[Array, ...] = (raw, least, jnp.zeros(least.shape, jnp.int32), *best, won)
    _, _, _, values, held, _ = lax.while_loop(more, take, state)
    return values, held
