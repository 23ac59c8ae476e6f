"""Charts to stitch or to lay beads by: a square a stitch, its symbol, and how many of each."""

import math
from typing import Any, NamedTuple

import numpy as np

from .._checks import check_choice, check_count, check_key
from .._errors import ConfigError, DataError
from .._typing import Float, Int, KeyArray
from ..features import luminance
from ._counts import check_picture
from ._drawing import (
    BLACK,
    GREY,
    WHITE,
    Dots,
    Drawing,
    Lines,
    Mark,
    Shape,
    Words,
    hex_of,
    rectangle,
    word,
)
from ._flat import MOST_COLORS, flat_labels, told_apart
from ._palette import palette
from ._photo import photo_of

SYMBOLS = "●■▲◆★✚✖♥♣♠▼◀▶○□△◇☆+×/=#@%&?$ΩΔΛΣΠΞΨΦABCDEFGHJKLMNPQRSTUVWXYZ2345679"
"""In the order of the colours; of characters that look alike one is left out."""

KINDS = ("stitch", "beads")
_BOARD = {"stitch": 10, "beads": 29}  # a heavier line after so many: tens, or pegboards
_MARGIN = 10.0  # millimetres, as are all below
_ENTRY = (36.0, 7.0)  # of the legend
_SMALLEST = 2.6  # of a square on a page


class Chart(NamedTuple):
    """A picture in squares.

    Attributes:
      cells: (rows, columns) number of the colour of each square, −1 where it stays empty.
      colors: (k, 3) sRGB in 0…1, the most used first.
      counts: (k,) squares of each colour.
    """

    cells: Int[np.ndarray, "rows columns"]
    colors: Float[np.ndarray, "k 3"]
    counts: Int[np.ndarray, " k"]


def chart(
    key: KeyArray, image: Any, columns: int = 80, n_colors: int = 16, *, smoothness: float = 0.3
) -> Chart:
    """Squares of few colours, for cross-stitch or beads.

    Each square takes the colour of the palette (k-means in OKLab of the squares) that is nearest to
    the mean of its pixels; single squares unlike all around them, which make work and noise, give
    way to what is around.

    Cost is linear in the pixels of the picture and in squares × colours.

    Args:
      key: of the colours.
      image: `uint8`, (h, w, c) with c = 1, 3 or, with alpha, 4; what is transparent stays empty.
      columns: squares side by side, 4…1,000; as many rows as the shape of the picture asks for.
      n_colors: at most so many, 1…64.
      smoothness: how much single squares give way; 0 keeps all.

    Returns:
      `Chart`.

    Raises:
      ValueError: for another shape.
      TypeError: for another dtype.
      ConfigError: for options that cannot be.
      DataError: where no pixel is visible.

    Example:
      >>> import jax, numpy as np
      >>> from clusterart_jax import art
      >>> halves = np.repeat(np.uint8([[0] * 30 + [200] * 10]), 30, axis=0)
      >>> art.chart(jax.random.key(0), halves, 8, 2).counts.tolist()
      [36, 12]
    """
    key = check_key(key)
    image = check_picture(image)
    columns = check_count(columns, "columns", low=4, high=1000)
    k = check_count(n_colors, "n_colors", high=MOST_COLORS)
    if not (smoothness >= 0 and math.isfinite(smoothness)):
        raise ConfigError(f"smoothness must be at least 0, not {smoothness!r}")
    h, w = image.shape[:2]
    rows = max(1, round(columns * h / w))
    if rows > 4000:
        raise ConfigError(f"columns={columns} would make {rows} rows; ask for fewer")
    small = photo_of(image, rows, columns)
    if not (small.alpha >= 0.5).any():
        raise DataError("image: no square of it is visible")
    squares = np.rint(255 * small.on_paper).astype(np.uint8)
    seen = (small.alpha >= 0.5).astype(np.float32)
    found = palette(key, squares, k, sample_weight=seen, n_init=1)
    colors = told_apart(found)
    cells = flat_labels(small, colors, smoothness)
    counts = np.bincount(cells[cells >= 0], minlength=len(colors))
    order = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
    rank = np.full(len(colors) + 1, -1)
    rank[order] = np.arange(len(order))
    return Chart(rank[cells], colors[order], counts[order])


