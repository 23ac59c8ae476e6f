"""Low-poly: a picture in triangles, small where it has edges."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .._checks import check_count, check_key
from .._errors import ConfigError, DataError
from .._typing import Float, Int, KeyArray
from ..features import srgb_to_oklab
from ._counts import check_picture
from ._drawing import Drawing, Shape
from ._photo import Photo, of_colors, photo_of
from ._voronoi import centroids, spread_points

_PIXELS = (2**12, 2**19)  # worked on at least and at most
_PER_POINT = 100
_TILE = 64
_TOL = 0.05  # of the points: beyond, triangles change and the error of the picture does not
_SEAM = 700  # pixels of the longer side at which no paper shines through between triangles


class LowPoly(NamedTuple):
    """Triangles that fill a picture.

    Attributes:
      points: (n, 2) x and y in pixels of the picture, its corners among them.
      triangles: (t, 3) numbers of the points at the corners of each.
      colors: (t, 3) sRGB in 0…1, mean of what is visible in each.
      alpha: (t,) mean in 0…1.
      size: (height, width) of the picture.
    """

    points: Float[np.ndarray, "n 2"]
    triangles: Int[np.ndarray, "t 3"]
    colors: Float[np.ndarray, "t 3"]
    alpha: Float[np.ndarray, " t"]
    size: tuple[int, int]


def lowpoly(key: KeyArray, image: Any, n_points: int = 2000, *, evenness: float = 0.12) -> LowPoly:
    """Triangles between points that gather along edges.

    Points are a weighted Voronoi tessellation, as in `stipple`, whose weights are the change of
    colour (OKLab) around each pixel; Delaunay's triangles between them (SciPy) take the mean colour
    of their pixels. Work is done on 100 pixels a point, half a million at most, to which the
    picture is brought; cost and memory are linear in these.

    Args:
      key: of the points.
      image: `uint8`, (h, w, c) with c = 1, 3 or, with alpha, 4.
      n_points: points inside the picture, 3…100,000; triangles are about twice as many. More come
        on its frame.
      evenness: weight of places without any edge beside that of the mean place; with much of it
        triangles are of one size.

    Returns:
      `LowPoly`.

    Raises:
      ValueError: for another shape.
      TypeError: for another dtype.
      ConfigError: for options that cannot be.
      DataError: where no pixel is visible.

    Example:
      >>> import jax, numpy as np
      >>> from clusterart_jax import art
      >>> halves = np.repeat(np.uint8([[0] * 30 + [200] * 10]), 30, axis=0)
      >>> found = art.lowpoly(jax.random.key(0), halves, 50)
      >>> corners = found.points[found.triangles]
      >>> areas = np.abs(np.linalg.det(corners[:, 1:] - corners[:, :1])) / 2
      >>> round(float(areas.sum()))  # they fill the picture
      1200

    References:
      Du, Faber and Gunzburger, Centroidal Voronoi tessellations, 1999,
      doi:10.1137/S0036144599352836.
    """
    key = check_key(key)
    image = check_picture(image)
    n = check_count(n_points, "n_points", low=3, high=100_000)
    if not (evenness > 0 and math.isfinite(evenness)):
        raise ConfigError(f"evenness must be above 0, not {evenness!r}")
    h, w = image.shape[:2]
    zoom = math.sqrt(min(max(n * _PER_POINT, _PIXELS[0]), _PIXELS[1]) / (h * w))
    if image.ndim == 3 and image.shape[2] == 4 and not np.asarray(image)[..., 3].any():
        raise DataError("image: no pixel of it is visible")
    small = photo_of(image, max(2, round(h * zoom)), max(2, round(w * zoom)))
    weights = _edges(small, evenness)
    pads = [(0, -side % _TILE) for side in weights.shape]
    grid = jnp.asarray(np.pad(weights, pads))
    begin, go = jax.random.split(key)
    found = centroids(go, grid, spread_points(begin, grid, n), max_iter=20, tol=_TOL)
    points = np.asarray(found.centers, np.float64)
    size = np.array(weights.shape[::-1], np.float64)
    points = np.concatenate([_frame(points, weights, size), points])
    return _painted(points, small, size, (h, w))


def _edges(small: Photo, evenness: float) -> np.ndarray:
    """Where colour changes: the square root of its slope, so that faint edges count, too."""
    lab = of_colors(srgb_to_oklab, small.on_paper)
    reach = max(1, round(math.hypot(*lab.shape[:2]) / 700))
    slope = np.zeros(lab.shape[:2], np.float32)
    for axis in (0, 1):
        wide = np.pad(lab, [(reach * (axis == i),) * 2 for i in (0, 1, 2)], mode="edge")
        across = np.moveaxis(wide, axis, 0)
        change = np.moveaxis(across[2 * reach :] - across[: -2 * reach], 0, axis)
        slope += np.einsum("hwc,hwc->hw", change, change)
    weights = np.sqrt(slope)
    mean = float(weights.mean())
    return weights + np.float32(evenness * mean if mean > 1e-4 else 1.0)


def _frame(points: np.ndarray, weights: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Points on the frame, as far from each other there as the points inside are."""
    total = float(weights.sum())
    sides = []
    for axis in (0, 1):
        for end in (0.0, 1.0):
            row = weights[-1 if end else 0] if axis == 0 else weights[:, -1 if end else 0]
            density = np.sqrt(row.astype(np.float64) * len(points) / total)  # points a pixel
            sums = np.r_[0, np.cumsum(density)]
            count = max(1, round(float(sums[-1])))
            along = np.interp(np.arange(count) * (sums[-1] / count), sums, np.arange(len(sums)))
            side = np.empty((count, 2))
            side[:, axis], side[:, 1 - axis] = along, end * size[1 - axis]
            if (axis == 0) == bool(end):  # each of the four begins at a corner of its own
                side[:, axis] = size[axis] - side[:, axis]
            sides.append(side)
    return np.concatenate(sides)


