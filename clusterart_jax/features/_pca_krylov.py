"""The leading directions of many columns, from few passes over the rows."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from .._cholesky import inverse_cholesky
from .._linalg import HIGHEST, block_size, fold_rows, total, weighted_mean
from .._typing import Array, Bool, Float, KeyArray

_SAMPLE_PASSES = 8
_SAMPLE = 4096


def krylov(
    x: Float[Array, "n d"],
    weights: Float[Array, " n"],
    key: KeyArray,
    *,
    width: int,
    passes: int,
    axis: Any,
) -> tuple[Array, Array, Array, Float[Array, "2 d w"]]:
    """An orthonormal basis B of a block Krylov space, with its images S B; S is the scatter matrix.

    Subspace iteration on a sample of the rows finds where to start, so that few passes over all
    of them do what would else take several. No factorisation by LAPACK in between: its threads
    would wait busily, and take the cores from the products.

    Args:
      x: rows (n, d).
      weights: (n,).
      key: of the sketch that the sample starts from.
      width: directions that each pass carries, more than are wanted.
      passes: over all rows.
      axis: of the mesh, or None.

    Returns:
      Σ wᵢ; the mean (d,); the trace of S; and B beside S B, with w = passes · width.
    """
    d = x.shape[1]
    some, shares = _sample(x, weights, width)
    origin = weighted_mean(some, shares, axis)

    def turn(_: Array, basis: Array) -> Array:
        seen = _scatter_times(some, shares, origin, axis, basis)[2]
        return _orthonormal(jnp.where(jnp.any(seen != 0), seen, basis), None)

    sketch = _orthonormal(jax.random.normal(key, (d, width), x.dtype), None)
    basis = lax.fori_loop(jnp.int32(0), jnp.int32(_SAMPLE_PASSES), turn, sketch)
    mass = total(jnp.sum(weights), axis)
    images = jnp.zeros((d, 0), x.dtype)
    block = basis
    for i in range(passes):
        if i > 0:
            block = _orthonormal(images[:, -width:], basis)
            basis = jnp.concatenate([basis, block], axis=1)
        shift, squares, seen = _scatter_times(x, weights, origin, axis, block)
        # From sums about the sample's mean to sums about the mean, which lies near.
        shift = shift / jnp.where(mass > 0, mass, 1)
        away = jnp.matmul(shift, block, precision=HIGHEST)
        images = jnp.concatenate([images, seen - mass * shift[:, None] * away[None, :]], axis=1)
    spread = jnp.maximum(squares - mass * jnp.sum(shift**2), 0)
    return mass, origin + shift, spread, jnp.stack([basis, images])


def ritz(pair: Float[Array, "2 d w"], m: int) -> Float[Array, "m d"]:
    """Directions of the space that fit the scatter matrix best, as long as √ of its values."""
    # Where the rows span fewer directions than the space has columns, some of those are rounding
    # noise, and may lie in the span of the others.
    turn, sizes = lax.linalg.eigh(jnp.matmul(pair[0].T, pair[0], precision=HIGHEST))
    turn = turn * jnp.where(sizes > 0.01, lax.rsqrt(sizes), 0)[None]
    basis, images = jnp.matmul(pair, turn[None], precision=HIGHEST)
    inner = jnp.matmul(basis.T, images, precision=HIGHEST)
    rotation, values = lax.linalg.eigh((inner + inner.T) / 2)
    axes = jnp.matmul(basis, rotation[:, ::-1][:, :m], precision=HIGHEST)
    return jnp.sqrt(jnp.maximum(values[::-1][:m], 0))[:, None] * axes.T


def _sample(x: Array, weights: Array, width: int) -> tuple[Array, Array]:
    """Rows at even steps of the running sum of weights, so that absent rows are passed over."""
    n = x.shape[0]
    size = min(n, max(4 * width, _SAMPLE))
    if size == n:
        return x, weights
    running = jnp.cumsum(weights)
    share = running[-1] / size
    steps = (jnp.arange(size, dtype=x.dtype) + 0.5) * share
    rows = jnp.searchsorted(running, steps)
    return x.at[rows].get(mode="clip"), jnp.full(size, share, x.dtype)


def _orthonormal(block: Array, basis: Array | None) -> Array:
    """An orthonormal basis of what the block adds to the span of the other; zeros stay zeros.

    Cholesky QR, twice: the first time with a ridge, so that columns which depend on each other
    end in no worse than some other directions.
    """
    ridge = 10 * block.shape[1] * jnp.finfo(block.dtype).eps
    eye = jnp.eye(block.shape[1], dtype=block.dtype)
    for _ in range(2):
        if basis is not None:
            known = jnp.matmul(basis.T, block, precision=HIGHEST)
            block = block - jnp.matmul(basis, known, precision=HIGHEST)
        # Scaled by the largest entry first: squares of what is left may be too small for floats.
        block = block / _or_one(jnp.max(jnp.abs(block), axis=0))
        block = block / _or_one(jnp.sqrt(jnp.sum(block**2, axis=0)))
        inner = jnp.matmul(block.T, block, precision=HIGHEST)
        # Zero columns get a one in their place, and remain zero.
        empty = jnp.diagonal(inner) == 0
        inner = inner + eye * jnp.where(empty, 1, ridge)[None]
        block = jnp.matmul(block, inverse_cholesky(inner).T, precision=HIGHEST)
    return block


def _or_one(sizes: Array) -> Array:
    return jnp.where(sizes > 0, sizes, 1)[None]


def _scatter_times(
    x: Array, weights: Array, origin: Array, axis: Any, basis: Array
) -> tuple[Array, Array, Array]:
    """Σ wᵢ xᵢ, Σ wᵢ |xᵢ|² and Σ wᵢ xᵢ xᵢᵀ · basis, with xᵢ from the origin; in one pass."""
    d, m = basis.shape

    def step(
        carry: tuple[Array, Array, Array], valid: Bool[Array, " b"], x: Array, w: Array
    ) -> tuple[tuple[Array, Array, Array], tuple[()]]:
        x, w = x - origin[None], jnp.where(valid, w, 0)
        shift, squares, images = carry
        seen = jnp.matmul(x, basis, precision=HIGHEST) * w[:, None]
        images = images + jnp.matmul(x.T, seen, precision=HIGHEST)
        squares = squares + jnp.matmul(w, jnp.sum(x**2, axis=1), precision=HIGHEST)
        return (shift + jnp.matmul(w, x, precision=HIGHEST), squares, images), ()

    # Each block adds a whole (d, m) result: blocks must be tall for that to be cheap.
    block = max(block_size(x.shape[0], d + m), min(x.shape[0], 4 * m))
    start = (jnp.zeros(d, x.dtype), jnp.zeros((), x.dtype), jnp.zeros((d, m), x.dtype))
    return total(fold_rows(step, start, (x, weights), block=block)[0], axis)