def draw_chart(found: Chart, kind: str = "stitch", *, symbols: bool = True) -> Drawing:
    """The whole chart and its legend on one sheet, one unit a millimetre, 4 of them a square.

    Args:
      found: of `chart`.
      kind: "stitch", with a heavier line after every ten squares, or "beads", after every 29, which
        is what square pegboards have.
      symbols: whether squares show the symbol of their colour.

    Returns:
      `Drawing`.

    Example:
      >>> import jax, numpy as np
      >>> from clusterart_jax import art
      >>> found = art.chart(jax.random.key(0), np.full((16, 16), 9, np.uint8), 4, 1)
      >>> art.draw_chart(found, symbols=False).width
      60.0
    """
    check_choice(kind, "kind", KINDS)
    rows, columns = found.cells.shape
    side = 4.0
    width = max(2 * _MARGIN + columns * side, 60.0)
    top = 2 * _MARGIN + rows * side
    legend, height = _legend(found, width, top, symbols)
    marks = _squares(found, (0, rows), (0, columns), side, kind, symbols) + legend
    return Drawing(width, height, tuple(marks), unit=1.0)


def chart_pages(
    found: Chart, kind: str = "stitch", paper_mm: tuple[float, float] = (210.0, 297.0)
) -> list[Drawing]:
    """The chart on pages to print: the picture in small with its legend, then parts to work from.

    Args:
      found: of `chart`.
      kind: as for `draw_chart`; parts are as many tens, or pegboards, as a page holds.
      paper_mm: sides of the page, upright.

    Returns:
      The pages.

    Raises:
      ConfigError: for paper below 100 by 100.

    Example:
      >>> import jax, numpy as np
      >>> from clusterart_jax import art
      >>> found = art.chart(jax.random.key(0), np.full((60, 60), 9, np.uint8), 60, 1)
      >>> len(art.chart_pages(found))
      3
    """
    check_choice(kind, "kind", KINDS)
    width, height = (float(side) for side in paper_mm)
    if not (min(width, height) >= 100 and math.isfinite(width + height)):
        raise ConfigError(f"paper_mm must be at least 100 by 100, not {paper_mm!r}")
    rows, columns = found.cells.shape
    room = height - 2 * _MARGIN - _legend(found, width, 0, True)[1]
    side = min((width - 2 * _MARGIN) / columns, max(room, 0.3 * height) / rows)
    small = _squares(found, (0, rows), (0, columns), side, kind, False)
    entries, end = _legend(found, width, 2 * _MARGIN + rows * side, True)
    pages = [Drawing(width, max(height, end), (*small, *entries), unit=1.0)]
    board = _BOARD[kind]
    wide = max(1, int((width - 2 * _MARGIN) / (board * _SMALLEST))) * board
    if kind == "stitch":
        wide = min(wide, 50)
    side = (width - 2 * _MARGIN) / wide
    high = max(1, int((height - 3 * _MARGIN) / (board * side))) * board
    for top in range(0, rows, high):
        for left in range(0, columns, wide):
            part = (top, min(top + high, rows)), (left, min(left + wide, columns))
            marks = _squares(found, *part, side, kind, True)
            told = f"rows {top + 1}–{part[0][1]}, columns {left + 1}–{part[1][1]}"
            marks.append(word(told, _MARGIN, height - _MARGIN, 3.2, color=GREY))
            pages.append(Drawing(width, height, tuple(marks), unit=1.0))
    return pages


