"""Rows in leaves of a few that lie near each other, each with a box around it.

Of two leaves whose boxes lie far apart, no row of one needs to be compared with one of the other.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from .._typing import Array, Bool, Float, Int
from ._neighbors import finish, raw_distances

LEAF = 32
"""Rows in a leaf."""

AT_ONCE = 8
"""Leaves compared in one go."""

_FEW_COLUMNS, _MANY_ROWS = 8, 4096  # where boxes around rows pay (measured)

_AROUND = 3  # leaves compared first: a leaf and those beside it


class Leaves(NamedTuple):
    """m leaves of LEAF places each; empty places come last.

    Attributes:
      rows: (m · LEAF,) int32, the row at each place; n where it is empty.
      columns: (d, m · LEAF) the row's values; infinite where the place is empty.
      low: (d, m) least values of a leaf's rows.
      high: (d, m) largest values.
    """

    rows: Int[Array, " p"]
    columns: Float[Array, "d p"]
    low: Float[Array, "d m"]
    high: Float[Array, "d m"]


def leaves_pay(rows: Float[Array, "n d"], metric: str) -> bool:
    """Whether rows in boxes cost less than all pairs of rows, and than compiling what it takes.

    Elsewhere than on a CPU, many pairs at once cost less than few after each other.
    """
    n, d = rows.shape
    few = d <= _FEW_COLUMNS and metric != "precomputed"
    return few and n >= _MANY_ROWS and jax.default_backend() == "cpu"


def grow_leaves(x: Float[Array, "n d"], present: Bool[Array, " n"]) -> Leaves:
    """Leaves along a Z-shaped curve through the ranks of the rows' values.

    Ranks, not values, so that a few rows far off do not put all others into one leaf. Cost
    O(n d log n); peak extra memory O(n d).
    """
    n, d = x.shape
    bits = min(15, 30 // d)
    number = jnp.arange(n, dtype=jnp.int32)
    code = jnp.zeros(n, jnp.int32)
    shift = max(0, (n - 1).bit_length() - bits)
    for j in range(d):
        order = lax.sort((x[:, j], number), num_keys=1)[1]
        rank = jnp.zeros(n, jnp.int32).at[order].set(number, unique_indices=True) >> shift
        for b in range(bits):
            code = code | (((rank >> b) & 1) << (b * d + j))
    code = jnp.where(present, code, jnp.iinfo(jnp.int32).max)
    order = lax.sort((code, number), num_keys=1)[1]
    leaves = max(_AROUND, -(-n // LEAF))
    order = jnp.where(present[order], order, n)
    rows = jnp.full(leaves * LEAF, n, jnp.int32).at[:n].set(order)
    columns = jnp.take(x.T, rows, axis=1, mode="fill", fill_value=jnp.inf)
    boxed = columns.reshape(d, leaves, LEAF)
    low = jnp.min(boxed, axis=2)
    high = jnp.max(jnp.where(boxed < jnp.inf, boxed, -jnp.inf), axis=2)
    return Leaves(rows, columns, low, high)


def box_gaps(leaves: Leaves, i: Array, metric: str) -> Float[Array, " m"]:
    """Raw distance from the box of leaf i to that of each leaf, no more than that of their rows."""
    low = lax.dynamic_slice_in_dim(leaves.low, i, 1, axis=1)
    high = lax.dynamic_slice_in_dim(leaves.high, i, 1, axis=1)
    apart = jnp.maximum(jnp.maximum(leaves.low - high, low - leaves.high), 0)
    # A little less than that, for rounding.
    return raw_distances(apart, jnp.zeros_like(apart), metric) * (1 - 1e-5)


def listed(chosen: Bool[Array, " m"]) -> tuple[Int[Array, " m"], Int[Array, ""]]:
    """Numbers of the chosen, in order; then some that mean nothing; and how many are chosen."""
    m = chosen.shape[0]
    place = jnp.cumsum(chosen, dtype=jnp.int32)
    numbers = jnp.arange(m, dtype=jnp.int32)
    found = jnp.zeros(m + AT_ONCE, jnp.int32)
    found = found.at[jnp.where(chosen, place - 1, m + AT_ONCE)].set(numbers, mode="drop")
    return found, place[-1]


def gather_leaves(leaves: Leaves, found: Array, start: Array, count: Array) -> tuple[Array, Array]:
    """Places of the next leaves of a list, and their rows' values: infinite behind its end."""
    ids = lax.dynamic_slice_in_dim(found, start, AT_ONCE)
    there = start + jnp.arange(AT_ONCE, dtype=jnp.int32) < count
    places = (ids[:, None] * LEAF + jnp.arange(LEAF, dtype=jnp.int32)[None, :]).reshape(-1)
    values = jnp.where(jnp.repeat(there, LEAF)[None, :], leaves.columns[:, places], jnp.inf)
    return places, values


