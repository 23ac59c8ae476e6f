"""Colour spaces: functions on (…, 3) arrays, made of matrices, powers and no branches.

sRGB, linear light and hue-saturation-value lie in 0…1, XYZ has Y = 1 for white (D65, 2° observer),
L* lies in 0…100. Values below 0, which arise from colours that sRGB cannot show, are carried on as
the inverses need them; gradients are finite everywhere, at black and at grey too.
"""

import jax
import jax.numpy as jnp
import numpy as np

from .._checks import check_rows
from .._linalg import HIGHEST
from .._typing import Array, ArrayLike, Float

_XYZ = np.array(
    [
        [0.4123907992659595, 0.357584339383878, 0.1804807884018343],
        [0.2126390058715104, 0.715168678767756, 0.0721923153607337],
        [0.0193308187155918, 0.119194779794626, 0.9505321522496606],
    ]
)  # of linear sRGB, from the primaries and the white of IEC 61966-2-1, unrounded

# Ottosson's two matrices, as published: linear sRGB → cone responses, their cube roots → Lab.
_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def _check_colors(colors: ArrayLike, name: str) -> Array:
    if np.ndim(colors) < 1 or np.shape(colors)[-1] != 3:
        raise ValueError(f"{name} must have shape (…, 3), not {np.shape(colors)}")
    given = jnp.asarray(colors)
    if given.dtype == jnp.uint8:
        raise TypeError(f"{name} must be floating point, 0…1, not uint8; divide by 255")
    return check_rows(given.reshape(-1, 3), name).reshape(given.shape)


def _times(colors: Array, matrix: np.ndarray) -> Array:
    return jnp.matmul(colors, jnp.asarray(matrix.T, colors.dtype), precision=HIGHEST)


def _decode(srgb: Array) -> Array:
    size = jnp.maximum(jnp.abs(srgb), 0.04045)  # powers of 0 have no slope
    return jnp.where(
        jnp.abs(srgb) <= 0.04045, srgb / 12.92, jnp.sign(srgb) * ((size + 0.055) / 1.055) ** 2.4
    )


def _encode(linear: Array) -> Array:
    edge = 0.04045 / 12.92
    size = jnp.maximum(jnp.abs(linear), edge)
    return jnp.where(
        jnp.abs(linear) <= edge,
        12.92 * linear,
        jnp.sign(linear) * (1.055 * size ** (1 / 2.4) - 0.055),
    )


def srgb_to_linear(srgb: Float[ArrayLike, "... 3"]) -> Float[Array, "... 3"]:
    """Light itself, of which sums and means have a meaning, from sRGB as pictures store it.

    Args:
      srgb: (…, 3) in 0…1.

    Returns:
      (…, 3) in 0…1.

    Raises:
      ValueError: when the last axis is not 3.
      TypeError: for `uint8`.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax.features import srgb_to_linear
      >>> round(float(srgb_to_linear(jnp.full(3, 0.5))[0]), 4)
      0.214

    References:
      IEC 61966-2-1:1999.
    """
    return _decode(_check_colors(srgb, "srgb"))


def linear_to_srgb(linear: Float[ArrayLike, "... 3"]) -> Float[Array, "... 3"]:
    """The inverse of `srgb_to_linear`.

    Args:
      linear: (…, 3) in 0…1.

    Returns:
      (…, 3) in 0…1.

    Raises:
      ValueError: when the last axis is not 3.
      TypeError: for `uint8`.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax.features import linear_to_srgb
      >>> round(float(linear_to_srgb(jnp.full(3, 0.214041))[0]), 4)
      0.5
    """
    return _encode(_check_colors(linear, "linear"))


def srgb_to_xyz(srgb: Float[ArrayLike, "... 3"]) -> Float[Array, "... 3"]:
    """CIE 1931 XYZ, white D65 = (0.9505, 1, 1.0891).

    Args:
      srgb: (…, 3) in 0…1.

    Returns:
      (…, 3).

    Raises:
      ValueError: when the last axis is not 3.
      TypeError: for `uint8`.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax.features import srgb_to_xyz
      >>> [round(value, 4) for value in srgb_to_xyz(jnp.ones(3)).tolist()]
      [0.9505, 1.0, 1.0891]

    References:
      IEC 61966-2-1:1999.
    """
    return _times(_decode(_check_colors(srgb, "srgb")), _XYZ)


