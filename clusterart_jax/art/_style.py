"""Styles of pictures as vectors, and pictures painted in a style."""

from collections.abc import Sequence
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

from .. import data, features
from .._errors import ConfigError, DataError
from .._typing import Array, ArrayLike, Float, UInt8
from ._tiles import stylize_tiled
from ._transformer import STYLE, style_transformer

_PREDICTED = 256  # side of the squares whose style is seen
_AT_ONCE = 256  # such squares that are held
_LEAST = 16  # side of the smallest picture that is painted; smaller ones are extended
_PIXELS = 1 << 18  # whose colours are mixed at a time

Picture = UInt8[np.ndarray, "h w c"]


def style_vectors(
    pictures: Sequence[Picture] | UInt8[np.ndarray, "n h w c"], *, batch_size: int | None = None
) -> Float[np.ndarray, "n 100"]:
    """The style of each picture: 100 values, of which weighted sums are styles in between.

    Of each picture the square in its middle is seen, at 256 × 256. Cost 0.4 billion
    multiplications a picture.

    Args:
      pictures: `uint8` ones (h, w, c) of any sizes, c = 1 (grey), 3 or 4 (with alpha: what is
        transparent has the mean colour of the rest).
      batch_size: pictures at a time; None takes what suits the device.

    Returns:
      (n, 100) float32, of a length of 7 to 9 where they are of photographs.

    Raises:
      ConfigError: when clusterart-jax[pretrained] is not installed.
      DataError: when a picture is of another shape or type, naming it.

    Example:
      >>> import numpy as np
      >>> from clusterart_jax import art
      >>> photo, painting = np.zeros((40, 60, 3), np.uint8), np.full((30, 30, 1), 200, np.uint8)
      >>> styles = art.style_vectors([photo, painting])
      >>> (0.7 * styles[0] + 0.3 * styles[1]).shape
      (100,)

    References:
      Ghiasi et al., Exploring the structure of a real-time, arbitrary neural artistic stylization
      network, 2017, arXiv:1705.06830.
    """
    if len(pictures) == 0:
        raise DataError("pictures must hold at least one picture")
    network, parts = _predictor(), []
    for start in range(0, len(pictures), _AT_ONCE):
        batch = pictures[start : start + _AT_ONCE]
        squares = [_square(batch[i], f"pictures[{start + i}]") for i in range(len(batch))]
        parts.append(np.asarray(network.features(np.concatenate(squares), batch_size=batch_size)))
    return np.concatenate(parts)


def mix_styles(
    styles: Float[ArrayLike, "m 100"], weights: Float[ArrayLike, " m"]
) -> Float[np.ndarray, " 100"]:
    """The weighted mean of styles, which is a style in between.

    Args:
      styles: (m, 100), of `style_vectors`.
      weights: (m,), in any unit; below 0 leads away from a style. Their sum must be above 0.

    Raises:
      DataError: when shapes or numbers cannot be.

    Example:
      >>> import numpy as np
      >>> from clusterart_jax.art import mix_styles
      >>> mix_styles(np.eye(2, 100), [3, 1])[:3].tolist()
      [0.75, 0.25, 0.0]
    """
    vectors, shares = np.asarray(styles, np.float32), np.asarray(weights, np.float64)
    if vectors.ndim != 2 or vectors.shape[1] != STYLE or shares.shape != vectors.shape[:1]:
        raise DataError(
            f"styles must be (m, {STYLE}) and weights (m,), not {vectors.shape} and {shares.shape}"
        )
    if not (np.isfinite(vectors).all() and np.isfinite(shares).all() and shares.sum() > 0):
        raise DataError("styles and weights must be finite numbers, and weights sum to above 0")
    return (shares / shares.sum() @ vectors).astype(np.float32)


@cache
def _predictor() -> features.Network:
    return features.network("style")


def _square(picture: Picture, name: str) -> UInt8[np.ndarray, "1 s s 3"]:
    """The middle of a picture, as colours without alpha."""
    opaque = _opaque(_checked(picture, name))
    return data.resize(np.ascontiguousarray(opaque)[None], _PREDICTED)


