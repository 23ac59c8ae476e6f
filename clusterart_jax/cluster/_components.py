"""Connected components of rows within a radius of each other, without a list of edges.

Every row takes the least component among its neighbours, and its component hooks onto that one:
all at once, then pointers are followed to the end. Rounds grow with the logarithm of the number of
rows at worst; few are needed, since rows come in the order of their cells.

Source: Shiloach and Vishkin, An O(log n) parallel connectivity algorithm, 1982,
doi:10.1016/0196-6774(82)90008-6, with minima for its alternating hooks.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax import lax

from .._typing import Array, Bool, Int
from ._cells import AXES
from ._radius import LEAST, Neighborhood, sweep

NONE = jnp.iinfo(jnp.int32).max
"""The component of rows that belong to none."""
_SAMPLE = 16  # one row in so many goes first where cells are not tight


class _State(NamedTuple):
    """Attributes are (n,) but for the last two.

    Attributes:
      component: of core rows; at the end their number, and that of rows beside them.
      queries: rows whose neighbours are looked at next.
      open: core rows that were not yet seen to have neighbours of their own component only.
      sample: whether only some of the rows are looked at.
      last: whether components are whole, and only rows beside them are missing.
    """

    component: Int[Array, " n"]
    queries: Bool[Array, " n"]
    open: Bool[Array, " n"]
    sample: Bool[Array, ""]
    last: Bool[Array, ""]


def connect(
    space: Neighborhood,
    core: Bool[Array, " n"],
    beside: Bool[Array, " n"],
    number: Callable[[Array], Array],
) -> Int[Array, " n"]:
    """Numbers core rows by component, and rows beside them by the least number near.

    Args:
      space: the rows.
      core: which of them have a component.
      beside: which others take one.
      number: from the component of each row, named by one of its places or `NONE`, to (n,) numbers.

    Returns:
      (n,) int32, `NONE` for rows with no core row near.
    """
    n = core.shape[0]
    place = jnp.arange(n, dtype=jnp.int32)
    # All core rows of a tight cell are near each other: they begin as one. One row of each goes
    # first: it joins most of them, and what has one component already need not be looked at.
    keys = space.cells.keys
    cell = jnp.searchsorted(keys, keys).astype(jnp.int32)
    head = jnp.full(n, NONE, jnp.int32).at[cell].min(jnp.where(core, place, NONE))
    component = jnp.where(core, jnp.where(space.cells.tight, head[cell], place), NONE)
    queries = core & (component == place)

    def hook(component: Array, other: Array) -> Array:
        target = jnp.minimum(other, component)
        parent = place.at[jnp.where(core, component, n)].min(target, mode="drop")
        joined = jnp.where(core, _follow(parent)[jnp.minimum(component, n - 1)], NONE)
        # The largest becomes 0, so that all others beside it hook onto it at once.
        largest = jnp.argmax(jnp.zeros(n, jnp.int32).at[joined].add(1, mode="drop"))
        largest = largest.astype(jnp.int32)
        return jnp.where(joined == largest, 0, jnp.where(joined == 0, largest, joined))

    def settled(own: Array, theirs: Array) -> Array:
        one = own[0]
        return jnp.all(own == one) & jnp.all((theirs == one) | (theirs == NONE))

    # Where no cell is tight, a few of the rows join most of the others at a small part of the cost.
    sampled = space.rows.shape[1] > AXES

    def turn(state: _State) -> tuple[_State, Array]:
        component, queries, open_, sample, last = state
        every = jnp.where(sample, jnp.int32(_SAMPLE), 1) if sampled else None
        other = sweep(space, queries, component, LEAST, settled, every=every)
        joined = hook(component, other)
        open_ = open_ & (sample | ~(queries & (other == NONE)))
        # The largest need not ask: whoever is beside it does.
        rest = open_ & (joined > 0)
        whole = ~jnp.any(rest)
        after = lax.cond(whole, number, lambda joined: joined, joined)
        end = jnp.where(core, component, other)
        queries = jnp.where(whole, beside, rest)
        state = _State(jnp.where(last, end, after), queries, open_, jnp.array(False), whole)
        return state, last

    none = ~jnp.any(core)
    begin = _State(component, queries, core, jnp.array(sampled) & ~none, none)
    return lax.while_loop(
        lambda carried: ~carried[1], lambda carried: turn(carried[0]), (begin, jnp.array(False))
    )[0].component


def _follow(parent: Array) -> Array:
    """The last of the places that lead from each to its parent, and on."""

    def step(state: tuple[Array, Array]) -> tuple[Array, Array]:
        parent, _ = state
        further = parent[parent]
        return further, jnp.any(further != parent)

    return lax.while_loop(lambda state: state[1], step, (parent, jnp.array(True)))[0]
