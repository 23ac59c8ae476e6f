"""Rows in leaves of a few that lie near each other, eight leaves to a node, each with a box.

Of two nodes whose boxes lie far apart, no row of one needs to be compared with one of the other.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .._typing import Array, Bool, Float, Int
from ._least import GROUP
from ._neighbors import raw_distances
from ._sorting import sort_floats, sort_places

LEAF = 32
"""Rows in a leaf."""

NODE = 8
"""Leaves in a node, which are asked about together."""

AT_ONCE = 4
"""Leaves that each leaf of a node is compared with in one go."""

_NODES = 8  # nodes looked into in one go

_FEW_COLUMNS, _MANY_ROWS = 8, 2048  # where boxes around rows pay (measured)

_LAST = np.int32(2**31 - 1)

State = TypeVar("State")


class Leaves(NamedTuple):
    """m leaves of LEAF places each, a whole number of nodes; empty places come last.

    Attributes:
      rows: (m · LEAF,) int32, the row at each place; n where it is empty.
      columns: (d, m, LEAF) the rows' values; infinite where the place is empty.
      low: (d, m) least values of a leaf's rows; infinite where it has none.
      high: (d, m) largest values; −infinity where it has none.
    """

    rows: Int[Array, " p"]
    columns: Float[Array, "d m l"]
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
    """Leaves along Hilbert's curve through the ranks of the rows' values.

    Ranks, not values, so that a few rows far off do not put all others into one leaf; Hilbert's
    curve, whose stretches have smaller boxes than those of a Z-shaped one. Cost O(n d log n); peak
    extra memory O(n d).

    References:
      Skilling, Programming the Hilbert curve, 2004, doi:10.1063/1.1751381.
    """
    n, d = x.shape
    bits = min(15, 30 // d)
    number = jnp.arange(n, dtype=jnp.int32)
    shift = max(0, (n - 1).bit_length() - bits)

    def rank(values: Array) -> Array:
        order = sort_floats(values)
        return jnp.zeros(n, jnp.int32).at[order].set(number, unique_indices=True) >> shift

    code = jnp.where(present, _along_curve([rank(x[:, j]) for j in range(d)], bits), _LAST)
    order = sort_places(code)[1]
    m = -(-n // (LEAF * NODE)) * NODE
    order = jnp.where(present[order], order, n)
    rows = jnp.full(m * LEAF, n, jnp.int32).at[:n].set(order)
    columns = jnp.take(x.T, rows, axis=1, mode="fill", fill_value=jnp.inf).reshape(d, m, LEAF)
    low = jnp.min(columns, axis=2)
    high = jnp.max(jnp.where(columns < jnp.inf, columns, -jnp.inf), axis=2)
    return Leaves(rows, columns, low, high)


def _along_curve(at: list[Array], bits: int) -> Array:
    """Places on Hilbert's curve of points whose coordinates are whole numbers of so many bits."""
    d = len(at)
    for b in range(bits - 1, 0, -1):
        low = (1 << b) - 1
        for i in range(d):
            swap = jnp.where(at[i] >> b & 1 == 1, low, (at[0] ^ at[i]) & low)
            other = jnp.where(at[i] >> b & 1 == 1, 0, swap)
            if i:
                at[i] = at[i] ^ other
                at[0] = at[0] ^ swap
            else:
                at[0] = at[0] ^ jnp.where(at[0] >> b & 1 == 1, low, 0)
    for i in range(1, d):
        at[i] = at[i] ^ at[i - 1]
    turned = jnp.zeros_like(at[0])
    for b in range(bits - 1, 0, -1):
        turned = turned ^ jnp.where(at[d - 1] >> b & 1 == 1, (1 << b) - 1, 0)
    code = jnp.zeros_like(at[0])
    for i in range(d):
        for b in range(bits):
            code = code | (((at[i] ^ turned) >> b & 1) << (b * d + d - 1 - i))
    return code