def apply_style(
    picture: Picture,
    style: Float[ArrayLike, " 100"],
    *,
    strength: float = 1.0,
    keep_colors: bool = False,
) -> Picture:
    """A picture painted in a style.

    The network paints at the size that the picture has, strokes of some 20 pixels: a picture made
    smaller first comes out bolder. It goes through in tiles with the norms of the whole, so that
    no seams are seen and pictures of all sizes share the compiled programs.

    Cost some 15,000 multiplications a pixel; peak extra memory some 35 bytes a pixel.

    Args:
      picture: `uint8` (h, w, c), c = 1 (grey), 3, or 4, whose alpha is kept.
      style: (100,), one of `style_vectors`, or several mixed by `mix_styles`.
      strength: 1 paints in the style, 0 in the picture's own, which changes it least; what lies
        between paints in the weighted mean of both vectors. Up to 2, beyond the style.
      keep_colors: only lightness is painted, and the hue and chroma of each pixel stay as they
        were (OKLab); a grey picture stays grey. The network paints colours by the norms of
        its last layers, so that style vectors cannot leave them out.

    Returns:
      `uint8` of the same height and width; 4 channels where `picture` has those, 1 where it is
      grey and `keep_colors`, else 3.

    Raises:
      ConfigError: when clusterart-jax[pretrained] is not installed, or `strength` cannot be.
      DataError: when the picture or the style is of another shape or type, or not finite.

    Example:
      >>> import numpy as np
      >>> from clusterart_jax import art
      >>> photo = np.arange(20 * 30 * 3, dtype=np.uint8).reshape(20, 30, 3)
      >>> style = art.style_vectors([photo[::-1]])[0]
      >>> art.apply_style(photo, style, strength=0.5).shape
      (20, 30, 3)

    References:
      Ghiasi et al., as for `style_vectors`; Gatys et al., Preserving color in neural artistic
      style transfer, 2016, arXiv:1606.05897.
    """
    picture = _checked(picture, "picture")
    if (
        isinstance(strength, bool)
        or not isinstance(strength, int | float)
        or not 0 <= strength <= 2
    ):
        raise ConfigError(f"strength must be a number from 0 to 2, not {strength!r}")
    wanted = np.asarray(style, np.float32)
    if wanted.shape != (STYLE,) or not np.isfinite(wanted).all():
        raise DataError(f"style must be {STYLE} finite numbers, not of shape {wanted.shape}")
    net = style_transformer()
    if strength != 1:
        wanted = strength * wanted + (1 - strength) * style_vectors([picture])[0]
    h, w, channels = picture.shape
    opaque = _opaque(picture)
    more = [(0, max(_LEAST, -(-side // 4) * 4) - side) for side in (h, w)]
    painted = stylize_tiled(net, np.pad(opaque, (*more, (0, 0)), mode="reflect"), wanted)[:h, :w]
    out = _colored(painted, opaque) if keep_colors else _rounded(painted)
    if keep_colors and channels == 1:
        return np.ascontiguousarray(out[:, :, :1])
    return np.concatenate([out, picture[:, :, 3:]], axis=2) if channels == 4 else out


def _checked(picture: Picture, name: str) -> Picture:
    given = np.asarray(picture)
    if given.ndim != 3 or 0 in given.shape or given.shape[2] not in (1, 3, 4):
        raise DataError(f"{name} must have shape (h, w, 1, 3 or 4), not {given.shape}")
    if given.dtype != np.uint8:
        raise DataError(f"{name} must be uint8, not {given.dtype}")
    return given


def _opaque(picture: Picture) -> UInt8[np.ndarray, "h w 3"]:
    """Colours without alpha: what shows through is the mean of what does not, or grey."""
    if picture.shape[2] == 4:
        alpha = picture[:, :, 3:]
        mass = np.sum(alpha, dtype=np.int64)
        sums = np.einsum("hwc,hw->c", picture[:, :, :3], alpha[:, :, 0], dtype=np.int64)
        mean = (sums / mass if mass else np.full(3, 127.5)).astype(np.float32)
        out = np.empty((*picture.shape[:2], 3), np.uint8)
        for row, colors in enumerate(picture):
            part = colors[:, 3:] / np.float32(255)
            out[row] = np.round(colors[:, :3] * part + mean * (1 - part))
        return out
    return np.broadcast_to(picture, (*picture.shape[:2], 3))


def _rounded(painted: Float[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
    out = np.empty(painted.shape, np.uint8)
    for row, colors in enumerate(painted):
        out[row] = np.round(np.clip(colors, 0, 1) * 255)
    return out


def _colored(
    painted: Float[np.ndarray, "h w 3"], picture: UInt8[np.ndarray, "h w 3"]
) -> UInt8[np.ndarray, "h w 3"]:
    """The lightness of one, the hue and chroma of the other."""
    light, color = painted.reshape(-1, 3), picture.reshape(-1, 3)
    out = np.empty(color.shape, np.uint8)
    step = min(_PIXELS, len(out))
    for start in range(0, len(out), step):
        place = slice(max(0, min(start, len(out) - step)), start + step)
        out[place] = np.asarray(_exchanged(light[place], color[place]))
    return out.reshape(picture.shape)


@jax.jit
def _exchanged(light: Array, color: Array) -> Array:
    kept = features.srgb_to_oklab(color.astype(jnp.float32) / 255)
    lightness = features.srgb_to_oklab(light)[:, :1]
    mixed = features.oklab_to_srgb(jnp.concatenate([lightness, kept[:, 1:]], axis=1))
    return jnp.round(jnp.clip(mixed, 0, 1) * 255).astype(jnp.uint8)
