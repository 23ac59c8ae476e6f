"""Pictures, their clusters and palettes → pictures that people hang, print and use.

Functions take and give arrays, or the text of a vector file; reading and writing is `data`'s.

Styles:

- `style_vectors`: pictures → their styles, 100 values each, which can be mixed.
- `mix_styles`: several styles and their weights → one style.
- `apply_style`: one picture of any size, painted in a style.
- `find_styles`: vectors of pictures → `Styles`, clusters and a density over styles;
  `invent_styles`: new styles from there.
- `transfer`: a picture in the colours and textures of examples, without a network.
- `style_transformer`, `stylize`: the network that paints, and many pictures through it at once.

Colours:

- `palette`: the colours of a picture and their shares; `shared_palette`: of several together;
  `palettes`: of each of thousands of pictures, in one compiled call.
- `Palette`: what they give.
- `palette_svg`, `palette_card`: cards of it; `palette_json`, `palette_css`, `palette_gpl`,
  `palette_ase`: files of it for programs; `palette_facts`: all that is known of it.
- `color_names`, `contrast`, `color_blind`, `confusions`: what people call colours, and how well
  they can tell them apart.
- `quantize`: a picture in few colours; `Quantized`: what it gives.

Parts of a picture:

- `slic`: superpixels, connected patches that keep to the outlines.
- `segment`: a few segments, by clustering superpixels in colour and place.
- `Segments`: their labels, mean colours, sizes and middles.
- `draw_means`, `draw_outlines`, `draw_labels`, `label_map`: pictures of them; `segment_mask`,
  `cut_out`: some of them alone.

Renderers: a function that finds what is to be drawn, and one that draws it.

- `stipple`, `draw_stipple`: dots of ink, closer together where the picture is dark.
- `posterize`, `draw_poster`: few flat colours with smooth outlines.
- `paint_by_numbers`, `draw_numbers`: outlines to paint in, numbers, and the colours they mean.
- `lowpoly`, `draw_lowpoly`: triangles, small along edges.
- `mosaic`, `draw_mosaic`: a picture made of pictures.
- `chart`, `draw_chart`, `chart_pages`: squares to stitch or to lay beads by.

Drawings: marks on paper (`Shape`, `Lines`, `Dots`, `Words`), written by

- `svg_text`: as the text of an SVG file; `pdf_bytes`: as a PDF file, a page each; `raster`: as
  pixels.
"""

from ._card import palette_card, palette_svg
from ._chart import Chart, chart, chart_pages, draw_chart
from ._contrast import Confusion, color_blind, confusions, contrast
from ._drawing import Dots, Drawing, Lines, Shape, Words
from ._find_styles import Styles, find_styles, invent_styles
from ._lowpoly import LowPoly, draw_lowpoly, lowpoly
from ._mosaic import Mosaic, draw_mosaic, mosaic
from ._names import color_names, css_colors, hex_codes
from ._numbers import PaintByNumbers, draw_numbers, paint_by_numbers
from ._palette import Palette, palette, palettes, shared_palette
from ._pdf import pdf_bytes
from ._poster import Poster, draw_poster, posterize
from ._quantize import Quantized, quantize
from ._raster import raster
from ._segment import segment
from ._segment_pictures import (
    cut_out,
    draw_labels,
    draw_means,
    draw_outlines,
    label_map,
    segment_mask,
)
from ._segments import Segments
from ._slic import slic
from ._stipple import Stipple, draw_stipple, stipple
from ._style import apply_style, mix_styles, style_vectors
from ._svg import svg_text
from ._swatches import palette_ase, palette_css, palette_facts, palette_gpl, palette_json
from ._transfer import transfer
from ._transformer import StyleTransformer, style_transformer, stylize

__all__ = [
    "Chart",
    "Confusion",
    "Dots",
    "Drawing",
    "Lines",
    "LowPoly",
    "Mosaic",
    "PaintByNumbers",
    "Palette",
    "Poster",
    "Quantized",
    "Segments",
    "Shape",
    "Stipple",
    "StyleTransformer",
    "Styles",
    "Words",
    "apply_style",
    "chart",
    "chart_pages",
    "color_blind",
    "color_names",
    "confusions",
    "contrast",
    "css_colors",
    "cut_out",
    "draw_chart",
    "draw_labels",
    "draw_lowpoly",
    "draw_means",
    "draw_mosaic",
    "draw_numbers",
    "draw_outlines",
    "draw_poster",
    "draw_stipple",
    "find_styles",
    "hex_codes",
    "invent_styles",
    "label_map",
    "lowpoly",
    "mix_styles",
    "mosaic",
    "paint_by_numbers",
    "palette",
    "palette_ase",
    "palette_card",
    "palette_css",
    "palette_facts",
    "palette_gpl",
    "palette_json",
    "palette_svg",
    "palettes",
    "pdf_bytes",
    "posterize",
    "quantize",
    "raster",
    "segment",
    "segment_mask",
    "shared_palette",
    "slic",
    "stipple",
    "style_transformer",
    "style_vectors",
    "stylize",
    "svg_text",
    "transfer",
]
