"""Distances by name, and the k nearest rows of each row: blocks of queries against all rows.

Euclidean distances are sums of squared differences, never expanded squares, wherever a number is
kept: two rows that are equal are at distance 0, and neighbours of far-off data keep their digits.
Columns lie one after the other, (d, n): a sum over few columns is then one fused pass over rows.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from .._linalg import first_min, fold_rows, squared_distances
from .._typing import Array, ArrayLike, Bool, Float, Int

METRICS = ("euclidean", "manhattan", "chebyshev", "cosine", "precomputed")

_UNROLLED = 32  # columns in one fused pass
_DIRECT = 12  # columns up to which all differences cost less than a product and a second look
_BLOCK = 2**21  # numbers: distances of a block of queries
_SLACK = 4  # rows that expanded squares may put in the wrong place


def power_above(count: int, most: int) -> int:
    """A power of two no less than `count`, or `most`: few programs serve every number."""
    return min(most, max(8, 1 << (count - 1).bit_length()))


def embed(x: Float[Array, "n d"], metric: str) -> Float[Array, "n e"]:
    """Rows between which distances are taken: for the cosine their directions, else `x`.

    |u − v|² / 2 = 1 − cos of the angle between u and v. One more column is 1 for a row of length
    0, whose distance to every other direction is then 1.
    """
    if metric != "cosine":
        return x
    largest = jnp.max(jnp.abs(x), axis=1, keepdims=True)
    scaled = x / jnp.where(largest > 0, largest, 1)
    length = jnp.sqrt(jnp.sum(scaled**2, axis=1, keepdims=True))
    return jnp.concatenate(
        [scaled / jnp.where(length > 0, length, 1), (length == 0).astype(x.dtype)], axis=1
    )


def raw_distances(a: Array, b: Array, metric: str) -> Array:
    """`finish` of it is the distance; a (d, …) and b (d, …) broadcast against each other."""
    d = a.shape[0]

    def term(a: Array, b: Array) -> Array:
        return jnp.abs(a - b) if metric in ("manhattan", "chebyshev") else (a - b) ** 2

    join = jnp.maximum if metric == "chebyshev" else jnp.add
    if d <= _UNROLLED:
        total = term(a[0], b[0])
        for i in range(1, d):
            total = join(total, term(a[i], b[i]))
        return total

    def group(first: Array, total: Array, size: int) -> Array:
        some, other = (lax.dynamic_slice_in_dim(z, first, size) for z in (a, b))
        return join(total, raw_distances(some, other, metric))

    shape = jnp.broadcast_shapes(a.shape[1:], b.shape[1:])
    width = _UNROLLED // 2
    total = lax.fori_loop(
        jnp.int32(0),
        jnp.int32(d // width),
        lambda i, total: group(i * width, total, width),
        jnp.zeros(shape, a.dtype),
    )
    return group(jnp.int32(d - d % width), total, d % width) if d % width else total


def finish(raw: Array, metric: str) -> Array:
    """Distances from what `raw_distances` returns, which are in the same order."""
    if metric == "euclidean":
        return jnp.sqrt(raw)
    return raw / 2 if metric == "cosine" else raw


def k_nearest(
    queries: Float[Array, "m d"],
    rows: Float[Array, "n d"],
    k: int,
    present: Bool[Array, " n"],
    metric: str = "euclidean",
) -> tuple[Float[Array, "m k"], Int[Array, "m k"]]:
    """For each query, the distances of the k nearest rows that are present, and which they are.

    Nearest first, of equally near ones the first; where fewer than k rows are present, infinite
    distances follow. A row is among its own neighbours. Rows are already `embed`ded.

    The k nearest rows lie in the k groups whose nearest rows are nearest, so that only one number
    a group is sorted. From 13 columns on, Euclidean candidates come from expanded squares, a few
    more than k, and are measured directly. Where the metric is "precomputed", `queries` are
    distances (m, n) to all rows, of which `rows` says only the number.

    Cost O(m n d); peak extra memory O(m k + n d + a block of 2²¹ distances).
    """
    n, d = rows.shape
    columns = rows.T
    expanded = d > _DIRECT and metric in ("euclidean", "cosine")
    want = min(n, k + _SLACK) if expanded else k
    size = max(1, min(64, int((n / want) ** 0.5)))
    groups = -(-n // size)
    origin = jnp.mean(rows, axis=0, keepdims=True)
    centred = rows - origin if expanded else rows

    def step(carry: tuple[()], valid: Array, q: Array) -> tuple[tuple[()], tuple[Array, Array]]:
        b = q.shape[0]
        if metric == "precomputed":
            raw = q
        elif expanded:
            raw = squared_distances(q - origin, centred)
        else:
            raw = raw_distances(q.T[:, :, None], columns[:, None, :], metric)
        # What is no number is no neighbour.
        raw = jnp.where(present[None, :] & (raw < jnp.inf), raw, jnp.inf)
        wide = jnp.pad(raw, ((0, 0), (0, groups * size - n)), constant_values=jnp.inf)
        # Group j holds rows j, groups + j, …: minima over a major axis vectorise.
        least = jnp.min(wide.reshape(b, size, groups), axis=1)
        best = lax.top_k(-least, min(want, groups))[1].astype(jnp.int32)
        offsets = jnp.arange(size, dtype=jnp.int32) * jnp.int32(groups)
        members = (best[:, None, :] + offsets[None, :, None]).reshape(b, -1)
        # In order, so that of equally near rows the first is found; else that is seen to below.
        members = members if expanded else jnp.sort(members, axis=1)
        near = jnp.take_along_axis(wide, members, axis=1)
        value, place = lax.top_k(-near, want)
        found = jnp.minimum(jnp.take_along_axis(members, place.astype(jnp.int32), axis=1), n - 1)
        raw = -value
        if expanded:
            exact = raw_distances(q.T[:, :, None], jnp.moveaxis(rows[found], 2, 0), metric)
            raw, found = lax.sort(
                (jnp.where(raw < jnp.inf, exact, jnp.inf), found), dimension=1, num_keys=2
            )
        return (), (finish(raw[:, :k], metric), found[:, :k])

    block = max(8, min(256, _BLOCK // n))
    return fold_rows(step, (), (queries,), block=block)[1]


@partial(jax.jit, static_argnames=("most", "metric"))
def core_distances(
    queries: Float[Array, "m d"],
    rows: Float[Array, "n d"],
    weights: Float[Array, " n"],
    samples: Float[ArrayLike, ""],
    most: int,
    metric: str = "euclidean",
) -> Float[Array, " m"]:
    """Distance at which the rows around a query, itself where it is one, weigh `samples` or more.

    A row that is present weighs at least 1 here, so that the nearest `most` ≥ `samples` rows are
    enough. Infinite where all rows together are too few.
    """
    distances, near = k_nearest(queries, rows, most, weights > 0, metric)
    return reached(distances, near, weights, samples)


def reached(
    distances: Float[Array, "m k"],
    near: Int[Array, "m k"],
    weights: Float[Array, " n"],
    samples: Float[ArrayLike, ""],
) -> Float[Array, " m"]:
    """Distance at which the nearest rows weigh `samples`, each no less than 1; else infinite."""
    mass = jnp.cumsum(jnp.maximum(weights, 1)[near], axis=1)
    enough = (mass >= samples) & (distances < jnp.inf)
    return jnp.min(jnp.where(enough, distances, jnp.inf), axis=1)


def nearest_reachable(
    queries: Float[Array, "m d"],
    rows: Float[Array, "n d"],
    core: Float[Array, " m"],
    core_rows: Float[Array, " n"],
    metric: str,
    alpha: Float[Array, ""],
) -> tuple[Float[Array, " m"], Int[Array, " m"]]:
    """For each query, the smallest max(core, core of the row, distance / alpha), and its row.

    Of equal ones that of the nearest row, then the first; rows of infinite core distance never.
    Cost O(m n d); peak extra memory O(m + n d + a block of 2²¹ distances).
    """
    n, columns = rows.shape[0], rows.T

    def step(carry: tuple[()], valid: Array, q: Array, c: Array) -> tuple[tuple[()], tuple]:
        raw = raw_distances(q.T[:, :, None], columns[:, None, :], metric)
        gap = finish(raw, metric) / alpha
        edge = jnp.maximum(jnp.maximum(gap, core_rows[None, :]), c[:, None])
        least = jnp.min(edge, axis=1)
        return (), (least, first_min(jnp.where(edge <= least[:, None], gap, jnp.inf))[1])

    block = max(8, min(256, _BLOCK // n))
    return fold_rows(step, (), (queries, core), block=block)[1]