def _squares(
    found: Chart,
    rows: tuple[int, int],
    columns: tuple[int, int],
    side: float,
    kind: str,
    symbols: bool,
) -> list[Mark]:
    """A part of the chart with its lines and the numbers along its sides."""
    cells = found.cells[rows[0] : rows[1], columns[0] : columns[1]]
    h, w = cells.shape
    marks: list[Mark] = []
    inks = _inks(found.colors)
    for c, color in enumerate(found.colors):
        y, x = np.nonzero(cells == c)
        if not len(x):
            continue
        middle = _MARGIN + (np.stack([x, y], axis=1) + 0.5) * side
        if kind == "beads":
            marks.append(Dots(middle, np.full(len(x), 0.46 * side), color))
        else:
            strips = tuple(
                rectangle(_MARGIN + a * side, _MARGIN + row * side, (b - a) * side, side)
                for row, a, b in _runs(cells == c)
            )
            marks.append(Shape(strips, color))
        if symbols:
            size = np.full(len(x), 0.62 * side)
            marks.append(Words(SYMBOLS[c], middle, size, inks[c], "center"))
    if not symbols and kind == "stitch":
        return marks
    end = np.array([w, h]) * side + _MARGIN
    fine: list[np.ndarray] = []
    heavy: list[np.ndarray] = []
    for axis, (first, count) in enumerate(((columns[0], w), (rows[0], h))):
        for i in range(count + 1):
            line = np.full((2, 2), _MARGIN)
            line[:, axis] = _MARGIN + i * side
            line[1, 1 - axis] = end[1 - axis]
            strong = (first + i) % _BOARD[kind] == 0 or i in (0, count)
            (heavy if strong else fine).append(line)
            if symbols and (first + i) % _BOARD[kind] == 0 and 0 < i <= count:
                x, y = line[0] - ((0, 2.2) if axis == 0 else (1.2, 0))
                anchor = "middle" if axis == 0 else "end"
                marks.append(word(str(first + i), x, y, 2.6, anchor, GREY))
    if kind == "stitch":
        marks.append(Lines(tuple(fine), GREY, 0.1))
    marks.append(Lines(tuple(heavy), GREY if kind == "beads" else BLACK, 0.3))
    return marks


def _runs(mask: np.ndarray) -> list[tuple[int, int, int]]:
    """Squares side by side as one: (row, first, one past the last)."""
    steps = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    row, first = np.nonzero(steps == 1)
    _, last = np.nonzero(steps == -1)
    return list(zip(row.tolist(), first.tolist(), last.tolist(), strict=True))


def _inks(colors: np.ndarray) -> list[np.ndarray]:
    """Black on light colours, white on dark ones."""
    light = np.asarray(luminance(np.asarray(colors, np.float32)))
    return [BLACK if value > 0.55 else WHITE for value in light.tolist()]


def _legend(found: Chart, width: float, top: float, symbols: bool) -> tuple[list[Mark], float]:
    """Swatch, symbol, colour and count of each, and where the legend ends."""
    columns = max(1, int((width - 2 * _MARGIN) // _ENTRY[0]))
    cell = (width - 2 * _MARGIN) / columns
    inks = _inks(found.colors)
    marks: list[Mark] = []
    for i, (color, count) in enumerate(zip(found.colors, found.counts.tolist(), strict=True)):
        row, column = divmod(i, columns)
        x, y = _MARGIN + column * cell, top + row * _ENTRY[1]
        frame = rectangle(x, y, 5, 5)
        marks += [Shape((frame,), color), Lines((np.concatenate([frame, frame[:1]]),), GREY, 0.15)]
        if symbols:
            place, size = np.array([[x + 2.5, y + 2.5]]), np.array([3.2])
            marks.append(Words(SYMBOLS[i], place, size, inks[i], "center"))
        marks.append(word(f"{count:,}", x + 6.5, y + 1.5, 3.0))
        marks.append(word(hex_of(color), x + 6.5, y + 4.3, 2.0, color=GREY))
    end = top + math.ceil(len(found.counts) / columns) * _ENTRY[1]
    total = f"{found.counts.sum():,} in {len(found.counts)} colours, {_sides(found)}"
    marks.append(word(total, _MARGIN, end + 2, 3.0, color=GREY))
    return marks, end + _MARGIN


def _sides(found: Chart) -> str:
    rows, columns = found.cells.shape
    return f"{columns} × {rows}"
