"""The rows of one cluster, copied side by side: what a split of bisecting k-means reads."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from .._linalg import HIGHEST, block_size, total
from .._typing import Array, KeyArray

WIDE = 40
"""Columns from which a row is better read whole than column by column with its neighbours."""

_WIDTH = 256  # numbers of a row at least, when blocks are sized: reading a block copies it


class Rows(NamedTuple):
    """The rows of one cluster, copied side by side in whole blocks; the rest has weight 0.

    Blocks of narrow rows lie with the columns first: on a CPU products with them then vectorise
    over rows. Functions of a block `x` below take both forms.
    """

    x: Array  # (blocks, b, d), or (blocks, d, b) where d < WIDE, relative to `center`
    weights: Array  # (blocks, b)
    norms: Array  # (blocks, b) |x|
    places: Array  # (blocks, b) which row of the whole it is; past the end where it is none
    mass: Array  # (blocks,) weight
    center: Array  # (d,) mean of the rows
    used: Array  # blocks in use


def no_rows(x: Array) -> Rows:
    """Room for all rows of `x`."""
    n, d = x.shape
    block = block_size(n, max(d, _WIDTH))
    shape = (-(-n // block), block)
    flat = jnp.zeros(shape, x.dtype)
    whole = jnp.zeros((shape[0], *((block, d) if d >= WIDE else (d, block))), x.dtype)
    places = jnp.zeros(shape, jnp.int32)
    return Rows(whole, flat, flat, places, flat[:, 0], x[0], jnp.int32(0))


def gather(
    rows: Rows, order: Array, first: Array, size: Array, center: Array, x: Array, weights: Array
) -> Rows:
    """Rows order[first : first + size] of `x`, written over `rows`; `order` ends in padding."""
    block = rows.weights.shape[1]

    def body(i: Array, rows: Rows) -> Rows:
        held = i * block + jnp.arange(block, dtype=jnp.int32) < size
        places = lax.dynamic_slice_in_dim(order, first + i * block, block)
        # Read once: without the barrier rows are fetched again for their norms.
        points = x[places] - center[None]
        points = lax.optimization_barrier(points if len(center) >= WIDE else points.T)
        w = jnp.where(held, weights[places], 0)
        return rows._replace(
            x=rows.x.at[i].set(points),
            weights=rows.weights.at[i].set(w),
            norms=rows.norms.at[i].set(jnp.sqrt(squared_to(points, jnp.zeros_like(center)))),
            places=rows.places.at[i].set(jnp.where(held, places, len(order))),
            mass=rows.mass.at[i].set(jnp.sum(w)),
        )

    used = (size + block - 1) // block
    rows = lax.fori_loop(jnp.int32(0), used, body, rows)
    return rows._replace(center=center, used=used)


def partition(order: Array, first: Array, rows: Rows, right: Array) -> tuple[Array, Array]:
    """Moves the left rows before the right ones in `order`, both in their order before.

    Returns:
      The new order, and the number of rows on the left.
    """
    end = order.shape[0]

    def tally(i: Array, count: Array) -> Array:
        left = (rows.places[i] < end) & ~right[i]
        return count + jnp.sum(left, dtype=jnp.int32)

    lefts = lax.fori_loop(jnp.int32(0), rows.used, tally, jnp.int32(0))

    def body(i: Array, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        order, left_end, right_end = carry
        held = rows.places[i] < end
        before = jnp.cumsum(held & ~right[i], dtype=jnp.int32)
        index = jnp.arange(len(held), dtype=jnp.int32)
        place = jnp.where(right[i], right_end + index - before, left_end + before - 1)
        # Places past the end are dropped.
        order = order.at[jnp.where(held, place, end)].set(rows.places[i], mode="drop")
        count = jnp.sum(held, dtype=jnp.int32) - before[-1]
        return order, left_end + before[-1], right_end + count

    start = (order, first, first + lefts)
    return lax.fori_loop(jnp.int32(0), rows.used, body, start)[0], lefts


def along(x: Array, way: Array) -> Array:
    """x·way of each row (b,)."""
    a, b = (x, way) if len(way) >= WIDE else (way, x)
    return jnp.matmul(a, b, precision=HIGHEST)


def weighted_sum(x: Array, weights: Array, d: int) -> Array:
    """Σ wᵢ xᵢ (d,)."""
    a, b = (weights, x) if d >= WIDE else (x, weights)
    return jnp.matmul(a, b, precision=HIGHEST)


def beside(point: Array) -> Array:
    """A point (d,) in the shape that goes with a block of rows."""
    return point[None, :] if len(point) >= WIDE else point[:, None]


def squared_to(x: Array, point: Array) -> Array:
    """|x − point|² of each row (b,)."""
    return jnp.sum((x - beside(point)) ** 2, axis=1 if len(point) >= WIDE else 0)


def over_blocks(step: Callable[..., Any], carry: Any, rows: Rows) -> Any:
    """`carry = step(carry, i, x, w)` over the blocks in use."""

    def body(i: Array, carry: Any) -> Any:
        return step(carry, i, rows.x[i], rows.weights[i])

    return lax.fori_loop(jnp.int32(0), rows.used, body, carry)


def block_mass(mass: Array, rows: Rows) -> Array:
    used = jnp.arange(mass.shape[0], dtype=jnp.int32) < rows.used
    return jnp.sum(jnp.where(used, mass, 0))


def draw(key: KeyArray, rows: Rows, mass: Array, sums: Array, m: int, axis: Any) -> Array:
    """M rows (m, d) in proportion to `mass` (blocks, b), the same however many devices.

    Where there is no mass (all rows are alike), a row by weight.
    """
    some = total(block_mass(sums, rows), axis) > 0
    mass, sums = jnp.where(some, mass, rows.weights), jnp.where(some, sums, rows.mass)
    sums = jnp.where(jnp.arange(len(sums), dtype=jnp.int32) < rows.used, sums, 0)
    ends = jnp.cumsum(sums)
    totals = ends[-1:] if axis is None else lax.all_gather(ends[-1], axis)
    device_ends = jnp.cumsum(totals)
    points = jax.random.uniform(key, (m,), mass.dtype) * device_ends[-1]

    def first_above(ends: Array, points: Array, possible: Array) -> Array:
        place = jnp.searchsorted(ends, points, side="right").astype(jnp.int32)
        last = jnp.max(jnp.where(possible, jnp.arange(len(ends), dtype=jnp.int32), 0))
        return jnp.minimum(place, last)

    owner = first_above(device_ends, points, totals > 0)
    here = jnp.int32(0) if axis is None else lax.axis_index(axis)
    points = points - (device_ends - totals)[here]
    block = first_above(ends, points, sums > 0)
    points = points - jnp.where(block > 0, ends[jnp.maximum(block - 1, 0)], 0)
    inside = mass[block]
    place = jax.vmap(first_above)(jnp.cumsum(inside, axis=1), points, inside > 0)
    found = rows.x[block, place] if len(rows.center) >= WIDE else rows.x[block, :, place]
    return found if axis is None else total(jnp.where((owner == here)[:, None], found, 0), axis)
