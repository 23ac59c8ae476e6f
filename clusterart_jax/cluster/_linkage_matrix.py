"""Linkages that need all distances: the nearest-neighbour chain on an n × n matrix."""

from typing import NamedTuple, TypeAlias

import jax.numpy as jnp
from jax import lax

from .._typing import Array
from ._linkage_format import Merges

_Chain: TypeAlias = tuple[Array, Array, Array, Array]

_WORTH = 2048  # slots from which the second half of the merges gets a matrix of its own


class _State(NamedTuple):
    """Clusters in slots.

    Attributes:
      far: (≥ c, ≥ s, t) distances of live clusters, in strips of columns.
      gone: (c, t) 0 for live clusters, infinity for the others.
      mass: (s,) weights.
      node: (s,) number of each cluster in the tree, in the order of merging.
      height: (s,) at which each was merged.
      chain: (s,) slots, each but the first the nearest neighbour of the one before.
      length: of the chain.
      merges: what was merged, and how many merges there were.
    """

    far: Array
    gone: Array
    mass: Array
    node: Array
    height: Array
    chain: Array
    length: Array
    merges: Merges


def chain_merges(far: Array, weights: Array, method: str) -> Merges:
    """Merges of all rows with a weight, by distances that are updated as clusters merge.

    Each step of the chain goes to the nearest neighbour, until two are nearest to each other; of
    equally near ones to where it came from, so that it ends. Lance and Williams' formulas give the
    distances of what they become, which are no smaller than both before: the rest of the chain
    stays one.

    Args:
      far: distances of `pair_distances`, s ≥ n slots; the diagonal is not looked at.
      weights: (n,).
      method: "single", "complete", "average" or "weighted".
    """
    n, slots, width = len(weights), far.shape[1], far.shape[2]
    weights = jnp.pad(weights, (0, slots - n))
    here = jnp.arange(slots, dtype=jnp.int32)
    present = weights > 0
    start = _State(
        far=far,
        gone=jnp.where(present, 0, jnp.inf).astype(far.dtype).reshape(-1, width),
        mass=jnp.where(present, weights, 1),
        node=here,
        height=jnp.zeros_like(weights),
        chain=jnp.full(slots, jnp.argmax(present), jnp.int32),
        length=jnp.int32(1),
        merges=Merges.empty(n, far.dtype),
    )
    needed = jnp.sum(present, dtype=jnp.int32) - 1

    def step(s: _State) -> _State:
        slots = len(s.mass)
        columns = jnp.arange(slots, dtype=jnp.int32).reshape(-1, width)

        def go(grown: _Chain) -> _Chain:
            chain, length, _, _ = grown
            tip, before = chain[length - 1], chain[jnp.maximum(length - 2, 0)]
            row = jnp.where(columns == tip, jnp.inf, _row(s, tip) + s.gone)
            # Down the strips first: a reduction to one number does not vectorise.
            least = jnp.min(jnp.min(row, axis=0))
            back = (length > 1) & (_at(row, before) <= least)
            place = jnp.min(jnp.min(jnp.where(row <= least, columns, slots - 1), axis=0))
            chain = chain.at[length].set(place, mode="drop")
            return chain, jnp.where(back, length, length + 1), back, least

        ends = (s.chain, s.length, jnp.zeros((), bool), jnp.zeros((), far.dtype))
        chain, length, _, least = lax.while_loop(lambda grown: ~grown[2], go, ends)
        return _merge(s._replace(chain=chain, length=length), least, method, n)

    def run(s: _State, until: Array) -> _State:
        return lax.while_loop(lambda s: s.merges.done < until, step, s)

    if slots >= _WORTH:
        half = -(-slots // (2 * width)) * width
        start = _packed(run(start, needed + 1 - half), half)
    return run(start, needed).merges


def _packed(s: _State, slots: int) -> _State:
    """The live clusters, at most `slots`, in the first ones: rows read and written are shorter.

    Their distances go to the first strips and rows of the same matrix. They keep their order, so
    that a strip is read before it is written over.
    """
    width, before = s.far.shape[2], len(s.mass)
    old = jnp.nonzero(s.gone.ravel() == 0, size=slots, fill_value=before)[0].astype(jnp.int32)
    here = jnp.arange(slots, dtype=jnp.int32)
    place = jnp.zeros(before, jnp.int32).at[old].set(here, mode="drop")
    live, old = old < before, jnp.minimum(old, before - 1)

    def strip(i: Array, far: Array) -> Array:
        columns = lax.dynamic_slice_in_dim(old, i * width, width)[None]
        found = far[columns // width, old[:, None], columns % width]
        return lax.dynamic_update_slice(far, found[None], (i, jnp.int32(0), jnp.int32(0)))

    return _State(
        far=lax.fori_loop(jnp.int32(0), jnp.int32(slots // width), strip, s.far),
        gone=jnp.where(live, 0, jnp.inf).astype(s.far.dtype).reshape(-1, width),
        mass=s.mass[old],
        node=s.node[old],
        height=s.height[old],
        chain=place[s.chain[:slots]],
        length=s.length,
        merges=s.merges,
    )


def _row(s: _State, i: Array) -> Array:
    strips, width = s.gone.shape
    return lax.dynamic_slice(s.far, (jnp.int32(0), i, jnp.int32(0)), (strips, 1, width))[:, 0]


def _at(row: Array, i: Array) -> Array:
    return row[i // row.shape[1], i % row.shape[1]]


def _merge(s: _State, least: Array, method: str, n: int) -> _State:
    """Merges the last two of the chain; the last one's slot keeps what they become."""
    a, b = s.chain[s.length - 2], s.chain[s.length - 1]
    x, y = _row(s, a), _row(s, b)
    both = s.mass[a] + s.mass[b]
    if method == "complete":
        new = jnp.maximum(x, y)
    elif method == "single":
        new = jnp.minimum(x, y)
    elif method == "average":
        new = x * (s.mass[a] / both) + y * (s.mass[b] / both)
    else:
        new = (x + y) / 2
    # Both rows are read before one is written over, or the matrix would be copied: a value that is
    # written into keeps XLA from computing the new row a second time, for the column.
    width, zero = s.far.shape[2], jnp.int32(0)
    new = new.at[b // width, b % width].set(jnp.inf)
    new, far = lax.optimization_barrier((new, s.far))
    far = lax.dynamic_update_slice(far, new[:, None], (zero, b, zero))
    far = lax.dynamic_update_slice(far, new.reshape(1, -1, 1), (b // width, zero, b % width))
    height = jnp.maximum(least, jnp.maximum(s.height[a], s.height[b]))
    m = s.merges
    merges = m.add(m.done, s.node[a], s.node[b], height, both, m.done + 1)
    # The chain goes on from what is left of it, or else from the new cluster.
    return s._replace(
        far=far,
        gone=s.gone.at[a // width, a % width].set(jnp.inf),
        mass=s.mass.at[b].set(both),
        node=s.node.at[b].set(n + m.done),
        height=s.height.at[b].set(height),
        chain=jnp.where(s.length == 2, s.chain.at[0].set(b), s.chain),
        length=jnp.maximum(s.length - 2, 1),
        merges=merges,
    )
