"""A palette as a card to look at: the shares as a bar, and a field for each colour."""

from html import escape
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .._typing import ArrayLike, UInt8
from ..data import draw_text
from ._contrast import contrast
from ._counts import check_picture
from ._names import color_names, hex_codes, levels_of
from ._palette import Palette

_WIDTH, _MARGIN, _GAP = 960, 48, 12
_BAR, _FIELD, _CELL = 88, 104, 168
_PAPER, _INK, _FAINT = "#ffffff", "#1a1a1a", "#6b6b6b"


class _Box(NamedTuple):
    x: int
    y: int
    width: int
    height: int
    color: str


class _Line(NamedTuple):
    words: str
    x: int
    y: int
    size: int
    color: str
    anchor: str


class _Card(NamedTuple):
    height: int
    top: int
    boxes: list[_Box]
    lines: list[_Line]


def palette_svg(found: Palette, title: str = "") -> str:
    """A card of a palette as SVG: 960 units wide, in whatever sans-serif font there is.

    Args:
      found: from `palette` or `shared_palette`.
      title: a line above it.

    Returns:
      The text of an SVG file.

    Example:
      >>> import jax, numpy as np
      >>> from clusterart_jax.art import palette, palette_svg
      >>> black = palette(jax.random.key(0), np.zeros((8, 8), np.uint8), 1)
      >>> "#000000" in palette_svg(black, "night")
      True
    """
    card = _layout(found, title, 0)
    anchors = {"left": "start", "middle": "middle", "right": "end"}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {card.height}" '
        f'width="{_WIDTH}" height="{card.height}" font-family="system-ui, sans-serif">',
        f"<title>{escape(title or 'palette')}</title>",
        f'<rect width="100%" height="100%" fill="{_PAPER}"/>',
    ]
    parts += [
        f'<rect x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}" '
        f'fill="{box.color}"/>'
        for box in card.boxes
    ]
    parts += [
        f'<text x="{line.x}" y="{line.y}" font-size="{line.size}" fill="{line.color}" '
        f'text-anchor="{anchors[line.anchor]}" dominant-baseline="central">'
        f"{escape(line.words)}</text>"
        for line in card.lines
    ]
    return "\n".join([*parts, "</svg>", ""])


def palette_card(
    found: Palette, title: str = "", image: UInt8[ArrayLike, "h w c"] | None = None
) -> UInt8[np.ndarray, "H 960 3"]:
    """A card of a palette as a picture, below the picture it was taken from where that is given.

    Args:
      found: from `palette` or `shared_palette`.
      title: a line above it.
      image: `uint8` (h, w, c), c = 1, 3 or 4; shown as large as 864 × 648 allow.

    Returns:
      `uint8` (H, 960, 3).

    Raises:
      ValueError: when `image` has another shape.

    Example:
      >>> import jax, numpy as np
      >>> from clusterart_jax.art import palette, palette_card
      >>> black = palette(jax.random.key(0), np.zeros((8, 8), np.uint8), 1)
      >>> palette_card(black).shape[1:]
      (960, 3)
    """
    shown = None if image is None else _shown(np.asarray(check_picture(image)))
    card = _layout(found, title, 0 if shown is None else len(shown))
    sheet = np.empty((card.height, _WIDTH, 3), np.uint8)
    sheet[:] = levels_of(_PAPER)
    if shown is not None:
        left = (_WIDTH - shown.shape[1]) // 2
        sheet[card.top : card.top + len(shown), left : left + shown.shape[1]] = shown
    for box in card.boxes:
        field = sheet[box.y : box.y + box.height, box.x : box.x + box.width]
        field[:] = levels_of(box.color)
    return draw_text(
        sheet, [(*line[:4], levels_of(line.color).tolist(), line.anchor) for line in card.lines]
    )


def _shown(image: np.ndarray) -> np.ndarray:
    """The picture over white, in the size it has on the card."""
    values = image.astype(np.float32)
    if values.shape[2] == 4:
        values = 255 + (values[:, :, :3] - 255) * (values[:, :, 3:] / np.float32(255))
    h, w, depth = values.shape
    scale = min((_WIDTH - 2 * _MARGIN) / w, 0.75 * (_WIDTH - 2 * _MARGIN) / h)
    size = (max(1, round(h * scale)), max(1, round(w * scale)), depth)
    fitted = np.asarray(jax.image.resize(values, size, "cubic"))
    return np.broadcast_to(np.round(fitted.clip(0, 255)).astype(np.uint8), (*size[:2], 3))


def _layout(found: Palette, title: str, picture: int) -> _Card:
    codes = hex_codes(found.colors)
    names = color_names(found.colors)
    shares = np.asarray(found.shares, np.float64)
    inner = _WIDTH - 2 * _MARGIN
    boxes, lines = [], []
    top = _MARGIN
    if title:
        lines.append(_Line(title, _MARGIN, top + 12, 26, _INK, "left"))
        top += 48
    start = top
    if picture:
        top += picture + _GAP
    # Edges are rounded, not widths, so that the bar is whole.
    edges = np.round(inner * np.concatenate([[0], np.cumsum(shares)]) / shares.sum()).astype(int)
    for code, left, right in zip(codes, edges[:-1], edges[1:], strict=True):
        if right > left:
            boxes.append(_Box(_MARGIN + int(left), top, int(right - left), _BAR, code))
    top += _BAR + 2 * _GAP
    columns = _columns(len(codes))
    width = (inner - (columns - 1) * _GAP) // columns
    inks = _inks(found)
    for i, (code, name, share) in enumerate(zip(codes, names, shares, strict=True)):
        x = _MARGIN + i % columns * (width + _GAP)
        y = top + i // columns * _CELL
        boxes.append(_Box(x, y, width, _FIELD, code))
        lines.append(_Line(percent(share), x + 10, y + _FIELD - 16, 15, inks[i], "left"))
        lines.append(_Line(code, x, y + _FIELD + 16, 17 if width > 90 else 14, _INK, "left"))
        size = min(14, max(9, int(1.7 * width / len(name))))
        lines.append(_Line(name, x, y + _FIELD + 37, size, _FAINT, "left"))
    rows = -(-len(codes) // columns)
    return _Card(top + rows * _CELL - (_CELL - _FIELD - 48) + _MARGIN, start, boxes, lines)


def _columns(k: int) -> int:
    """As many as leave the last row fullest, of those that leave room for words."""
    if k <= 6:
        return k if k > 1 else 2
    return min(range(8, 4, -1), key=lambda columns: -k % columns)


def _inks(found: Palette) -> list[str]:
    """Black or white, whichever reads better on each colour."""
    colors = jnp.asarray(found.colors, jnp.float32)
    dark = contrast(colors, jnp.zeros_like(colors)) >= contrast(colors, jnp.ones_like(colors))
    return ["#000000" if black else "#ffffff" for black in np.asarray(dark)]


def percent(share: float) -> str:
    """A share in words: whole percents from 10 on, tenths below."""
    value = 100 * float(share)
    if 0 < value < 0.1:
        return "< 0.1 %"
    return f"{value:.0f} %" if value >= 9.95 else f"{value:.1f} %"
