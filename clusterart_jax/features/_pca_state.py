"""What a principal component analysis knows, and what can be done with it."""

from functools import partial
from typing import NamedTuple

import jax.numpy as jnp
from jax import export

from .._checks import check_count
from .._linalg import HIGHEST, squared_norms
from .._typing import Array, ArrayLike, Float
from ._spread import check_width, map_rows


@partial(export.register_namedtuple_serialization, serialized_name="clusterart_jax.PCAState")
class PCAState(NamedTuple):
    """A fitted projection, and the Gaussian it stands for (probabilistic PCA).

    Attributes:
      mean: (d,) weighted mean row.
      components: (m, d) orthonormal rows, by falling variance; the largest entry of each is
        positive, which settles the sign.
      explained_variance: (m,) variance along each component, in squared units of the data, by
        Σ wᵢ − 1 degrees of freedom.
      explained_variance_ratio: (m,) its share of the variance of all columns.
      noise_variance: mean variance of the min(Σ wᵢ, d) − m directions left out; 0 for none.
      scale: (m,) what coordinates are divided by: the standard deviations where the state
        whitens, else ones.
      mass: Σ wᵢ, the number of rows where there are no weights.
    """

    mean: Float[Array, " d"]
    components: Float[Array, "m d"]
    explained_variance: Float[Array, " m"]
    explained_variance_ratio: Float[Array, " m"]
    noise_variance: Float[Array, ""]
    scale: Float[Array, " m"]
    mass: Float[Array, ""]

    @property
    def singular_values(self) -> Float[Array, " m"]:
        """(m,) singular values of the centred, weighted rows, in units of the data."""
        return jnp.sqrt(self.explained_variance * jnp.maximum(self.mass - 1, 0))

    def transform(self, x: Float[ArrayLike, "n d"]) -> Float[Array, "n m"]:
        """Coordinates of rows along the components, (n, d) → (n, m)."""
        m, d = self.components.shape
        x = check_width(x, d).astype(self.mean.dtype)
        return map_rows(_transform, self, x, d + m)

    def inverse_transform(self, points: Float[ArrayLike, "n m"]) -> Float[Array, "n d"]:
        """The rows that coordinates stand for, (n, m) → (n, d)."""
        points = check_width(points, self.components.shape[0], "points").astype(self.mean.dtype)
        scaled = self.components * self.scale[:, None]
        return jnp.matmul(points, scaled, precision=HIGHEST) + self.mean[None]

    def score_samples(self, x: Float[ArrayLike, "n d"]) -> Float[Array, " n"]:
        """Log-likelihood of each row under the Gaussian of probabilistic PCA, in nats.

        Tipping and Bishop, 1999, doi:10.1111/1467-9868.00196.
        """
        x = check_width(x, self.components.shape[1]).astype(self.mean.dtype)
        return map_rows(_log_likelihood, self, x, 3 * x.shape[1])

    def covariance(self) -> Float[Array, "d d"]:
        """Covariance matrix of that Gaussian: Σⱼ (λⱼ − σ²) uⱼuⱼᵀ + σ² I."""
        return self._spectral(self.explained_variance, self.noise_variance)

    def precision(self) -> Float[Array, "d d"]:
        """Inverse of `covariance()`; infinite where the noise variance is 0 and m < d."""
        m, d = self.components.shape
        rest = jnp.zeros_like(self.noise_variance) if m == d else 1 / self.noise_variance
        return self._spectral(1 / self.explained_variance, rest)

    def _spectral(self, along: Array, across: Array) -> Array:
        scaled = self.components * (along - across)[:, None]
        eye = jnp.eye(self.components.shape[1], dtype=self.mean.dtype)
        return jnp.matmul(self.components.T, scaled, precision=HIGHEST) + across * eye

    def truncate(self, n_components: int) -> "PCAState":
        """The state of the first components alone: choose their number after seeing the spectrum.

        Args:
          n_components: between 1 and m. Static.

        Raises:
          ValueError: when there are not so many.
        """
        m, d = self.components.shape
        k = check_count(n_components, "n_components", high=m)
        rank = jnp.minimum(self.mass, jnp.asarray(d, self.mass.dtype))
        dropped = self.explained_variance[k:].sum() + self.noise_variance * jnp.maximum(rank - m, 0)
        return self._replace(
            components=self.components[:k],
            explained_variance=self.explained_variance[:k],
            explained_variance_ratio=self.explained_variance_ratio[:k],
            noise_variance=noise_variance(dropped, rank - k),
            scale=self.scale[:k],
        )


def noise_variance(dropped: Array, directions: Array) -> Array:
    """Mean of the variances left out, over that many directions; 0 where there are none."""
    return jnp.where(directions > 0, dropped / jnp.maximum(directions, 1), 0)


def _transform(state: PCAState, x: Array) -> Array:
    scaled = (state.components / state.scale[:, None]).T
    return jnp.matmul(x - state.mean[None], scaled, precision=HIGHEST)


def _log_likelihood(state: PCAState, x: Array) -> Array:
    m, d = state.components.shape
    x = x - state.mean[None]
    along = jnp.matmul(x, state.components.T, precision=HIGHEST)
    variances = state.explained_variance
    exponent = jnp.sum(along**2 / variances[None], axis=1)
    volume = jnp.sum(jnp.log(variances)) + d * jnp.log(jnp.asarray(2 * jnp.pi, x.dtype))
    if m < d:
        across = x - jnp.matmul(along, state.components, precision=HIGHEST)
        exponent += squared_norms(across) / state.noise_variance
        volume += (d - m) * jnp.log(state.noise_variance)
    return -(exponent + volume) / 2
