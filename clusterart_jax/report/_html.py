"""A run as one HTML file that needs nothing else: pictures, style and script are inside it."""

import base64
import hashlib
import os
import struct
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._files import write_text
from ..data import png_bytes
from ._clusters import Cluster, group, noise
from ._found import draw_found
from ._palette import UNASSIGNED, ink_on
from ._plots import DARK, LIGHT, draw_curves, draw_map, map_rows
from ._scatter import scatter_data
from ._sheets import contact_sheet, enlargement, shrink
from ._summary import Summary
from ._words import clean, count, duration, flattened, number_text, percent

if TYPE_CHECKING:
    import jinja2

# Pixels of noise do not compress and grow by a third in base64. At most 4.5 MB of them are in
# the clusters' strips, 1.5 MB in the map's thumbnails and 5 MB in the rest: below 15 MB in all.
_CLUSTER_BYTES = 4_500_000
_PAIRS = 24
_WALKS = 8
_STEPS = 16
_GALLERY = 96
_LISTED = 500


def write_report(folder: str | os.PathLike[str], summary: Summary) -> Path:
    """Writes `report.html`, one file that opens without a network.

    It is light or dark as the reader's system is, can be printed, and stays below about 15 MB:
    with many clusters fewer and smaller pictures of each are shown. Maps show at most 5,000 points
    in the plane and 3,000 in space, evenly spaced over the data; the page says so. The same summary
    gives the same bytes.

    Args:
      folder: an existing folder; a `report.html` in it is replaced.
      summary: what to show.

    Returns:
      The file written.

    Raises:
      OutputError: when the file cannot be written; an earlier one then stays as it was.

    Example:
      >>> import tempfile, numpy as np
      >>> summary = Summary(images=np.zeros((4, 8, 8, 1), np.uint8), labels=np.arange(4) % 2)
      >>> write_report(tempfile.mkdtemp(), summary).name
      'report.html'
    """
    path = Path(folder) / "report.html"
    write_text(path, render(summary))
    return path


def render(summary: Summary) -> str:
    """The page as text; see `write_report`."""
    script = resource("_scatter3d.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = environment().get_template("template.html.jinja")
    return page.render(
        style=resource("_style.css"), script=script, script_hash=digest, **_view(summary)
    )


def environment() -> "jinja2.Environment":
    """What templates of this folder are rendered in."""
    import jinja2

    made = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=jinja2.FunctionLoader(resource),
    )
    made.filters |= {
        "number": number_text,
        "duration": duration,
        "percent": percent,
        "clean": clean,
    }
    made.globals |= {"count": count}
    return made


