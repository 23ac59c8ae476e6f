"""Colours of a picture, wherever they lie in it: moments and histograms in OKLab."""

import jax.numpy as jnp

from .._checks import check_images
from .._linalg import HIGHEST
from .._typing import Array, Float, Images
from ._colors import srgb_to_oklab
from ._spread import map_rows

_LIGHT = 8  # bins of lightness, their middles from 0 to 1
_CHROMA, _REACH = 9, 0.28  # bins of a and of b, their middles from −0.28 to 0.28
WIDTH = 3 * 4 + 3 + 2 + _LIGHT + _CHROMA**2


def color_statistics(images: Images) -> Float[Array, "n 106"]:
    """What colours a picture has and how much of each, whatever it shows.

    In OKLab, in this order: mean, standard deviation, skewness and kurtosis of L, a and b (the
    deviations times 4, of the others asinh of the skewness and log of the kurtosis); correlations
    of L with a, L with b, a with b; mean and deviation of the chroma √(a² + b²), times 4; √ of the
    shares of 8 bins of lightness; √ of the shares of 9 × 9 bins of (a, b), row by row of a.
    A colour between the middles of bins counts for both, so that shares change smoothly. Roots of
    shares make squared distances those of Hellinger.

    Cost O(n h w); peak extra memory a block of pictures.

    Args:
      images: `uint8` (n, h, w, c), c = 1 or 3.

    Returns:
      float32 (n, 106).

    Raises:
      ValueError: when `images` is not (n, h, w, 1 or 3).
      TypeError: when it is not `uint8`.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax.features import color_statistics
      >>> rows = color_statistics(jnp.full((1, 8, 8, 3), 255, jnp.uint8))
      >>> rows.shape, [round(value, 2) + 0 for value in rows[0, :3].tolist()]
      ((1, 106), [1.0, 0.0, 0.0])

    References:
      Ottosson, A perceptual color space for image processing, 2020,
      https://bottosson.github.io/posts/oklab/.
    """
    images = check_colors(images)
    n, h, w, _ = images.shape
    rows = jnp.broadcast_to(images, (n, h, w, 3)).reshape(n, -1)
    return map_rows(_statistics, (), rows, h * w * (24 + _LIGHT + 2 * _CHROMA))


def check_colors(images: Images) -> Array:
    """Pictures of one channel or three."""
    checked = check_images(images)
    if checked.shape[-1] not in (1, 3):
        raise ValueError(f"images must have 1 or 3 channels, not {checked.shape[-1]}")
    return checked


def _statistics(state: tuple[()], rows: Array) -> Array:
    colors = srgb_to_oklab(rows.reshape(len(rows), -1, 3).astype(jnp.float32) / 255)
    chroma = jnp.sqrt(colors[..., 1] ** 2 + colors[..., 2] ** 2)
    light = jnp.mean(bins(colors[..., 0], 0, 1, _LIGHT), axis=1)
    a, b = (bins(colors[..., i], -_REACH, _REACH, _CHROMA) for i in (1, 2))
    both = jnp.matmul(jnp.swapaxes(a, 1, 2), b, precision=HIGHEST) / a.shape[1]
    parts = [
        color_moments(colors),
        4 * jnp.mean(chroma, axis=1, keepdims=True),
        4 * jnp.std(chroma, axis=1, keepdims=True),
        jnp.sqrt(light),
        jnp.sqrt(jnp.maximum(both, 0)).reshape(len(rows), -1),
    ]
    return jnp.concatenate(parts, axis=1)


def color_moments(colors: Float[Array, "n p 3"]) -> Float[Array, "n 15"]:
    """Mean, deviation, skewness and kurtosis of each channel, and correlations of channels."""
    mean = jnp.mean(colors, axis=1)
    offset = colors - mean[:, None]
    pairs = [jnp.mean(offset[..., i] * offset[..., j], axis=1) for i, j in ((0, 1), (0, 2), (1, 2))]
    variance, skewness, kurtosis = shape_of(offset)
    size = jnp.sqrt(variance + 1e-5)
    sizes = [size[:, i] * size[:, j] for i, j in ((0, 1), (0, 2), (1, 2))]
    correlations = [pair / size for pair, size in zip(pairs, sizes, strict=True)]
    return jnp.concatenate(
        [mean, 4 * jnp.sqrt(variance), skewness, kurtosis, jnp.stack(correlations, axis=1)], axis=1
    )


def shape_of(offset: Float[Array, "n p c"]) -> tuple[Array, Array, Array]:
    """Variance, asinh of the skewness and log of the kurtosis of columns of mean 0.

    Noise of a grey level is taken for none: a flat picture has skewness 0 and kurtosis 1.
    """
    square = offset**2
    variance, noise = jnp.mean(square, axis=1), 1e-5
    skewness = jnp.mean(square * offset, axis=1) / (variance + noise) ** 1.5
    kurtosis = (jnp.mean(square**2, axis=1) + noise**2) / (variance + noise) ** 2
    return variance, jnp.arcsinh(skewness), jnp.log(kurtosis)


def bins(values: Float[Array, "n p"], low: float, high: float, count: int) -> Array:
    """(n, p, count): each value's share in the two bins whose middles it lies between."""
    place = jnp.clip((values - low) / (high - low), 0, 1) * (count - 1)
    middles = jnp.arange(count, dtype=values.dtype)
    return jnp.maximum(1 - jnp.abs(place[..., None] - middles[None, None]), 0)
