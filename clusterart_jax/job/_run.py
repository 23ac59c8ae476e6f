"""The whole job from files to files, in stages that are kept and can be resumed."""

from pathlib import Path

import jax
import numpy as np

from .._errors import ConfigError
from .._typing import ArrayLike, Images, KeyArray
from ..condition import encode
from ..data import Pictures
from ..generate import Model, save_tree
from ..pipeline import Clustering, Keys, PipelineConfig
from . import _folder as folder
from ._clusters import cluster_images
from ._evaluation import Trained, evaluate
from ._feeds import Feed
from ._record import warnings_of, write_clusters
from ._shell import Run, Source, begin, finish, short_name, timed, title_of
from ._training import Curves, train_in_chunks


def run(
    data: str | Path | ArrayLike = "digits",
    out: str | Path | None = None,
    *,
    config: PipelineConfig | None = None,
    seed: int = 0,
    size: int | None = None,
    channels: int | None = None,
    limit: int | None = None,
    holdout: float = 0.1,
    strict: bool = False,
    download: bool = False,
    resume: bool = False,
    overwrite: bool = False,
    quiet: bool = True,
) -> Run:
    """Clusters pictures, trains a generator on the clusters, makes new pictures, reports it all.

    Each finished stage is on disk, whole, before the next begins: a run that was stopped goes on
    with `resume=True`, to the same result bit for bit on the same machine.

    Args:
      data: a named set ("digits", "fashion-mnist"), a folder of pictures, an `.npy` or `.npz`
        file, or an array (n, h, w, c).
      out: folder to write; `runs/NAME` where it is None.
      config: what to do; `PipelineConfig()` where it is None.
      seed: of all randomness.
      size: side in pixels to which pictures are brought.
      channels: 1 or 3; None takes what the pictures have.
      limit: pictures at most, evenly spaced.
      holdout: share of the pictures the generator is not trained on, to compare with; 0…0.5.
      strict: refuse a folder in which a picture cannot be read, instead of skipping it.
      download: fetch a named set that is nowhere on this machine.
      resume: go on with the run in `out`, or begin it.
      overwrite: replace the run in `out`.
      quiet: no progress bars.

    Returns:
      A `Run`: the folder, which holds report.html, PNGs, clusters.csv, metrics.json, config.json
      and checkpoints; and the numbers.

    Raises:
      ConfigError: for an option that cannot be.
      DataError: for pictures that cannot be used.
      OutputError: when the folder exists already or cannot be written.
      CheckpointError: when a resumed run's files are damaged or of another version.
      DivergedError: when training diverges.

    Example:
      >>> import tempfile, clusterart_jax as ca
      >>> config = ca.PipelineConfig(k=3, steps=20, n_samples=30, width=8, latent=4, components=1)
      >>> out = tempfile.mkdtemp() + "/digits"
      >>> run = ca.run("digits", out, config=config, limit=200)
      >>> sorted(p.name for p in run.path.iterdir())[:3]
      ['clustering.npz', 'clusters.csv', 'clusters.png']
    """
    config = PipelineConfig() if config is None else config
    key = folder.seed_key(seed)
    if not 0 <= holdout <= 0.5:
        raise ConfigError(f"holdout must be between 0 and 0.5, not {holdout!r}")
    path = Path(out) if out is not None else Path("runs") / short_name(data)
    seconds: dict[str, float] = {}
    pictures, done = begin(
        "run",
        Source(data, size, channels, limit, strict, download),
        path,
        config,
        seconds,
        seed=seed,
        holdout=holdout,
        resume=resume,
        overwrite=overwrite,
        quiet=quiet,
    )
    if done is not None:
        return done
    return _stages(path, pictures, config, key, holdout, seconds, quiet=quiet)


def _stages(
    path: Path,
    pictures: Pictures,
    config: PipelineConfig,
    key: KeyArray,
    holdout: float,
    seconds: dict[str, float],
    *,
    quiet: bool,
) -> Run:
    images = pictures.images
    keys = Keys.of(key)
    held_out = folder.held_out_rows(keys.split, len(images), holdout)
    with timed(seconds, "clustering"):
        clustering, points = cluster_images(path, images, keys.cluster, config, quiet=quiet)
        write_clusters(path, pictures, clustering, held_out)
    with timed(seconds, "training"):
        trained, curves = _train(path, images, clustering, held_out, keys, config, quiet=quiet)
    with timed(seconds, "measuring"):
        shown = evaluate(
            keys.sample,
            images,
            pictures.labels,
            held_out,
            clustering,
            points,
            trained,
            config,
            quiet=quiet,
        )
    return finish(
        path,
        pictures,
        clustering,
        points,
        shown.numbers,
        warnings_of(pictures, clustering),
        seconds,
        title=f"Clusters and new pictures from {title_of(pictures)}",
        quiet=quiet,
        samples=shown.samples,
        noise_samples=shown.noise,
        reconstructions=shown.reconstructions,
        walks=shown.walks,
        walk_names=shown.walk_names,
        losses=curves,
        neighbors=shown.neighbors,
    )


def _train(
    path: Path,
    images: Images,
    clustering: Clustering,
    held_out: np.ndarray,
    keys: Keys,
    config: PipelineConfig,
    *,
    quiet: bool,
) -> tuple[Trained, Curves]:
    family = config.family(images.shape[1:])
    rows = np.flatnonzero(~held_out)
    codes, mask = encode(clustering.labels[rows], config.k, noise=config.finds_number)
    feed = Feed(family, config.schedule(), keys.train, images, rows, codes)
    state, curves = train_in_chunks(feed, keys.init, path / folder.TRAINING, quiet=quiet)
    fitted = jax.jit(family.fit)(keys.fit, state.ema, state.memory, feed.images, feed.codes)
    model = Model(state.ema, fitted)
    trained = Trained(family, model, np.asarray(mask))
    save_tree(path / folder.GENERATOR, {**model._asdict(), "mask": mask})
    return trained, curves
