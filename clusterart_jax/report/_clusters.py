"""The clusters as a reader meets them: largest first, each with its pictures in order."""

from typing import NamedTuple

import numpy as np

from ._palette import UNASSIGNED, palette
from ._summary import Summary


class Cluster(NamedTuple):
    """One cluster.

    Attributes:
      number: its label.
      color: "#rrggbb".
      rows: (size,) its pictures, nearest the centre first (as they came, where none is known).
      share: of all pictures, 0…1.
      median_distance: to its centre; NaN when unknown.
      common: its most common true class and the share of that class, or None.
    """

    number: int
    color: str
    rows: np.ndarray
    share: float
    median_distance: float
    common: tuple[str, float] | None


def group(summary: Summary) -> tuple[Cluster, ...]:
    """All clusters, the largest first; equal sizes in the order of their numbers.

    Pictures of label −1 are in none of them; see `noise`. Costs one sort of the n pictures.
    """
    labels = np.asarray(summary.labels)
    n, k = len(labels), summary.k
    unknown = summary.distances is None
    distances = np.full(n, np.nan) if unknown else np.asarray(summary.distances, np.float64)
    order = np.lexsort((np.arange(n), distances, labels))  # NaN sorts last
    bounds = np.searchsorted(labels[order], np.arange(k + 1))
    sizes = np.diff(bounds)
    colors = palette(k)
    clusters = []
    for rank, number in enumerate(np.argsort(-sizes, kind="stable").tolist()):
        rows = order[bounds[number] : bounds[number + 1]]
        finite = distances[rows][np.isfinite(distances[rows])]
        clusters.append(
            Cluster(
                number=number,
                color=colors[rank],
                rows=rows,
                share=len(rows) / n,
                median_distance=float(np.median(finite)) if len(finite) else float("nan"),
                common=_most_common(summary, rows),
            )
        )
    return tuple(clusters)


def noise(summary: Summary) -> Cluster:
    """What is in no cluster, as if it were one of number −1; its pictures as they came."""
    rows = np.flatnonzero(np.asarray(summary.labels) < 0)
    return Cluster(
        number=-1,
        color=UNASSIGNED,
        rows=rows,
        share=len(rows) / len(summary.labels),
        median_distance=float("nan"),
        common=_most_common(summary, rows),
    )


def _most_common(summary: Summary, rows: np.ndarray) -> tuple[str, float] | None:
    if summary.true_labels is None or not len(rows):
        return None
    values, counts = np.unique(np.asarray(summary.true_labels)[rows], return_counts=True)
    best = int(values[np.argmax(counts)])
    named = 0 <= best < len(summary.true_names)
    return summary.true_names[best] if named else str(best), float(counts.max() / len(rows))


def evenly(n: int, most: int) -> np.ndarray:
    """At most `most` of the numbers 0…n-1, evenly spaced, the same every time.

    Example:
      >>> evenly(10, 5)
      array([0, 2, 4, 6, 8])
      >>> evenly(3, 5)
      array([0, 1, 2])
    """
    return np.arange(n) if n <= most else np.arange(most) * n // most
