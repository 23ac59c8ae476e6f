"""Random changes of pictures, through which gradients go.

With few pictures a discriminator learns them by heart. Where real and generated pictures are both
changed at random before it sees them, it cannot; and since the generator learns through the
changes, it does not copy them (Zhao and others, arXiv:2006.10738).
"""

import jax
import jax.numpy as jnp
from jax import lax

from .._typing import Array, Float, KeyArray

AUGMENTATIONS = ("color", "translation", "cutout")

_REACH = 1 / 8  # of a translation, in sides
_HOLE = 1 / 2  # side of what is cut out, in sides


def augmented(
    key: KeyArray,
    images: Float[Array, "b h w c"],
    kinds: tuple[str, ...],
    strength: float | Float[Array, ""] = 1.0,
) -> Float[Array, "b h w c"]:
    """Pictures in −1…1, each changed at random by itself. Linear or smooth in the pictures.

    "color" adds −½…½ to all values (brightness), scales the distance of channels from their mean
    by 0…2 (saturation) and that of all values from theirs by ½…1½ (contrast); "translation" moves
    by up to an eighth of each side and fills with 0; "cutout" sets a rectangle of half the sides,
    anywhere, to 0. Cost O(b h w c (h + w)).

    Args:
      key: for the choices.
      images: (b, h, w, c).
      kinds: what to do, of `AUGMENTATIONS`. Static.
      strength: scales all of it; 0 changes nothing.

    References:
      Zhao, Liu, Lin, Zhu and Han, arXiv:2006.10738.
    """
    strength = jnp.asarray(strength, jnp.float32)
    for i, kind in enumerate(AUGMENTATIONS):
        if kind in kinds:
            images = _APPLY[kind](jax.random.fold_in(key, i), images, strength)
    return images


def color(key: KeyArray, x: Array, strength: Array) -> Array:
    """Brightness, saturation and contrast."""
    by = jax.random.uniform(key, (3, x.shape[0], 1, 1, 1), x.dtype, -1, 1) * strength.astype(
        x.dtype
    )
    x = x + by[0] / 2
    if x.shape[3] > 1:
        grey = jnp.mean(x, axis=3, keepdims=True)
        x = grey + (1 + by[1]) * (x - grey)
    middle = jnp.mean(x, axis=(1, 2, 3), keepdims=True)
    return middle + (1 + by[2] / 2) * (x - middle)


def translation(key: KeyArray, x: Array, strength: Array) -> Array:
    """Whole pixels up or down, and left or right."""
    _, h, w, _ = x.shape
    vertical, horizontal = jax.random.split(key)
    rows = _shift(vertical, x.shape[0], h, strength).astype(x.dtype)
    columns = _shift(horizontal, x.shape[0], w, strength).astype(x.dtype)
    # Products with shifted identities: a gather would have a scatter for its gradient, which is
    # slow on accelerators. Of full precision, so that values stay as they are.
    product = lax.Precision.HIGHEST
    x = jnp.einsum("bij,bjwc->biwc", rows, x, precision=product)
    return jnp.einsum("bij,bhjc->bhic", columns, x, precision=product)


def _shift(key: KeyArray, b: int, side: int, strength: Array) -> Array:
    """Of each picture (b, side, side): True where row i of the result is row j of the picture."""
    reach = strength * round(side * _REACH)
    by = jnp.round(jax.random.uniform(key, (b, 1, 1), jnp.float32, -1, 1) * (reach + 0.499))
    place = jnp.arange(side, dtype=jnp.int32)
    return place[None, None, :] == place[None, :, None] + by.astype(jnp.int32)


def cutout(key: KeyArray, x: Array, strength: Array) -> Array:
    """A rectangle whose middle may be anywhere, so that part of it may be outside."""
    b, h, w, _ = x.shape
    vertical, horizontal = jax.random.split(key)
    rows = _hole(vertical, b, h, strength)[:, :, None, None]
    columns = _hole(horizontal, b, w, strength)[:, None, :, None]
    return jnp.where(rows & columns, jnp.zeros_like(x), x)


def _hole(key: KeyArray, b: int, side: int, strength: Array) -> Array:
    """Of each picture (b, side), True where the hole is."""
    size = jnp.round(strength * round(side * _HOLE))
    first = jnp.floor(jax.random.uniform(key, (b, 1), jnp.float32) * (side + 1)) - size // 2
    place = jnp.arange(side, dtype=jnp.float32)[None, :]
    return (place >= first) & (place < first + size)


_APPLY = {"color": color, "translation": translation, "cutout": cutout}
