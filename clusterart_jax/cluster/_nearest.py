"""The nearest centre of each row: the inner loop of k-means and its kin."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from .._checks import check_rows
from .._linalg import (
    HIGHEST,
    block_size,
    first_min,
    fold_rows,
    moments,
    round_origin,
    squared_norms,
)
from .._sharding import RowSharding, over_rows, replicate, rows_back, spread_rows
from .._typing import Array, ArrayLike, Bool, Float, Int

_GROUP = 16  # centres whose scores are compared in one vectorised loop on a CPU
_CACHE = 2**17  # floats of a tile and its scores together: they stay in a core's own cache


def tile_size(n: int, width: int) -> int:
    """Rows to read at once, where each needs `width` numbers with its scores; equal tiles of n."""
    if jax.default_backend() != "cpu":
        return block_size(n, width)
    tiles = -(-n // max(128, min(2048, _CACHE // width)))
    return -(-n // tiles)


def nearest_two(
    x: Float[Array, "b d"], centers: Float[Array, "k d"], norms: Float[Array, " k"]
) -> tuple[Float[Array, " b"], Float[Array, " b"], Int[Array, " b"]]:
    """Scores |c|² − 2 x·c of the nearest and the second nearest centre, and which is nearest.

    For comparing: without derivatives.

    The score is |x − c|² without |x|², which is the same for all centres and costs digits. The
    first of equally near centres wins; the second score is infinite where k is 1. `norms` are the
    squared norms of the centres; a centre whose norm is infinite is never near.
    """
    given = lax.stop_gradient((x, centers, norms))  # reductions of pairs have no derivative
    return lax.platform_dependent(*given, cpu=_two_by_column, default=_two_by_row)


def nearest_one(
    x: Float[Array, "b d"], centers: Float[Array, "k d"], norms: Float[Array, " k"]
) -> tuple[Float[Array, " b"], Int[Array, " b"]]:
    """Score |c|² − 2 x·c of the nearest centre, and which it is; the first of equally near ones."""
    given = lax.stop_gradient((x, centers, norms))
    return lax.platform_dependent(*given, cpu=_one_by_column, default=_one_by_row)


def _one_by_row(x: Array, centers: Array, norms: Array) -> tuple[Array, Array]:
    return first_min(_row_scores(x, centers, norms))


def _two_by_row(x: Array, centers: Array, norms: Array) -> tuple[Array, Array, Array]:
    scores = _row_scores(x, centers, norms)
    smallest, label = first_min(scores)
    columns = lax.broadcasted_iota(jnp.int32, scores.shape, 1)
    others = jnp.where(columns == label[:, None], jnp.inf, scores)
    return smallest, jnp.min(others, axis=1), label


def _row_scores(x: Array, centers: Array, norms: Array) -> Array:
    product = jnp.matmul(x, centers.T, precision=HIGHEST)
    return norms[None, :] - 2 * product


# On a CPU a reduction along the rows' own axis vectorises over rows, but only as long as few
# values are reduced, and only with plain comparisons: 0.2 ns a score, where the minima along a
# row take 1 ns. (`jnp.minimum` has rules for NaN that cost three times the comparison.)


def _one_by_column(x: Array, centers: Array, norms: Array) -> tuple[Array, Array]:
    scores, column = _grouped_scores(x, centers, norms)

    def first(a: tuple[Array, Array], b: tuple[Array, Array]) -> tuple[Array, Array]:
        wins = b[0] < a[0]
        return jnp.where(wins, b[0], a[0]), jnp.where(wins, b[1], a[1])

    worst = (jnp.array(jnp.inf, x.dtype), jnp.int32(0))
    groups = lax.reduce((scores, column), worst, first, (1,))
    found = lax.reduce(groups, worst, first, (0,))
    return found[0], found[1]


def _two_by_column(x: Array, centers: Array, norms: Array) -> tuple[Array, Array, Array]:
    scores, column = _grouped_scores(x, centers, norms)

    def first_two(
        a: tuple[Array, Array, Array], b: tuple[Array, Array, Array]
    ) -> tuple[Array, Array, Array]:
        wins = b[0] < a[0]
        second = jnp.where(
            wins, jnp.where(a[0] < b[1], a[0], b[1]), jnp.where(b[0] < a[1], b[0], a[1])
        )
        return jnp.where(wins, b[0], a[0]), second, jnp.where(wins, b[2], a[2])

    far = jnp.array(jnp.inf, x.dtype)
    worst = (far, far, jnp.int32(0))
    groups = lax.reduce((scores, jnp.full_like(scores, jnp.inf), column), worst, first_two, (1,))
    found = lax.reduce(groups, worst, first_two, (0,))
    return found[0], found[1], found[2]


def _grouped_scores(x: Array, centers: Array, norms: Array) -> tuple[Array, Array]:
    """Scores (groups, centres of a group, b), and the number of the centre of each."""
    k = centers.shape[0]
    groups = -(-k // _GROUP)
    size = -(-k // groups)
    if groups * size > k:  # padded by a gather: what follows `jnp.pad` ran five times as long
        places = jnp.arange(groups * size, dtype=jnp.int32)
        norms = jnp.where(places < k, norms[jnp.minimum(places, k - 1)], jnp.inf)
        centers = centers[jnp.minimum(places, k - 1)]
    scores = norms[:, None] - 2 * jnp.matmul(centers, x.T, precision=HIGHEST)
    # Computed once and stored: fused into the reduction it would lose the vector loop.
    scores = lax.optimization_barrier(scores.reshape(groups, size, x.shape[0]))
    first = lax.broadcasted_iota(jnp.int32, scores.shape, 0) * jnp.int32(size)
    return scores, first + lax.broadcasted_iota(jnp.int32, scores.shape, 1)


def nearest_rows(centers: Array, norms: Array, x: Array, origin: Array) -> tuple[Array, Array]:
    """Nearest centre (relative to `origin`) of each row, and the squared distance to it."""

    def step(
        carry: tuple[()], valid: Bool[Array, " b"], x: Array
    ) -> tuple[tuple[()], tuple[Array, Array]]:
        x = x - origin
        _, labels = nearest_one(x, centers, norms)
        # Expanded squares lose all digits of tight clusters that lie far apart: measure directly.
        return (), (labels, squared_norms(x - centers[labels]))

    block = tile_size(x.shape[0], x.shape[1] + centers.shape[0])
    return fold_rows(step, (), (x,), block=block)[1]


def nearest_centers(
    x: Float[ArrayLike, "n d"], centers: Float[ArrayLike, "k d"]
) -> tuple[Int[Array, " n"], Float[Array, " n"]]:
    """The nearest centre of each row, the first of equally near ones, and the distance to it.

    Cost O(n d k); peak extra memory O(n).

    Args:
      x: rows (n, d).
      centers: (k, d), as from `kmeans`.

    Returns:
      Labels (n,) int32, and Euclidean distances (n,) in the units of `x`.

    Raises:
      ValueError: when the two have different numbers of columns.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax.cluster import nearest_centers
      >>> labels, distances = nearest_centers(jnp.array([[3.0, 4.0]]), jnp.array([[0.0, 0.0]]))
      >>> int(labels[0]), float(distances[0])
      (0, 5.0)
    """
    x, centers = check_rows(x), check_rows(centers, "centers")
    if x.shape[1] != centers.shape[1]:
        raise ValueError(f"x has {x.shape[1]} columns but centers have {centers.shape[1]}")
    rows, _, sharding = spread_rows(x, jnp.ones(x.shape[:1], x.dtype))
    centers = replicate(centers.astype(x.dtype), sharding)
    found = _nearest_centers(rows, centers, sharding=sharding)
    return rows_back(found, (True, True), x, sharding)


@partial(jax.jit, static_argnames="sharding")
def _nearest_centers(
    x: Array, centers: Array, *, sharding: RowSharding | None
) -> tuple[Array, Array]:
    def solve(x: Array, centers: Array) -> tuple[Array, Array]:
        there = jnp.all(jnp.isfinite(centers), axis=1)
        mean, variance = moments(jnp.where(there[:, None], centers, 0), there.astype(x.dtype))
        origin = round_origin(mean, variance)[None]
        centers = jnp.where(there[:, None], centers - origin, 0)
        norms = jnp.where(there, squared_norms(centers), jnp.inf)
        labels, squared = nearest_rows(centers, norms, x, origin)
        return labels, jnp.sqrt(squared)

    return over_rows(solve, sharding, rows_in=(True, False), rows_out=(True, True))(x, centers)
