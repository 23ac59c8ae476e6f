"""`python -m benchmarks.styles`: which features tell drawings apart, and which what is drawn.

The same emoji in two drawings, Google's and Twitter's, mixed. For each kind of features of
`clusterart cluster --features`: how well k-means with two clusters finds the drawing and with nine
the category of an emoji, what a linear classifier tells of emoji it has not seen, and what the
nearest picture shares. Pictures come from the npm packages emoji-datasource-google and
emoji-datasource-twitter, unpacked by the user; no skin tones, which are near-copies.
"""

import argparse
import json
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

import clusterart_jax as ca
from clusterart_jax import metrics
from clusterart_jax._files import write_text
from clusterart_jax.data import read_squares
from clusterart_jax.pipeline import FEATURES

from .setting import setting

DRAWINGS = ("google", "twitter")
KINDS = ("pixels", "pca", "color", "texture", "effnet", "maps", "style")
_SEEDS = 5
_COMPONENTS = 32
_MOST = 512  # columns that the linear classifier sees


class Emoji(NamedTuple):
    """Pictures in two drawings, the first half in one, the second half in the other.

    Attributes:
      images: (2 m, 64, 64, 3).
      drawing: (2 m,) 0 or 1.
      category: (2 m,) of what is drawn.
      base: (2 m,) number of the emoji, the same in both drawings.
      names: of the categories.
    """

    images: np.ndarray
    drawing: np.ndarray
    category: np.ndarray
    base: np.ndarray
    names: list[str]


