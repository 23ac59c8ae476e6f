"""Work on rows in blocks: the loops, distances and group sums that every algorithm shares.

Nothing here stores n × k or n × n numbers: a block of rows is read, used and forgotten. A block
stays in cache on a CPU (a large temporary costs more in page faults there than its arithmetic)
and is large enough to fill an accelerator.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax import lax

from ._typing import Array, Bool, Float, Int

Carry = TypeVar("Carry")

HIGHEST = lax.Precision.HIGHEST
"""Full float32 in matrix products; the default is TF32 or bfloat16 on accelerators."""


def block_size(n: int, width: int) -> int:
    """Rows in a block when each row needs `width` numbers of working memory."""
    floats = 2**18 if jax.default_backend() == "cpu" else 2**24
    return min(n, max(256, floats // max(width, 1)))


def fold_rows(
    step: Callable[..., tuple[Carry, Any]],
    carry: Carry,
    rows: tuple[Array, ...],
    *,
    block: int,
) -> tuple[Carry, Any]:
    """Runs `carry, out = step(carry, valid, *rows)` over blocks of rows, without copying them.

    The last block is moved back so that it ends with the last row, since slices have a fixed
    size: the rows it shares with the block before are seen twice, and `valid` is False for them
    the second time. Sums must leave them out; per-row results are simply written again.

    Args:
      step: gets the carry, `valid` (block,) and a (block, …) slice of each array of `rows`.
      carry: where the fold starts.
      rows: arrays of n rows.
      block: number of rows in a block.

    Returns:
      The last carry, and the per-row outputs of `step` put together, (n, …) each.
    """
    n = rows[0].shape[0]
    block = min(block, n)
    count = -(-n // block)

    def call(carry: Carry, start: Any) -> tuple[Any, tuple[Carry, Any]]:
        first = jnp.minimum(start * block, n - block)
        valid = first + jnp.arange(block, dtype=jnp.int32) >= start * block
        return first, step(carry, valid, *(lax.dynamic_slice_in_dim(r, first, block) for r in rows))

    if count == 1:
        return call(carry, jnp.int32(0))[1]
    _, out = jax.eval_shape(lambda c: call(c, jnp.int32(0))[1], carry)
    outs = jax.tree.map(lambda o: jnp.zeros((n, *o.shape[1:]), o.dtype), out)

    def body(state: tuple[Carry, Any], i: Any) -> tuple[tuple[Carry, Any], None]:
        carry, outs = state
        first, (carry, out) = call(carry, i)
        outs = jax.tree.map(
            lambda whole, part: lax.dynamic_update_slice_in_dim(whole, part, first, 0), outs, out
        )
        return (carry, outs), None

    # A scan, not a loop of a traced length: it can be differentiated backwards.
    return lax.scan(body, (carry, outs), jnp.arange(count, dtype=jnp.int32))[0]


def squared_norms(x: Float[Array, "n d"]) -> Float[Array, " n"]:
    """|x|² of each row."""
    return jnp.sum(x * x, axis=1)


def squared_distances(x: Float[Array, "n d"], y: Float[Array, "m d"]) -> Float[Array, "n m"]:
    """|x − y|² = |x|² − 2 x·y + |y|² for all pairs, never negative.

    Rounding is relative to |x|² + |y|², so callers centre their data first.
    """
    product = jnp.matmul(x, y.T, precision=HIGHEST)
    return jnp.maximum(squared_norms(x)[:, None] - 2 * product + squared_norms(y)[None, :], 0)


def first_min(values: Float[Array, "n k"]) -> tuple[Float[Array, " n"], Int[Array, " n"]]:
    """Smallest value of each row and the first column that holds it.

    Two plain minima instead of `argmin`, whose reduction does not vectorise on CPU.
    """
    smallest = jnp.min(values, axis=1)
    columns = lax.broadcasted_iota(jnp.int32, values.shape, 1)
    last = jnp.int32(values.shape[1] - 1)
    held = jnp.where(values <= smallest[:, None], columns, last)
    return smallest, jnp.min(held, axis=1)


def group_sums(
    x: Float[Array, "n d"], labels: Int[Array, " n"], weights: Float[Array, " n"], k: int
) -> Float[Array, "k d"]:
    """Weighted sum of the rows of each group; labels lie in 0…k−1.

    A scatter on CPU; a product with the one-hot matrix elsewhere, where float32 scatter-add
    becomes a compare-and-swap loop (jax-ml/jax#38806) and its order is not reproducible.
    """

    def scatter(x: Array, labels: Array, weights: Array) -> Array:
        return jax.ops.segment_sum(x * weights[:, None], labels, num_segments=k)

    def product(x: Array, labels: Array, weights: Array) -> Array:
        one_hot = jax.nn.one_hot(labels, k, dtype=x.dtype) * weights[:, None]
        return jnp.matmul(one_hot.T, x, precision=HIGHEST)

    return lax.platform_dependent(x, labels, weights, cpu=scatter, default=product)


def compact(chosen: Bool[Array, " n"], block: int) -> tuple[Array, Array]:
    """Numbers of the chosen rows, then n for as long as blocks need it; and how many are chosen.

    Running counts go down 16 rows of a matrix at a time, which vectorises; the order of the
    numbers is that of its columns.
    """
    n = chosen.shape[0]
    columns = -(-n // 16)
    grid = jnp.pad(chosen.astype(jnp.int32), (0, 16 * columns - n)).reshape(16, columns)
    counts = [grid[0]]
    for row in grid[1:]:
        counts.append(counts[-1] + row)
    ends = jnp.cumsum(counts[-1], dtype=jnp.int32)
    place = jnp.stack(counts) + (ends - counts[-1])[None] - 1
    size = -(-n // block) * block
    place = jnp.where(grid > 0, place, size).reshape(-1)[:n]
    rows = jnp.full(size, n, jnp.int32)
    rows = rows.at[place].set(jnp.arange(n, dtype=jnp.int32), mode="drop", unique_indices=True)
    return rows, ends[-1]


def total(values: Any, axis: Any) -> Any:
    """Sum over the devices of a mesh axis; the values themselves where there is no axis."""
    return values if axis is None else lax.psum(values, axis)


def weighted_mean(
    x: Float[Array, "n d"], weights: Float[Array, " n"], axis: Any = None
) -> Float[Array, " d"]:
    """Mean row, in blocks, over all devices of `axis`.

    Blocks are first summed relative to row 0, so that float32 keeps its digits when the data lie
    far from the origin.
    """
    anchor = x[0] if axis is None else lax.pmean(x[0], axis)

    def step(carry: Array, valid: Bool[Array, " b"], x: Array, w: Array) -> tuple[Array, tuple[()]]:
        w = jnp.where(valid, w, 0)
        return carry + jnp.matmul(w, x - anchor[None], precision=HIGHEST), ()

    block = block_size(x.shape[0], x.shape[1])
    shifted, _ = fold_rows(step, jnp.zeros_like(anchor), (x, weights), block=block)
    mass = total(jnp.sum(weights), axis)
    return anchor + total(shifted, axis) / jnp.where(mass > 0, mass, 1)


def moments(
    x: Float[Array, "n d"], weights: Float[Array, " n"], axis: Any = None
) -> tuple[Float[Array, " d"], Float[Array, ""]]:
    """Mean row, and the variance of the columns averaged over columns.

    In one pass in blocks, over all devices of `axis`, and relative to row 0, so that float32
    keeps its digits when the data lie far from the origin.
    """
    anchor = x[0] if axis is None else lax.pmean(x[0], axis)

    def step(
        carry: tuple[Array, Array], valid: Bool[Array, " b"], x: Array, w: Array
    ) -> tuple[tuple[Array, Array], tuple[()]]:
        x, w = x - anchor[None], jnp.where(valid, w, 0)
        shifted, spread = carry
        shifted = shifted + jnp.matmul(w, x, precision=HIGHEST)
        return (shifted, spread + jnp.sum(w * squared_norms(x))), ()

    start = (jnp.zeros_like(anchor), jnp.zeros((), x.dtype))
    (shifted, spread), _ = fold_rows(step, start, (x, weights), block=block_size(*x.shape))
    shifted, spread = total((shifted, spread), axis)
    mass = total(jnp.sum(weights), axis)
    mass = jnp.where(mass > 0, mass, 1)
    shifted = shifted / mass
    variance = jnp.maximum(spread / mass - jnp.sum(shifted**2), 0) / x.shape[1]
    return anchor + shifted, variance


def round_origin(mean: Float[Array, " d"], variance: Float[Array, ""]) -> Float[Array, " d"]:
    """The mean, rounded to a power of two well below the spread of the rows.

    Rows of few digits (pixels, counts) then stay exact when the origin is taken off: equal
    distances stay equal, and the first centre wins whatever the order of the sums before.
    """
    grain = jnp.exp2(jnp.floor(jnp.log2(jnp.sqrt(variance))) - 2)
    return jnp.where(variance > 0, jnp.round(mean / grain) * grain, mean)


def round_middle(x: Float[Array, "n d"], weights: Float[Array, " n"]) -> Float[Array, " d"]:
    """A point in the midst of the rows, so round that taking it off costs no digit.

    The middle of some of the rows, not the mean: one row far away drags that along, and with it the
    digits of all others. It is 0 where that is not farther off than the rows lie apart.
    """
    some = slice(None, None, -(-x.shape[0] // 1024))
    there = weights[some] > 0
    rows = jnp.sort(jnp.where(there[:, None], x[some], jnp.inf), axis=0)
    last = jnp.sum(there, dtype=jnp.int32) - 1
    low, middle, high = (rows[jnp.maximum(last * part // 10, 0)] for part in (1, 5, 9))
    apart = high - low
    grain = jnp.exp2(jnp.ceil(jnp.log2(jnp.where(apart > 0, 2 * apart, 1))))
    middle = jnp.where(apart > 0, jnp.round(middle / grain) * grain, middle)
    return jnp.where(last >= 0, middle, 0)


def mean_variance(
    x: Float[Array, "n d"], weights: Float[Array, " n"], mean: Float[Array, " d"], axis: Any = None
) -> Float[Array, ""]:
    """Variance of the columns about `mean`, averaged over columns; in blocks, over all devices."""

    def step(carry: Array, valid: Bool[Array, " b"], x: Array, w: Array) -> tuple[Array, tuple[()]]:
        return carry + jnp.sum(jnp.where(valid, w, 0) * squared_norms(x - mean[None])), ()

    block = block_size(*x.shape)
    spread, _ = fold_rows(step, jnp.zeros((), x.dtype), (x, weights), block=block)
    mass = total(jnp.sum(weights), axis)
    return total(spread, axis) / (jnp.where(mass > 0, mass, 1) * x.shape[1])
