"""How far two labellings of the same rows agree, pair by pair."""

import jax
import jax.numpy as jnp

from .._typing import Array, ArrayLike, Float, Int
from ._contingency import contingency


def adjusted_rand_score(
    labels_true: Int[ArrayLike, " n"],
    labels_pred: Int[ArrayLike, " n"],
    *,
    sample_weight: Float[ArrayLike, " n"] | None = None,
    k: int | None = None,
) -> Float[Array, ""]:
    """Rand index corrected for chance: 1 for equal partitions, about 0 for unrelated ones.

    Cost O(n + k²).

    Args:
      labels_true: (n,) whole numbers.
      labels_pred: (n,) whole numbers.
      sample_weight: (n,) how many rows each row stands for; 0 is absent.
      k: labels 0…k−1 are apart, all others (such as noise, −1) are one more. Static; needed under
        `jit` only, and without it every number is a label of its own.

    Returns:
      The score, a scalar of at most 1.

    Raises:
      ValueError: when the shapes differ or are empty.

    Example:
      >>> from clusterart_jax import metrics
      >>> float(metrics.adjusted_rand_score([0, 0, 1, 1], [5, 5, 3, 3]))
      1.0

    References:
      Hubert and Arabie, Comparing partitions, 1985, doi:10.1007/BF01908075.
    """
    return _adjusted_rand(contingency(labels_true, labels_pred, sample_weight, k))


@jax.jit
def _adjusted_rand(table: Array) -> Array:
    together = jnp.sum(_pairs(table))
    rows, columns = (jnp.sum(_pairs(jnp.sum(table, axis=i))) for i in (1, 0))
    n = jnp.sum(table)
    expected = rows * (columns / jnp.maximum(_pairs(n), 1))
    ceiling = (rows + columns) / 2
    # Both labellings have one cluster, or both have only single rows: they agree fully.
    degenerate = ceiling == expected
    return jnp.where(
        degenerate, 1.0, (together - expected) / jnp.where(degenerate, 1, ceiling - expected)
    )


def _pairs(counts: Array) -> Array:
    return counts * (counts - 1) / 2
