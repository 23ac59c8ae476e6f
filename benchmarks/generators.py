"""`python -m benchmarks.generators`: families of generators, with and without clusters, as a table.

Every family is trained on Fashion-MNIST unconditionally, on k-means clusters and on the known
classes, with the same networks and the same steps. New pictures, asked of codes as often as the
training set has them, are compared with the 10,000 test pictures in the features of a classifier
trained on the classes; for VAE also those whose latents come from its prior. A row that is done is
kept in the JSON: the same command goes on after it.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import clusterart_jax as ca
from clusterart_jax import metrics
from clusterart_jax.condition import encode
from clusterart_jax.data import load
from clusterart_jax.generate import (
    FAMILIES,
    VAE,
    Classifier,
    Family,
    Model,
    Schedule,
    bits_per_dimension,
    classify,
    draw,
    families_with,
    init_state,
    marginal_bits,
    train,
)

from .kept import Kept
from .setting import setting

CODES = ("none", "k10", "k50", "labels")
_CHUNK = 100  # steps between two looks


class Pictures(NamedTuple):
    """Training pictures and classes, and those that nothing is trained on."""

    train: np.ndarray
    train_labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray


def fashion(limit: int | None) -> Pictures:
    """Fashion-MNIST, or evenly spaced pictures of it; a sixth is kept for the test."""
    found = load("fashion-mnist", limit=limit)
    assert found.labels is not None
    held = np.arange(len(found.images)) % 6 == 5
    return Pictures(
        found.images[~held], found.labels[~held], found.images[held], found.labels[held]
    )


class Coding(NamedTuple):
    """Codes of the training pictures, and how pictures are put where they were asked of."""

    labels: np.ndarray
    test_labels: np.ndarray
    width: int
    assign: Any


def codings(pictures: Pictures, names: Sequence[str], classifier: Any) -> dict[str, Coding]:
    """Codes by name: none, k-means clusters of principal components, classes."""
    x, t = (ca.features.pixels(images) for images in (pictures.train, pictures.test))
    state = ca.pca(x, 32)
    points = state.transform(x)
    found = {}
    for name in names:
        if name == "none":
            zeros = np.zeros(len(x), np.int32), np.zeros(len(t), np.int32)
            found[name] = Coding(*zeros, 1, lambda images: np.zeros(len(images), np.int32))
        elif name == "labels":

            def told(images: np.ndarray) -> np.ndarray:
                return np.argmax(classifier(images)[1], axis=1)

            found[name] = Coding(pictures.train_labels, pictures.test_labels, 10, told)
        else:
            k = int(name.removeprefix("k"))
            centers = ca.kmeans(jax.random.key(0), points, k).centers

            def nearest(images: np.ndarray, centers: Any = centers) -> np.ndarray:
                rows = state.transform(ca.features.pixels(images))
                return np.asarray(ca.cluster.nearest_centers(rows, centers)[0])

            labels = nearest(pictures.train), nearest(pictures.test)
            found[name] = Coding(*labels, k, nearest)
    return found


def trained_classifier(pictures: Pictures, steps: int) -> Any:
    """A network of the classes: pictures → features and probabilities."""
    network = Classifier(pictures.train.shape[1:], 10)
    codes = encode(jnp.asarray(pictures.train_labels), 10).codes
    learnt = learn(network, Schedule(steps, 128), 0, pictures.train, codes)
    return partial(classify, network, learnt.state.ema)


class Learnt(NamedTuple):
    """The state after training, its curves by name, and how long steps and compilation took."""

    state: Any
    curves: dict[str, np.ndarray]
    seconds: float
    compile_s: float


def learn(family: Any, schedule: Schedule, seed: int, images: Any, codes: Any) -> Learnt:
    """Trains a family; stops where its loss is no number."""
    images, codes = jax.device_put(images), jax.device_put(codes)
    first, key = jax.random.split(jax.random.key(seed))
    state = jax.jit(partial(init_state, family, schedule))(first, images, codes)

    def some(state: Any, images: Any, codes: Any) -> Any:
        return train(family, schedule, key, state, images, codes, chunk=_CHUNK)

    before = time.perf_counter()
    step = jax.jit(some, donate_argnums=0).lower(state, images, codes).compile()
    begin = time.perf_counter()
    parts = []
    for start in range(0, schedule.steps, _CHUNK):
        state, curves = step(state, images, codes)
        made = min(_CHUNK, schedule.steps - start)
        parts.append({name: np.asarray(values)[:made] for name, values in curves.items()})
        if not np.isfinite(parts[-1]["loss"]).all():
            raise FloatingPointError(f"{family} diverged")
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return Learnt(state, whole, time.perf_counter() - begin, begin - before)


def measure(
    family: Family,
    schedule: Schedule,
    seed: int,
    pictures: Pictures,
    coding: Coding,
    classifier: Any,
) -> dict[str, Any]:
    """One row of the table."""
    begin = time.perf_counter()
    codes = encode(jnp.asarray(coding.labels), coding.width).codes
    state, _, seconds, compile_s = learn(family, schedule, seed, pictures.train, codes)
    key = jax.random.key(1000 + seed)
    fitted = jax.jit(family.fit)(key, state.ema, state.memory, pictures.train, codes)
    model = Model(state.ema, fitted)
    n = len(pictures.test)
    rows = np.linspace(0, len(pictures.train) - 1, n).astype(int)
    asked = coding.labels[rows]
    drawing = jax.jit(draw, static_argnums=0)
    made = np.asarray(drawing(family, model, key, codes[rows]))
    (x, p), (y, q) = classifier(pictures.test), classifier(made)
    scores = metrics.picture_scores(
        key, x, y, network="classifier", probabilities=q, real_probabilities=p
    )
    row: dict[str, Any] = {
        **scores.as_dict(),
        "consistency": float(np.mean(coding.assign(made) == asked)),
        "seconds": seconds,
        "step_ms": 1000 * seconds / schedule.steps,
        "compile_s": compile_s,
    }
    if isinstance(family, VAE):
        plain = drawing(replace(family, source="prior"), model, key, codes[rows])
        features, _ = classifier(np.asarray(plain))
        row["frechet_of_prior"] = float(metrics.frechet_distance(x, features))
    if not hasattr(family, "loss_kind"):
        told = encode(jnp.asarray(coding.test_labels), coding.width).codes
        bits = bits_per_dimension(family, model, key, pictures.test, told)
        row["bits_per_dimension"] = float(jnp.mean(bits))
    row["whole_s"] = time.perf_counter() - begin
    # JSON has no NaN, which stands where no number could be told.
    return {k: None if isinstance(v, float) and np.isnan(v) else v for k, v in row.items()}


def main(argv: Sequence[str] | None = None) -> int:
    """Trains, measures, prints, and writes after every row."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generators", description=__doc__)
    add = parser.add_argument
    add("--families", nargs="+", default=["vae", "gan", "rnn"], choices=[*FAMILIES])
    add("--codes", nargs="+", default=list(CODES), help="none, labels, or k and a number")
    add("--seeds", type=int, default=3)
    add("--steps", type=int, default=4000)
    add("--batch-size", type=int, default=64)
    add("--width", type=int, default=32)
    add("--classifier-steps", type=int, default=1500)
    add("--limit", type=int, help="pictures at most, for a quick look")
    add("--out", type=Path, metavar="JSON", required=True)
    words = list(sys.argv[1:] if argv is None else argv)
    options = parser.parse_args(words)
    found = {**setting(words), "command": "python -m benchmarks.generators " + " ".join(words)}
    pictures = fashion(options.limit)
    classifier = trained_classifier(pictures, options.classifier_steps)
    told = np.argmax(classifier(pictures.test)[1], axis=1)
    found["classifier_accuracy"] = float(np.mean(told == pictures.test_labels))
    baseline = jnp.mean(marginal_bits(pictures.train, pictures.test))
    found["marginal_bits"] = float(baseline)
    coded = codings(pictures, options.codes, classifier)
    schedule = Schedule(options.steps, options.batch_size)
    kept = Kept(options.out, found)
    for seed in range(options.seeds):
        for name in options.families:
            for code, coding in coded.items():
                label = f"{name}/{code}/{seed}"
                if label in kept.rows:
                    continue
                given = {"width": options.width} if name in families_with("width") else {}
                h, w, c = pictures.train.shape[1:]
                family = FAMILIES[name]((h, w, c), coding.width, **given)
                row = measure(family, schedule, seed, pictures, coding, classifier)
                kept.add(label, row)
                print(
                    f"{label:<16} Fréchet {row['frechet']:.3f} (floor {row['frechet_floor']:.3f}), "
                    f"kernel {row['kernel']:.4f}, precision {row['precision']:.3f}, recall "
                    f"{row['recall']:.3f}, consistency {row['consistency']:.3f}, "
                    f"{row['seconds']:.0f} s",
                    flush=True,
                )
    return 0


if __name__ == "__main__":
    sys.exit(main())
