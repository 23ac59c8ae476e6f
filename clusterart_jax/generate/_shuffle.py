"""A shuffled order of n rows, computed row by row, so that a training step needs no state."""

import math

import jax
import jax.numpy as jnp
from jax import lax

from .._typing import Array, Int, KeyArray

_ROUNDS = 6


def shuffled(key: KeyArray, places: Int[Array, " b"], n: int) -> Int[Array, " b"]:
    """Which rows stand at `places` of the shuffled order of 0…n−1 that `key` names.

    A Feistel network permutes the least power of four that holds n; places that fall outside are
    permuted again until they fall inside, which keeps it a permutation. Cost O(b), no memory,
    where `jax.random.permutation` sorts all n.

    Args:
      key: names the order.
      places: (b,) places in 0…n−1.
      n: number of rows. Static.

    Returns:
      (b,) rows; for all n places, each row once.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from clusterart_jax.generate import shuffled
      >>> sorted(shuffled(jax.random.key(0), jnp.arange(5, dtype=jnp.int32), 5).tolist())
      [0, 1, 2, 3, 4]

    References:
      Black and Rogaway, Ciphers with arbitrary finite domains, 2002, doi:10.1007/3-540-45760-7_9.
    """
    half = max(1, math.ceil(math.log2(max(n, 2)) / 2))
    mask = jnp.uint32(2**half - 1)
    rounds = jax.random.bits(key, (_ROUNDS,), jnp.uint32)

    def permute(v: Array) -> Array:
        left, right = v >> half, v & mask
        for i in range(_ROUNDS):
            left, right = right, left ^ (_scramble(right + rounds[i]) & mask)
        return (left << half) | right

    def body(v: Array) -> Array:
        return jnp.where(v < n, v, permute(v))

    first = permute(places.astype(jnp.uint32))
    return lax.while_loop(lambda v: jnp.any(v >= n), body, first).astype(jnp.int32)


def _scramble(v: Array) -> Array:
    """A 32-bit mix: every input bit reaches every output bit (the finaliser of Murmur 3)."""
    v = (v ^ (v >> 16)) * jnp.uint32(0x85EBCA6B)
    v = (v ^ (v >> 13)) * jnp.uint32(0xC2B2AE35)
    return v ^ (v >> 16)
