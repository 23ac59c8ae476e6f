"""InceptionV3 with the weights of 2015, on whose features the Fréchet Inception Distance is taken.

It differs from the network of the paper: averages in the blocks leave out the padding, the last
block takes maxima instead, and there are 1,008 classes.
"""

from collections.abc import Callable

import jax.numpy as jnp

from .._linalg import HIGHEST
from .._typing import Array, Float
from ._layers import Take, convolve, max_pool, mean_pool

SIZE = 299
"""Height and width of the pictures it takes."""


def inception(
    take: Take, x: Float[Array, "n h w 3"]
) -> tuple[Float[Array, "n 2048"], Float[Array, "n 1008"]]:
    """Features, and logits without their bias, as Inception Scores are computed from.

    Args:
      take: gives the weights, named as by pytorch-fid and torch-fidelity.
      x: pictures of values −1…1; 299 × 299 ones, but all from 75 × 75 on will do.

    References:
      Szegedy et al., Rethinking the Inception architecture for computer vision, 2015,
      arXiv:1512.00567.
    """
    for stage in STAGES:
        x = stage(take, x)
    features = jnp.mean(x, axis=(1, 2))
    kernel, _ = take("fc", None, (1, 1, features.shape[1], 1008))
    return features, jnp.matmul(features, kernel[0, 0], precision=HIGHEST)


Size = int | tuple[int, int]


def _unit(
    take: Take, x: Array, name: str, width: int, size: Size, stride: int = 1, padding: str = "SAME"
) -> Array:
    """Convolution, batch norm, ReLU."""
    high, wide = (size, size) if isinstance(size, int) else size
    weights = take(f"{name}.conv", f"{name}.bn", (high, wide, x.shape[-1], width))
    return jnp.maximum(convolve(x, *weights, stride, padding), 0)


def _stem(take: Take, x: Array) -> Array:
    x = _unit(take, x, "Conv2d_1a_3x3", 32, 3, 2, "VALID")
    x = _unit(take, x, "Conv2d_2a_3x3", 32, 3, 1, "VALID")
    x = _unit(take, x, "Conv2d_2b_3x3", 64, 3)
    x = max_pool(x, 2, "VALID")
    x = _unit(take, x, "Conv2d_3b_1x1", 80, 1)
    x = _unit(take, x, "Conv2d_4a_3x3", 192, 3, 1, "VALID")
    return max_pool(x, 2, "VALID")


def _chain(take: Take, x: Array, name: str, *layers: tuple[int, Size]) -> Array:
    """Units one after the other, numbered from 1 where they are several."""
    for i, (width, size) in enumerate(layers, 1):
        x = _unit(take, x, f"{name}_{i}" if len(layers) > 1 else name, width, size)
    return x


def _join(*branches: Array) -> Array:
    return jnp.concatenate(branches, axis=-1)


def _a(take: Take, x: Array, name: str, pooled: int) -> Array:
    return _join(
        _chain(take, x, f"{name}.branch1x1", (64, 1)),
        _chain(take, x, f"{name}.branch5x5", (48, 1), (64, 5)),
        _chain(take, x, f"{name}.branch3x3dbl", (64, 1), (96, 3), (96, 3)),
        _chain(take, mean_pool(x), f"{name}.branch_pool", (pooled, 1)),
    )


def _b(take: Take, x: Array, name: str) -> Array:
    double = _chain(take, x, f"{name}.branch3x3dbl", (64, 1), (96, 3))
    return _join(
        _unit(take, x, f"{name}.branch3x3", 384, 3, 2, "VALID"),
        _unit(take, double, f"{name}.branch3x3dbl_3", 96, 3, 2, "VALID"),
        max_pool(x, 2, "VALID"),
    )


def _c(take: Take, x: Array, name: str, width: int) -> Array:
    wide, tall = (width, (1, 7)), (width, (7, 1))
    double = ((width, 1), tall, wide, tall, (192, (1, 7)))
    return _join(
        _chain(take, x, f"{name}.branch1x1", (192, 1)),
        _chain(take, x, f"{name}.branch7x7", (width, 1), wide, (192, (7, 1))),
        _chain(take, x, f"{name}.branch7x7dbl", *double),
        _chain(take, mean_pool(x), f"{name}.branch_pool", (192, 1)),
    )


def _d(take: Take, x: Array, name: str) -> Array:
    short = _unit(take, x, f"{name}.branch3x3_1", 192, 1)
    long = _chain(take, x, f"{name}.branch7x7x3", (192, 1), (192, (1, 7)), (192, (7, 1)))
    return _join(
        _unit(take, short, f"{name}.branch3x3_2", 320, 3, 2, "VALID"),
        _unit(take, long, f"{name}.branch7x7x3_4", 192, 3, 2, "VALID"),
        max_pool(x, 2, "VALID"),
    )


def _e(take: Take, x: Array, name: str, pooled: Array) -> Array:
    short = _unit(take, x, f"{name}.branch3x3_1", 384, 1)
    double = _chain(take, x, f"{name}.branch3x3dbl", (448, 1), (384, 3))
    return _join(
        _unit(take, x, f"{name}.branch1x1", 320, 1),
        _unit(take, short, f"{name}.branch3x3_2a", 384, (1, 3)),
        _unit(take, short, f"{name}.branch3x3_2b", 384, (3, 1)),
        _unit(take, double, f"{name}.branch3x3dbl_3a", 384, (1, 3)),
        _unit(take, double, f"{name}.branch3x3dbl_3b", 384, (3, 1)),
        _unit(take, pooled, f"{name}.branch_pool", 192, 1),
    )


STAGES: tuple[Callable[[Take, Array], Array], ...] = (
    _stem,
    lambda take, x: _a(take, x, "Mixed_5b", 32),
    lambda take, x: _a(take, x, "Mixed_5c", 64),
    lambda take, x: _a(take, x, "Mixed_5d", 64),
    lambda take, x: _b(take, x, "Mixed_6a"),
    lambda take, x: _c(take, x, "Mixed_6b", 128),
    lambda take, x: _c(take, x, "Mixed_6c", 160),
    lambda take, x: _c(take, x, "Mixed_6d", 160),
    lambda take, x: _c(take, x, "Mixed_6e", 192),
    lambda take, x: _d(take, x, "Mixed_7a"),
    lambda take, x: _e(take, x, "Mixed_7b", mean_pool(x)),
    lambda take, x: _e(take, x, "Mixed_7c", max_pool(x, 1, "SAME")),
)
"""The blocks, in their order."""
