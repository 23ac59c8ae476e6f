"""A drawing as pixels."""

from typing import Any

import numpy as np

from .._typing import UInt8
from ._drawing import Dots, Drawing, Lines, Shape, Words
from ._glyphs import outline

_MOST = 2**15  # pixels a side, which Agg can number
_SEAM = 1.5  # pixels: an edge as wide as the diagonal of one leaves no hairline


def raster(drawing: Drawing, scale: float = 1.0) -> UInt8[np.ndarray, "h w 3"]:
    """Paints a drawing, antialiased, by Matplotlib's Agg.

    Cost is linear in marks and pixels; peak memory is about 8 bytes a pixel.

    Args:
      drawing: what to paint.
      scale: pixels for each unit of the drawing.

    Returns:
      Shape (round(height · scale), round(width · scale), 3); without paper the ground is white.

    Raises:
      ValueError: when a side would be of no pixel, or of more than 32,768.

    Example:
      >>> import numpy as np
      >>> from clusterart_jax import art
      >>> dots = art.Dots(np.array([[5.0, 4.0]]), np.array([3.0]), np.zeros(3))
      >>> pixels = art.raster(art.Drawing(10, 8, (dots,)), scale=2)
      >>> pixels.shape, int(pixels[8, 10, 0]), int(pixels[0, 0, 0])
      ((16, 20, 3), 0, 255)
    """
    from matplotlib.backends.backend_agg import RendererAgg
    from matplotlib.path import Path
    from matplotlib.transforms import Affine2D

    width, height = round(drawing.width * scale), round(drawing.height * scale)
    if not (1 <= width <= _MOST and 1 <= height <= _MOST):
        raise ValueError(f"scale={scale!r} would make {width}×{height} pixels, of 1…{_MOST} a side")
    canvas = RendererAgg(width, height, 72)
    turned = Affine2D().scale(scale, -scale).translate(0, height)
    paper = np.ones(3) if drawing.paper is None else drawing.paper
    canvas.clear()
    look = canvas.new_gc()
    look.set_antialiased(True)
    look.set_snap(False)  # or squares lose a side
    look.set_joinstyle("round")
    look.set_capstyle("round")

    def paint(path: Any, at: Any, fill: Any, edge: float = 0.0) -> None:
        look.set_linewidth(edge * scale)
        canvas.draw_path(look, path, at, None if fill is None else tuple(fill))

    sheet = Path([[0, 0], [0, 1], [1, 1], [1, 0], [0, 0]])
    paint(sheet, Affine2D().scale(width, height), (*paper, 1.0))
    for mark in drawing.marks:
        color = (*np.clip(mark.color, 0, 1), 1.0)
        look.set_foreground(color, isRGBA=True)
        if isinstance(mark, Shape):
            edge = max(mark.edge, _SEAM / scale) if mark.edge else 0.0
            paint(_rings(mark.rings, Path), turned, color, edge)
        elif isinstance(mark, Lines):
            for points in mark.paths:
                paint(Path(points), turned, None, mark.width)
        elif isinstance(mark, Dots):
            circle = Path.unit_circle()
            for (x, y), r in zip(mark.centers, mark.radii, strict=True):
                paint(circle, Affine2D().scale(r).translate(x, y) + turned, color)
        elif isinstance(mark, Words) and mark.text.strip():
            letters = outline(mark.text, mark.anchor).path
            for (x, y), s in zip(mark.places, mark.sizes, strict=True):
                paint(letters, Affine2D().scale(s).translate(x, y) + turned, color)
    return np.array(np.asarray(canvas.buffer_rgba())[..., :3])


def _rings(rings: tuple[np.ndarray, ...], path: Any) -> Any:
    """One path of several closed rings."""
    points = [np.concatenate([ring, ring[:1]]) for ring in rings]
    codes = [np.r_[1, np.full(len(ring) - 1, 2), 79] for ring in rings]
    return path(np.concatenate(points), np.concatenate(codes).astype(np.uint8))