def resource(name: str) -> str:
    """A file of this folder, as text."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _view(summary: Summary) -> dict[str, Any]:
    """Everything the template names."""
    clusters = group(summary)
    shown, side = _strip_size(summary, len(clusters))
    filled = [cluster for cluster in clusters if len(cluster.rows)]
    cards = [_card(summary, cluster, shown, side) for cluster in clusters]
    apart = noise(summary)
    if len(apart.rows):
        cards.append(_card(summary, apart, shown, side))
    found = [draw_found(summary, clusters, theme) for theme in (LIGHT, DARK)]
    mapped = map_rows(summary)
    dimensions = summary.points.shape[1] if summary.points is not None and len(mapped) else 0
    has_map = dimensions >= 2
    space = None
    if dimensions >= 3:
        space = scatter_data(summary, clusters)
    height, width, channels = summary.images.shape[1:]
    return {
        "title": clean(summary.title),
        "pages": summary.pages,
        "summary": summary,
        "lead": {
            "n": len(summary.images),
            "size": f"{width} × {height}",
            "kind": "grey" if channels == 1 else "colour",
            "k": len(filled),
            "empty": len(clusters) - len(filled),
            "unassigned": len(apart.rows),
            "share": apart.share,
            "samples": 0 if summary.samples is None else summary.samples.shape[1],
        },
        "cards": cards,
        "shown": shown,
        "hero": _hero(summary, filled[:12]),
        "map": _themed(lambda theme: draw_map(summary, clusters, theme)) if has_map else None,
        "map_count": len(mapped),
        "unassigned_color": UNASSIGNED,
        "space": space,
        "atlas": None if space is None else _image(space.atlas),
        "found": found[0],
        "found_image": {
            name: _image(drawing.image)
            for name, drawing in zip(("light", "dark"), found, strict=True)
            if drawing is not None
        },
        "gallery": _gallery(summary, filled),
        "reconstructions": _reconstructions(summary),
        "walks": _walks(summary),
        "neighbors": _neighbors(summary),
        "losses": [
            (clean(name), _themed(lambda t, n=name, v=values: draw_curves({n: v}, t)))
            for name, values in summary.losses.items()
        ],
        "progress": [(step, _image_file(data)) for step, data in summary.progress.items()],
        "config": flattened(summary.config),
        "listed": _LISTED,
    }


def _card(summary: Summary, cluster: Cluster, shown: int, side: int) -> dict[str, Any]:
    rows = cluster.rows[:shown]
    samples = summary.noise_samples
    if cluster.number >= 0:
        samples = None if summary.samples is None else summary.samples[cluster.number]
    median = None
    if summary.probabilities is not None and cluster.number >= 0 and len(cluster.rows):
        median = float(np.median(np.asarray(summary.probabilities)[cluster.rows]))
    noisy = cluster.number < 0
    return {
        "cluster": cluster,
        "name": "noise" if noisy else f"cluster {cluster.number}",
        "id": "noise" if noisy else f"cluster-{cluster.number}",
        "probability": median,
        "size": len(cluster.rows),
        "ink": ink_on(cluster.color),
        "real": _strip(summary.images[rows], min(shown, 8), side),
        "generated": None if samples is None else _strip(samples[:shown], min(shown, 8), side),
        "names": [clean(summary.name(i)) for i in rows.tolist()] if len(summary.names) else [],
    }


def _strip_size(summary: Summary, k: int) -> tuple[int, int]:
    """How many pictures of each kind a cluster shows, and their longest side."""
    h, w, c = summary.images.shape[1:]
    for shown, side in ((16, 64), (16, 48), (16, 40), (8, 48), (8, 36), (4, 48), (4, 36), (4, 28)):
        factor = min(1.0, side / max(h, w))
        if 2 * k * shown * h * w * c * factor**2 <= _CLUSTER_BYTES:
            return shown, side
    return 4, 24


def _hero(summary: Summary, clusters: Sequence[Cluster]) -> list[dict[str, Any]]:
    """Of the largest clusters: the picture nearest the centre, and a generated one below it."""
    pairs = []
    for cluster in clusters:
        real = summary.images[cluster.rows[:1]]
        made = None
        if summary.samples is not None and summary.samples.shape[1]:
            made = _strip(summary.samples[cluster.number][:1], 1, 64)
        ink = ink_on(cluster.color)
        pairs.append(
            {"cluster": cluster, "ink": ink, "real": _strip(real, 1, 64), "generated": made}
        )
    return pairs


def _gallery(summary: Summary, clusters: Sequence[Cluster]) -> dict[str, Any] | None:
    """One sheet of generated pictures, as many of every cluster."""
    if summary.samples is None or not summary.samples.shape[1]:
        return None
    most = min(summary.samples.shape[1], max(1, _GALLERY // max(1, len(clusters))))
    each = next(x for x in (12, 6, 4, 3, 2, 1) if x <= most)  # so that clusters share out the rows
    numbers = [cluster.number for cluster in clusters[:_GALLERY]]
    # The last pictures of each: the strips beside the real ones show the first.
    images = summary.samples[numbers][:, -each:]
    sheet = _strip(images.reshape(-1, *images.shape[2:]), 12, 48)
    return sheet and sheet | {"each": each, "clusters": len(numbers)}


def _reconstructions(summary: Summary) -> list[dict[str, Any]]:
    if summary.reconstructions is None:
        return []
    originals, made = (np.asarray(part)[:_PAIRS] for part in summary.reconstructions)
    return [_pair(one, two) for one, two in zip(originals, made, strict=True)]


def _neighbors(summary: Summary) -> list[dict[str, Any]]:
    """The pairs that are most alike first, since a copy would be there."""
    if summary.neighbors is None:
        return []
    samples, nearest, distances = (np.asarray(part) for part in summary.neighbors)
    return [
        _pair(samples[i], nearest[i]) | {"distance": float(distances[i])}
        for i in np.argsort(distances, kind="stable")[:_PAIRS].tolist()
    ]


def _pair(above: np.ndarray, below: np.ndarray) -> dict[str, Any]:
    strip = _strip(np.stack([above, below]), 1, 64)
    assert strip is not None
    return strip


def _walks(summary: Summary) -> list[dict[str, Any]]:
    if summary.walks is None or not summary.walks.size:
        return []
    steps = summary.walks.shape[1]
    kept = np.unique(np.linspace(0, steps - 1, _STEPS).round().astype(int))  # both ends are
    names = summary.walk_names or [f"walk {i + 1}" for i in range(len(summary.walks))]
    walks = []
    for name, walk in zip(names[:_WALKS], summary.walks, strict=False):
        strip = _strip(walk[kept], len(kept), 48)
        assert strip is not None
        walks.append(strip | {"name": clean(name), "steps": len(kept)})
    return walks


def _strip(images: np.ndarray, columns: int, side: int) -> dict[str, Any] | None:
    """Pictures on a sheet without gaps, which the style draws; None where there are no pictures."""
    if not len(images):
        return None
    images = shrink(np.asarray(images), side)
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    sheet = contact_sheet(images, columns, gap=0)
    return _image(sheet[..., : images.shape[-1]]) | {
        "pixel": enlargement(*images.shape[1:3]) > 1,
        "columns": columns,
        "rows": rows,
        "empty": rows * columns - len(images),
        "count": len(images),
    }


def _image(image: np.ndarray) -> dict[str, Any]:
    return _image_file(png_bytes(image))


def _image_file(png: bytes) -> dict[str, Any]:
    width, height = struct.unpack(">II", png[16:24])  # where the format has them
    data = base64.b64encode(png).decode()
    return {
        "src": f"data:image/png;base64,{data}",
        "width": width,
        "height": height,
        "pixel": False,
    }


def _themed(draw: Any) -> dict[str, Any]:
    return {"light": _image(draw(LIGHT)), "dark": _image(draw(DARK))}
