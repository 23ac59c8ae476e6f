"""`python -m benchmarks.stacked`: how many of 1,000 modes does a GAN find?

Three pictures of Fashion-MNIST, drawn at random, are the channels of one of Stacked-Fashion: of
ten classes in each channel come 1,000 modes. A classifier of the classes reads the channels of
25,600 generated pictures: modes that come at least once, and the Kullback-Leibler divergence of
their shares from those of the training set (Metz et al. 2017, arXiv:1611.02163, with digits). Meant
for an accelerator; a row that is done is kept in the JSON.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import clusterart_jax as ca
from clusterart_jax.condition import encode
from clusterart_jax.generate import GAN, Model, Schedule, draw

from . import generators
from .kept import Kept
from .setting import setting

_DRAWN = 512  # pictures drawn at once


class Found(NamedTuple):
    """Modes that came at least once, and Σ p log(p / q) of shares p found and q of the training."""

    modes: int
    divergence: float


def stacked(
    images: np.ndarray, labels: np.ndarray, n: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (n, h, w, 3) of three random ones (m, h, w, 1), and their modes (n,) of 1,000."""
    rows = np.random.default_rng(seed).integers(0, len(images), (n, 3))
    return np.moveaxis(images[rows, ..., 0], 1, -1), labels[rows] @ np.array([100, 10, 1])


def modes_of(images: np.ndarray, classifier: Callable[[np.ndarray], Any]) -> np.ndarray:
    """The mode of each picture, as a classifier of single channels sees it."""
    digits = [np.argmax(classifier(images[..., c : c + 1])[1], axis=1) for c in range(3)]
    return np.stack(digits, axis=1) @ np.array([100, 10, 1])


def compared(modes: np.ndarray, real: np.ndarray) -> Found:
    """How modes of generated pictures lie beside those of real ones."""
    p, q = (np.bincount(m, minlength=1000) / len(m) for m in (modes, real))
    both = (p > 0) & (q > 0)
    return Found(int((p > 0).sum()), float(np.sum(p[both] * np.log(p[both] / q[both]))))


def clusters(images: np.ndarray, k: int) -> np.ndarray:
    """K-means clusters of 64 principal components; all 0 for k = 1."""
    if k == 1:
        return np.zeros(len(images), np.int32)
    rows = ca.features.pixels(images)
    points = ca.pca(rows, min(64, rows.shape[1])).transform(rows)
    return np.asarray(ca.kmeans(jax.random.key(0), points, k).labels)


def measure(
    family: GAN,
    schedule: Schedule,
    seed: int,
    images: np.ndarray,
    modes: np.ndarray,
    labels: np.ndarray,
    count: int,
    classifier: Callable[[np.ndarray], Any],
) -> dict[str, Any]:
    """One row: trains, draws `count` pictures of codes as often as the training has them."""
    codes = encode(jnp.asarray(labels), family.n_codes).codes
    state, _, seconds, compile_s = generators.learn(family, schedule, seed, images, codes)
    key = jax.random.key(1000 + seed)
    model = Model(state.ema, family.fit(key, state.ema, state.memory, jnp.asarray(images), codes))
    drawing = jax.jit(partial(draw, family))
    made = []
    for i in range(-(-count // _DRAWN)):
        rows = (np.arange(_DRAWN) + i * _DRAWN) % len(images)
        made.append(np.asarray(drawing(model, jax.random.fold_in(key, i), codes[rows])))
    found = compared(modes_of(np.concatenate(made)[:count], classifier), modes)
    return {**found._asdict(), "seconds": seconds, "compile_s": compile_s}


def main(argv: Sequence[str] | None = None) -> int:
    """Trains, counts, prints, and writes after every row."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stacked", description=__doc__)
    add = parser.add_argument
    add("--losses", nargs="+", default=["relativistic", "minimax"])
    add("--clusters", type=int, nargs="+", default=[1, 100], help="1: without codes")
    add("--seeds", type=int, default=1)
    add("--pictures", type=int, default=100_000, help="in the training set")
    add("--samples", type=int, default=25_600)
    add("--steps", type=int, default=50_000)
    add("--batch-size", type=int, default=256)
    add("--width", type=int, default=64)
    add("--classifier-steps", type=int, default=3000)
    add("--out", type=Path, metavar="JSON", required=True)
    words = list(sys.argv[1:] if argv is None else argv)
    options = parser.parse_args(words)
    found = {**setting(words), "command": "python -m benchmarks.stacked " + " ".join(words)}
    pictures = generators.fashion(None)
    classifier = generators.trained_classifier(pictures, options.classifier_steps)
    images, modes = stacked(pictures.train, pictures.train_labels, options.pictures, seed=0)
    real, _ = stacked(pictures.test, pictures.test_labels, options.samples, seed=1)
    found["real"] = compared(modes_of(real, classifier), modes)._asdict()
    schedule = Schedule(options.steps, options.batch_size)
    kept = Kept(options.out, found)
    for k in options.clusters:
        labels = clusters(images, k)
        for loss in options.losses:
            for seed in range(options.seeds):
                label = f"{loss}/{k}/{seed}"
                if label in kept.rows:
                    continue
                h, w, c = images.shape[1:]
                family = GAN((h, w, c), k, width=options.width, loss_kind=loss)
                row = measure(
                    family, schedule, seed, images, modes, labels, options.samples, classifier
                )
                kept.add(label, row)
                print(
                    f"{label:<20} {row['modes']:4} modes, divergence {row['divergence']:.3f}, "
                    f"{row['seconds']:.0f} s (real: {found['real']['modes']} modes)",
                    flush=True,
                )
    return 0


if __name__ == "__main__":
    sys.exit(main())
