"""A drawing as the text of an SVG file."""

from collections.abc import Iterable
from html import escape
from typing import Any

import numpy as np

from ._drawing import Dots, Drawing, Lines, Shape, Words, hex_of, rectangle
from ._glyphs import outline


def svg_text(drawing: Drawing, title: str = "") -> str:
    """Writes a drawing as SVG 1.1, in millimetres, with nothing that another program must provide.

    Texts are outlines, each text once. The same drawing gives the same file. Cost and size are
    linear in the number of points, about 6 bytes a number.

    Args:
      drawing: what to write.
      title: what programs show as its name.

    Returns:
      A whole file.

    Example:
      >>> import numpy as np
      >>> from clusterart_jax import art
      >>> dots = art.Dots(np.array([[3.0, 4.0]]), np.array([1.5]), np.zeros(3))
      >>> print(art.svg_text(art.Drawing(10, 8, (dots,), unit=1)))
      <svg xmlns="http://www.w3.org/2000/svg" ... width="10mm" height="8mm" viewBox="0 0 10 8">
      <path fill="#ffffff" fill-rule="evenodd" d="M0 0L10 0L10 8L0 8Z"/>
      <g fill="#000000">
      <circle cx="3" cy="4" r="1.5"/>
      </g>
      </svg>
    """
    width, height = numbers([drawing.width, drawing.height])
    size = numbers([drawing.width * drawing.unit, drawing.height * drawing.unit])
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="{size[0]}mm" height="{size[1]}mm" viewBox="0 0 {width} {height}">'
    ]
    if title:
        parts.append(f"<title>{escape(title)}</title>")
    names: dict[tuple[str, str], str] = {}
    for mark in drawing.marks:
        if isinstance(mark, Words) and mark.text.strip():
            names.setdefault((mark.text, mark.anchor), f"t{len(names)}")
    if names:
        parts.append("<defs>")
        for (text, anchor), name in names.items():
            steps = "".join(
                step[0] + " ".join(numbers(step[1:], 4)) for step in outline(text, anchor).steps
            )
            parts.append(f'<path id="{name}" d="{steps}"/>')
        parts.append("</defs>")
    if drawing.paper is not None:
        sheet = rectangle(0, 0, drawing.width, drawing.height)
        parts += _shape(Shape((sheet,), drawing.paper))
    for mark in drawing.marks:
        if isinstance(mark, Shape):
            parts += _shape(mark)
        elif isinstance(mark, Lines):
            parts += _lines(mark)
        elif isinstance(mark, Dots):
            parts += _dots(mark)
        elif mark.text.strip():
            parts += _words(mark, names[mark.text, mark.anchor])
    return "\n".join([*parts, "</svg>", ""])


def numbers(values: Iterable[Any], decimals: int = 2) -> list[str]:
    """Short decimals; 2 places of a millimetre or a pixel are finer than any printer."""
    rounded = np.round(np.asarray(list(values), float), decimals) + 0.0  # no -0
    return [f"{value:.{decimals}f}".rstrip("0").rstrip(".") for value in rounded.tolist()]


def polyline(points: np.ndarray) -> str:
    """M and L steps through the points; those that fall together after rounding are left out."""
    found = np.round(points, 2)
    kept = np.ones(len(found), bool)
    kept[1:] = (found[1:] != found[:-1]).any(axis=1)
    kept[-1] |= not kept.any()
    text = numbers(found[kept].ravel())
    return "M" + "L".join(f"{x} {y}" for x, y in zip(text[::2], text[1::2], strict=True))


def _shape(mark: Shape) -> list[str]:
    color = hex_of(mark.color)
    edge = ""
    if mark.edge:
        edge = f' stroke="{color}" stroke-width="{numbers([mark.edge])[0]}" stroke-linejoin="round"'
    steps = "".join(polyline(ring) + "Z" for ring in mark.rings)
    return [f'<path fill="{color}"{edge} fill-rule="evenodd" d="{steps}"/>']


def _lines(mark: Lines) -> list[str]:
    steps = "".join(polyline(path) for path in mark.paths)
    look = 'stroke-linecap="round" stroke-linejoin="round"'
    width = numbers([mark.width], 3)[0]
    ink = f'stroke="{hex_of(mark.color)}" stroke-width="{width}"'
    return [f'<path fill="none" {ink} {look} d="{steps}"/>']


def _dots(mark: Dots) -> list[str]:
    rows = np.concatenate([mark.centers, mark.radii[:, None]], axis=1)
    text = iter(numbers(rows.ravel()))
    circles = [
        f'<circle cx="{x}" cy="{y}" r="{r}"/>' for x, y, r in zip(text, text, text, strict=True)
    ]
    return [f'<g fill="{hex_of(mark.color)}">', *circles, "</g>"]


def _words(mark: Words, name: str) -> list[str]:
    rows = np.concatenate([mark.places, mark.sizes[:, None]], axis=1)
    text = iter(numbers(rows.ravel(), 3))
    uses = [
        f'<use xlink:href="#{name}" transform="translate({x} {y}) scale({s})"/>'
        for x, y, s in zip(text, text, text, strict=True)
    ]
    label = escape(mark.text, quote=True)
    return [f'<g fill="{hex_of(mark.color)}" aria-label="{label}">', *uses, "</g>"]
