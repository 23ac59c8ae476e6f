"""HDBSCAN: clusters of rows that lie dense, at whatever density each."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .._checks import as_scalar, check_choice, check_count, check_number, check_rows, check_weights
from .._sharding import (
    RowSharding,
    over_rows,
    place_rows,
    replicate,
    row_sharding,
    spread_rows,
)
from .._typing import Array, ArrayLike, Float, Int
from ._condensed import condense, flat_labels, of_selected, outlier_scores, select
from ._leaf_tree import leaf_spanning_tree
from ._leaves import grow_leaves, leaves_pay
from ._near_rows import near_distances
from ._neighbors import METRICS, embed, k_nearest, power_above, reached
from ._product_tree import product_spanning_tree
from ._spanning import SpanningTree, spanning_tree
from ._tree import linkage_matrix, merges

METHODS = ("eom", "leaf")

_PRODUCTS = 2048  # rows from which on blocks of products cost less than a pass for each row


class HDBSCANResult(NamedTuple):
    """A flat clustering, and the tree of merges that it was taken from.

    Attributes:
      labels: (n,) int32, the cluster of each row; −1 for noise.
      probabilities: (n,) how firmly each row belongs to its cluster, 0…1; 0 for noise.
      outlier_scores: (n,) GLOSH: 0 amid a cluster, towards 1 far out.
      core_distances: (n,) distance at which the rows around weigh `min_samples`; infinite for
        absent rows.
      linkage: (n − 1, 4) merges in SciPy's form: two clusters, mutual reachability distance, and
        weight of both; absent rows come last, at infinite distance.
      n_clusters: number of clusters.
      births: (m,) 1 / distance at which each cluster is split off, in the order of the labels;
        what is behind the clusters is 0. For the cluster of all rows, what its rows must outlast.
      deaths: (m,) 1 / distance at which the last of a cluster's rows, or a part, leaves it.
    """

    labels: Int[Array, " n"]
    probabilities: Float[Array, " n"]
    outlier_scores: Float[Array, " n"]
    core_distances: Float[Array, " n"]
    linkage: Float[Array, "n-1 4"]
    n_clusters: Int[Array, ""]
    births: Float[Array, " m"]
    deaths: Float[Array, " m"]


def hdbscan(
    x: Float[ArrayLike, "n d"],
    min_cluster_size: int | Int[Array, ""] = 5,
    *,
    min_samples: int | Int[Array, ""] | None = None,
    max_samples: int | None = None,
    metric: str = "euclidean",
    sample_weight: Float[ArrayLike, " n"] | None = None,
    alpha: float | Float[ArrayLike, ""] = 1.0,
    cluster_selection_method: str = "eom",
    cluster_selection_epsilon: float | Float[ArrayLike, ""] = 0.0,
    max_cluster_size: float | Float[ArrayLike, ""] | None = None,
    allow_single_cluster: bool = False,
) -> HDBSCANResult:
    """Clusters that outlast others while the distance at which rows are joined shrinks.

    With core distances cᵢ (to the `min_samples`-th nearest row, itself counted), rows i and j are
    max(cᵢ, cⱼ, dᵢⱼ / alpha) apart. The minimum spanning tree of that gives single-linkage
    clusters at every distance; those that weigh less than `min_cluster_size` are rows that drop
    out, and of those left the most stable are taken.

    Labels are scikit-learn's, numbers too, where distances are all different; where edges of equal
    length meet, rows between two clusters may go to either. A row of weight w counts as w rows: in
    sizes and stabilities, and in core distances, where it counts as no less than 1. Works under
    `jit` and `vmap`.

    From 2,048 rows on, candidates for edges of Euclidean and cosine distances between rows of many
    columns come from expanded squares; the lengths of edges are measured directly.

    Cost O(n² d), on a CPU about O(n log n) for many rows of up to 8 columns; peak extra memory one
    copy of the rows, O(n min_samples) and a block of 2²¹ distances. Rows sharded over a mesh, or
    over the devices of `use_cpu_cores`, are gathered; of many rows of few columns the devices share
    the search for neighbours and for edges.

    Args:
      x: rows (n, d), finite also where their weight is 0, or distances (n, n) between them. float32
        and float64 are kept, other types become the default float.
      min_cluster_size: weight of the smallest part that is a cluster, at least 2.
      min_samples: rows, itself among them, that a core distance reaches, at most n where all weigh
        alike; None takes `min_cluster_size`.
      max_samples: what `min_samples` is at most, where that is traced. Static.
      metric: "euclidean", "manhattan", "chebyshev" or "cosine" (1 − cos of the angle; a row of
        length 0 is at distance 1 of all but its like), or "precomputed" where `x` holds the
        distances. Static.
      sample_weight: (n,) weights ≥ 0; a row of weight 0 counts as absent and is labelled noise.
      alpha: distances are divided by it, core distances are not.
      cluster_selection_method: "eom" takes the clusters of most stability, "leaf" those
        without any inside. Static.
      cluster_selection_epsilon: clusters that part only below this distance are left together.
      max_cluster_size: "eom" takes no cluster that weighs more; None is no limit.
      allow_single_cluster: whether all rows may be one cluster. Static.

    Returns:
      An `HDBSCANResult`.

    Raises:
      ValueError: when shapes or options cannot be.
      TypeError: when a static option is traced.

    Example:
      >>> import jax.numpy as jnp, clusterart_jax as ca
      >>> x = jnp.array([[0.0], [0.1], [0.3], [5.0], [5.1], [5.3], [99.0]])
      >>> ca.hdbscan(x, min_cluster_size=3, min_samples=2).labels.tolist()
      [0, 0, 0, 1, 1, 1, -1]

    References:
      Campello, Moulavi and Sander, Density-based clustering based on hierarchical density
      estimates, 2013, doi:10.1007/978-3-642-37456-2_14.
      Campello and others, Hierarchical density estimates for data clustering, visualization, and
      outlier detection, 2015, doi:10.1145/2733381.
      Malzer and Baum, A hybrid approach to hierarchical density-based cluster selection, 2020,
      arXiv:1911.02282.
    """
    x = check_rows(x)
    n = x.shape[0]
    size = _count(min_cluster_size, "min_cluster_size", low=2)
    if max_samples is not None:
        max_samples = check_count(max_samples, "max_samples", high=n)
        samples = _count(size if min_samples is None else min_samples, "min_samples")
    else:
        name = "min_samples, here min_cluster_size," if min_samples is None else "min_samples"
        # A heavy row may be as many as that alone.
        most_samples = n if sample_weight is None else None
        samples = check_count(size if min_samples is None else min_samples, name, high=most_samples)
        max_samples = power_above(samples, n)
    check_choice(metric, "metric", METRICS)
    if metric == "precomputed" and x.shape != (n, n):
        raise ValueError(f"x must hold distances (n, n) where they are precomputed, not {x.shape}")
    check_choice(cluster_selection_method, "cluster_selection_method", METHODS)
    epsilon = check_number(cluster_selection_epsilon, "cluster_selection_epsilon", x.dtype, low=0)
    largest = np.inf if max_cluster_size is None else max_cluster_size
    largest = check_number(largest, "max_cluster_size", x.dtype, low=1)
    known = isinstance(size, int)
    weighted, weights = sample_weight is not None, check_weights(sample_weight, x)
    sharding = spread_rows(x, weights)[2]
    result = _hdbscan(
        replicate(x, sharding),
        replicate(weights, sharding),
        as_scalar(samples, x.dtype),
        as_scalar(size, x.dtype),
        check_number(alpha, "alpha", x.dtype, low=0, above=True),
        epsilon,
        largest,
        reach=max_samples,
        metric=metric,
        method=cluster_selection_method,
        single=bool(allow_single_cluster),
        # Parts of that size which lie apart; where weights are given, a row may be one.
        most=max(1, 2 * (n if weighted or not known else n >> (size.bit_length() - 1)) - 1),
        sharding=sharding,
    )
    if sharding is not None and row_sharding(x) is None:
        return jax.device_put(result, x.sharding)
    return _laid_out(result, sharding)


def _count(value: Any, name: str, low: int = 1) -> Any:
    """A whole number, checked where it is not traced."""
    return value if isinstance(value, jax.Array) else check_count(value, name, low=low)


_ROWS_OUT = HDBSCANResult._make(i < 4 for i in range(len(HDBSCANResult._fields)))


def _laid_out(result: HDBSCANResult, sharding: RowSharding | None) -> HDBSCANResult:
    """Per-row results laid out as the rows were."""
    if sharding is None:
        return result
    return jax.tree.map(lambda a, rows: place_rows(a, sharding) if rows else a, result, _ROWS_OUT)


@partial(jax.jit, static_argnames=("reach", "metric", "method", "single", "most", "sharding"))
def _hdbscan(
    x: Array,
    weights: Array,
    samples: Array,
    min_size: Array,
    alpha: Array,
    epsilon: Array,
    max_size: Array,
    *,
    reach: int,
    metric: str,
    method: str,
    single: bool,
    most: int,
    sharding: RowSharding | None,
) -> HDBSCANResult:
    def solve(
        x: Array,
        weights: Array,
        samples: Array,
        min_size: Array,
        alpha: Array,
        epsilon: Array,
        max_size: Array,
    ) -> HDBSCANResult:
        axis = None if sharding is None else sharding.axis
        present = weights > 0
        core, edges = _tree_of(x, weights, samples, alpha, reach, metric, axis)
        tree = merges(*edges, weights)
        parts = condense(tree, core, weights, min_size, most)
        selected = select(parts, method=method, single=single, epsilon=epsilon, max_size=max_size)
        labels, strength = flat_labels(parts, selected, epsilon)
        births, deaths = of_selected(parts, selected, epsilon)
        return HDBSCANResult(
            labels=jnp.where(present, labels, -1),
            probabilities=jnp.where(present, strength, 0),
            outlier_scores=jnp.where(present, outlier_scores(parts), 0),
            core_distances=core,
            linkage=linkage_matrix(tree),
            n_clusters=jnp.sum(selected, dtype=jnp.int32),
            births=births,
            deaths=deaths,
        )

    whole = HDBSCANResult._make([False] * len(HDBSCANResult._fields))
    run = over_rows(solve, sharding, rows_in=(False,) * 7, rows_out=whole)
    if sharding is None and jax.default_backend() == "cpu":
        # One problem after the other: each is as quick as its own rows let it be.
        run = jax.custom_batching.sequential_vmap(run)
    return run(x, weights, samples, min_size, alpha, epsilon, max_size)


def _tree_of(
    x: Array,
    weights: Array,
    samples: Array,
    alpha: Array,
    reach: int,
    metric: str,
    axis: Any,
) -> tuple[Array, SpanningTree]:
    """Core distances, and the spanning tree of mutual reachability."""
    present, rows = weights > 0, embed(x, metric)
    if leaves_pay(rows, metric):
        leaves = grow_leaves(rows, present)
        must = jnp.ceil(samples).astype(jnp.int32)
        distances, near = near_distances(leaves, len(rows), reach, must, metric, axis)
        core = jnp.where(present, reached(distances, near, weights, samples), jnp.inf)
        return core, leaf_spanning_tree(leaves, core, near, present, metric, alpha, axis)
    distances, near = _shared(rows, reach, present, metric, axis)
    core = jnp.where(present, reached(distances, near, weights, samples), jnp.inf)
    if metric in ("euclidean", "cosine") and len(rows) >= _PRODUCTS:
        found = distances, near, present
        return core, product_spanning_tree(rows, core, *found, metric, alpha, axis)
    return core, spanning_tree(x, core, present=present, metric=metric, alpha=alpha)


def _shared(rows: Array, k: int, present: Array, metric: str, axis: Any) -> tuple[Array, Array]:
    """`k_nearest` of all rows, of which each device asks for a part."""
    if axis is None:
        return k_nearest(rows, rows, k, present, metric)
    n = len(rows)
    share = -(-n // lax.axis_size(axis))
    # The last part is moved back, and overlaps with that before.
    begin = jnp.minimum(lax.axis_index(axis) * share, n - share)
    mine = lax.dynamic_slice_in_dim(rows, begin, share)
    parts = (lax.all_gather(a, axis) for a in k_nearest(mine, rows, k, present, metric))
    places = jnp.minimum(jnp.arange(lax.axis_size(axis), dtype=jnp.int32) * share, n - share)
    places = (places[:, None] + jnp.arange(share, dtype=jnp.int32)[None, :]).reshape(-1)
    distances, near = (jnp.zeros((n, k), a.dtype).at[places].set(a.reshape(-1, k)) for a in parts)
    return distances, near
