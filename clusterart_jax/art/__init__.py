"""Pictures, their clusters and palettes → pictures that people hang, print and use.

Functions take and give arrays, or the text of a vector file; reading and writing is `data`'s.

- `palette`: the colours of a picture and their shares; `shared_palette`: of several together;
  `palettes`: of each of thousands of pictures, in one compiled call.
- `Palette`: what they give.
"""

from ._palette import Palette, palette, palettes, shared_palette

__all__ = ["Palette", "palette", "palettes", "shared_palette"]
