"""Where the pictures of each code lie in latent space, so that samples are drawn from there."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import export, lax

from .._linalg import fold_rows
from .._typing import Array, Float, KeyArray, UInt8
from ..cluster import gmm

_BLOCK = 128  # pictures encoded at once, about as many as a training step holds
_LOOKED_AT = 2**16  # latents that the mixtures of all codes are fitted to, about
_LEAST = 256  # and those of one code, where it has so many
_ENOUGH = 2  # latents for each dimension of a Gaussian: with fewer it would copy pictures
_FLOOR = 1e-4  # added to variances: clusters of few pictures keep a positive definite covariance


@partial(export.register_namedtuple_serialization, serialized_name="clusterart_jax.Latents")
class Latents(NamedTuple):
    """A mixture of Gaussians in latent space for each code.

    Attributes:
      weight: (n_codes, m) shares of the Gaussians, which sum to 1.
      mean: (n_codes, m, latent).
      scale: (n_codes, m, latent, latent) lower triangular L, covariance L Lᵀ.
    """

    weight: Float[Array, "n_codes m"]
    mean: Float[Array, "n_codes m latent"]
    scale: Float[Array, "n_codes m latent latent"]

    @property
    def center(self) -> Float[Array, "n_codes latent"]:
        """The mean of each code."""
        return jnp.sum(self.weight[:, :, None] * self.mean, axis=1)

    def draw(
        self,
        keys: KeyArray,
        codes: Float[Array, "m n_codes"],
        temperature: float | Array = 1.0,
    ) -> Float[Array, "m latent"]:
        """One z for each code; for a mixture of clusters, the same mixture of a z of each.

        A `temperature` below 1 draws nearer to the middle of one of its Gaussians. Each row is
        drawn from its own key, so that row i is the same however many there are.
        """
        shares = jnp.cumsum(self.weight, axis=1)
        # Shares may sum to a little less than 1; what is drawn then is the last that has any.
        place = jnp.arange(shares.shape[1], dtype=jnp.int32)
        last = jnp.max(jnp.where(self.weight > 0, place[None], 0), axis=1)
        size, kind = self.mean.shape[-1], self.mean.dtype

        def one(key: KeyArray, code: Array) -> Array:
            which, around = jax.random.split(key)
            chance = jax.random.uniform(which, (), kind)
            part = jnp.minimum(jnp.sum(shares <= chance, axis=1, dtype=jnp.int32), last)
            noise = jax.random.normal(around, (size,), kind)
            rows = jnp.arange(len(part), dtype=jnp.int32)
            return code @ (self.mean[rows, part] + temperature * self.scale[rows, part] @ noise)

        return lax.map(lambda row: one(*row), (keys, codes), batch_size=_BLOCK)


def fit_latents(
    key: KeyArray,
    posterior: Callable[[Array, Array], tuple[Array, Array]],
    latent: int,
    components: int,
    images: UInt8[Array, "n h w c"],
    codes: Float[Array, "n n_codes"],
) -> Latents:
    """Fits a Gaussian mixture to the latents of each code's pictures, one latent from each.

    Cost: one pass of the encoder, and EM on up to about 2¹⁶ latents; peak extra memory
    O(n · latent) and a block of pictures.

    Args:
      key: for which latents are looked at, and where EM starts.
      posterior: from pictures (b, h, w, c) in 0…1 and codes to means and variances of z.
      latent: dimensions of z. Static.
      components: Gaussians of each code at most; none has more than one for 2 · `latent` of its
        pictures, the others get weight 0. Static.
      images: (n, h, w, c).
      codes: (n, n_codes); by these shares pictures belong to codes.

    Returns:
      `Latents`; a code without pictures gets the mixture of all of them but noise.
    """
    noise, choice, start = jax.random.split(key, 3)
    n, width = codes.shape

    def step(
        carry: tuple[()], valid: Array, images: Array, codes: Array
    ) -> tuple[tuple[()], tuple[Array, Array]]:
        return carry, posterior(images.astype(jnp.float32) / 255, codes)

    _, (mean, variance) = fold_rows(step, (), (images, codes), block=_BLOCK)
    z = mean + jnp.sqrt(variance) * jax.random.normal(noise, mean.shape, mean.dtype)
    present = jnp.sum(codes, axis=1)
    size = min(n, max(_LEAST, _LOOKED_AT // width))
    enough = _ENOUGH * latent
    most = max(1, min(components, size // enough))
    chance = jax.random.gumbel(choice, (n,), mean.dtype)
    order = jnp.arange(size, dtype=mean.dtype)

    def one(code: tuple[Array, KeyArray]) -> tuple[Array, Array, Array]:
        share, key = code
        share = jnp.where(jnp.max(share) > 0, share, present)
        # The largest by chance and share are a sample without replacement, each as likely as its
        # share says; they then count alike. There are as many as the shares sum to: rows that
        # hardly belong to the code must not be what is left to take.
        rank = jnp.where(share > 0, jnp.log(jnp.where(share > 0, share, 1)) + chance, -jnp.inf)
        best, rows = lax.top_k(rank, size)
        held = (best > -jnp.inf) & (order < jnp.maximum(jnp.round(jnp.sum(share)), 1))
        weight = held.astype(mean.dtype)
        weight = jnp.where(jnp.sum(weight) > 0, weight, 1)
        own = z[rows]
        if most == 1:
            middle, covariance = _moments(own, weight)
            whole = jnp.ones(1, own.dtype)
            return whole, middle[None], jnp.linalg.cholesky(covariance)[None]
        active = jnp.clip(jnp.sum(weight).astype(jnp.int32) // enough, 1, most)
        found = gmm(key, own, most, sample_weight=weight, reg_covar=_FLOOR, active=active)
        return found.weights, found.means, jnp.linalg.cholesky(found.covariances)

    with jax.numpy_dtype_promotion("standard"):
        return Latents(*lax.map(one, (codes.T, jax.random.split(start, width))))


def _moments(z: Float[Array, "n latent"], weight: Float[Array, " n"]) -> tuple[Array, Array]:
    """Mean and covariance of weighted rows."""
    share = weight / jnp.sum(weight)
    mean = share @ z
    around = z - mean[None]
    return mean, (share[:, None] * around).T @ around + _FLOOR * jnp.eye(z.shape[1], dtype=z.dtype)
