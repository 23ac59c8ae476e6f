"""Whether people can read and tell apart colours: contrast, and what colour blindness leaves."""

from itertools import combinations
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from .._checks import check_choice
from .._errors import ConfigError
from .._linalg import HIGHEST
from .._typing import Array, ArrayLike, Float
from ..features import linear_to_srgb, srgb_to_linear, srgb_to_oklab

VISIONS = ("protan", "deutan", "tritan")
"""Without the cones for long, middle and short waves: one man in 100, in 100, in 10,000."""

_LUMINANCE = (0.2126, 0.7152, 0.0722)  # of linear sRGB, as WCAG rounds them

# Of full severity, on linear sRGB, as Machado and others published them.
_MATRICES = {
    "protan": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deutan": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritan": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}

NEAR = 0.04
"""OKLab distance, of two steps just noticed, below which colours are taken for one another."""


class Confusion(NamedTuple):
    """Two colours that look different to most people, and alike to some.

    Attributes:
      first: number of the one.
      second: number of the other, larger.
      vision: "protan", "deutan" or "tritan".
      before: OKLab distance of the two as most people see them.
      after: as these people see them.
    """

    first: int
    second: int
    vision: str
    before: float
    after: float


def contrast(
    first: Float[ArrayLike, "... 3"], second: Float[ArrayLike, "... 3"]
) -> Float[Array, "..."]:
    """The contrast ratio of WCAG, from 1 (the same) to 21 (black and white).

    Text needs 4.5 (AA) or 7 (AAA), large text and parts of pictures 3.

    Args:
      first: (…, 3) sRGB in 0…1.
      second: (…, 3); the two broadcast.

    Returns:
      (…).

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax.art import contrast
      >>> round(float(contrast(jnp.zeros(3), jnp.ones(3))), 3)
      21.0

    References:
      Web Content Accessibility Guidelines 2.2, https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio.
    """
    first, second = _luminance(first), _luminance(second)
    return (jnp.maximum(first, second) + 0.05) / (jnp.minimum(first, second) + 0.05)


def _luminance(colors: ArrayLike) -> Array:
    linear = srgb_to_linear(jnp.asarray(colors))
    weights = jnp.asarray(_LUMINANCE, linear.dtype)
    return jnp.clip(jnp.matmul(linear, weights, precision=HIGHEST), 0, 1)


def color_blind(colors: Float[ArrayLike, "... 3"], vision: str) -> Float[Array, "... 3"]:
    """Colours as people see them who lack one kind of cones.

    Args:
      colors: (…, 3) sRGB in 0…1: a palette, or a picture.
      vision: "protan", "deutan" or "tritan".

    Returns:
      (…, 3) sRGB in 0…1.

    Raises:
      ConfigError: for another word.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax.art import color_blind, hex_codes
      >>> hex_codes(color_blind(jnp.array([[1.0, 0.0, 0.0], [0.0, 0.5, 0.0]]), "deutan"))
      ['#a39000', '#776a18']

    References:
      Machado, Oliveira and Fernandes, A physiologically-based model for simulation of color vision
      deficiency, 2009, doi:10.1109/TVCG.2009.113.
    """
    check_choice(vision, "vision", VISIONS)
    linear = srgb_to_linear(jnp.asarray(colors))
    matrix = jnp.asarray(np.transpose(_MATRICES[vision]), linear.dtype)
    return linear_to_srgb(jnp.clip(jnp.matmul(linear, matrix, precision=HIGHEST), 0, 1))


def confusions(colors: Float[ArrayLike, "k 3"], *, near: float = NEAR) -> list[Confusion]:
    """Pairs of colours that most people tell apart well and people of one of three visions do not.

    Args:
      colors: (k, 3) sRGB in 0…1.
      near: OKLab distance below which two colours are taken for one another; those that are told
        apart well have twice that.

    Returns:
      The pairs, by vision, then by number.

    Raises:
      ConfigError: when `near` is not above 0.

    Example:
      >>> from clusterart_jax.art import confusions, css_colors
      >>> pair = confusions([[0.75, 0.35, 0.1], [0.5, 0.5, 0.1]])[0]
      >>> pair.vision, pair.before > 0.08, pair.after < 0.04
      ('deutan', True, True)
    """
    if not near > 0:
        raise ConfigError(f"near must be above 0, not {near!r}")
    given = jnp.asarray(colors, jnp.float32)
    usual = _gaps(given)
    pairs = list(combinations(range(len(given)), 2))
    found = []
    for vision in VISIONS:
        gaps = _gaps(color_blind(given, vision))
        found += [
            Confusion(i, j, vision, float(usual[i, j]), float(gaps[i, j]))
            for i, j in pairs
            if gaps[i, j] < near and usual[i, j] >= 2 * near
        ]
    return found


def _gaps(colors: Array) -> np.ndarray:
    points = np.asarray(srgb_to_oklab(colors), np.float64)
    return np.linalg.norm(points[:, None] - points, axis=2)
