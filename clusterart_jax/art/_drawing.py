"""A sheet of marks, which one writer each turns into SVG, PDF or pixels."""

from typing import NamedTuple, TypeAlias

import numpy as np

from .._typing import Float
from ._names import hex_codes

Color: TypeAlias = Float[np.ndarray, "3"]
"""sRGB in 0…1."""

CSS_PIXEL = 25.4 / 96
"""Millimetres: what browsers and drawing programs take a pixel for."""

BLACK = np.zeros(3)
GREY = np.full(3, 0.55)
WHITE = np.ones(3)


class Shape(NamedTuple):
    """A filled area.

    Attributes:
      rings: closed outlines (n, 2), the last point joined to the first; what lies within two of
        them is a hole.
      color: of the fill.
      edge: width of an outline in the same colour, in units of the drawing. It hides the hairline
        of paper that antialiasing leaves between areas that touch.
    """

    rings: tuple[Float[np.ndarray, "n 2"], ...]
    color: Color
    edge: float = 0.0


class Lines(NamedTuple):
    """Open lines with round ends.

    Attributes:
      paths: points (n, 2) of each line.
      color: of all.
      width: in units of the drawing.
    """

    paths: tuple[Float[np.ndarray, "n 2"], ...]
    color: Color
    width: float


class Dots(NamedTuple):
    """Filled circles.

    Attributes:
      centers: (n, 2).
      radii: (n,).
      color: of all.
    """

    centers: Float[np.ndarray, "n 2"]
    radii: Float[np.ndarray, " n"]
    color: Color


class Words(NamedTuple):
    """One text at several places.

    Attributes:
      text: of one line.
      places: (n, 2): the left end, middle or right end of the text, halfway up a capital letter.
      sizes: (n,): of an em, in units of the drawing; capitals are 0.73 of it high.
      color: of all.
      anchor: which place of the text lies there: "start", "middle", "end", or "center", the middle
        of its ink, for symbols.
    """

    text: str
    places: Float[np.ndarray, "n 2"]
    sizes: Float[np.ndarray, " n"]
    color: Color
    anchor: str = "middle"


Mark: TypeAlias = Shape | Lines | Dots | Words


class Drawing(NamedTuple):
    """Marks on paper, the later ones over the earlier ones.

    `svg_text`, `pdf_bytes` and `raster` write it.

    Attributes:
      width: in units; x grows to the right, y downwards.
      height: in units.
      marks: what is drawn.
      unit: millimetres that one unit is on paper.
      paper: colour of the ground, or None for none.
    """

    width: float
    height: float
    marks: tuple[Mark, ...]
    unit: float = CSS_PIXEL
    paper: Color | None = WHITE


def word(
    text: str, x: float, y: float, size: float, anchor: str = "start", color: Color = BLACK
) -> Words:
    """One text at one place."""
    return Words(text, np.array([[x, y]]), np.array([size]), color, anchor)


def rectangle(x: float, y: float, width: float, height: float) -> Float[np.ndarray, "4 2"]:
    """The corners of an upright rectangle."""
    return np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]])


def hex_of(color: Color) -> str:
    """`#rrggbb`."""
    return hex_codes(np.asarray(color)[None])[0]
