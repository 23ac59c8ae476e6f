"""Pictures, their clusters and palettes → pictures that people hang, print and use.

Functions take and give arrays, or the text of a vector file; reading and writing is `data`'s.

Parts of a picture:

- `slic`: superpixels, connected patches that keep to the outlines.
- `segment`: a few segments, by clustering superpixels in colour and place.
- `Segments`: their labels, mean colours, sizes and middles.
- `draw_means`, `draw_outlines`, `draw_labels`, `label_map`: pictures of them; `segment_mask`,
  `cut_out`: some of them alone.
"""

from ._outlines import cut_out, draw_labels, draw_means, draw_outlines, label_map, segment_mask
from ._segment import segment
from ._segments import Segments
from ._slic import slic

__all__ = [
    "Segments",
    "cut_out",
    "draw_labels",
    "draw_means",
    "draw_outlines",
    "label_map",
    "segment",
    "segment_mask",
    "slic",
]
