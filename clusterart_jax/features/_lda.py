"""Linear discriminant analysis: the directions in which classes differ most."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .._checks import check_choice, check_count, check_rows, check_weights
from .._errors import ConfigError
from .._linalg import (
    HIGHEST,
    block_size,
    fold_rows,
    group_sums,
    squared_norms,
    total,
    weighted_mean,
)
from .._qr import factor
from .._sharding import RowSharding, over_rows, place_rows, replicate, rows_back, spread_rows
from .._typing import Array, ArrayLike, Bool, Float, Int
from ._lda_state import LDAState
from ._spread import moments, scatter, settle_signs

SOLVERS = ("svd", "eigen", "lsqr")


def lda(
    x: Float[ArrayLike, "n d"],
    y: Int[ArrayLike, " n"],
    n_components: int | None,
    *,
    n_classes: int | None = None,
    sample_weight: Float[ArrayLike, " n"] | None = None,
    priors: Float[ArrayLike, " c"] | None = None,
    solver: str = "svd",
    shrinkage: str | float | Float[ArrayLike, ""] | None = None,
    store_covariance: bool = False,
    tol: float | Float[ArrayLike, ""] = 1e-4,
) -> LDAState:
    """Linear discriminant analysis: Gaussian classes of one covariance, parted by Bayes' rule.

    Works under `jit` and `vmap`, and on rows sharded over a mesh. The solvers:

    - "svd": from singular values of the rows about their classes' means, never squared, so that
      the covariance may be singular.
    - "eigen": from the covariance, which must then be regular, as shrinkage makes it; NaN where
      it is not.
    - "lsqr": from the covariance, by least squares; classifies only, without `scalings`.

    Scores are those of rows relative to the mean, which float32 needs. scikit-learn's "eigen" and
    "lsqr" add to all scores of a row the same number, and "eigen" to all its coordinates.

    Cost O(n d² + d³), with shrinkage "auto" O(n c d²); peak extra memory O(d² + c d).

    Args:
      x: rows (n, d).
      y: (n,) class of each row, 0…c−1; a row of another number, like −1, counts as absent.
      n_components: m ≤ min(c − 1, d), width of what `transform` gives; None for the most. Static.
      n_classes: c; None takes the largest label and needs to see it. Static.
      sample_weight: (n,) weights ≥ 0, as if each row stood there so many times.
      priors: (c,) probability of each class, scaled to sum to 1; None takes the shares of rows.
      solver: "svd", "eigen" or "lsqr". Static.
      shrinkage: of each class's covariance towards a multiple of the identity, by a number 0…1,
        or "auto" for Ledoit and Wolf's, on standardised columns; for "eigen" and "lsqr".
      store_covariance: whether "svd" computes `covariance` too, in a second pass. Static.
      tol: "svd" ignores directions of smaller singular value, columns being standardised.

    Returns:
      An `LDAState`, with `transform`, `predict`, `predict_proba` and more.

    Raises:
      ValueError: when shapes or options cannot be.
      TypeError: when `y` is traced and `n_classes` is None.

    Example:
      >>> import jax.numpy as jnp, clusterart_jax as ca
      >>> x = jnp.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [9.0, 5.0], [9.0, 6.0], [8.0, 5.0]])
      >>> state = ca.lda(x, [0, 0, 0, 1, 1, 1], None)
      >>> state.predict(jnp.array([[2.0, 2.0], [7.0, 7.0]])).tolist()
      [0, 1]
      >>> state.transform(x).shape
      (6, 1)

    References:
      Fisher, The use of multiple measurements in taxonomic problems, 1936,
      doi:10.1111/j.1469-1809.1936.tb02137.x; Ledoit and Wolf, A well-conditioned estimator for
      large-dimensional covariance matrices, 2004, doi:10.1016/S0047-259X(03)00096-4.
    """
    x = check_rows(x)
    n, d = x.shape
    y, c = _check_classes(y, n_classes, n)
    most = min(c - 1, n, d)
    m = most if n_components is None else check_count(n_components, "n_components", high=most)
    check_choice(solver, "solver", SOLVERS)
    if shrinkage is not None and solver == "svd":
        raise ValueError('shrinkage needs solver "eigen" or "lsqr", not "svd"')
    automatic = isinstance(shrinkage, str)
    if automatic:
        check_choice(shrinkage, "shrinkage", ("auto",))
    elif isinstance(shrinkage, int | float) and not 0 <= shrinkage <= 1:
        raise ConfigError(f"shrinkage must be between 0 and 1, not {shrinkage}")
    amount = jnp.asarray(0 if automatic or shrinkage is None else shrinkage, x.dtype)
    if priors is not None:
        if np.shape(priors) != (c,):
            raise ValueError(f"priors must have shape ({c},), not {np.shape(priors)}")
        priors = jnp.asarray(priors).astype(x.dtype)
    weights = check_weights(sample_weight, x)
    present = (y >= 0) & (y < c)
    weights, y = jnp.where(present, weights, 0), jnp.where(present, y, 0)
    rows, weights, sharding = spread_rows(x, weights)
    y = place_rows(jnp.pad(y, (0, rows.shape[0] - n)), sharding)
    numbers = [
        replicate(a, sharding) if a is not None else None
        for a in (priors, amount, jnp.asarray(tol, x.dtype))
    ]
    state = _lda(
        rows,
        weights,
        y,
        *numbers,
        c=c,
        m=m,
        solver=solver,
        automatic=automatic,
        store=bool(store_covariance),
        sharding=sharding,
    )
    return rows_back(state, jax.tree.map(lambda _: False, state), x, sharding)


def _check_classes(y: ArrayLike, n_classes: int | None, n: int) -> tuple[Array, int]:
    if np.shape(y) != (n,):
        raise ValueError(f"y must have shape ({n},), one class a row, not {np.shape(y)}")
    kind = y.dtype if isinstance(y, jax.Array) else np.asarray(y).dtype
    if not jnp.issubdtype(kind, jnp.integer):
        raise TypeError(f"y must be whole numbers 0…c−1, not {kind}")
    if n_classes is None:
        if isinstance(y, jax.core.Tracer):
            raise TypeError("y is traced: say how many classes there are, e.g. n_classes=10")
        n_classes = max(int(np.max(y)) + 1, 1)
    return jnp.asarray(y).astype(jnp.int32), check_count(n_classes, "n_classes")


@partial(jax.jit, static_argnames=("c", "m", "solver", "automatic", "store", "sharding"))
def _lda(
    x: Array,
    weights: Array,
    y: Array,
    priors: Array | None,
    amount: Array,
    tol: Array,
    *,
    c: int,
    m: int,
    solver: str,
    automatic: bool,
    store: bool,
    sharding: RowSharding | None,
) -> LDAState:
    axis = None if sharding is None else sharding.axis
    stored = store or solver != "svd"

    def solve(
        x: Array, weights: Array, y: Array, priors: Array | None, amount: Array, tol: Array
    ) -> LDAState:
        counts, means = _class_means(x, weights, y, c, axis)
        mass = jnp.sum(counts)
        shares = counts / _or_one(mass)
        priors = shares if priors is None else priors / jnp.sum(priors)
        mean = jnp.matmul(priors, means, precision=HIGHEST)
        apart = means - mean[None]
        covariance: Any = None
        if stored:
            covariance = _within(x, weights, y, counts, means, priors, amount, automatic, axis)
        if solver == "svd":
            rows = factor(x, weights, lambda y: means[y], axis, y) / jnp.sqrt(_or_one(mass))
            found = _by_rows(rows, apart, means, mass * priors, tol)
        elif solver == "eigen":
            whole = _shrunk_covariance(x, weights, amount, automatic, axis)
            found = _by_rayleigh(covariance, whole - covariance, apart)
        else:
            found = _by_least_squares(covariance, apart)
        scalings, values, coef = found
        ratio = (values / _or_one(jnp.sum(values)))[:m]
        bias = jnp.log(priors) - jnp.sum(apart * coef, axis=1) / 2
        return LDAState(
            mean, means, priors, covariance, settle_signs(scalings.T).T, ratio, coef, bias
        )

    rows_out = LDAState._make([False] * 3 + [False if stored else None] + [False] * 4)
    rows_in = (True, True, True, False, False, False)
    return over_rows(solve, sharding, rows_in=rows_in, rows_out=rows_out)(
        x, weights, y, priors, amount, tol
    )


def _or_one(value: Array) -> Array:
    return jnp.where(value > 0, value, 1)


def _class_means(
    x: Array, weights: Array, y: Array, c: int, axis: Any
) -> tuple[Float[Array, " c"], Float[Array, "c d"]]:
    """Weight and mean row of each class."""
    d = x.shape[1]
    some = slice(None, None, -(-x.shape[0] // 1024))
    origin = weighted_mean(x[some], weights[some], axis)

    def step(
        carry: Array, valid: Bool[Array, " b"], x: Array, w: Array, y: Array
    ) -> tuple[Array, tuple[()]]:
        ones = jnp.ones_like(x[:, :1])
        augmented = jnp.concatenate([x - origin[None], ones], axis=1)
        return carry + group_sums(augmented, y, jnp.where(valid, w, 0), c), ()

    zeros = jnp.zeros((c, d + 1), x.dtype)
    block = block_size(x.shape[0], d + c)
    sums = total(fold_rows(step, zeros, (x, weights, y), block=block)[0], axis)
    counts = sums[:, d]
    return counts, origin[None] + sums[:, :d] / _or_one(counts)[:, None]


def _within(
    x: Array,
    weights: Array,
    y: Array,
    counts: Array,
    means: Array,
    priors: Array,
    amount: Array,
    automatic: bool,
    axis: Any,
) -> Float[Array, "d d"]:
    """The classes' shrunk covariances, averaged by their priors."""
    if not automatic:  # linear in the covariances: all classes in one pass
        each = (priors / _or_one(counts))[y]
        return _shrink(scatter(x, weights * each, lambda y: means[y], axis, y)[1], amount)

    def add(carry: Array, one: tuple[Array, Array]) -> tuple[Array, None]:
        label, prior = one
        own = jnp.where(y == label, weights, 0)
        return carry + prior * _shrunk_covariance(x, own, amount, automatic, axis), None

    labels = jnp.arange(len(priors), dtype=jnp.int32)
    d = x.shape[1]
    return lax.scan(add, jnp.zeros((d, d), x.dtype), (labels, priors))[0]


