"""Pictures on one sheet with words beside them: a style, and one photograph in several styles."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .._typing import Float, UInt8
from ._palette import ink_on
from ._plots import LIGHT
from ._words import clean, percent

_GAP, _MARGIN, _LINE = 8, 24, 30
_DOTS = 100  # an inch


class _Word(NamedTuple):
    """Text at a pixel from the top left."""

    x: float
    y: float
    text: str
    size: float
    color: str
    align: str = "left"


def captioned_sheet(
    images: Sequence[UInt8[np.ndarray, "h w 3"]], captions: Sequence[str], columns: int
) -> UInt8[np.ndarray, "H W 3"]:
    """Pictures of one shape in a grid, each above its caption.

    Args:
      images: n of them.
      captions: n; the empty one leaves its place.
      columns: pictures in a row.
    """
    h, w = images[0].shape[:2]
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    line = _LINE if any(captions) else 0
    canvas = np.full(
        (
            2 * _MARGIN + rows * (h + line) + (rows - 1) * _GAP,
            2 * _MARGIN + columns * w + (columns - 1) * _GAP,
            3,
        ),
        255,
        np.uint8,
    )
    words = []
    for i, (image, caption) in enumerate(zip(images, captions, strict=True)):
        y = _MARGIN + (i // columns) * (h + line + _GAP)
        x = _MARGIN + (i % columns) * (w + _GAP)
        canvas[y : y + h, x : x + w] = image
        words.append(_Word(x, y + h + 0.5 * line, clean(caption), 11, LIGHT.ink))
    return _written(canvas, words)


def style_sheet(
    title: str,
    about: str,
    typical: Sequence[UInt8[np.ndarray, "s s 3"]],
    swatch: UInt8[np.ndarray, "t t 3"],
    colors: Sequence[str],
    shares: Float[np.ndarray, " p"],
) -> UInt8[np.ndarray, "H W 3"]:
    """What a style is: typical pictures, a swatch of its texture, its colours with their shares.

    Args:
      title: its name.
      about: how many pictures it has.
      typical: squares of one size, the most typical first, 12 at most.
      swatch: of its texture, a square; shown twice as large.
      colors: "#rrggbb" of its palette.
      shares: of them, summing to 1.
    """
    side, columns = typical[0].shape[0], 4
    rows = 3
    wide = columns * side + (columns - 1) * _GAP
    high = rows * side + (rows - 1) * _GAP
    right = high  # a square as high as the grid
    top, bar = _MARGIN + 64, 72
    canvas = np.full(
        (top + high + 2 * _GAP + bar + _LINE + _MARGIN, 2 * _MARGIN + wide + 3 * _GAP + right, 3),
        255,
        np.uint8,
    )
    for i, image in enumerate(typical[: rows * columns]):
        y = top + (i // columns) * (side + _GAP)
        x = _MARGIN + (i % columns) * (side + _GAP)
        canvas[y : y + side, x : x + side] = image
    left = _MARGIN + wide + 3 * _GAP
    # Twice as large, so that strokes are seen; a small one goes on in mirrors.
    large = _doubled(swatch)
    short = max(0, right - len(large))
    large = np.pad(large, ((0, short), (0, short), (0, 0)), mode="symmetric")
    canvas[top : top + right, left : left + right] = large[:right, :right]
    words = [
        _Word(_MARGIN, _MARGIN + 12, clean(title), 20, LIGHT.ink),
        _Word(_MARGIN, _MARGIN + 44, clean(about), 12, LIGHT.soft),
    ]
    y, length = top + high + 2 * _GAP, canvas.shape[1] - 2 * _MARGIN
    edges = _MARGIN + np.round(np.append(0, np.cumsum(shares)) * length).astype(int)
    for color, share, start, end in zip(colors, shares, edges, edges[1:], strict=False):
        canvas[y : y + bar, start:end] = np.frombuffer(bytes.fromhex(color[1:]), np.uint8)
        if end - start > 56:
            middle = (start + end) / 2
            words.append(
                _Word(middle, y + bar / 2, percent(float(share)), 12, ink_on(color), "center")
            )
        if end - start > 84:
            words.append(_Word(start, y + bar + 0.5 * _LINE, color, 10, LIGHT.soft))
    return _written(canvas, words)


def _doubled(image: np.ndarray) -> np.ndarray:
    """Twice as high and wide, linear between the middles of pixels."""
    grown = image.astype(np.float32)
    for axis in (0, 1):
        edge = np.pad(grown, [(1, 1) if i == axis else (0, 0) for i in range(3)], mode="edge")
        before, middle, after = (edge.take(range(i, i + grown.shape[axis]), axis) for i in range(3))
        both = [0.75 * middle + 0.25 * before, 0.75 * middle + 0.25 * after]
        shape = [2 * n if i == axis else n for i, n in enumerate(grown.shape)]
        grown = np.stack(both, axis=axis + 1).reshape(shape)
    return np.round(grown).astype(np.uint8)


def _written(canvas: np.ndarray, words: Sequence[_Word]) -> np.ndarray:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    high, wide = canvas.shape[:2]
    # Half a dot more, since a size in inches is rounded down to dots.
    figure = Figure(figsize=((wide + 0.5) / _DOTS, (high + 0.5) / _DOTS), dpi=_DOTS)
    figure.patch.set_alpha(0)
    for word in words:
        figure.text(
            word.x / wide,
            1 - word.y / high,
            word.text,
            size=word.size,
            color=word.color,
            ha=word.align,
            va="center",
            parse_math=False,
        )
    surface = FigureCanvasAgg(figure)
    surface.draw()
    ink = np.array(surface.buffer_rgba())
    share = ink[:high, :wide, 3:].astype(np.float32) / 255
    mixed = canvas * (1 - share) + ink[:high, :wide, :3] * share
    return np.round(mixed).astype(np.uint8)
