"""Mutual information that two labellings have in common by chance, given their cluster sizes."""

import math

import jax.numpy as jnp
import numpy as np
from jax import lax

from .._linalg import block_size, fold_rows
from .._typing import Array, Bool, Float

_WIDTH = 8  # values of a count that are summed at once

# ln c! − (c ln c − c) of the smallest counts; from the last on, a series is exact enough.
_SMALL = np.array([0.0] + [math.lgamma(c + 1) - c * math.log(c) + c for c in range(1, 17)])


def expected_mutual_information(
    true: Float[Array, " t"], pred: Float[Array, " p"]
) -> Float[Array, ""]:
    """E = Σ over pairs of clusters of sizes a, b, Σₓ P(x) (x/n) ln(n x / (a b)), in nats.

    x is how many of the n rows the two share, and P its hypergeometric probability. Only the x
    within 9 standard deviations and 10 of the mean are summed; the rest has less than 10⁻¹⁶.

    P is computed from the four counts c of the two-by-two table and their distance e from their
    means: the terms of ln c! that are as large as c cancel, and what is left,
    Σ c ln(1 − e/c), is small. The difference of the factorials themselves would have no digit in
    float32 at n = 10⁶.

    Cost O(√n) a pair; peak extra memory O(t p + a block).

    References:
      Loader, Fast and accurate computation of binomial probabilities, 2000, for the cancellation.
    """
    n = jnp.sum(true)

    def step(total: Array, valid: Bool[Array, " b"], a: Array, b: Array) -> tuple[Array, tuple[()]]:
        mean = a * (b / n)
        deviation = jnp.sqrt(mean * ((n - a) / n) * ((n - b) / jnp.maximum(n - 1, 1)))
        reach = 9 * deviation + 10
        low = jnp.maximum(jnp.maximum(1, a + b - n), jnp.floor(mean - reach))
        high = jnp.minimum(jnp.minimum(a, b), jnp.ceil(mean + reach))
        high = jnp.where(valid, high, 0)
        scale = _stirling(a) + _stirling(n - a) + _stirling(b) + _stirling(n - b) - _stirling(n)

        def values(i: Array, total: Array) -> Array:
            offset = (i * _WIDTH + jnp.arange(_WIDTH, dtype=jnp.int32)).astype(a.dtype)
            x = low[:, None] + offset[None]
            inside = x <= high[:, None]
            x = jnp.where(inside, x, 1)
            e = x - mean[:, None]
            logarithm = scale[:, None]
            rest = (x, a[:, None] - x, b[:, None] - x, (n - a - b)[:, None] + x)
            for c, sign in zip(rest, (1, -1, -1, 1), strict=True):
                share = sign * e / jnp.maximum(c, 1)
                logarithm += jnp.where(c > 0, c * jnp.log1p(-share), 0) - _stirling(c)
            information = x / n * -jnp.log1p(-e / x)  # ln(x / mean)
            term = jnp.where(inside, information * jnp.exp(logarithm), 0)
            return total + jnp.sum(term)

        longest = jnp.max(high - low + 1).astype(jnp.int32)
        count = (longest + _WIDTH - 1) // _WIDTH
        return lax.fori_loop(jnp.int32(0), count, values, total), ()

    pairs = jnp.repeat(true, pred.shape[0]), jnp.tile(pred, true.shape[0])
    block = block_size(pairs[0].shape[0], 8 * _WIDTH)
    return fold_rows(step, jnp.zeros((), true.dtype), pairs, block=block)[0]


def _stirling(c: Array) -> Array:
    """What ln c! has beyond c ln c − c: ½ ln 2πc and a series that is soon small."""
    large = jnp.maximum(c, len(_SMALL) - 1)
    square = large * large
    series = (1 / 12 - (1 / 360 - (1 / 1260 - 1 / (1680 * square)) / square) / square) / large
    small = jnp.take(
        jnp.asarray(_SMALL, c.dtype), jnp.clip(c, 0, len(_SMALL) - 1).astype(jnp.int32)
    )
    return jnp.where(c < len(_SMALL) - 1, small, jnp.log(2 * jnp.pi * large) / 2 + series)
