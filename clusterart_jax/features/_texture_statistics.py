"""How a picture is drawn, whatever it shows: energies of oriented filters and how they go along."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from .._linalg import HIGHEST
from .._typing import Array, Float, Images
from ._color_statistics import check_colors, color_moments, shape_of
from ._colors import srgb_to_oklab
from ._resize import filter_matrix
from ._spread import map_rows

_LARGEST = 256  # pixels; the longer side of what filters see
_LEVELS = 5
_TURNS = (0, 45, 90, 135)  # degrees
_NOISE = 1e-5  # squared lightness that counts as none: a grey level or so


class _Level(NamedTuple):
    """Filters of one scale as matrices, whose products with a picture mirror it at its edges.

    Attributes:
      down: (5, h, h) along columns.
      across: (5, w, w) along rows.
      half_down: (h', h) to half the height.
      half_across: (w', w) to half the width.
    """

    down: Array
    across: Array
    half_down: Array
    half_across: Array


def texture_statistics(images: Images) -> Float[Array, "n d"]:
    """Strokes, outlines, grain and colours of a picture, wherever they lie in it.

    Lightness is filtered by quadrature pairs of second derivatives in four directions, at each of s
    scales (halves of the scale before). Of each scale: deviation, skewness and kurtosis of the
    lightness; of each direction the energy, how sparse it is (mean against root mean square) and
    whether lines or edges make it (even against odd filter); correlations of the sizes of responses
    between directions; energies of a and b in that band, and how they go along with that of L. Of
    neighbouring scales: correlations of sizes, by direction. Then the 15 moments of
    `color_statistics`. Energies are logs of amplitudes.

    Pictures whose longer side is above 256 are brought there by the mean over areas first. Cost
    O(n h w (h + w)), peak extra memory a block of pictures.

    Args:
      images: `uint8` (n, h, w, c), c = 1 or 3.

    Returns:
      float32 (n, 25 s + 4 (s − 1) + 15), with s = 5 scales where the shorter side is 64 or more and
      one less for each half of that, at least 1. Columns differ in spread: see `scale`.

    Raises:
      ValueError: when `images` is not (n, h, w, 1 or 3).
      TypeError: when it is not `uint8`.

    Example:
      >>> import numpy as np
      >>> from clusterart_jax.features import texture_statistics
      >>> noise = np.random.default_rng(0).integers(0, 256, (2, 64, 48, 3), np.uint8)
      >>> texture_statistics(noise).shape
      (2, 127)

    References:
      Portilla and Simoncelli, A parametric texture model based on joint statistics of complex
      wavelet coefficients, 2000, doi:10.1023/A:1026553619983. Freeman and Adelson, The design and
      use of steerable filters, 1991, doi:10.1109/34.93808.
    """
    images = check_colors(images)
    n, h, w, _ = images.shape
    shrunk = max(1.0, max(h, w) / _LARGEST)
    high, wide = (max(1, round(side / shrunk)) for side in (h, w))
    fit = [filter_matrix(*sides, "area") for sides in ((h, high), (w, wide))]
    levels = []
    for _ in range(_scales(high, wide)):
        levels.append(_level(high, wide))
        high, wide = -(-high // 2), -(-wide // 2)
    state = (*(jnp.asarray(matrix, jnp.float32) for matrix in fit), levels)
    rows = jnp.broadcast_to(images, (n, h, w, 3)).reshape(n, -1)
    return map_rows(_statistics, state, rows, h * w * 3 + 40 * min(h * w, _LARGEST**2))


def _scales(high: int, wide: int) -> int:
    return max(1, min(_LEVELS, min(high, wide).bit_length() - 2))


def _level(high: int, wide: int) -> _Level:
    down, across = ([_matrix(taps, side) for taps in _taps()] for side in (high, wide))
    binomial = np.array([1, 4, 6, 4, 1]) / 16
    halves = (_matrix(binomial, side)[::2] for side in (high, wide))
    return _Level(*(jnp.asarray(np.array(m), jnp.float32) for m in (down, across, *halves)))


def _taps() -> list[np.ndarray]:
    """The five filters along an axis that the seven in the plane are products of."""
    x = 0.67 * np.arange(-4, 5)
    bell = np.exp(-(x**2))
    second = (2 * x**2 - 1) * bell
    second -= bell * second.sum() / bell.sum()  # so that flat parts give nothing
    return [bell, x * bell, second, (x**2 - 0.7515) * bell, (x**3 - 2.254 * x) * bell]


def _matrix(taps: np.ndarray, side: int) -> np.ndarray:
    """(side, side): a filter along an axis that is mirrored at its ends."""
    reach = len(taps) // 2
    seen = np.pad(np.arange(side), reach, mode="symmetric")
    matrix = np.zeros((side, side))
    for tap, weight in enumerate(taps):
        np.add.at(matrix, (np.arange(side), seen[tap : tap + side]), weight)
    return matrix


def _statistics(state: tuple[Array, Array, list[_Level]], rows: Array) -> Array:
    down, across, levels = state
    n, h, w = len(rows), down.shape[1], across.shape[1]
    planes = jnp.moveaxis(rows.reshape(n, h, w, 3), -1, 0).astype(jnp.float32) / 255
    pixels = jnp.moveaxis(_both(down, planes, across), 0, -1)
    colors = jnp.moveaxis(srgb_to_oklab(pixels), -1, 0)  # (3, n, h, w)
    parts = [color_moments(jnp.moveaxis(colors, 0, -1).reshape(n, -1, 3))]
    finer: Array | None = None
    for level in levels:
        even, odd = _responses(level, colors[0])
        size = jnp.sqrt(even**2 + odd**2)  # (4, n, h, w)
        flat = _flat(size)
        parts += [_lightness(colors[0]), _energies(even, odd, flat)]
        parts += [_correlations(flat, flat)[:, *np.triu_indices(4, 1)], _chroma(level, colors)]
        if finer is not None:
            parts.append(_correlations(finer, flat)[:, np.arange(4), np.arange(4)])
        halved = _both(level.half_down, jnp.concatenate([size, colors]), level.half_across)
        finer, colors = _flat(halved[:4]), halved[4:]
    return jnp.concatenate(parts, axis=1)


def _both(down: Array, x: Array, across: Array) -> Array:
    """Filters along both axes of maps (k, n, h, w)."""
    tall = jnp.einsum("Hh,knhw->knHw", down, x, precision=HIGHEST)
    return jnp.einsum("Ww,knHw->knHW", across, tall, precision=HIGHEST)


_BASIC = (
    ((0, 2, 0.9213), (1, 1, 1.843), (2, 0, 0.9213)),
    (*((0, 4, 0.978), (1, 3, 0.978), (3, 1, 0.978), (4, 0, 0.978)),),
)  # filter down, filter across, weight: of the even pair's three, and of the odd one's four


def _responses(level: _Level, light: Array) -> tuple[Array, Array]:
    """Even and odd responses (4, n, h, w) in the four directions, made of seven basic ones."""
    tall = jnp.einsum("fHh,nhw->fnHw", level.down, light, precision=HIGHEST)
    turns = np.deg2rad(_TURNS)
    c, s = np.cos(turns), np.sin(turns)
    steer = (
        np.stack([c**2, -2 * c * s, s**2], axis=1),
        np.stack([c**3, -3 * c**2 * s, 3 * c * s**2, -(s**3)], axis=1),
    )
    responses = []
    for basic, weights in zip(_BASIC, steer, strict=True):
        y, x, scale = (np.array(column) for column in zip(*basic, strict=True))
        maps = jnp.einsum("fWw,fnhw->fnhW", level.across[x], tall[y], precision=HIGHEST)
        turned = jnp.asarray(weights * scale, light.dtype)
        responses.append(jnp.einsum("tf,fnhw->tnhw", turned, maps, precision=HIGHEST))
    even, odd = responses
    return even, odd


def _flat(maps: Array) -> Array:
    """(k, n, h, w) → (k, n, p), less the mean of each."""
    flat = maps.reshape(*maps.shape[:2], -1)
    return flat - jnp.mean(flat, axis=2, keepdims=True)


def _lightness(light: Array) -> Array:
    flat = light.reshape(len(light), -1, 1)
    variance, *shape = shape_of(flat - jnp.mean(flat, axis=1, keepdims=True))
    return jnp.concatenate([0.5 * jnp.log(variance + _NOISE), *shape], axis=1)


def _energies(even: Array, odd: Array, flat: Array) -> Array:
    """(n, 12): by direction log amplitude, sparseness, and lines against edges."""
    even, odd = jnp.mean(even**2, axis=(2, 3)).T, jnp.mean(odd**2, axis=(2, 3)).T
    energy = even + odd
    spread = jnp.mean(flat**2, axis=2).T
    mean = jnp.maximum(energy - spread, 0)  # squared: the mean of squares less the variance
    sparse = jnp.sqrt((mean + _NOISE) / (energy + _NOISE))
    lines = 0.5 * jnp.log((even + _NOISE) / (odd + _NOISE))
    return jnp.concatenate([0.5 * jnp.log(energy + _NOISE), sparse, lines], axis=1)


def _chroma(level: _Level, colors: Array) -> Array:
    """(n, 4): log amplitudes of a and b in the band down to the next scale, and with that of L."""
    bells = (m[0] / jnp.sum(m[0], axis=1, keepdims=True) for m in (level.down, level.across))
    down, across = bells
    band = _flat(colors - _both(down, colors, across))
    sizes = 0.5 * jnp.log(jnp.mean(band[1:] ** 2, axis=2) + _NOISE)
    size = jnp.abs(band)
    size = size - jnp.mean(size, axis=2, keepdims=True)
    return jnp.concatenate([sizes.T, _correlations(size, size)[:, 0, 1:]], axis=1)


def _correlations(a: Array, b: Array) -> Array:
    """(n, j, k): each of the maps a (j, n, p) with each of b (k, n, p), whose means are 0."""
    products = jnp.einsum("jnp,knp->njk", a, b, precision=HIGHEST) / a.shape[2]
    one, two = (jnp.sqrt(jnp.mean(x**2, axis=2) + _NOISE).T for x in (a, b))
    return products / (one[:, :, None] * two[:, None, :])
