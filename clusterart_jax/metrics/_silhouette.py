"""Silhouette: how much nearer a row is to its own cluster than to the next one."""

import jax.numpy as jnp

from .._checks import check_choice, check_rows, check_weights
from .._sharding import replicate, rows_back, spread_rows
from .._typing import Array, ArrayLike, Float, Int
from ._labels import dense_labels
from ._reach import METRICS, ROWS_OUT, Reach, reach


def silhouette_samples(
    x: Float[ArrayLike, "n d"],
    labels: Int[ArrayLike, " n"],
    *,
    metric: str = "euclidean",
    sample_weight: Float[ArrayLike, " n"] | None = None,
    k: int | None = None,
) -> Float[Array, " n"]:
    """(b − a) / max(a, b) of each row.

    a is the mean distance to the other rows of its cluster, b the least mean distance to the rows
    of another cluster. A row alone in its cluster has 0, a row of noise (−1) or of weight 0 NaN.

    Cost O(n² d), or O(n k d) for the squares "sqeuclidean" and "cosine", which need no pairs; peak
    extra memory O(n d), for a copy of the rows in the order of their clusters on each device.
    Near pairs, whose expanded squares would lose their digits, are measured directly.

    Args:
      x: rows (n, d).
      labels: (n,) cluster of each row, −1 for noise.
      metric: "euclidean", "manhattan", "sqeuclidean" or "cosine". Static.
      sample_weight: (n,) how many rows each row stands for; 0 is absent.
      k: number of clusters, labels within 0…k−1. Static; needed under `jit` only.

    Returns:
      (n,) values in −1…1.

    Raises:
      ValueError: when shapes do not fit, or there are fewer than 2 clusters.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax import metrics
      >>> x = jnp.array([[0.0], [1.0], [10.0], [11.0]])
      >>> values = metrics.silhouette_samples(x, [0, 0, 1, 1])
      >>> [round(value, 3) for value in values.tolist()]
      [0.905, 0.895, 0.895, 0.905]

    References:
      Rousseeuw, Silhouettes, 1987, doi:10.1016/0377-0427(87)90125-7.
    """
    values, weights = _silhouettes(x, labels, metric, sample_weight, k)
    return jnp.where(weights > 0, values, jnp.nan)


def silhouette_score(
    x: Float[ArrayLike, "n d"],
    labels: Int[ArrayLike, " n"],
    *,
    metric: str = "euclidean",
    sample_weight: Float[ArrayLike, " n"] | None = None,
    k: int | None = None,
) -> Float[Array, ""]:
    """Mean of (b − a) / max(a, b) over the rows that are not noise; see `silhouette_samples`.

    Cost and memory are those of `silhouette_samples`.

    Args:
      x: rows (n, d).
      labels: (n,) cluster of each row, −1 for noise.
      metric: "euclidean", "manhattan", "sqeuclidean" or "cosine". Static.
      sample_weight: (n,) how many rows each row stands for; 0 is absent.
      k: number of clusters, labels within 0…k−1. Static; needed under `jit` only.

    Returns:
      The mean, a scalar in −1…1.

    Raises:
      ValueError: when shapes do not fit, or there are fewer than 2 clusters.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax import metrics
      >>> x = jnp.array([[0.0], [1.0], [10.0], [11.0]])
      >>> round(float(metrics.silhouette_score(x, [0, 0, 1, 1])), 3)
      0.9
    """
    return _mean(*_silhouettes(x, labels, metric, sample_weight, k))


def mean_intra_cluster_distance(
    x: Float[ArrayLike, "n d"],
    labels: Int[ArrayLike, " n"],
    *,
    metric: str = "euclidean",
    sample_weight: Float[ArrayLike, " n"] | None = None,
    k: int | None = None,
) -> Float[Array, ""]:
    """Mean over rows of the mean distance to the other rows of the same cluster.

    The mean of the a of `silhouette_samples`, with its cost and memory. A row alone in its cluster
    counts as 0; rows of noise (−1) are left out.

    Args:
      x: rows (n, d).
      labels: (n,) cluster of each row, −1 for noise.
      metric: "euclidean", "manhattan", "sqeuclidean" or "cosine". Static.
      sample_weight: (n,) how many rows each row stands for; 0 is absent.
      k: number of clusters, labels within 0…k−1. Static; needed under `jit` only.

    Returns:
      The mean, a scalar of at least 0, in the units of `x` (squared for "sqeuclidean").

    Raises:
      ValueError: when shapes do not fit, or there is no cluster.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax import metrics
      >>> x = jnp.array([[0.0], [1.0], [10.0], [13.0]])
      >>> float(metrics.mean_intra_cluster_distance(x, [0, 0, 1, 1]))
      2.0
    """
    found, weights = _reach(x, labels, metric, sample_weight, k, "distances in clusters", least=1)
    return _mean(found.own, weights)


def _mean(values: Array, weights: Array) -> Array:
    mass = jnp.sum(weights)
    present = jnp.where(weights > 0, values, 0)
    return jnp.where(mass > 0, jnp.sum(weights * present) / jnp.where(mass > 0, mass, 1), jnp.nan)


def _silhouettes(
    x: ArrayLike, labels: ArrayLike, metric: str, sample_weight: ArrayLike | None, k: int | None
) -> tuple[Array, Array]:
    """The value of each row, and its weight: 0 where it has no value."""
    (a, b, alone), weights = _reach(x, labels, metric, sample_weight, k, "silhouettes", least=2)
    top = jnp.maximum(a, b)
    value = (b - a) / jnp.where(top > 0, top, 1)
    # Where b is infinite, there is but one cluster whose rows are present.
    return jnp.where(alone | (top == 0), 0, jnp.where(jnp.isinf(b), jnp.nan, value)), weights


def _reach(
    x: ArrayLike,
    labels: ArrayLike,
    metric: str,
    sample_weight: ArrayLike | None,
    k: int | None,
    what: str,
    *,
    least: int,
) -> tuple[Reach, Array]:
    """`Reach` of all rows, and their weights, 0 for noise; `what` needs `least` clusters."""
    x = check_rows(x)
    check_choice(metric, "metric", METRICS)
    dense, k = dense_labels(labels, k, "labels", noise=True)
    if dense.shape != x.shape[:1]:
        raise ValueError(f"labels must have shape {x.shape[:1]}, not {dense.shape}")
    if k < least:
        noun = "cluster" if least == 1 else "clusters"
        raise ValueError(f"{what} need at least {least} {noun}, not {k}")
    weights = check_weights(sample_weight, x)
    dense = jnp.where((dense < k) & (weights > 0), dense, -1)
    rows, own, sharding = spread_rows(x, dense, absent=-1)
    # Each device compares its own rows with all rows.
    whole = (replicate(a, sharding) for a in (x, dense, weights))
    found = reach(rows, own, *whole, k=k, metric=metric, sharding=sharding)
    found = rows_back(found, ROWS_OUT, x, sharding)
    return found, jnp.where(dense >= 0, weights, 0)
