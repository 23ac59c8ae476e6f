"""How clusters were found, drawn: a tree of merges, a condensed tree, or distances and a radius."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ._clusters import Cluster
from ._merges import condensed, top_of_tree
from ._palette import ink_on
from ._plots import LIGHT, Theme, _figure, _rendered
from ._sheets import shrink
from ._summary import CondensedTree, Dendrogram, Radius, Summary
from ._words import ordinal

_LEAVES = 32  # parts of a tree that are told apart, each with a picture


class Drawing(NamedTuple):
    """A figure, and the words around it.

    Attributes:
      image: `uint8` (h, w, 3).
      title: of the section.
      text: what a reader sees there.
      alt: the figure in a few words.
    """

    image: np.ndarray
    title: str
    text: str
    alt: str


def draw_found(
    summary: Summary, clusters: Sequence[Cluster], theme: Theme = LIGHT
) -> Drawing | None:
    """Draws `summary.found` in the colours of the clusters; None where there is nothing to draw."""
    found = summary.found
    if isinstance(found, Dendrogram) and len(found.linkage):
        return _dendrogram(found, summary, clusters, theme)
    if isinstance(found, CondensedTree) and len(found.linkage):
        return _condensed(found, summary, clusters, theme)
    if isinstance(found, Radius):
        return _radius(found, theme)
    return None


def _dendrogram(
    found: Dendrogram, summary: Summary, clusters: Sequence[Cluster], theme: Theme
) -> Drawing:
    labels = np.asarray(summary.labels)
    count = min(len(labels), max(_LEAVES, min(2 * _LEAVES, len(clusters))))
    tree = top_of_tree(found.linkage, labels, count)
    color_of = {cluster.number: cluster.color for cluster in clusters}
    figure, axes = _figure(6.4, 4.0, theme, dpi=250)
    for bar in tree.bars:
        x, y = bar.corners
        style = {"lw": 1.3, "solid_capstyle": "projecting"}
        axes.plot(x[1:3], y[1:3], color=color_of.get(bar.cluster, theme.soft), **style)
        for leg, below in zip((slice(0, 2), slice(2, 4)), bar.below, strict=True):
            axes.plot(x[leg], y[leg], color=color_of.get(below, theme.soft), zorder=1.9, **style)
    apart = [bar.corners[1][1] for bar in tree.bars if bar.cluster < 0]
    within = [bar.corners[1][1] for bar in tree.bars if bar.cluster >= 0]
    if apart and within and min(apart) > max(within):
        cut = (min(apart) + max(within)) / 2
        axes.axhline(cut, color=theme.ink, lw=0.9, ls=(0, (4, 3)))
    heights = np.array(apart + within)
    low, high = heights.min(), heights.max()
    # Of trees that begin far up, the empty part below is left out.
    floor = max(0.0, low - 0.25 * (high - low)) if low > 0.5 * high else 0.0
    axes.set_ylim(floor, high + 0.04 * (high - floor))
    axes.set_xlim(-0.7, len(tree.leaves) - 0.3)
    axes.set_ylabel("distance at which they merge")
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    for i, leaf in enumerate(tree.leaves):
        color = color_of.get(leaf.cluster, theme.soft)
        _below(axes, i, summary, leaf.rows, color, 410 / (len(tree.leaves) + 1), theme)
    text = (
        "Every picture starts alone, and the two most alike merge, again and again. Here are the "
        f"last {len(tree.leaves) - 1} merges: the higher a bar, the less alike what it joins. Each "
        "end shows a typical picture of what merged before, and the number of pictures."
    )
    return Drawing(
        _rendered(figure), "How they merge", text, "Tree of the last merges, coloured by cluster"
    )


def _below(
    axes: Any, x: int, summary: Summary, rows: np.ndarray, color: str, room: float, theme: Theme
) -> None:
    """A typical picture of some rows and their number, below the axis; `room` in points."""
    from matplotlib.offsetbox import AnnotationBbox, OffsetImage

    small = shrink(summary.images[[_typical(summary, rows)]], 64)[0]
    small = np.broadcast_to(small, (*small.shape[:2], 3))
    side = min(0.82 * room, 24)
    picture = OffsetImage(small, zoom=side / max(small.shape[:2]), interpolation="nearest")
    axes.add_artist(
        AnnotationBbox(
            picture,
            (x, 0),
            xycoords=("data", "axes fraction"),
            xybox=(0, -3),
            boxcoords="offset points",
            box_alignment=(0.5, 1),
            pad=0,
            bboxprops={"edgecolor": color, "linewidth": 1.2, "boxstyle": "square,pad=0"},
            annotation_clip=False,
        )
    )
    axes.annotate(
        f"{len(rows):,}",
        (x, 0),
        xycoords=("data", "axes fraction"),
        xytext=(0, -6 - side),
        textcoords="offset points",
        ha="center",
        va="top",
        size=min(6.0, 0.42 * room),
        color=theme.soft,
        annotation_clip=False,
    )


def _typical(summary: Summary, rows: np.ndarray) -> int:
    """The row nearest to the middle of them."""
    if summary.points is None:
        return int(rows[0])
    points = np.asarray(summary.points, np.float64)[rows]
    return int(rows[np.argmin(((points - points.mean(axis=0)) ** 2).sum(axis=1))])


def _condensed(
    found: CondensedTree, summary: Summary, clusters: Sequence[Cluster], theme: Theme
) -> Drawing:
    from matplotlib.ticker import MaxNLocator, NullLocator

    parts = condensed(found.linkage, found.min_size, np.asarray(summary.labels))
    color_of = {cluster.number: cluster.color for cluster in clusters}
    figure, axes = _figure(6.4, 4.2, theme, dpi=250)
    for part in parts:
        color = color_of.get(part.cluster, theme.line)
        axes.fill_betweenx(
            part.distance,
            part.middle - part.width / 2,
            part.middle + part.width / 2,
            step="post",
            color=color,
            lw=0.4,
            alpha=1.0 if part.chosen or part.cluster < 0 else 0.75,
        )
    for part in parts:
        if part.chosen:
            axes.annotate(
                str(part.cluster),
                (part.middle, part.distance[0]),
                ha="center",
                va="bottom",
                xytext=(0, 2),
                textcoords="offset points",
                size=7,
                weight="bold",
                color=ink_on(color_of[part.cluster]),
                bbox={
                    "boxstyle": "round,pad=0.2",
                    "fc": color_of[part.cluster],
                    "ec": theme.paper,
                    "lw": 0.8,
                },
                zorder=5,
            )
    axes.set_yscale("log")
    axes.set_ylabel("distance within which they hang together")
    axes.set_xlabel("pictures, side by side")
    axes.tick_params(labelbottom=False, bottom=False)
    axes.set_xlim(0, len(summary.labels))
    low, high = axes.get_ylim()
    if high < 20 * low:
        axes.yaxis.set_major_locator(MaxNLocator(6))
        axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(lambda value, place: f"{value:.3g}")
    text = (
        "From top to bottom the distance shrinks within which pictures hang together. A block is "
        "as wide as it has pictures: they drop out at its sides, and where it falls into two of at "
        f"least {found.min_size}, two go on. Coloured and numbered are those that last longest, "
        "the clusters; what is grey was passed over, and what dropped out of it is noise."
    )
    return Drawing(
        _rendered(figure), "The tree of clusters", text, "Condensed tree, clusters coloured"
    )


def _radius(found: Radius, theme: Theme) -> Drawing:
    curve = np.asarray(found.distances, np.float64)
    figure, axes = _figure(6.4, 3.2, theme, dpi=250)
    share = 100 * (np.arange(len(curve)) + 0.5) / len(curve)
    axes.plot(share, curve, color=theme.curve, lw=1.8)
    axes.axhline(found.eps, color=theme.ink, lw=0.9, ls=(0, (4, 3)))
    axes.fill_between(share, curve, found.eps, where=curve > found.eps, color=theme.line, lw=0)
    axes.annotate(
        f"eps = {found.eps:.4g}",
        (0.01, found.eps),
        xycoords=("axes fraction", "data"),
        xytext=(0, 3),
        textcoords="offset points",
        va="bottom",
        size=9,
        weight="bold",
        color=theme.ink,
    )
    top = max(curve.max(), found.eps)
    axes.set_ylim(min(0.0, curve.min()), 1.08 * top if top > 0 else 1.0)
    axes.set_xlim(0, 100)
    axes.set_xlabel("share of the pictures, %")
    axes.set_ylabel(f"distance to the {ordinal(found.min_samples)} nearest")
    axes.grid(axis="y", color=theme.line, lw=0.6)
    text = (
        f"How far each picture is from the {ordinal(found.min_samples)} nearest, itself the first, "
        "sorted. "
        "Those below the line have as many within eps, and are cores of clusters; the others join "
        "a core that is near, or are noise. A good eps lies where the curve turns up."
    )
    alt = "Sorted distances to a near neighbour, with the radius"
    return Drawing(_rendered(figure), "The radius", text, alt)
