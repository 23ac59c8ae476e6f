"""Pictures of another size, by products with two matrices."""

import jax.numpy as jnp
import numpy as np

from .._checks import check_choice, check_count
from .._linalg import HIGHEST
from .._typing import Array, ArrayLike, Shaped
from ._spread import map_rows

METHODS = ("area", "linear", "cubic", "lanczos")


def check_pictures(images: ArrayLike, name: str = "images") -> Array:
    """Pictures (n, h, w, c), `uint8` or floating point."""
    if np.ndim(images) != 4 or 0 in np.shape(images):
        raise ValueError(f"{name} must have shape (n, h, w, c), not {np.shape(images)}")
    given = jnp.asarray(images)
    if given.dtype != jnp.uint8 and not jnp.issubdtype(given.dtype, jnp.floating):
        raise TypeError(f"{name} must be uint8 or floating point, not {given.dtype}")
    return given


def resize(
    images: Shaped[ArrayLike, "n h w c"], size: int | tuple[int, int], *, method: str = "lanczos"
) -> Shaped[Array, "n H W c"]:
    """Pictures of another size, antialiased: filters widen where pictures shrink.

    The filters are Pillow's, and so are the results, which Pillow rounds after each of the two
    axes. Works under `jit`, `vmap` and `grad`, on pictures sharded over a mesh.

    Cost O(n h w c (H + W)); peak extra memory a block of pictures.

    Args:
      images: (n, h, w, c), `uint8` or floating point.
      size: (H, W), or one number for both. Static.
      method: "area" (means of boxes), "linear", "cubic" or "lanczos" (three lobes). Static.

    Returns:
      (n, H, W, c) of the same type; `uint8` is rounded and kept within 0…255, whereas "cubic"
      and "lanczos" may carry others slightly beyond their range.

    Raises:
      ValueError: when shapes or options cannot be.
      TypeError: when `images` are whole numbers other than `uint8`.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax.features import resize
      >>> picture = jnp.array([[0.0, 1.0, 2.0, 3.0]]).reshape(1, 1, 4, 1)
      >>> resize(picture, (1, 2), method="area").ravel().tolist()
      [0.5, 2.5]

    References:
      Turkowski, Filters for common resampling tasks, 1990, doi:10.1016/B978-0-08-050753-8.50042-5.
    """
    images = check_pictures(images)
    check_choice(method, "method", METHODS)
    n, h, w, c = images.shape
    sides = size if isinstance(size, tuple) else (size, size)
    if len(sides) != 2:
        raise ValueError(f"size must be one number or (height, width), not {size!r}")
    high, wide = (check_count(side, "size") for side in sides)
    dtype = images.dtype if images.dtype in (jnp.float32, jnp.float64) else jnp.float32
    state = tuple(
        jnp.asarray(filter_matrix(*axis, method), dtype) for axis in ((h, high), (w, wide))
    )
    rows = map_rows(_resize, state, images.reshape(n, -1), 2 * c * max(h, high) * max(w, wide))
    if jnp.issubdtype(images.dtype, jnp.integer):
        rows = jnp.clip(jnp.round(rows), 0, 255)
    return rows.astype(images.dtype).reshape(n, high, wide, c)


def _resize(state: tuple[Array, Array], rows: Array) -> Array:
    down, across = state
    pictures = rows.astype(down.dtype).reshape(len(rows), down.shape[1], across.shape[1], -1)
    tall = jnp.einsum("Hh,nhwc->nHwc", down, pictures, precision=HIGHEST)
    return jnp.einsum("Ww,nHwc->nHWc", across, tall, precision=HIGHEST).reshape(len(rows), -1)


def filter_matrix(old: int, new: int, method: str) -> np.ndarray:
    """(new, old): the weight of each old pixel in each new one; rows sum to 1."""
    stretch = max(old / new, 1.0)
    centers = (np.arange(new)[:, None] + 0.5) * old / new
    distance = np.abs(np.arange(old)[None, :] + 0.5 - centers) / stretch
    if method == "area":  # what a box and a pixel have in common
        weights = np.clip((stretch + 1) / 2 - distance * stretch, 0, 1)
    elif method == "linear":
        weights = np.maximum(1 - distance, 0)
    elif method == "cubic":  # Keys' with a = −½
        near = (1.5 * distance - 2.5) * distance**2 + 1
        far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
        weights = np.where(distance < 1, near, np.where(distance < 2, far, 0))
    else:
        weights = np.where(distance < 3, np.sinc(distance) * np.sinc(distance / 3), 0)
    return weights / weights.sum(axis=1, keepdims=True)
