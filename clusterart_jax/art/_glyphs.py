"""Text as outlines, so that a drawing looks the same in every program, and on every printer.

The letters are those of DejaVu Sans, which comes with Matplotlib.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from .._typing import Float

_CAPITAL = 0.729  # height of a capital letter of DejaVu Sans, in em


class Outline(NamedTuple):
    """A text of size 1, its anchor at the origin, y downwards.

    Attributes:
      steps: ("M", x, y), ("L", x, y), ("C", x1, y1, x2, y2, x, y) and ("Z",), as in SVG and PDF.
      path: the same as a path of Matplotlib.
    """

    steps: tuple[tuple[Any, ...], ...]
    path: Any


@cache
def outline(text: str, anchor: str) -> Outline:
    """The outline of a text; what it costs to load Matplotlib is paid at the first one."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.path import Path
    from matplotlib.textpath import TextPath

    found = TextPath((0, 0), text, size=1, prop=FontProperties(family="DejaVu Sans"))
    points = np.array(found.vertices) * [1, -1]
    if len(points):
        points -= _anchor(points, anchor)
    codes = list(found.codes)
    return Outline(tuple(_steps(points, codes)), Path(points, found.codes))


def _anchor(points: Float[np.ndarray, "n 2"], anchor: str) -> Float[np.ndarray, "2"]:
    low, high = points.min(axis=0), points.max(axis=0)
    if anchor == "center":
        return (low + high) / 2
    x = {"start": 0.0, "middle": (low[0] + high[0]) / 2, "end": high[0]}[anchor]
    return np.array([x, -_CAPITAL / 2])


def _steps(points: Float[np.ndarray, "n 2"], codes: list[int]) -> list[tuple[Any, ...]]:
    """Paths of Matplotlib in words that SVG and PDF share: PDF knows no quadratic curves."""
    steps: list[tuple[Any, ...]] = []
    here = np.zeros(2)
    i = 0
    while i < len(codes):
        code = codes[i]
        used = {3: 2, 4: 3}.get(code, 1)
        to = points[i : i + used]
        if code == 1:
            steps.append(("M", *to[0]))
        elif code == 2:
            steps.append(("L", *to[0]))
        elif code == 3:
            first, second = here + 2 / 3 * (to[0] - here), to[1] + 2 / 3 * (to[0] - to[1])
            steps.append(("C", *first, *second, *to[1]))
        elif code == 4:
            steps.append(("C", *to.ravel()))
        elif code == 79:
            steps.append(("Z",))
        if code != 79:
            here = to[-1]
        i += used
    return steps
