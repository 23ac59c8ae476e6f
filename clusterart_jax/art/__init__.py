"""Pictures, their clusters and palettes → pictures that people hang, print and use.

Functions take and give arrays, or the text of a vector file; reading and writing is `data`'s.

- `palette`: the colours of a picture and their shares; `shared_palette`: of several together;
  `palettes`: of each of thousands of pictures, in one compiled call.
- `quantize`: a picture in k colours, dithered or not.
- `Palette`, `Quantized`: what they give.
- `palette_card`, `palette_svg`: a palette to look at; `palette_facts`, `palette_json`,
  `palette_css`, `palette_gpl`, `palette_ase`: for other programs.
- `contrast`: the ratio of WCAG; `color_blind`: colours as the colour-blind see them; `confusions`:
  which colours they take for one another, each a `Confusion`.
- `color_names`: the nearest named colour; `css_colors`: the names; `hex_codes`: "#rrggbb".
"""

from ._card import palette_card, palette_svg
from ._contrast import Confusion, color_blind, confusions, contrast
from ._names import color_names, css_colors, hex_codes
from ._palette import Palette, palette, palettes, shared_palette
from ._quantize import Quantized, quantize
from ._swatches import palette_ase, palette_css, palette_facts, palette_gpl, palette_json

__all__ = [
    "Confusion",
    "Palette",
    "Quantized",
    "color_blind",
    "color_names",
    "confusions",
    "contrast",
    "css_colors",
    "hex_codes",
    "palette",
    "palette_ase",
    "palette_card",
    "palette_css",
    "palette_facts",
    "palette_gpl",
    "palette_json",
    "palette_svg",
    "palettes",
    "quantize",
    "shared_palette",
]