def xyz_to_srgb(xyz: Float[ArrayLike, "... 3"]) -> Float[Array, "... 3"]:
    """The inverse of `srgb_to_xyz`; beyond 0…1 for colours that sRGB cannot show.

    Args:
      xyz: (…, 3).

    Returns:
      (…, 3).

    Raises:
      ValueError: when the last axis is not 3.
      TypeError: for `uint8`.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax.features import xyz_to_srgb
      >>> [round(value, 3) for value in xyz_to_srgb(jnp.array([0.9505, 1.0, 1.0891])).tolist()]
      [1.0, 1.0, 1.0]
    """
    return _encode(_times(_check_colors(xyz, "xyz"), np.linalg.inv(_XYZ)))


_EDGE = 6 / 29  # where the cube root of CIELAB becomes a line


def _white(like: Array) -> Array:
    return jnp.asarray(_XYZ.sum(axis=1), like.dtype).reshape((1,) * (like.ndim - 1) + (3,))


def srgb_to_lab(srgb: Float[ArrayLike, "... 3"]) -> Float[Array, "... 3"]:
    """CIELAB (L*, a*, b*) of white D65: distances are roughly what eyes see.

    Args:
      srgb: (…, 3) in 0…1.

    Returns:
      (…, 3): L* in 0…100, a* and b* within about ±110.

    Raises:
      ValueError: when the last axis is not 3.
      TypeError: for `uint8`.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax.features import srgb_to_lab
      >>> [round(value, 1) for value in srgb_to_lab(jnp.array([1.0, 0.0, 0.0])).tolist()]
      [53.2, 80.1, 67.2]

    References:
      CIE 15:2004; ISO/CIE 11664-4.
    """
    xyz = srgb_to_xyz(srgb)
    t = xyz / _white(xyz)
    line = t / (3 * _EDGE**2) + 4 / 29
    root = jnp.where(t > _EDGE**3, jnp.cbrt(jnp.maximum(t, _EDGE**3)), line)
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    return jnp.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def lab_to_srgb(lab: Float[ArrayLike, "... 3"]) -> Float[Array, "... 3"]:
    """The inverse of `srgb_to_lab`; beyond 0…1 for colours that sRGB cannot show.

    Args:
      lab: (…, 3): L* in 0…100, a*, b*.

    Returns:
      (…, 3).

    Raises:
      ValueError: when the last axis is not 3.
      TypeError: for `uint8`.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax.features import lab_to_srgb
      >>> [round(value, 3) for value in lab_to_srgb(jnp.array([100.0, 0.0, 0.0])).tolist()]
      [1.0, 1.0, 1.0]
    """
    lab = _check_colors(lab, "lab")
    y = (lab[..., 0] + 16) / 116
    root = jnp.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], axis=-1)
    t = jnp.where(root > _EDGE, root**3, 3 * _EDGE**2 * (root - 4 / 29))
    return xyz_to_srgb(t * _white(t))


def srgb_to_oklab(srgb: Float[ArrayLike, "... 3"]) -> Float[Array, "... 3"]:
    """OKLab (L, a, b): like CIELAB, but even in hue and lightness.

    Args:
      srgb: (…, 3) in 0…1.

    Returns:
      (…, 3): L in 0…1, a and b within about ±0.4.

    Raises:
      ValueError: when the last axis is not 3.
      TypeError: for `uint8`.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax.features import srgb_to_oklab
      >>> [round(value, 3) for value in srgb_to_oklab(jnp.array([1.0, 0.0, 0.0])).tolist()]
      [0.628, 0.225, 0.126]

    References:
      Ottosson, A perceptual color space for image processing, 2020,
      https://bottosson.github.io/posts/oklab/.
    """
    cones = _times(_decode(_check_colors(srgb, "srgb")), _CONES)
    return _times(_cube_root(cones), _OKLAB)


