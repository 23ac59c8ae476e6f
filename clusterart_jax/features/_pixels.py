"""Pixel values as features."""

import jax.numpy as jnp

from .._checks import check_images
from .._typing import Array, Float, Images


def pixels(images: Images) -> Float[Array, "n hwc"]:
    """Pictures as rows of pixel values, scaled from 0…255 to 0…1.

    Args:
      images: `uint8` (n, h, w, c).

    Returns:
      float32 (n, h·w·c).

    Raises:
      ValueError: when `images` is not (n, h, w, c).
      TypeError: when it is not `uint8`.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax.features import pixels
      >>> pixels(jnp.full((2, 4, 4, 3), 255, jnp.uint8)).shape
      (2, 48)
    """
    images = check_images(images)
    return images.reshape(images.shape[0], -1).astype(jnp.float32) / 255
