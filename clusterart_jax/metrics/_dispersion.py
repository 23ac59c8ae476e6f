"""Measures of how tight and how far apart clusters are, from their means alone."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from .._checks import check_rows, check_weights
from .._linalg import HIGHEST, squared_norms
from .._sharding import RowSharding, over_rows, place_rows, rows_back, spread_rows
from .._typing import Array, ArrayLike, Float, Int
from ._groups import group_means, group_moments
from ._labels import dense_labels


def davies_bouldin_score(
    x: Float[ArrayLike, "n d"],
    labels: Int[ArrayLike, " n"],
    *,
    sample_weight: Float[ArrayLike, " n"] | None = None,
    k: int | None = None,
) -> Float[Array, ""]:
    """Mean over clusters i of maxⱼ (sᵢ + sⱼ) / |cᵢ − cⱼ|: less is better, 0 is the least.

    s is the mean distance of a cluster's rows to its mean c. Rows of noise (−1) are left out, as
    are clusters without rows, and pairs of clusters with one mean.

    Cost O(n d + k² d), in three passes over the rows; peak extra memory O(k² + k d + a block).

    Args:
      x: rows (n, d), sharded or not.
      labels: (n,) cluster of each row, −1 for noise.
      sample_weight: (n,) weights ≥ 0; a row of weight 0 is absent.
      k: number of clusters, labels within 0…k−1. Static; needed under `jit` only.

    Returns:
      The score, a scalar of at least 0.

    Raises:
      ValueError: when shapes do not fit, or there are fewer than 2 clusters.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax import metrics
      >>> x = jnp.array([[0.0], [2.0], [10.0], [12.0]])
      >>> round(float(metrics.davies_bouldin_score(x, [0, 0, 1, 1])), 6)
      0.2

    References:
      Davies and Bouldin, A cluster separation measure, 1979, doi:10.1109/TPAMI.1979.4766909.
    """
    return _score(_davies_bouldin, x, labels, sample_weight, k)


def calinski_harabasz_score(
    x: Float[ArrayLike, "n d"],
    labels: Int[ArrayLike, " n"],
    *,
    sample_weight: Float[ArrayLike, " n"] | None = None,
    k: int | None = None,
) -> Float[Array, ""]:
    """Variance between clusters over variance within, (B / (k−1)) / (W / (n−k)): more is better.

    B = Σ nⱼ |cⱼ − c|² and W = Σ |xᵢ − c|², squared distances of a cluster's mean to the mean of all
    and of rows to the mean of their cluster. Rows of noise (−1) are left out; clusters without
    rows do not count. 1 where W = 0.

    Cost O(n d), in three passes over the rows; peak extra memory O(k d + a block).

    Args:
      x: rows (n, d), sharded or not.
      labels: (n,) cluster of each row, −1 for noise.
      sample_weight: (n,) how many rows each row stands for; n is their sum.
      k: number of clusters, labels within 0…k−1. Static; needed under `jit` only.

    Returns:
      The score, a scalar of at least 0.

    Raises:
      ValueError: when shapes do not fit, or there are fewer than 2 clusters.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax import metrics
      >>> x = jnp.array([[0.0], [2.0], [10.0], [12.0]])
      >>> float(metrics.calinski_harabasz_score(x, [0, 0, 1, 1]))
      50.0

    References:
      Caliński and Harabasz, A dendrite method for cluster analysis, 1974,
      doi:10.1080/03610927408827101.
    """
    return _score(_calinski_harabasz, x, labels, sample_weight, k)


def _score(
    solve: Any, x: ArrayLike, labels: ArrayLike, sample_weight: ArrayLike | None, k: int | None
) -> Array:
    x = check_rows(x)
    dense, k = dense_labels(labels, k, "labels", noise=True)
    if dense.shape != x.shape[:1]:
        raise ValueError(f"labels must have shape {x.shape[:1]}, not {dense.shape}")
    if k < 2:
        raise ValueError(f"scores of clusters need at least 2 clusters, not {k}")
    weights = check_weights(sample_weight, x)
    dense = jnp.where((dense < k) & (weights > 0), dense, -1)
    rows, dense_rows, sharding = spread_rows(x, dense, absent=-1)
    short = rows.shape[0] - x.shape[0]
    weights = place_rows(jnp.pad(weights, (0, short)), sharding)
    result = _run(rows, dense_rows, weights, solve=solve, k=k, sharding=sharding)
    return rows_back(result, False, x, sharding)


@partial(jax.jit, static_argnames=("solve", "k", "sharding"))
def _run(
    x: Array, labels: Array, weights: Array, *, solve: Any, k: int, sharding: RowSharding | None
) -> Array:
    solve = partial(solve, k=k, axis=None if sharding is None else sharding.axis)
    weights = jnp.where(labels >= 0, weights, 0)
    return over_rows(solve, sharding, rows_in=(True, True, True), rows_out=False)(
        x, labels, weights
    )


def _davies_bouldin(x: Array, labels: Array, weights: Array, *, k: int, axis: Any) -> Array:
    mass, means = group_means(x, labels, weights, k, axis)
    _, first, sums = group_moments(x, labels, weights, means, axis, power=1)
    held = mass > 0
    scatter = sums / jnp.where(held, mass, 1)
    means = _relative(means, mass, first)

    def worst(i: Array) -> Array:
        # Differences, one mean at a time: expanded squares of near means lose their digits.
        apart = jnp.sqrt(squared_norms(means - means[i][None]))
        ratio = (scatter[i] + scatter) / jnp.where(apart == 0, 1, apart)
        # Not-a-number is no zero distance: it must not pass for the best of scores.
        return jnp.max(jnp.where(held & (apart != 0), ratio, 0))

    ratios = jax.lax.map(worst, jnp.arange(k, dtype=jnp.int32))
    return jnp.sum(jnp.where(held, ratios, 0)) / jnp.maximum(jnp.sum(held.astype(x.dtype)), 1)


def _calinski_harabasz(x: Array, labels: Array, weights: Array, *, k: int, axis: Any) -> Array:
    mass, means = group_means(x, labels, weights, k, axis)
    _, first, second = group_moments(x, labels, weights, means, axis)
    shift = first / jnp.where(mass > 0, mass, 1)[:, None]
    within = jnp.sum(second - mass * squared_norms(shift))
    n, groups = jnp.sum(mass), jnp.sum((mass > 0).astype(x.dtype))
    means = _relative(means, mass, first)
    middle = jnp.matmul(mass / jnp.where(n > 0, n, 1), means, precision=HIGHEST)
    between = jnp.sum(mass * squared_norms(means - middle[None]))
    # Rows on their mean are off it by a rounding error or two.
    exact = within <= (8 * jnp.finfo(x.dtype).eps) ** 2 * between
    ratio = between * (n - groups) / (jnp.where(exact, 1, within) * jnp.maximum(groups - 1, 1))
    return jnp.where(exact, 1, ratio)


def _relative(means: Array, mass: Array, first: Array) -> Array:
    """Means relative to the first one, less the rounding error that is large far from zero."""
    return means - means[:1] + first / jnp.where(mass > 0, mass, 1)[:, None]
