"""Trees of merges, in SciPy's form, from the edges of a spanning tree."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from .._typing import Array, Float, Int


class Merges(NamedTuple):
    """n − 1 merges of two clusters each; merge i makes cluster n + i, and row j is cluster j.

    Attributes:
      left: (n − 1,) int32, the cluster of the edge's first end.
      right: (n − 1,) int32, that of its second end.
      height: (n − 1,) length of the edge, never falling.
      size: (n − 1,) weight of the rows of both.
    """

    left: Int[Array, " n-1"]
    right: Int[Array, " n-1"]
    height: Float[Array, " n-1"]
    size: Float[Array, " n-1"]


@jax.jit
def merges(
    first: Int[Array, " n-1"],
    second: Int[Array, " n-1"],
    distance: Float[Array, " n-1"],
    weights: Float[Array, " n"],
) -> Merges:
    """Clusters as they merge when the edges of a spanning tree are taken in, shortest first.

    Of equally long edges, that which comes first. Cost O(n log n); peak extra memory O(n).
    """
    n = weights.shape[0]
    order = jnp.argsort(distance, stable=True).astype(jnp.int32)
    first, second, distance = first[order], second[order], distance[order]
    # One table: parents of clusters, of which those of tops are themselves.
    parent = jnp.arange(2 * n - 1, dtype=jnp.int32)
    mass = jnp.zeros(2 * n - 1, weights.dtype).at[:n].set(weights)

    def top(parent: Array, a: Array) -> tuple[Array, Array]:
        def climb(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            parent, a, up = state
            over = parent[up]
            return parent.at[a].set(over), up, over  # halves the way for those who come after

        def below(state: tuple[Array, Array, Array]) -> Array:
            return state[1] != state[2]

        parent, a, _ = lax.while_loop(below, climb, (parent, a, parent[a]))
        return parent, a

    def merge(i: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
        parent, mass, left, right = state
        parent, a = top(parent, first[i])
        parent, b = top(parent, second[i])
        new = i + n
        parent = parent.at[a].set(new).at[b].set(new)
        mass = mass.at[new].set(mass[a] + mass[b])
        return parent, mass, left.at[i].set(a), right.at[i].set(b)

    none = jnp.zeros(n - 1, jnp.int32)
    state = (parent, mass, none, none)
    _, mass, left, right = lax.fori_loop(jnp.int32(0), jnp.int32(n - 1), merge, state)
    return Merges(left, right, distance, mass[n:])


def linkage_matrix(tree: Merges) -> Float[Array, "n-1 4"]:
    """Merges in SciPy's form: the two clusters, smaller number first, height and size."""
    kind = tree.height.dtype
    low, high = jnp.minimum(tree.left, tree.right), jnp.maximum(tree.left, tree.right)
    return jnp.stack([low.astype(kind), high.astype(kind), tree.height, tree.size], axis=1)


def single_linkage_tree(
    first: Int[Array, " n-1"],
    second: Int[Array, " n-1"],
    distance: Float[Array, " n-1"],
    weights: Float[Array, " n"],
) -> Float[Array, "n-1 4"]:
    """Single linkage from the edges of a minimum spanning tree, in SciPy's form.

    Args:
      first: (n − 1,) one end of each edge, a row.
      second: (n − 1,) the other.
      distance: (n − 1,) length of each edge.
      weights: (n,) weights of the rows.

    Returns:
      (n − 1, 4): two clusters (smaller number first; row j is cluster j, merge i makes cluster
      n + i), the height at which they merge, and the weight of the rows of both.
    """
    return linkage_matrix(merges(first, second, distance, weights))
