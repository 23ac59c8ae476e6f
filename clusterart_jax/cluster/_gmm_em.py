"""Expectation and maximisation for Gaussian mixtures, fused into one pass over the rows."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from jax import lax

from .._linalg import HIGHEST, block_size, fold_rows, total
from .._typing import Array, Bool, Float, Int
from . import _gmm_lists as lists
from . import _gmm_products as products
from ._gmm_kinds import (
    Moments,
    covariances_from,
    log_determinant,
    moments,
    precision_factor,
    squared_distances,
)

Sums = TypeVar("Sums")


class Params(NamedTuple):
    """A mixture; `means` are relative to the origin of the rows.

    Components of weight 0 do not take part; those that take part always have some.
    """

    weights: Float[Array, " k"]
    means: Float[Array, "k d"]
    covariances: Array


class Rows(NamedTuple):
    """What EM is run on, and all by which its result can be differentiated.

    Attributes:
      x: (n, d) rows.
      weights: (n,) their weights.
      origin: (1, d) a point amid the rows, taken off block by block.
      reg: added to the variances.
    """

    x: Float[Array, "n d"]
    weights: Float[Array, " n"]
    origin: Float[Array, "1 d"]
    reg: Float[Array, ""]


ROWS_IN = (True, True, False, False)
"""Which of them lie over the devices."""


class Ran(NamedTuple):
    """Where EM ended; `log_likelihood` is that of the parameters before its last M-step."""

    params: Params
    log_likelihood: Float[Array, ""]
    n_iter: Int[Array, ""]
    converged: Bool[Array, ""]


def _constants(params: Params, factor: Array, kind: str) -> Float[Array, " k"]:
    """The log-density of each component at its mean, with its share."""
    d = params.means.shape[1]
    held = params.weights > 0  # others do not take part; no derivative comes through their log 0
    shares = jnp.where(held, jnp.log(jnp.where(held, params.weights, 1)), -jnp.inf)
    return shares + log_determinant(factor, kind, d) - d / 2 * math.log(2 * math.pi)


def log_densities(x: Array, params: Params, factor: Array, kind: str) -> Float[Array, "k b"]:
    """The logs of πⱼ N(xᵢ | μⱼ, Σⱼ) for a block of rows, given as columns (d, b)."""
    squares = squared_distances(x, params.means, factor, kind)
    return _constants(params, factor, kind)[:, None] - squares / 2


def posterior(logs: Float[Array, "k b"]) -> tuple[Float[Array, "k b"], Float[Array, " b"]]:
    """Responsibilities (k, b), and the log-likelihood of each row (b,)."""
    largest = lax.stop_gradient(jnp.max(logs, axis=0))
    shares = jnp.exp(logs - largest[None])
    # What cannot count beside a rounding error is nothing: numbers near underflow, and products
    # of them, are a hundred times slower on CPUs.
    shares = jnp.where(shares > jnp.finfo(shares.dtype).eps ** 2, shares, 0)
    whole = jnp.sum(shares, axis=0)
    return shares / whole[None], largest + jnp.log(whole)


def _block(x: Array, means: Array) -> int:
    (n, d), k = x.shape, means.shape[0]
    return block_size(n, 4 * (d + max(k, d)))


def _accumulate(
    measure: Callable[..., Sums], rows: Rows, extra: tuple[Array, ...], block: int
) -> Sums:
    """Σ `measure`(block of rows as columns, their weights, blocks of `extra`), on this device."""

    # Recomputed where differentiated backwards, so that responsibilities are not stored then.
    @jax.checkpoint
    def sums(x: Array, w: Array, *extra: Array) -> Sums:
        return measure((x - rows.origin).T, w, *extra)

    def step(
        carry: Sums, valid: Bool[Array, " b"], x: Array, w: Array, *extra: Array
    ) -> tuple[Sums, tuple[()]]:
        found = sums(x, jnp.where(valid, w, 0), *extra)
        return jax.tree.map(jnp.add, carry, found), ()

    arrays = (rows.x, rows.weights, *extra)
    shapes = jax.eval_shape(sums, *(a[:block] for a in arrays))
    zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
    return fold_rows(step, zeros, arrays, block=block)[0]


def _maximise(
    sums: Moments, rows: Rows, means: Array, held: Bool[Array, " k"], kind: str, axis: Any
) -> Params:
    # As scikit-learn: ten roundings of a mean row weight keep empty components finite.
    present = total(jnp.sum(rows.weights > 0, dtype=rows.x.dtype), axis)
    mass = total(jnp.sum(rows.weights), axis)
    count = sums.mass + 10 * jnp.finfo(rows.x.dtype).eps * mass / jnp.maximum(present, 1)
    shares = jnp.where(held, count, 0)
    shares = shares / jnp.sum(shares)
    count = jnp.where(held, count, 1)
    covariances = covariances_from(sums, count, means, rows.reg, kind)
    if kind != "tied":
        covariances = jnp.where(
            held.reshape(-1, *[1] * (covariances.ndim - 1)), covariances, idle(covariances, kind)
        )
    return Params(shares, means + sums.first / count[:, None], covariances)


def idle(covariances: Array, kind: str) -> Array:
    """Covariances, all 1, of components that do not take part."""
    if kind == "full":
        return jnp.broadcast_to(
            jnp.eye(covariances.shape[-1], dtype=covariances.dtype), covariances.shape
        )
    return jnp.ones_like(covariances)


def em_step(
    params: Params, rows: Rows, kind: str, axis: Any, *, quick: bool = True
) -> tuple[Params, Float[Array, ""]]:
    """One iteration: the next parameters, and the mean log-likelihood of those given.

    Args:
      params: where it starts.
      rows: to fit.
      kind: of the covariances.
      axis: of the mesh.
      quick: whether the fastest way is taken for which digits suffice; else that of differences,
        which always do.
    """
    means = params.means
    k, d = means.shape
    n = rows.x.shape[0]
    factor = precision_factor(params.covariances, kind)

    def differences() -> tuple[Moments, Array]:
        def measure(x: Array, w: Array) -> tuple[Moments, Array]:
            r, logs = posterior(log_densities(x, params, factor, kind))
            return moments(x, r, w, means, kind), jnp.sum(w * logs)

        return _accumulate(measure, rows, (), _block(rows.x, means))

    def by_lists() -> tuple[Moments, Array]:
        constants = _constants(params, factor, kind)[:, None]
        frames = lists.frames(means, params.covariances, factor)

        def measure(x: Array, w: Array) -> tuple[Moments, Array]:
            r, logs = posterior(constants - lists.squares(x, frames) / 2)
            return lists.listed_moments(x, r * w[None], means), jnp.sum(w * logs)

        return _accumulate(measure, rows, (), lists.block_of(n, k))

    def by_products() -> tuple[Moments, Array]:
        natural = products.natural_parameters(_constants(params, factor, kind), means, factor, kind)

        def measure(x: Array, w: Array) -> tuple[Array, Array]:
            t = products.statistics(x, kind)
            r, logs = posterior(jnp.matmul(natural, t, precision=HIGHEST))
            return jnp.matmul(r * w[None], t.T, precision=HIGHEST), jnp.sum(w * logs)

        sums, logs = _accumulate(measure, rows, (), block_size(n, sum(natural.shape)))
        return products.moments_from(sums, means, kind), logs

    exact = by_lists if quick and kind == "full" and lists.pays(d) else differences
    if quick and products.pays(kind, d, k):
        safe = products.digits_suffice(means, params.covariances, factor, kind)
        sums, logs = total(lax.cond(_all_of_a_batch(safe), by_products, exact), axis)
    else:
        sums, logs = total(exact(), axis)
    mass = total(jnp.sum(rows.weights), axis)
    after = _maximise(sums, rows, means, params.weights > 0, kind, axis)
    return after, logs / jnp.where(mass > 0, mass, 1)


@jax.custom_batching.custom_vmap
def _all_of_a_batch(holds: Bool[Array, ""]) -> Bool[Array, ""]:
    """One answer for a batch of problems under `vmap`, so that it runs one way and not both."""
    return holds


@_all_of_a_batch.def_vmap
def _(size: int, batched: list[bool], holds: Bool[Array, " n"]) -> tuple[Bool[Array, ""], bool]:
    return _all_of_a_batch(jnp.all(holds)), False


def start_from(
    responsibilities: Callable[[Array, Array], Array],
    rows: Rows,
    per_row: Array,
    held: Bool[Array, " k"],
    kind: str,
    axis: Any,
) -> Params:
    """The mixture of given responsibilities: (block as columns, block of `per_row`) to (k, b).

    Two passes, the first for the means about which the second sums.
    """
    means = jnp.zeros((held.shape[0], rows.x.shape[1]), rows.x.dtype)
    for each in ("spherical", kind):  # the first is the cheapest that finds means

        def measure(x: Array, w: Array, part: Array) -> Moments:
            return moments(x, responsibilities(x, part), w, means, each)  # noqa: B023 - used now

        sums = total(_accumulate(measure, rows, (per_row,), _block(rows.x, means)), axis)
        params = _maximise(sums, rows, means, held, each, axis)
        means = params.means
    return params


def run_em(
    start: Params, before: Array, rows: Rows, max_iter: Array, tol: Array, kind: str, axis: Any
) -> Ran:
    """Iterates until the mean log-likelihood changes by less than `tol`.

    Args:
      start: where it starts.
      before: the log-likelihood to which the first one is compared; −∞ for a new start.
      rows: to fit.
      max_iter: iterations at most.
      tol: of the change.
      kind: of the covariances.
      axis: of the mesh.
    """

    class State(NamedTuple):
        params: Params
        likelihood: Array
        change: Array
        n_iter: Array

    def more(s: State) -> Array:
        alive = jnp.isfinite(s.likelihood) | (s.n_iter == 0)
        return (s.n_iter < max_iter) & ~(jnp.abs(s.change) < tol) & alive

    def body(s: State) -> State:
        params, likelihood = em_step(s.params, rows, kind, axis)
        return State(params, likelihood, likelihood - s.likelihood, s.n_iter + 1)

    infinite = jnp.array(jnp.inf, tol.dtype)
    end = lax.while_loop(more, body, State(start, before, infinite, jnp.int32(0)))
    sound = jnp.all(jnp.isfinite(precision_factor(end.params.covariances, kind)))
    converged = (jnp.abs(end.change) < tol) & jnp.isfinite(end.likelihood) & sound
    return Ran(end.params, end.likelihood, end.n_iter, converged)


def evaluate(
    params: Params, factor: Array, x: Array, origin: Array, kind: str, *, shares: bool = False
) -> tuple[Int[Array, " n"] | Float[Array, "n k"], Float[Array, " n"]]:
    """The most probable component of each row, or all responsibilities; its log-likelihood."""

    def step(
        carry: tuple[()], valid: Bool[Array, " b"], x: Array
    ) -> tuple[tuple[()], tuple[Array, Array]]:
        logs = log_densities((x - origin).T, params, factor, kind)
        r, likelihood = posterior(logs)
        return (), (r.T if shares else first_max(logs), likelihood)

    return fold_rows(step, (), (x,), block=_block(x, params.means))[1]


def first_max(values: Float[Array, "k b"]) -> Int[Array, " b"]:
    """The first row that holds the largest value of each column; 0 where it is not a number."""
    k = values.shape[0]
    held = values >= jnp.max(values, axis=0)[None]
    index = jnp.where(held, lax.broadcasted_iota(jnp.int32, values.shape, 0), jnp.int32(k))
    found = jnp.min(index, axis=0)
    return jnp.where(found < k, found, 0)
