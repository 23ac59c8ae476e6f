"""Trees of merges, in SciPy's form, from the edges of a spanning tree."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from .._typing import Array, Float, Int
from ._linkage_format import Merges


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
    order = jnp.argsort(distance, stable=True).astype(jnp.int32)
    first, second, distance = first[order], second[order], distance[order]
    # The smaller of two clusters hangs below the larger: no way to the top is longer than log₂ n.
    # All its steps are taken, since a loop within a loop would copy what both of them hold.
    steps = (n - 1).bit_length()

    def top(up: Array, a: Array) -> Array:
        for _ in range(steps):
            a = _at(up, a)
        return a

    def merge(i: Array, state: tuple[Any, ...]) -> tuple[Any, ...]:
        up, count, mass, name, found, (over, under, rows, weight) = state
        # What the merge before left to write comes first, and all reading after: tables that are
        # read and then written would be copied, for every edge.
        up, count = _put(up, under, over), _put(count, over, rows)
        mass, name = _put(mass, over, weight), _put(name, over, i + n - 1)
        a, b = top(up, _at(first, i)), top(up, _at(second, i))
        rows_a, rows_b = _at(count, a), _at(count, b)
        weight = _at(mass, a) + _at(mass, b)
        merged = (_at(name, a), _at(name, b), weight)
        found = tuple(_put(of, i, value) for of, value in zip(found, merged, strict=True))
        larger = rows_a >= rows_b
        over, under = jnp.where(larger, a, b), jnp.where(larger, b, a)
        return up, count, mass, name, found, (over, under, rows_a + rows_b, weight)

    none = jnp.zeros(n - 1, jnp.int32)
    found = (none, none, jnp.zeros(n - 1, weights.dtype))
    # One place more takes what there is to write before the first merge: nothing.
    rows, ones = jnp.arange(n + 1, dtype=jnp.int32), jnp.ones(n + 1, jnp.int32)
    masses = jnp.append(weights, jnp.zeros(1, weights.dtype))
    nothing = (jnp.int32(n), jnp.int32(n), jnp.int32(1), jnp.zeros((), weights.dtype))
    state = (rows, ones, masses, rows, found, nothing)
    left, right, size = lax.fori_loop(jnp.int32(0), jnp.int32(n - 1), merge, state)[4]
    return Merges(left, right, distance, size, jnp.int32(n - 1))


def _at(values: Array, i: Array) -> Array:
    return lax.dynamic_index_in_dim(values, i, keepdims=False)


def _put(values: Array, i: Array, value: Array) -> Array:
    return values.at[i].set(value, mode="promise_in_bounds")


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
