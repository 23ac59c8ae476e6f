"""Merging along the edges of a graph: the shortest edge first, one merge after the other.

Along edges alone, what merges is not told by pairs that are nearest to each other. Ward's cost of
an edge may fall when one end merges with a cluster that had no edge to the other; and means of the
edges between two clusters depend on which of both grew first. So the order counts, and merges are
made one by one: each costs what the merged cluster has edges, and the shortest edge is found in a
tree of minima over the edges.
"""

from functools import partial
from typing import NamedTuple

import jax.numpy as jnp
from jax import lax

from .._typing import Array
from ._linkage_format import Merges
from ._linkage_rounds import running_count

_FAN = 32  # edges below a minimum, and minima below one of those
_NONE = 2**31 - 1
_NARROW, _WIDE = 16, 512  # edges of a merge that are looked at together


class Ranked(NamedTuple):
    """Edges, or the shortest of some; the shorter first, then that with the lesser nodes.

    Attributes:
      length: distance of the two clusters; infinite for edges that are no more.
      high, low: their nodes, the larger and the smaller number.
    """

    length: Array
    high: Array
    low: Array


class _Made(NamedTuple):
    """A node, its first place in the pool, its entries there, and its sums."""

    node: Array
    start: Array
    held: Array
    total: Array


class _State(NamedTuple):
    """A forest, and the edges between its trees. Node n + m is what merge m makes.

    Attributes:
      edges: (e,) all edges.
      minima: (e / 32,) the shortest of 32 each.
      least: (e / 1024,) the shortest of 32 of those.
      pool: (p,) numbers of edges, those of a node next to each other.
      top: entries of the pool in use.
      start: (2 n,) place in the pool of each node's first edge.
      held: (2 n,) entries of each node there; some may be of edges that are no more.
      made: what is to be written of the node that was made last: tables that are read and then
        written would be copied, for every merge.
      mark: (2 n,) number of an edge to each node, written down while two clusters merge.
      sums: (2 n, 1 + d) weights, and weighted sums of rows.
      now: the edge along which clusters merge now.
      counts: (2,) entries of its nodes.
      seen: entries of its two nodes that were looked at.
      kept: of those, edges that the new node has.
      merges: what was merged, and how many merges there were.
    """

    edges: Ranked
    minima: Ranked
    least: Ranked
    pool: Array
    top: Array
    start: Array
    held: Array
    mark: Array
    sums: Array
    now: Ranked
    counts: Array
    made: _Made
    seen: Array
    kept: Array
    merges: Merges


