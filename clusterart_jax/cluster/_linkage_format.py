"""Merges in the order they were found → SciPy's linkage format."""

from typing import NamedTuple

import jax.numpy as jnp

from .._typing import Array, Float, Int


class Merges(NamedTuple):
    """Merges of a tree over n rows; merge m makes node n + m.

    Attributes:
      left: (n − 1,) int32 nodes that were merged; rows are nodes 0…n−1.
      right: (n − 1,) int32 nodes that they were merged with.
      height: (n − 1,) at what cost.
      size: (n − 1,) weight of the rows below.
      done: merges so far.
    """

    left: Int[Array, " n-1"]
    right: Int[Array, " n-1"]
    height: Float[Array, " n-1"]
    size: Float[Array, " n-1"]
    done: Int[Array, ""]

    @classmethod
    def empty(cls, n: int, dtype: jnp.dtype) -> "Merges":
        """No merges yet."""
        none, zeros = jnp.zeros(n - 1, jnp.int32), jnp.zeros(n - 1, dtype)
        return cls(none, none, zeros, zeros, jnp.int32(0))

    def add(
        self, place: Array, left: Array, right: Array, height: Array, size: Array, done: Array
    ) -> "Merges":
        """Writes merges at their places; those out of range are left out."""
        given = (left, right, height, size)
        put = [a.at[place].set(b, mode="drop") for a, b in zip(self[:4], given, strict=True)]
        return Merges(put[0], put[1], put[2], put[3], done)


def to_linkage(merges: Merges, weights: Array, *, ordered: bool) -> Array:
    """SciPy's format (n − 1, 4): the two nodes, the smaller number first; height; size.

    Rows without a weight are merged last, in their order, at infinite height, as the second node.

    Args:
      merges: of the rows with a weight, children before their parents.
      weights: (n,).
      ordered: whether merges are put in the order of their heights, which must not fall towards
        the root; else they keep their order.
    """
    n = len(weights)
    step = jnp.arange(n - 1, dtype=jnp.int32)
    held = step < merges.done
    first, second, height, mass = merges[:4]
    if ordered:
        key = jnp.where(held, height, jnp.inf)
        order = jnp.argsort(key, stable=True).astype(jnp.int32)
        rank = jnp.zeros_like(order).at[order].set(step, unique_indices=True)
        first, second = (
            jnp.where(a < n, a, n + rank[jnp.clip(a - n, 0, max(n - 2, 0))])[order]
            for a in (first, second)
        )
        height, mass = height[order], mass[order]
    # Present rows first, then the absent: those join the tree one after the other.
    queue = jnp.argsort(weights <= 0, stable=True).astype(jnp.int32)
    root = jnp.where(step == 0, queue[0], n + step - 1)
    first, second = jnp.minimum(first, second), jnp.maximum(first, second)
    first = jnp.where(held, first, root)
    second = jnp.where(held, second, queue[1:])
    height = jnp.where(held, height, jnp.inf)
    mass = jnp.where(held, mass, jnp.sum(weights))
    kind = height.dtype
    return jnp.stack([first.astype(kind), second.astype(kind), height, mass], axis=1)