def emoji(packages: Sequence[Path], limit: int | None = None) -> Emoji:
    """The emoji that both packages have, over white; `limit` takes evenly spaced ones."""
    entries = json.loads((packages[0] / "emoji.json").read_text(encoding="utf-8"))
    folders = [p / "img" / name / "64" for p, name in zip(packages, DRAWINGS, strict=True)]
    entries = [
        entry
        for entry in entries
        if entry["category"] != "Component"
        and all((folder / entry["image"]).is_file() for folder in folders)
    ]
    if limit is not None and limit < len(entries):
        entries = [entries[i * len(entries) // limit] for i in range(limit)]
    files = [entry["image"] for entry in entries]
    parts = []
    for folder in folders:
        images, reasons = read_squares(folder, files, 64)
        bad = [f"{file}: {why}" for file, why in zip(files, reasons, strict=True) if why]
        if bad:
            raise SystemExit(f"{folder} cannot be read, first {bad[0]}")
        parts.append(images)
    names, category = np.unique([entry["category"] for entry in entries], return_inverse=True)
    count = len(files)
    return Emoji(
        np.concatenate(parts),
        np.repeat([0, 1], count),
        np.tile(category, 2),
        np.tile(np.arange(count), 2),
        names.tolist(),
    )


def row(kind: str, data: Emoji) -> dict[str, Any]:
    """What is found with one kind of features."""
    begin = time.perf_counter()
    rows = np.asarray(FEATURES[kind].rows(data.images))
    seconds = time.perf_counter() - begin
    # As `clusterart cluster --features` does it.
    if FEATURES[kind].reduced:
        points = np.asarray(ca.pca(rows, _COMPONENTS).transform(rows))
    else:
        points = rows
    # Of all columns, each on its own scale; of pixels the first components, which hold nearly all.
    scaled = np.asarray(ca.features.scale(rows, "standard").transform(rows))
    if scaled.shape[1] > _MOST:
        scaled = np.asarray(ca.pca(scaled, _MOST).transform(scaled))
    scaled = scaled / np.sqrt(scaled.var(axis=0).mean())
    told: dict[str, Any] = {"features": kind, "columns": rows.shape[1], "seconds": seconds}
    for name, labels in (("drawing", data.drawing), ("category", data.category)):
        told[name] = {**clustered(points, labels), **probed(scaled, labels, data.base)}
    told |= nearest(points, data)
    return told


def clustered(points: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Mean and deviation over seeds of accuracy and NMI of k-means with as many clusters."""
    k = int(labels.max()) + 1
    scores = []
    for seed in range(_SEEDS):
        found = ca.kmeans(jax.random.key(seed), points, k, n_init=4).labels
        accuracy = metrics.clustering_accuracy(labels, found)
        scores.append((float(accuracy), float(metrics.normalized_mutual_info_score(labels, found))))
    mean, deviation = np.mean(scores, axis=0), np.std(scores, axis=0)
    return {
        "accuracy": mean[0],
        "accuracy_deviation": deviation[0],
        "nmi": mean[1],
        "nmi_deviation": deviation[1],
    }


def probed(x: np.ndarray, labels: np.ndarray, base: np.ndarray) -> dict[str, float]:
    """Accuracy of a linear classifier on emoji it has not seen in either drawing, in five folds."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold

    right = []
    for train, test in GroupKFold(5).split(x, labels, base):
        model = LogisticRegression(C=0.1, max_iter=2000).fit(x[train], labels[train])
        right.append(np.mean(model.predict(x[test]) == labels[test]))
    most = np.bincount(labels).max() / len(labels)
    return {"probe": float(np.mean(right)), "probe_deviation": float(np.std(right)), "most": most}


def nearest(points: np.ndarray, data: Emoji) -> dict[str, float]:
    """What the nearest picture shares: the drawing; in the other drawing the emoji."""
    count = len(points) // 2
    squares = np.sum(points**2, axis=1)
    distances = squares[:, None] + squares[None] - 2 * points @ points.T
    # Its own twin is left out, so that content cannot say which drawing is near.
    distances[np.arange(2 * count), np.arange(2 * count)] = np.inf
    other = distances[:count, count:]
    hits = np.concatenate([other.argmin(axis=1), other.argmin(axis=0)]) == data.base
    twins = (np.arange(2 * count) + count) % (2 * count)
    distances[np.arange(2 * count), twins] = np.inf
    near = distances.argmin(axis=1)
    return {
        "nearest_same_drawing": float(np.mean(data.drawing[near] == data.drawing)),
        "nearest_same_category": float(np.mean(data.category[near] == data.category)),
        "nearest_is_twin": float(np.mean(hits)),
    }


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    head = (
        "| features | drawing: accuracy, k = 2 | NMI | linear | nearest | category: accuracy, "
        "k = 9 | NMI | linear | nearest | twin is nearest |"
    )
    lines = [head, "|" + "---|" * 10]
    for one in rows:
        cells = [one["features"]]
        for name in ("drawing", "category"):
            part = one[name]
            cells += [f"{part['accuracy']:.3f}", f"{part['nmi']:.3f}", f"{part['probe']:.3f}"]
            cells.append(f"{one[f'nearest_same_{name}']:.3f}")
        lines.append("| " + " | ".join([*cells, f"{one['nearest_is_twin']:.3f}"]) + " |")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Measures all kinds of features and prints the table."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="python -m benchmarks.styles", description=__doc__)
    for name in DRAWINGS:
        parser.add_argument(name, type=Path, help=f"unpacked package emoji-datasource-{name}")
    parser.add_argument("--limit", type=int, help="emoji at most, evenly spaced")
    parser.add_argument("--only", nargs="*", choices=KINDS, default=KINDS, help="kinds of features")
    parser.add_argument("--out", type=Path, metavar="FILE", help="JSON to write")
    options = parser.parse_args(words)
    assert set(KINDS) <= set(FEATURES)
    data = emoji([options.google, options.twitter], options.limit)
    limit = [] if options.limit is None else ["--limit", str(options.limit)]
    asked = ["emoji-datasource-google", "emoji-datasource-twitter", *limit]
    command = shlex.join(["python", "-m", "benchmarks.styles", *asked, "--only", *options.only])
    told = {
        **setting(asked),
        "command": command,
        "pictures": len(data.images),
        "categories": data.names,
    }
    rows = []
    for kind in options.only:
        rows.append(row(kind, data))
        print(table(rows[-1:]).splitlines()[-1], flush=True)
        if options.out is not None:
            text = json.dumps({**told, "rows": rows}, indent=1, ensure_ascii=False)
            write_text(options.out, text + "\n")
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