def edge_merges(
    x: Array, weights: Array, first: Array, second: Array, length: Array, method: str
) -> Merges:
    """Merges along edges until none is left; the first of equals is that with the lesser nodes.

    Heights of "ward" are mᵢ mⱼ / (mᵢ + mⱼ) |cᵢ − cⱼ|².

    Cost: a merge takes the edges of both clusters; O(n + e log n) while clusters have few
    neighbours, O(n e) at worst. Peak extra memory O(n d + e).

    Args:
      x: rows (n, d), centred.
      weights: (n,).
      first: (e,) int32 rows at one end of the edges, no two edges between the same rows.
      second: (e,) int32 rows at the other end.
      length: (e,) their lengths; infinite for edges that are not there.
      method: "ward", "average" or "complete".
    """
    n, e = len(x), len(length)
    size = -(-(e + 1) // _FAN**2) * _FAN**2
    there = length < jnp.inf
    edges = Ranked(
        jnp.pad(length, (0, size - e), constant_values=jnp.inf),
        jnp.pad(jnp.where(there, jnp.maximum(first, second), 0), (0, size - e)),
        jnp.pad(jnp.where(there, jnp.minimum(first, second), 0), (0, size - e)),
    )
    # Both ends' lists of edges, in the order of the nodes.
    ends = jnp.where(jnp.concatenate([there, there]), jnp.concatenate([first, second]), n)
    order = jnp.argsort(ends, stable=True).astype(jnp.int32)
    count = jnp.zeros(2 * n, jnp.int32).at[ends].add(jnp.int32(1), mode="drop")
    count = count.at[n].set(0)
    pool = jnp.pad(order % e, (0, 4 * e + 2 * _WIDE))
    minima = _below(edges)
    least = _below(minima)
    sums = weights[:, None]
    if method == "ward":
        sums = jnp.concatenate([sums, x * sums], axis=1)
    now = _shortest(least)
    start = _State(
        edges=edges,
        minima=minima,
        least=least,
        pool=pool,
        top=jnp.sum(count, dtype=jnp.int32),
        start=jnp.cumsum(count, dtype=jnp.int32) - count,
        held=count,
        mark=jnp.zeros(2 * n, jnp.int32),
        sums=jnp.pad(sums, ((0, n), (0, 0)), constant_values=1),
        now=now,
        counts=count[jnp.stack([now.high, now.low])],
        made=_Made(jnp.int32(2 * n), jnp.int32(0), jnp.int32(0), sums[0]),
        seen=jnp.int32(0),
        kept=jnp.int32(0),
        merges=Merges.empty(n, x.dtype),
    )

    def entries(s: _State) -> Array:
        return jnp.sum(s.counts, dtype=jnp.int32)

    def goes_on(s: _State) -> Array:
        return s.now.length < jnp.inf

    def fits(s: _State) -> Array:
        return (s.seen > 0) | (s.top + entries(s) + _WIDE <= len(pool))

    def step(s: _State) -> _State:
        s = lax.while_loop(lambda s: ~fits(s), _close_up, s)
        for width in (_NARROW, _WIDE) if e > _WIDE else (_NARROW,):

            def mine(s: _State, wide: bool = width == _WIDE) -> Array:
                many = (entries(s) > 4 * _NARROW) & (e > _WIDE)
                return goes_on(s) & fits(s) & (many == wide)

            s = lax.while_loop(mine, partial(_look, method=method, width=width, n=n), s)
        return s

    return lax.while_loop(goes_on, step, start).merges


def _shortest(edges: Ranked) -> Ranked:
    """The shortest edge of each last axis."""
    length = jnp.min(edges.length, axis=-1)
    equal = edges.length <= length[..., None]
    high = jnp.min(jnp.where(equal, edges.high, _NONE), axis=-1)
    equal = equal & (edges.high <= high[..., None])
    return Ranked(length, high, jnp.min(jnp.where(equal, edges.low, _NONE), axis=-1))


def _blocks(edges: Ranked) -> Ranked:
    return Ranked(*(a.reshape(-1, _FAN) for a in edges))


def _below(edges: Ranked) -> Ranked:
    return _shortest(_blocks(edges))


def _again(above: Ranked, edges: Ranked, places: Array) -> Ranked:
    """Minima of the blocks with those places found again."""
    found = _shortest(Ranked(*(a[places // _FAN] for a in _blocks(edges))))
    return Ranked(
        *(
            a.at[places // _FAN].set(b, mode="promise_in_bounds")
            for a, b in zip(above, found, strict=True)
        )
    )


def _write(s: _State) -> _State:
    """Writes what there is of the node that was made last."""
    node, start, held, total = s.made
    values = (s.start, start), (s.held, held), (s.sums, total)
    # Written twice: of one place XLA makes an update that is fused with what reads it, in a copy.
    written = [
        table.at[jnp.stack([node, node])].set(jnp.stack([value, value]), mode="drop")
        for table, value in values
    ]
    return s._replace(start=written[0], held=written[1], sums=written[2])


def _close_up(s: _State) -> _State:
    """Moves the lists of live nodes together."""
    s = _write(s)
    done = jnp.arange(len(s.merges.left), dtype=jnp.int32) < s.merges.done
    for ended in (s.merges.left, s.merges.right):
        s = s._replace(held=s.held.at[jnp.where(done, ended, 2**30)].set(0, mode="drop"))
    ends = jnp.cumsum(s.held, dtype=jnp.int32)
    place = jnp.arange(len(s.pool), dtype=jnp.int32)
    node = jnp.searchsorted(ends, place, side="right").astype(jnp.int32)
    node = jnp.minimum(node, len(ends) - 1)
    start = ends - s.held
    pool = s.pool[jnp.clip(s.start[node] + place - start[node], 0, len(place) - 1)]
    made = s.made._replace(node=jnp.int32(len(s.held)))
    return s._replace(pool=pool, top=ends[-1], start=start, made=made)


def _look(s: _State, method: str, width: int, n: int) -> _State:
    """Looks at some edges of the clusters that merge; after the last, at the next merge."""
    s = _write(s)
    a, b = s.now.high, s.now.low
    new = n + s.merges.done
    sums_a, sums_b = s.sums[a], s.sums[b]
    total = sums_a + sums_b

    of_a, entries = s.counts[0], jnp.sum(s.counts, dtype=jnp.int32)
    place = s.seen + jnp.arange(width, dtype=jnp.int32)
    left = place < of_a
    edge = s.pool[jnp.where(left, s.start[a] + place, s.start[b] + place - of_a)]
    spare = jnp.int32(len(s.edges.length) - 1)
    edge = jnp.where(place < entries, edge, spare)
    length, high, low = (t[edge] for t in s.edges)
    held = length < jnp.inf
    other = high + low - jnp.where(left, a, b)
    outward = held & (other != a) & (other != b)

    # Of two edges to one node, the first cluster's stays.
    mark = s.mark.at[jnp.where(outward & left, other, 2 * n)].set(edge, mode="drop")
    twin = mark[jnp.where(outward, other, 0)]
    twin_high, twin_low = s.edges.high[twin], s.edges.low[twin]
    ours = (twin_high == a) | (twin_high == new)
    known = ((twin_high == other) & (twin_low == a)) | ((twin_low == other) & ours)
    double = outward & ~left & known
    stays = outward & ~double

    # Places and lengths to write; no place comes twice but the spare one, which stays infinite.
    places = jnp.where(held, edge, spare)
    if method == "ward":
        theirs = s.sums[jnp.where(outward, other, 0)]
        gap = (total / total[0])[None] - theirs / theirs[:, :1]
        mass = total[0] * theirs[:, 0] / (total[0] + theirs[:, 0])
        length = jnp.where(stays, jnp.sum(gap[:, 1:] ** 2, axis=1) * mass, jnp.inf)
    else:
        both = s.edges.length[twin]
        if method == "complete":
            both = jnp.maximum(both, length)
        else:
            both = (sums_a * both + sums_b * length) / total
        places = jnp.concatenate([jnp.where(stays, spare, edge), jnp.where(double, twin, spare)])
        length = jnp.concatenate([jnp.full_like(both, jnp.inf), jnp.where(double, both, jnp.inf)])
    edges = Ranked(
        s.edges.length.at[places].set(length, mode="promise_in_bounds"),
        s.edges.high.at[edge].set(jnp.where(stays, new, 0), mode="promise_in_bounds"),
        s.edges.low.at[edge].set(jnp.where(stays, other, 0), mode="promise_in_bounds"),
    )
    # All edges of the new node have another name now, whether or not their lengths changed.
    changed = edge if method == "ward" else jnp.concatenate([edge, places[width:]])
    minima = _again(s.minima, edges, changed)
    least = _again(s.least, minima, changed // _FAN)

    rank = s.top + s.kept + running_count(stays) - 1
    pool = s.pool.at[jnp.where(stays, rank, len(s.pool))].set(edge, mode="drop")
    kept = s.kept + jnp.sum(stays, dtype=jnp.int32)
    last = s.seen + width >= entries
    merges = s.merges.add(
        s.merges.done, a, b, s.now.length, total[0], s.merges.done + last.astype(jnp.int32)
    )
    now = Ranked(*(jnp.where(last, x, y) for x, y in zip(_shortest(least), s.now, strict=True)))
    nodes = jnp.stack([now.high, now.low])
    found = jnp.where(nodes == new, kept, s.held[jnp.minimum(nodes, 2 * n - 1)])
    return _State(
        edges=edges,
        minima=minima,
        least=least,
        pool=pool,
        top=jnp.where(last, s.top + kept, s.top),
        start=s.start,
        held=s.held,
        mark=mark,
        sums=s.sums,
        now=now,
        counts=jnp.where(last, found, s.counts),
        made=_Made(jnp.where(last, new, 2 * n), s.top, kept, total),
        seen=jnp.where(last, 0, s.seen + width),
        kept=jnp.where(last, 0, kept),
        merges=merges,
    )
