"""Clusters as groups of rows: their weights, means and moments, in blocks, over all devices."""

from typing import Any

import jax.numpy as jnp

from .._linalg import block_size, fold_rows, group_sums, squared_norms, total, weighted_mean
from .._typing import Array, Float, Int


def group_means(
    x: Float[Array, "n d"], labels: Int[Array, " n"], weights: Float[Array, " n"], k: int, axis: Any
) -> tuple[Float[Array, " k"], Float[Array, "k d"]]:
    """Weight (k,) and mean (k, d) of each group; a group of weight 0 gets the mean of all rows.

    Sums are taken relative to the mean of all rows, which keeps the digits of float32 where the
    rows lie far from zero. Rows labelled −1 are to have weight 0.
    """
    mean = weighted_mean(x, weights, axis)
    mass, sums, _ = group_moments(
        x, labels, weights, jnp.broadcast_to(mean[None], (k, x.shape[1])), axis
    )
    return mass, mean[None] + sums / jnp.where(mass > 0, mass, 1)[:, None]


def group_moments(
    x: Float[Array, "n d"],
    labels: Int[Array, " n"],
    weights: Float[Array, " n"],
    origin: Float[Array, "k d"],
    axis: Any,
    power: int = 2,
) -> tuple[Float[Array, " k"], Float[Array, "k d"], Float[Array, " k"]]:
    """Σ w, Σ w r and Σ w |r|^power of each group; r are rows relative to the origin of theirs."""
    k, d = origin.shape

    def step(
        sums: Array, valid: Array, x: Array, labels: Array, w: Array
    ) -> tuple[Array, tuple[()]]:
        labels = jnp.maximum(labels, 0)
        rows = x - origin[labels]
        size = squared_norms(rows) if power == 2 else jnp.sqrt(squared_norms(rows))
        rows = jnp.concatenate([rows, size[:, None], jnp.ones_like(size)[:, None]], axis=1)
        return sums + group_sums(rows, labels, jnp.where(valid, w, 0), k), ()

    zeros = jnp.zeros((k, d + 2), x.dtype)
    block = block_size(x.shape[0], 2 * d)
    sums = total(fold_rows(step, zeros, (x, labels, weights), block=block)[0], axis)
    return sums[:, d + 1], sums[:, :d], sums[:, d]
