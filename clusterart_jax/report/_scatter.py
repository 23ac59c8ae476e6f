"""What the turnable map in space is told: places, names, clusters, and a sheet of thumbnails."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ._clusters import Cluster
from ._palette import UNASSIGNED, ink_on
from ._plots import cluster_centers, map_rows
from ._sheets import contact_sheet, shrink
from ._summary import Summary
from ._words import clean

SPACE_POINTS = 3000
"""Most points in space: more are too many to turn smoothly on a phone."""
_ATLAS_BYTES = 1_500_000  # of pixels
_ATLAS_COLUMNS = 64


class Scatter(NamedTuple):
    """A map in space.

    Attributes:
      data: plain lists and words, to be written as JSON.
      atlas: `uint8` (H, W, c), a thumbnail of each point, 64 in a row.
      shown: number of points.
    """

    data: dict[str, Any]
    atlas: np.ndarray
    shown: int


def scatter_data(summary: Summary, clusters: Sequence[Cluster]) -> Scatter:
    """The first three coordinates of at most 3,000 points, scaled so that nearly all have norm ≤ 1.

    The middle is the mean; the 99.5th percentile of the norms becomes 1. Coordinates are written in
    thousandths.
    """
    rows = map_rows(summary, SPACE_POINTS)
    points = np.asarray(summary.points, np.float64)[rows, :3]
    middle = points.mean(axis=0)
    norms = np.linalg.norm(points - middle, axis=1)
    scale = float(np.percentile(norms, 99.5)) or 1.0
    rank = {cluster.number: i for i, cluster in enumerate(clusters)}
    centers = (cluster_centers(summary, clusters)[:, :3] - middle) / scale
    height, width, channels = summary.images.shape[1:]
    side = min(48, int(np.sqrt(_ATLAS_BYTES / (len(rows) * channels))))
    thumbs = shrink(summary.images[rows], side)
    labels = np.asarray(summary.labels)[rows].tolist()
    data = {
        "points": np.round((points - middle) / scale * 1000).astype(int).ravel().tolist(),
        "ranks": [rank.get(label, -1) for label in labels],
        "names": [clean(summary.name(i)) for i in rows.tolist()],
        "clusters": [
            {
                "number": cluster.number,
                "color": cluster.color,
                "ink": ink_on(cluster.color),
                "center": np.round(center * 1000).astype(int).tolist()
                if np.isfinite(center).all()
                else None,
            }
            for cluster, center in zip(clusters, centers, strict=True)
        ],
        "unassigned": UNASSIGNED,
        "thumb": {
            "columns": _ATLAS_COLUMNS,
            "width": thumbs.shape[2],
            "height": thumbs.shape[1],
            "ratio": width / height,
        },
    }
    atlas = contact_sheet(thumbs, min(_ATLAS_COLUMNS, len(thumbs)), scale=1, gap=0)
    return Scatter(data, atlas[..., :channels], len(rows))
