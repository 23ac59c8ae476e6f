"""Hierarchical clustering: the tree of merges, in SciPy's linkage format."""

from functools import partial

import jax
import jax.numpy as jnp

from .._checks import check_choice, check_rows, check_weights
from .._errors import ConfigError
from .._linalg import round_middle
from .._sharding import replicate, row_sharding
from .._typing import Array, ArrayLike, Float
from ._linkage_centroids import center_merges
from ._linkage_distances import METRICS, pair_distances
from ._linkage_format import Merges, to_linkage
from ._linkage_matrix import chain_merges
from ._linkage_rounds import ward_merges
from ._spanning import spanning_tree
from ._tree import merges as tree_merges

METHODS = ("ward", "single", "complete", "average", "weighted", "centroid", "median")
LIMIT = 32768
"""Rows up to which an n × n matrix is stored: 4 GiB of float32."""

_CENTERS = ("ward", "centroid", "median")


def linkage(
    x: Float[ArrayLike, "n d"],
    method: str = "ward",
    *,
    metric: str = "euclidean",
    sample_weight: Float[ArrayLike, " n"] | None = None,
) -> Float[Array, "n-1 4"]:
    """Agglomerative clustering: every row starts alone, and the nearest two clusters merge.

    How near two clusters are, by `method`:

    - "ward": √(2 mᵢ mⱼ / (mᵢ + mⱼ)) |cᵢ − cⱼ|, of means c and masses m: least growth of the sum
      of squares within clusters.
    - "single", "complete", "average": the least, greatest and mean distance of their rows.
    - "weighted": the mean of the distances of the two clusters that last became one.
    - "centroid", "median": |cᵢ − cⱼ|, of means, or of middles of the two centres that last became
      one. Heights may fall then, and merges keep their order.

    The result is that of `scipy.cluster.hierarchy.linkage` where no ties decide. Centres have the
    digits of the rows: of float32 rows, "ward", "centroid" and "median" tell groups apart that are
    a thousandth as wide as all rows together, and of tighter ones only roughly how they merge.

    Works under `jit` and `vmap`, in one program; rows sharded over a mesh are gathered first.
    `cut_tree` gives labels.

    Cost and peak extra memory: "ward" mostly O(n² d) in matrix products, and O(n d); "single",
    O(n² d) and O(n d); "centroid" and "median", mostly O(n² d) and O(n d). "complete", "average"
    and "weighted" need all distances: O(n² d) and n² numbers, twice that where the metric is
    "precomputed"; more than 32,768 rows are refused.

    Args:
      x: rows (n, d); or distances (n, n), of which those above the diagonal are read, where the
        metric is "precomputed". float32 and float64 are kept, other types become the default float.
        Where a row that is present is not finite, all heights are NaN.
      method: one of the above. Static.
      metric: "euclidean", "manhattan", "chebyshev", "cosine" or "precomputed"; "ward", "centroid"
        and "median" take "euclidean" only. Static.
      sample_weight: (n,) weights ≥ 0, masses of the rows: a row of weight 2 counts as two equal
        rows that have merged. A row of weight 0 is absent: such rows are merged last, in their
        order and at infinite height.

    Returns:
      (n − 1, 4), a merge each, by height: the two nodes, the smaller number first (row j is node
      j, merge m makes node n + m; where one is absent, it comes second); their distance; and the
      weight of the rows of both.

    Raises:
      ValueError: when shapes or options cannot be, or when there are too many rows.

    Example:
      >>> import jax.numpy as jnp, clusterart_jax as ca
      >>> ca.linkage(jnp.array([[0.0], [1.0], [4.0], [6.0]]), method="single")[:, :3]
      Array([[0., 1., 1.],
             [2., 3., 2.],
             [4., 5., 3.]], dtype=float32)

      SciPy draws it:

      >>> import numpy as np
      >>> from scipy.cluster.hierarchy import dendrogram  # takes float64 only
      >>> z = ca.linkage(jnp.array([[0.0], [1.0], [4.0], [6.0]]))
      >>> dendrogram(np.asarray(z, np.float64), no_plot=True)["ivl"]
      ['0', '1', '2', '3']

    References:
      Müllner, Modern hierarchical, agglomerative clustering algorithms, 2011, arXiv:1109.2378.
      Murtagh and Legendre, Ward's hierarchical agglomerative clustering method, 2014,
      doi:10.1007/s00357-014-9161-z.
    """
    x = check_rows(x)
    method = check_choice(method, "method", METHODS)
    metric = check_choice(metric, "metric", METRICS)
    n, d = x.shape
    if metric != "euclidean" and method in _CENTERS:
        raise ConfigError(
            f"method {method!r} merges means of rows, so metric must be 'euclidean', not {metric!r}"
        )
    if metric == "precomputed" and n != d:
        raise ValueError(f"x must be square, since metric is 'precomputed', not {x.shape}")
    if n > LIMIT and needs_matrix(method, metric):
        raise ConfigError(
            f"method {method!r} with metric {metric!r} stores all n × n distances, so x must have "
            f"at most {LIMIT} rows, not {n}; 'ward' and 'single' take more"
        )
    weights = check_weights(sample_weight, x)
    sharding = row_sharding(x)
    x, weights = replicate(x, sharding), replicate(weights, sharding)
    if n == 1:
        return jnp.zeros((0, 4), x.dtype)
    return _linkage(x, weights, method=method, metric=metric)


def needs_matrix(method: str, metric: str) -> bool:
    """Whether all distances are stored."""
    return method not in (*_CENTERS, "single") or metric == "precomputed"


@partial(jax.jit, static_argnames=("method", "metric"))
def _linkage(x: Array, weights: Array, *, method: str, metric: str) -> Array:
    def solve(x: Array, weights: Array) -> Array:
        present = (weights > 0)[:, None]
        x = jnp.where(present, x, 0)
        # Rounds would wait for a nearest pair of numbers that there are none of.
        known = jnp.all(jnp.isfinite(x)) | (metric == "precomputed")
        x = jnp.where(known, x, 0)
        origin = jnp.zeros((1, x.shape[1]), x.dtype)
        if metric == "euclidean":
            origin = round_middle(x, weights)[None]
        # Squares of very large or small numbers are none; powers of two change no digit.
        power = jnp.frexp(jnp.max(jnp.abs(jnp.where(present, x - origin, 0))))[1]
        if metric in ("precomputed", "cosine"):
            power = jnp.zeros_like(power)
        x, origin = jnp.ldexp(x, -power), jnp.ldexp(origin, -power)
        if needs_matrix(method, metric):
            found, ordered = chain_merges(pair_distances(x, origin, metric), weights, method), True
        elif method == "single":
            found, ordered = _single(x, weights, metric), False
        else:
            x, ordered = jnp.where(present, x - origin, 0), method == "ward"
            found = ward_merges(x, weights) if ordered else center_merges(x, weights, method)
            found = found._replace(height=jnp.sqrt(found.height))
        height = jnp.where(known, jnp.ldexp(found.height, power), jnp.nan)
        found = found._replace(height=height)
        return to_linkage(found, weights, ordered=ordered)

    if jax.default_backend() == "cpu":
        # Problems one after the other: each stops by itself, and stays in cache.
        solve = jax.custom_batching.sequential_vmap(solve)
    return solve(x, weights)


def _single(x: Array, weights: Array, metric: str) -> Merges:
    present = weights > 0
    tree = tree_merges(*spanning_tree(x, present=present, metric=metric), weights)
    done = jnp.sum(present, dtype=jnp.int32) - 1
    return tree._replace(done=done)
