"""Trees of merges, in SciPy's form, from the edges of a spanning tree."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from .._typing import Array, Float, Int
from ._linkage_format import Merges
from ._sorting import sort_floats


@jax.jit
def merges(
    first: Int[Array, " n-1"],
    second: Int[Array, " n-1"],
    distance: Float[Array, " n-1"],
    weights: Float[Array, " n"],
) -> Merges:
    """Clusters as they merge when the edges of a spanning tree are taken in, shortest first.

    On the left is the cluster of the edge's first end; heights never fall.

    Of equally long edges, that which comes first. Cost O(n log n); peak extra memory O(n).
    """
    n = weights.shape[0]
    if n == 1:
        return Merges(first, second, distance, weights[:0], jnp.int32(0))
    order = sort_floats(distance)
    first, second, distance = first[order], second[order], distance[order]
    # The smaller of two clusters hangs below the larger: no way to the top is longer than log₂ n.
    # All its steps are taken, since a loop within a loop would copy what both of them hold.
    steps = (n - 1).bit_length()

    def top(up: Array, a: Array) -> Array:
        for _ in range(steps):
            a = _at(up, a)
        return a

    def merge(i: Array, state: tuple[Any, ...]) -> tuple[Any, ...]:
        up, held, size, found, ends, (over, under, rows, weight) = state
        # What the merge before left to write comes first, and all reading after: tables that are
        # read and then written would be copied, for every edge.
        up, size = _put(up, under, over), _put(size, n + i - 1, weight)
        held = _put(held, over, jnp.stack([rows, n + i - 1]))
        # The ends were followed to the top a turn ago, when that merge was not written yet. As
        # numbers that a turn hands on they are found once, not again for all that is made of them.
        a, b = (jnp.where(end == under, over, end) for end in ends)
        (rows_a, name_a), (rows_b, name_b) = _at(held, a), _at(held, b)
        weight = _at(size, name_a) + _at(size, name_b)
        found = _put(found, i, jnp.stack([name_a, name_b]))
        larger = rows_a >= rows_b
        over, under = jnp.where(larger, a, b), jnp.where(larger, b, a)
        after = jnp.minimum(i + 1, n - 2)
        ends = top(up, _at(first, after)), top(up, _at(second, after))
        return up, held, size, found, ends, (over, under, rows_a + rows_b, weight)

    # One place more takes what there is to write before the first merge: nothing.
    rows = jnp.arange(n + 1, dtype=jnp.int32)
    held = jnp.stack([jnp.ones_like(rows), rows], axis=1)  # number of rows, and name of the cluster
    sizes = jnp.concatenate([weights, jnp.zeros(n - 1, weights.dtype)])
    found = jnp.zeros((n - 1, 2), jnp.int32)
    nothing = (jnp.int32(n), jnp.int32(n), jnp.int32(1), weights[n - 1])
    state = (rows, held, sizes, found, (first[0], second[0]), nothing)
    state = lax.fori_loop(jnp.int32(0), jnp.int32(n - 1), merge, state)
    size = _put(state[2], jnp.int32(2 * n - 2), state[5][3])[n:]
    return Merges(state[3][:, 0], state[3][:, 1], distance, size, jnp.int32(n - 1))


def _at(values: Array, i: Array) -> Array:
    return lax.dynamic_index_in_dim(values, i, keepdims=False, allow_negative_indices=False)


def _put(values: Array, i: Array, value: Array) -> Array:
    return lax.dynamic_update_index_in_dim(values, value, i, 0, allow_negative_indices=False)


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
