"""Single linkage along the edges of a graph, and what becomes of parts that no edge joins.

Single linkage is the spanning tree of least length, and that is found in rounds: the shortest edge
of each tree of the forest is of it.

Source: Borůvka, O jistém problému minimálním, 1926; Nešetřil, Milková and Nešetřilová, Otakar
Borůvka on minimum spanning tree problem, 2001, doi:10.1016/S0012-365X(00)00224-7.
"""

import jax.numpy as jnp
from jax import lax

from .._typing import Array
from ._linkage_format import Merges
from ._tree import merges as tree_merges


def forest_merges(first: Array, second: Array, length: Array, weights: Array) -> Merges:
    """Merges of all rows with a weight along the spanning forest; then of its trees.

    Trees merge at the greatest finite height. Cost O((n + m) log n); peak extra memory O(n + m).

    Args:
      first: (m,) int32 rows at one end of the edges, present ones.
      second: (m,) int32 rows at the other end.
      length: (m,) their lengths; infinite for edges that are not there.
      weights: (n,).
    """
    n, m = len(weights), len(length)
    present = weights > 0
    rank = jnp.zeros(m, jnp.int32).at[jnp.argsort(length, stable=True)].set(_count(m))
    there = length < jnp.inf

    def outward(tree: Array) -> Array:
        return there & (tree[first] != tree[second])

    def join(state: tuple[Array, Array]) -> tuple[Array, Array]:
        tree, chosen = state
        a, b = tree[first], tree[second]
        free = outward(tree)
        best = jnp.full(n, m, jnp.int32)
        for end in (a, b):
            best = best.at[jnp.where(free, end, n)].min(rank, mode="drop")
        taken = free & ((best[a] == rank) | (best[b] == rank))
        parent = _count(n)
        for end, to in ((a, b), (b, a)):
            mine = free & (best[end] == rank)
            parent = parent.at[jnp.where(mine, end, n)].set(to, mode="drop")
        # Of two that chose each other one stays.
        stays = (parent[parent] == _count(n)) & (_count(n) < parent)
        parent = jnp.where(stays, _count(n), parent)
        parent = lax.while_loop(lambda p: jnp.any(p[p] != p), lambda p: p[p], parent)
        return parent[tree], chosen | taken

    tree, chosen = lax.while_loop(
        lambda state: jnp.any(outward(state[0])), join, (_count(n), jnp.zeros(m, bool))
    )
    # The edges chosen, then one to the first row of each tree but the first, then to absent rows.
    edges = jnp.argsort(~chosen, stable=True).astype(jnp.int32)
    edges = jnp.pad(edges, (0, max(n - 1 - m, 0)))[: n - 1]
    step, found = _count(n - 1), jnp.sum(chosen, dtype=jnp.int32)
    root = present & (tree == _count(n))
    queue = jnp.argsort(jnp.where(root, 0, jnp.where(present, 2, 1)), stable=True)
    queue = queue.astype(jnp.int32)
    roots = jnp.sum(root, dtype=jnp.int32)
    place = step - found + 1
    far = jnp.where(place < roots, jnp.finfo(length.dtype).max, jnp.inf)
    held = step < found
    made = tree_merges(
        jnp.where(held, first[edges], queue[0]),
        jnp.where(held, second[edges], queue[jnp.clip(place, 0, n - 1)]),
        jnp.where(held, length[edges], far),
        weights,
    )
    done = jnp.sum(present, dtype=jnp.int32) - 1
    return made._replace(done=done)


def join_trees(merges: Merges, weights: Array) -> Merges:
    """Merges trees that are left, in the order of their nodes, at the greatest finite height."""
    n = len(weights)
    step, node = _count(n - 1), _count(2 * n - 1)
    held = step < merges.done
    root = jnp.concatenate([weights > 0, held])
    for below in (merges.left, merges.right):
        root = root.at[jnp.where(held, below, 2 * n)].set(False, mode="drop")
    queue = jnp.argsort(~root, stable=True).astype(jnp.int32)
    mass = jnp.where(root, jnp.concatenate([weights, merges.size]), 0)[queue]
    place = jnp.clip(step - merges.done + 1, 0, len(node) - 1)
    return Merges(
        jnp.where(held, merges.left, jnp.where(place == 1, queue[0], n + step - 1)),
        jnp.where(held, merges.right, queue[place]),
        jnp.where(held, merges.height, jnp.finfo(merges.height.dtype).max),
        jnp.where(held, merges.size, jnp.cumsum(mass)[place]),
        jnp.sum(weights > 0, dtype=jnp.int32) - 1,
    )


def _count(n: int) -> Array:
    return jnp.arange(n, dtype=jnp.int32)
