"""How rows lie about their mean: scatter matrices, in one pass over blocks."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from .._checks import check_rows
from .._linalg import HIGHEST, block_size, fold_rows, total, weighted_mean
from .._sharding import RowSharding, over_rows, replicate, rows_back, spread_rows
from .._typing import Array, ArrayLike, Bool, Float

_PANEL = 196  # columns; narrower panels save more of the product's half but run slower


def check_width(x: ArrayLike, width: int, name: str = "x") -> Array:
    """Rows with as many columns as a fitted state knows."""
    rows = check_rows(x, name)
    if rows.shape[1] != width:
        raise ValueError(f"{name} must have {width} columns, not {rows.shape[1]}")
    return rows


def map_rows(function: Callable[[Any, Array], Array], state: Any, x: Array, width: int) -> Array:
    """`function(state, rows)` over blocks of rows, each device its own.

    Args:
      function: a function of a module, which is compiled once; rows (b, d) → (b, …).
      state: what it needs, a tree of arrays.
      x: rows (n, d).
      width: numbers of working memory that a row needs.
    """
    rows, _, sharding = spread_rows(x, jnp.ones(x.shape[:1], x.dtype))
    state = jax.tree.map(partial(replicate, sharding=sharding), state)
    out = _map_rows(state, rows, function=function, width=width, sharding=sharding)
    return rows_back(out, True, x, sharding)


@partial(jax.jit, static_argnames=("function", "width", "sharding"))
def _map_rows(
    state: Any,
    x: Array,
    *,
    function: Callable[[Any, Array], Array],
    width: int,
    sharding: RowSharding | None,
) -> Array:
    def solve(state: Any, x: Array) -> Array:
        def step(carry: tuple[()], valid: Array, x: Array) -> tuple[tuple[()], Array]:
            return (), function(state, x)

        return fold_rows(step, (), (x,), block=block_size(x.shape[0], width))[1]

    return over_rows(solve, sharding, rows_in=(False, True), rows_out=True)(state, x)


def moments(
    x: Float[Array, "n d"], weights: Float[Array, " n"], axis: Any
) -> tuple[Float[Array, ""], Float[Array, " d"], Float[Array, "d d"]]:
    """Σ wᵢ, the mean, and Σ wᵢ (xᵢ − mean)(xᵢ − mean)ᵀ, in one pass.

    Sums are taken about the mean of some of the rows, and moved to the mean afterwards: what
    that takes off is a small part of the scatter, so that no digits are lost to it.
    """
    some = slice(None, None, -(-x.shape[0] // 1024))
    origin = weighted_mean(x[some], weights[some], axis)
    mass = total(jnp.sum(weights), axis)
    shift, about = scatter(x, weights, lambda: origin[None], axis)
    shift = shift / jnp.where(mass > 0, mass, 1)
    return mass, origin + shift, about - mass * shift[:, None] * shift[None, :]


def scatter(
    x: Float[Array, "n d"],
    weights: Float[Array, " n"],
    centers: Callable[..., Array],
    axis: Any,
    *extra: Array,
) -> tuple[Float[Array, " d"], Float[Array, "d d"]]:
    """Σ wᵢ (xᵢ − c) and Σ wᵢ (xᵢ − c)(xᵢ − c)ᵀ, in one pass.

    Args:
      x: rows (n, d).
      weights: (n,).
      centers: gets a block of each array of `extra`, and gives the c of its rows.
      axis: of the mesh, or None.
      extra: further arrays of n rows.
    """
    n, d = x.shape
    starts = range(0, d, _PANEL)

    def step(
        carry: tuple[Array, ...], valid: Bool[Array, " b"], x: Array, w: Array, *extra: Array
    ) -> tuple[tuple[Array, ...], tuple[()]]:
        w = jnp.where(valid, w, 0)
        x = x - centers(*extra)
        weighted = x * w[:, None]  # not √w on both sides, which has no slope at 0
        shift, *panels = carry
        panels = [
            panel + jnp.matmul(weighted[:, i : i + _PANEL].T, x[:, i:], precision=HIGHEST)
            for i, panel in zip(starts, panels, strict=True)
        ]
        return (shift + jnp.matmul(w, x, precision=HIGHEST), *panels), ()

    # Only what lies on and above the diagonal, in panels of its rows.
    panels = [jnp.zeros((min(_PANEL, d - i), d - i), x.dtype) for i in starts]
    # Each block adds a whole result, so blocks must be as tall as that is wide; on CPU, products
    # of taller ones are handed to other threads at more cost than gain.
    block = max(block_size(n, 16 * d), min(n, d))
    start = (jnp.zeros(d, x.dtype), *panels)
    shift, *panels = total(fold_rows(step, start, (x, weights, *extra), block=block)[0], axis)
    whole = [jnp.pad(panel, ((0, 0), (i, 0))) for i, panel in zip(starts, panels, strict=True)]
    upper = jnp.triu(jnp.concatenate(whole))
    return shift, upper + jnp.triu(upper, 1).T


def settle_signs(components: Float[Array, "m d"]) -> Float[Array, "m d"]:
    """The rows, turned so that the largest entry of each is positive."""
    largest = jnp.argmax(jnp.abs(components), axis=1)
    sign = jnp.sign(jnp.take_along_axis(components, largest[:, None], axis=1))
    return components * jnp.where(sign == 0, 1, sign)
