"""Words on a picture, in the font that comes with Pillow."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .._errors import DataError
from .._typing import UInt8


class Text(NamedTuple):
    """A line of text.

    Attributes:
      words: what it says; Latin letters, digits and the usual signs.
      x: pixels from the left.
      y: pixels from the top, of the line's middle.
      size: height of the font in pixels.
      color: 0…255 of red, green and blue.
      anchor: "left", "middle" or "right" of the line is at `x`.
    """

    words: str
    x: float
    y: float
    size: float
    color: tuple[int, int, int]
    anchor: str = "left"


_ANCHORS = {"left": "lm", "middle": "mm", "right": "rm"}


def draw_text(
    image: UInt8[np.ndarray, "h w 3"], lines: Sequence[Text | tuple[Any, ...]]
) -> UInt8[np.ndarray, "h w 3"]:
    """A copy of the picture with lines of text on it, antialiased.

    Args:
      image: `uint8` (h, w, 3).
      lines: (words, x, y, size, color, anchor) each: see `Text`.

    Returns:
      `uint8` (h, w, 3).

    Raises:
      DataError: for another shape or dtype, or another anchor.

    Example:
      >>> import numpy as np
      >>> white = np.full((40, 120, 3), 255, np.uint8)
      >>> card = draw_text(white, [("#663399", 60, 20, 16, (0, 0, 0), "middle")])
      >>> bool((card < 128).any()), bool((white == 255).all())
      (True, True)
    """
    from PIL import Image, ImageDraw, ImageFont

    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise DataError(f"image must be uint8 (h, w, 3), not {image.dtype} {image.shape}")
    picture = Image.fromarray(image)
    pen = ImageDraw.Draw(picture)
    for line in lines:
        text = Text(*line)
        if text.anchor not in _ANCHORS:
            raise DataError(f"anchor must be one of {', '.join(_ANCHORS)}, not {text.anchor!r}")
        font = ImageFont.load_default(text.size)
        where = _ANCHORS[text.anchor]
        if not isinstance(font, ImageFont.FreeTypeFont):  # Pillow without FreeType: one small font
            pen.text((text.x, text.y - 5), text.words, tuple(text.color), font)
            continue
        pen.text((text.x, text.y), text.words, tuple(text.color), font, anchor=where)
    return np.asarray(picture)
