"""Posterising: a picture in a few flat colours with smooth outlines."""

import math
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from .._checks import check_count, check_key
from .._errors import ConfigError
from .._typing import Float, Int, KeyArray
from ..features import srgb_to_oklab
from ._counts import check_picture
from ._drawing import Drawing, Shape
from ._flat import MOST_COLORS, flat_labels, told_apart
from ._outlines import outlines
from ._palette import palette
from ._photo import of_colors, photo_of
from ._regions import connected, inner_points, merge_small, opened

_PIXELS = 600_000  # worked on at most: a quarter of a millimetre on A4
_SIDE = 20  # pixels of `smallest` that are enough


class Poster(NamedTuple):
    """Flat areas that fill a picture.

    Attributes:
      colors: (k, 3) sRGB in 0…1, the one that covers most first.
      shares: (k,) part of the areas that each covers; they sum to 1.
      area_colors: (r,) number of the colour of each area.
      area_sizes: (r,) in pixels² of the picture.
      rings: for each area its closed outlines (n, 2), x and y in pixels of the picture; holes run
        the other way round. Areas that touch have the same points where they do.
      lines: the same outlines, each part once.
      places: (r, 2) the point of each area that is farthest from its outline.
      room: (r,) radius in pixels of the largest circle around that point.
      size: (height, width) of the picture.
    """

    colors: Float[np.ndarray, "k 3"]
    shares: Float[np.ndarray, " k"]
    area_colors: Int[np.ndarray, " r"]
    area_sizes: Float[np.ndarray, " r"]
    rings: tuple[tuple[Float[np.ndarray, "n 2"], ...], ...]
    lines: tuple[Float[np.ndarray, "n 2"], ...]
    places: Float[np.ndarray, "r 2"]
    room: Float[np.ndarray, " r"]
    size: tuple[int, int]


def posterize(
    key: KeyArray,
    image: Any,
    n_colors: int = 12,
    *,
    smallest: float | None = None,
    smoothness: float = 8.0,
) -> Poster:
    """Few colours in flat areas: no area is smaller, or its widest place narrower, than asked for.

    Colours are centres of k-means in OKLab; each pixel takes one near its own and near those
    around it (`_flat.py`), limbs too thin for a brush go to what is beside them, and areas that are
    too small are merged into the neighbour most like them. Work is done on a picture of which
    `smallest` takes 20 pixels, of 600,000 at most, so that cost (about 3 s on one core) and memory
    (about 150 MB beside the picture) hardly depend on its size.

    Args:
      key: of the colours.
      image: `uint8`, (h, w, c) with c = 1, 3 or, with alpha, 4; what is transparent stays empty.
      n_colors: at most so many, 2…64; colours that no area of `smallest` shows are left out.
      smallest: side in pixels of a square as large as the smallest area. None: a hundredth of the
        longer side. The largest circle in an area has at least 0.35 of it as its radius.
      smoothness: of the outlines; 0 lets every pixel choose its colour by itself.

    Returns:
      `Poster`.

    Raises:
      ValueError: for another shape.
      TypeError: for another dtype.
      DataError: where no pixel is visible.
      ConfigError: for options that cannot be.

    Example:
      >>> import jax, numpy as np
      >>> from clusterart_jax import art
      >>> halves = np.repeat(np.uint8([[0] * 30 + [200] * 10]), 30, axis=0)
      >>> poster = art.posterize(jax.random.key(0), halves, 2, smallest=5)
      >>> poster.shares.round(2).tolist(), len(poster.rings)
      ([0.75, 0.25], 2)
    """
    key = check_key(key)
    image = check_picture(image)
    k = check_count(n_colors, "n_colors", low=2, high=MOST_COLORS)
    h, w = image.shape[:2]
    smallest = max(h, w) / 100 if smallest is None else smallest
    for name, value in (("smallest", smallest), ("smoothness", smoothness)):
        if not (value >= 0 and math.isfinite(value)):
            raise ConfigError(f"{name} must be at least 0, not {value!r}")
    zoom = min(math.sqrt(_PIXELS / (h * w)), _SIDE / max(smallest, 1e-9))
    small = photo_of(image, max(1, round(h * zoom)), max(1, round(w * zoom)))
    colors = told_apart(palette(key, image, k, n_init=1))
    labels = flat_labels(small, colors, smoothness)
    lab = of_colors(srgb_to_oklab, small.on_paper)
    centers = np.asarray(srgb_to_oklab(jnp.asarray(colors, jnp.float32)))
    side = smallest / math.sqrt(small.scale.prod())
    labels = merge_small(labels, lab, centers, side**2 / 2, 0)
    labels = opened(labels, 0.12 * side)
    labels = merge_small(labels, lab, centers, side**2, 0.35 * side)
    return _poster(labels, colors, small.scale, (h, w))


def _poster(
    labels: np.ndarray, colors: np.ndarray, scale: np.ndarray, size: tuple[int, int]
) -> Poster:
    regions = connected(labels)
    n = int(regions.max()) + 1
    of_area = np.zeros(n, np.int64)
    of_area[regions.ravel()] = labels.ravel()
    sizes = np.bincount(regions.ravel(), minlength=n)
    found = outlines(regions)
    places, room = inner_points(regions)
    painted = np.flatnonzero(of_area >= 0)
    share = np.bincount(of_area[painted], sizes[painted], len(colors))
    order = np.argsort(-share, kind="stable")[: np.count_nonzero(share)]
    rank = np.zeros(len(colors), np.int64)
    rank[order] = np.arange(len(order))
    seen = (found.sides >= 0) & (of_area[found.sides] >= 0)
    return Poster(
        colors[order],
        share[order] / max(share.sum(), 1),
        rank[of_area[painted]],
        sizes[painted] * scale.prod(),
        tuple(tuple(ring * scale for ring in found.rings[r]) for r in painted),
        tuple(found.lines[i] * scale for i in np.flatnonzero(seen.any(axis=1))),
        places[painted] * scale,
        room[painted] * math.sqrt(scale.prod()),
        size,
    )


def draw_poster(poster: Poster) -> Drawing:
    """The areas in their colours, one unit a pixel of the picture.

    Args:
      poster: of `posterize`.

    Returns:
      `Drawing`, without paper where the picture was transparent.

    Example:
      >>> import jax, numpy as np
      >>> from clusterart_jax import art
      >>> poster = art.posterize(jax.random.key(0), np.full((16, 16), 9, np.uint8), 2, smallest=4)
      >>> len(art.draw_poster(poster).marks)
      1
    """
    h, w = poster.size
    return Drawing(w, h, filled(poster, max(h, w) / 1000))


def filled(poster: Poster, edge: float) -> tuple[Shape, ...]:
    """One shape a colour."""
    shapes = []
    for c, color in enumerate(poster.colors):
        areas = np.flatnonzero(poster.area_colors == c)
        shapes.append(Shape(tuple(ring for r in areas for ring in poster.rings[r]), color, edge))
    return tuple(shapes)
