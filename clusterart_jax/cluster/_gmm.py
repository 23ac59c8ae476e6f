"""Gaussian mixtures: fitting, and what a fitted mixture says of rows."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from .._checks import (
    check_active,
    check_choice,
    check_count,
    check_key,
    check_number,
    check_rows,
    check_weights,
)
from .._linalg import moments, round_origin, total
from .._sharding import RowSharding, over_rows, rows_back, spread_rows
from .._typing import Array, ArrayLike, Float, Int, KeyArray
from ._gmm_em import ROWS_IN, Params, Ran, Rows, em_step, evaluate, run_em
from ._gmm_kinds import KINDS, precision_factor
from ._gmm_result import RESULTS, GMMResult
from ._gmm_start import Given, GMMStart, begin, read_init
from ._implicit import implicit_fixed_point


def gmm(
    key: KeyArray,
    x: Float[ArrayLike, "n d"],
    k: int,
    *,
    covariance_type: str = "full",
    sample_weight: Float[ArrayLike, " n"] | None = None,
    init: str | ArrayLike | GMMStart | GMMResult = "k-means",
    n_init: int = 1,
    max_iter: int | Int[ArrayLike, ""] = 100,
    tol: float | Float[ArrayLike, ""] = 1e-3,
    reg_covar: float | Float[ArrayLike, ""] = 1e-6,
    active: int | Int[ArrayLike, ""] | None = None,
) -> GMMResult:
    """Gaussian mixture by expectation-maximisation: p(x) = Σⱼ πⱼ N(x | μⱼ, Σⱼ).

    Maximises Σᵢ wᵢ log p(xᵢ) to a local maximum. Each iteration is one pass over the rows, in
    which responsibilities exist for one block at a time. Works under `jit` and `vmap`, and on rows
    sharded over a mesh, where an iteration communicates what the parameters take. Differences are
    taken from the means before they are squared, in full float32, so that far-off data and tight
    components far apart fit as in float64.

    `means`, `weights`, `covariances` and `log_likelihood` have derivatives by `x`,
    `sample_weight` and `reg_covar`: those of the fixed point to which EM converges, by
    `jax.grad` or `jax.jvp`, without storing iterations. Converge tightly (small `tol`) for them.

    Cost of an iteration O(n k d²) for "full", O(n (k + d)²) for "tied", O(n k d) for the others;
    peak extra memory O(n) and a few times that of the parameters, whatever `n_init`.

    Args:
      key: for the starts; unused where `init` fixes the start.
      x: rows (n, d). float32 and float64 are kept, other types become the default float.
      k: number of components, 1 ≤ k ≤ n. Static.
      covariance_type: "full" (a matrix each), "tied" (one matrix for all), "diag" (variances of
        the columns each), "spherical" (one variance each). Static.
      sample_weight: (n,) weights ≥ 0; a row of weight 0 counts as absent but gets a label.
      init: "k-means" (or "kmeans"), "k-means++" or "random_from_data" (rows go to the nearest of
        k rows), "random" (random responsibilities); the means (k, d) to start from, labels (n,),
        or responsibilities (n, k); a `GMMStart`; or a `GMMResult`, from which to go on.
      n_init: number of starts, run one after the other; the highest likelihood is kept. Static.
      max_iter: iterations at most, per start; 0 returns the start.
      tol: stops when the mean log-likelihood of a row changes by less.
      reg_covar: added to the variances, in squared units of `x`. Where a covariance is singular
        all the same (rows on a line, in float32), means and weights are NaN and `converged` False.
      active: only the first `active` of the k components take part, the others come back with
        weight 0. Traced, so that one program serves several numbers; None takes all.

    Returns:
      A `GMMResult`, with methods for new rows. Where a covariance degenerates it holds NaN, and
      says that it has not converged.

    Raises:
      ValueError: when shapes or options cannot be.
      TypeError: when `key` is no random key, or `k` is traced.

    Example:
      >>> import jax, jax.numpy as jnp, clusterart_jax as ca
      >>> x = jnp.array([[0.0], [0.2], [0.4], [9.0], [9.1], [9.2]])
      >>> result = ca.gmm(jax.random.key(0), x, 2)
      >>> sorted(round(mean, 3) for mean in result.means[:, 0].tolist())
      [0.2, 9.1]
      >>> result.predict_proba(x).shape
      (6, 2)

    References:
      Dempster, Laird and Rubin, Maximum likelihood from incomplete data via the EM algorithm,
      1977, doi:10.1111/j.2517-6161.1977.tb01600.x.
    """
    x = check_rows(x)
    k = check_count(k, "k", low=1, high=x.shape[0])
    n_init = check_count(n_init, "n_init")
    key = check_key(key)
    kind = check_choice(covariance_type, "covariance_type", KINDS)
    weights = check_weights(sample_weight, x)
    rows, weights, sharding = spread_rows(x, weights)
    method, given = read_init(init, x, rows, k, kind, sharding)
    result = _gmm(
        key,
        rows,
        weights,
        given,
        jnp.asarray(max_iter, jnp.int32),
        check_number(tol, "tol", x.dtype, low=0),
        jnp.asarray(reg_covar, x.dtype),
        check_active(active, k),
        k=k,
        kind=kind,
        method=method,
        n_init=1 if method in ("parameters", "rows", "nearest") else n_init,
        sharding=sharding,
    )
    return rows_back(result, _rows_out(kind), x, sharding)


def _rows_out(kind: str) -> GMMResult:
    return RESULTS[kind]._make(name == "labels" for name in GMMResult._fields)


_PARAMS_OUT = Params._make([False] * 3)


@partial(jax.jit, static_argnames=("k", "kind", "method", "n_init", "sharding"))
def _gmm(
    key: KeyArray,
    x: Array,
    weights: Array,
    given: Given,
    max_iter: Array,
    tol: Array,
    reg: Array,
    active: Array,
    *,
    k: int,
    kind: str,
    method: str,
    n_init: int,
    sharding: RowSharding | None,
) -> GMMResult:
    axis = None if sharding is None else sharding.axis
    over = partial(over_rows, sharding=sharding)
    still = lax.stop_gradient  # the way to the fixed point has no derivative, the point has one
    find_origin = over(partial(_origin, axis=axis), rows_in=(True, True), rows_out=False)
    origin = find_origin(still(x), still(weights))
    rows = Rows(x, weights, origin, reg)
    held = jax.tree.map(still, rows)

    def iterate(start: Params, before: Array, max_iter: Array, tol: Array, *rows: Array) -> Ran:
        return run_em(start, before, Rows(*rows), max_iter, tol, kind, axis)

    def run(key: KeyArray) -> Ran:
        start = begin(
            key, held, still(given), active, method=method, k=k, kind=kind, sharding=sharding
        )
        before = jnp.array(-jnp.inf, x.dtype) if given.before is None else given.before
        rows_in = (False, False, False, False, *ROWS_IN)
        solve = over(
            iterate, rows_in=rows_in, rows_out=Ran._make([_PARAMS_OUT, False, False, False])
        )
        return solve(start, before, max_iter, tol, *held)

    def better(i: Array, best: Ran) -> Ran:
        other = run(lax.select(i == 0, key, jax.random.fold_in(key, i)))
        wins = (i == 0) | (other.log_likelihood > best.log_likelihood)
        wins |= jnp.isnan(best.log_likelihood)
        return jax.tree.map(partial(jnp.where, wins), other, best)

    if n_init == 1:
        ran = run(key)
    else:
        # One start after the other: under vmap, memory would grow with n_init and all starts
        # would run until the slowest ends.
        none = jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), jax.eval_shape(run, key))
        ran = lax.fori_loop(jnp.int32(0), jnp.int32(n_init), better, none)

    def step(params: Params, rows: Rows) -> Params:
        def one(params: Params, *rows: Array) -> Params:
            return em_step(params, Rows(*rows), kind, axis, quick=False)[0]

        return over(one, rows_in=(False, *ROWS_IN), rows_out=_PARAMS_OUT)(params, *rows)

    params = implicit_fixed_point(step, ran.params, rows)
    factor = precision_factor(params.covariances, kind)

    def finish(params: Params, factor: Array, *rows: Array) -> tuple[Array, Array]:
        data = Rows(*rows)
        labels, logs = evaluate(params, factor, data.x, data.origin, kind)
        mass = total(jnp.sum(data.weights), axis)
        mean = total(jnp.sum(data.weights * logs), axis) / jnp.where(mass > 0, mass, 1)
        return labels, mean

    rows_in = (False, False, *ROWS_IN)
    labels, mean = over(finish, rows_in=rows_in, rows_out=(True, False))(params, factor, *rows)
    # That of the last E-step, with the derivative of that of the parameters it led to.
    value = jnp.where(ran.n_iter > 0, still(ran.log_likelihood), still(mean))
    return RESULTS[kind](
        weights=params.weights,
        means=params.means + origin,
        covariances=params.covariances,
        precisions_cholesky=factor,
        log_likelihood=value + (mean - still(mean)),
        labels=labels,
        n_iter=ran.n_iter,
        converged=ran.converged,
    )


def _origin(x: Array, weights: Array, axis: str | None) -> Array:
    """(1, d): the mean row, rounded so that rows of few digits stay exact."""
    return round_origin(*moments(x, weights, axis))[None]
