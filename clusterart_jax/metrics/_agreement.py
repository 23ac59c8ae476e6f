"""How far two labellings of the same rows agree, whatever the names of the labels."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from .._typing import Array, ArrayLike, Float, Int
from ._labels import dense_labels


def _contingency(
    labels_true: ArrayLike, labels_pred: ArrayLike, k: int | None
) -> Float[Array, "t p"]:
    """Number of rows of each pair of labels, as float."""
    if np.shape(labels_true) != np.shape(labels_pred):
        raise ValueError(
            "labels_true and labels_pred must have one shape, not "
            f"{np.shape(labels_true)} and {np.shape(labels_pred)}"
        )
    true, n_true = dense_labels(labels_true, k, "labels_true")
    pred, n_pred = dense_labels(labels_pred, k, "labels_pred")
    if true.shape[0] == 0:
        raise ValueError("labels_true must hold at least one label")
    return _table(true, pred, n_true, n_pred)


@partial(jax.jit, static_argnums=(2, 3))
def _table(true: Array, pred: Array, n_true: int, n_pred: int) -> Array:
    pairs = jax.ops.segment_sum(
        jnp.ones(true.shape, jnp.int32), true * n_pred + pred, num_segments=n_true * n_pred
    )
    return pairs.reshape(n_true, n_pred).astype(float)


def _pairs(counts: Array) -> Array:
    return counts * (counts - 1) / 2


def adjusted_rand_score(
    labels_true: Int[ArrayLike, " n"], labels_pred: Int[ArrayLike, " n"], *, k: int | None = None
) -> Float[Array, ""]:
    """Rand index corrected for chance: 1 for equal partitions, about 0 for unrelated ones.

    Cost O(n + k²).

    Args:
      labels_true: (n,) whole numbers.
      labels_pred: (n,) whole numbers.
      k: number of labels, all within 0…k−1. Static; needed under `jit` only.

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
    return _adjusted_rand(_contingency(labels_true, labels_pred, k))


@jax.jit
def _adjusted_rand(table: Array) -> Array:
    together = jnp.sum(_pairs(table))
    rows, columns = (jnp.sum(_pairs(jnp.sum(table, axis=i))) for i in (1, 0))
    n = jnp.sum(table)
    expected = rows * columns / jnp.maximum(_pairs(n), 1)
    ceiling = (rows + columns) / 2
    # Both labellings have one cluster, or both have only single rows: they agree fully.
    degenerate = ceiling == expected
    return jnp.where(
        degenerate, 1.0, (together - expected) / jnp.where(degenerate, 1, ceiling - expected)
    )


def _entropy(shares: Array) -> Array:
    return -jnp.sum(jnp.where(shares > 0, shares * jnp.log(jnp.where(shares > 0, shares, 1)), 0))


def normalized_mutual_info_score(
    labels_true: Int[ArrayLike, " n"], labels_pred: Int[ArrayLike, " n"], *, k: int | None = None
) -> Float[Array, ""]:
    """Mutual information of two labellings over the mean of their entropies: 0 to 1.

    Cost O(n + k²).

    Args:
      labels_true: (n,) whole numbers.
      labels_pred: (n,) whole numbers.
      k: number of labels, all within 0…k−1. Static; needed under `jit` only.

    Returns:
      The score, a scalar in 0…1; 1 where both have one cluster, 0 where one of the two has.

    Raises:
      ValueError: when the shapes differ or are empty.

    Example:
      >>> from clusterart_jax import metrics
      >>> round(float(metrics.normalized_mutual_info_score([0, 0, 1, 1], [0, 1, 0, 1])), 6)
      0.0

    References:
      Strehl and Ghosh, Cluster ensembles, 2002, doi:10.1162/153244303321897735.
    """
    return _normalized_mutual_info(_contingency(labels_true, labels_pred, k))


@jax.jit
def _normalized_mutual_info(table: Array) -> Array:
    joint = table / jnp.sum(table)
    true, pred = _entropy(jnp.sum(joint, axis=1)), _entropy(jnp.sum(joint, axis=0))
    mutual = jnp.maximum(true + pred - _entropy(joint.reshape(-1)), 0)
    both = true + pred
    return jnp.where(both > 0, jnp.minimum(2 * mutual / jnp.where(both > 0, both, 1), 1), 1.0)


def clustering_accuracy(
    labels_true: Int[ArrayLike, " n"], labels_pred: Int[ArrayLike, " n"], *, k: int | None = None
) -> Float[Array, ""]:
    """Share of rows labelled right when clusters are matched to labels, one to one, at their best.

    Cost O(n + k³), by the Hungarian algorithm.

    Args:
      labels_true: (n,) whole numbers.
      labels_pred: (n,) whole numbers; where there are more clusters than labels, the rows of
        unmatched clusters count as wrong.
      k: number of labels, all within 0…k−1. Static; needed under `jit` only.

    Returns:
      The share, a scalar in 0…1.

    Raises:
      ValueError: when the shapes differ or are empty.

    Example:
      >>> from clusterart_jax import metrics
      >>> float(metrics.clustering_accuracy([0, 0, 1, 1], [7, 7, 7, 2]))
      0.75

    References:
      Kuhn, The Hungarian method for the assignment problem, 1955, doi:10.1002/nav.3800020109.
    """
    return _accuracy(_contingency(labels_true, labels_pred, k))


@jax.jit
def _accuracy(table: Array) -> Array:
    import optax

    rows, columns = optax.assignment.hungarian_algorithm(-table)
    return jnp.sum(table[rows, columns]) / jnp.sum(table)
