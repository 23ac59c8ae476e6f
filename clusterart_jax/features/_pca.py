"""Principal components: the directions in which rows vary most."""

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from .._checks import check_choice, check_count, check_key, check_rows, check_weights
from .._linalg import HIGHEST, total, weighted_mean
from .._qr import factor
from .._sharding import RowSharding, over_rows, replicate, rows_back, spread_rows
from .._typing import Array, ArrayLike, Float, KeyArray
from ._pca_krylov import krylov, ritz
from ._pca_state import PCAState, noise_variance
from ._spread import moments, settle_signs

SOLVERS = ("auto", "full", "covariance_eigh", "randomized")
EXACT_UP_TO = 1024
"""Rows or columns up to which "auto" is exact."""


def pca(
    x: Float[ArrayLike, "n d"],
    n_components: int,
    *,
    sample_weight: Float[ArrayLike, " n"] | None = None,
    solver: str = "auto",
    whiten: bool = False,
    sketch_key: KeyArray | None = None,
    passes: int = 4,
    oversample: int = 16,
) -> PCAState:
    """Principal component analysis: the n_components directions of largest variance.

    Works under `jit` and `vmap`, and on rows sharded over a mesh. The solvers:

    - "covariance_eigh": the eigenvectors of the covariance matrix, or of the rows' products
      where n < d; one pass over the rows. It squares the data: in float32, directions that are
      3,000 times weaker than the strongest are lost. Cost O(n d min(n, d)), peak extra memory
      O(d min(n, d)).
    - "full": singular values of the rows themselves by QR factorisations of blocks, exact for
      weak directions too, at about three times the cost. Peak extra memory O(d²). It multiplies
      rows by the roots of their weights, so that gradients by a weight of 0 are NaN.
    - "randomized": a block Krylov subspace from some passes over the rows, which starts from
      4,096 of the rows and never forms a (d, d) matrix. Where variances fall slowly, components
      are mixed with weaker ones; more passes help. Cost O(n d (m + oversample) passes), peak
      extra memory O(d (m + oversample) passes) and 4,096 rows. Where that subspace would be all,
      passes (m + oversample) ≥ d, the same as "covariance_eigh".
    - "auto": "covariance_eigh" up to 1,024 rows or columns, else "randomized".

    Args:
      x: rows (n, d).
      n_components: m, between 1 and min(n, d); min(n, d) gives the whole spectrum, which
        `PCAState.truncate` cuts. Static.
      sample_weight: (n,) weights ≥ 0, as if each row stood there so many times: variances have
        Σ wᵢ − 1 degrees of freedom, and mean nothing where weights sum up to 1 or less. Components
        and shares of the variance do not depend on the unit of weight.
      solver: "auto", "full", "covariance_eigh" or "randomized". Static.
      whiten: coordinates then have unit variance. Static.
      sketch_key: random key of the sketch that "randomized" starts from; fixed by default, so
        that the result depends on the data alone.
      passes: over all rows, of "randomized"; 2 do for variances that fall as those of pictures.
        Static.
      oversample: directions that "randomized" carries beyond those asked for. Static.

    Returns:
      A `PCAState`, with methods `transform`, `inverse_transform`, `score_samples` and more.

    Raises:
      ValueError: when shapes or options cannot be.

    Example:
      >>> import jax.numpy as jnp, clusterart_jax as ca
      >>> x = jnp.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])
      >>> state = ca.pca(x, 1)
      >>> [round(value, 3) for value in state.components[0].tolist()]
      [0.707, 0.707]
      >>> bool(jnp.allclose(state.inverse_transform(state.transform(x)), x, atol=1e-6))
      True

    References:
      Musco and Musco, Randomized block Krylov methods, 2015, arXiv:1504.05477;
      Demmel and others, Communication-optimal parallel and sequential QR and LU factorizations,
      2012, arXiv:0808.2664.
    """
    x = check_rows(x)
    n, d = x.shape
    m = check_count(n_components, "n_components", low=1, high=min(n, d))
    check_choice(solver, "solver", SOLVERS)
    weights = check_weights(sample_weight, x)
    key = jax.random.key(0) if sketch_key is None else check_key(sketch_key)
    if solver == "auto":
        solver = "covariance_eigh" if min(n, d) <= EXACT_UP_TO else "randomized"
    width = m + check_count(oversample, "oversample")
    sketch = (width, check_count(passes, "passes"))
    if solver == "randomized" and d <= math.prod(sketch):
        solver = "covariance_eigh"  # the subspace would be all
    rows, weights, sharding = spread_rows(x, weights)
    key = replicate(key, sharding)
    found = _reduce(rows, weights, key, sketch=sketch, solver=solver, sharding=sharding)
    # What is left is small, and need not be done on each CPU core anew.
    found = rows_back(found, (False,) * 4, x, sharding)
    return _state(*found, m=m, solver=solver, whiten=bool(whiten))


