"""Nearest rows of another set: a generator that copies stands too near to its training set."""

from functools import partial

import jax
import jax.numpy as jnp

from .._checks import check_rows
from .._linalg import block_size, first_min, fold_rows, squared_distances
from .._sharding import replicate, row_sharding
from .._typing import Array, ArrayLike, Bool, Float, Int
from ._pair import Layout, by_rows


def nearest_neighbors(
    queries: Float[ArrayLike, "m d"], x: Float[ArrayLike, "n d"]
) -> tuple[Float[Array, " m"], Int[Array, " m"]]:
    """For each query, the Euclidean distance to the nearest row of `x`, and which row that is.

    Cost O(m n d); peak extra memory O(m + a block of rows). Queries may be sharded; each device
    then holds all of `x`.

    Args:
      queries: (m, d).
      x: (n, d).

    Returns:
      Distances (m,) in the units of `x`, and row numbers (m,) int32, the first of equally near.

    Raises:
      ValueError: when the two have different numbers of columns.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax import metrics
      >>> distance, row = metrics.nearest_neighbors(jnp.array([[0.9]]), jnp.array([[5.0], [0.0]]))
      >>> round(float(distance[0]), 3), int(row[0])
      (0.9, 1)
    """
    queries, x = check_rows(queries, "queries"), check_rows(x)
    if queries.shape[1] != x.shape[1]:
        raise ValueError(f"queries have {queries.shape[1]} columns but x has {x.shape[1]}")
    mesh, x = row_sharding(queries) or row_sharding(x), x.astype(queries.dtype)
    rows = queries if row_sharding(queries) else replicate(queries, mesh)
    numbers = jnp.arange(len(queries), dtype=jnp.int32)
    # Each device compares its own queries with all rows.
    return by_rows(_nearest, rows, numbers, (x,), among=mesh, out=(True, True))


@partial(jax.jit, static_argnames="layout")
def _nearest(queries: Array, numbers: Array, x: Array, *, layout: Layout) -> tuple[Array, Array]:
    return layout.over(_solve, 1, 1, (True, True))(queries, x)


def _solve(queries: Array, x: Array) -> tuple[Array, Array]:
    origin = jnp.mean(x, axis=0, keepdims=True)
    index = jnp.arange(x.shape[0], dtype=jnp.int32)
    block = block_size(x.shape[0], x.shape[1] + 1024)

    def query_step(
        carry: tuple[()], valid: Bool[Array, " b"], q: Array
    ) -> tuple[tuple[()], tuple[Array, Array]]:
        def row_step(
            best: tuple[Array, Array], valid: Bool[Array, " b"], rows: Array, number: Array
        ) -> tuple[tuple[Array, Array], tuple[()]]:
            squared, place = first_min(squared_distances(q - origin, rows - origin))
            wins = squared < best[0]
            return (jnp.where(wins, squared, best[0]), jnp.where(wins, number[place], best[1])), ()

        start = (jnp.full(q.shape[:1], jnp.inf, q.dtype), jnp.zeros(q.shape[:1], jnp.int32))
        (_, place), _ = fold_rows(row_step, start, (x, index), block=block)
        # The expanded square loses digits where the distance is small against the rows, which is
        # just where copying shows: measure the distance to the winner directly.
        return (), (jnp.sqrt(jnp.sum((q - x[place]) ** 2, axis=1)), place)

    return fold_rows(query_step, (), (queries,), block=block)[1]
