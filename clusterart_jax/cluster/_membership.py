"""How much points belong to each of the clusters that HDBSCAN found."""

from functools import partial

import jax
import jax.numpy as jnp

from .._checks import as_scalar, check_choice, check_count, check_rows, check_weights
from .._linalg import fold_rows
from .._sharding import over_rows, replicate, row_sharding
from .._typing import Array, ArrayLike, Float
from ._hdbscan import HDBSCANResult
from ._neighbors import METRICS, core_distances, embed, finish, power_above, raw_distances

_BLOCK = 2**20  # numbers: distances of a block of points


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
    x = check_rows(x)
    rows = check_rows(rows, "rows").astype(x.dtype)
    if x.shape[1] != rows.shape[1]:
        raise ValueError(f"x has {x.shape[1]} columns but the rows have {rows.shape[1]}")
    check_choice(metric, "metric", METRICS[:-1])
    k = check_count(k, "k")
    samples = check_count(min_samples, "min_samples", high=rows.shape[0])
    sharding = row_sharding(x)
    weights = check_weights(row_weight, rows, "row_weight")
    kinds = [("labels", jnp.int32), ("core_distances", x.dtype), ("deaths", x.dtype)]
    known = [jnp.asarray(getattr(result, name)).astype(kind) for name, kind in kinds]
    whole = [replicate(a, sharding) for a in (rows, weights, *known)]
    reach = power_above(samples, rows.shape[0])
    answer = partial(_memberships, samples=samples, reach=reach, metric=metric, k=k)
    run = over_rows(answer, sharding, rows_in=(True, *[False] * 6), rows_out=True)
    return run(x, *whole, jnp.asarray(as_scalar(alpha, x.dtype)))


@partial(jax.jit, static_argnames=("samples", "reach", "metric", "k"))
def _memberships(
    x: Array,
    rows: Array,
    weights: Array,
    labels: Array,
    cores: Array,
    deaths: Array,
    alpha: Array,
    *,
    samples: int,
    reach: int,
    metric: str,
    k: int,
) -> Array:
    x, rows = embed(x, metric), embed(rows, metric)
    there = cores < jnp.inf
    core = core_distances(x, rows, jnp.where(there, weights, 0), samples, reach, metric)
    # Rows of no cluster, or of one that is not asked for, go into one column more.
    home = jnp.where(there & (labels >= 0) & (labels < k), labels, k)
    deaths = jnp.pad(deaths, (0, max(0, k - len(deaths))))[:k]
    columns = rows.T

    def step(carry: tuple[()], valid: Array, q: Array, c: Array) -> tuple[tuple[()], Array]:
        # Rows come first: minima over a major axis vectorise.
        raw = raw_distances(columns[:, :, None], q.T[:, None, :], metric)
        edge = jnp.maximum(jnp.maximum(finish(raw, metric) / alpha, cores[:, None]), c[None, :])
        return (), jax.ops.segment_min(edge, home, num_segments=k + 1)[:k].T

    block = max(8, min(256, _BLOCK // len(rows)))
    reached = fold_rows(step, (), (x, core), block=block)[1]
    least = jnp.min(reached, axis=1, keepdims=True)
    # In proportion to 1 / r, as r of the nearest to r, which is 1 where both are 0.
    share = jnp.where(reached > least, least / jnp.where(reached > 0, reached, 1), 1)
    share = jnp.where(reached < jnp.inf, share, 0)
    rate = jnp.where(reached > 0, 1 / reached, jnp.inf)
    full = (deaths == 0)[None, :] | jnp.isinf(rate)
    strength = jnp.where(full, 1, jnp.minimum(rate, deaths[None, :]) / deaths[None, :])
    nearest = (reached <= least) & (reached < jnp.inf)
    strength = jnp.max(jnp.where(nearest, strength, 0), axis=1, keepdims=True)
    total = jnp.sum(share, axis=1, keepdims=True)
    return strength * share / jnp.where(total > 0, total, 1)