def _shrunk_covariance(
    x: Array, weights: Array, amount: Array, automatic: bool, axis: Any
) -> Float[Array, "d d"]:
    mass, mean, about = moments(x, weights, axis)
    covariance = about / _or_one(mass)
    if not automatic:
        return _shrink(covariance, amount)
    variances = jnp.diag(covariance)
    scale = jnp.sqrt(jnp.where(variances > 0, variances, 1))
    standard = covariance / (scale[:, None] * scale[None, :])

    def step(carry: Array, valid: Bool[Array, " b"], x: Array, w: Array) -> tuple[Array, tuple[()]]:
        length = squared_norms((x - mean[None]) / scale[None])
        return carry + jnp.sum(jnp.where(valid, w, 0) * length**2), ()

    block = block_size(*x.shape)
    fourth, _ = fold_rows(step, jnp.zeros((), x.dtype), (x, weights), block=block)
    amount = _ledoit_wolf(standard, total(fourth, axis), mass)
    return _shrink(standard, amount) * (scale[:, None] * scale[None, :])


def _shrink(covariance: Array, amount: Array) -> Array:
    """(1 − a) S + a (mean variance) I."""
    level = jnp.trace(covariance) / covariance.shape[0]
    eye = jnp.eye(covariance.shape[0], dtype=covariance.dtype)
    return (1 - amount) * covariance + amount * level * eye


