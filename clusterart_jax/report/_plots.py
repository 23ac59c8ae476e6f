"""Plots drawn by matplotlib's Agg backend into arrays, without any global state."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ._clusters import Cluster, evenly
from ._palette import UNASSIGNED, ink_on
from ._sheets import shrink
from ._summary import Summary
from ._words import clean

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAP_POINTS = 5000
"""Most points on a map."""
_CURVE_POINTS = 1000


class Theme(NamedTuple):
    """Colours of paper and ink; the same as in `_style.css`."""

    paper: str
    ink: str
    soft: str
    line: str
    curve: str


LIGHT = Theme("#ffffff", "#1f2328", "#5b6069", "#d9d5cc", "#2b5f94")
DARK = Theme("#1c1f23", "#e8e6e1", "#a3a8b0", "#3a3f46", "#8db9e8")


def map_rows(summary: Summary, most: int = MAP_POINTS) -> np.ndarray:
    """Rows of the points on a map: evenly spaced, at most `most`, none that is not finite."""
    if summary.points is None:
        return np.arange(0)
    rows = evenly(len(summary.points), most)
    return rows[np.isfinite(np.asarray(summary.points, np.float64)[rows]).all(axis=1)]


def cluster_centers(summary: Summary, clusters: Sequence[Cluster]) -> np.ndarray:
    """(k, d) where each cluster lies, in the order of `clusters`; NaN for an empty one.

    The summary's own centers where it has them, else the mean of the cluster's points.
    """
    points = np.asarray(summary.points, np.float64)
    centers = np.full((len(clusters), points.shape[1]), np.nan)
    for i, cluster in enumerate(clusters):
        if not len(cluster.rows):
            continue
        if summary.centers is None or np.shape(summary.centers)[1] != points.shape[1]:
            inside = points[cluster.rows]
            inside = inside[np.isfinite(inside).all(axis=1)]
            if len(inside):
                centers[i] = inside.mean(axis=0)
        elif cluster.number < len(summary.centers):
            centers[i] = summary.centers[cluster.number]
    return centers


def draw_map(summary: Summary, clusters: Sequence[Cluster], theme: Theme = LIGHT) -> np.ndarray:
    """The first two coordinates of the points, coloured by cluster, with some of the pictures.

    Returns:
      `uint8` (1200, 1600, 3).
    """
    figure, axes = _figure(6.4, 4.8, theme, dpi=250)
    rows = map_rows(summary)
    points = np.asarray(summary.points, np.float64)[rows, :2]
    color_of = {cluster.number: cluster.color for cluster in clusters}
    colors = [
        color_of.get(label, UNASSIGNED) for label in np.asarray(summary.labels)[rows].tolist()
    ]
    size = float(np.clip(6000 / max(len(rows), 1), 3, 30))
    axes.scatter(points[:, 0], points[:, 1], s=size, c=colors, alpha=0.75, linewidths=0)
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.03)
    axes.set_xlabel("1st principal component")
    axes.set_ylabel("2nd principal component")
    axes.tick_params(labelbottom=False, labelleft=False, length=0)
    figure.draw_without_rendering()  # the places of points in pixels are known from here on
    pixels = axes.transData.transform(points)
    for i in _spread(pixels, apart=150, most=48):
        _thumbnail(axes, points[i], summary.images[rows[i]], colors[i])
    small = 10 if len(clusters) <= 40 else 6
    for cluster, center in zip(clusters, cluster_centers(summary, clusters), strict=True):
        if np.isfinite(center).all():
            box = {"boxstyle": "round,pad=0.25", "fc": cluster.color, "ec": theme.paper, "lw": 1.2}
            style: dict[str, Any] = {"ha": "center", "va": "center", "weight": "bold", "zorder": 5}
            ink = ink_on(cluster.color)
            axes.text(*center[:2], str(cluster.number), size=small, color=ink, bbox=box, **style)
    return _rendered(figure)


def draw_curves(losses: Mapping[str, np.ndarray], theme: Theme = LIGHT) -> np.ndarray:
    """One panel for each curve, below one another.

    Long curves are drawn as means over equal stretches, at most 1,000 of them. A curve that stays
    positive and ends 30 times lower than it began is drawn on a logarithmic scale, and says so.

    Returns:
      `uint8` (520·curves, 1100, 3).
    """
    figure, axes = _figure(5.5, 2.6 * len(losses), theme, rows=len(losses))
    for panel, (name, values) in zip(np.atleast_1d(axes), losses.items(), strict=True):
        steps, curve = stretches(np.asarray(values, np.float64))
        finite = curve[np.isfinite(curve)]
        logarithmic = len(finite) > 0 and finite.min() > 0 and finite[0] > 30 * finite[-1]
        if logarithmic:
            panel.set_yscale("log")
        panel.plot(steps, curve, color=theme.curve, lw=1.6, marker="o" if len(finite) == 1 else "")
        if not len(finite):
            panel.text(0.5, 0.5, "not available", color=theme.soft, transform=panel.transAxes)
        title = clean(name) + (" (logarithmic)" if logarithmic else "")
        panel.set_title(title, color=theme.ink, size=10, parse_math=False)
        panel.set_xlabel("training step")
        panel.grid(axis="y", color=theme.line, lw=0.6)
    return _rendered(figure)


def stretches(values: np.ndarray, most: int = _CURVE_POINTS) -> tuple[np.ndarray, np.ndarray]:
    """Means over equal stretches of steps, at most `most` of them.

    Returns:
      The middle step of each stretch (counted from 1), and the mean of the finite values there.

    Example:
      >>> import numpy as np
      >>> steps, curve = stretches(np.arange(4.0), most=2)
      >>> steps.tolist(), curve.tolist()
      ([1.5, 3.5], [0.5, 2.5])
    """
    n = len(values)
    bounds = np.arange(min(n, most) + 1) * n // max(min(n, most), 1)
    finite = np.isfinite(values)
    total = np.concatenate([[0.0], np.cumsum(np.where(finite, values, 0.0))])[bounds]
    count = np.concatenate([[0], np.cumsum(finite)])[bounds]
    counts = np.diff(count)
    mean = np.where(counts > 0, np.diff(total) / np.maximum(counts, 1), np.nan)
    return (bounds[:-1] + bounds[1:] + 1) / 2, mean


def _spread(pixels: np.ndarray, apart: float, most: int) -> list[int]:
    """Indices of points that are at least `apart` from each other, in order, greedily."""
    chosen: list[int] = []
    free = np.ones(len(pixels), bool)
    for i in range(len(pixels)):
        if free[i]:
            chosen.append(i)
            if len(chosen) == most:
                break
            free &= ((pixels - pixels[i]) ** 2).sum(axis=1) >= apart**2
    return chosen


def _thumbnail(axes: Any, place: np.ndarray, image: np.ndarray, color: str) -> None:
    from matplotlib.offsetbox import AnnotationBbox, OffsetImage

    small = shrink(image[None], 64)[0]
    small = np.broadcast_to(small, (*small.shape[:2], 3))  # grey as three equal channels
    zoom = 20 / max(small.shape[:2])
    smooth = "nearest" if zoom > 0.8 else "antialiased"
    picture = OffsetImage(small, zoom=zoom, interpolation=smooth)
    style = {"edgecolor": color, "linewidth": 1.5, "boxstyle": "square,pad=0"}
    axes.add_artist(
        AnnotationBbox(picture, tuple(place), frameon=True, pad=0, bboxprops=style, zorder=4)
    )


def _figure(
    width: float, height: float, theme: Theme, rows: int = 1, dpi: int = 200
) -> tuple["Figure", Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=dpi, facecolor=theme.paper, layout="constrained")
    axes = figure.subplots(rows, 1)
    for one in np.atleast_1d(axes):
        one.set_facecolor(theme.paper)
        one.tick_params(colors=theme.soft, labelsize=8, which="both")
        one.xaxis.label.set(color=theme.soft, size=8)
        one.yaxis.label.set(color=theme.soft, size=8)
        one.spines[["top", "right"]].set_visible(False)
        one.spines[["left", "bottom"]].set_color(theme.line)
    return figure, axes


def _rendered(figure: "Figure") -> np.ndarray:
    """`uint8` (h, w, 3). The figure is no longer held by anything afterwards."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    image = np.array(canvas.buffer_rgba())[..., :3]
    figure.clear()
    return np.ascontiguousarray(image)
