"""Nearest rows of another set: a generator that copies stands too near to its training set."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from .._checks import check_count, check_rows
from .._linalg import block_size, first_min, fold_rows, squared_distances
from .._sharding import replicate, row_sharding
from .._typing import Array, ArrayLike, Bool, Float, Int
from ._pair import Layout, by_rows


def nearest_neighbors(
    queries: Float[ArrayLike, "m d"], x: Float[ArrayLike, "n d"], *, k: int | None = None
) -> tuple[Float[Array, "m *k"], Int[Array, "m *k"]]:
    """For each query, the Euclidean distance to the nearest rows of `x`, and which rows those are.

    Cost O(m n d); peak extra memory O(m k + a block of rows). Queries may be sharded; each device
    then holds all of `x`.

    Args:
      queries: (m, d).
      x: (n, d).
      k: how many rows, nearest first; None finds the nearest one alone. Static.

    Returns:
      Distances in the units of `x`, and row numbers int32, of equally near ones the first; (m, k)
      each, or (m,) where k is None.

    Raises:
      ValueError: when the two have different numbers of columns, or x has fewer than k rows.

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
    if k is not None:
        k = check_count(k, "k", high=len(x))
    mesh, x = row_sharding(queries) or row_sharding(x), x.astype(queries.dtype)
    rows = queries if row_sharding(queries) else replicate(queries, mesh)
    numbers = jnp.arange(len(queries), dtype=jnp.int32)
    # Each device compares its own queries with all rows.
    found = by_rows(partial(_nearest, k=k or 1), rows, numbers, (x,), among=mesh, out=(True, True))
    return found if k else (found[0][:, 0], found[1][:, 0])


@partial(jax.jit, static_argnames=("layout", "k"))
def _nearest(
    queries: Array, numbers: Array, x: Array, *, layout: Layout, k: int
) -> tuple[Array, Array]:
    return layout.over(partial(_solve, k=k), 1, 1, (True, True))(queries, x)


def _solve(queries: Array, x: Array, *, k: int) -> tuple[Array, Array]:
    origin = jnp.mean(x, axis=0, keepdims=True)
    index = jnp.arange(x.shape[0], dtype=jnp.int32)
    block = min(block_size(x.shape[0], k * x.shape[1] + 1024), x.shape[0])

    def query_step(
        carry: tuple[()], valid: Bool[Array, " b"], q: Array
    ) -> tuple[tuple[()], tuple[Array, Array]]:
        def row_step(
            best: tuple[Array, Array], valid: Bool[Array, " b"], rows: Array, number: Array
        ) -> tuple[tuple[Array, Array], tuple[()]]:
            squared = squared_distances(q - origin, rows - origin)
            if k == 1:
                least, place = (a[:, None] for a in first_min(squared))
            else:
                least, place = lax.top_k(
                    -jnp.where(valid[None, :], squared, jnp.inf), min(k, block)
                )
                least = -least
            # Stable, so that of equally near rows the first stays before the others.
            both = [
                jnp.concatenate([best[0], least], 1),
                jnp.concatenate([best[1], number[place]], 1),
            ]
            far, rows = lax.sort(both, dimension=1)
            return (far[:, :k], rows[:, :k]), ()

        start = jnp.full((len(q), k), jnp.inf, q.dtype), jnp.zeros((len(q), k), jnp.int32)
        (_, place), _ = fold_rows(row_step, start, (x, index), block=block)
        # The expanded square loses digits where the distance is small against the rows, which is
        # just where copying shows: measure the distance to the winners directly.
        far = jnp.sqrt(jnp.sum((q[:, None] - x[place]) ** 2, axis=2))
        far, place = lax.sort([far, place], dimension=1, num_keys=2)
        return (), (far, place)

    return fold_rows(query_step, (), (queries,), block=block)[1]
