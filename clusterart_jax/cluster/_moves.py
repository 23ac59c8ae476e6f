"""What rows that change their label add to the sums of the centres, and take off them."""

import jax.numpy as jnp
from jax import lax

from .._linalg import compact
from .._typing import Array
from ._lloyd import augment

_TALLY = 32  # rows that change their label and are summed at once
_MANY = 8  # where one in so many moves, all rows are looked at in order (measured)


def add_moves(delta: Array, x: Array, weights: Array, before: Array, after: Array) -> Array:
    """Adds rows to the sums of their new centre and takes them off the old; −1 is no centre."""
    x = augment(x) * weights[:, None]
    delta = delta.at[after].add(x)
    old = jnp.where(before < 0, delta.shape[0], before)
    return delta.at[old].add(-x, mode="drop")


def move_rows(delta: Array, x: Array, weights: Array, before: Array, after: Array) -> Array:
    """The same where most rows have weight 0, as they do not move."""
    b, d = x.shape
    if d < 2 * _TALLY or b < 2 * _TALLY:
        return add_moves(delta, x, weights, before, after)
    # Few rows change: of wide rows, only these are touched.
    rows, count = compact(weights > 0, _TALLY)

    def tally(i: Array, delta: Array) -> Array:
        ids = lax.dynamic_slice_in_dim(rows, i * _TALLY, _TALLY)
        w = jnp.where(ids < b, weights.at[ids].get(mode="clip"), 0)
        some = (a.at[ids].get(mode="clip") for a in (x, before, after))
        return add_moves(delta, next(some), w, *some)

    def few(delta: Array) -> Array:
        return lax.fori_loop(jnp.int32(0), (count + _TALLY - 1) // _TALLY, tally, delta)

    def many(delta: Array) -> Array:
        return add_moves(delta, x, weights, before, after)

    return lax.cond(_MANY * count > b, many, few, delta)
