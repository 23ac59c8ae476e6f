"""`python -m benchmarks.cci`: what λ does, in J = J_kmeans + λ · J_CNN.

Fashion-MNIST, 10 k-means clusters of principal components as the first pseudo-labels. Of pictures
that nothing was trained on: how often the network sees in them the cluster that their features lie
in, and what clusters tell of the known classes (normalised mutual information), before training
and after. Of new pictures: how often the network sees the cluster that was asked of. J and its
parts are means over the first and over the last hundred steps.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from clusterart_jax import metrics
from clusterart_jax.condition import encode
from clusterart_jax.generate import CCI, Model, Schedule, draw

from . import generators
from .generators import Coding, Pictures, codings, learn
from .kept import Kept
from .setting import setting

_SHOWN = 100  # steps at the beginning and at the end that are averaged
_DRAWN = 1000  # new pictures


def measure(family: CCI, schedule: Schedule, pictures: Pictures, coding: Coding) -> dict[str, Any]:
    """One row of the table."""
    codes = encode(jnp.asarray(coding.labels), coding.width).codes
    state, curves, seconds, _ = learn(family, schedule, 0, pictures.train, codes)
    key = jax.random.key(1)
    fitted = jax.jit(family.fit)(key, state.ema, state.memory, pictures.train, codes)
    model = Model(state.ema, fitted)
    seen, there = _judged(family, model, pictures.test)
    asked = np.arange(_DRAWN) % family.n_codes
    drawing = jax.jit(partial(draw, family))
    made = drawing(model, key, jnp.eye(family.n_codes, dtype=jnp.float32)[asked])
    row: dict[str, Any] = {"lam": family.lam, "seconds": seconds}
    for name in ("j", "kmeans", "cnn"):
        row[f"{name}_first"] = float(curves[name][:_SHOWN].mean())
        row[name] = float(curves[name][-_SHOWN:].mean())
    row["agreement"] = float(np.mean(seen == there))
    row["consistency"] = float(np.mean(_judged(family, model, made)[0] == asked))
    for name, labels in (("nmi_first", coding.test_labels), ("nmi", there)):
        found = metrics.normalized_mutual_info_score(pictures.test_labels, labels)
        row[name] = float(found)
    row["clusters"] = len(np.unique(there))
    return row


def _judged(family: CCI, model: Model, images: Any) -> tuple[np.ndarray, np.ndarray]:
    """The class that the network sees in each picture, and the cluster its features lie in."""
    shares, labels = jax.jit(family.shares), jax.jit(family.pseudo_labels)
    seen, there = [], []
    for i in range(0, len(images), 500):
        part = jnp.asarray(images[i : i + 500], jnp.float32) / 255
        seen.append(np.argmax(shares(model, part), axis=1))
        there.append(np.asarray(labels(model, part)))
    return np.concatenate(seen), np.concatenate(there)


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows, as Markdown."""
    lines = [
        "| λ | J, first and last | J_kmeans | J_CNN | agreement | consistency | clusters | NMI |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        pairs = [f"{row[f'{name}_first']:.3f}, {row[name]:.3f}" for name in ("j", "kmeans", "cnn")]
        shares = [f"{row[name]:.3f}" for name in ("agreement", "consistency")]
        nmi = f"{row['nmi_first']:.3f}, {row['nmi']:.3f}"
        cells = [f"{row['lam']:g}", *pairs, *shares, str(row["clusters"]), nmi]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Trains with each λ, prints the table, and writes it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cci", description=__doc__)
    add = parser.add_argument
    add("--lam", type=float, nargs="+", default=[0, 0.1, 1, 10])
    add("-k", type=int, default=10)
    add("--steps", type=int, default=2000)
    add("--batch-size", type=int, default=64)
    add("--width", type=int, default=32)
    add("--limit", type=int, help="pictures at most, for a quick look")
    add("--out", type=Path, metavar="JSON", required=True)
    words = list(sys.argv[1:] if argv is None else argv)
    options = parser.parse_args(words)
    pictures = generators.fashion(options.limit)
    (coding,) = codings(pictures, [f"k{options.k}"], None).values()
    schedule = Schedule(options.steps, options.batch_size)
    h, w, c = pictures.train.shape[1:]
    found = {**setting(words), "command": "python -m benchmarks.cci " + " ".join(words)}
    kept = Kept(options.out, found)
    for lam in options.lam:
        if f"{lam:g}" not in kept.rows:
            family = CCI((h, w, c), options.k, width=options.width, lam=lam)
            kept.add(f"{lam:g}", measure(family, schedule, pictures, coding))
    print(table(list(kept.rows.values())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
