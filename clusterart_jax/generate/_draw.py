"""Codes → pictures, in blocks."""

import jax
import jax.numpy as jnp

from .._linalg import fold_rows
from .._typing import Array, Float, KeyArray, UInt8
from ._family import Family, Model

_BLOCK = 128  # pictures generated at once, about as many as a training step holds


def draw(
    family: Family,
    model: Model,
    key: KeyArray,
    codes: Float[Array, "m n_codes"],
    temperature: float | Array = 1.0,
) -> UInt8[Array, "m h w c"]:
    """New pictures, one for each code; picture i is the same however many there are.

    Args:
      family: static.
      model: trained.
      key: for the latents.
      codes: (m, n_codes); a mixture of clusters gives a picture between them.
      temperature: less than 1 draws what is more typical, and varies less.

    Returns:
      `uint8` (m, h, w, c).
    """

    def some(
        carry: tuple[()], valid: Array, numbers: Array, codes: Array
    ) -> tuple[tuple[()], UInt8[Array, "b h w c"]]:
        keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(numbers)
        z = family.draw(model, keys, codes, temperature)
        return carry, to_uint8(family.decode(model, z, codes))

    numbers = jnp.arange(codes.shape[0], dtype=jnp.int32)
    return fold_rows(some, (), (numbers, codes), block=_BLOCK)[1]


def to_uint8(images: Float[Array, "n h w c"]) -> UInt8[Array, "n h w c"]:
    """Pictures from 0…1 to 0…255, rounded."""
    return jnp.round(jnp.clip(images, 0, 1) * 255).astype(jnp.uint8)
