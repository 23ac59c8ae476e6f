"""Minimum spanning tree of rows in leaves, by Borůvka's algorithm: few comparisons in few columns.

In each round every component takes the shortest edge that leaves it. Components then form loops,
two of them that took the same edge or more with equally long ones; one edge of each is dropped.
"""

import jax.numpy as jnp
from jax import lax

from .._linalg import first_min
from .._typing import Array, Bool, Float, Int
from ._leaves import AT_ONCE, LEAF, Leaves, box_gaps, gather_leaves, listed
from ._neighbors import finish, raw_distances
from ._spanning import SpanningTree

_BESIDE = (1, 2, 5, 11, 23)  # places along the curve at which a first edge is looked for


def leaf_spanning_tree(  # noqa: PLR0915 - one round, read from top to bottom
    leaves: Leaves,
    core: Float[Array, " n"],
    near: Int[Array, "n k"],
    present: Bool[Array, " n"],
    metric: str,
    alpha: Float[Array, ""],
) -> SpanningTree:
    """Minimum spanning tree of max(coreᵢ, coreⱼ, dᵢⱼ / alpha), as `spanning_tree` gives it.

    Of equally long edges others may be taken, and they come in another order; edges to absent rows
    come last. Cost O(n k log n) where boxes are small against what lies between them, O(n² d) a
    round at worst; peak extra memory O(n).

    Args:
      leaves: the rows.
      core: (n,) core distances.
      near: (n, k) rows near each row, where a short edge is looked for first.
      present: (n,) whether a row is there.
      metric: "euclidean", "manhattan", "chebyshev" or "cosine".
      alpha: what distances are divided by.
    """
    n, kind, k = core.shape[0], core.dtype, near.shape[1]
    offsets = jnp.asarray([s * o for o in _BESIDE for s in (1, -1)], jnp.int32)
    size = leaves.rows.shape[0]
    m = size // LEAF
    numbers = jnp.arange(size, dtype=jnp.int32)
    slack = jnp.asarray(1 + 16 * jnp.finfo(kind).eps, kind)
    filled = leaves.rows < n
    place_of = jnp.zeros(n, jnp.int32).at[leaves.rows].set(numbers, mode="drop")
    cores = core.at[leaves.rows].get(mode="fill", fill_value=jnp.inf)
    near_places = place_of[near.at[leaves.rows].get(mode="clip")]
    least_core = jnp.min(cores.reshape(m, LEAF), axis=1)

    def length(raw: Array, a: Array, b: Array) -> Array:
        floor, gap = jnp.maximum(a, b), finish(raw, metric) / alpha
        return jnp.where(gap <= floor * slack, floor, gap)

    def guess(j: Array) -> Array:
        """The j-th place at which a short edge of each is looked for: near rows, then beside it."""
        beside = jnp.clip(numbers + offsets[jnp.maximum(j - k, 0)], 0, size - 1)
        return jnp.where(j < k, near_places[:, jnp.minimum(j, k - 1)], beside)

    def try_edge(to: Array, comp: Array, best: tuple[Array, Array]) -> tuple[Array, Array]:
        raw = raw_distances(leaves.columns, leaves.columns[:, to], metric)
        found = length(raw, cores, cores[to])
        wins = filled & filled[to] & (comp != comp[to]) & (found < best[0])
        return jnp.where(wins, found, best[0]), jnp.where(wins, to, best[1])

    def shortest(comp: Array) -> tuple[Array, Array, Array]:
        """The length and the inner place of each component's edge; of each place, its other end."""
        reach, to = lax.fori_loop(
            jnp.int32(0),
            jnp.int32(k + offsets.size),
            lambda j, best: try_edge(guess(j), comp, best),
            (jnp.full(size, jnp.inf, kind), numbers),
        )
        limit = jnp.full(size, jnp.inf, kind).at[comp].min(reach)
        wins = (reach == limit[comp]) & (reach < jnp.inf)
        start = jnp.zeros(size, jnp.int32).at[jnp.where(wins, comp, size)].max(numbers, mode="drop")
        sides = comp.reshape(m, LEAF), filled.reshape(m, LEAF)
        lowest = jnp.min(jnp.where(sides[1], sides[0], size), axis=1)
        highest = jnp.max(jnp.where(sides[1], sides[0], -1), axis=1)
        alone = jnp.where(lowest == highest, lowest, -1)
        # A row can have no shorter edge than its core distance.
        open_ = jnp.any((cores < limit[comp]).reshape(m, LEAF), axis=1)
        todo, count = listed(open_)

        def visit(t: Array, state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            limit, start, to = state
            i = todo[t]
            first = i * LEAF
            q = lax.dynamic_slice_in_dim(leaves.columns, first, LEAF, axis=1)
            own, floor = (lax.dynamic_slice_in_dim(a, first, LEAF) for a in (comp, cores))
            known = limit[own]
            bound = jnp.max(jnp.where(floor < known, known, -jnp.inf))
            gaps = jnp.maximum(finish(box_gaps(leaves, i, metric), metric) / alpha, least_core)
            same = (alone >= 0) & (alone == alone[i])
            found, some = listed((gaps < bound) & ~same)

            def more(s: Array, best: tuple[Array, Array]) -> tuple[Array, Array]:
                places, values = gather_leaves(leaves, found, s * AT_ONCE, some)
                raw = raw_distances(q[:, :, None], values[:, None, :], metric)
                other = comp[places][None, :] != own[:, None]
                edge = length(raw, floor[:, None], cores[places][None, :])
                value, j = first_min(jnp.where(other & (edge < jnp.inf), edge, jnp.inf))
                return jnp.where(value < best[0], value, best[0]), jnp.where(
                    value < best[0], places[j], best[1]
                )

            steps = (some + AT_ONCE - 1) // AT_ONCE
            none = (known, lax.dynamic_slice_in_dim(to, first, LEAF))
            value, other = lax.fori_loop(jnp.int32(0), steps, more, none)
            better = value < known
            lower = limit.at[own].min(value)
            wins = better & (value == lower[own])
            places = first + jnp.arange(LEAF, dtype=jnp.int32)
            return (
                lower,
                start.at[jnp.where(wins, own, size)].set(places, mode="drop"),
                lax.dynamic_update_slice_in_dim(to, other, first, 0),
            )

        return lax.fori_loop(jnp.int32(0), count, visit, (limit, start, to))

    def merge(state: tuple[Array, ...]) -> tuple[Array, ...]:
        comp, first, second, distance, count, _ = state
        limit, start, to = shortest(comp)
        end = to[start]
        has = (comp == numbers) & filled & (limit < jnp.inf)
        goal = jnp.where(has, comp[end], numbers)
        root = _loop_roots(goal)
        kept = has & (root != numbers)
        at = jnp.where(kept, count + jnp.cumsum(kept, dtype=jnp.int32) - 1, n)
        first = first.at[at].set(leaves.rows[start], mode="drop")
        second = second.at[at].set(leaves.rows[end], mode="drop")
        distance = distance.at[at].set(limit, mode="drop")
        more = jnp.sum(kept, dtype=jnp.int32)
        return root[comp], first, second, distance, count + more, more

    none = jnp.zeros(n - 1, jnp.int32)
    state: tuple[Array, ...] = (
        numbers,
        none,
        none,
        jnp.full(n - 1, jnp.inf, kind),
        jnp.int32(0),
        jnp.int32(1),
    )
    state = lax.while_loop(lambda s: (s[5] > 0) & (s[4] < n - 1), merge, state)
    comp, first, second, distance, count, _ = state
    # What is left apart, absent rows above all, is joined at no finite length.
    rows = jnp.arange(n, dtype=jnp.int32)
    owner = jnp.where(present, leaves.rows[comp[place_of]], rows)
    main = owner[jnp.argmax(present)]
    apart = (owner == rows) & (rows != main)
    at = jnp.where(apart, count + jnp.cumsum(apart, dtype=jnp.int32) - 1, n)
    first = first.at[at].set(main, mode="drop")
    second = second.at[at].set(rows, mode="drop")
    start = jnp.argmax(present).astype(jnp.int32)
    return SpanningTree(*_away_from(start, first, second, n), distance)


def _loop_roots(goal: Int[Array, " m"]) -> Int[Array, " m"]:
    """The lowest number on the loop that each node comes to, going from goal to goal."""

    def twice(i: Array, state: tuple[Array, Array]) -> tuple[Array, Array]:
        goal, low = state
        return goal[goal], jnp.minimum(low, low[goal])

    numbers = jnp.arange(goal.shape[0], dtype=jnp.int32)
    goal, low = lax.fori_loop(0, goal.shape[0].bit_length(), twice, (goal, numbers))
    return low[goal]


def _away_from(root: Array, first: Array, second: Array, n: int) -> tuple[Array, Array]:
    """Both ends of each edge of a tree, that nearer to the root first.

    A walk around the tree goes along each edge twice, first away from the root. Its steps are
    chained, and counted by doubling. Cost O(n log n).
    """
    e = n - 1
    ends = jnp.concatenate([first, second])
    number = jnp.arange(2 * e, dtype=jnp.int32)
    source, order = lax.sort((ends, number), num_keys=1)
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