def oklab_to_srgb(oklab: Float[ArrayLike, "... 3"]) -> Float[Array, "... 3"]:
    """The inverse of `srgb_to_oklab`; beyond 0…1 for colours that sRGB cannot show.

    Args:
      oklab: (…, 3): L in 0…1, a, b.

    Returns:
      (…, 3).

    Raises:
      ValueError: when the last axis is not 3.
      TypeError: for `uint8`.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax.features import oklab_to_srgb
      >>> [round(value, 3) for value in oklab_to_srgb(jnp.array([1.0, 0.0, 0.0])).tolist()]
      [1.0, 1.0, 1.0]
    """
    cones = _times(_check_colors(oklab, "oklab"), np.linalg.inv(_OKLAB)) ** 3
    return _encode(_times(cones, np.linalg.inv(_CONES)))


@jax.custom_jvp
def _cube_root(t: Array) -> Array:
    return jnp.cbrt(t)


@_cube_root.defjvp
def _cube_root_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    """The slope of a cube root, infinite at black, held to what it is at a 10⁶th of white."""
    root = jnp.cbrt(primals[0])
    return root, tangents[0] / (3 * jnp.maximum(root**2, 1e-4))


def srgb_to_hsv(srgb: Float[ArrayLike, "... 3"]) -> Float[Array, "... 3"]:
    """Hue (0…1, red = 0, green = ⅓), saturation and value; hue and saturation of grey are 0.

    Args:
      srgb: (…, 3) in 0…1.

    Returns:
      (…, 3) in 0…1.

    Raises:
      ValueError: when the last axis is not 3.
      TypeError: for `uint8`.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax.features import srgb_to_hsv
      >>> srgb_to_hsv(jnp.array([0.0, 0.5, 0.0])).tolist()[1:]
      [1.0, 0.5]

    References:
      Smith, Color gamut transform pairs, 1978, doi:10.1145/800248.807361.
    """
    srgb = _check_colors(srgb, "srgb")
    r, g, b = srgb[..., 0], srgb[..., 1], srgb[..., 2]
    value = jnp.maximum(jnp.maximum(r, g), b)
    chroma = value - jnp.minimum(jnp.minimum(r, g), b)
    safe = jnp.where(chroma > 0, chroma, 1)
    sixths = jnp.where(
        value == r, (g - b) / safe, jnp.where(value == g, 2 + (b - r) / safe, 4 + (r - g) / safe)
    )
    hue = jnp.where(chroma > 0, sixths / 6, 0)
    hue = jnp.where(hue < 0, hue + 1, hue)
    return jnp.stack([hue, chroma / jnp.where(value > 0, value, 1), value], axis=-1)


def hsv_to_srgb(hsv: Float[ArrayLike, "... 3"]) -> Float[Array, "... 3"]:
    """The inverse of `srgb_to_hsv`; hues repeat with period 1.

    Args:
      hsv: (…, 3) in 0…1.

    Returns:
      (…, 3) in 0…1.

    Raises:
      ValueError: when the last axis is not 3.
      TypeError: for `uint8`.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax.features import hsv_to_srgb
      >>> hsv_to_srgb(jnp.array([0.0, 1.0, 0.5])).tolist()
      [0.5, 0.0, 0.0]
    """
    hsv = _check_colors(hsv, "hsv")
    hue, saturation, value = hsv[..., 0], hsv[..., 1], hsv[..., 2]

    def channel(turn: int) -> Array:
        k = (turn + 6 * hue) % 6
        return value * (1 - saturation * jnp.clip(jnp.minimum(k, 4 - k), 0, 1))

    return jnp.stack([channel(5), channel(3), channel(1)], axis=-1)


def luminance(srgb: Float[ArrayLike, "... 3"]) -> Float[Array, "..."]:
    """Grey as eyes weigh it: Y of linear light, brought back to the curve of sRGB.

    Not the luma of Rec. 601 or 709, which weighs the stored values and darkens pure colours.

    Args:
      srgb: (…, 3) in 0…1.

    Returns:
      (…) in 0…1; a grey pixel keeps its value.

    Raises:
      ValueError: when the last axis is not 3.
      TypeError: for `uint8`.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax.features import luminance
      >>> [round(value, 3) for value in luminance(jnp.eye(3)).tolist()]
      [0.498, 0.862, 0.298]
    """
    linear = _decode(_check_colors(srgb, "srgb"))
    return _encode(_times(linear, _XYZ[1]))
