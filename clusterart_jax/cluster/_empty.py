"""What becomes of a centre that no row is nearest to."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import jax.numpy as jnp
from jax import lax

from .._linalg import fold_rows, squared_norms, total
from .._typing import Array, Bool
from ._nearest import tile_size

if TYPE_CHECKING:
    from ._lloyd import Problem

_SLIGHT = 1000  # roundings of the heaviest centre's weight: as much is left of a sum's last row


def fill_empty(sums: Array, labels: Array, centers: Array, p: "Problem") -> Array:
    """Gives each empty centre the row that lies farthest from its own, and takes it from there.

    No row is moved where all rows lie on their centres: there are fewer distinct rows than
    centres. Nor is the last row of a centre, which would only leave another one empty, with a
    rounding error for a mean. The same is what scikit-learn does, except that it may also choose
    rows of weight 0, which are absent here.

    Args:
      sums: (k, d + 1) weighted sums of the rows of each centre, ending with their weight.
      labels: (n,) the centre of each row.
      centers: (k, d) the centres that the labels belong to.
      p: the problem.

    Returns:
      The sums after the moves.
    """

    def empty(sums: Array) -> Array:
        return p.allowed & (sums[:, -1] <= 0)

    def relocate(sums: Array) -> Array:
        return _relocate(sums, labels, _distances(labels, centers, p), empty, p)

    def look(sums: Array) -> Array:
        there = jnp.zeros(len(sums), jnp.int32).at[labels].add((p.weights > 0).astype(jnp.int32))
        sums = jnp.where((total(there, p.axis) > 0)[:, None], sums, 0)
        return lax.cond(jnp.any(empty(sums)), relocate, lambda sums: sums, sums)

    # Rare, and a pass over the rows: only when it is needed. Sums from which the last row was taken
    # are seldom 0, but what rounding left of it: rows are counted where there is so little.
    mass = sums[:, -1]
    slight = p.allowed & (mass <= _SLIGHT * jnp.finfo(mass.dtype).eps * jnp.max(mass))
    return lax.cond(jnp.any(slight), look, lambda sums: sums, sums)


def _distances(labels: Array, centers: Array, p: "Problem") -> Array:
    """|x − c|² to each row's own centre; 0 for absent rows."""

    def step(
        carry: tuple[()], valid: Bool[Array, " b"], x: Array, w: Array, labels: Array
    ) -> tuple[tuple[()], Array]:
        return (), jnp.where(w > 0, squared_norms(x - p.origin - centers[labels]), 0)

    block = tile_size(p.x.shape[0], 2 * p.x.shape[1])
    return fold_rows(step, (), (p.x, p.weights, labels), block=block)[1]


def _relocate(
    sums: Array, labels: Array, far: Array, empty: Callable[[Array], Array], p: "Problem"
) -> Array:
    axis = p.axis

    def farthest(far: Array) -> Array:
        top = jnp.max(far)
        return top if axis is None else lax.pmax(top, axis)

    def more(state: tuple[Array, Array]) -> Array:
        sums, far = state
        return jnp.any(empty(sums)) & (farthest(far) > 0)

    def body(state: tuple[Array, Array]) -> tuple[Array, Array]:
        sums, far = state
        row = jnp.argmax(far)
        mine = jnp.array(True)
        if axis is not None:
            here = lax.axis_index(axis)
            holds = far[row] == farthest(far)
            mine = holds & (
                here == lax.pmin(jnp.where(holds, here, jnp.iinfo(jnp.int32).max), axis)
            )
        weight = p.weights[row]
        point = jnp.append(weight * (p.x[row][None] - p.origin)[0], weight)
        point = total(jnp.where(mine, point, 0), axis)
        old = total(jnp.where(mine, labels[row], 0), axis)
        held = sums[old, -1]
        moves = held - point[-1] > 8 * jnp.finfo(sums.dtype).eps * held
        moved = sums.at[old].add(-point).at[jnp.argmax(empty(sums))].set(point)
        return jnp.where(moves, moved, sums), far.at[row].set(jnp.where(mine, 0, far[row]))

    return lax.while_loop(more, body, (sums, far))[0]
