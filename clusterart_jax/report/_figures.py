"""A run's figures as PNG files, for slides and papers; the page embeds its own, smaller ones."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .._errors import OutputError
from ..data import write_png
from ._clusters import Cluster, group, noise
from ._found import draw_found
from ._plots import draw_curves, draw_map, map_rows
from ._sheets import contact_sheet, enlargement, numbered, shrink
from ._summary import Summary

_MARGIN = 12
_GAP = 4
_SIDE = 64
_SHEET = 100


def write_figures(folder: str | os.PathLike[str], summary: Summary) -> list[Path]:
    """Writes the figures that the summary has the parts for.

    `clusters.png` (real beside generated pictures, a row per cluster, the largest first),
    `real.png`, `generated.png`, `map.png`, `found.png` (how the clusters were found),
    `reconstructions.png`, `walks.png`, `losses.png`, `neighbors.png`. The same
    summary gives the same bytes. Pictures larger than 64 pixels are reduced. With more than 40
    clusters a row has 8 of each kind, of at most 32 pixels, else 16.

    Args:
      folder: an existing folder; figures of these names in it are replaced.
      summary: what to show.

    Returns:
      The files written.

    Raises:
      OutputError: when a file cannot be written.

    Example:
      >>> import tempfile, numpy as np
      >>> summary = Summary(images=np.zeros((4, 8, 8, 1), np.uint8), labels=np.arange(4) % 2)
      >>> [path.name for path in write_figures(tempfile.mkdtemp(), summary)]
      ['clusters.png', 'real.png']
    """
    folder = Path(folder)
    clusters = group(summary)
    figures = {"clusters": _clusters(summary, clusters, real=True, generated=True)}
    figures["real"] = _clusters(summary, clusters, real=True)
    if summary.samples is not None and summary.samples.shape[1]:
        figures["generated"] = _clusters(summary, clusters, generated=True)
    if summary.points is not None and len(map_rows(summary)) and summary.points.shape[1] >= 2:
        figures["map"] = draw_map(summary, clusters)
    drawing = draw_found(summary, clusters)
    if drawing is not None:
        figures["found"] = drawing.image
    if summary.reconstructions is not None and len(summary.reconstructions[0]):
        figures["reconstructions"] = _pairs(*summary.reconstructions)
    if summary.walks is not None and summary.walks.size:
        steps = summary.walks.shape[1]
        figures["walks"] = _sheet(summary.walks.reshape(-1, *summary.walks.shape[2:]), steps)
    if summary.losses:
        figures["losses"] = draw_curves(summary.losses)
    if summary.neighbors is not None and len(summary.neighbors[0]):
        samples, nearest, distances = summary.neighbors
        closest = np.argsort(distances, kind="stable")
        figures["neighbors"] = _pairs(samples[closest], nearest[closest])
    paths = []
    for name, image in figures.items():
        paths.append(folder / f"{name}.png")
        write_png(paths[-1], image)
    return paths


def write_sheets(folder: str | os.PathLike[str], summary: Summary) -> list[Path]:
    """Writes a contact sheet of each cluster that has pictures, and of noise.

    `cluster-0.png`, …, and `noise.png`, of at most 100 pictures each, the most typical ones first,
    ten in a row. Pictures larger than 64 pixels are reduced.

    Args:
      folder: where; it is made where it is not there, and sheets of these names are replaced.
      summary: what to show.

    Returns:
      The files written.

    Raises:
      OutputError: when a file cannot be written.

    Example:
      >>> import tempfile, numpy as np
      >>> summary = Summary(images=np.zeros((4, 8, 8, 1), np.uint8), labels=np.arange(4) % 2 - 1)
      >>> [path.name for path in write_sheets(tempfile.mkdtemp(), summary)]
      ['noise.png', 'cluster-0.png']
    """
    folder = Path(folder)
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write to {folder}: {error.strerror or error}") from error
    paths = []
    for cluster in (noise(summary), *group(summary)):
        if len(cluster.rows):
            name = "noise" if cluster.number < 0 else f"cluster-{cluster.number}"
            paths.append(folder / f"{name}.png")
            shown = shrink(summary.images[cluster.rows[:_SHEET]], _SIDE)
            write_png(paths[-1], _sheet(shown, min(10, len(shown))))
    return paths


def _clusters(
    summary: Summary, clusters: Sequence[Cluster], *, real: bool = False, generated: bool = False
) -> np.ndarray:
    shown, side = (16, _SIDE) if len(clusters) <= 40 else (8, _SIDE // 2)
    rows = []
    for cluster in clusters:
        strips = []
        if real:
            strips.append(_strip(summary.images[cluster.rows[:shown]], shown, side))
        if generated and summary.samples is not None and summary.samples.shape[1]:
            strips.append(_strip(summary.samples[cluster.number][:shown], shown, side))
        high = max(len(strip) for strip in strips)
        strips = [_padded(strip, 0, high - len(strip), 16) for strip in strips]
        rows.append(numbered(np.concatenate(strips, axis=1), cluster.number, cluster.color))
    wide = max(row.shape[1] for row in rows)
    rows = [_padded(row, wide - row.shape[1], _GAP) for row in rows]
    return np.pad(np.concatenate(rows), _EDGE, constant_values=255)


def _strip(images: np.ndarray, columns: int, side: int) -> np.ndarray:
    """One row of the sheet; a white one where there are no pictures."""
    if not len(images):
        images = np.full((1, *images.shape[1:]), 255, np.uint8)
    small = shrink(images, side)
    scale = max(1, side // max(small.shape[1:3]))
    return contact_sheet(small, columns, scale=scale, gap=_GAP)


def _pairs(top: np.ndarray, bottom: np.ndarray, columns: int = 12) -> np.ndarray:
    """Rows of `top` pictures, each with its row of `bottom` ones close below."""
    columns = min(columns, len(top))
    rows = []
    for start in range(0, len(top), columns):
        part = [np.asarray(x[start : start + columns]) for x in (top, bottom)]
        empty = np.full((columns - len(part[0]), *top.shape[1:]), 255, np.uint8)
        both = np.concatenate([part[0], empty, part[1]])
        rows.append(_padded(_sheet(both, columns, 0), 0, _MARGIN))
    return np.pad(np.concatenate(rows), _EDGE, constant_values=255)


_EDGE = ((_MARGIN, _MARGIN), (_MARGIN, _MARGIN), (0, 0))


def _sheet(images: np.ndarray, columns: int, margin: int = _MARGIN) -> np.ndarray:
    images = shrink(images, 2 * _SIDE)
    sheet = contact_sheet(images, columns, scale=enlargement(*images.shape[1:3]), gap=_GAP)
    return np.pad(sheet, ((margin, margin), (margin, margin), (0, 0)), constant_values=255)


def _padded(image: np.ndarray, right: int, below: int, left: int = 0) -> np.ndarray:
    return np.pad(image, ((0, below), (left, right), (0, 0)), constant_values=255)
