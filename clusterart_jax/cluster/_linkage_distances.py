"""All distances between rows, (n, n), for linkages that cannot do without."""

import jax.numpy as jnp
from jax import lax

from .._linalg import HIGHEST, squared_norms
from .._typing import Array

METRICS = ("euclidean", "manhattan", "chebyshev", "cosine", "precomputed")

_TILE = 256
STRIP = 64
"""Columns whose parts of a row lie side by side."""


def pair_distances(x: Array, origin: Array, metric: str) -> Array:
    """Distances of all pairs of rows, symmetric bit for bit; s ≥ n slots fill up tiles.

    They lie in strips of `STRIP` columns, (s / STRIP, s, STRIP): a row is read from few places, and
    a column is written to neighbouring lines of memory, not each time to another page.

    Euclidean ones are matrix products, but differences in tiles where rows lie so near to each
    other that products would lose their digits. Each tile is written on both sides of the
    diagonal: a chain of neighbours could go in circles where two sides were rounded differently.

    Args:
      x: rows (n, d); of "precomputed" distances (n, n), those above the diagonal count.
      origin: (1, d) taken off the rows for products; for differences they stay as they are, since
        of rows near to each other those are exact.
      metric: one of `METRICS`.
    """
    n, d = x.shape
    tile = _TILE if n > STRIP else STRIP
    across = -(-n // tile)
    slots = across * tile
    given = metric == "precomputed"
    x = jnp.pad(x, ((0, slots - n), (0, slots - n if given else 0)))
    norms = squared_norms(x - origin if metric == "euclidean" else x)
    if metric == "cosine":
        x = x / jnp.sqrt(jnp.where(norms > 0, norms, 1))[:, None]
        norms = squared_norms(x)
    # Products err by some units in the last place of |x|² + |y|²; a distance must keep 5 digits.
    near = min(float(jnp.finfo(x.dtype).eps) * (4 + d**0.5) * 2e4, 1.0)

    def differences(a: Array, b: Array) -> Array:
        def add(k: Array, total: Array) -> Array:
            gap = lax.dynamic_slice_in_dim(a, k, 1, 1) - lax.dynamic_slice_in_dim(b, k, 1, 1).T
            if metric in ("euclidean", "cosine"):
                return total + gap**2
            gap = jnp.abs(gap)
            return jnp.maximum(total, gap) if metric == "chebyshev" else total + gap

        return lax.fori_loop(0, d, add, jnp.zeros((len(a), len(b)), x.dtype))

    def block(i: Array, j: Array) -> Array:
        if given:
            return lax.dynamic_slice(x, (i, j), (tile, tile))
        a, b = (lax.dynamic_slice_in_dim(x, k, tile) for k in (i, j))
        if metric in ("manhattan", "chebyshev"):
            return differences(a, b)
        size = lax.dynamic_slice_in_dim(norms, i, tile)[:, None]
        size = size + lax.dynamic_slice_in_dim(norms, j, tile)[None]
        far = size - 2 * jnp.matmul(a - origin, (b - origin).T, precision=HIGHEST)
        one, two = (lax.broadcasted_iota(jnp.int32, far.shape, k) for k in (0, 1))
        # Of rows that only fill up, nothing is lost.
        lost = jnp.any((far < near * size) & (one + i != two + j) & (two + j < n) & (one + i < n))
        far = lax.cond(lost, differences, lambda a, b: jnp.maximum(far, 0), a, b)
        # Of unit vectors, 1 − cos = |a − b|² / 2.
        return far / 2 if metric == "cosine" else jnp.sqrt(far)

    def visit(i: Array, j: Array, out: Array) -> Array:
        far = block(i * tile, j * tile)
        above = lax.broadcasted_iota(jnp.int32, far.shape, 0)
        above = above <= lax.broadcasted_iota(jnp.int32, far.shape, 1)
        far = jnp.where((i < j) | above, far, far.T)
        out = lax.dynamic_update_slice(
            out, strips(far), (j * tile // STRIP, i * tile, jnp.int32(0))
        )
        return lax.dynamic_update_slice(
            out, strips(far.T), (i * tile // STRIP, j * tile, jnp.int32(0))
        )

    def strips(far: Array) -> Array:
        return far.reshape(tile, -1, STRIP).swapaxes(0, 1)

    def row(i: Array, out: Array) -> Array:
        return lax.fori_loop(i, jnp.int32(across), lambda j, out: visit(i, j, out), out)

    empty = jnp.zeros((slots // STRIP, slots, STRIP), x.dtype)
    return lax.fori_loop(jnp.int32(0), jnp.int32(across), row, empty)