@partial(jax.jit, static_argnames=("sketch", "solver", "sharding"))
def _reduce(
    x: Array,
    weights: Array,
    key: KeyArray,
    *,
    sketch: tuple[int, int],
    solver: str,
    sharding: RowSharding | None,
) -> tuple[Array, Array, Array, Array]:
    """Σ wᵢ, the mean, the trace of the scatter matrix, and what tells its eigenvectors."""
    axis = None if sharding is None else sharding.axis
    wide = solver == "covariance_eigh" and x.shape[0] < x.shape[1]
    if solver == "randomized":
        solve = partial(krylov, width=sketch[0], passes=sketch[1], axis=axis)
    else:
        solve = partial(_factor if wide or solver == "full" else _covariance, axis=axis)
    rows_in = (True, True, False)
    return over_rows(solve, sharding, rows_in=rows_in, rows_out=(False,) * 4)(x, weights, key)


@partial(jax.jit, static_argnames=("m", "solver", "whiten"))
def _state(
    mass: Array, mean: Array, spread: Array, matrix: Array, *, m: int, solver: str, whiten: bool
) -> PCAState:
    if solver == "covariance_eigh":
        wide = matrix.shape[0] < matrix.shape[1]
        square = jnp.matmul(matrix, matrix.T, precision=HIGHEST) if wide else matrix
        vectors, values = lax.linalg.eigh(square, symmetrize_input=False)
        vectors, values = vectors[:, ::-1][:, :m], values[::-1]
        if wide:  # orthogonal already, but for what is no more than rounding
            vectors = jnp.linalg.qr(jnp.matmul(matrix.T, vectors, precision=HIGHEST))[0]
        components = vectors.T
    else:
        rows = ritz(matrix, m) if solver == "randomized" else matrix
        _, values, components = jnp.linalg.svd(rows, full_matrices=False)
        values = values**2
    state = state_of(mass, mean, spread, values[:m], components[:m])
    return whitened(state) if whiten else state


def whitened(state: PCAState) -> PCAState:
    """The state whose coordinates have unit variance."""
    deviations = jnp.sqrt(state.explained_variance)
    return state._replace(scale=jnp.maximum(deviations, jnp.finfo(deviations.dtype).eps))


def state_of(mass: Array, mean: Array, spread: Array, values: Array, components: Array) -> PCAState:
    """The state of m eigenpairs of a scatter matrix.

    Args:
      mass: Σ wᵢ.
      mean: (d,).
      spread: trace of the scatter matrix.
      values: (m,) its largest eigenvalues, falling.
      components: (m, d) their eigenvectors.
    """
    m, d = components.shape
    values = jnp.maximum(values, 0)
    degrees = jnp.maximum(mass - 1, jnp.finfo(mass.dtype).tiny)
    rank = jnp.minimum(mass, jnp.asarray(d, mass.dtype))
    noise = noise_variance(jnp.maximum(spread - jnp.sum(values), 0) / degrees, rank - m)
    ratio = values / jnp.where(spread > 0, spread, 1)
    components = settle_signs(components)
    return PCAState(mean, components, values / degrees, ratio, noise, jnp.ones_like(values), mass)


def _covariance(x: Array, weights: Array, key: Array, *, axis: Any) -> Any:
    mass, mean, about = moments(x, weights, axis)
    return mass, mean, jnp.trace(about), about


def _factor(x: Array, weights: Array, key: Array, *, axis: Any) -> Any:
    mean = weighted_mean(x, weights, axis)
    rows = factor(x, weights, lambda: mean[None], axis)
    return total(jnp.sum(weights), axis), mean, jnp.sum(rows**2), rows
