"""The whole job from files to files, in stages that are kept and can be resumed."""

from collections.abc import Sequence
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from .._checks import seed_key
from .._errors import ConfigError
from .._typing import ArrayLike, Images, KeyArray
from ..condition import encode
from ..data import Pictures
from ..generate import Model, save_tree
from ..pipeline import Clustering, Keys, PipelineConfig
from . import _folder as folder
from ._art import make_art, read_photographs
from ._clusters import cluster_images
from ._evaluation import Trained, evaluate
from ._feeds import Feed, fit, spread_over
from ._reclustered import follow, moved
from ._record import warnings_of, write_clusters
from ._sheets import Sheets, sheets_of
from ._shell import Run, Source, begin, finish, short_name, timed, title_of
from ._training import Callback, Curves, train_in_chunks


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
    callback: Callback | None = None,
    art: Sequence[str | Path] = (),
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
      callback: called with a `Progress` about twice a second while the generator is trained: steps,
        losses, and new pictures; where it raises KeyboardInterrupt the run stops, and can go on.
      art: photographs, of which prints are made, and a page that the report names; see `make_art`.

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
    key = seed_key(seed)
    if not 0 <= holdout <= 0.5:
        raise ConfigError(f"holdout must be between 0 and 0.5, not {holdout!r}")
    path = Path(out) if out is not None else Path("runs") / short_name(data)
    seconds: dict[str, float] = {}
    photographs = [str(name) for name in art]
    if photographs:
        read_photographs(photographs)  # what is wrong with them is told before work begins
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
        art=photographs,
    )
    if done is not None:
        return done
    if photographs:
        with timed(seconds, "prints"):
            back = f"../{folder.REPORT}"
            make_art(
                (path / folder.ART_PAGE).parent, photographs, seed=seed, back=back, quiet=quiet
            )
    return _stages(path, pictures, config, key, holdout, seconds, quiet=quiet, callback=callback)


def _stages(
    path: Path,
    pictures: Pictures,
    config: PipelineConfig,
    key: KeyArray,
    holdout: float,
    seconds: dict[str, float],
    *,
    quiet: bool,
    callback: Callback | None,
) -> Run:
    images = pictures.images
    keys = Keys.of(key)
    held_out = folder.held_out_rows(keys.split, len(images), holdout)
    with timed(seconds, "clustering"):
        clustering, points = cluster_images(path, images, keys.cluster, config, quiet=quiet)
        write_clusters(path, pictures, clustering, held_out)
    warnings = warnings_of(pictures, clustering)
    with timed(seconds, "training"):
        rows = np.flatnonzero(~held_out)
        trained, curves, codes = _train(
            path, images, clustering, rows, keys, config, quiet=quiet, callback=callback
        )
        share = moved(encode(clustering.labels[rows], config.k).codes, codes[:, : config.k])
        if share:
            clustering = follow(path, clustering, points, rows, codes)
            write_clusters(path, pictures, clustering, held_out)
            warnings.append(
                f"Training found the clusters anew: {share:.0%} of the pictures changed theirs. "
                "Numbers and pictures are of the clusters at the end."
            )
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
        warnings,
        seconds,
        title=f"Clusters and new pictures from {title_of(pictures)}",
        quiet=quiet,
        samples=shown.samples,
        noise_samples=shown.noise,
        reconstructions=shown.reconstructions,
        walks=shown.walks,
        walk_names=shown.walk_names,
        losses=curves,
        progress={step: file.read_bytes() for step, file in sheets_of(path).items()},
        neighbors=shown.neighbors,
    )


def _train(
    path: Path,
    images: Images,
    clustering: Clustering,
    rows: np.ndarray,
    keys: Keys,
    config: PipelineConfig,
    *,
    quiet: bool,
    callback: Callback | None,
) -> tuple[Trained, Curves, np.ndarray]:
    """The generator, its loss, and the codes of the pictures as training left them."""
    family = config.family(images.shape[1:])
    codes, mask = encode(clustering.labels[rows], config.k, noise=config.finds_number)
    spread = spread_over(config.batch_size)
    feed = Feed(family, config.schedule(), keys.train, images, rows, codes, spread)
    callbacks: list[Callback] = [
        Sheets(path, keys.sample, np.asarray(mask), config.temperature),
        *([] if callback is None else [callback]),
    ]
    state, curves = train_in_chunks(
        feed, keys.init, folder.training_of(path), callbacks=callbacks, quiet=quiet
    )
    fitted = fit(family, keys.fit, state.ema, state.memory, feed.images, feed.codes)
    model = Model(state.ema, fitted)
    if not feed.streams:
        codes = feed.codes_of(state)
        mask = jnp.any(codes > 0, axis=0)
    trained = Trained(family, model, np.asarray(mask))
    save_tree(path / folder.GENERATOR, {**model._asdict(), "mask": mask})
    return trained, curves, np.asarray(codes)
