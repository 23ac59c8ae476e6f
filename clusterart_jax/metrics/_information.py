"""How much one labelling of the rows tells about another: mutual information and its relatives."""

from functools import partial

import jax
import jax.numpy as jnp

from .._checks import check_choice
from .._typing import Array, ArrayLike, Float, Int
from ._contingency import contingency
from ._expected import expected_mutual_information

AVERAGES = ("arithmetic", "geometric", "min", "max")


def normalized_mutual_info_score(
    labels_true: Int[ArrayLike, " n"],
    labels_pred: Int[ArrayLike, " n"],
    *,
    average_method: str = "arithmetic",
    sample_weight: Float[ArrayLike, " n"] | None = None,
    k: int | None = None,
) -> Float[Array, ""]:
    """Mutual information of two labellings over the mean of their entropies: 0 to 1.

    Cost O(n + k²).

    Args:
      labels_true: (n,) whole numbers.
      labels_pred: (n,) whole numbers.
      average_method: which mean: "arithmetic", "geometric", "min" or "max". Static.
      sample_weight: (n,) weights ≥ 0; a row of weight 0 is absent.
      k: labels 0…k−1 are apart, all others (such as noise, −1) are one more. Static; needed under
        `jit` only, and without it every number is a label of its own.

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
    check_choice(average_method, "average_method", AVERAGES)
    return _normalized(contingency(labels_true, labels_pred, sample_weight, k), average_method)


def adjusted_mutual_info_score(
    labels_true: Int[ArrayLike, " n"],
    labels_pred: Int[ArrayLike, " n"],
    *,
    average_method: str = "arithmetic",
    sample_weight: Float[ArrayLike, " n"] | None = None,
    k: int | None = None,
) -> Float[Array, ""]:
    """Mutual information corrected for chance: (I − E) / (mean entropy − E).

    E is the information that labellings of these cluster sizes have in common when they are drawn
    at random. Equal partitions have 1, unrelated ones about 0, however many clusters there are.

    Cost O(n + k √n): of the values that a count may take, only those that chance gives are summed;
    peak extra memory O(n + k² + a block).

    Args:
      labels_true: (n,) whole numbers.
      labels_pred: (n,) whole numbers.
      average_method: which mean: "arithmetic", "geometric", "min" or "max". Static.
      sample_weight: (n,) how many rows each row stands for, whole numbers; 0 is absent.
      k: labels 0…k−1 are apart, all others (such as noise, −1) are one more. Static; needed under
        `jit` only, and without it every number is a label of its own.

    Returns:
      The score, a scalar of at most 1.

    Raises:
      ValueError: when the shapes differ or are empty.

    Example:
      >>> from clusterart_jax import metrics
      >>> float(metrics.adjusted_mutual_info_score([0, 0, 0, 0], [0, 1, 2, 3]))
      0.0

    References:
      Vinh, Epps and Bailey, Information theoretic measures for clusterings comparison, 2010,
      https://jmlr.org/papers/v11/vinh10a.html.
    """
    check_choice(average_method, "average_method", AVERAGES)
    return _adjusted(contingency(labels_true, labels_pred, sample_weight, k), average_method)


def homogeneity_score(
    labels_true: Int[ArrayLike, " n"],
    labels_pred: Int[ArrayLike, " n"],
    *,
    sample_weight: Float[ArrayLike, " n"] | None = None,
    k: int | None = None,
) -> Float[Array, ""]:
    """Share of the entropy of the classes that the clusters explain: 1 where clusters are pure.

    Cost O(n + k²).

    Args:
      labels_true: (n,) whole numbers.
      labels_pred: (n,) whole numbers.
      sample_weight: (n,) weights ≥ 0; a row of weight 0 is absent.
      k: labels 0…k−1 are apart, all others (such as noise, −1) are one more. Static; needed under
        `jit` only, and without it every number is a label of its own.

    Returns:
      The share, a scalar in 0…1; 1 where there is one class.

    Raises:
      ValueError: when the shapes differ or are empty.

    Example:
      >>> from clusterart_jax import metrics
      >>> float(metrics.homogeneity_score([0, 0, 1, 1], [0, 0, 1, 2]))
      1.0

    References:
      Rosenberg and Hirschberg, V-measure, 2007, https://aclanthology.org/D07-1043.
    """
    return _shares(contingency(labels_true, labels_pred, sample_weight, k))[0]


def completeness_score(
    labels_true: Int[ArrayLike, " n"],
    labels_pred: Int[ArrayLike, " n"],
    *,
    sample_weight: Float[ArrayLike, " n"] | None = None,
    k: int | None = None,
) -> Float[Array, ""]:
    """Share of the entropy of the clusters that the classes explain: 1 where classes are whole.

    Cost O(n + k²).

    Args:
      labels_true: (n,) whole numbers.
      labels_pred: (n,) whole numbers.
      sample_weight: (n,) weights ≥ 0; a row of weight 0 is absent.
      k: labels 0…k−1 are apart, all others (such as noise, −1) are one more. Static; needed under
        `jit` only, and without it every number is a label of its own.

    Returns:
      The share, a scalar in 0…1; 1 where there is one cluster.

    Raises:
      ValueError: when the shapes differ or are empty.

    Example:
      >>> from clusterart_jax import metrics
      >>> float(metrics.completeness_score([0, 0, 1, 2], [0, 0, 1, 1]))
      1.0

    References:
      Rosenberg and Hirschberg, V-measure, 2007, https://aclanthology.org/D07-1043.
    """
    return _shares(contingency(labels_true, labels_pred, sample_weight, k))[1]


def v_measure_score(
    labels_true: Int[ArrayLike, " n"],
    labels_pred: Int[ArrayLike, " n"],
    *,
    beta: float | Float[ArrayLike, ""] = 1.0,
    sample_weight: Float[ArrayLike, " n"] | None = None,
    k: int | None = None,
) -> Float[Array, ""]:
    """Harmonic mean of homogeneity h and completeness c, (1 + β) h c / (β h + c).

    Cost O(n + k²).

    Args:
      labels_true: (n,) whole numbers.
      labels_pred: (n,) whole numbers.
      beta: how much more completeness weighs than homogeneity.
      sample_weight: (n,) weights ≥ 0; a row of weight 0 is absent.
      k: labels 0…k−1 are apart, all others (such as noise, −1) are one more. Static; needed under
        `jit` only, and without it every number is a label of its own.

    Returns:
      The score, a scalar in 0…1.

    Raises:
      ValueError: when the shapes differ or are empty.

    Example:
      >>> from clusterart_jax import metrics
      >>> round(float(metrics.v_measure_score([0, 0, 1, 1], [0, 0, 1, 2])), 6)
      0.8

    References:
      Rosenberg and Hirschberg, V-measure, 2007, https://aclanthology.org/D07-1043.
    """
    h, c = _shares(contingency(labels_true, labels_pred, sample_weight, k))
    beta = jnp.asarray(beta).astype(h.dtype)
    below = beta * h + c
    return jnp.where(below > 0, (1 + beta) * h * c / jnp.where(below > 0, below, 1), 0)


def _entropy(counts: Array) -> Array:
    shares = counts / jnp.sum(counts)
    return -jnp.sum(jnp.where(shares > 0, shares * jnp.log(jnp.where(shares > 0, shares, 1)), 0))


def _information(table: Array) -> tuple[Array, Array, Array]:
    """Mutual information, and the entropies of classes and clusters, in nats."""
    true, pred, n = jnp.sum(table, axis=1), jnp.sum(table, axis=0), jnp.sum(table)
    held = table > 0
    ratio = (table / jnp.where(true > 0, true, 1)[:, None]) * (n / jnp.where(pred > 0, pred, 1))[
        None
    ]
    mutual = jnp.sum(table / n * jnp.log(jnp.where(held, ratio, 1)))
    of_true, of_pred = _entropy(true), _entropy(pred)
    # What rounding leaves of independent labels is not information.
    mutual = jnp.where(mutual > 4 * jnp.finfo(table.dtype).eps, mutual, 0)
    return jnp.minimum(mutual, jnp.minimum(of_true, of_pred)), of_true, of_pred


def _mean(a: Array, b: Array, method: str) -> Array:
    if method == "arithmetic":
        return (a + b) / 2
    if method == "geometric":
        return jnp.sqrt(a * b)
    return jnp.minimum(a, b) if method == "min" else jnp.maximum(a, b)


@partial(jax.jit, static_argnums=1)
def _normalized(table: Array, method: str) -> Array:
    mutual, true, pred = _information(table)
    mean = _mean(true, pred, method)
    score = jnp.where(mean > 0, jnp.minimum(mutual / jnp.where(mean > 0, mean, 1), 1), 0)
    return jnp.where((true == 0) & (pred == 0), 1, score)


@partial(jax.jit, static_argnums=1)
def _adjusted(table: Array, method: str) -> Array:
    mutual, true, pred = _information(table)
    chance = expected_mutual_information(jnp.sum(table, axis=1), jnp.sum(table, axis=0))
    mean = _mean(true, pred, method)
    room = mean - chance
    # Chance already gives all there is to have, so it is had: both have only single rows.
    full = room <= 64 * jnp.finfo(table.dtype).eps * mean
    score = jnp.where(full, 1, (mutual - chance) / jnp.where(full, 1, room))
    one = jnp.where((true == 0) & (pred == 0), 1, 0)
    return jnp.where((true == 0) | (pred == 0), one.astype(table.dtype), score)


@jax.jit
def _shares(table: Array) -> tuple[Array, Array]:
    """Homogeneity and completeness."""
    mutual, true, pred = _information(table)

    def of(entropy: Array) -> Array:
        return jnp.where(entropy > 0, mutual / jnp.where(entropy > 0, entropy, 1), 1)

    return of(true), of(pred)
