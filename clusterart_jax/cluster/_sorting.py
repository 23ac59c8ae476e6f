"""Sorting numbers together with the places that they were at."""

import jax
import jax.numpy as jnp
from jax import lax

from .._typing import Array, Float, Int


def sort_places(keys: Int[Array, " n"]) -> tuple[Int[Array, " n"], Int[Array, " n"]]:
    """Keys (int32) in ascending order and the place of each before; equal ones keep their order.

    On CPU, XLA sorts pairs by calls of a comparison, at seven times the cost of single numbers of
    64 bits, into which a key and a place fit (measured at 10^6).
    """
    return lax.platform_dependent(keys, cpu=_packed, default=_pairs)


def sort_floats(values: Float[Array, " n"]) -> Int[Array, " n"]:
    """The place that each had before, of values in ascending order; equal ones keep their order.

    Those of 32 bits are sorted as whole numbers of the same order: see `sort_places`.
    """
    if values.dtype != jnp.float32:
        return jnp.argsort(values, stable=True).astype(jnp.int32)
    bits = lax.bitcast_convert_type(jnp.where(values == 0, 0, values), jnp.int32)
    return sort_places(bits ^ ((bits >> 31) & 0x7FFFFFFF))[1]


def _pairs(keys: Array) -> tuple[Array, Array]:
    places = lax.iota(jnp.int32, keys.shape[0])
    sorted_keys, order = lax.sort((keys, places), num_keys=1)
    return sorted_keys, order


def _packed(keys: Array) -> tuple[Array, Array]:
    # The sign bit turned, negative numbers come first among unsigned ones.
    sign = jnp.uint32(2**31)
    high = lax.bitcast_convert_type(keys, jnp.uint32) ^ sign
    with jax.enable_x64(True):
        places = lax.iota(jnp.uint64, keys.shape[0])
        both = lax.sort((high.astype(jnp.uint64) << 32) | places)
        order = (both & 0xFFFFFFFF).astype(jnp.int32)
        high = (both >> 32).astype(jnp.uint32)
    return lax.bitcast_convert_type(high ^ sign, jnp.int32), order
