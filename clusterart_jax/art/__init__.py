"""Pictures, their clusters and palettes → pictures that people hang, print and use.

Functions take and give arrays, or the text of a vector file; reading and writing is `data`'s.

Renderers: a function that finds what is to be drawn, and one that draws it.

- `stipple`, `draw_stipple`: dots of ink, closer together where the picture is dark.

Drawings: marks on paper (`Shape`, `Lines`, `Dots`, `Words`), written by

- `svg_text`: as the text of an SVG file; `pdf_bytes`: as a PDF file, a page each; `raster`: as
  pixels.
"""

from ._drawing import Dots, Drawing, Lines, Shape, Words
from ._pdf import pdf_bytes
from ._raster import raster
from ._stipple import Stipple, draw_stipple, stipple
from ._svg import svg_text

__all__ = [
    "Dots",
    "Drawing",
    "Lines",
    "Shape",
    "Stipple",
    "Words",
    "draw_stipple",
    "pdf_bytes",
    "raster",
    "stipple",
    "svg_text",
]
