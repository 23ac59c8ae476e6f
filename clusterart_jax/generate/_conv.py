"""Convolution that is fast inside `lax.scan` on CPU and native on accelerators."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax

from .._typing import Array, Float


def conv(
    x: Float[Array, "b h w c"], kernel: Float[Array, "s s c o"], stride: int = 1
) -> Float[Array, "b h2 w2 o"]:
    """Square convolution with zero padding, so that stride 1 keeps the size and 2 halves it.

    On CPU as shifted copies and one matrix product: XLA's own convolution runs 10 to 40 times
    slower inside a compiled loop there (jax-ml/jax#12868). What has fewer channels is copied, the
    pictures before the product or the result after it. Elsewhere the native one.

    Args:
      x: pictures (b, h, w, c); h and w are multiples of `stride`.
      kernel: (s, s, c, o), s odd.
      stride: 1 or 2. Static.

    Returns:
      (b, h / stride, w / stride, o).

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax.generate import conv
      >>> conv(jnp.ones((1, 4, 4, 1)), jnp.ones((3, 3, 1, 1)))[0, :2, :2, 0].tolist()
      [[4.0, 6.0], [6.0, 9.0]]
    """
    return lax.platform_dependent(
        x, kernel, cpu=partial(_shifted, stride=stride), default=partial(_native, stride=stride)
    )


def _shifted(x: Array, kernel: Array, *, stride: int) -> Array:
    _, h, w, c = x.shape
    size, _, _, out = kernel.shape
    reach = size // 2
    if stride == 1 and out < c:
        # Each pixel adds to those around it what they would have taken from it. By rows and then
        # within them: six moved copies, not nine.
        turned = kernel[::-1, ::-1].transpose(2, 0, 1, 3).reshape(c, size * size * out)
        rows = _added(product(x, turned), 1, size)
        return _added(rows, 2, size)[:, reach : reach + h, reach : reach + w]
    # What lies around a pixel is taken at once: to take it by rows writes more, and was slower.
    padded = jnp.pad(x, ((0, 0), (reach, reach), (reach, reach), (0, 0)))
    slices = [
        padded[:, i : i + h : stride, j : j + w : stride] for i in range(size) for j in range(size)
    ]
    return product(jnp.concatenate(slices, axis=3), kernel.reshape(size * size * c, out))


def product(x: Float[Array, "... c"], kernel: Float[Array, "c o"]) -> Float[Array, "... o"]:
    """The product x @ kernel as one of two matrices.

    For the derivative by the kernel of a product over four axes, XLA on CPU copies the transpose of
    what comes back, element by element, which takes longer than the product.
    """
    return (x.reshape(-1, x.shape[-1]) @ kernel).reshape(*x.shape[:-1], kernel.shape[1])


def _added(x: Array, axis: int, size: int) -> Array:
    """Part i of the channels, moved by i places along an axis, added up."""
    none, total = jnp.zeros((), x.dtype), None
    for i, part in enumerate(jnp.split(x, size, axis=3)):
        edges = [(0, 0, 0)] * 4
        edges[axis] = (i, size - 1 - i, 0)
        moved = lax.pad(part, none, edges)
        total = moved if total is None else total + moved
    assert total is not None
    return total


def _native(x: Array, kernel: Array, *, stride: int) -> Array:
    reach = kernel.shape[0] // 2
    return lax.conv_general_dilated(
        x,
        kernel,
        (stride, stride),
        [(reach, reach), (reach, reach)],
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


class Conv(nnx.Module):
    """A 3×3 convolution with bias, (b, h, w, c) → (b, h / stride, w / stride, o)."""

    def __init__(self, c: int, o: int, *, stride: int = 1, rngs: nnx.Rngs) -> None:
        init = jax.nn.initializers.he_normal()
        self.kernel = nnx.Param(init(rngs.params(), (3, 3, c, o), jnp.float32))
        self.bias = nnx.Param(jnp.zeros((o,), jnp.float32))
        self.stride = stride

    def __call__(self, x: Array) -> Array:
        return conv(x, self.kernel[...], self.stride) + self.bias[...][None, None, None]


class Linear(nnx.Linear):
    """`nnx.Linear` of the last axis of any number of them, as a product of two matrices."""

    def __call__(self, inputs: Array, out_sharding: Any = None) -> Array:
        y = super().__call__(inputs.reshape(-1, inputs.shape[-1]), out_sharding)
        return y.reshape(*inputs.shape[:-1], y.shape[1])


def space_to_depth(x: Float[Array, "b h w c"]) -> Float[Array, "b h2 w2 c4"]:
    """Each 2×2 square of pixels becomes one pixel of four times the channels."""
    b, h, w, c = x.shape
    squares = x.reshape(b, h // 2, 2, w // 2, 2, c).transpose(0, 1, 3, 2, 4, 5)
    return squares.reshape(b, h // 2, w // 2, 4 * c)


def depth_to_space(x: Float[Array, "b h w c4"]) -> Float[Array, "b h2 w2 c"]:
    """The inverse of `space_to_depth`."""
    b, h, w, c = x.shape
    squares = x.reshape(b, h, w, 2, 2, c // 4).transpose(0, 1, 3, 2, 4, 5)
    return squares.reshape(b, 2 * h, 2 * w, c // 4)