def near_distances(
    leaves: Leaves, n: int, k: int, metric: str
) -> tuple[Float[Array, "n k"], Int[Array, "n k"]]:
    """Raw distances of the k nearest rows of each row, nearest first, and which rows they are.

    Cost O(n k) where boxes are small against what lies between them, O(n² d) at worst; peak extra
    memory O(n k).
    """
    _, places = leaves.columns.shape
    m = places // LEAF
    kind = leaves.columns.dtype

    def nearest(raw: Array, at: Array, best: Array, where: Array) -> tuple[Array, Array]:
        raw = jnp.where(raw < jnp.inf, raw, jnp.inf)
        raw = jnp.concatenate([best, raw], axis=1)
        at = jnp.concatenate([where, jnp.broadcast_to(at[None, :], (LEAF, at.shape[0]))], axis=1)
        value, place = lax.top_k(-raw, k)
        return -value, jnp.take_along_axis(at, place.astype(jnp.int32), axis=1)

    def visit(i: Array, out: tuple[Array, Array]) -> tuple[Array, Array]:
        q = lax.dynamic_slice_in_dim(leaves.columns, i * LEAF, LEAF, axis=1)
        first = jnp.clip(i - _AROUND // 2, 0, m - _AROUND)
        start, width = first * LEAF, _AROUND * LEAF
        around = lax.dynamic_slice_in_dim(leaves.columns, start, width, axis=1)
        at = start + jnp.arange(width, dtype=jnp.int32)
        none = (jnp.full((LEAF, k), jnp.inf, kind), jnp.zeros((LEAF, k), jnp.int32))
        best, where = nearest(raw_distances(q[:, :, None], around[:, None, :], metric), at, *none)
        bound = jnp.max(jnp.where(q[0] < jnp.inf, best[:, -1], -jnp.inf))
        number = jnp.arange(m, dtype=jnp.int32)
        beside = (number >= first) & (number < first + _AROUND)
        found, count = listed((box_gaps(leaves, i, metric) < bound) & ~beside)

        def more(t: Array, state: tuple[Array, Array]) -> tuple[Array, Array]:
            at, values = gather_leaves(leaves, found, t * AT_ONCE, count)
            raw = raw_distances(q[:, :, None], values[:, None, :], metric)
            return nearest(raw, at, *state)

        steps = (count + AT_ONCE - 1) // AT_ONCE
        best, where = lax.fori_loop(jnp.int32(0), steps, more, (best, where))
        first = i * LEAF
        return (
            lax.dynamic_update_slice_in_dim(out[0], best, first, 0),
            lax.dynamic_update_slice_in_dim(out[1], where, first, 0),
        )

    out = (jnp.full((places, k), jnp.inf, kind), jnp.zeros((places, k), jnp.int32))
    best, where = lax.fori_loop(jnp.int32(0), jnp.int32(m), visit, out)
    values = jnp.full((n, k), jnp.inf, kind).at[leaves.rows].set(best, mode="drop")
    numbers = jnp.zeros((n, k), jnp.int32)
    numbers = numbers.at[leaves.rows].set(jnp.minimum(leaves.rows[where], n - 1), mode="drop")
    return finish(values, metric), numbers
