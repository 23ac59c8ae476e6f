"""What can be done with the generator of a finished run: walks, and real pictures made anew."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .._checks import seed_key
from .._errors import ConfigError, DataError
from .._typing import Array, ArrayLike, UInt8
from ..condition import encode, mix
from ..data import Pictures, load
from ..generate import direction, edit, restore, translate, walk
from ..pipeline import PipelineConfig
from . import _folder as folder
from ._clusters import read_clustering
from ._evaluation import Trained
from ._more import load_trained

MOST = 256
"""Pictures that are worked on in one call."""


class Worked(NamedTuple):
    """Real pictures, and what became of them.

    Attributes:
      names: of the pictures.
      before: `uint8` (m, h, w, c), as they were given.
      after: `uint8` (m, h', w', c), as the generator made them.
      clusters: (m,) the cluster that each was taken to be of; −1 is noise.
    """

    names: tuple[str, ...]
    before: UInt8[np.ndarray, "m h w c"]
    after: UInt8[np.ndarray, "m h2 w2 c"]
    clusters: np.ndarray


def interpolate_pictures(
    run: str | Path,
    places: Sequence[dict[int, float]],
    steps: int = 8,
    *,
    rows: int = 1,
    seed: int = 0,
    temperature: float | None = None,
) -> UInt8[np.ndarray, "rows s h w c"]:
    """Walks from cluster to cluster, or, through one cluster named several times, within it.

    Args:
      run: folder of a finished run.
      places: cluster → share for each place of the walk, two or more; as in `generate_pictures`.
      steps: pictures from one place up to the next.
      rows: how many walks.
      seed: of the randomness.
      temperature: as in `generate_pictures`; None takes the run's own.

    Returns:
      `uint8` (rows, (places − 1) · steps + 1, h, w, c).

    Raises:
      CheckpointError: when the run is absent, unfinished, damaged or of another version.
      ConfigError: for a cluster that does not exist, or fewer than two places.
    """
    trained, config = load_trained(run)
    if len(places) < 2:
        raise ConfigError(f"a walk needs two places or more, not {len(places)}")
    _check_whole(steps, "steps", 1, 1000)
    _check_whole(rows, "rows", 1, 1000)
    warmth = config.temperature if temperature is None else temperature
    codes = jnp.stack([_code(place, trained, config) for place in places])
    family, model = trained.family, trained.model

    @jax.jit
    def one(model: Any, key: Array) -> Array:
        z = family.draw(model, jax.random.split(key, len(places)), codes, warmth)
        return walk(family, model, z, codes, steps)

    keys = jax.random.split(seed_key(seed), rows)
    return np.stack([np.asarray(one(model, key)) for key in keys])


def translate_pictures(
    run: str | Path, data: Any, to: dict[int, float], *, seed: int = 0, limit: int | None = MOST
) -> Worked:
    """Pictures as they would be in another cluster, or between clusters.

    Args:
      run: folder of a finished run.
      data: pictures, as for `run`; they are brought to the generator's size.
      to: cluster → share, as in `generate_pictures`.
      seed: of the randomness.
      limit: pictures at most.

    Raises:
      CheckpointError: when the run is absent, unfinished, damaged or of another version.
      ConfigError: for a cluster that does not exist.
      DataError: where there are no such pictures.
    """
    trained, config = load_trained(run)
    end = _code(to, trained, config)
    pictures, clusters, start = _own(run, data, trained, config, limit)
    ends = jnp.tile(end[None], (len(pictures), 1))
    call = jax.jit(translate, static_argnums=0)
    made = call(trained.family, trained.model, seed_key(seed), pictures.images, start, ends)
    return Worked(pictures.names, pictures.images, np.asarray(made), clusters)


def edit_pictures(
    run: str | Path,
    data: Any,
    toward: Any,
    away: Any,
    amount: float = 1.0,
    *,
    seed: int = 0,
    limit: int | None = MOST,
) -> Worked:
    """Pictures moved from what some examples have in common to what others have.

    Args:
      run: folder of a finished run.
      data: pictures, as for `run`.
      toward: examples of what to move towards: pictures, as for `run`, or the number of a cluster,
        which stands for its pictures as the generator draws them.
      away: examples of what to move away from.
      amount: how far; 1 is as far as the examples lie apart, negative goes the other way.
      seed: of the randomness.
      limit: pictures at most, of each kind.

    Raises:
      CheckpointError: when the run is absent, unfinished, damaged or of another version.
      ConfigError: for a cluster that does not exist.
      DataError: where there are no such pictures.
    """
    trained, config = load_trained(run)
    key = seed_key(seed)
    family, model = trained.family, trained.model
    sides = [_examples(run, side, trained, config, key, limit) for side in (toward, away)]
    pictures, clusters, codes = _own(run, data, trained, config, limit)
    images = np.concatenate([side[0] for side in sides])
    known = jnp.concatenate([side[1] for side in sides])
    chosen = jnp.arange(len(images)) < len(sides[0][0])
    along = jax.jit(direction, static_argnums=0)(family, model, key, images, known, chosen)
    call = jax.jit(edit, static_argnums=0)
    made = call(family, model, key, pictures.images, codes, along, jnp.float32(amount))
    return Worked(pictures.names, pictures.images, np.asarray(made), clusters)


def restore_pictures(
    run: str | Path,
    data: Any,
    *,
    mask: ArrayLike | str | Path | None = None,
    double: bool = False,
    cluster: int | None = None,
    seed: int = 0,
    limit: int | None = MOST,
) -> Worked:
    """Noise taken out of pictures, holes filled, or the resolution doubled.

    Args:
      run: folder of a finished run.
      data: pictures, as for `run`.
      mask: what to fill: (h, w) or (m, h, w), other than 0 where the picture is missing, or a
        picture file of that kind; None takes out noise.
      double: whether the pictures are of half the generator's size.
      cluster: what the pictures are of; None tries all clusters.
      seed: of the randomness.
      limit: pictures at most.

    Raises:
      CheckpointError: when the run is absent, unfinished, damaged or of another version.
      ConfigError: for a cluster that does not exist, or a mask of the wrong shape.
      DataError: where there are no such pictures.
    """
    trained, config = load_trained(run)
    pictures = read_pictures(data, trained, limit, 2 if double else 1)
    codes = jnp.eye(len(trained.mask), dtype=jnp.float32)[np.flatnonzero(trained.mask)]
    if cluster is not None:
        codes = _code({cluster: 1.0}, trained, config)[None]
    known = None
    if mask is not None:
        known = ~_read_mask(mask, pictures.images.shape[:3])
    made, found, _ = restore(
        trained.family, trained.model, seed_key(seed), pictures.images, codes, known=known
    )
    clusters = np.argmax(np.asarray(found), axis=1)
    clusters = np.where(clusters == config.k, -1, clusters)
    return Worked(pictures.names, pictures.images, np.asarray(made), clusters)


def _check_whole(value: Any, name: str, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ConfigError(f"{name} must be a whole number between {low} and {high}, not {value!r}")


def _code(shares: dict[int, float], trained: Trained, config: PipelineConfig) -> Array:
    return mix(shares, config.k, noise=config.finds_number, mask=trained.mask)


def read_pictures(data: Any, trained: Trained, limit: int | None, scale: int = 1) -> Pictures:
    """Pictures of the generator's size, or a fraction of it."""
    h, w, c = trained.family.shape
    if h == w and h >= 4 * scale:
        pictures = load(data, size=h // scale, channels=c, limit=limit)
    else:
        pictures = load(data, channels=c, limit=limit)
    if pictures.images.shape[1:] != (h // scale, w // scale, c):
        raise DataError(
            f"the generator makes pictures of {h}×{w}×{c}, but {pictures.source} has pictures of "
            f"{'×'.join(map(str, pictures.images.shape[1:]))}"
        )
    return pictures


def _own(
    run: str | Path, data: Any, trained: Trained, config: PipelineConfig, limit: int | None
) -> tuple[Pictures, np.ndarray, Array]:
    """Pictures, the cluster that the run's clustering puts each in, and their codes."""
    pictures = read_pictures(data, trained, limit)
    count = folder.read_config(Path(run))["data"]["pictures"]
    clustering = read_clustering(Path(run), config, (count, *trained.family.shape))
    labels = np.asarray(clustering.assign(pictures.images)[0])
    codes = encode(jnp.asarray(labels), config.k, noise=config.finds_number).codes
    return pictures, labels, codes


def _examples(
    run: str | Path,
    side: Any,
    trained: Trained,
    config: PipelineConfig,
    key: Array,
    limit: int | None,
) -> tuple[np.ndarray, Array]:
    """Pictures that show what is meant, and their codes."""
    if isinstance(side, int) and not isinstance(side, bool):
        codes = jnp.tile(_code({side: 1.0}, trained, config)[None], (64, 1))
        return trained.draw(key, codes, config.temperature), codes
    pictures, _, codes = _own(run, side, trained, config, limit)
    return pictures.images, codes


def _read_mask(mask: Any, shape: tuple[int, ...]) -> np.ndarray:
    """(m, h, w) True where a picture is missing."""
    if isinstance(mask, str | Path):
        mask = load(mask, size=shape[1] if shape[1] == shape[2] else None, channels=1).images[0]
        mask = mask[..., 0] >= 128
    hole = np.asarray(mask) != 0
    if hole.shape not in (shape, shape[1:]):
        raise ConfigError(
            f"mask has shape {hole.shape}; the pictures make it {shape[1:]} or {shape}"
        )
    return np.broadcast_to(hole, shape)
