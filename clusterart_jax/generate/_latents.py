"""Where the pictures of each cluster lie in latent space, so that samples are drawn from there.

After training, the latents of real pictures do not fill the prior: samples from it fall into
gaps and come out blurred. A Gaussian with full covariance for each cluster, fitted to its latents
afterwards, follows them (arXiv:1903.12436 calls this ex-post density estimation).
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import export

from .._linalg import HIGHEST, fold_rows
from .._typing import Array, Bool, Float, KeyArray, PyTree, UInt8
from ._vae import VAE

_BLOCK = 128  # pictures encoded at once, about as many as a training step holds


@partial(export.register_namedtuple_serialization, serialized_name="clusterart_jax.Latents")
class Latents(NamedTuple):
    """A Gaussian in latent space for each code.

    Attributes:
      mean: (n_codes, latent).
      scale: (n_codes, latent, latent) lower triangular L, covariance L Lᵀ.
    """

    mean: Float[Array, "n_codes latent"]
    scale: Float[Array, "n_codes latent latent"]

    def draw(
        self,
        key: KeyArray,
        codes: Float[Array, "m n_codes"],
        temperature: float | Array = 1.0,
    ) -> Float[Array, "m latent"]:
        """One z for each code; for a mixture of clusters, the same mixture of a z of each.

        A `temperature` below 1 draws nearer to the middle of the cluster.
        """
        noise = jax.random.normal(key, (codes.shape[0], self.mean.shape[1]), self.mean.dtype)
        spread = jnp.einsum("mc,cij,mj->mi", codes, self.scale, noise)
        return codes @ self.mean + temperature * spread


def fit_latents(
    family: VAE,
    params: PyTree,
    images: UInt8[Array, "n h w c"],
    codes: Float[Array, "n n_codes"],
) -> Latents:
    """Fits `Latents` to q(z | x, c) of all pictures, weighted by their codes.

    Cost: one pass of the encoder; peak extra memory O(n_codes · latent²) and a block of pictures.

    Args:
      family: the trained family. Static.
      params: its parameters.
      images: (n, h, w, c).
      codes: (n, n_codes).

    Returns:
      `Latents`; a code without pictures gets the Gaussian of all of them.
    """
    size, width = family.latent, codes.shape[1]

    def step(
        carry: tuple[Array, Array, Array], valid: Bool[Array, " b"], images: Array, codes: Array
    ) -> tuple[tuple[Array, Array, Array], tuple[()]]:
        mass, first, second = carry
        codes = jnp.where(valid[:, None], codes, 0)
        mean, log_var = family.posterior(params, images.astype(jnp.float32) / 255, codes)
        squares = mean[:, :, None] * mean[:, None] + jnp.exp(log_var)[:, :, None] * eye[None]
        squares = squares.reshape(-1, size * size)
        return (
            mass + jnp.sum(codes, axis=0),
            first + jnp.matmul(codes.T, mean, precision=HIGHEST),
            second + jnp.matmul(codes.T, squares, precision=HIGHEST),
        ), ()

    eye = jnp.eye(size, dtype=jnp.float32)
    zeros = (jnp.zeros(width), jnp.zeros((width, size)), jnp.zeros((width, size * size)))
    zeros = jax.tree.map(lambda a: a.astype(jnp.float32), zeros)
    (mass, first, second), _ = fold_rows(step, zeros, (images, codes), block=_BLOCK)
    whole = jnp.sum(first, axis=0) / jnp.maximum(jnp.sum(mass), 1)
    whole_second = jnp.sum(second, axis=0) / jnp.maximum(jnp.sum(mass), 1)
    held = (mass > 0)[:, None]
    share = jnp.maximum(mass, 1e-6)[:, None]
    mean = jnp.where(held, first / share, whole[None])
    second = jnp.where(held, second / share, whole_second[None]).reshape(-1, size, size)
    covariance = second - mean[:, :, None] * mean[:, None]
    # Clusters of fewer pictures than dimensions keep a positive definite covariance.
    scale = jnp.linalg.cholesky(covariance + 1e-4 * eye[None])
    return Latents(mean, scale)