def box_gaps(
    low: Array, high: Array, other_low: Array, other_high: Array, metric: str
) -> Float[Array, "..."]:
    """Raw distance between boxes (d, …), no more than that of any two rows in them."""
    apart = jnp.maximum(jnp.maximum(other_low - high, low - other_high), 0)
    # A little less than that, for rounding.
    return raw_distances(apart, jnp.zeros_like(apart), metric) * (1 - 1e-5)


def listed(chosen: Bool[Array, " m"], more: int = 0) -> tuple[Int[Array, " m"], Int[Array, ""]]:
    """Numbers of the chosen, in order; then some that mean nothing; and how many are chosen."""
    m = chosen.shape[0]
    place = jnp.cumsum(chosen, dtype=jnp.int32)
    numbers = jnp.arange(m, dtype=jnp.int32)
    found = jnp.zeros(m + more, jnp.int32)
    found = found.at[jnp.where(chosen, place - 1, m + more)].set(numbers, mode="drop")
    return found, place[-1]


def node_rows(values: Array, a: Array) -> Array:
    """Of an array (…, m, LEAF), or (…, m), what belongs to the leaves of node a."""
    axis = values.ndim - (2 if values.shape[-1] == LEAF and values.ndim > 1 else 1)
    return lax.dynamic_slice_in_dim(values, a * NODE, NODE, axis=axis)


class Asked(NamedTuple):
    """What the leaves of a node ask for.

    Attributes:
      node: its number a.
      bound: (NODE,) raw distance, below which its leaves must see all rows; −∞ where not asked.
      alone: (m,) whom all rows of a leaf belong to; a leaf passes over those of its own, unless
        that is negative.
      least: (m,) what no distance to a leaf's rows is below.
      beside: leaves no more places away than that are passed over; −1 passes over none.
    """

    node: Int[Array, ""]
    bound: Float[Array, " q"]
    alone: Int[Array, " m"]
    least: Float[Array, " m"]
    beside: int = -1


