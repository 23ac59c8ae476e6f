"""Connected components of rows within a radius of each other, without a list of edges.

Every row takes the least component among its neighbours, and its component hooks onto that one:
all at once, then pointers are followed to the end. Rounds grow with the logarithm of the number of
rows at worst; few are needed, since rows come in the order of their cells.

Source: Shiloach and Vishkin, An O(log n) parallel connectivity algorithm, 1982,
doi:10.1016/0196-6774(82)90008-6, with minima for its alternating hooks.
"""

import jax.numpy as jnp
from jax import lax

from .._typing import Array, Bool, Int
from ._radius import LEAST, Neighborhood, sweep

NONE = jnp.iinfo(jnp.int32).max
"""The component of rows that belong to none."""


def connect(space: Neighborhood, core: Bool[Array, " n"]) -> Int[Array, " n"]:
    """The component of each core row, named by one of its places; `NONE` for others."""
    n = core.shape[0]
    place = jnp.arange(n, dtype=jnp.int32)
    # All core rows of a tight cell are near each other: they begin as one.
    keys = space.cells.keys
    cell = jnp.searchsorted(keys, keys).astype(jnp.int32)
    first = jnp.full(n, NONE, jnp.int32).at[cell].min(jnp.where(core, place, NONE))
    component = jnp.where(core, jnp.where(space.cells.tight, first[cell], place), NONE)

    def settled(own: Array, theirs: Array) -> Array:
        one = own[0]
        return jnp.all(own == one) & jnp.all((theirs == one) | (theirs == NONE))

    def hook(component: Array, queries: Array) -> tuple[Array, Array]:
        least = sweep(space, queries, component, LEAST, settled)
        target = jnp.where(queries, jnp.minimum(least, component), component)
        parent = place.at[jnp.where(core, component, n)].min(target, mode="drop")
        parent = _follow(parent)
        joined = jnp.where(core, parent[jnp.minimum(component, n - 1)], NONE)
        return joined, jnp.any(joined != component)

    # One row of each component first: it joins most of them, and what has one component already
    # need not be looked at in the rounds of all rows.
    component, _ = hook(component, core & (component == place))
    return lax.while_loop(
        lambda state: state[1], lambda state: hook(state[0], core), (component, jnp.array(True))
    )[0]


def _follow(parent: Array) -> Array:
    """The last of the places that lead from each to its parent, and on."""

    def step(state: tuple[Array, Array]) -> tuple[Array, Array]:
        parent, _ = state
        further = parent[parent]
        return further, jnp.any(further != parent)

    return lax.while_loop(lambda state: state[1], step, (parent, jnp.array(True)))[0]
