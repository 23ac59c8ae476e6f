"""How far rows lie from clusters: mean distances, from which silhouettes are made."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from .._linalg import HIGHEST, fold_rows, squared_norms
from .._sharding import RowSharding, over_rows
from .._typing import Array, Bool, Float, Int
from ._groups import group_means, group_moments

METRICS = ("euclidean", "manhattan", "sqeuclidean", "cosine")

_DIRECT = 8  # columns up to which differences cost less than the product and its checks


class Reach(NamedTuple):
    """Mean distance of each row to its own and to the nearest other cluster.

    Attributes:
      own: (n,) to the other rows of its cluster; 0 where there are none.
      other: (n,) to the rows of another cluster, the least over clusters; ∞ where there are none.
      alone: (n,) whether no other row is in its cluster.
    """

    own: Float[Array, " n"]
    other: Float[Array, " n"]
    alone: Bool[Array, " n"]


ROWS_OUT = Reach._make((True,) * 3)


@partial(jax.jit, static_argnames=("k", "metric", "sharding"))
def reach(
    rows: Float[Array, "m d"],
    labels: Int[Array, " m"],
    x: Float[Array, "n d"],
    x_labels: Int[Array, " n"],
    x_weights: Float[Array, " n"],
    *,
    k: int,
    metric: str,
    sharding: RowSharding | None,
) -> Reach:
    """`Reach` of each device's `rows` among all rows `x`; rows labelled −1 are absent.

    Each pair is seen from both its ends. Seeing it once would halve the arithmetic, but then the
    devices had to add up n numbers for each cluster instead of nothing.
    """
    solve = partial(_solve, k=k, metric=metric, axis=None if sharding is None else sharding.axis)
    rows_in = (True, True, False, False, False)
    return over_rows(solve, sharding, rows_in=rows_in, rows_out=ROWS_OUT)(
        rows, labels, x, x_labels, x_weights
    )


def _solve(
    rows: Array,
    labels: Array,
    x: Array,
    x_labels: Array,
    x_weights: Array,
    *,
    k: int,
    metric: str,
    axis: Any,
) -> Reach:
    if metric == "cosine":
        rows, x = _directions(rows), _directions(x)
    weights = jnp.where(x_labels >= 0, x_weights, 0)
    # From a cluster's own mean, expanded squares keep the digits of a tight cluster, however far
    # it lies from the others, or all of them from zero.
    mass, origin = group_means(x, x_labels, weights, k, None)
    if metric in ("sqeuclidean", "cosine"):
        sums = _sums_of_squares(x, x_labels, weights, origin, 0.5 if metric == "cosine" else 1.0)
    else:
        sums = _sums_of_distances(x, x_labels, weights, origin, metric)
    first = jnp.int32(0) if axis is None else lax.axis_index(axis) * rows.shape[0]
    numbers = first + jnp.arange(rows.shape[0], dtype=jnp.int32)

    def step(
        carry: tuple[()], valid: Bool[Array, " b"], x: Array, labels: Array, number: Array
    ) -> tuple[tuple[()], Reach]:
        x = x.T  # what is summed over pairs then runs along vectors, which a row's sum does not

        def cluster(c: Array, best: tuple[Array, Array]) -> tuple[Array, Array]:
            own, other = best
            distances = sums(c, x - origin[c][:, None], number)
            mine, full, more = labels == c, mass[c] > 0, mass[c] > 1
            inside = jnp.where(more, distances / jnp.where(more, mass[c] - 1, 1), 0)
            mean = jnp.where(full & ~mine, distances / jnp.where(full, mass[c], 1), jnp.inf)
            return jnp.where(mine, inside, own), jnp.minimum(other, mean)

        start = (jnp.zeros_like(x[0]), jnp.full_like(x[0], jnp.inf))
        own, other = lax.fori_loop(jnp.int32(0), jnp.int32(k), cluster, start)
        return (), Reach(own, other, mass[jnp.maximum(labels, 0)] <= 1)

    return fold_rows(step, (), (rows, labels, numbers), block=_tile()[0])[1]


def _directions(x: Array) -> Array:
    """Rows of length 1, half of whose squared distances are cosine distances.

    A row of zeros has no direction: it gets one of its own, at distance 1 from every other.
    """
    top = jnp.max(jnp.abs(x), axis=1, keepdims=True)
    x = x / jnp.where(top > 0, top, 1)  # squares of small numbers would vanish
    length = jnp.sqrt(squared_norms(x))[:, None]
    return jnp.concatenate([x / jnp.where(top > 0, length, 1), (top == 0).astype(x.dtype)], axis=1)


Sums = Callable[[Array, Array, Array], Array]
"""(cluster c, rows (d, b) relative to its origin, their numbers) → Σⱼ wⱼ · distance to j in c."""


def _sums_of_squares(x: Array, labels: Array, weights: Array, origin: Array, scale: float) -> Sums:
    """Σⱼ wⱼ |x − xⱼ|² from the moments of the cluster: no pairs."""
    mass, first, second = group_moments(x, labels, weights, origin, None)

    def sums(c: Array, x: Array, number: Array) -> Array:
        # The first moment is not quite 0: the origin is rounded, by much where it is far off.
        cross = jnp.matmul(first[c], x, precision=HIGHEST)
        return scale * (mass[c] * jnp.sum(x * x, axis=0) - 2 * cross + second[c])

    return sums


def _tile() -> tuple[int, int]:
    """Rows and columns of a tile of pairs.

    On a CPU 128 KiB, which stay in the second cache and with one thread. XLA splits the sums of
    larger ones among threads, whose bookkeeping with several devices grows with every turn: by
    half a gigabyte at 200,000 rows.
    """
    return (256, 128) if jax.default_backend() == "cpu" else (8192, 2048)


def _sums_of_distances(x: Array, labels: Array, weights: Array, origin: Array, metric: str) -> Sums:
    """Σⱼ wⱼ |x − xⱼ| over tiles of pairs, whose columns are of one cluster.

    With all rows in the order of their clusters, a cluster is a run of tiles, and its sum needs
    neither a product with one-hot labels, which for many clusters costs more than the distances,
    nor a number for each row and cluster.
    """
    (n, d), k = x.shape, origin.shape[0]
    group = jnp.where(labels >= 0, labels, k)
    order = jnp.argsort(group, stable=True).astype(jnp.int32)
    x = x[order] - origin[jnp.minimum(group[order], k - 1)]
    norms, weights = squared_norms(x), weights[order]
    ends = jnp.cumsum(jnp.zeros(k + 1, jnp.int32).at[group].add(1))
    starts = jnp.concatenate([jnp.zeros(1, jnp.int32), ends[:-1]])
    width = 2 ** max(4, (n // k).bit_length() - 1)  # small clusters leave much of a tile empty
    width = min(n, width, _tile()[1])
    always_direct = metric == "manhattan" or d <= _DIRECT
    near = jnp.asarray(jnp.finfo(x.dtype).eps ** 0.5, x.dtype)

    def sums(c: Array, rows: Array, number: Array) -> Array:
        rows_norms = jnp.sum(rows * rows, axis=0)

        def tile(i: Array, distances: Array, *, careful: bool) -> Array:
            begin = starts[c] + i * width
            first = jnp.minimum(begin, n - width)
            columns, w, squares, other = (
                lax.dynamic_slice_in_dim(a, first, width) for a in (x, weights, norms, order)
            )
            place = first + jnp.arange(width, dtype=jnp.int32)
            w = jnp.where((place >= begin) & (place < ends[c]), w, 0)

            def direct() -> Array:
                return jnp.sum(w[:, None] * _distances(columns, rows, metric), axis=0)

            if always_direct:
                return distances + direct()
            product = jnp.matmul(columns, rows, precision=HIGHEST)
            squared = squares[:, None] + rows_norms[None] - 2 * product
            # The expanded square of a near pair has lost its digits: its tile becomes NaN. Only a
            # row and itself, which are near for certain, are told by their numbers.
            lost = squared < near * squares[:, None] + near * rows_norms[None]
            value = jnp.where(lost, jnp.nan, jnp.sqrt(squared))
            value = jnp.where(other[:, None] == number[None], 0, value)
            found = jnp.sum(w[:, None] * value, axis=0)
            if careful:
                found = lax.cond(jnp.isnan(jnp.min(found)), direct, lambda: found)
            return distances + found

        def over_tiles(careful: bool) -> Array:
            count = (ends[c] - starts[c] + width - 1) // width
            step = partial(tile, careful=careful)
            return lax.fori_loop(jnp.int32(0), count, step, jnp.zeros_like(rows_norms))

        found = over_tiles(False)
        if always_direct:
            return found
        # Looked for once a cluster: once a tile costs a tenth of the time, and is seldom needed.
        return lax.cond(jnp.isnan(jnp.min(found)), lambda: over_tiles(True), lambda: found)

    return sums


def _distances(columns: Float[Array, "t d"], rows: Float[Array, "d b"], metric: str) -> Array:
    """Distances (t, b) from differences, one dimension after the other."""

    def add(sums: Array, pair: tuple[Array, Array]) -> tuple[Array, None]:
        difference = pair[0][:, None] - pair[1][None]
        return sums + (jnp.abs(difference) if metric == "manhattan" else difference**2), None

    zeros = jnp.zeros((columns.shape[0], rows.shape[1]), rows.dtype)
    sums = lax.scan(add, zeros, (columns.T, rows), unroll=_DIRECT)[0]
    return sums if metric == "manhattan" else jnp.sqrt(sums)
