"""Labels of rows from a tree of merges."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .._checks import as_scalar, check_count, check_number, check_rows
from .._errors import ConfigError
from .._typing import Array, ArrayLike, Float, Int


def cut_tree(
    z: Float[ArrayLike, "n-1 4"],
    *,
    n_clusters: int | Int[ArrayLike, ""] | None = None,
    distance_threshold: float | Float[ArrayLike, ""] | None = None,
) -> Int[Array, " n"]:
    """The cluster of each row when the last merges of a tree are undone.

    Clusters are numbered as scikit-learn's `AgglomerativeClustering` numbers them. Works under
    `jit` and `vmap`; both options may be traced. Cost O(n log n); peak extra memory O(n).

    Args:
      z: the tree in SciPy's format, (n − 1, 4), as from `linkage`.
      n_clusters: number of clusters k ≥ 1; where there are no more than k rows, each is a cluster.
      distance_threshold: instead, merges at this height or above it are undone.

    Returns:
      (n,) int32 labels 0…k−1; −1 for rows that merge at infinite height only, which are absent.

    Raises:
      ValueError: when `z` has another shape, or not just one of the options is given.

    Example:
      >>> import jax.numpy as jnp, clusterart_jax as ca
      >>> z = ca.linkage(jnp.array([[0.0], [1.0], [4.0], [6.0]]))
      >>> ca.cluster.cut_tree(z, n_clusters=2)
      Array([1, 1, 0, 0], dtype=int32)
    """
    if np.shape(z) == (0, 4):
        z = jnp.zeros((0, 4), getattr(z, "dtype", float))
    else:
        z = check_rows(z, "z")
    if z.shape[1] != 4:
        raise ValueError(f"z must have shape (n − 1, 4), not {z.shape}")
    if (n_clusters is None) == (distance_threshold is None):
        raise ConfigError("give either n_clusters or distance_threshold, not both or none")
    if distance_threshold is not None:
        return _cut(z, None, check_number(distance_threshold, "distance_threshold", z.dtype))
    if not isinstance(n_clusters, jax.Array):
        n_clusters = check_count(n_clusters, "n_clusters")
    return _cut(z, as_scalar(n_clusters, jnp.int32), None)


@jax.jit
def _cut(z: Array, k: Array | None, threshold: Array | None) -> Array:
    n = len(z) + 1
    if n == 1:
        return jnp.zeros(1, jnp.int32)
    children, height = z[:, :2].astype(jnp.int32), z[:, 2]
    finite = height < jnp.inf
    last = jnp.sum(finite, dtype=jnp.int32)
    if threshold is not None:
        k = jnp.sum(finite & (height >= threshold), dtype=jnp.int32) + 1
    k = jnp.clip(jnp.asarray(k), 1, last + 1)
    root = jnp.where(last > 0, n + last - 1, children[0, 0])

    # A heap of the nodes that are clusters, the largest first, whose places are their labels: the
    # order in which scikit-learn's way of undoing merges leaves them.
    def push(heap: Array, place: Array, node: Array) -> Array:
        def above(state: tuple[Array, Array]) -> Array:
            heap, i = state
            return (i > 0) & (heap[(i - 1) // 2] < node)

        def rise(state: tuple[Array, Array]) -> tuple[Array, Array]:
            heap, i = state
            up = (i - 1) // 2
            return heap.at[i].set(heap[up]), up

        heap, i = lax.while_loop(above, rise, (heap, place))
        return heap.at[i].set(node)

    def replace_top(heap: Array, size: Array, node: Array) -> Array:
        def larger(heap: Array, i: Array) -> Array:
            left, right = 2 * i + 1, 2 * i + 2
            two = (right < size) & (
                heap[jnp.minimum(right, n - 1)] > heap[jnp.minimum(left, n - 1)]
            )
            return jnp.where(two, right, left)

        def below(state: tuple[Array, Array]) -> Array:
            heap, i = state
            child = larger(heap, i)
            return (child < size) & (heap[jnp.minimum(child, n - 1)] > node)

        def sink(state: tuple[Array, Array]) -> tuple[Array, Array]:
            heap, i = state
            child = larger(heap, i)
            return heap.at[i].set(heap[child]), child

        heap, i = lax.while_loop(below, sink, (heap, jnp.int32(0)))
        return heap.at[i].set(node)

    def undo(t: Array, heap: Array) -> Array:
        two = children[heap[0] - n]
        return replace_top(push(heap, t + 1, two[0]), t + 2, two[1])

    heap = jnp.zeros(n, jnp.int32).at[0].set(root)
    heap = lax.fori_loop(jnp.int32(0), k - 1, undo, heap)

    # Each node points to its parent, clusters to themselves; then everyone to whom its parent
    # points, until all point to clusters.
    nodes = jnp.arange(2 * n - 1, dtype=jnp.int32)
    up = nodes.at[children].set(nodes[n:, None])
    place = jnp.arange(n, dtype=jnp.int32)
    clusters = jnp.where(place < k, heap, 2 * n)
    up = up.at[clusters].set(clusters, mode="drop")
    steps = (2 * n - 1).bit_length()
    up = lax.fori_loop(0, steps, lambda _, up: up[up], up)
    label = jnp.full(2 * n - 1, -1, jnp.int32).at[clusters].set(place, mode="drop")
    return label[up[:n]]
