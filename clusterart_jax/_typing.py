"""Array types used in signatures: `Float[Array, "n d"]` is a float array of n rows, d columns."""

from typing import TypeAlias

import jax
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int, Integer, Key, PyTree, Shaped, UInt8

Images: TypeAlias = UInt8[Array, "n h w c"] | UInt8[np.ndarray, "n h w c"]
"""Pictures: n of them, height h, width w, c channels (1 grey, 3 sRGB), values 0…255."""

KeyArray: TypeAlias = jax.Array
"""A random key from `jax.random.key`."""

__all__ = [
    "Array",
    "ArrayLike",
    "Bool",
    "Float",
    "Images",
    "Int",
    "Integer",
    "Key",
    "KeyArray",
    "PyTree",
    "Shaped",
    "UInt8",
]
