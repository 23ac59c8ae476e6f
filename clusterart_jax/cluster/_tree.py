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
    if n == 1:
        return Merges(first, second, distance, weights[:0])
    order = jnp.argsort(distance, stable=True).astype(jnp.int32)
    first, second, distance = first[order], second[order], distance[order]
    # The lighter of two clusters hangs below the heavier: no way to the top is longer than log₂ n,
    # and finding it writes nothing, which would cost a copy in a loop within a loop.

    def top(up: Array, a: Array) -> Array:
        return lax.while_loop(lambda s: s[0] != s[1], lambda s: (s[1], up[s[1]]), (a, up[a]))[0]

    def merge(i: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
        up, mass, name, left, right, size = state
        a, b = top(up, first[i]), top(up, second[i])
        total = mass[a] + mass[b]
        left, right = left.at[i].set(name[a]), right.at[i].set(name[b])
        heavier = mass[a] >= mass[b]
        a, b = jnp.where(heavier, a, b), jnp.where(heavier, b, a)
        return (
            up.at[b].set(a),
            mass.at[a].set(total),
            name.at[a].set(i + n),
            left,
            right,
            size.at[i].set(total),
        )

    rows, none = jnp.arange(n, dtype=jnp.int32), jnp.zeros(n - 1, jnp.int32)
    state = (rows, weights, rows, none, none, jnp.zeros(n - 1, weights.dtype))
    _, _, _, left, right, size = lax.fori_loop(jnp.int32(0), jnp.int32(n - 1), merge, state)
    return Merges(left, right, distance, size)


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