def _ledoit_wolf(covariance: Array, fourth: Array, mass: Array) -> Array:
    """The shrinkage of least expected error, from the covariance and Σ wᵢ |xᵢ|⁴."""
    d = covariance.shape[0]
    squares = jnp.sum(covariance**2)
    distance = squares - jnp.trace(covariance) ** 2 / d
    noise = (fourth / _or_one(mass) - squares) / _or_one(mass)
    return jnp.where(distance > 0, jnp.clip(noise / _or_one(distance), 0, 1), 0)


def _by_rows(
    rows: Array, apart: Array, means: Array, sizes: Array, tol: Array
) -> tuple[Array, Array, Array]:
    """From rows about their classes' means, divided by √n: scalings, separations and weights."""
    c = len(means)
    scale = jnp.sqrt(jnp.sum(rows**2, axis=0))
    # A column that is constant in each class leaves rounding, which must not count as spread.
    constant = scale <= 4 * jnp.finfo(rows.dtype).eps * jnp.max(jnp.abs(means), axis=0)
    scale = jnp.where(constant, 1, scale)
    standard = jnp.where(constant[None], 0, rows / scale[None])
    _, values, axes = jnp.linalg.svd(standard, full_matrices=False)
    held = values > tol
    sphere = (axes / scale[None]).T * jnp.where(held, 1 / jnp.where(held, values, 1), 0)[None]
    between = jnp.sqrt(sizes / max(c - 1, 1))[:, None] * apart
    between = jnp.matmul(between, sphere, precision=HIGHEST)
    _, values, axes = jnp.linalg.svd(between, full_matrices=False)
    r = min(c - 1, *rows.shape)
    held = values[:r] > tol * values[:1]
    scalings = jnp.matmul(sphere, axes[:r].T, precision=HIGHEST) * held[None].astype(rows.dtype)
    scores = jnp.matmul(apart, scalings, precision=HIGHEST)
    return scalings, values[:r] ** 2, jnp.matmul(scores, scalings.T, precision=HIGHEST)


def _by_rayleigh(within: Array, between: Array, apart: Array) -> tuple[Array, Array, Array]:
    """From the generalised eigenvectors of the two covariances."""
    r = min(apart.shape[0] - 1, apart.shape[1])
    root = jnp.linalg.cholesky(within)
    half = lax.linalg.triangular_solve(root, between, left_side=True, lower=True)
    seen = lax.linalg.triangular_solve(root, half.T, left_side=True, lower=True)
    vectors, values = lax.linalg.eigh((seen + seen.T) / 2)
    scalings = lax.linalg.triangular_solve(
        root, vectors[:, ::-1][:, :r], left_side=True, lower=True, transpose_a=True
    )
    coef = jax.scipy.linalg.cho_solve((root, True), apart.T).T
    return scalings, values[::-1], coef


def _by_least_squares(within: Array, apart: Array) -> tuple[Array, Array, Array]:
    """The weights alone, the shortest where the covariance is singular."""
    vectors, values = lax.linalg.eigh(within)
    held = values > within.shape[0] * jnp.finfo(values.dtype).eps * values[-1]
    inverse = jnp.where(held, 1 / jnp.where(held, values, 1), 0)
    seen = jnp.matmul(apart, vectors, precision=HIGHEST) * inverse[None]
    coef = jnp.matmul(seen, vectors.T, precision=HIGHEST)
    return jnp.zeros((within.shape[0], 0), within.dtype), jnp.zeros(0, within.dtype), coef
