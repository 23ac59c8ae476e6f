"""Clusters matched to classes, one to one, at their best: how many rows are then right."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from .._typing import Array, ArrayLike, Float, Int
from ._contingency import contingency


class MatchedScores(NamedTuple):
    """Precision and recall of each class, in the order of the class labels, and their means.

    A class without a match has precision, recall and F1 of 0; one without rows counts in no mean.

    Attributes:
      precision: (t,) share of the rows of the matched cluster that are of the class.
      recall: (t,) share of the rows of the class that are in the matched cluster.
      f1: (t,) harmonic mean of the two.
      support: (t,) rows of the class, or their weight.
      cluster: (t,) int32 matched cluster, as its place among the sorted cluster labels (which is
        the label itself where `k` is given); −1 for none.
      macro_precision: mean over classes.
      macro_recall: mean over classes.
      macro_f1: mean over classes.
      accuracy: share of all rows that are in the cluster matched to their class.
    """

    precision: Float[Array, " t"]
    recall: Float[Array, " t"]
    f1: Float[Array, " t"]
    support: Float[Array, " t"]
    cluster: Int[Array, " t"]
    macro_precision: Float[Array, ""]
    macro_recall: Float[Array, ""]
    macro_f1: Float[Array, ""]
    accuracy: Float[Array, ""]


def clustering_accuracy(
    labels_true: Int[ArrayLike, " n"],
    labels_pred: Int[ArrayLike, " n"],
    *,
    sample_weight: Float[ArrayLike, " n"] | None = None,
    k: int | None = None,
) -> Float[Array, ""]:
    """Share of rows labelled right when clusters are matched to labels, one to one, at their best.

    Cost O(n + k³), by the Hungarian algorithm.

    Args:
      labels_true: (n,) whole numbers.
      labels_pred: (n,) whole numbers; where there are more clusters than labels, the rows of
        unmatched clusters count as wrong.
      sample_weight: (n,) weights ≥ 0; a row of weight 0 is absent.
      k: labels 0…k−1 are apart, all others (such as noise, −1) are one more. Static; needed under
        `jit` only, and without it every number is a label of its own.

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
    return _scores(contingency(labels_true, labels_pred, sample_weight, k)).accuracy


def precision_recall_matched(
    labels_true: Int[ArrayLike, " n"],
    labels_pred: Int[ArrayLike, " n"],
    *,
    sample_weight: Float[ArrayLike, " n"] | None = None,
    k: int | None = None,
) -> MatchedScores:
    """Precision, recall and F1 of each class when clusters are matched to classes, one to one.

    The matching is the one with most rows right, as in `clustering_accuracy`.

    Cost O(n + k³), by the Hungarian algorithm.

    Args:
      labels_true: (n,) whole numbers.
      labels_pred: (n,) whole numbers.
      sample_weight: (n,) weights ≥ 0; a row of weight 0 is absent.
      k: labels 0…k−1 are apart, all others (such as noise, −1) are one more, the last. Static;
        needed under `jit` only, and without it every number is a label of its own.

    Returns:
      A `MatchedScores`.

    Raises:
      ValueError: when the shapes differ or are empty.

    Example:
      >>> from clusterart_jax import metrics
      >>> found = metrics.precision_recall_matched([0, 0, 1, 1], [7, 7, 7, 2])
      >>> found.recall.tolist(), round(float(found.macro_precision), 3)
      ([1.0, 0.5], 0.833)

    References:
      Kuhn, The Hungarian method for the assignment problem, 1955, doi:10.1002/nav.3800020109.
    """
    return _scores(contingency(labels_true, labels_pred, sample_weight, k))


@jax.jit
def _scores(table: Array) -> MatchedScores:
    import optax

    rows, columns = optax.assignment.hungarian_algorithm(-table)
    of_class, of_cluster = jnp.sum(table, axis=1), jnp.sum(table, axis=0)
    none = jnp.zeros_like(of_class)
    hits = none.at[rows].set(table[rows, columns])
    cluster = jnp.full(none.shape, -1, jnp.int32).at[rows].set(columns.astype(jnp.int32))
    matched = none.at[rows].set(of_cluster[columns])
    precision, recall = _ratio(hits, matched), _ratio(hits, of_class)
    f1 = _ratio(2 * hits, matched + of_class)
    present = (of_class > 0).astype(table.dtype)

    def macro(values: Array) -> Array:
        return jnp.sum(values * present) / jnp.sum(present)

    means = macro(precision), macro(recall), macro(f1)
    return MatchedScores(
        precision, recall, f1, of_class, cluster, *means, jnp.sum(hits) / jnp.sum(table)
    )


def _ratio(a: Array, b: Array) -> Array:
    return jnp.where(b > 0, a / jnp.where(b > 0, b, 1), 0)
