"""Factors of scatter matrices: QR factorisations of rows, in one pass over blocks."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import lax

from ._linalg import block_size, fold_rows
from ._typing import Array, Float


def factor(
    x: Float[Array, "n d"],
    weights: Float[Array, " n"],
    centers: Callable[..., Array],
    axis: Any,
    *extra: Array,
) -> Float[Array, "r d"]:
    """A matrix F with FᵀF = Σ wᵢ (xᵢ − c)(xᵢ − c)ᵀ and r ≤ d rows (or all n where n < d).

    By QR factorisations of blocks, which keep the digits of small directions that the scatter
    matrix, being a square, loses.

    Args:
      x: rows (n, d).
      weights: (n,).
      centers: gets a block of each array of `extra`, and gives the c of its rows.
      axis: of the mesh, or None.
      extra: further arrays of n rows.
    """
    n, d = x.shape

    def scaled(valid: Array, x: Array, w: Array, *extra: Array) -> Array:
        return (x - centers(*extra)) * jnp.sqrt(jnp.where(valid, w, 0))[:, None]

    if n <= d:
        part = scaled(jnp.ones(n, bool), x, weights, *extra)
    else:

        def step(carry: Array, valid: Array, *rows: Array) -> tuple[Array, tuple[()]]:
            part = scaled(valid, *rows)
            # LAPACK wants columns one after the other: without the detour over a flat array, XLA
            # copies all rows into that layout before the loop.
            part = lax.optimization_barrier(part.ravel()).reshape(part.shape)
            return jnp.linalg.qr(jnp.concatenate([carry, part]), mode="r"), ()

        block = max(block_size(n, d), min(n, 4 * d))
        part, _ = fold_rows(step, jnp.zeros((d, d), x.dtype), (x, weights, *extra), block=block)
    if axis is None:
        return part
    parts = lax.all_gather(part, axis, tiled=True)
    return parts if parts.shape[0] <= d else jnp.linalg.qr(parts, mode="r")
