"""Cholesky factors of many small matrices, in the plain vector work of XLA.

On a CPU, LAPACK wakes threads of its own for a triangle of 32 columns, which then wait busily: an
iteration of EM with 64 matrices took twice as long for it (jaxlib 0.10.2).
"""

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.linalg import solve_triangular

from ._linalg import HIGHEST
from ._typing import Array, Float

SMALL = 64
"""Columns up to which this pays."""


def inverse_cholesky(matrices: Float[Array, "*k d d"]) -> Float[Array, "*k d d"]:
    """L⁻¹ with L Lᵀ = the matrix, lower triangular; not finite where there is no such L."""
    if matrices.shape[-1] <= SMALL and jax.default_backend() == "cpu":
        return _eliminated(matrices)

    def one(matrix: Array) -> Array:
        eye = jnp.eye(len(matrix), dtype=matrix.dtype)
        return solve_triangular(jnp.linalg.cholesky(matrix), eye, lower=True)

    # One after the other: jaxlib (0.10.2) hands a large batch of factorisations to the threads
    # that all devices share, and two devices on two threads then wait for each other for ever.
    return lax.map(one, matrices) if matrices.ndim == 3 else one(matrices)


@jax.custom_jvp
def _eliminated(matrices: Array) -> Array:
    """Elimination of the matrix beside the identity: (A | I) becomes (Lᵀ | L⁻¹) row by row."""
    d = matrices.shape[-1]
    places = jnp.arange(d, dtype=jnp.int32)
    zeros = jnp.zeros_like(matrices)
    eye = jnp.where(places[:, None] == places[None, :], 1, zeros)

    def step(j: Array, state: tuple[Array, Array]) -> tuple[Array, Array]:
        both, inverse = state
        row = lax.dynamic_index_in_dim(both, j, both.ndim - 2)
        pivot = lax.rsqrt(lax.dynamic_index_in_dim(row, j, both.ndim - 1))
        row = row * pivot
        inverse = lax.dynamic_update_index_in_dim(inverse, row[..., d:], j, inverse.ndim - 2)
        # The column as the row turned: the part of A that is left stays symmetric.
        column = jnp.where(places > j, row[..., 0, :d], 0)
        return both - column[..., :, None] * row, inverse

    both = jnp.concatenate([matrices, eye], axis=-1)
    return lax.fori_loop(jnp.int32(0), jnp.int32(d), step, (both, zeros))[1]


@_eliminated.defjvp
def _(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    inverse = _eliminated(*primals)
    turned = jnp.swapaxes(inverse, -1, -2)
    # dL⁻¹ = −Φ(L⁻¹ dA L⁻ᵀ) L⁻¹, with Φ the lower triangle and half of the diagonal.
    slope = jnp.matmul(
        jnp.matmul(inverse, tangents[0], precision=HIGHEST), turned, precision=HIGHEST
    )
    places = jnp.arange(slope.shape[-1], dtype=jnp.int32)
    half = jnp.where(places[:, None] == places[None, :], slope / 2, jnp.tril(slope))
    return inverse, -jnp.matmul(half, inverse, precision=HIGHEST)
