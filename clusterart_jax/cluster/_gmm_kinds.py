"""The four kinds of covariance: what each stores, its distances, and its sums for the M-step.

Rows come as columns here, (d, b): a block's rows are then the vectors that the CPU works on,
whatever d and k are. Differences are taken from each component's own mean before anything is
squared. Products of sufficient statistics, x² p − 2 x p μ + μ² p, would cost half of that but
lose eps · (distance from the origin / spread)² of their digits, which is all of them for tight
components far apart in float32.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax

from .._cholesky import inverse_cholesky
from .._linalg import HIGHEST
from .._typing import Array, Float

KINDS = ("full", "tied", "diag", "spherical")


class Moments(NamedTuple):
    """Weighted sums over rows, about a centre μ of each component.

    Attributes:
      mass: (k,) Σ r.
      first: (k, d) Σ r (x − μ).
      second: Σ r (x − μ)(x − μ)ᵀ, in a form that depends on the kind.
    """

    mass: Float[Array, " k"]
    first: Float[Array, "k d"]
    second: Any


def covariance_shape(kind: str, k: int, d: int) -> tuple[int, ...]:
    """Shape of `covariances`, and of the Cholesky factors of the precisions."""
    return {"full": (k, d, d), "tied": (d, d), "diag": (k, d), "spherical": (k,)}[kind]


def precision_factor(covariances: Array, kind: str) -> Array:
    """U with U Uᵀ = Σ⁻¹, upper triangular; 1/σ for the kinds without correlation.

    Not finite where a covariance is not positive definite.
    """
    if kind in ("diag", "spherical"):
        return 1 / jnp.sqrt(jnp.where(covariances > 0, covariances, jnp.nan))
    return jnp.swapaxes(inverse_cholesky(covariances), -1, -2)


def covariances_of(precisions: Array, kind: str) -> Array:
    """Σ from Σ⁻¹."""
    if kind in ("diag", "spherical"):
        return 1 / precisions
    lower = inverse_cholesky(precisions)
    return jnp.matmul(jnp.swapaxes(lower, -1, -2), lower, precision=HIGHEST)


def log_determinant(factor: Array, kind: str, d: int) -> Array:
    """Logarithm of det U: (k,), or () where all components share it."""
    if kind == "spherical":
        return d * jnp.log(factor)
    if kind == "diag":
        return jnp.sum(jnp.log(factor), axis=1)
    return jnp.sum(jnp.log(jnp.diagonal(factor, axis1=-2, axis2=-1)), axis=-1)


def squared_distances(
    x: Float[Array, "d b"], means: Float[Array, "k d"], factor: Array | None, kind: str
) -> Float[Array, "k b"]:
    """Squared Mahalanobis distances |Uᵀ(x − μ)|², or plain ones where there is no U.

    Cost O(b k d), for full covariances O(b k d²).
    """
    if factor is not None and kind == "full":

        def one(component: tuple[Array, Array]) -> Array:
            mean, factor = component
            return jnp.sum(jnp.matmul(factor.T, x - mean[:, None], precision=HIGHEST) ** 2, axis=0)

        return lax.map(one, (means, factor))
    if factor is not None and kind == "tied":
        x = jnp.matmul(factor.T, x, precision=HIGHEST)
        means = jnp.matmul(means, factor, precision=HIGHEST)

    scale = factor.T if factor is not None and kind == "diag" else None

    # One column of the data at a time, for all components: one pass of plain vector work.
    def add(total: Array, column: tuple[Array, Array, Array | None]) -> tuple[Array, None]:
        x, mean, scale = column
        difference = x[None] - mean[:, None]
        if scale is not None:
            difference = difference * scale[:, None]
        return total + difference**2, None

    zeros = jnp.zeros((means.shape[0], x.shape[1]), x.dtype)
    squares, _ = lax.scan(add, zeros, (x, means.T, scale))
    if factor is not None and kind == "spherical":
        return squares * (factor**2)[:, None]
    return squares


def moments(
    x: Float[Array, "d b"],
    responsibilities: Float[Array, "k b"],
    weights: Float[Array, " b"],
    means: Float[Array, "k d"],
    kind: str,
) -> Moments:
    """Sums over one block. Cost O(b k d); tied O(b (k + d)²), full O(b k d²)."""
    r = responsibilities * weights[None]
    count = jnp.sum(r, axis=1)
    if kind in ("full", "diag"):

        def one(component: tuple[Array, Array]) -> tuple[Array, Array]:
            mean, r = component
            y = x - mean[:, None]
            if kind == "diag":
                return jnp.matmul(y, r, precision=HIGHEST), jnp.matmul(y * y, r, precision=HIGHEST)
            weighted = y * r[None]
            return jnp.sum(weighted, axis=1), jnp.matmul(weighted, y.T, precision=HIGHEST)

        return Moments(count, *lax.map(one, (means, r)))
    first = jnp.matmul(r, x.T, precision=HIGHEST) - count[:, None] * means
    if kind == "spherical":
        return Moments(count, first, jnp.sum(r * squared_distances(x, means, None, kind), axis=1))
    # Σⱼ ρⱼ (x − μⱼ)(x − μⱼ)ᵀ = (x − m)(x − m)ᵀ + ½ Σⱼₗ ρⱼ ρₗ (μⱼ − μₗ)(μⱼ − μₗ)ᵀ with m = Σⱼ ρⱼ μⱼ:
    # k times less work than its left side, and as exact. The last sum waits for all rows.
    rest = x - jnp.matmul(means.T, responsibilities, precision=HIGHEST)
    scatter = jnp.matmul(rest * weights[None], rest.T, precision=HIGHEST)
    return Moments(count, first, (scatter, jnp.matmul(r, responsibilities.T, precision=HIGHEST)))


def covariances_from(sums: Moments, count: Array, means: Array, reg: Array, kind: str) -> Array:
    """The covariances that maximise the likelihood, plus `reg` on their diagonals.

    Args:
      sums: over all rows, about `means`.
      count: (k,) `sums.mass`, kept above 0; 1 for components that do not take part.
      means: (k, d) about which the sums are; the new means differ by δ = first / count.
      reg: added to each variance.
      kind: of the covariances.
    """
    d = means.shape[1]
    if kind == "tied":
        scatter, overlap = sums.second

        def add(total: Array, row: tuple[Array, Array]) -> tuple[Array, None]:
            mean, overlap = row
            apart = means - mean[None]
            pairs = jnp.matmul((apart * overlap[:, None]).T, apart, precision=HIGHEST)
            return total + pairs / 2, None

        scatter, _ = lax.scan(add, scatter, (means, overlap))
        shift = jnp.matmul((sums.first / count[:, None]).T, sums.first, precision=HIGHEST)
        return (scatter - shift) / jnp.sum(sums.mass) + reg * jnp.eye(d, dtype=means.dtype)
    delta = sums.first / count[:, None]
    if kind == "spherical":
        return (sums.second / count - jnp.sum(delta**2, axis=1)) / d + reg
    if kind == "diag":
        return sums.second / count[:, None] - delta**2 + reg
    outer = delta[:, :, None] * delta[:, None, :]
    return sums.second / count[:, None, None] - outer + (reg * jnp.eye(d, dtype=reg.dtype))[None]
