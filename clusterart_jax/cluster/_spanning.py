"""Minimum spanning tree of rows by distance, or by mutual reachability, without n × n numbers."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from .._linalg import first_min
from .._typing import Array, ArrayLike, Bool, Float, Int
from ._neighbors import embed, finish, raw_distances


class SpanningTree(NamedTuple):
    """The n − 1 edges of a tree over n rows, in the order in which they were found.

    Attributes:
      first: (n − 1,) int32, the end of each edge that is nearer to the first row along the tree.
      second: (n − 1,) int32, the other end.
      distance: (n − 1,) length of each edge; infinite for those to absent rows, which come last.
    """

    first: Int[Array, " n-1"]
    second: Int[Array, " n-1"]
    distance: Float[Array, " n-1"]


@partial(jax.jit, static_argnames="metric")
def spanning_tree(
    x: Float[Array, "n d"],
    core: Float[Array, " n"] | None = None,
    *,
    present: Bool[Array, " n"] | None = None,
    metric: str = "euclidean",
    alpha: float | Float[ArrayLike, ""] = 1.0,
) -> SpanningTree:
    """Minimum spanning tree of max(coreᵢ, coreⱼ, dᵢⱼ / alpha) by Prim's algorithm.

    The tree grows from the first row that is present, by the row that is nearest to it: of equally
    near rows the first, and of equally near rows in the tree that which joined first. Distances are
    sums of differences, never expanded squares.

    Cost O(n² d), n − 1 passes over the rows; peak extra memory one copy of the rows and O(n).

    Args:
      x: rows (n, d), not yet `embed`ded.
      core: (n,) distances ≥ 0 below which no edge of a row is; none where None.
      present: (n,) whether a row is there; all are where None.
      metric: "euclidean", "manhattan", "chebyshev", "cosine", or "precomputed" where `x` holds the
        distances (n, n). Static.
      alpha: what distances are divided by.

    Returns:
      A `SpanningTree`.

    References:
      Prim, Shortest connection networks and some generalizations, 1957,
      doi:10.1002/j.1538-7305.1957.tb01515.x.
    """
    n = x.shape[0]
    if n == 1:
        none = jnp.zeros(0, jnp.int32)
        return SpanningTree(none, none, jnp.zeros(0, x.dtype))
    columns = embed(x, metric).T
    here = jnp.ones(n, bool) if present is None else present
    start = jnp.int32(0) if present is None else jnp.argmax(present).astype(jnp.int32)
    core = jnp.zeros(n, x.dtype) if core is None else core.astype(x.dtype)
    alpha = jnp.asarray(alpha).astype(x.dtype)
    # Rows in the tree are at infinity, so that what cannot be reached is a little nearer.
    far = jnp.asarray(jnp.finfo(x.dtype).max, x.dtype)
    slack = jnp.asarray(1 + 16 * jnp.finfo(x.dtype).eps, x.dtype)
    floor = jnp.where(here, jnp.minimum(core, far), far)
    rows = jnp.arange(n, dtype=jnp.int32)

    def grow(i: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
        current, reach, source, first, second, distance = state
        at = lax.dynamic_slice_in_dim(columns, current, 1, axis=1)
        if metric == "precomputed":
            gap = at[:, 0] / alpha
        else:
            gap = finish(raw_distances(columns, at, metric), metric) / alpha
        least = jnp.maximum(floor, floor[current])
        # What is a core distance but for rounding is one: else how a program was compiled would
        # tell edges apart that are equally long.
        edge = jnp.where(gap <= least * slack, least, gap)
        reach = jnp.where(rows == current, jnp.inf, reach)
        nearer = (edge < reach) & (reach < jnp.inf)
        reach = jnp.where(nearer, edge, reach)
        source = jnp.where(nearer, current, source)
        least, place = first_min(reach[None])
        least, place = least[0], place[0]
        return (
            place,
            reach,
            source,
            first.at[i].set(source[place]),
            second.at[i].set(place),
            distance.at[i].set(least),
        )

    none = jnp.zeros(n - 1, jnp.int32)
    state = (
        start,
        jnp.full(n, far),
        jnp.full(n, start),
        none,
        none,
        jnp.zeros(n - 1, x.dtype),
    )
    _, _, _, first, second, distance = lax.fori_loop(jnp.int32(0), jnp.int32(n - 1), grow, state)
    return SpanningTree(first, second, jnp.where(distance < far, distance, jnp.inf))
