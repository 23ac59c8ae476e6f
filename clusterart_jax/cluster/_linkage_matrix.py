"""Linkages that need all distances: the nearest-neighbour chain on an n × n matrix."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax

from .._typing import Array
from ._linkage_format import Merges


class _State(NamedTuple):
    """Clusters in slots.

    Attributes:
      far: (s, s) distances of live clusters; infinite on the diagonal.
      gone: (s,) 0 for live clusters, infinity for the others.
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
      far: distances (s, s), symmetric, s ≥ n; the diagonal is not looked at.
      weights: (n,).
      method: "single", "complete", "average" or "weighted".
    """
    n, slots = len(weights), len(far)
    weights = jnp.pad(weights, (0, slots - n))
    here = jnp.arange(slots, dtype=jnp.int32)
    present = weights > 0
    start = _State(
        far=far.at[here, here].set(jnp.inf),
        gone=jnp.where(present, 0, jnp.inf).astype(far.dtype),
        mass=jnp.where(present, weights, 1),
        node=here,
        height=jnp.zeros_like(weights),
        chain=jnp.full(slots, jnp.argmax(present), jnp.int32),
        length=jnp.int32(1),
        merges=Merges.empty(n, far.dtype),
    )
    needed = jnp.sum(present, dtype=jnp.int32) - 1

    def step(s: _State) -> _State:
        def tip_has_nearer(grown: tuple[Array, ...]) -> Array:
            return ~grown[2]

        def go(grown: tuple[Array, ...]) -> tuple[Array, ...]:
            chain, length, _, _ = grown
            tip = chain[length - 1]
            row = lax.dynamic_slice_in_dim(s.far, tip, 1)[0] + s.gone
            least = jnp.min(row)
            before = chain[jnp.maximum(length - 2, 0)]
            back = (length > 1) & (row[before] <= least)
            place = jnp.min(jnp.where(row <= least, here, slots - 1))
            chain = chain.at[length].set(place, mode="drop")
            return chain, jnp.where(back, length, length + 1), back, least

        ends = (s.chain, s.length, jnp.zeros((), bool), jnp.zeros((), far.dtype))
        chain, length, _, least = lax.while_loop(tip_has_nearer, go, ends)
        return _merge(s._replace(chain=chain, length=length), least, method, n)

    return lax.while_loop(lambda s: s.merges.count < needed, step, start).merges


def _merge(s: _State, least: Array, method: str, n: int) -> _State:
    """Merges the last two of the chain; the last one's slot keeps what they become."""
    a, b = s.chain[s.length - 2], s.chain[s.length - 1]
    x, y = (lax.dynamic_slice_in_dim(s.far, i, 1)[0] for i in (a, b))
    both = s.mass[a] + s.mass[b]
    if method == "complete":
        new = jnp.maximum(x, y)
    elif method == "single":
        new = jnp.minimum(x, y)
    elif method == "average":
        new = x * (s.mass[a] / both) + y * (s.mass[b] / both)
    else:
        new = (x + y) / 2
    new = new.at[b].set(jnp.inf)
    # Both rows are read before one is written over: else the matrix would be copied.
    new, far = lax.optimization_barrier((new, s.far))
    far = lax.dynamic_update_slice_in_dim(far, new[None], b, 0)
    far = lax.dynamic_update_slice_in_dim(far, new[:, None], b, 1)
    height = jnp.maximum(least, jnp.maximum(s.height[a], s.height[b]))
    m = s.merges
    merges = m.add(m.count, s.node[a], s.node[b], height, both, m.count + 1)
    # The chain goes on from what is left of it, or else from the new cluster.
    length = jnp.maximum(s.length - 2, 1)
    return s._replace(
        far=far,
        gone=s.gone.at[a].set(jnp.inf),
        mass=s.mass.at[b].set(both),
        node=s.node.at[b].set(n + m.count),
        height=s.height.at[b].set(height),
        chain=jnp.where(s.length == 2, s.chain.at[0].set(b), s.chain),
        length=length,
        merges=merges,
    )