def fold_near(
    leaves: Leaves,
    asked: Asked,
    metric: str,
    step: Callable[[State, Array], State],
    state: State,
) -> tuple[State, Float[Array, " q"]]:
    """Goes through the leaves that lie nearer than `bound` to a leaf of a node.

    Args:
      leaves: of all rows.
      asked: by which node.
      metric: a name.
      step: from a state and the leaves (NODE, AT_ONCE) to look at, −1 for none, to the next state.
      state: where that starts.

    Returns:
      The last state, and a raw distance (NODE,) than which no row that was not looked at, and is
      not passed over, is nearer.
    """
    a, bound, alone, least, beside = asked
    m = leaves.columns.shape[1]
    width = _NODES * NODE
    kind = bound.dtype

    def of_nodes(values: Array, merge: Any) -> Array:
        return merge(values.reshape(*values.shape[:-1], m // NODE, NODE), axis=-1)

    node_low, node_high = of_nodes(leaves.low, jnp.min), of_nodes(leaves.high, jnp.max)
    owner = of_nodes(alone, jnp.min)
    owner = jnp.where(owner == of_nodes(alone, jnp.max), owner, -1)
    low, high = (lax.dynamic_slice_in_dim(v, a, 1, axis=1) for v in (node_low, node_high))
    gaps = box_gaps(low, high, node_low, node_high, metric)
    gaps = jnp.maximum(gaps, of_nodes(least, jnp.min))
    apart = (owner < 0) | (owner != owner[a])
    chosen = apart & (gaps < jnp.max(bound))
    rest = jnp.min(jnp.where(apart & ~chosen, gaps, jnp.inf))
    nodes, count = listed(chosen, _NODES)
    low, high, own = (node_rows(v, a) for v in (leaves.low, leaves.high, alone))
    here = a * NODE + jnp.arange(NODE, dtype=jnp.int32)

    def look(t: Array, carry: tuple[State, Array]) -> tuple[State, Array]:
        state, rest = carry
        ids = lax.dynamic_slice_in_dim(nodes, t * _NODES, _NODES)
        there = t * _NODES + jnp.arange(_NODES, dtype=jnp.int32) < count
        ids = (ids[:, None] * NODE + jnp.arange(NODE, dtype=jnp.int32)[None, :]).reshape(width)
        there = jnp.repeat(there, NODE)[:, None]
        low_ids, high_ids = (v[:, ids][:, :, None] for v in (leaves.low, leaves.high))
        gaps = box_gaps(low[:, None, :], high[:, None, :], low_ids, high_ids, metric)
        gaps = jnp.maximum(gaps, least[ids][:, None])
        apart = there & ((own < 0)[None, :] | (own[None, :] != alone[ids][:, None]))
        apart = apart & (jnp.abs(ids[:, None] - here[None, :]) > beside)
        chosen = apart & (gaps < bound[None, :])
        rest = jnp.minimum(rest, jnp.min(jnp.where(apart & ~chosen, gaps, jnp.inf), axis=0))
        place = jnp.cumsum(chosen, axis=0, dtype=jnp.int32) - 1
        most = jnp.max(place[-1]) + 1
        place = jnp.where(chosen, place, width + AT_ONCE)
        lanes = jnp.broadcast_to(jnp.arange(NODE, dtype=jnp.int32)[None, :], place.shape)
        table = jnp.full((NODE, width + AT_ONCE), -1, jnp.int32)
        spread = jnp.broadcast_to(ids[:, None], place.shape)
        table = table.at[lanes, place].set(spread, mode="drop", unique_indices=True)

        def some(s: Array, state: State) -> State:
            return step(state, lax.dynamic_slice_in_dim(table, s * AT_ONCE, AT_ONCE, axis=1))

        state = lax.fori_loop(jnp.int32(0), (most + AT_ONCE - 1) // AT_ONCE, some, state)
        return state, rest

    steps = (count + _NODES - 1) // _NODES
    rests = jnp.full(NODE, rest, kind)
    return lax.fori_loop(jnp.int32(0), steps, look, (state, rests))


def candidates(values: Array, ids: Int[Array, "q s"], absent: float) -> Array:
    """What the rows of leaves have, (…, m, LEAF), as (…, g, GROUP, q, 1); `absent` where −1.

    The s · LEAF rows of each of the asking leaves are in g groups, see `pick`.
    """
    q, s = ids.shape
    held = values[..., jnp.maximum(ids, 0), :]
    held = jnp.where((ids >= 0)[..., None], held, jnp.asarray(absent, values.dtype))
    held = held.reshape(*values.shape[:-2], q, s * LEAF // GROUP, GROUP)
    return jnp.moveaxis(held, -3, -1)[..., None]


def first_places(ids: Int[Array, "q s"], groups: int) -> Int[Array, "g l"]:
    """The place of the first row of each group of `candidates`, for each of the asking rows."""
    q = ids.shape[0]
    within = jnp.arange(0, LEAF, GROUP, dtype=jnp.int32)
    first = (jnp.maximum(ids, 0)[:, :, None] * LEAF + within[None, None]).reshape(q, -1).T
    return jnp.repeat(jnp.pad(first, ((0, groups - len(first)), (0, 0))), LEAF, axis=1)


def empty_room(kind: Any) -> Float[Array, "g m q b"]:
    """Room for the distances to AT_ONCE leaves, and one group more, which stays infinite."""
    return jnp.full((AT_ONCE * LEAF // GROUP + 1, GROUP, NODE, LEAF), jnp.inf, kind)


def written(room: Float[Array, "g m q b"], distances: Float[Array, "f m q b"]) -> Array:
    """Distances in a room that a loop hands on.

    XLA divides what makes them among threads, which for so few numbers costs more than it gains,
    but not where they are written into a part of what is there already (measured).
    """
    return lax.dynamic_update_slice_in_dim(room, distances, 0, axis=0)
