"""Pictures, their clusters and palettes → pictures that people hang, print and use.

Functions take and give arrays, or the text of a vector file; reading and writing is `data`'s.

- `style_vectors`: pictures → their styles, 100 values each, which can be mixed.
- `mix_styles`: several styles and their weights → one style.
- `apply_style`: one picture of any size, painted in a style.
- `style_transformer`, `stylize`: the network that paints, and many pictures through it at once.
"""

from ._style import apply_style, mix_styles, style_vectors
from ._transformer import StyleTransformer, style_transformer, stylize

__all__ = [
    "StyleTransformer",
    "apply_style",
    "mix_styles",
    "style_transformer",
    "style_vectors",
    "stylize",
]
