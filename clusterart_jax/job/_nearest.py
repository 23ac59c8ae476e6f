"""Pictures beside those of the training set that are nearest to them: does a generator copy?"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import metrics
from .._checks import seed_key
from .._errors import ConfigError
from .._typing import Float, Int, UInt8
from ..features import pixels
from ..pipeline import Keys
from . import _folder as folder
from ._measure import pictures_of
from ._more import generate_pictures, load_trained
from ._tools import MOST, read_pictures

_AT_ONCE = 2**16  # training pictures that are compared at once


class Nearest(NamedTuple):
    """Pictures, and the nearest training pictures of each.

    Attributes:
      pictures: `uint8` (m, h, w, c), generated or the user's own.
      nearest: `uint8` (m, k, h, w, c), nearest first.
      distances: (m, k) root mean square differences, in pixel values of 0…1.
      rows: (m, k) which pictures of the run they are, int.
      names: (m, k) what those are called, as in clusters.csv.
    """

    pictures: UInt8[np.ndarray, "m h w c"]
    nearest: UInt8[np.ndarray, "m k h w c"]
    distances: Float[np.ndarray, "m k"]
    rows: Int[np.ndarray, "m k"]
    names: list[list[str]]


def nearest_pictures(
    run: str | Path,
    pictures: Any = None,
    *,
    n: int = 8,
    k: int = 8,
    shares: dict[int, float] | None = None,
    data: Any = None,
    seed: int = 0,
) -> Nearest:
    """For generated pictures, or the user's own, the nearest pictures that a run was trained on.

    Args:
      run: folder of a finished run.
      pictures: as for `run`, brought to the generator's size; None draws new ones.
      n: pictures at most.
      k: training pictures beside each.
      shares: what is drawn, as in `generate_pictures`.
      data: the pictures of the run, where they are no longer where they were.
      seed: of what is drawn.

    Raises:
      CheckpointError: when the run is absent, unfinished, damaged or of another version.
      ConfigError: for a cluster that does not exist, or more neighbours than there are pictures.
      DataError: where the run's pictures are not to be had, or are others.
    """
    path = Path(run)
    trained, _ = load_trained(path)
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= MOST:
        raise ConfigError(f"n must be a whole number between 1 and {MOST}, not {n!r}")
    if pictures is not None and shares is not None:
        raise ConfigError("shares are for pictures that are drawn, not for given ones")
    if pictures is None:
        asked = generate_pictures(path, shares, n, seed=seed)
    else:
        asked = read_pictures(pictures, trained, n).images
    of_run = pictures_of(path, data)
    told = folder.read_config(path)
    split = Keys.of(seed_key(told["seed"])).split
    rows = np.flatnonzero(~folder.held_out_rows(split, len(of_run.images), told["holdout"]))
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= len(rows):
        raise ConfigError(f"k must be a whole number between 1 and {len(rows)}, not {k!r}")
    queries = pixels(asked)
    far, found = np.empty((len(asked), 0)), np.empty((len(asked), 0), int)
    for part in np.array_split(rows, -(-len(rows) // _AT_ONCE)):
        reference = pixels(of_run.images[part])
        distances, places = metrics.nearest_neighbors(queries, reference, k=min(k, len(part)))
        far = np.concatenate([far, distances], axis=1)
        found = np.concatenate([found, part[np.asarray(places)]], axis=1)
        best = np.argsort(far, axis=1, kind="stable")[:, :k]
        far, found = (np.take_along_axis(both, best, axis=1) for both in (far, found))
    shown = of_run.images[found.reshape(-1)].reshape(*found.shape, *asked.shape[1:])
    names = [[of_run.names[row] for row in line] for line in found]
    return Nearest(asked, shown, far / np.sqrt(queries.shape[1]), found, names)
