"""Both steps of EM in the coordinates of each component, where its covariance is the identity.

z = Uᵀx − Uᵀμ of all components is one product of matrices, and Σ r z zᵀ comes back as
Σ = L (Σ r z zᵀ) Lᵀ with L = U⁻ᵀ. What is cancelled is of the size of z itself and not of its
square: it costs eps · (distance of the mean from the origin / spread) of the digits. The few
components to which that leaves less than half of them are computed as Uᵀ(x − μ), one by one.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from .._linalg import HIGHEST
from .._typing import Array, Float
from ._gmm_kinds import Moments, each_matrix, inverse_triangle

WIDEST = 64
"""Columns up to which one product for all components is quicker than one for each."""


def block_of(n: int, d: int, k: int) -> int:
    """Rows to read at once, so that z of all components stays in cache (on a CPU)."""
    floats = 2**19 if jax.default_backend() == "cpu" else 2**26
    return min(n, max(64, floats // (k * d)))


class Frames(NamedTuple):
    """The coordinates of all components.

    Attributes:
      means: (k, d)
      turned: (k, d, d) Uᵀ.
      shift: (k, d, 1) Uᵀμ.
      order: (k,) components, first those of too few digits.
      few: () how many these are.
    """

    means: Array
    turned: Array
    shift: Array
    order: Array
    few: Array


def frames(
    means: Float[Array, "k d"], covariances: Float[Array, "k d d"], factor: Float[Array, "k d d"]
) -> Frames:
    """What `coordinates` needs of a mixture. |U|ᵀ(|μ| + σ) bounds what a product cancels."""
    spread = jnp.sqrt(jnp.diagonal(covariances, axis1=1, axis2=2))
    sizes = jnp.sum(jnp.abs(factor) * (jnp.abs(means) + spread)[:, :, None], axis=1)
    enough = jnp.max(sizes, axis=1) < float(jnp.finfo(means.dtype).eps) ** -0.5
    turned = jnp.swapaxes(factor, 1, 2)
    shift = jnp.matmul(turned, means[:, :, None], precision=HIGHEST)
    few = jnp.sum(~enough, dtype=jnp.int32)
    return Frames(means, turned, shift, jnp.argsort(enough, stable=True), few)


def coordinates(x: Float[Array, "d b"], frames: Frames) -> Float[Array, "k d b"]:
    """Z = Uⱼᵀ(x − μⱼ) of each component for a block of rows, given as columns."""
    k, d, _ = frames.turned.shape
    z = jnp.matmul(frames.turned.reshape(k * d, d), x, precision=HIGHEST)
    z = z.reshape(k, d, -1) - frames.shift

    def again(i: Array, z: Array) -> Array:
        j = frames.order[i]
        exact = jnp.matmul(frames.turned[j], x - frames.means[j][:, None], precision=HIGHEST)
        return lax.dynamic_update_index_in_dim(z, exact, j, 0)

    # The loop also keeps XLA from making the product once for each that reads it.
    return lax.fori_loop(jnp.int32(0), frames.few, again, z)


def sums_of(z: Float[Array, "k d b"], weights: Float[Array, "k b"]) -> Moments:
    """Weighted sums of z and z zᵀ over one block."""

    def one(component: tuple[Array, Array]) -> tuple[Array, Array]:
        z, r = component
        weighted = z * r[None]
        return jnp.sum(weighted, axis=1), jnp.matmul(weighted, z.T, precision=HIGHEST)

    return Moments(jnp.sum(weights, axis=1), *lax.map(one, (z, weights)))


def moments_from(sums: Moments, factor: Float[Array, "k d d"]) -> Moments:
    """The moments about the means, from those in the coordinates of each component."""
    back = each_matrix(lambda u: inverse_triangle(u, lower=False), factor)  # Lᵀ
    down = jnp.swapaxes(back, 1, 2)
    first = jnp.matmul(down, sums.first[:, :, None], precision=HIGHEST)[:, :, 0]
    second = jnp.matmul(down, sums.second, precision=HIGHEST)
    return Moments(sums.mass, first, jnp.matmul(second, back, precision=HIGHEST))
