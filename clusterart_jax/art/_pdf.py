"""Drawings as the bytes of a PDF file, a page each.

Written here rather than by Matplotlib, whose backend needs a figure for each page: what a drawing
needs of the format is paths, and four objects.
"""

import zlib
from collections.abc import Sequence
from itertools import starmap

import numpy as np

from ._drawing import Dots, Drawing, Lines, Shape, Words, rectangle
from ._glyphs import outline
from ._svg import numbers

_POINT = 25.4 / 72  # millimetres


def pdf_bytes(drawings: Drawing | Sequence[Drawing], title: str = "") -> bytes:
    """Writes drawings as PDF 1.4, one a page, with paths only: no fonts, no pictures.

    The same drawings give the same file. Cost and size are linear in the number of points.

    Args:
      drawings: one, or the pages in their order; pages may differ in size.
      title: what programs show as its name.

    Returns:
      A whole file.

    Raises:
      ValueError: for no page.

    Example:
      >>> import numpy as np
      >>> from clusterart_jax import art
      >>> dots = art.Dots(np.array([[3.0, 4.0]]), np.array([1.5]), np.zeros(3))
      >>> art.pdf_bytes(art.Drawing(10, 8, (dots,), unit=1))[:8]
      b'%PDF-1.4'

    References:
      ISO 32000-1:2008.
    """
    pages = [drawings] if isinstance(drawings, Drawing) else list(drawings)
    if not pages:
        raise ValueError("drawings must hold at least one page")
    objects: list[bytes] = [b"", b"", b""]  # catalogue, pages, information: filled in last
    forms: dict[tuple[str, str], int] = {}
    kids = []
    for page in pages:
        used = _forms_of(page, forms, objects)
        resources = " ".join(f"/T{number} {number} 0 R" for number in used)
        objects.append(_stream(_content(page, forms)))
        scale = page.unit / _POINT
        width, height = numbers([page.width * scale, page.height * scale])
        objects.append(
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 {width} {height}]/Contents {len(objects)} 0 R"
            f"/Resources<</XObject<<{resources}>>>>>>".encode()
        )
        kids.append(f"{len(objects)} 0 R")
    objects[0] = b"<</Type/Catalog/Pages 2 0 R>>"
    objects[1] = f"<</Type/Pages/Count {len(kids)}/Kids[{' '.join(kids)}]>>".encode()
    name = b"\xfe\xff" + title.encode("utf-16-be")
    objects[2] = f"<</Title<{name.hex()}>/Producer(clusterart_jax)>>".encode()
    return _file(objects)


def _file(objects: list[bytes]) -> bytes:
    """Header, numbered objects, the table of where each begins, and where that begins."""
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<</Size %d/Root 1 0 R/Info 3 0 R>>\n" % (len(objects) + 1)
    return bytes(out + b"startxref\n%d\n%%%%EOF\n" % start)


def _stream(text: str, more: str = "") -> bytes:
    content = zlib.compress(text.encode("ascii"), 9)
    head = f"<<{more}/Filter/FlateDecode/Length {len(content)}>>\nstream\n"
    return head.encode() + content + b"\nendstream"


def _forms_of(page: Drawing, forms: dict[tuple[str, str], int], objects: list[bytes]) -> list[int]:
    """The numbers of the texts that a page shows; new ones become objects."""
    used = []
    for mark in page.marks:
        if not isinstance(mark, Words) or not mark.text.strip():
            continue
        which = mark.text, mark.anchor
        if which not in forms:
            found = outline(*which)
            low, high = found.path.vertices.min(axis=0) - 1, found.path.vertices.max(axis=0) + 1
            box = " ".join(numbers([*low, *high]))
            steps = [*starmap(_step, found.steps), "f"]
            objects.append(_stream("\n".join(steps), f"/Type/XObject/Subtype/Form/BBox[{box}]"))
            forms[which] = len(objects)
        if forms[which] not in used:
            used.append(forms[which])
    return used


def _step(kind: str, *values: float) -> str:
    return " ".join([*numbers(values, 4), {"M": "m", "L": "l", "C": "c", "Z": "h"}[kind]])


def _content(page: Drawing, forms: dict[tuple[str, str], int]) -> str:
    scale = page.unit / _POINT
    matrix = numbers([scale, 0, 0, -scale, 0, page.height * scale], 6)
    out = [f"{' '.join(matrix)} cm 1 J 1 j"]  # round ends and corners
    if page.paper is not None:
        out += _shape(Shape((rectangle(0, 0, page.width, page.height),), page.paper))
    for mark in page.marks:
        if isinstance(mark, Shape):
            out += _shape(mark)
        elif isinstance(mark, Lines):
            out += [f"{_rgb(mark.color)} RG {numbers([mark.width], 3)[0]} w"]
            out += [step for path in mark.paths for step in (_polyline(path), "S")]
        elif isinstance(mark, Dots):
            out += _dots(mark)
        elif mark.text.strip():
            out += _words(mark, forms[mark.text, mark.anchor])
    return "\n".join(out)


def _rgb(color: np.ndarray) -> str:
    return " ".join(numbers(np.clip(color, 0, 1), 4))


def _polyline(points: np.ndarray) -> str:
    text = numbers(np.asarray(points).ravel())
    steps = [f"{x} {y} l" for x, y in zip(text[::2], text[1::2], strict=True)]
    return "\n".join([f"{steps[0][:-1]}m", *steps[1:]])


def _shape(mark: Shape) -> list[str]:
    rings = [step for ring in mark.rings for step in (_polyline(ring), "h")]
    color = _rgb(mark.color)
    if mark.edge:
        return [f"{color} rg {color} RG {numbers([mark.edge])[0]} w", *rings, "B*"]
    return [f"{color} rg", *rings, "f*"]


def _dots(mark: Dots) -> list[str]:
    """Lines of no length: with round ends they are circles, in a sixth of the bytes of curves."""
    rows = np.concatenate([2 * mark.radii[:, None], mark.centers], axis=1)
    text = iter(numbers(rows.ravel()))
    dots = [f"{w} w {x} {y} m {x} {y} l S" for w, x, y in zip(text, text, text, strict=True)]
    return [f"{_rgb(mark.color)} RG", *dots]


def _words(mark: Words, form: int) -> list[str]:
    rows = np.concatenate([mark.sizes[:, None], mark.places], axis=1)
    text = iter(numbers(rows.ravel(), 3))
    uses = [
        f"q {s} 0 0 {s} {x} {y} cm /T{form} Do Q" for s, x, y in zip(text, text, text, strict=True)
    ]
    return [f"{_rgb(mark.color)} rg", *uses]
