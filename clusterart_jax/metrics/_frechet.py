"""Fréchet distance of two sets of rows, each taken for a Gaussian."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from .._checks import check_rows
from .._linalg import HIGHEST, total, weighted_mean
from .._qr import factor
from .._sharding import replicate
from .._typing import Array, ArrayLike, Float
from ._pair import Layout, by_rows, check_pair


def frechet_distance(
    real: Float[ArrayLike, "n d"],
    generated: Float[ArrayLike, "m d"],
    *,
    sample_weight: Float[ArrayLike, " n"] | None = None,
    generated_weight: Float[ArrayLike, " m"] | None = None,
) -> Float[Array, ""]:
    """Squared Fréchet distance between Gaussians fitted to both sets; FID, on Inception features.

    |μ₁ − μ₂|² + tr(S₁ + S₂ − 2 (S₁S₂)^½), covariances S with n − 1 degrees of freedom. With factors
    S = FᵀF from QR factorisations of the rows, tr (S₁S₂)^½ is the sum of the singular values of
    F₁F₂ᵀ: no covariance is formed and no square root of a near-zero eigenvalue is taken, so that
    float32 keeps its digits and singular covariances (fewer rows than columns, constant columns)
    need no offset.

    The distance grows with 1/n: compare only numbers from as many rows, and from one network.

    Cost O((n + m) d min(n, d)) and a decomposition, O(min(n, m, d)³); peak extra memory O(d²). Rows
    may be sharded.

    Args:
      real: (n, d) features, n ≥ 2.
      generated: (m, d) features, m ≥ 2.
      sample_weight: (n,) how many rows each real row stands for; 0 is absent.
      generated_weight: (m,) the same for generated rows.

    Returns:
      The distance, a scalar of at least 0 in squared units of the features; NaN where weights of a
      set sum up to 1 or less.

    Raises:
      ValueError: when the two have different numbers of columns, or one row only.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax import metrics
      >>> x = jnp.array([[0.0], [2.0]])
      >>> round(float(metrics.frechet_distance(x, 2 * x + 1)), 5)  # 2² + (√8 − √2)²
      6.0

    References:
      Dowson and Landau, The Fréchet distance between multivariate normal distributions, 1982,
      doi:10.1016/0047-259X(82)90077-X; Heusel et al., GANs trained by a two time-scale update rule
      converge to a local Nash equilibrium, 2017, arXiv:1706.08500.
    """
    pair = check_pair(real, generated, sample_weight, generated_weight, fewest=(2, 2))
    mesh = pair.sharding()
    fitted = [
        by_rows(_fit, rows, weights, (), among=mesh, out=(False, False))
        for rows, weights in ((pair.real, pair.weights), (pair.generated, pair.generated_weights))
    ]
    return _between(*jax.tree.map(partial(replicate, sharding=mesh), fitted))


def gaussian_frechet_distance(
    mean: Float[ArrayLike, " d"],
    covariance: Float[ArrayLike, "d d"],
    other_mean: Float[ArrayLike, " d"],
    other_covariance: Float[ArrayLike, "d d"],
) -> Float[Array, ""]:
    """`frechet_distance` of two Gaussians given by mean and covariance, as of published statistics.

    Factors come from eigenvalues of the symmetric covariances, those below 0 taken for 0. From
    covariances in float32, directions 3,000 times weaker than the strongest are lost; from rows
    they are not.

    Cost O(d³); peak extra memory O(d²).

    Args:
      mean: (d,).
      covariance: (d, d), symmetric.
      other_mean: (d,).
      other_covariance: (d, d), symmetric.

    Returns:
      The distance, a scalar of at least 0 in squared units of the means.

    Raises:
      ValueError: when shapes do not fit.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax import metrics
      >>> one, zero = jnp.eye(2), jnp.zeros(2)
      >>> round(float(metrics.gaussian_frechet_distance(zero, one, zero + 3, 4 * one)), 4)
      20.0
    """
    if np.ndim(mean) != 1 or 0 in np.shape(mean):
        raise ValueError(f"mean must have shape (d,), not {np.shape(mean)}")
    d = np.shape(mean)[0]
    shapes = {"covariance": (d, d), "other_mean": (d,), "other_covariance": (d, d)}
    given = (covariance, other_mean, other_covariance)
    for (name, shape), values in zip(shapes.items(), given, strict=True):
        if np.shape(values) != shape:
            raise ValueError(f"{name} must have shape {shape}, not {np.shape(values)}")
    first = check_rows(jnp.asarray(mean)[None], "mean")[0]
    rest = (
        check_rows(jnp.asarray(a).reshape(-1, d), name).astype(first.dtype)
        for name, a in zip(shapes, given, strict=True)
    )
    return _from_moments(first, *rest)


@partial(jax.jit, static_argnames="layout")
def _fit(x: Array, weights: Array, *, layout: Layout) -> tuple[Array, Array]:
    """Mean (d,) and a factor F of the covariance FᵀF, of at most d rows."""
    axis = layout.axis()

    def solve(x: Array, weights: Array) -> tuple[Array, Array]:
        mean = weighted_mean(x, weights, axis)
        mass = total(jnp.sum(weights), axis)
        rows = factor(x, weights, lambda: mean[None], axis)
        enough = mass > 1
        return mean, jnp.where(enough, rows / jnp.sqrt(jnp.where(enough, mass - 1, 1)), jnp.nan)

    return layout.over(solve, 2, 0, (False, False))(x, weights)


@jax.jit
def _between(first: tuple[Array, Array], second: tuple[Array, Array]) -> Array:
    (mean, rows), (other_mean, other) = first, second
    singular = jnp.linalg.svd(jnp.matmul(rows, other.T, precision=HIGHEST), compute_uv=False)
    spread = jnp.sum(rows**2) + jnp.sum(other**2)
    return jnp.maximum(jnp.sum((mean - other_mean) ** 2) + spread - 2 * jnp.sum(singular), 0)


@jax.jit
def _from_moments(mean: Array, cov: Array, other_mean: Array, other_cov: Array) -> Array:
    def root(cov: Array) -> Array:
        values, vectors = jnp.linalg.eigh(cov)
        return jnp.sqrt(jnp.maximum(values, 0))[:, None] * vectors.T

    return _between((mean, root(cov)), (other_mean.ravel(), root(other_cov)))
