"""What convolutional classifiers are made of: convolutions with their norms, pools, resizing."""

from collections.abc import Callable
from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .._errors import DataError
from .._linalg import HIGHEST
from .._typing import Array, Float

Take = Callable[..., tuple[Array, Array]]
"""(name, norm, shape) → the kernel (height, width, channels in, out) and bias of one layer.

`name` is that of the layer in the file of weights, `norm` that of the batch norm after it, or None.
A network is a function of `take` and pictures, so that the same lines name its weights, say their
shapes, and use them.
"""

_EPS = 1e-3  # of the batch norms of both classifiers

Forward = Callable[[Take, Array], Any]


def shapes_of(forward: Forward, size: int) -> dict[str, tuple[str | None, tuple[int, ...]]]:
    """Norm and shape of each layer that a network takes for pictures of this size."""
    taken: dict[str, tuple[str | None, tuple[int, ...]]] = {}

    def take(name: str, norm: str | None, shape: tuple[int, ...]) -> tuple[Array, Array]:
        taken[name] = norm, shape
        return jnp.zeros(shape, jnp.float32), jnp.zeros(shape[-1], jnp.float32)

    jax.eval_shape(lambda x: forward(take, x), jnp.zeros((1, size, size, 3), jnp.float32))
    return taken


def fold(
    tensors: dict[str, np.ndarray], forward: Forward, size: int, what: str
) -> dict[str, tuple[Array, Array]]:
    """Kernels and biases, in which each batch norm is contained, from tensors named as torch does.

    Args:
      tensors: of a state dictionary; what the network does not need is left.
      forward: the network.
      size: of the pictures it takes.
      what: the file and the network, for the error.

    Raises:
      DataError: when tensors are absent or of another shape, naming the first.
    """
    found = {}
    for name, (norm, shape) in shapes_of(forward, size).items():
        wanted = {f"{name}.weight": shape[::-1][:2] + shape[:2]}
        if norm is None:  # a matrix, with a bias
            wanted = {f"{name}.weight": shape[:1:-1], f"{name}.bias": shape[-1:]}
        else:
            parts = ("weight", "bias", "running_mean", "running_var")
            wanted |= {f"{norm}.{part}": shape[-1:] for part in parts}
        for key, expected in wanted.items():
            if key not in tensors:
                raise DataError(f"{what}: it has no tensor {key}")
            if tensors[key].shape != expected:
                raise DataError(f"{what}: {key} has shape {tensors[key].shape}, not {expected}")
        kernel, *rest = (tensors[key].astype(np.float64) for key in wanted)
        if norm is None:
            kernel, bias = kernel.T[None, None], rest[0]
        else:
            scale = rest[0] / np.sqrt(rest[3] + _EPS)
            kernel = kernel.transpose(2, 3, 1, 0) * scale
            bias = rest[1] - rest[2] * scale
        found[name] = _on_device(kernel, bias)
    return found


def _on_device(kernel: np.ndarray, bias: np.ndarray) -> tuple[Array, Array]:
    with jax.ensure_compile_time_eval():  # numbers, in a function that is traced too
        return jnp.asarray(np.float32(kernel)), jnp.asarray(np.float32(bias))


def unfolded(
    tensors: dict[str, tuple[np.ndarray, np.ndarray]], forward: Forward, size: int, what: str
) -> dict[str, tuple[Array, Array]]:
    """Kernels and biases, of a file in which batch norms are folded already; else as `fold`."""
    found = {}
    for name, (_, shape) in shapes_of(forward, size).items():
        if name not in tensors:
            raise DataError(f"{what}: it has no tensor {name}")
        kernel, bias = tensors[name]
        if kernel.shape != shape:
            raise DataError(f"{what}: {name} has shape {kernel.shape}, not {shape}")
        found[name] = _on_device(kernel, bias)
    return found


def convolve(
    x: Float[Array, "n h w c"], kernel: Array, bias: Array, stride: int = 1, padding: str = "SAME"
) -> Float[Array, "n H W C"]:
    """A convolution, padded as TensorFlow does where it is "SAME"."""
    out = lax.conv_general_dilated(
        x,
        kernel,
        (stride, stride),
        padding,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        precision=HIGHEST,
    )
    return out + bias[None, None, None]


def convolve_channels(
    x: Float[Array, "n h w c"], kernel: Float[Array, "a b 1 c"], bias: Array, stride: int
) -> Float[Array, "n H W c"]:
    """Each channel by itself, as a sum of shifted pictures: XLA's own is slow on a CPU."""
    high, wide = kernel.shape[:2]
    shifted = windows(x, (high, wide), stride, "SAME", 0)
    weights = kernel.reshape(len(shifted), 1, 1, 1, -1)
    out = jnp.broadcast_to(bias[None, None, None], shifted[0].shape)
    for picture, weight in zip(shifted, weights, strict=True):
        out = out + picture * weight
    return out


def windows(
    x: Float[Array, "n h w c"], size: tuple[int, int], stride: int, padding: str, fill: float
) -> list[Array]:
    """For each place in a window, the picture of what stands there: (n, H, W, c) each."""
    pads = lax.padtype_to_pads(x.shape[1:3], size, (stride, stride), padding)
    x = jnp.pad(x, ((0, 0), *pads, (0, 0)), constant_values=fill)
    high, wide = ((x.shape[1 + i] - size[i]) // stride + 1 for i in (0, 1))
    return [
        x[:, i : i + stride * (high - 1) + 1 : stride, j : j + stride * (wide - 1) + 1 : stride]
        for i in range(size[0])
        for j in range(size[1])
    ]


def max_pool(x: Float[Array, "n h w c"], stride: int, padding: str) -> Float[Array, "n H W c"]:
    """The largest of 3 × 3 pixels."""
    return reduce(jnp.maximum, windows(x, (3, 3), stride, padding, -np.inf))


def mean_pool(x: Float[Array, "n h w c"]) -> Float[Array, "n h w c"]:
    """Means of 3 × 3 pixels, of those alone that lie in the picture."""
    ones = jnp.ones((1, *x.shape[1:3], 1), x.dtype)
    total, inside = (reduce(jnp.add, windows(a, (3, 3), 1, "SAME", 0)) for a in (x, ones))
    return total / inside


def bilinear(images: Array, size: int, *, half_pixels: bool) -> Float[Array, "n H W c"]:
    """Pictures of another size, each pixel from the nearest four, without antialiasing.

    Args:
      images: (n, h, w, c), `uint8`.
      size: H and W.
      half_pixels: whether coordinates are those of the pixels' middles, as in PyTorch, or of their
        corners, as in TensorFlow 1.
    """
    across = [jnp.asarray(_two_taps(side, size, half_pixels)) for side in images.shape[1:3]]
    x = jnp.einsum("Hh,nhwc->nHwc", across[0], images.astype(jnp.float32), precision=HIGHEST)
    return jnp.einsum("Ww,nHwc->nHWc", across[1], x, precision=HIGHEST)


def _two_taps(old: int, new: int, half_pixels: bool) -> np.ndarray:
    """(new, old): the weight of each old pixel in each new one."""
    step, places = np.float32(old / new), np.arange(new, dtype=np.float32)
    places = np.maximum((places + 0.5) * step - 0.5, 0) if half_pixels else places * step
    low = places.astype(np.int64)
    part = (places - low).astype(np.float32)
    matrix = np.zeros((new, old), np.float32)
    np.add.at(matrix, (np.arange(new), low), 1 - part)
    np.add.at(matrix, (np.arange(new), np.minimum(low + 1, old - 1)), part)
    return matrix
