"""Hierarchical clustering where only rows that a graph joins may merge."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .._checks import check_choice, check_rows, check_weights
from .._errors import ConfigError
from .._linalg import round_middle
from .._sharding import replicate, row_sharding
from .._typing import Array, ArrayLike, Float, Int
from ._linkage_edges import edge_merges
from ._linkage_forest import forest_merges, join_trees
from ._linkage_format import to_linkage

GRAPH_METHODS = ("ward", "single", "complete", "average")
_METRICS = ("euclidean", "manhattan", "chebyshev", "cosine")
_BLOCK = 4096  # edges measured together


def graph_linkage(
    x: Float[ArrayLike, "n d"],
    edges: Int[ArrayLike, "m 2"],
    method: str = "ward",
    *,
    metric: str = "euclidean",
    lengths: Float[ArrayLike, " m"] | None = None,
    sample_weight: Float[ArrayLike, " n"] | None = None,
) -> Float[Array, "n-1 4"]:
    """Agglomerative clustering along the edges of a graph: regions of pictures, for example.

    Two clusters may merge when an edge joins a row of one and a row of the other, and the nearest
    such two do. How near they are, by `method`:

    - "ward": √(2 mᵢ mⱼ / (mᵢ + mⱼ)) |cᵢ − cⱼ|, of means c and masses m. Heights may fall, since two
      clusters may come to have an edge that are nearer than those merged before.
    - "single", "complete": the least and greatest length of the edges between them.
    - "average": the mean of the lengths to the two clusters that last became one, weighted by
      their masses; where only one of these had an edge, its length.

    These are scikit-learn's rules, and so is the result where no ties decide. Of equally near
    pairs that with the lesser nodes merges first: first the larger, then the smaller number
    counts. Works under `jit` and `vmap`; rows sharded over a mesh are gathered first. `cut_tree`
    gives labels; `image_grid` gives the edges of pictures.

    Cost: "single" O((n + m) log n), others O(n + m log m) while clusters have few neighbours, and
    O(n m) at worst. Peak extra memory O(n d + m).

    Args:
      x: rows (n, d), finite also where their weight is 0. float32 and float64 are kept, other
        types become the default float.
      edges: (m, 2) numbers of the rows that each edge joins, in any order. An edge given twice
        counts once, one from a row to itself or to no row not at all: such fill up arrays.
      method: one of the above. Static.
      metric: "euclidean", "manhattan", "chebyshev" or "cosine"; "ward" takes "euclidean" only.
        Static.
      lengths: (m,) lengths of the edges, in place of the distances of rows; not for "ward". Of an
        edge given twice the shorter counts.
      sample_weight: (n,) weights ≥ 0, masses of the rows. A row of weight 0 is absent, with its
        edges: such rows are merged last, in their order and at infinite height.

    Returns:
      (n − 1, 4), a merge each, in the order of merging: the two nodes, the smaller number first
      (row j is node j, merge m makes node n + m); their distance; and the weight of the rows of
      both. Parts of the graph that no edge joins merge after all others, at the greatest finite
      height.

    Raises:
      ValueError: when shapes or options cannot be.

    Example:
      >>> import jax.numpy as jnp, clusterart_jax as ca
      >>> x = jnp.array([[0.0], [9.0], [1.0], [8.0]])
      >>> ca.cluster.graph_linkage(x, [[0, 1], [1, 2], [2, 3]], "single")[:, :3]
      Array([[2., 3., 7.],
             [1., 4., 8.],
             [0., 5., 9.]], dtype=float32)

    References:
      Müllner, Modern hierarchical, agglomerative clustering algorithms, 2011, arXiv:1109.2378.
    """
    x = check_rows(x)
    method = check_choice(method, "method", GRAPH_METHODS)
    metric = check_choice(metric, "metric", _METRICS)
    if method == "ward" and (metric != "euclidean" or lengths is not None):
        raise ConfigError(
            "method 'ward' merges means of rows: metric must be 'euclidean' and lengths None"
        )
    if np.ndim(edges) != 2 or np.shape(edges)[1] != 2:
        raise ValueError(f"edges must have shape (m, 2), not {np.shape(edges)}")
    edges = jnp.asarray(edges)
    if not jnp.issubdtype(edges.dtype, jnp.integer):
        raise TypeError(f"edges must hold whole numbers, not {edges.dtype}")
    m = len(edges)
    if lengths is not None and np.shape(lengths) != (m,):
        raise ValueError(f"lengths must have shape ({m},), not {np.shape(lengths)}")
    given = jnp.zeros(0, x.dtype) if lengths is None else jnp.asarray(lengths).astype(x.dtype)
    weights = check_weights(sample_weight, x)
    sharding = row_sharding(x)
    x, weights = replicate(x, sharding), replicate(weights, sharding)
    if len(x) == 1:
        return jnp.zeros((0, 4), x.dtype)
    return _graph_linkage(x, edges.astype(jnp.int32), given, weights, method, metric)


@partial(jax.jit, static_argnames=("method", "metric"))
def _graph_linkage(
    x: Array, edges: Array, given: Array, weights: Array, method: str, metric: str
) -> Array:
    def solve(x: Array, edges: Array, given: Array, weights: Array) -> Array:
        present = weights > 0
        x = jnp.where(present[:, None], x, 0)
        origin = round_middle(x, weights) if method == "ward" else jnp.zeros_like(x[0])
        x = jnp.where(present[:, None], x - origin[None], 0)
        if not len(edges):  # a loop stands for none
            edges, given = jnp.zeros((1, 2), jnp.int32), given[:0]
        low, high = jnp.min(edges, axis=1), jnp.max(edges, axis=1)
        there = (low >= 0) & (high < len(x)) & (low < high)
        low, high = jnp.where(there, low, 0), jnp.where(there, high, 0)
        there = there & present[low] & present[high]
        length = given if len(given) else _lengths(x, low, high, metric)
        if method == "ward":
            length = length**2 * (weights[low] * weights[high] / (weights[low] + weights[high]))
        length = jnp.where(there, length, jnp.inf)
        # In the order of their nodes; of equal ones the shortest is first, and counts.
        high, low, length = lax.sort((high, low, length), num_keys=3)
        again = (high[1:] == high[:-1]) & (low[1:] == low[:-1])
        length = length.at[1:].set(jnp.where(again, jnp.inf, length[1:]))
        if method == "single":
            found = forest_merges(low, high, length, weights)
        else:
            found = edge_merges(x, weights, low, high, length, method)
            if method == "ward":
                found = found._replace(height=jnp.sqrt(2 * found.height))
            found = join_trees(found, weights)
        return to_linkage(found, weights, ordered=False)

    if jax.default_backend() == "cpu":
        # Problems one after the other: each stops by itself, and stays in cache.
        solve = jax.custom_batching.sequential_vmap(solve)
    return solve(x, edges, given, weights)


def _lengths(x: Array, first: Array, second: Array, metric: str) -> Array:
    def length(ends: tuple[Array, Array]) -> Array:
        a, b = x[ends[0]], x[ends[1]]
        if metric == "cosine":
            a, b = (y / jnp.where(jnp.any(y != 0), jnp.linalg.norm(y), 1) for y in (a, b))
            return jnp.sum((a - b) ** 2) / 2
        gap = jnp.abs(a - b)
        if metric == "manhattan":
            return jnp.sum(gap)
        return jnp.max(gap) if metric == "chebyshev" else jnp.sqrt(jnp.sum(gap**2))

    return lax.map(length, (first, second), batch_size=_BLOCK)
