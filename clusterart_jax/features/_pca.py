"""Principal components: the directions in which rows vary most."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import export, lax

from .._checks import check_count, check_rows, check_weights
from .._linalg import HIGHEST, block_size, fold_rows, mean_variance, total, weighted_mean
from .._sharding import RowSharding, over_rows, rows_back, spread_rows
from .._typing import Array, ArrayLike, Bool, Float

EXACT_UP_TO = 1024
"""Columns up to which the covariance matrix is formed and factorised as a whole."""

_PASSES = 8  # of subspace iteration; sklearn takes 4 to 7 for the same oversampling
_OVERSAMPLE = 16


@partial(export.register_namedtuple_serialization, serialized_name="clusterart_jax.PCAState")
class PCAState(NamedTuple):
    """A fitted projection.

    Attributes:
      mean: (d,) weighted mean row.
      components: (m, d) orthonormal rows, by falling variance; the largest entry of each is
        positive, which settles the sign.
      explained_variance: (m,) variance along each component, in squared units of the data.
      explained_variance_ratio: (m,) its share of the variance of all columns.
    """

    mean: Float[Array, " d"]
    components: Float[Array, "m d"]
    explained_variance: Float[Array, " m"]
    explained_variance_ratio: Float[Array, " m"]

    def transform(self, x: Float[ArrayLike, "n d"]) -> Float[Array, "n m"]:
        """Coordinates of rows along the components, (n, d) → (n, m)."""
        x = _check_width(x, self.components.shape[1], "x").astype(self.mean.dtype)
        return jnp.matmul(x - self.mean[None], self.components.T, precision=HIGHEST)

    def inverse_transform(self, points: Float[ArrayLike, "n m"]) -> Float[Array, "n d"]:
        """The rows that coordinates stand for, (n, m) → (n, d)."""
        points = _check_width(points, self.components.shape[0], "points").astype(self.mean.dtype)
        return jnp.matmul(points, self.components, precision=HIGHEST) + self.mean[None]


def _check_width(x: ArrayLike, width: int, name: str) -> Array:
    rows = check_rows(x, name)
    if rows.shape[1] != width:
        raise ValueError(f"{name} must have {width} columns, not {rows.shape[1]}")
    return rows


def pca(
    x: Float[ArrayLike, "n d"],
    n_components: int,
    *,
    sample_weight: Float[ArrayLike, " n"] | None = None,
) -> PCAState:
    """Principal component analysis: the n_components directions of largest variance.

    Up to 1,024 columns by the eigenvectors of the covariance matrix; beyond, by subspace
    iteration, which never forms it and whose error falls with each of eight passes over the rows.
    Its starting sketch is fixed, so the result depends on the data alone. Works under `jit` and
    `vmap`, and on rows sharded over a mesh.

    Cost O(n d² + d³), or O(n d m); peak extra memory O(d²), or O(d m).

    Args:
      x: rows (n, d).
      n_components: m, between 1 and min(n, d). Static.
      sample_weight: (n,) weights ≥ 0, as if each row stood there so many times.

    Returns:
      A `PCAState`, with methods `transform` and `inverse_transform`.

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
      Halko, Martinsson and Tropp, Finding structure with randomness, 2011, arXiv:0909.4061.
    """
    x = check_rows(x)
    m = check_count(n_components, "n_components", low=1, high=min(x.shape))
    weights = check_weights(sample_weight, x)
    rows, weights, sharding = spread_rows(x, weights)
    state = _pca(rows, weights, m=m, sharding=sharding)
    return rows_back(state, _ROWS_OUT, x, sharding)


_ROWS_OUT = PCAState._make(False for _ in PCAState._fields)


@partial(jax.jit, static_argnames=("m", "sharding"))
def _pca(x: Array, weights: Array, *, m: int, sharding: RowSharding | None) -> PCAState:
    axis = None if sharding is None else sharding.axis
    solve = partial(_solve, m=m, axis=axis)
    return over_rows(solve, sharding, rows_in=(True, True), rows_out=_ROWS_OUT)(x, weights)


def _solve(x: Array, weights: Array, *, m: int, axis: Any) -> PCAState:
    d = x.shape[1]
    mean = weighted_mean(x, weights, axis)
    mass = total(jnp.sum(weights), axis)
    degrees = jnp.maximum(mass - 1, jnp.finfo(x.dtype).tiny)
    if d <= EXACT_UP_TO:
        scatter = _scatter(x, weights, mean, None, axis)
        values, vectors = jnp.linalg.eigh((scatter + scatter.T) / 2)
    else:
        values, vectors = _subspace(x, weights, mean, min(m + _OVERSAMPLE, d), axis)
    values = jnp.maximum(values[::-1][:m], 0)
    components = vectors[:, ::-1][:, :m].T
    largest = jnp.argmax(jnp.abs(components), axis=1)
    sign = jnp.sign(jnp.take_along_axis(components, largest[:, None], axis=1))
    spread = mean_variance(x, weights, mean, axis) * d * mass
    ratio = values / jnp.where(spread > 0, spread, 1)
    return PCAState(mean, components * jnp.where(sign == 0, 1, sign), values / degrees, ratio)


def _scatter(x: Array, weights: Array, mean: Array, basis: Array | None, axis: Any) -> Array:
    """Σ wᵢ (xᵢ − mean)(xᵢ − mean)ᵀ, times `basis` (d, m) where there is one, in one pass."""
    d = x.shape[1]
    m = d if basis is None else basis.shape[1]

    def step(carry: Array, valid: Bool[Array, " b"], x: Array, w: Array) -> tuple[Array, tuple[()]]:
        x = x - mean[None]
        weighted = x * jnp.where(valid, w, 0)[:, None]
        seen = x if basis is None else jnp.matmul(x, basis, precision=HIGHEST)
        return carry + jnp.matmul(weighted.T, seen, precision=HIGHEST), ()

    # Each block adds a whole (d, m) result: blocks must be tall for that to be cheap.
    block = max(block_size(x.shape[0], d + m), min(x.shape[0], 4 * m))
    return total(fold_rows(step, jnp.zeros((d, m), x.dtype), (x, weights), block=block)[0], axis)


def _subspace(x: Array, weights: Array, mean: Array, m: int, axis: Any) -> tuple[Array, Array]:
    """Leading eigenvalues and eigenvectors of the scatter matrix, by subspace iteration."""
    sketch = jax.random.normal(jax.random.key(0), (x.shape[1], m), x.dtype)

    def body(_: Array, basis: Array) -> Array:
        return jnp.linalg.qr(_scatter(x, weights, mean, basis, axis))[0]

    basis = lax.fori_loop(jnp.int32(0), jnp.int32(_PASSES), body, jnp.linalg.qr(sketch)[0])
    inner = jnp.matmul(basis.T, _scatter(x, weights, mean, basis, axis), precision=HIGHEST)
    values, rotation = jnp.linalg.eigh((inner + inner.T) / 2)
    return values, jnp.matmul(basis, rotation, precision=HIGHEST)
