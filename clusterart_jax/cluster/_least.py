"""The least of many candidates for each of many lanes, one after the other.

Candidates stand in groups, of which only the least are looked through; the members of one group
are read again when one of them is taken.
"""

import jax.numpy as jnp
from jax import lax

from .._typing import Array, Float, Int

GROUP = 8
"""Candidates in a group."""


def pick(
    raw: Float[Array, "g m q b"],
    least: Float[Array, "g l"],
    taken: Int[Array, "g l"],
    first: Int[Array, "g l"],
) -> tuple[Array, Array, Array, Array]:
    """The least candidate of each of l = q · b lanes, the first of equal ones.

    Args:
      raw: g groups of m candidates for each lane.
      least: (g, l) the least in each group of those that are not taken.
      taken: (g, l) a bit for each member that is.
      first: (g, l) number of the first member of each group; the others follow.

    Returns:
      Its value (l,) and number (l,); then `least` and `taken` without it.
    """
    g, m, lanes = *raw.shape[:2], least.shape[1]
    groups = lax.broadcasted_iota(jnp.int32, least.shape, 0)
    value = jnp.min(least, axis=0)
    group = jnp.min(jnp.where(least == value[None], groups, g - 1), axis=0)
    here = groups == group[None]
    bits = jnp.max(jnp.where(here, taken, 0), axis=0)
    number = jnp.max(jnp.where(here, first, 0), axis=0)
    places = lax.broadcasted_iota(jnp.int32, (m, lanes), 0)
    at = (group[None] * m + places) * lanes + lax.broadcasted_iota(jnp.int32, (m, lanes), 1)
    members = raw.reshape(-1).at[at].get(mode="promise_in_bounds", wrap_negative_indices=False)
    members = jnp.where((bits[None] >> places) & 1 == 1, jnp.inf, members)
    place = jnp.min(jnp.where(members == value[None], places, m - 1), axis=0)
    rest = jnp.min(jnp.where(places == place[None], jnp.inf, members), axis=0)
    bits = bits | (1 << place)
    least = jnp.where(here, rest[None], least)
    return value, number + place, least, jnp.where(here, bits[None], taken)
