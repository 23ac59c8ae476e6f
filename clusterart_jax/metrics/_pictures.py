"""All measures of generated pictures at once, with what they were measured by and their floor."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._checks import check_key
from .._sharding import place_rows, replicate
from .._typing import Array, ArrayLike, Float, KeyArray
from ._frechet import frechet_distance
from ._inception_score import inception_score
from ._kernel import kernel_distance
from ._manifold import density_coverage, precision_recall
from ._pair import Pair, check_pair

_STATIC = {"static": True}  # what is no array stays outside compiled programs


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class PictureScores:
    """How near generated pictures are to real ones, in the features of one network.

    The floor of a distance is what it is between two halves of the real rows: no generator can be
    expected below, and a distance near it says no more than that. A floor is of `n_floor` rows a
    half, and the Fréchet distance of fewer rows is larger.

    Attributes:
      network: name of the network that made the features.
      n_real: number of real rows.
      n_generated: number of generated rows.
      n_floor: rows in each half of the real ones.
      frechet: `frechet_distance`.
      frechet_floor: the same between the halves.
      kernel: `kernel_distance`, unbiased.
      kernel_error: its standard error.
      kernel_floor: the same between the halves.
      kernel_floor_error: its standard error.
      precision: `precision_recall`, 3 neighbours.
      recall: the same.
      density: `density_coverage`, 5 neighbours.
      coverage: the same.
      inception_score: of the generated pictures; NaN where no probabilities were given.
      inception_score_std: its deviation over 10 splits.
      real_inception_score: of the real pictures, which is its ceiling.
    """

    network: str = field(metadata=_STATIC)
    n_real: int = field(metadata=_STATIC)
    n_generated: int = field(metadata=_STATIC)
    n_floor: int = field(metadata=_STATIC)
    frechet: Float[Array, ""]
    frechet_floor: Float[Array, ""]
    kernel: Float[Array, ""]
    kernel_error: Float[Array, ""]
    kernel_floor: Float[Array, ""]
    kernel_floor_error: Float[Array, ""]
    precision: Float[Array, ""]
    recall: Float[Array, ""]
    density: Float[Array, ""]
    coverage: Float[Array, ""]
    inception_score: Float[Array, ""]
    inception_score_std: Float[Array, ""]
    real_inception_score: Float[Array, ""]

    def as_dict(self) -> dict[str, str | int | float]:
        """Every field as a word or number of Python's, for JSON; NaN stays NaN."""
        held = {f.name: getattr(self, f.name) for f in fields(self)}
        return {k: v if isinstance(v, str | int) else float(v) for k, v in held.items()}


def picture_scores(
    key: KeyArray,
    real: Float[ArrayLike, "n d"],
    generated: Float[ArrayLike, "m d"],
    *,
    network: str,
    probabilities: Float[ArrayLike, "m c"] | None = None,
    real_probabilities: Float[ArrayLike, "n c"] | None = None,
) -> PictureScores:
    """All measures of generated pictures, from features of real and of generated ones.

    Works under `jit`. Cost and memory are those of `kernel_distance`, twice.

    Args:
      key: draws the halves of the floor.
      real: (n, d) features, n ≥ 6.
      generated: (m, d) features of the same network, m ≥ 4.
      network: name of that network; it is carried along. Static.
      probabilities: (m, c) of each class for each generated picture, for the Inception Score.
      real_probabilities: (n, c) the same for real pictures.

    Returns:
      A `PictureScores`.

    Raises:
      ValueError: when shapes do not fit.
      TypeError: when `key` is no random key or `network` no name.

    Example:
      >>> import jax
      >>> from clusterart_jax import metrics
      >>> x, y = jax.random.normal(jax.random.key(0), (2, 60, 4))
      >>> scores = metrics.picture_scores(jax.random.key(1), x, y + 1, network="normal numbers")
      >>> scores.network, scores.n_floor, bool(scores.frechet > scores.frechet_floor)
      ('normal numbers', 30, True)

    References:
      Those of the measures by themselves; see there.
    """
    key = check_key(key)
    if not isinstance(network, str) or not network:
        raise TypeError(f"network must be the name of what made the features, not {network!r}")
    pair = check_pair(real, generated, None, None, fewest=(6, 4))
    n, m = len(pair.real), len(pair.generated)
    halves = _halves(key, pair)
    # One subset is drawn and left: mean and deviation over subsets are not told here.
    kernel = partial(kernel_distance, key, n_subsets=1, subset_size=2)
    between, floor = kernel(*pair[:2]), _apart(kernel, halves)
    overlap, spread = precision_recall(*pair[:2]), density_coverage(*pair[:2])
    sure, spread_of_sure = _score(probabilities, m, "probabilities", pair.real.dtype)
    ceiling, _ = _score(real_probabilities, n, "real_probabilities", pair.real.dtype)
    return PictureScores(
        network=network,
        n_real=n,
        n_generated=m,
        n_floor=n // 2,
        frechet=frechet_distance(*pair[:2]),
        frechet_floor=_apart(frechet_distance, halves),
        kernel=between.value,
        kernel_error=between.error,
        kernel_floor=floor.value,
        kernel_floor_error=floor.error,
        precision=overlap.precision,
        recall=overlap.recall,
        density=spread.density,
        coverage=spread.coverage,
        inception_score=sure,
        inception_score_std=spread_of_sure,
        real_inception_score=ceiling,
    )


Half = tuple[Array, Array]
"""Rows and their weights."""


def _halves(key: KeyArray, pair: Pair) -> tuple[Half, Half]:
    """The real rows in two parts at random, over the mesh of either set if there is one."""
    mesh, size = pair.sharding(), len(pair.real) // 2
    order = jax.random.permutation(replicate(key, mesh), len(pair.real))
    names = () if mesh is None else mesh.axis if isinstance(mesh.axis, tuple) else (mesh.axis,)
    devices = math.prod(mesh.mesh.shape[name] for name in names) if mesh else 1
    padded = -(-size // devices) * devices
    present = (jnp.arange(padded) < size).astype(pair.real.dtype)
    first, second = (
        pair.whole().real[jnp.pad(part, (0, padded - size))]
        for part in (order[:size], order[size : 2 * size])
    )
    present = place_rows(present, mesh)
    return (place_rows(first, mesh), present), (place_rows(second, mesh), present)


def _apart(distance: Callable[..., Any], halves: tuple[Half, Half]) -> Any:
    (x, w), (y, v) = halves
    return distance(x, y, sample_weight=w, generated_weight=v)


def _score(
    probabilities: ArrayLike | None, rows: int, name: str, dtype: np.dtype
) -> tuple[Array, Array]:
    """Inception Score, or NaN where there are no probabilities."""
    if probabilities is None:
        return jnp.full((), jnp.nan, dtype), jnp.full((), jnp.nan, dtype)
    if np.ndim(probabilities) != 2 or np.shape(probabilities)[0] != rows:
        raise ValueError(f"{name} must have shape ({rows}, c), not {np.shape(probabilities)}")
    found = inception_score(probabilities, splits=min(10, rows))
    return found.mean, found.std
