"""Drawings: the three writers put the same marks in the same places."""

import re
import zlib
from xml.etree import ElementTree

import numpy as np
import pytest

from clusterart_jax.art import Dots, Drawing, Lines, Shape, Words, pdf_bytes, raster, svg_text

RED, BLACK = np.array([1.0, 0, 0]), np.zeros(3)
SVG = "{http://www.w3.org/2000/svg}"
OUTER = np.array([[2.0, 2], [10, 2], [10, 10], [2, 10]])
INNER = np.array([[4.0, 4], [4, 8], [8, 8], [8, 4]])  # the other way round: a hole
MARKS = (
    Shape((OUTER, INNER), RED),
    Lines((np.array([[0.0, 12.123], [20, 12.123]]),), BLACK, 0.5),
    Dots(np.array([[15.0, 5], [15, 9]]), np.array([1.0, 1.5]), BLACK),
    Words("7", np.array([[6.0, 6.0]]), np.array([3.0]), BLACK),
)
DRAWING = Drawing(20, 16, MARKS, unit=1.0)


def test_svg_by_hand():
    tree = ElementTree.fromstring(svg_text(DRAWING, "a < b"))
    assert tree.find(f"{SVG}title").text == "a < b"
    assert (tree.get("width"), tree.get("viewBox")) == ("20mm", "0 0 20 16")
    sheet, red, line = tree.findall(f"{SVG}path")
    assert sheet.get("d") == "M0 0L20 0L20 16L0 16Z"
    assert red.get("d") == "M2 2L10 2L10 10L2 10ZM4 4L4 8L8 8L8 4Z"
    assert red.get("fill") == "#ff0000"
    assert line.get("d") == "M0 12.12L20 12.12"
    circles = tree.findall(f"{SVG}g/{SVG}circle")
    assert [(c.get("cx"), c.get("cy"), c.get("r")) for c in circles] == [
        ("15", "5", "1"),
        ("15", "9", "1.5"),
    ]
    (use,) = tree.findall(f"{SVG}g/{SVG}use")
    assert use.get("transform") == "translate(6 6) scale(3)"
    assert len(tree.findall(f"{SVG}defs/{SVG}path")) == 1


def objects_of(pdf):
    """Objects of a PDF by the table at its end, so that a wrong offset is an error."""
    start = int(re.search(rb"startxref\n(\d+)\n%%EOF\n$", pdf)[1])
    rows = pdf[start:].split(b"\n")
    count = int(rows[1].split()[1])
    found = {}
    for number in range(1, count):
        offset = int(rows[2 + number].split()[0])
        head = b"%d 0 obj\n" % number
        assert pdf[offset : offset + len(head)] == head
        found[number] = pdf[offset + len(head) : pdf.index(b"\nendobj", offset)]
    return found


def content_of(body):
    length = int(re.search(rb"/Length (\d+)", body)[1])
    at = body.index(b"stream\n") + 7
    assert body[at + length :] == b"\nendstream"
    return zlib.decompress(body[at : at + length]).decode()


def test_pdf_by_hand():
    found = objects_of(pdf_bytes([DRAWING, DRAWING._replace(width=40)], "Dots"))
    pages = [body for body in found.values() if b"/Type/Page/" in body]
    assert [re.search(rb"MediaBox\[(.*?)\]", page)[1] for page in pages] == [
        b"0 0 56.69 45.35",
        b"0 0 113.39 45.35",
    ]
    content = content_of(found[int(re.search(rb"/Contents (\d+)", pages[0])[1])])
    assert content.startswith("2.834646 0 0 -2.834646 0 45.354331 cm")
    assert "1 0 0 rg\n2 2 m\n10 2 l\n10 10 l\n2 10 l\nh\n4 4 m" in content
    assert "2 w 15 5 m 15 5 l S\n3 w 15 9 m 15 9 l S" in content
    form = int(re.search(r"q 3 0 0 3 6 6 cm /T(\d+) Do Q", content)[1])
    assert content_of(found[form]).endswith("f")
    assert b"/Type/XObject" in found[form]
    assert found[3] == b"<</Title<feff0044006f00740073>/Producer(clusterart_jax)>>"
    assert sum(b"/Type/XObject" in body for body in found.values()) == 1, "each text once"


def test_pixels_by_hand():
    picture = raster(DRAWING, 10)
    assert picture.shape == (160, 200, 3)
    assert picture.dtype == np.uint8
    assert picture[30, 30].tolist() == [255, 0, 0]
    assert picture[75, 75].tolist() == [255, 255, 255], "a hole"
    assert (picture[121, 5:195] == 0).all()
    assert (picture[117, 5:195] == 255).all()
    assert (abs(picture[118, 5:195] - 255 * 0.73) < 3).all(), "antialiased"
    disc = (1 - picture[70:115, 130:170, 0] / 255).sum()
    assert disc == pytest.approx(np.pi * 15**2, rel=0.01)
    x = np.nonzero(picture[41:79, 41:79].max(axis=2) < 128)[1]
    assert len(x) > 20, "the digit"
    assert abs(x.mean() + 41 - 60) < 4


def test_svg_and_pixels_agree_on_text():
    """The digit covers as much as the area of its outline."""
    ink = (255 - raster(Drawing(4, 4, (MARKS[3]._replace(places=np.array([[2.0, 2]])),)), 50)).sum()
    text = svg_text(Drawing(4, 4, (MARKS[3],)))
    steps = re.search(r'id="t0" d="M([^Z]*)Z', text)[1]
    numbers = np.array([float(n) for n in re.findall(r"-?[\d.]+", steps)]).reshape(-1, 2)
    x, y = numbers.T
    area = abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2 * 3**2
    assert ink / (3 * 255) / 50**2 == pytest.approx(area, rel=0.05)


def test_the_same_drawing_gives_the_same_files():
    assert svg_text(DRAWING) == svg_text(DRAWING)
    assert pdf_bytes(DRAWING) == pdf_bytes(DRAWING)
    assert (raster(DRAWING, 3) == raster(DRAWING, 3)).all()


def test_without_paper_and_without_marks():
    text = svg_text(Drawing(5, 5, (), paper=None))
    assert "path" not in text
    assert (raster(Drawing(5, 5, (), paper=None)) == 255).all()
    assert (raster(Drawing(5, 5, (), paper=RED))[..., 1:] == 0).all()


def test_what_cannot_be():
    with pytest.raises(ValueError, match="at least one page"):
        pdf_bytes([])
    with pytest.raises(ValueError, match="32768 a side"):
        raster(DRAWING, 1e4)
