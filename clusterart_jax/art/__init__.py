"""Pictures, their clusters and palettes → pictures that people hang, print and use.

Functions take and give arrays, or the text of a vector file; reading and writing is `data`'s.

- `style_transformer`, `stylize`: the transformer network, and pictures through it in one program.
"""

from ._transformer import StyleTransformer, style_transformer, stylize

__all__ = ["StyleTransformer", "style_transformer", "stylize"]