def _painted(points: np.ndarray, small: Photo, size: np.ndarray, shape: tuple[int, int]) -> LowPoly:
    from scipy.spatial import Delaunay

    mesh = Delaunay(points)
    n = len(mesh.simplices)
    h, w = small.alpha.shape
    sums = np.zeros((n, 5))  # colour times alpha, alpha, pixels
    rows = max(1, 2**16 // w)
    for top in range(0, h, rows):
        y, x = np.mgrid[top : min(top + rows, h), :w]
        owner = mesh.find_simplex(np.stack([x.ravel(), y.ravel()], axis=1) + 0.5)
        alpha = small.alpha[top : top + rows].ravel()
        rgb = small.rgb[top : top + rows].reshape(-1, 3)
        values = [*(rgb * alpha[:, None]).T, alpha, np.ones(len(alpha))]
        for c, value in enumerate(values):
            sums[:, c] += np.bincount(owner, value, n)
    empty = sums[:, 4] == 0  # smaller than a pixel: the colour of the one at the middle
    middle = points[mesh.simplices[empty]].mean(axis=1)
    x = np.clip(middle[:, 0].astype(int), 0, w - 1)
    y = np.clip(middle[:, 1].astype(int), 0, h - 1)
    alpha = small.alpha[y, x][:, None]
    sums[empty] = np.concatenate([small.rgb[y, x] * alpha, alpha, np.ones_like(alpha)], axis=1)
    colors = sums[:, :3] / np.maximum(sums[:, 3:4], 1e-9)
    return LowPoly(
        np.minimum(points * (np.array(shape[::-1]) / size), shape[::-1]),
        mesh.simplices.astype(np.int64),
        np.clip(colors, 0, 1),
        sums[:, 3] / sums[:, 4],
        shape,
    )


def draw_lowpoly(found: LowPoly) -> Drawing:
    """The triangles, one unit a pixel of the picture, opaque; those mostly clear are left out.

    Args:
      found: of `lowpoly`.

    Returns:
      `Drawing`.

    Example:
      >>> import jax, numpy as np
      >>> from clusterart_jax import art
      >>> found = art.lowpoly(jax.random.key(0), np.full((16, 16), 9, np.uint8), 5)
      >>> len(art.draw_lowpoly(found).marks) == len(found.triangles)
      True
    """
    h, w = found.size
    edge = max(h, w) / _SEAM
    corners = found.points[found.triangles]
    shown = np.flatnonzero(found.alpha >= 0.5)
    return Drawing(w, h, tuple(Shape((corners[t],), found.colors[t], edge) for t in shown))
