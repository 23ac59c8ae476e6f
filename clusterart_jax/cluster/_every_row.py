"""No bounds: every row is compared with every centre, but only rows that changed are summed anew.

Cost O(n d k) an iteration, extra memory O(n). What it saves beside `lloyd_plain` is the second
reading of the rows, and with it the need for tiles that stay in cache: centred rows are read where
they lie, and few of them are copied.
"""

import jax
import jax.numpy as jnp
from jax import lax

from .._linalg import compact, fold_rows
from .._typing import Array, Bool
from ._lloyd import Bounds, Problem, State, live_norms
from ._moves import add_moves
from ._nearest import nearest_one, tile_size

_BLOCK = 2**13  # numbers of rows that changed and are gathered at once
_MANY = 4  # where one row in so many changed, all are summed in order (measured)
_SCORES = 2**20  # numbers: with no more of them, rows that need not be centred are one tile


def every_row_pays(d: int) -> bool:
    """Whether listing rows that changed costs less than summing all of them (measured)."""
    return jax.default_backend() == "cpu" and d > 4


def _start(centers: Array, p: Problem) -> tuple[()]:
    return ()


def _age(known: tuple[()], shift: Array) -> tuple[()]:
    return known


def _reassign(s: State, known: tuple[()], p: Problem) -> tuple[Array, tuple[()], Array, Array]:
    n, d = p.x.shape
    k = s.centers.shape[0]
    norms = live_norms(s.centers, p)

    def step(carry: tuple[()], valid: Bool[Array, " b"], x: Array) -> tuple[tuple[()], Array]:
        return (), nearest_one(x - p.origin, s.centers, norms)[1]

    centred = isinstance(p.origin, float)
    block = n if centred and n * k <= _SCORES else tile_size(n, d + k)
    labels = fold_rows(step, (), (p.x,), block=block)[1]
    moved = (labels != s.labels) & (p.weights > 0)
    zero = jnp.zeros((k, d + 1), p.x.dtype)

    def many() -> Array:
        def add(
            delta: Array, valid: Bool[Array, " b"], x: Array, w: Array, before: Array, after: Array
        ) -> tuple[Array, tuple[()]]:
            w = jnp.where(valid & (before != after), w, 0)
            return add_moves(delta, x - p.origin, w, before, after), ()

        rows = (p.x, p.weights, s.labels, labels)
        return fold_rows(add, zero, rows, block=tile_size(n, d))[0]

    def few() -> Array:
        block = min(max(32, min(256, _BLOCK // d)), n)
        rows, count = compact(moved, block)

        def visit(i: Array, delta: Array) -> Array:
            ids = lax.dynamic_slice_in_dim(rows, i * block, block)
            x = p.x.at[ids].get(mode="clip") - p.origin
            w = jnp.where(ids < n, p.weights.at[ids].get(mode="clip"), 0)
            return add_moves(delta, x, w, *(a.at[ids].get(mode="clip") for a in (s.labels, labels)))

        return lax.fori_loop(jnp.int32(0), (count + block - 1) // block, visit, zero)

    count = jnp.sum(moved, dtype=jnp.int32)
    delta = lax.cond(_MANY * count > n, many, few)
    return labels, known, delta, count


EVERY_ROW = Bounds(_start, _reassign, _age)
