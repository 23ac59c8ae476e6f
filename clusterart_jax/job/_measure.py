"""How good the pictures of a finished run are: distances to real ones in a network's features."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import features
from .._checks import seed_key
from .._errors import ConfigError, DataError
from .._files import write_text
from .._progress import progress
from .._typing import Array, Images
from ..condition import encode
from ..data import Pictures, load
from ..generate import (
    Classifier,
    Schedule,
    TrainState,
    classify,
    init_state,
    load_tree,
    save_tree,
    train,
)
from ..metrics import PictureScores, picture_scores
from ..pipeline import Keys
from . import _folder as folder
from ._clusters import read_clustering
from ._feeds import sample_rows
from ._more import load_trained
from ._shell import plain

OWN = "classifier"
"""The network that is trained on the run's own pictures."""

_STEPS, _CHUNK = 1000, 20  # of training it
_BATCH, _PIXELS = 128, 2**19  # pictures a step, and pixels of them together, at most
_MOST = 10_000  # pictures of either kind that are compared
_ENOUGH = 200  # held-out pictures from which on they are what generated ones are compared with

Features = tuple[Array, Array]
"""Features and probabilities of pictures."""


def measure_pictures(
    run: str | Path,
    network: str = OWN,
    *,
    data: Any = None,
    weights: str | Path | None = None,
    n: int = _MOST,
    seed: int = 0,
    quiet: bool = True,
) -> tuple[PictureScores, float, Path]:
    """Compares generated pictures with real ones, and writes what came of it into the run.

    Clusters are asked for as many pictures as their share of the training set. Compared with are
    the held-out pictures, or all where there are fewer than 200 of those.

    Args:
      run: folder of a finished run.
      network: "classifier", a small network trained once on the run's own pictures and kept there,
        on their known classes or else on their clusters; or a name of `features.network`, such as
        "efficientnet-lite0". Numbers of different networks cannot be compared.
      data: the pictures of the run, where they are no longer where they were.
      weights: file of the network's weights, as for `features.network`.
      n: pictures of either kind at most.
      seed: of the pictures drawn.
      quiet: no progress bars.

    Returns:
      The scores; the share of generated pictures that the run's clustering puts where they were
      asked of; and the JSON file that holds both.

    Raises:
      CheckpointError: when the run is absent, unfinished, damaged or of another version.
      ConfigError: for an unknown network, or one without weights.
      DataError: where the run's pictures are not to be had, or are others.
    """
    path = Path(run)
    trained, config = load_trained(path)
    if isinstance(n, bool) or not isinstance(n, int) or not 10 <= n <= 1_000_000:
        raise ConfigError(f"n must be a whole number between 10 and 1000000, not {n!r}")
    key = seed_key(seed)
    look = None if network == OWN else features.network(network, weights=weights)
    pictures = pictures_of(path, data)
    images = pictures.images
    asked = folder.read_config(path)
    keys = Keys.of(seed_key(asked["seed"]))
    held = folder.held_out_rows(keys.split, len(images), asked["holdout"])
    clustering = read_clustering(path, config, images.shape)
    labels = np.asarray(clustering.labels)
    pool = np.flatnonzero(held) if held.sum() >= _ENOUGH else np.arange(len(images))
    real = images[pool[sample_rows(len(pool), n)]]
    wanted = labels[~held][sample_rows(int((~held).sum()), len(real))]
    codes = encode(jnp.asarray(wanted), config.k, noise=config.finds_number).codes
    generated = trained.draw(key, codes, config.temperature)
    consistency = float(np.mean(np.asarray(clustering.assign(generated)[0]) == wanted))
    if look is None:
        known = labels if pictures.labels is None else pictures.labels
        ours = _own_network(path, images[~held], known[~held], keys, quiet)
        (x, p), (y, q) = ours(real), ours(generated)
    else:
        (x, p), (y, q) = look(real), look(generated)
    named = asked["data"]["source"] if look is None else ""
    scores = picture_scores(
        jax.random.fold_in(key, 1),
        x,
        y,
        network=f"{network} of {named}" if named else network,
        probabilities=q if q.shape[1] else None,  # "style" knows no classes
        real_probabilities=p if p.shape[1] else None,
    )
    file = path / folder.MEASURES.replace("*", network)
    told: dict[str, Any] = {
        **scores.as_dict(),
        "cluster_consistency": consistency,
        "real": "held-out pictures" if held.sum() >= _ENOUGH else "all pictures",
        "temperature": config.temperature,
        "seed": seed,
    }
    told = {
        name: plain(value) if isinstance(value, float) else value for name, value in told.items()
    }
    write_text(file, json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    return scores, consistency, file


def pictures_of(path: Path, data: Any) -> Pictures:
    """The pictures that a run was made of, read again."""
    about = folder.read_config(path)["data"]
    h, w, c = about["shape"]
    source = about["source"] if data is None else data
    if data is None and source == "array":
        raise DataError(f"{path} was made from an array; give it again as data")
    options = {"size": h} if h == w and h >= 4 else {}
    try:
        pictures = load(source, channels=c, limit=about["pictures"], **options)
    except DataError as error:
        raise DataError(f"the pictures of {path} are needed again: {error}") from error
    if pictures.fingerprint != about["fingerprint"]:
        where = pictures.source
        raise DataError(f"{where} holds other pictures than those that {path} was made of")
    return pictures


def _own_network(path: Path, images: Images, labels: np.ndarray, keys: Keys, quiet: bool) -> Any:
    """The classifier of a run, trained where it is not there yet: pictures → features."""
    names, places = np.unique(labels[labels >= 0], return_inverse=True)
    classes = np.full(len(labels), -1)
    classes[labels >= 0] = places
    h, w, c = images.shape[1:]
    network = Classifier((h, w, c), max(2, len(names)))
    codes = encode(jnp.asarray(classes), network.n_codes).codes
    key = jax.random.fold_in(keys.init, 1)
    file = path / folder.CLASSIFIER
    if file.exists():
        return partial(classify, network, load_tree(file, jax.eval_shape(network.init, key)))
    rows = sample_rows(len(images))
    images, codes = jax.device_put(images[rows]), codes[rows]
    schedule = Schedule(_STEPS, min(_BATCH, max(16, _PIXELS // (h * w))))
    state = jax.jit(partial(init_state, network, schedule))(key, images, codes)

    @partial(jax.jit, donate_argnums=0)
    def further(state: TrainState, images: Array, codes: Array) -> TrainState:
        return train(network, schedule, key, state, images, codes, chunk=_CHUNK)[0]

    with progress(_STEPS, "training classifier", "step", quiet=quiet) as bar:
        for _ in range(_STEPS // _CHUNK):
            state = jax.block_until_ready(further(state, images, codes))
            bar.update(_CHUNK)
    params = state.ema
    save_tree(file, params)
    return partial(classify, network, params)
