"""The k nearest rows of each row, of rows in leaves."""

from typing import Any

import jax.numpy as jnp
from jax import lax

from .._typing import Array, Float, Int
from ._leaves import LEAF, NODE, Leaves, candidates, flat, fold_near, node_rows, places
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

        def step(state: tuple[Array, Array], ids: Array) -> tuple[Array, Array]:
            values = candidates(leaves.columns, ids, jnp.inf)
            raw = raw_distances(values, q[:, None, None], metric)
            # What is no number is no neighbour.
            return _nearest_of(state, jnp.where(raw < jnp.inf, raw, jnp.inf), ids, last)

        own = a * NODE + jnp.arange(NODE, dtype=jnp.int32)
        # Slid at both ends, so that each leaf is there once.
        first = jnp.clip(own[:, None] + offsets[None, :], 0, m - 1)
        twice = (own[:, None] + offsets[None, :]) != first
        state = (jnp.full((k, lanes), jnp.inf, kind), jnp.zeros((k, lanes), jnp.int32))
        state = step(state, jnp.where(twice, -1, first))
        reached = lax.dynamic_index_in_dim(state[0], last, keepdims=False).reshape(NODE, LEAF)
        bound = jnp.max(jnp.where(q[0] < jnp.inf, reached, -jnp.inf), axis=1)

        def further(state: tuple[Array, Array], ids: Array) -> tuple[Array, Array]:
            seen = jnp.abs(ids - own[:, None]) <= around
            return step(state, jnp.where(seen, -1, ids))

        state, _ = fold_near(leaves, a, bound, nobody, nothing, metric, further, state)
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
    best: tuple[Array, Array], raw: Float[Array, "s l q l"], ids: Int[Array, "q s"], last: Array
) -> tuple[Array, Array]:
    """Takes what is nearer than the last of the best (k, b) into them, one a turn."""
    b = best[0].shape[1]
    c = raw.size // b
    numbers = lax.broadcasted_iota(jnp.int32, (c, b), 0)

    def more(state: tuple[Array, ...]) -> Array:
        return state[-1]

    def take(state: tuple[Array, ...]) -> tuple[Array, ...]:
        raw, values, held, taken, _ = state
        # What the turn before took is taken off first: all reading comes after.
        inner = flat(raw, taken)
        value = jnp.min(inner, axis=0)
        at = jnp.min(jnp.where(inner == value[None, :], numbers, c), axis=0)
        wins = value < lax.dynamic_index_in_dim(values, last, keepdims=False)
        owner = places(ids, jnp.minimum(at, c - 1))
        above = jnp.concatenate([jnp.full((1, b), -jnp.inf, values.dtype), values[:-1]])
        beside = jnp.concatenate([held[:1], held[:-1]])
        stays = (values <= value[None, :]) | ~wins[None, :]
        here = above <= value[None, :]
        new = jnp.where(stays, values, jnp.where(here, value[None, :], above))
        held = jnp.where(stays, held, jnp.where(here, owner[None, :], beside))
        return inner.reshape(raw.shape), new, held, jnp.where(wins, at, c), jnp.any(wins)

    state: tuple[Array, ...] = (raw, *best, jnp.full(b, c, jnp.int32), jnp.bool_(True))
    _, values, held, _, _ = lax.while_loop(more, take, state)
    return values, held
