"""The cluster of points, and how much they belong to each, of those that HDBSCAN found."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from .._checks import as_scalar, check_choice, check_count, check_rows, check_weights
from .._linalg import fold_rows
from .._sharding import over_rows, replicate, row_sharding
from .._typing import Array, ArrayLike, Float, Int
from ._hdbscan import HDBSCANResult
from ._neighbors import (
    METRICS,
    core_distances,
    embed,
    finish,
    nearest_reachable,
    power_above,
    raw_distances,
)

_BLOCK = 2**20  # numbers: distances of a block of points


def hdbscan_labels(
    x: Float[ArrayLike, "m d"],
    rows: Float[ArrayLike, "n d"],
    result: HDBSCANResult,
    *,
    min_samples: int = 5,
    metric: str = "euclidean",
    row_weight: Float[ArrayLike, " n"] | None = None,
    alpha: float | Float[ArrayLike, ""] = 1.0,
) -> tuple[Int[Array, " m"], Float[Array, " m"]]:
    """Clusters of new points, as if each alone had been joined to the tree of the rows.

    A point goes to the row to which its mutual reachability distance is smallest (of several the
    nearest), and belongs to that row's cluster unless it is so far off that it would have left
    before the cluster was split off. Rows themselves get their own label.

    Cost O(m n d); peak extra memory O(m min_samples + n d + a block of 2²¹ distances).

    Args:
      x: points (m, d).
      rows: (n, d), what was clustered; rows whose core distance is infinite count as absent.
      result: what `hdbscan` returned for them.
      min_samples: as there, rows that a core distance reaches. Static.
      metric: as there, but not "precomputed". Static.
      row_weight: (n,) the weights of the rows, as there.
      alpha: as there.

    Returns:
      Labels (m,) int32, −1 for noise, and how firmly each point belongs to its cluster (m,), 0…1.

    Raises:
      ValueError: when shapes or options cannot be.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax import cluster
      >>> rows = jnp.array([[0.0], [0.1], [0.3], [5.0], [5.1], [5.3], [99.0]])
      >>> result = cluster.hdbscan(rows, min_cluster_size=3, min_samples=2)
      >>> new = jnp.array([[0.2], [5.2], [50.0]])
      >>> cluster.hdbscan_labels(new, rows, result, min_samples=2)[0].tolist()
      [0, 1, -1]
    """
    x, held, reach = _asked(x, rows, result, row_weight, min_samples, metric, alpha)
    answer = partial(_labels, samples=min_samples, reach=reach, metric=metric)
    run = over_rows(answer, row_sharding(x), rows_in=(True, False), rows_out=(True, True))
    return run(x, held)


def hdbscan_memberships(
    x: Float[ArrayLike, "m d"],
    rows: Float[ArrayLike, "n d"],
    result: HDBSCANResult,
    k: int,
    *,
    min_samples: int = 5,
    metric: str = "euclidean",
    row_weight: Float[ArrayLike, " n"] | None = None,
    alpha: float | Float[ArrayLike, ""] = 1.0,
) -> Float[Array, "m k"]:
    """How much each point belongs to each cluster; what is left to 1 is noise.

    With r_c the smallest mutual reachability distance from the point to a row of cluster c, the
    point would join c at rate 1 / r_c. The nearest cluster, of death δ, holds it with strength
    s = min(1 / r, δ) / δ, as `hdbscan_labels` has it, and all clusters share s in proportion to
    1 / r_c. Of a row that has a label its cluster's share is the largest, but for ties.

    These are not hdbscan's membership vectors, which weigh distances to exemplars by heights in
    the condensed tree, but answer the same question from the rows and the tree alone.

    Cost O(m n d); peak extra memory O(m (k + min_samples) + n d + a block of 2²¹ distances).

    Args:
      x: points (m, d), among them perhaps the rows themselves.
      rows: (n, d), what was clustered; rows whose core distance is infinite count as absent.
      result: what `hdbscan` returned for them.
      k: columns of the answer; clusters from the k-th on are left out. Static.
      min_samples: as there, rows that a core distance reaches. Static.
      metric: as there, but not "precomputed". Static.
      row_weight: (n,) the weights of the rows, as there.
      alpha: as there.

    Returns:
      (m, k), each ≥ 0 and at most 1 together; 0 in columns without a cluster.

    Raises:
      ValueError: when shapes or options cannot be.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax import cluster
      >>> rows = jnp.array([[0.0], [0.1], [0.3], [5.0], [5.1], [5.3], [99.0]])
      >>> result = cluster.hdbscan(rows, min_cluster_size=3, min_samples=2)
      >>> new = jnp.array([[0.2], [2.65], [5.2]])
      >>> found = cluster.hdbscan_memberships(new, rows, result, 2, min_samples=2)
      >>> (100 * found).round().astype(int).tolist()
      [[98, 2], [4, 4], [2, 98]]

    References:
      Campello and others, Hierarchical density estimates for data clustering, visualization, and
      outlier detection, 2015, doi:10.1145/2733381.
      McInnes, Healy and Astels, hdbscan: hierarchical density based clustering, 2017,
      doi:10.21105/joss.00205.
    """
    k = check_count(k, "k")
    x, held, reach = _asked(x, rows, result, row_weight, min_samples, metric, alpha)
    answer = partial(_memberships, samples=min_samples, reach=reach, metric=metric, k=k)
    return over_rows(answer, row_sharding(x), rows_in=(True, False), rows_out=True)(x, held)


class _Held(NamedTuple):
    """What was clustered, and what is known of it; fields as those of `HDBSCANResult`."""

    rows: Float[Array, "n d"]
    weights: Float[Array, " n"]
    labels: Int[Array, " n"]
    core_distances: Float[Array, " n"]
    births: Float[Array, " m"]
    deaths: Float[Array, " m"]
    alpha: Float[Array, ""]


def _asked(
    x: ArrayLike,
    rows: ArrayLike,
    result: HDBSCANResult,
    row_weight: ArrayLike | None,
    min_samples: int,
    metric: str,
    alpha: ArrayLike,
) -> tuple[Array, _Held, int]:
    """Points and rows, checked and laid out, and how many neighbours to look at."""
    x = check_rows(x)
    rows = check_rows(rows, "rows").astype(x.dtype)
    n = rows.shape[0]
    if x.shape[1] != rows.shape[1]:
        raise ValueError(f"x has {x.shape[1]} columns but the rows have {rows.shape[1]}")
    check_choice(metric, "metric", METRICS[:-1])
    # A heavy row may be as many as that alone.
    samples = check_count(min_samples, "min_samples", high=n if row_weight is None else None)
    labels = jnp.asarray(result.labels).astype(jnp.int32)
    known = (result.core_distances, result.births, result.deaths, as_scalar(alpha, x.dtype))
    held = _Held(
        rows,
        check_weights(row_weight, rows, "row_weight"),
        labels,
        *(jnp.asarray(a).astype(x.dtype) for a in known),
    )
    sharding = row_sharding(x)
    return x, jax.tree.map(lambda a: replicate(a, sharding), held), power_above(samples, n)


def _core_of(
    x: Array, rows: Array, held: _Held, samples: int, reach: int, metric: str
) -> Float[Array, " m"]:
    """Core distances of points; both are `embed`ded."""
    weights = jnp.where(held.core_distances < jnp.inf, held.weights, 0)
    return core_distances(x, rows, weights, samples, reach, metric)


@partial(jax.jit, static_argnames=("samples", "reach", "metric"))
def _labels(x: Array, held: _Held, *, samples: int, reach: int, metric: str) -> tuple[Array, Array]:
    x, rows = embed(x, metric), embed(held.rows, metric)
    core = _core_of(x, rows, held, samples, reach, metric)
    reached, near = nearest_reachable(x, rows, core, held.core_distances, metric, held.alpha)
    label = held.labels[near]
    rate = jnp.where(reached > 0, 1 / reached, jnp.inf)
    inside = (label >= 0) & (rate >= held.births[label])
    strength = _strength(rate, held.deaths[label])
    return jnp.where(inside, label, -1), jnp.where(inside, strength, 0)


def _strength(rate: Array, death: Array) -> Array:
    """How firmly a point that joins a cluster at that rate belongs to it, 0…1."""
    full = (death == 0) | jnp.isinf(rate)
    return jnp.where(full, 1, jnp.minimum(rate, death) / jnp.where(full, 1, death))


@partial(jax.jit, static_argnames=("samples", "reach", "metric", "k"))
def _memberships(x: Array, held: _Held, *, samples: int, reach: int, metric: str, k: int) -> Array:
    x, rows = embed(x, metric), embed(held.rows, metric)
    core = _core_of(x, rows, held, samples, reach, metric)
    cores, labels = held.core_distances, held.labels
    # Rows of no cluster, or of one that is not asked for, go into one column more.
    home = jnp.where((cores < jnp.inf) & (labels >= 0) & (labels < k), labels, k)
    deaths = jnp.pad(held.deaths, (0, max(0, k - len(held.deaths))))[:k]
    columns = rows.T

    def step(carry: tuple[()], valid: Array, q: Array, c: Array) -> tuple[tuple[()], Array]:
        # Rows come first: minima over a major axis vectorise.
        raw = raw_distances(columns[:, :, None], q.T[:, None, :], metric)
        gap = finish(raw, metric) / held.alpha
        edge = jnp.maximum(jnp.maximum(gap, cores[:, None]), c[None, :])
        return (), jax.ops.segment_min(edge, home, num_segments=k + 1)[:k].T

    block = max(8, min(256, _BLOCK // len(rows)))
    reached = fold_rows(step, (), (x, core), block=block)[1]
    least = jnp.min(reached, axis=1, keepdims=True)
    # In proportion to 1 / r, as r of the nearest to r, which is 1 where both are 0.
    share = jnp.where(reached > least, least / jnp.where(reached > 0, reached, 1), 1)
    share = jnp.where(reached < jnp.inf, share, 0)
    rate = jnp.where(reached > 0, 1 / reached, jnp.inf)
    strength = _strength(rate, jnp.broadcast_to(deaths[None, :], rate.shape))
    nearest = (reached <= least) & (reached < jnp.inf)
    strength = jnp.max(jnp.where(nearest, strength, 0), axis=1, keepdims=True)
    total = jnp.sum(share, axis=1, keepdims=True)
    return strength * share / jnp.where(total > 0, total, 1)
