"""Painting by numbers: outlines, a number in each area, and the colours that the numbers mean."""

import math
from typing import Any, NamedTuple

import numpy as np

from .._errors import ConfigError
from .._typing import KeyArray
from ._counts import check_picture
from ._drawing import BLACK, Drawing, Lines, Mark, Shape, Words, hex_of, rectangle, word
from ._poster import Poster, filled, posterize

_MARGIN = 10.0  # millimetres, as are all below
_CELL = (31.5, 9.0)  # of the legend
_SWATCH = 7.0
_LARGEST = 3.6  # em of a number
_INK = np.full(3, 0.5)  # light enough for paint to cover


class PaintByNumbers(NamedTuple):
    """A sheet to paint.

    Attributes:
      poster: the areas; number i + 1 is colour i.
      mm: millimetres on paper for a pixel of the picture.
      paper: (width, height) of the sheet in millimetres, turned as the picture is.
    """

    poster: Poster
    mm: float
    paper: tuple[float, float]


def paint_by_numbers(
    key: KeyArray,
    image: Any,
    n_colors: int = 24,
    *,
    smallest_mm: float = 4.0,
    paper_mm: tuple[float, float] = (210.0, 297.0),
    smoothness: float = 8.0,
) -> PaintByNumbers:
    """Areas to paint on a sheet of paper, the smallest of them as large as a brush can paint.

    Cost and memory are those of `posterize`.

    Args:
      key: of the colours.
      image: `uint8`, (h, w, c) with c = 1, 3 or, with alpha, 4; what is transparent stays empty.
      n_colors: at most so many, 2…64.
      smallest_mm: side in millimetres of a square as large as the smallest area; the largest
        circle in each area has at least 0.35 of it as its radius.
      paper_mm: sides of the sheet, A4 if not said; it is turned as the picture is.
      smoothness: of the outlines.

    Returns:
      `PaintByNumbers`.

    Raises:
      ValueError: for another shape.
      TypeError: for another dtype.
      DataError: where no pixel is visible.
      ConfigError: for options that cannot be.

    Example:
      >>> import jax, numpy as np
      >>> from clusterart_jax import art
      >>> halves = np.repeat(np.uint8([[0] * 30 + [200] * 10]), 30, axis=0)
      >>> sheet = art.paint_by_numbers(jax.random.key(0), halves, 2, smallest_mm=20)
      >>> sheet.paper, round(40 * sheet.mm)  # the sheet lies, its picture is 228 mm wide
      ((297.0, 210.0), 228)
    """
    h, w = check_picture(image).shape[:2]
    if not (smallest_mm > 0 and math.isfinite(smallest_mm)):
        raise ConfigError(f"smallest_mm must be above 0, not {smallest_mm!r}")
    short, long = sorted(float(side) for side in paper_mm)
    if not (short >= 60 and math.isfinite(long)):
        raise ConfigError(f"paper_mm must be at least 60 by 60, not {paper_mm!r}")
    paper = (long, short) if w > h else (short, long)
    room = paper[0] - 2 * _MARGIN, paper[1] - 3 * _MARGIN - _legend_height(n_colors, paper[0])
    if min(room) < 20:
        raise ConfigError(f"paper_mm={paper_mm!r} has no room for {n_colors} colours")
    mm = min(room[0] / w, room[1] / h)
    poster = posterize(key, image, n_colors, smallest=smallest_mm / mm, smoothness=smoothness)
    return PaintByNumbers(poster, mm, paper)


def draw_numbers(sheet: PaintByNumbers, *, painted: bool = False) -> Drawing:
    """The sheet, one unit a millimetre: picture and legend.

    Args:
      sheet: of `paint_by_numbers`.
      painted: the picture as it will be when it is painted, without numbers.

    Returns:
      `Drawing`.

    Example:
      >>> import jax, numpy as np
      >>> from clusterart_jax import art
      >>> halves = np.repeat(np.uint8([[0] * 30 + [200] * 10]), 30, axis=0)
      >>> sheet = art.paint_by_numbers(jax.random.key(0), halves, 2, smallest_mm=20)
      >>> drawing = art.draw_numbers(sheet)
      >>> [mark.text for mark in drawing.marks if isinstance(mark, art.Words)][:2]
      ['1', '2']
    """
    width, height = sheet.paper
    h, w = sheet.poster.size
    at = np.array([(width - w * sheet.mm) / 2, _MARGIN])

    def place(points: np.ndarray) -> np.ndarray:
        return points * sheet.mm + at

    poster = sheet.poster._replace(
        rings=tuple(tuple(map(place, rings)) for rings in sheet.poster.rings),
        lines=tuple(map(place, sheet.poster.lines)),
        places=place(sheet.poster.places),
    )
    marks: list[Mark] = []
    if painted:
        marks += filled(poster, 0.1)
    else:
        marks.append(Lines(poster.lines, _INK, 0.18))
        for i in range(len(poster.colors)):
            own = poster.area_colors == i
            text = str(i + 1)
            # The text, 0.73 em high, must fit into the circle.
            half = math.hypot(0.73, 0.64 * len(text)) / 2
            sizes = np.minimum(0.92 * poster.room[own] * sheet.mm / half, _LARGEST)
            marks.append(Words(text, poster.places[own], sizes, _INK))
    marks += _legend(poster, width, h * sheet.mm + 1.8 * _MARGIN)
    return Drawing(width, height, tuple(marks), unit=1.0)


def _columns(width: float) -> int:
    return max(1, int((width - 2 * _MARGIN + 1) // _CELL[0]))


def _legend_height(n_colors: int, width: float) -> float:
    return math.ceil(n_colors / _columns(width)) * _CELL[1]


def _legend(poster: Poster, width: float, top: float) -> list[Mark]:
    """A swatch, its number, its colour and the part of the picture that it covers."""
    marks: list[Mark] = []
    columns = _columns(width)
    cell = (width - 2 * _MARGIN) / columns
    for i, (color, share) in enumerate(zip(poster.colors, poster.shares, strict=True)):
        row, column = divmod(i, columns)
        x, y = _MARGIN + column * cell, top + row * _CELL[1]
        told = f"{hex_of(color)}  {100 * share:.0f}%"
        frame = rectangle(x, y, _SWATCH, _SWATCH)
        marks += [
            Shape((frame,), color),
            Lines((np.concatenate([frame, frame[:1]]),), _INK, 0.15),
            word(str(i + 1), x + _SWATCH + 1.5, y + 2.2, 3.6, color=BLACK),
            word(told, x + _SWATCH + 1.5, y + 5.6, 2.2, color=_INK),
        ]
    return marks
