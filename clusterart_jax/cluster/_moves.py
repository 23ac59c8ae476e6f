"""What rows that change their label add to the sums of the centres, and take off them."""

import jax.numpy as jnp
from jax import lax

from .._linalg import compact
from .._typing import Array
from ._lloyd import augment

_TALLY = 32  # rows that change their label and are summed at once


def move_rows(delta: Array, x: Array, weights: Array, before: Array, after: Array) -> Array:
    """Adds rows to the sums of their new centre and takes them off the old; −1 is no centre."""
    k = delta.shape[0]

    def add(delta: Array, x: Array, w: Array, before: Array, after: Array) -> Array:
        x = augment(x)
        old = jnp.where(before < 0, k, before)
        return delta.at[after].add(x * w[:, None]).at[old].add(-x * w[:, None], mode="drop")

    b, d = x.shape
    if d < 2 * _TALLY or b < 2 * _TALLY:
        return add(delta, x, weights, before, after)
    # Few rows change: of wide rows, only these are touched.
    rows, count = compact(weights > 0, _TALLY)

    def tally(i: Array, delta: Array) -> Array:
        ids = lax.dynamic_slice_in_dim(rows, i * _TALLY, _TALLY)
        w = jnp.where(ids < b, weights.at[ids].get(mode="clip"), 0)
        some = (a.at[ids].get(mode="clip") for a in (x, before, after))
        return add(delta, next(some), w, *some)

    return lax.fori_loop(jnp.int32(0), (count + _TALLY - 1) // _TALLY, tally, delta)
