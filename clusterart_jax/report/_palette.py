"""As many colours as there are clusters, each as far from the others as it can be."""

import functools

import numpy as np

UNASSIGNED = "#8b8f96"
"""Colour of pictures that belong to no cluster."""

_FROM_OKLAB = np.array(
    [
        [1.0, 0.3963377774, 0.2158037573],
        [1.0, -0.1055613458, -0.0638541728],
        [1.0, -0.0894841775, -1.2914855480],
    ]
)
_TO_LINEAR_RGB = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)


@functools.cache
def palette(k: int) -> tuple[str, ...]:
    """Gives k colours as "#rrggbb", told apart on white and on near-black.

    Farthest-first choice in the OKLab colour space (Ottosson 2020), among colours of middle
    lightness: the first colours are the most distinct, so give them to the largest clusters. The
    first colours do not depend on k. Beyond the number of candidates (about 200) they repeat.

    Args:
      k: how many.

    Returns:
      k strings.

    Example:
      >>> palette(3)[:2] == palette(2)
      True
    """
    lightness, chroma, hue = np.meshgrid(
        np.array([0.52, 0.60, 0.68, 0.77]),
        np.array([0.06, 0.11, 0.16, 0.21]),
        np.deg2rad(np.arange(0, 360, 12)),
        indexing="ij",
    )
    lab = np.stack([lightness, chroma * np.cos(hue), chroma * np.sin(hue)], axis=-1).reshape(-1, 3)
    linear = (lab @ _FROM_OKLAB.T) ** 3 @ _TO_LINEAR_RGB.T
    inside = ((linear >= 0) & (linear <= 1)).all(axis=1)
    lab, linear = lab[inside], linear[inside]

    blue = np.array([0.60, 0.16 * np.cos(np.deg2rad(255)), 0.16 * np.sin(np.deg2rad(255))])
    grey = np.array([0.62, 0.0, 0.0])  # kept for the unassigned
    chosen = [int(np.argmin(((lab - blue) ** 2).sum(axis=1)))]
    nearest = ((lab - grey) ** 2).sum(axis=1)
    while len(chosen) < min(k, len(lab)):
        nearest = np.minimum(nearest, ((lab - lab[chosen[-1]]) ** 2).sum(axis=1))
        chosen.append(int(np.argmax(nearest)))
    encoded = np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 0) ** (1 / 2.4) - 0.055
    )
    rgb = np.round(255 * encoded).astype(int)
    colors = ["#{:02x}{:02x}{:02x}".format(*rgb[i]) for i in chosen]
    return tuple(colors[i % len(colors)] for i in range(k))


def rgb(color: str) -> np.ndarray:
    """`uint8` (3,) of "#rrggbb"."""
    return np.frombuffer(bytes.fromhex(color[1:]), np.uint8)


def ink_on(color: str) -> str:
    """Black or white, whichever reads better on `color` (WCAG 2 contrast)."""
    part = rgb(color) / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ [0.2126, 0.7152, 0.0722])
    return "#000000" if (luminance + 0.05) / 0.05 >= 1.05 / (luminance + 0.05) else "#ffffff"
