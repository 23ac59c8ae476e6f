"""Balls around rows, as far as the k-th nearest other row, and which other rows lie in them."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from .._linalg import HIGHEST, block_size, fold_rows, squared_norms, weighted_mean
from .._typing import Array, Bool, Float, Int
from ._pair import Layout

_DIRECT = 8  # columns up to which differences cost less than the product and its checks


@partial(jax.jit, static_argnames=("k", "layout"))
def radii(
    rows: Float[Array, "m d"],
    numbers: Int[Array, " m"],
    x: Float[Array, "n d"],
    weights: Float[Array, " n"],
    *,
    k: int,
    layout: Layout,
) -> Float[Array, " m"]:
    """Squared distance of each row to its k-th nearest other row.

    Args:
      rows: (m, d), those of `x` that lie on a device.
      numbers: (m,) which of `x` they are.
      x: all rows (n, d), n > k.
      weights: (n,) how many rows each stands for; its own copies are other rows, too.
      k: static.
      layout: of `rows`.

    Returns:
      (m,); ∞ where there are fewer than k others.
    """
    run = layout.over(partial(_solve_radii, k=k), 2, 2, True)
    return run(rows, numbers, x, weights)


@partial(jax.jit, static_argnames=("surface", "layout"))
def held(
    queries: Float[Array, "m d"],
    own: Float[Array, " m"],
    x: Float[Array, "n d"],
    weights: Float[Array, " n"],
    limits: Float[Array, " n"],
    *,
    surface: bool,
    layout: Layout,
) -> Float[Array, " m"]:
    """Σ wᵢ over the rows whose distance to each query is within a limit.

    Distances that differ by no more than rounding count as equal.

    Args:
      queries: (m, d).
      own: (m,) squared limit of each query, or 0 where the limits are those of `x`.
      x: rows (n, d).
      weights: (n,).
      limits: (n,) squared limit of each row, or 0.
      surface: whether a distance equal to the limit is within.
      layout: of `queries`.
    """
    run = layout.over(partial(_solve_held, surface=surface), 2, 3, True)
    return run(queries, own, x, weights, limits)


def _block(x: Array) -> int:
    return block_size(x.shape[0], x.shape[1] + 1024)


def _squares(x: Float[Array, "b d"], y: Float[Array, "c d"]) -> tuple[Array, Array]:
    """Expanded squares of all pairs, and |x|² + |y|², to which their rounding is relative."""
    size = squared_norms(x)[:, None] + squared_norms(y)[None]
    return jnp.maximum(size - 2 * jnp.matmul(x, y.T, precision=HIGHEST), 0), size


def _or_direct(squared: Array, doubtful: Array, x: Array, y: Array) -> Array:
    """Squared distances of a tile: from differences, where an expanded square tells too little."""
    if x.shape[1] <= _DIRECT:
        return _direct(x, y)
    return lax.cond(jnp.any(doubtful), lambda: _direct(x, y), lambda: squared)


def _direct(x: Float[Array, "b d"], y: Float[Array, "c d"]) -> Float[Array, "b c"]:
    """Squared distances from differences, one column after the other."""

    def add(sums: Array, column: tuple[Array, Array]) -> tuple[Array, None]:
        return sums + (column[0][:, None] - column[1][None]) ** 2, None

    zeros = jnp.zeros((len(x), len(y)), x.dtype)
    return lax.scan(add, zeros, (x.T, y.T), unroll=_DIRECT)[0]


def _solve_radii(rows: Array, numbers: Array, x: Array, weights: Array, *, k: int) -> Array:
    origin = weighted_mean(x, weights)[None]
    coarse = float(jnp.finfo(x.dtype).eps) ** 0.5
    places = jnp.arange(x.shape[0], dtype=jnp.int32)

    def query_step(
        carry: tuple[()], valid: Bool[Array, " b"], q: Array, own: Array
    ) -> tuple[tuple[()], Array]:
        def row_step(
            best: tuple[Array, Array], valid: Bool[Array, " c"], y: Array, place: Array, w: Array
        ) -> tuple[tuple[Array, Array], tuple[()]]:
            other = own[:, None] != place[None]
            squared, size = _squares(q - origin, y - origin)
            lost = other & (squared < coarse * size)
            squared = _or_direct(squared, lost, q, y)
            near = jnp.where(other & (valid & (w > 0))[None], squared, jnp.inf)
            near = jnp.concatenate([best[0], near], axis=1)
            among = jnp.concatenate([best[1], jnp.broadcast_to(place[None], other.shape)], axis=1)
            nearest, order = lax.top_k(-near, k)
            return (-nearest, jnp.take_along_axis(among, order, axis=1)), ()

        start = jnp.full((len(q), k), jnp.inf, q.dtype), jnp.zeros((len(q), k), jnp.int32)
        (squared, place), _ = fold_rows(row_step, start, (x, places, weights), block=_block(x))
        # The expanded square has lost some digits: those k are measured again.
        again = jnp.sum((q[:, None] - x[place]) ** 2, axis=2)
        squared = jnp.where(jnp.isinf(squared), jnp.inf, again)
        order = jnp.argsort(squared, axis=1)
        squared, place = (jnp.take_along_axis(a, order, axis=1) for a in (squared, place))
        copies = weights[own][:, None] - 1
        enough = jnp.cumsum(weights[place], axis=1) + copies >= k
        radius = jnp.min(jnp.where(enough, squared, jnp.inf), axis=1)
        return (), jnp.where(copies[:, 0] >= k, 0, radius)

    return fold_rows(query_step, (), (rows, numbers), block=_block(x))[1]


def _solve_held(
    queries: Array, own: Array, x: Array, weights: Array, limits: Array, *, surface: bool
) -> Array:
    origin = weighted_mean(x, weights)[None]
    rounding = float(jnp.finfo(x.dtype).eps) * (8 + 2 * x.shape[1] ** 0.5)

    def query_step(
        carry: tuple[()], valid: Bool[Array, " b"], q: Array, own: Array
    ) -> tuple[tuple[()], Array]:
        def row_step(
            sums: Array, valid: Bool[Array, " c"], y: Array, w: Array, limit: Array
        ) -> tuple[Array, tuple[()]]:
            limit = limit[None] + own[:, None]  # one of the two is 0
            edge = limit * (1 + rounding if surface else 1 - rounding)
            squared, size = _squares(q - origin, y - origin)
            squared = _or_direct(squared, jnp.abs(squared - edge) <= rounding * size, q, y)
            inside = squared <= edge if surface else squared < edge
            return sums + jnp.sum(jnp.where(inside, jnp.where(valid, w, 0)[None], 0), axis=1), ()

        zeros = jnp.zeros(q.shape[:1], q.dtype)
        return (), fold_rows(row_step, zeros, (x, weights, limits), block=_block(x))[0]

    return fold_rows(query_step, (), (queries, own), block=_block(x))[1]
