"""A trained run → the pictures and numbers that show what came of it."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .. import metrics
from .._progress import progress
from .._typing import Array, Images, KeyArray
from ..condition import NOISE, encode
from ..features import pixels
from ..generate import Family, Model, draw, reconstruct, to_uint8
from ..pipeline import Clustering, PipelineConfig, turns
from ..report import Neighbors, Number, Pairs
from ._clusters import clustering_numbers
from ._feeds import is_large, sample_rows

_REBUILT = 1024  # pictures that are encoded and decoded again
_SHOWN = 24  # reconstructions and nearest neighbours shown
_WALKS, _WALK_STEPS = 8, 11
_HELD_OUT_QUERIES = 2_000


class Trained(NamedTuple):
    """What training left.

    Attributes:
      family: of the generator.
      model: the trained generator.
      mask: (n_codes,) which codes, of clusters and of noise, have pictures.
    """

    family: Family
    model: Model
    mask: np.ndarray

    def draw(self, key: KeyArray, codes: Array, temperature: float) -> np.ndarray:
        """New pictures, `uint8`, one for each code."""
        drawn = jax.jit(draw, static_argnums=0)(self.family, self.model, key, codes, temperature)
        return np.asarray(drawn)


class Evaluation(NamedTuple):
    """What a report shows of the generator, and every number.

    Attributes:
      numbers: the headline numbers.
      samples: (k, m, h, w, c) generated pictures of each cluster.
      noise: (m, h, w, c) generated pictures of what is in no cluster; none where there is no noise.
      reconstructions: pictures and what the generator makes of their codes.
      walks: (w, steps, h, w, c) on the way between clusters.
      walk_names: one each.
      neighbors: generated pictures beside the nearest training pictures.
    """

    numbers: list[Number]
    samples: np.ndarray
    noise: np.ndarray
    reconstructions: Pairs
    walks: np.ndarray
    walk_names: list[str]
    neighbors: Neighbors


def evaluate(
    key: KeyArray,
    images: Images,
    true_labels: np.ndarray | None,
    held_out: np.ndarray,
    clustering: Clustering,
    points: np.ndarray,
    trained: Trained,
    config: PipelineConfig,
    *,
    quiet: bool = False,
) -> Evaluation:
    """Draws samples, reconstructions and walks, and measures them and the clustering.

    Args:
      key: for the samples.
      images: `uint8` (n, h, w, c).
      true_labels: (n,) known classes, or None.
      held_out: (n,) True for pictures that the generator was not trained on.
      clustering: of the pictures.
      points: (n, m) that were clustered.
      trained: the generator.
      config: of the run.
      quiet: no progress bar.
    """
    labels = np.asarray(clustering.labels)
    with progress(5, "measuring", "part", quiet=quiet) as bar:
        numbers = clustering_numbers(clustering, points, true_labels)
        bar.update()
        exist = trained.mask[: config.k]
        asked = np.asarray(turns(exist, config.n_samples))
        codes = _encode(asked, config)
        samples = trained.draw(key, codes, config.temperature)
        found = np.asarray(clustering.assign(samples)[0])
        numbers.append(
            Number(
                "cluster consistency",
                float(np.mean(found == asked)),
                "share of generated pictures that the clustering gives back to the cluster "
                "they were asked of; 1 is best",
                "higher",
            )
        )
        bar.update()
        reconstructions, number = _reconstruct(key, trained, images, labels, held_out, config)
        numbers.append(number)
        bar.update()
        neighbors, copying = _copying(samples, images, held_out)
        numbers += copying
        bar.update()
        walks, walk_names = _walks(key, trained, labels, config.k)
        bar.update()
    shown = int(labels.max()) + 1 if config.finds_number else config.k
    m = max(1, config.n_samples // max(1, int(exist.sum())))
    # Where there are fewer samples than clusters, some show none of their own.
    stacked = np.zeros((shown, m, *samples.shape[1:]), np.uint8)
    for c in range(shown):
        own = samples[asked == c][:m]
        stacked[c, : len(own)] = own
    noise = samples[:0]
    if (labels < 0).any() and trained.mask[-1]:
        codes = _encode(np.full(min(m, _SHOWN), NOISE), config)
        noise = trained.draw(jax.random.fold_in(key, 1), codes, config.temperature)
    return Evaluation(numbers, stacked, noise, reconstructions, walks, walk_names, neighbors)


def _encode(labels: np.ndarray, config: PipelineConfig) -> Array:
    """Codes as the generator knows them."""
    return encode(jnp.asarray(labels), config.k, noise=config.finds_number).codes


def _reconstruct(
    key: KeyArray,
    trained: Trained,
    images: Images,
    labels: np.ndarray,
    held_out: np.ndarray,
    config: PipelineConfig,
) -> tuple[Pairs, Number]:
    """Held-out pictures encoded and decoded; training pictures where none were held out."""
    pool = np.flatnonzero(held_out) if held_out.any() else np.arange(len(images))
    most = _REBUILT if trained.family.encodes else _SHOWN  # latents are looked for one by one
    rows = pool[np.unique(np.linspace(0, len(pool) - 1, most).astype(int))]
    originals = np.asarray(images[rows])
    again, errors = jax.jit(reconstruct, static_argnums=0)(
        trained.family, trained.model, key, originals, _encode(labels[rows], config)
    )
    kind = "held-out" if held_out.any() else "training"
    number = Number(
        "reconstruction error",
        float(np.sqrt(np.mean(errors))),
        f"root mean square difference of {kind} pictures and their reconstructions, in pixel "
        "values of 0…1",
        "lower",
    )
    shown = np.unique(np.linspace(0, len(rows) - 1, _SHOWN).astype(int))
    return Pairs(originals[shown], np.asarray(again)[shown]), number


def _copying(
    samples: np.ndarray, images: Images, held_out: np.ndarray
) -> tuple[Neighbors, list[Number]]:
    """How near generated pictures come to training pictures, beside pictures never trained on."""
    rows = np.flatnonzero(~held_out)
    training = images[rows[sample_rows(len(rows))] if is_large(images) else rows]
    reference = pixels(training)
    unit = 1 / np.sqrt(reference.shape[1])  # root mean square a pixel value
    distances, nearest = metrics.nearest_neighbors(pixels(samples), reference)
    distances = np.asarray(distances) * unit
    generated = float(np.median(distances))
    shown = np.unique(np.linspace(0, len(samples) - 1, _SHOWN).astype(int))
    neighbors = Neighbors(
        samples[shown], np.asarray(training[np.asarray(nearest)[shown]]), distances[shown]
    )
    fresh = ratio = np.nan
    if held_out.any():
        queries = pixels(images[np.flatnonzero(held_out)[:_HELD_OUT_QUERIES]])
        fresh = float(np.median(metrics.nearest_neighbors(queries, reference)[0])) * float(unit)
        ratio = generated / fresh if fresh > 0 else np.nan
    return neighbors, [
        Number(
            "generated to nearest training picture",
            generated,
            "median root mean square difference, in pixel values of 0…1",
        ),
        Number(
            "held-out to nearest training picture",
            fresh,
            "the same for real pictures that were not trained on: the yardstick",
        ),
        Number(
            "copying ratio",
            ratio,
            "the first over the second; far below 1 the generator copies its training pictures",
        ),
    ]


def _walks(
    key: KeyArray, trained: Trained, labels: np.ndarray, k: int
) -> tuple[np.ndarray, list[str]]:
    """Straight ways from the middle of one cluster to the middle of the next, largest first."""
    family, model, mask = trained
    order = np.argsort(-np.bincount(labels[labels >= 0], minlength=k), kind="stable")
    order = order[mask[order]]
    count = len(order)
    pairs = list(zip(order, np.roll(order, -1), strict=True))
    pairs = pairs[: min(_WALKS, count if count > 2 else count - 1)]
    if not pairs:
        pairs = [(order[0], order[0])]
    steps = jnp.linspace(0, 1, _WALK_STEPS, dtype=jnp.float32)[:, None]

    @jax.jit
    def walk(model: Model, key: KeyArray, start: int, end: int) -> Array:
        eye = jnp.eye(len(mask), dtype=jnp.float32)
        ends = eye[jnp.array([start, end])]
        z = family.draw(model, jnp.stack([key, key]), ends, 0.0)
        share = steps.reshape(-1, *[1] * (z.ndim - 1))
        codes = (1 - steps) * ends[:1] + steps * ends[1:]
        return to_uint8(family.decode(model, (1 - share) * z[:1] + share * z[1:], codes))

    walks = np.stack([np.asarray(walk(model, key, int(a), int(b))) for a, b in pairs])
    return walks, [f"from cluster {a} to {b}" for a, b in pairs]
