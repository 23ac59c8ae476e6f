"""Batches of rows drawn at random, on whichever device the rows lie."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from .._linalg import total
from .._typing import Array, KeyArray


class Batch(NamedTuple):
    """Rows of `x` that make a batch, the same list on every device."""

    rows: Array  # (b,) places on the device that holds them
    mine: Array  # (b,) whether this device does
    weights: Array  # (b,)


def whole(weights: Array, axis: Any) -> Batch:
    """All rows of all devices as one batch."""
    n = weights.shape[0]
    places = jnp.arange(n * devices(axis), dtype=jnp.int32)
    if axis is None:
        return Batch(places, jnp.ones(n, bool), weights)
    weights = lax.all_gather(weights, axis, tiled=True)
    return Batch(places % n, places // n == lax.axis_index(axis), weights)


def fetch(x: Array, batch: Batch, axis: Any) -> Array:
    """The rows of a batch (b, d), on every device."""
    rows = x[batch.rows]
    return rows if axis is None else total(jnp.where(batch.mine[:, None], rows, 0), axis)


def share(rows: Array, weights: Array, axis: Any) -> tuple[Array, Array]:
    """This device's part of rows that are on every device, padded with absent rows."""
    if axis is None:
        return rows, weights
    size = -(-rows.shape[0] // devices(axis))
    short = size * devices(axis) - rows.shape[0]
    rows, weights = jnp.pad(rows, ((0, short), (0, 0))), jnp.pad(weights, (0, short))
    first = lax.axis_index(axis) * size
    return (
        lax.dynamic_slice_in_dim(rows, first, size),
        lax.dynamic_slice_in_dim(weights, first, size),
    )


class RunningWeights(NamedTuple):
    """Running sums of weights in two levels, so that float32 sums stay short."""

    inside: Array  # (groups, size) within a group of rows
    ends: Array  # (groups,) over groups
    totals: Array  # (devices,)


def running_weights(weights: Array, axis: Any) -> RunningWeights:
    size = max(1, int(weights.shape[0] ** 0.5))
    inside = jnp.cumsum(jnp.pad(weights, (0, -len(weights) % size)).reshape(-1, size), axis=1)
    ends = jnp.cumsum(inside[:, -1])
    totals = ends[-1:] if axis is None else lax.all_gather(ends[-1], axis)
    return RunningWeights(inside, ends, totals)


def draw(key: KeyArray, b: int, weights: Array, running: RunningWeights, axis: Any) -> Batch:
    """Draws b rows with replacement in proportion to weight, the same however many devices.

    Each has weight 1, but for rows of weight 0 that rounding may have let in.
    """
    inside, ends, totals = running
    groups, size = inside.shape
    device_ends = jnp.cumsum(totals)
    points = jax.random.uniform(key, (b,), ends.dtype) * device_ends[-1]
    owner = jnp.zeros(b, jnp.int32)
    mine = jnp.ones(b, bool)
    if axis is not None:
        here = lax.axis_index(axis)
        owner = jnp.searchsorted(device_ends, points, side="right").astype(jnp.int32)
        owner = jnp.minimum(owner, len(totals) - 1)
        mine = owner == here
        points = points - (device_ends - totals)[here]
    group = jnp.searchsorted(ends, points, side="right").astype(jnp.int32)
    group = jnp.minimum(group, groups - 1)
    points = points - jnp.where(group > 0, ends[jnp.maximum(group - 1, 0)], 0)

    def halve(_: Array, span: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = span  # the first place whose running sum is above the point
        middle = (low + high) // 2
        above = inside[group, middle] > points
        return jnp.where(above, low, middle + 1), jnp.where(above, middle, high)

    # Where rounding left no place above the point, the last one of the group's own weight holds.
    points = jnp.minimum(points, inside[group, -1] * (1 - jnp.finfo(ends.dtype).eps))
    span = (jnp.zeros(b, jnp.int32), jnp.full(b, size - 1, jnp.int32))
    within = lax.fori_loop(0, size.bit_length(), halve, span)[0]
    rows = jnp.minimum(group * size + jnp.minimum(within, size - 1), weights.shape[0] - 1)
    present = jnp.where(mine, weights[rows] > 0, False).astype(ends.dtype)
    return Batch(rows, mine, total(present, axis))


def devices(axis: Any) -> int:
    return 1 if axis is None else lax.axis_size(axis)
