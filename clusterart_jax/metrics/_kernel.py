"""Kernel distance: how far apart two sets of rows are in the mean of a polynomial kernel."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from .._checks import check_count, check_key
from .._linalg import HIGHEST, block_size, fold_rows, weighted_mean
from .._sharding import replicate
from .._typing import Array, ArrayLike, Bool, Float, KeyArray
from ._pair import Layout, Pair, by_rows, check_pair


class KernelDistance(NamedTuple):
    """MMD² of the kernel (x·y/d + 1)³.

    Attributes:
      value: unbiased estimate from all rows.
      error: its standard error, by leaving out one row at a time; where both sets come from one
        distribution it is somewhat too large.
      mean: mean over random subsets, which is what KID programs print.
      std: standard deviation over those subsets, printed beside it; it tells about the size of
        the subsets rather than about the data.
    """

    value: Float[Array, ""]
    error: Float[Array, ""]
    mean: Float[Array, ""]
    std: Float[Array, ""]


def kernel_distance(
    key: KeyArray,
    real: Float[ArrayLike, "n d"],
    generated: Float[ArrayLike, "m d"],
    *,
    n_subsets: int = 100,
    subset_size: int = 1000,
    sample_weight: Float[ArrayLike, " n"] | None = None,
    generated_weight: Float[ArrayLike, " m"] | None = None,
) -> KernelDistance:
    """Unbiased squared maximum mean discrepancy; KID, on Inception features.

    E k(x, x′) + E k(y, y′) − 2 E k(x, y) over pairs of different rows, k(x, y) = (x·y/d + 1)³: once
    from all rows, with its standard error, and as mean and deviation over random subsets, as
    torch-fidelity and clean-fid have it. It may be slightly below 0, and does not grow as there are
    fewer rows.

    Any f(x) + f(y) may be taken off the kernel without changing the distance. Here all that does
    not depend on both rows, relative to their common mean, is: what is left is small, and
    float32 keeps its digits where rows lie far from 0.

    Cost O((n + m)² d) and O(n_subsets subset_size² d); peak extra memory O(n + m + subset_size · d)
    and a block of pairs. Rows may be sharded; each device then holds all of them.

    Args:
      key: draws the subsets; `value` and `error` do not depend on it.
      real: (n, d) features, n ≥ 3.
      generated: (m, d) features, m ≥ 3.
      n_subsets: how many subsets. Static.
      subset_size: rows in a subset, drawn without replacement from each set; n or m where that
        is less. Static.
      sample_weight: (n,) how many rows each real row stands for; 0 is absent. Subsets draw rows in
        proportion.
      generated_weight: (m,) the same for generated rows.

    Returns:
      A `KernelDistance`, in the kernel's own unit.

    Raises:
      ValueError: when shapes or options cannot be.
      TypeError: when `key` is no random key.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from clusterart_jax import metrics
      >>> x = jnp.array([[0.0], [1.0], [2.0]])
      >>> found = metrics.kernel_distance(jax.random.key(0), x, x + 1, n_subsets=2)
      >>> round(float(found.value), 3)
      21.667

    References:
      Bińkowski et al., Demystifying MMD GANs, 2018, arXiv:1801.01401; Gretton et al., A kernel
      two-sample test, 2012, jmlr.org/papers/v13/gretton12a.html; Efron and Stein, The jackknife
      estimate of variance, 1981, doi:10.1214/aos/1176345462.
    """
    key = check_key(key)
    pair = check_pair(real, generated, sample_weight, generated_weight, fewest=(3, 3))
    count = check_count(n_subsets, "n_subsets")
    size = check_count(subset_size, "subset_size", low=2)
    size = min(size, len(pair.real), len(pair.generated))
    whole, mesh = pair.whole(), pair.sharding()
    origin = _common_mean(whole, layout=Layout(mesh, False))
    sums = tuple(
        replicate(a, mesh)
        for rows, weights in ((pair.real, pair.weights), (pair.generated, pair.generated_weights))
        for a in by_rows(_row_sums, rows, weights, (whole, origin), among=mesh, out=(True, True))
    )
    value, error = _whole(whole, origin, sums)
    subsets = partial(_subsets, count=count, size=size, layout=Layout(mesh, False))
    return KernelDistance(value, error, *subsets(replicate(key, mesh), whole, origin))


@partial(jax.jit, static_argnames="layout")
def _common_mean(pair: Pair, *, layout: Layout) -> Array:
    def solve(pair: Pair) -> Array:
        x, y, w, v = pair
        n, m = jnp.sum(w), jnp.sum(v)
        return (n * weighted_mean(x, w) + m * weighted_mean(y, v)) / jnp.maximum(n + m, 1)

    return layout.over(solve, 0, 1, False)(pair)


@partial(jax.jit, static_argnames="layout")
def _row_sums(
    rows: Array, weights: Array, whole: Pair, origin: Array, *, layout: Layout
) -> tuple[Array, Array]:
    """For each row, Σⱼ wⱼ k(row, xⱼ) over real rows, and the same over generated ones."""

    def solve(rows: Array, whole: Pair, origin: Array) -> tuple[Array, Array]:
        x, y, w, v = whole
        return _sums(rows, x, w, origin), _sums(rows, y, v, origin)

    return layout.over(solve, 1, 2, (True, True))(rows, whole, origin)


def _sums(rows: Array, columns: Array, weights: Array, origin: Array) -> Float[Array, " n"]:
    """Σⱼ wⱼ k(rowᵢ, columnⱼ), in blocks of pairs."""
    block = block_size(columns.shape[0], columns.shape[1] + 1024)

    def row_step(carry: tuple[()], valid: Bool[Array, " b"], x: Array) -> tuple[tuple[()], Array]:
        x = x - origin[None]
        u = _along(x, origin)

        def column_step(
            sums: Array, valid: Bool[Array, " c"], y: Array, w: Array
        ) -> tuple[Array, tuple[()]]:
            y = y - origin[None]
            product = jnp.matmul(x, y.T, precision=HIGHEST) / x.shape[1]
            kernel = _reduced(product, u[:, None], _along(y, origin)[None], _at(origin))
            return sums + jnp.sum(kernel * jnp.where(valid, w, 0)[None], axis=1), ()

        return (), fold_rows(column_step, jnp.zeros_like(u), (columns, weights), block=block)[0]

    return fold_rows(row_step, (), (rows,), block=block)[1]


def _along(x: Array, origin: Array) -> Array:
    return jnp.matmul(x, origin, precision=HIGHEST) / x.shape[1]


def _at(origin: Array) -> Array:
    """A = μ·μ/d + 1, of which the kernel of the origin with itself is the cube."""
    return jnp.sum(origin**2) / origin.shape[0] + 1


def _reduced(p: Array, u: Array, v: Array, a: Array) -> Array:
    """(p + u + v + a)³ without the terms that depend on u or v alone; these cancel in the MMD.

    Args:
      p: (x − μ)·(y − μ)/d.
      u: (x − μ)·μ/d.
      v: (y − μ)·μ/d.
      a: μ·μ/d + 1.
    """
    b = a + u + v
    return p * (p * (p + 3 * b) + 3 * b**2) + 3 * u * v * (a + b)


def _own(x: Array, origin: Array) -> Array:
    """The reduced kernel of each row with itself."""
    x = x - origin[None]
    u = jnp.sum(x * origin[None], axis=1) / x.shape[1]  # a product would store x − μ
    return _reduced(jnp.sum(x**2, axis=1) / x.shape[1], u, u, _at(origin))


@jax.jit
def _whole(pair: Pair, origin: Array, sums: tuple[Array, ...]) -> tuple[Array, Array]:
    """The estimate from all rows, and its standard error."""
    x, y, w, v = pair
    within, across, back, among = sums
    within, among = within - _own(x, origin), among - _own(y, origin)
    variance = _jackknife(within, across, w, v) + _jackknife(among, back, v, w)
    return _unbiased(within, across, among, w, v), jnp.sqrt(variance)


@partial(jax.jit, static_argnames=("count", "size", "layout"))
def _subsets(
    key: KeyArray, pair: Pair, origin: Array, *, count: int, size: int, layout: Layout
) -> tuple[Array, Array]:
    """Mean and standard deviation of the estimates from random subsets."""

    def one(key: KeyArray, pair: Pair, origin: Array) -> Array:
        x, y, w, v = pair
        first, second = jax.random.split(key)
        i, j = _draw(first, w, size), _draw(second, v, size)
        # What was drawn stands there once; rows that are absent come last, where others run out.
        part, part_w = x[i], (w[i] > 0).astype(w.dtype)
        other, other_w = y[j], (v[j] > 0).astype(v.dtype)
        own = _sums(part, part, part_w, origin) - _own(part, origin)
        others = _sums(other, other, other_w, origin) - _own(other, origin)
        return _unbiased(own, _sums(part, other, other_w, origin), others, part_w, other_w)

    def solve(key: KeyArray, pair: Pair, origin: Array) -> tuple[Array, Array]:
        keys = jax.random.split(key, count)
        values = lax.map(lambda key: one(key, pair, origin), keys)
        return jnp.mean(values), jnp.std(values)

    return layout.over(solve, 0, 3, (False, False))(key, pair, origin)


def _draw(key: KeyArray, weights: Array, size: int) -> Array:
    """Rows without replacement, in proportion to weight."""
    gumbel = jax.random.gumbel(key, weights.shape, weights.dtype)
    return lax.top_k(gumbel + jnp.log(weights), size)[1]


def _unbiased(within: Array, across: Array, among: Array, w: Array, v: Array) -> Array:
    """MMD² from sums over the other rows of each row's own set, and over the other set."""
    n, m = jnp.sum(w), jnp.sum(v)
    own = _ratio(jnp.sum(w * within), n * (n - 1)) + _ratio(jnp.sum(v * among), m * (m - 1))
    return own - 2 * _ratio(jnp.sum(w * across), n * m)


def _jackknife(within: Array, across: Array, w: Array, v: Array) -> Array:
    """The part of MMD²'s variance that one set brings: (n − 1)/n Σᵢ (θ₋ᵢ − mean)²."""
    n, m = jnp.sum(w), jnp.sum(v)
    # θ₋ᵢ but for what is the same for all i.
    without = 2 * (_ratio(across, (n - 1) * m) - _ratio(within, (n - 1) * (n - 2)))
    mean = _ratio(jnp.sum(w * without), n)
    return _ratio((n - 1) * jnp.sum(w * (without - mean) ** 2), n)


def _ratio(a: Array, b: Array) -> Array:
    return jnp.where(b > 0, a / jnp.where(b > 0, b, 1), jnp.nan)
