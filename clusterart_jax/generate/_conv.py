"""Convolution that is fast inside `lax.scan` on CPU and native on accelerators."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax

from .._typing import Array, Float

# On a CPU the native convolution is quicker from so many channels on both sides, and pixels of a
# picture, on (measured).
_CHANNELS, _PIXELS = 16, 150


def conv(
    x: Float[Array, "b h w c"], kernel: Float[Array, "s s c o"], stride: int = 1
) -> Float[Array, "b h2 w2 o"]:
    """Square convolution with zero padding, so that stride 1 keeps the size and 2 halves it.

    On CPU the derivatives of XLA's own convolution run 10 to 40 times slower inside a compiled loop
    (jax-ml/jax#12868). Of large pictures with many channels it has derivatives of its own there,
    backwards only; others, and those that halve, are made of shifted copies and one matrix product:
    what has fewer channels is copied, the pictures before the product or the result after it.

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
    large = min(kernel.shape[2:]) >= _CHANNELS and x.shape[1] * x.shape[2] >= _PIXELS
    on_cpu = _same_size if large and stride == 1 else partial(_shifted, stride=stride)
    return lax.platform_dependent(x, kernel, cpu=on_cpu, default=partial(_native, stride=stride))


@jax.custom_vjp
def _same_size(x: Array, kernel: Array) -> Array:
    """The native convolution, whose derivatives are another and a matrix product."""
    return _native(x, kernel, stride=1)


def _same_size_forward(x: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
    return _same_size(x, kernel), (x, kernel)


def _same_size_backward(kept: tuple[Array, Array], slope: Array) -> tuple[Array, Array]:
    x, kernel = kept
    by_x = _same_size(slope, kernel[::-1, ::-1].transpose(0, 1, 3, 2))
    around = _around(x, kernel.shape[0], 1)
    by_kernel = around.reshape(-1, around.shape[3]).T @ slope.reshape(-1, slope.shape[3])
    return by_x, by_kernel.reshape(kernel.shape)


_same_size.defvjp(_same_size_forward, _same_size_backward)


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
    return product(_around(x, size, stride), kernel.reshape(size * size * c, out))


def _around(x: Array, size: int, stride: int) -> Array:
    """The channels of what lies around each pixel, or each second one, one after the other."""
    _, h, w, _ = x.shape
    reach = size // 2
    padded = jnp.pad(x, ((0, 0), (reach, reach), (reach, reach), (0, 0)))
    slices = [
        padded[:, i : i + h : stride, j : j + w : stride] for i in range(size) for j in range(size)
    ]
    return jnp.concatenate(slices, axis=3)


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
