"""Minimum spanning trees by Borůvka's algorithm, whatever finds the edges.

In each round every component takes the shortest edge that leaves it. Components then form loops,
two of them that took the same edge or more with equally long ones; one edge of each is dropped.
The largest component waits for the others: its edges are theirs, and its rows are most of all.

A row remembers the nearest row outside of its component, and a length that no edge of it out of
the component is below. Components only grow, so that both stay true, the first for as long as that
row is outside; a row is looked at again where what it knows does not settle what its component
takes. Lengths are compared as raw distances times a power of alpha, without roots.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax

from .._typing import Array, Bool, Float, Int
from ._neighbors import finish, raw_distances
from ._sorting import sort_places
from ._spanning import SpanningTree

Search = Callable[[Array, Array, Array], tuple[Array, Array, Array]]
"""From the component of each row, whether it asks, and the length (p,) of what its component could
take already, to each row's shortest edge out of it, where to, and a length that none is below."""


class Start(NamedTuple):
    """What is known before the first round, of p places for rows.

    Attributes:
      filled: (p,) whether there is a row.
      low: (p,) a length that no edge of the row is below, but those of `goals`.
      goals: (g, p) int32, places to which a short edge may lead.
      lengths: (g, p) how long those edges are; infinite where there is none.
    """

    filled: Bool[Array, " p"]
    low: Float[Array, " p"]
    goals: Int[Array, "g p"]
    lengths: Float[Array, "g p"]


def slack(kind: Any) -> Array:
    """Raw distances and floors that differ by no more than this factor are one length.

    Else how a program was compiled would tell edges apart that are equally long.
    """
    return jnp.asarray(1 + 32 * jnp.finfo(kind).eps, kind)


def floors(core: Array, metric: str, alpha: Array) -> Array:
    """Raw distances at which rows are as far apart as the core distance of one."""
    core = core * alpha
    if metric == "euclidean":
        return core**2
    return core * 2 if metric == "cosine" else core


def length(raw: Array, a: Array, b: Array) -> Array:
    """Raw distance, or the higher of two floors."""
    floor = jnp.maximum(a, b)
    return jnp.where(raw <= floor * slack(raw.dtype), floor, raw)


