"""Codes → pictures: what a trained generator draws."""

import jax.numpy as jnp

from .._linalg import fold_rows
from .._typing import Array, Float, Images, KeyArray, PyTree, UInt8
from ..generate import VAE, Latents

_BLOCK = 128  # pictures generated at once, about as many as a training step holds


def draw(
    family: VAE,
    params: PyTree,
    latents: Latents,
    key: KeyArray,
    codes: Float[Array, "m n_codes"],
    temperature: float | Array = 1.0,
) -> UInt8[Array, "m h w c"]:
    """New pictures, one for each code.

    Args:
      family: static.
      params: trained parameters.
      latents: from `fit_latents`.
      key: for the latents.
      codes: (m, n_codes); a mixture of clusters gives a picture between them.
      temperature: less than 1 draws nearer to the middle of a cluster.

    Returns:
      `uint8` (m, h, w, c).
    """

    def decode(
        carry: tuple[()], valid: Array, z: Array, codes: Array
    ) -> tuple[tuple[()], UInt8[Array, "b h w c"]]:
        return carry, to_uint8(family.decode(params, z, codes))

    z = latents.draw(key, codes, temperature)
    return fold_rows(decode, (), (z, codes), block=_BLOCK)[1]


def reconstruct(
    family: VAE, params: PyTree, images: Images, codes: Float[Array, "n n_codes"]
) -> tuple[UInt8[Array, "n h w c"], Float[Array, " n"]]:
    """Pictures encoded and decoded again, and how far off each is.

    Args:
      family: static.
      params: trained parameters.
      images: `uint8` (n, h, w, c).
      codes: (n, n_codes).

    Returns:
      `uint8` (n, h, w, c), and the mean squared difference of each, in pixel values of 0…1.
    """

    def again(
        carry: tuple[()], valid: Array, images: Array, codes: Array
    ) -> tuple[tuple[()], tuple[UInt8[Array, "b h w c"], Float[Array, " b"]]]:
        x = images.astype(jnp.float32) / 255
        y = family.decode(params, family.posterior(params, x, codes)[0], codes)
        return carry, (to_uint8(y), jnp.mean((x - y) ** 2, axis=(1, 2, 3)))

    return fold_rows(again, (), (jnp.asarray(images), codes), block=_BLOCK)[1]


def to_uint8(images: Float[Array, "n h w c"]) -> UInt8[Array, "n h w c"]:
    """Pictures from 0…1 to 0…255, rounded."""
    return jnp.round(jnp.clip(images, 0, 1) * 255).astype(jnp.uint8)
