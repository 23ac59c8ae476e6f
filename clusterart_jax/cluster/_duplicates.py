"""Rows that are there several times: pictures of 8 bits a channel hold few colours many times."""

import jax.numpy as jnp
import numpy as np
from jax import lax

from .._typing import Array, Bool, Float, Int
from ._sorting import sort_places

_WORTH = 8  # one row in so many must be a copy, or looking for them was all there is to it
_FACTOR = 0x9E3779B1  # an odd number of mixed bits: 2^32 divided by the golden ratio


def first_of_equal(x: Float[Array, "n d"], present: Bool[Array, " n"]) -> Int[Array, " n"]:
    """For each row the first that is equal to it, or, rarely, a later one; itself where absent.

    Rows are brought together by a number of 32 bits made from theirs. Two groups of the same
    number can take turns, and are then found in parts: what is done once for each of these has to
    be right for several equal rows too.

    Cost O(n d + n log n).
    """
    n = x.shape[0]
    own = jnp.arange(n, dtype=jnp.int32)
    number = jnp.where(present, _mixed(x), own)
    number, order = sort_places(number)
    copies = jnp.sum(number[1:] == number[:-1], dtype=jnp.int32)

    def found() -> Array:
        rows, there = x[order], present[order]
        same = jnp.all(rows[1:] == rows[:-1], axis=1) & there[1:] & there[:-1]
        begins = jnp.concatenate([jnp.zeros(1, jnp.int32), jnp.where(same, 0, own[1:])])
        leader = order[lax.cummax(begins)]
        return jnp.zeros(n, jnp.int32).at[order].set(leader, unique_indices=True)

    return lax.cond(copies >= n // _WORTH, found, lambda: own)


def _mixed(x: Array) -> Array:
    """A whole number from each row; equal rows have equal ones, but for 0 and −0."""
    words = lax.bitcast_convert_type(x, jnp.uint32).reshape(x.shape[0], -1)
    # Small whole numbers end in zeros, which a product would keep: high bits are brought down.
    mixed = (words ^ (words >> 15)) * jnp.uint32(_FACTOR)
    mixed = mixed ^ (mixed >> 15)
    powers = np.cumprod(np.full(words.shape[1], _FACTOR, np.uint32), dtype=np.uint32)
    number = jnp.sum(mixed * powers[None], axis=1, dtype=jnp.uint32)
    return lax.bitcast_convert_type(number ^ (number >> 15), jnp.int32)
