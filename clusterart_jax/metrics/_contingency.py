"""How many rows have each pair of labels: all that measures of agreement need to know."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from .._typing import Array, ArrayLike, Float
from ._labels import dense_labels


def contingency(
    labels_true: ArrayLike, labels_pred: ArrayLike, sample_weight: ArrayLike | None, k: int | None
) -> Float[Array, "t p"]:
    """Number (or weight) of the rows of each pair of labels, as float.

    Where `k` is given, row and column k hold the labels outside 0…k−1, noise (−1) among them.
    """
    if np.shape(labels_true) != np.shape(labels_pred):
        raise ValueError(
            "labels_true and labels_pred must have one shape, not "
            f"{np.shape(labels_true)} and {np.shape(labels_pred)}"
        )
    true, n_true = dense_labels(labels_true, k, "labels_true")
    pred, n_pred = dense_labels(labels_pred, k, "labels_pred")
    if true.shape[0] == 0:
        raise ValueError("labels_true must hold at least one label")
    if k is not None:
        true, pred = (jnp.where((a >= 0) & (a < k), a, k) for a in (true, pred))
        n_true = n_pred = k + 1
    if sample_weight is None:
        # Whole numbers: float32 stops counting at 2²⁴.
        weights = jnp.ones(true.shape, jnp.int32)
    elif np.shape(sample_weight) == true.shape:
        weights = jnp.asarray(sample_weight).astype(float)
    else:
        raise ValueError(
            f"sample_weight must have shape {true.shape}, one weight a row, "
            f"not {np.shape(sample_weight)}"
        )
    return _table(true, pred, weights, n_true, n_pred)


@partial(jax.jit, static_argnums=(3, 4))
def _table(true: Array, pred: Array, weights: Array, n_true: int, n_pred: int) -> Array:
    pairs = jax.ops.segment_sum(weights, true * n_pred + pred, num_segments=n_true * n_pred)
    return pairs.reshape(n_true, n_pred).astype(float)
