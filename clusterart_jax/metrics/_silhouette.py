"""Silhouette: how much nearer a row is to its own cluster than to the next one."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from .._checks import check_rows
from .._linalg import HIGHEST, block_size, fold_rows, squared_distances
from .._sharding import RowSharding, over_rows, replicate, rows_back, spread_rows
from .._typing import Array, ArrayLike, Bool, Float, Int
from ._labels import dense_labels


def silhouette_samples(
    x: Float[ArrayLike, "n d"], labels: Int[ArrayLike, " n"], *, k: int | None = None
) -> Float[Array, " n"]:
    """(b − a) / max(a, b) of each row.

    a is the mean distance to the other rows of its cluster, b the least mean distance to the rows
    of another cluster. A row alone in its cluster has 0, a row of noise (−1) has NaN.

    Cost O(n² d); peak extra memory O(n + a block of rows), never n × n.

    Args:
      x: rows (n, d).
      labels: (n,) cluster of each row, −1 for noise.
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
    x = check_rows(x)
    dense, k = dense_labels(labels, k, "labels", noise=True)
    if dense.shape != x.shape[:1]:
        raise ValueError(f"labels must have shape {x.shape[:1]}, not {dense.shape}")
    if k < 2:
        raise ValueError(f"silhouettes need at least 2 clusters, not {k}")
    rows, own, sharding = spread_rows(x, dense, absent=-1)
    # Each device compares its own rows with all rows.
    whole, labels = replicate(x, sharding), replicate(dense, sharding)
    values = _silhouettes(rows, own, whole, labels, k=k, sharding=sharding)
    return rows_back(values, True, x, sharding)


def silhouette_score(
    x: Float[ArrayLike, "n d"], labels: Int[ArrayLike, " n"], *, k: int | None = None
) -> Float[Array, ""]:
    """Mean of (b − a) / max(a, b) over the rows that are not noise; see `silhouette_samples`.

    Cost O(n² d); peak extra memory O(n + a block of rows), never n × n.

    Args:
      x: rows (n, d).
      labels: (n,) cluster of each row, −1 for noise.
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
    return jnp.nanmean(silhouette_samples(x, labels, k=k))


@partial(jax.jit, static_argnames=("k", "sharding"))
def _silhouettes(
    rows: Array, own: Array, x: Array, labels: Array, *, k: int, sharding: RowSharding | None
) -> Array:
    solve = partial(_solve, k=k, axis=None if sharding is None else sharding.axis)
    return over_rows(solve, sharding, rows_in=(True, True, False, False), rows_out=True)(
        rows, own, x, labels
    )


def _solve(rows: Array, own: Array, x: Array, labels: Array, *, k: int, axis: Any) -> Array:
    """Silhouettes of this device's `rows` with labels `own`, among all rows `x` with `labels`."""
    n, d = x.shape
    center = jnp.mean(x, axis=0, keepdims=True)
    rows, x = rows - center, x - center
    index = jnp.arange(n, dtype=jnp.int32)
    first = jnp.int32(0) if axis is None else lax.axis_index(axis) * rows.shape[0]
    numbers = first + jnp.arange(rows.shape[0], dtype=jnp.int32)
    sizes = jnp.sum(jax.nn.one_hot(labels, k, dtype=x.dtype), axis=0)
    block = block_size(n, d + 1024)

    def row_step(
        carry: tuple[()], valid: Bool[Array, " b"], x_rows: Array, own: Array, row: Array
    ) -> tuple[tuple[()], Array]:
        def column_step(
            sums: Array, valid: Bool[Array, " b"], x_columns: Array, other: Array, column: Array
        ) -> tuple[Array, tuple[()]]:
            squared = squared_distances(x_rows, x_columns)
            squared = jnp.where(row[:, None] == column[None], 0, squared)
            members = jax.nn.one_hot(other, k, dtype=x.dtype) * valid[:, None].astype(x.dtype)
            return sums + jnp.matmul(jnp.sqrt(squared), members, precision=HIGHEST), ()

        zeros = jnp.zeros((x_rows.shape[0], k), x.dtype)
        sums, _ = fold_rows(column_step, zeros, (x, labels, index), block=block)
        mine = own[:, None] == jnp.arange(k, dtype=jnp.int32)[None]
        own_size = jnp.sum(jnp.where(mine, sizes[None], 0), axis=1)
        a = jnp.sum(jnp.where(mine, sums, 0), axis=1) / jnp.maximum(own_size - 1, 1)
        means = sums / jnp.maximum(sizes, 1)[None]
        b = jnp.min(jnp.where(mine | (sizes == 0)[None], jnp.inf, means), axis=1)
        top = jnp.maximum(a, b)
        value = jnp.where(top > 0, (b - a) / jnp.where(top > 0, top, 1), 0)
        value = jnp.where(own_size > 1, value, 0)
        return (), jnp.where(own >= 0, value, jnp.nan)

    return fold_rows(row_step, (), (rows, own, numbers), block=block)[1]
