"""One bound a row: rows that cannot have changed their nearest centre are passed over.

The triangle inequality bounds for each row how much nearer another centre can have come. Rows that
fail the bound are listed, and gathered block by block in a loop as long as the list. Cost
O(n + a d k) an iteration, where a of n rows fail; extra memory O(n).

Source: Hamerly, Making k-means even faster, 2010, doi:10.1137/1.9781611972801.12, with one number
a row instead of two bounds.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from .._linalg import compact, squared_norms
from .._typing import Array
from ._lloyd import Bounds, Problem, State, live_norms
from ._moves import move_rows
from ._nearest import nearest_two, tile_size


def row_bounds_pay(n: int, d: int, k: int) -> bool:
    """Whether a row's distances to all centres cost more than keeping bounds does (measured)."""
    if jax.default_backend() != "cpu" or n < 4096 or k < 6:
        return False
    cost = k * (12 + d)  # of a row without bounds
    return cost > (800 if d > 4 else 2500) and n * cost > 40_000_000


class _Known(NamedTuple):
    """What is known of each row and centre.

    Attributes:
      gap: (n,) upper bound of the distance to the row's centre less a lower bound of the distance
        to any other, at the time it was measured, less `slack` of the row's centre then. While
        `gap + slack[label]` is negative, the label stands.
      slack: (k,) by how much the difference can have shrunk since the beginning: the way that the
        centre has moved and the way that the fastest of the others has.
    """

    gap: Array
    slack: Array


_Changing = tuple[Array, Array, tuple[Array, Array]]
"""Labels, gaps, and the change of the sums with how many labels changed."""

_AT_ONCE = 2**21  # rows of which it is found at once which fail their bound
_SLAB = 2**18  # of more rows, so many at a time: a tenth slower, a quarter of the memory


def _start(centers: Array, p: Problem) -> _Known:
    return _Known(jnp.full(p.x.shape[0], jnp.inf, p.x.dtype), jnp.zeros_like(centers[:, 0]))


def _age(known: _Known, shift: Array) -> _Known:
    return known._replace(slack=known.slack + (shift + _largest_other(shift)) * (1 + 1e-6))


def _doubtful(labels: Array, known: _Known, block: int) -> tuple[Array, Array]:
    """Numbers of the rows that fail their bound, then n for as long as blocks need it; how many."""
    n = labels.shape[0]

    def fails(gap: Array, labels: Array) -> Array:
        # `>=` is also true of no bound; `~(<)` of not-a-number, which must not be passed over.
        return ~(gap + known.slack[labels] < 0)

    if n <= _AT_ONCE:
        return compact(fails(known.gap, labels), block)

    slab = min(n, _SLAB)

    def step(i: Array, state: tuple[Array, Array]) -> tuple[Array, Array]:
        rows, count = state
        first = jnp.minimum(i * slab, n - slab)
        some = (lax.dynamic_slice_in_dim(a, first, slab) for a in (known.gap, labels))
        new = first + jnp.arange(slab, dtype=jnp.int32) >= i * slab
        here, found = compact(new & fails(*some), 1)
        here = jnp.where(here < slab, here + first, n)  # the next slab overwrites what is n
        return lax.dynamic_update_slice_in_dim(rows, here, count, 0), count + found

    rows = jnp.full(n + max(slab, block), n, jnp.int32)
    return lax.fori_loop(jnp.int32(0), jnp.int32(-(-n // slab)), step, (rows, jnp.int32(0)))


def _reassign(s: State, known: _Known, p: Problem) -> tuple[Array, _Known, Array, Array]:
    n, d = p.x.shape
    k = s.centers.shape[0]
    norms = live_norms(s.centers, p)
    largest = jnp.max(jnp.where(p.allowed, norms, 0))
    block = tile_size(n, d + k)
    rows, count = _doubtful(s.labels, known, block)

    def visit(i: Array, state: _Changing) -> _Changing:
        labels, gap, (delta, changed) = state
        ids = lax.dynamic_slice_in_dim(rows, i * block, block)
        x = p.x.at[ids].get(mode="clip") - p.origin
        # Not from the labels that the loop writes: XLA would copy them all for every block.
        before = s.labels.at[ids].get(mode="clip")
        present = jnp.where(ids < n, p.weights.at[ids].get(mode="clip"), 0)
        first, second, after = nearest_two(x, s.centers, norms)
        square = squared_norms(x)
        # What rounding can have done to scores: bounds that hold for the exact distances leave
        # labels alone that the computed ones would not change either.
        margin = 8 * jnp.finfo(x.dtype).eps * (square + largest)
        near = jnp.sqrt(jnp.maximum(first + square, 0) + margin)
        far = jnp.sqrt(jnp.maximum(second + square - 4 * margin, 0))
        gap = gap.at[ids].set(near - far - known.slack[after], mode="drop", unique_indices=True)
        labels = labels.at[ids].set(after, mode="drop", unique_indices=True)
        differ = (after != before) & (present > 0)
        delta = move_rows(delta, x, jnp.where(differ, present, 0), before, after)
        return labels, gap, (delta, changed + jnp.sum(differ, dtype=jnp.int32))

    start = (s.labels, known.gap, (jnp.zeros((k, d + 1), p.x.dtype), jnp.int32(0)))
    labels, gap, (delta, changed) = lax.fori_loop(
        jnp.int32(0), (count + block - 1) // block, visit, start
    )
    return labels, known._replace(gap=gap), delta, changed


def _largest_other(shift: Array) -> Array:
    """For each centre, the largest shift among the others."""
    if shift.shape[0] == 1:
        return jnp.zeros_like(shift)
    two = lax.top_k(shift, 2)[0]
    return jnp.where(jnp.arange(len(shift)) == jnp.argmax(shift), two[1], two[0])


ROW_BOUNDS = Bounds(_start, _reassign, _age)