def boruvka(start: Start, search: Search, n: int) -> tuple[Array, Array, Array, Array]:
    """Edges of a minimum spanning tree of up to n rows, in rounds.

    Returns:
      The component of each place (p,), the lowest place in it; both ends of each edge (n − 1,); and
      how many edges there are.
    """
    filled, kind, size = start.filled, start.low.dtype, start.low.shape[0]
    numbers = jnp.arange(size, dtype=jnp.int32)

    def guess(j: Array, state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        comp, best, to = state
        goal, length = start.goals[j], start.lengths[j]
        wins = (length < best) & (comp[goal] != comp)
        return comp, jnp.where(wins, length, best), jnp.where(wins, goal, to)

    def merge(state: tuple[Array, ...]) -> tuple[Array, ...]:
        comp, low, best, to, first, second, count, _ = state
        best = jnp.where(comp[to] != comp, best, jnp.inf)
        tries = jnp.int32(len(start.goals))
        _, best, to = lax.fori_loop(jnp.int32(0), tries, guess, (comp, best, to))
        limit = jnp.full(size, jnp.inf, kind).at[comp].min(best)[comp]
        masses = jnp.zeros(size, jnp.int32).at[comp].add(filled.astype(jnp.int32))
        largest = jnp.argmax(masses).astype(jnp.int32)
        # A row whose best edge is as short as any of its edges can be knows it already.
        asks = filled & (low < limit) & (low < best) & (comp != largest)
        value, place, sure = search(comp, asks, limit)
        low = jnp.maximum(low, sure)
        best, to = jnp.where(value < best, value, best), jnp.where(value < best, place, to)

        limit = jnp.full(size, jnp.inf, kind).at[comp].min(best)
        wins = (best == limit[comp]) & (best < jnp.inf)
        begin = jnp.zeros(size, jnp.int32).at[jnp.where(wins, comp, size)].max(numbers, mode="drop")
        end = to[begin]
        has = (comp == numbers) & filled & (limit < jnp.inf) & (numbers != largest)
        goal = jnp.where(has, comp[end], numbers)
        root = _loop_roots(goal, n - count)
        kept = has & (root != numbers)
        at = jnp.where(kept, count + jnp.cumsum(kept, dtype=jnp.int32) - 1, n)
        first = first.at[at].set(begin, mode="drop")
        second = second.at[at].set(end, mode="drop")
        more = jnp.sum(kept, dtype=jnp.int32)
        return root[comp], low, best, to, first, second, count + more, more

    none = jnp.zeros(n - 1, jnp.int32)
    state: tuple[Array, ...] = (
        numbers,
        start.low,
        jnp.full(size, jnp.inf, kind),
        numbers,
        none,
        none,
        jnp.int32(0),
        jnp.int32(1),
    )
    state = lax.while_loop(lambda s: (s[7] > 0) & (s[6] < n - 1), merge, state)
    comp, _, _, _, first, second, count, _ = state
    return comp, first, second, count


def finished(
    columns: Float[Array, "d n"],
    core: Float[Array, " n"],
    present: Bool[Array, " n"],
    owner: Int[Array, " n"],
    edges: tuple[Array, Array, Array],
    metric: str,
    alpha: Float[Array, ""],
) -> SpanningTree:
    """The whole tree, walked from the first row; what is left apart is joined at no finite length.

    Args:
      columns: the rows, turned.
      core: (n,) core distances.
      present: (n,) whether a row is there.
      owner: (n,) a row of the component of each row.
      edges: two ends (n − 1,), rows, and how many edges there are.
      metric: a name.
      alpha: what distances are divided by.
    """
    first, second, count = edges
    n = core.shape[0]
    rows = jnp.arange(n, dtype=jnp.int32)
    owner = jnp.where(present, owner, rows)
    main = owner[jnp.argmax(present)]
    apart = (owner == rows) & (rows != main)
    at = jnp.where(apart, count + jnp.cumsum(apart, dtype=jnp.int32) - 1, n)
    first = first.at[at].set(main, mode="drop")
    second = second.at[at].set(rows, mode="drop")
    floor = jnp.maximum(core[first], core[second])
    raw = raw_distances(columns[:, first], columns[:, second], metric)
    gap = finish(raw, metric) / alpha
    distance = jnp.where(gap <= floor * slack(gap.dtype), floor, gap)
    distance = jnp.where(rows[: n - 1] < count, distance, jnp.inf)
    start = jnp.argmax(present).astype(jnp.int32)
    return SpanningTree(*_away_from(start, first, second, n), distance)


def _loop_roots(goal: Int[Array, " m"], count: Int[Array, ""]) -> Int[Array, " m"]:
    """The lowest number on the loop that each node comes to, going from goal to goal.

    No way has more than `count` nodes.
    """

    def twice(state: tuple[Array, ...]) -> tuple[Array, ...]:
        goal, low, steps = state
        return goal[goal], jnp.minimum(low, low[goal]), steps * 2

    numbers = jnp.arange(goal.shape[0], dtype=jnp.int32)
    state: tuple[Array, ...] = (goal, numbers, jnp.int32(1))
    goal, low, _ = lax.while_loop(lambda s: s[2] <= count, twice, state)
    return low[goal]


def _away_from(root: Array, first: Array, second: Array, n: int) -> tuple[Array, Array]:
    """Both ends of each edge of a tree, that nearer to the root first.

    A walk around the tree goes along each edge twice, first away from the root. Its steps are
    chained, and counted by doubling. Cost O(n log n).
    """
    e = n - 1
    ends = jnp.concatenate([first, second])
    number = jnp.arange(2 * e, dtype=jnp.int32)
    source, order = sort_places(ends)
    # After coming in along an edge the walk goes out by the next one around that row.
    begin = jnp.searchsorted(source, jnp.arange(n, dtype=jnp.int32)).astype(jnp.int32)
    last = jnp.concatenate([source[1:] != source[:-1], jnp.ones(1, bool)])
    after = jnp.where(last, begin[source], jnp.arange(2 * e, dtype=jnp.int32) + 1)
    around = jnp.zeros(2 * e, jnp.int32).at[order].set(order[after % (2 * e)])
    follow = around[(number + e) % (2 * e)]
    halt = order[begin[root]]
    # The walk begins with the first step from the root, and ends where that would come again.
    stop = follow == halt
    follow, count = jnp.where(stop, number, follow), jnp.where(stop, 0, 1).astype(jnp.int32)

    def twice(i: Array, state: tuple[Array, Array]) -> tuple[Array, Array]:
        follow, count = state
        return follow[follow], count + count[follow]

    left = lax.fori_loop(0, (2 * e).bit_length(), twice, (follow, count))[1]
    out = left[:e] > left[e:]  # more of the walk is left when an edge is first gone along
    return jnp.where(out, first, second), jnp.where(out, second, first)
