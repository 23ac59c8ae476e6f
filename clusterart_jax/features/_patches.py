"""Pictures → small squares as points, and back."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .._checks import check_count, check_key, check_rows
from .._linalg import total
from .._sharding import RowSharding, over_rows, replicate, row_sharding
from .._typing import Array, ArrayLike, Float, KeyArray, Shaped
from ._resize import check_pictures


def _grid(shape: tuple[int, ...], size: int, stride: int) -> tuple[int, int, int, int]:
    """Side and stride of patches, and how many there are down and across."""
    side = check_count(size, "size", high=min(shape[1:3]))
    stride = check_count(stride, "stride")
    down, across = ((length - side) // stride + 1 for length in shape[1:3])
    return side, stride, down, across


def extract_patches(
    images: Shaped[ArrayLike, "n h w c"], size: int, *, stride: int = 1
) -> Shaped[Array, "np ssc"]:
    """All square patches of pictures, as rows: picture by picture, from the top left.

    Cost and memory are those of the result: n p s² c numbers, about (s / stride)² times as many
    as the pictures have.

    Args:
      images: (n, h, w, c), `uint8` or floating point.
      size: side s of a patch. Static.
      stride: distance from one patch to the next; what does not fit at the end is left. Static.

    Returns:
      (n·p, s·s·c) of the same type, p = ⌊(h − s)/stride + 1⌋ · ⌊(w − s)/stride + 1⌋.

    Raises:
      ValueError: when a patch is larger than the pictures.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax.features import extract_patches
      >>> extract_patches(jnp.zeros((2, 8, 8, 3)), 4, stride=2).shape
      (18, 48)
    """
    images = check_pictures(images)
    n, _, _, c = images.shape
    s, stride, down, across = _grid(images.shape, size, stride)
    y, x = (stride * np.arange(m)[:, None] + np.arange(s)[None] for m in (down, across))
    strips = jnp.take(images, y, axis=1)  # (n, down, s, w, c)
    patches = jnp.take(strips, x, axis=3)  # (n, down, s, across, s, c)
    return patches.swapaxes(2, 3).reshape(n * down * across, s * s * c)


def merge_patches(
    patches: Float[ArrayLike, "np ssc"], shape: tuple[int, int, int], size: int, *, stride: int = 1
) -> Float[Array, "n h w c"]:
    """The pictures that patches came from, each pixel the mean of the patches over it.

    The inverse of `extract_patches`, where patches cover the whole picture; pixels that none
    covers are 0. Sums of shifted pictures: no scatter, and the same on every run.

    Cost O(n p s² c); peak extra memory that of the patches.

    Args:
      patches: (n·p, s·s·c), as from `extract_patches`.
      shape: (h, w, c) of a picture. Static.
      size: side s of a patch. Static.
      stride: distance from one patch to the next. Static.

    Returns:
      (n, h, w, c).

    Raises:
      ValueError: when these are not the patches of such pictures.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax.features import extract_patches, merge_patches
      >>> images = jnp.arange(18.0).reshape(1, 3, 3, 2)
      >>> bool((merge_patches(extract_patches(images, 2), (3, 3, 2), 2) == images).all())
      True
    """
    rows = check_rows(patches, "patches")
    h, w, c = (check_count(length, "shape") for length in shape)
    s, stride, down, across = _grid((0, h, w, c), size, stride)
    if rows.shape[0] % (down * across) or rows.shape[1] != s * s * c:
        raise ValueError(
            f"patches must have shape (n·{down * across}, {s * s * c}), not {rows.shape}"
        )
    parts = rows.reshape(-1, down, across, s, s, c)
    strips = _overlay([parts[:, :, :, :, i] for i in range(s)], 2, w, stride)  # (n, down, w, s, c)
    sums = _overlay([strips[:, :, :, i] for i in range(s)], 1, h, stride)
    seen = [
        np.bincount((stride * np.arange(m)[:, None] + np.arange(s)).ravel(), minlength=length)
        for m, length in ((down, h), (across, w))
    ]
    counts = np.maximum(np.outer(*seen), 1)[None, :, :, None]
    return sums / jnp.asarray(counts, sums.dtype)


def _overlay(parts: list[Array], axis: int, length: int, stride: int) -> Array:
    """Part i put at i, i + stride, … along an axis of that length; their sum."""
    last = (parts[0].shape[axis] - 1) * stride + 1
    whole: Any = 0
    for i, part in enumerate(parts):
        padding = [(0, 0, 0)] * part.ndim
        padding[axis] = (i, length - last - i, stride - 1)
        whole = whole + lax.pad(part, jnp.zeros((), part.dtype), padding)
    return whole


def random_patches(
    key: KeyArray, images: Shaped[ArrayLike, "n h w c"], size: int, n_patches: int
) -> Shaped[Array, "m ssc"]:
    """Square patches from random places of random pictures, as rows.

    Every place is as likely as any other, with replacement. Cost and memory O(m s² c).

    Args:
      key: for the choice.
      images: (n, h, w, c), `uint8` or floating point.
      size: side s of a patch. Static.
      n_patches: m. Static.

    Returns:
      (m, s·s·c) of the same type.

    Raises:
      ValueError: when a patch is larger than the pictures.
      TypeError: when `key` is no random key.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from clusterart_jax.features import random_patches
      >>> random_patches(jax.random.key(0), jnp.zeros((2, 8, 8, 3)), 4, 10).shape
      (10, 48)
    """
    key = check_key(key)
    images = check_pictures(images)
    s = _grid(images.shape, size, 1)[0]
    count = check_count(n_patches, "n_patches")
    sharding = row_sharding(images)
    return _random_patches(replicate(key, sharding), images, s=s, count=count, sharding=sharding)


@partial(jax.jit, static_argnames=("s", "count", "sharding"))
def _random_patches(
    key: KeyArray, images: Array, *, s: int, count: int, sharding: RowSharding | None
) -> Array:
    n, h, w, c = images.shape
    axis = None if sharding is None else sharding.axis
    limits = (n, h - s + 1, w - s + 1)
    places = [
        jax.random.randint(k, (count,), 0, limit, jnp.int32)
        for k, limit in zip(jax.random.split(key, 3), limits, strict=True)
    ]

    def solve(images: Array, picture: Array, y: Array, x: Array) -> Array:
        first = 0 if axis is None else lax.axis_index(axis) * len(images)
        mine = (picture >= first) & (picture < first + len(images))
        here = jnp.clip(picture - first, 0, len(images) - 1)
        cut = jax.vmap(lambda *at: lax.dynamic_slice(images, (*at, jnp.int32(0)), (1, s, s, c)))
        patches = cut(here, y, x).reshape(count, s * s * c)
        return total(jnp.where(mine[:, None], patches, 0), axis)

    rows_in = (True, False, False, False)
    return over_rows(solve, sharding, rows_in=rows_in, rows_out=False)(images, *places)


def normalize_patches(
    patches: Float[ArrayLike, "n d"], *, noise: float | Float[ArrayLike, ""] = 0.04
) -> Float[Array, "n d"]:
    """Rows without their brightness and contrast: (x − mean) / √(variance + noise²).

    Args:
      patches: rows (n, d).
      noise: standard deviation, in the units of `patches`, of what should not be amplified; for
        pixels in 0…1, 0.04 leaves flat patches flat.

    Returns:
      (n, d).

    Raises:
      ValueError: when `patches` has not 2 dimensions.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax.features import normalize_patches
      >>> normalize_patches(jnp.array([[1.0, 3.0]]), noise=0.0).tolist()
      [[-1.0, 1.0]]

    References:
      Coates, Lee and Ng, An analysis of single-layer networks in unsupervised feature learning,
      2011, https://proceedings.mlr.press/v15/coates11a.html.
    """
    rows = check_rows(patches, "patches")
    rows = rows - jnp.mean(rows, axis=1, keepdims=True)
    variance = jnp.mean(rows**2, axis=1, keepdims=True)
    total_variance = variance + jnp.asarray(noise, rows.dtype) ** 2
    return rows / jnp.sqrt(jnp.where(total_variance > 0, total_variance, 1))
