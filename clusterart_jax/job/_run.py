"""The whole job from files to files, in stages that are kept and can be resumed."""

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .._errors import ConfigError, DataError
from .._files import write_text
from .._progress import progress
from .._typing import ArrayLike, Images, KeyArray
from ..cluster import kmeans
from ..condition import encode
from ..data import Pictures, load
from ..generate import fit_latents, load_tree, save_tree
from ..pipeline import Clustering, Keys, PipelineConfig, clustered, project
from ..report import Summary, write_figures, write_report
from . import _folder as folder
from ._evaluation import Trained, evaluate
from ._more import describe
from ._record import command_of, versions, warnings_of, write_clusters
from ._training import Curves, train_in_chunks


class Run(NamedTuple):
    """A finished run.

    Attributes:
      path: its folder.
      metrics: name → number; None where it does not exist.
      warnings: what to know before trusting them.
      complete_before: whether there was nothing left to do.
    """

    path: Path
    metrics: dict[str, float | None]
    warnings: tuple[str, ...] = ()
    complete_before: bool = False

    @property
    def report(self) -> Path:
        """The page to open first."""
        return self.path / folder.REPORT


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
      >>> config = ca.PipelineConfig(k=3, steps=20, n_samples=30, width=8, latent=4)
      >>> out = tempfile.mkdtemp() + "/digits"
      >>> run = ca.run("digits", out, config=config, limit=200)
      >>> sorted(p.name for p in run.path.iterdir())[:3]
      ['clustering.npz', 'clusters.csv', 'clusters.png']
    """
    config = PipelineConfig() if config is None else config
    key = folder.seed_key(seed)
    if not 0 <= holdout <= 0.5:
        raise ConfigError(f"holdout must be between 0 and 0.5, not {holdout!r}")
    path = Path(out) if out is not None else Path("runs") / _short_name(data)
    seconds: dict[str, float] = {}
    with (
        folder.prepared(path, resume=resume, overwrite=overwrite),
        _timed(seconds, "reading"),
    ):
        pictures = load(
            data,
            size=size,
            channels=channels,
            limit=limit,
            strict=strict,
            download=download,
            quiet=quiet,
        )
        _refuse_few(pictures, config.k)
    options = {"size": size, "channels": channels, "limit": limit}
    asked = {
        "command": command_of(data, path, config, seed, holdout, options),
        "data": {
            "source": pictures.source,
            "pictures": len(pictures.images),
            "shape": list(pictures.images.shape[1:]),
            "fingerprint": pictures.fingerprint,
        },
        "seed": seed,
        "holdout": holdout,
        "pipeline": asdict(config),
        "versions": versions(),
    }
    folder.begin(path, asked, resume=resume, overwrite=overwrite)
    if resume and folder.finished(path):
        told = describe(path)
        return Run(path, told["metrics"], tuple(told["warnings"]), complete_before=True)
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
    held_out = _hold_out(keys.split, len(images), holdout)
    with _timed(seconds, "clustering"):
        clustering, points = _cluster(path, images, keys.cluster, config, quiet=quiet)
        write_clusters(path, pictures, clustering, held_out)
    with _timed(seconds, "training"):
        trained, curves = _train(path, images, clustering, held_out, keys, config, quiet=quiet)
    with _timed(seconds, "measuring"):
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
    metrics = {number.name: _plain(number.value) for number in shown.numbers}
    warnings = warnings_of(pictures, clustering, config)
    told = {
        "metrics": metrics,
        "meanings": {number.name: number.meaning for number in shown.numbers},
        "warnings": warnings,
    }
    text = json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(path / folder.METRICS, text + "\n")
    asked = folder.read_config(path)
    summary = Summary(
        title=f"Clusters and new pictures from {Path(pictures.source).name or pictures.source}",
        source=pictures.source,
        command=asked["command"],
        versions=asked["versions"],
        config={"seed": asked["seed"], "holdout": holdout, **asked["pipeline"]},
        numbers=shown.numbers,
        images=images,
        names=pictures.names,
        labels=np.asarray(clustering.labels),
        distances=np.asarray(clustering.distances),
        points=points[:, :3],
        centers=np.asarray(clustering.centers)[:, :3],
        samples=shown.samples,
        reconstructions=shown.reconstructions,
        walks=shown.walks,
        walk_names=shown.walk_names,
        losses=curves,
        neighbors=shown.neighbors,
        skipped=[(skip.file, skip.reason) for skip in pictures.skipped],
        warnings=warnings,
        seconds=seconds,
        true_labels=pictures.labels,
        true_names=pictures.label_names,
    )
    with progress(2, "reporting", "part", quiet=quiet) as bar:
        with _timed(seconds, "drawing"):
            write_figures(path, summary)
        bar.update()
        write_report(path, summary)
        bar.update()
    return Run(path, metrics, tuple(warnings))


def _cluster(
    path: Path, images: Images, key: KeyArray, config: PipelineConfig, *, quiet: bool
) -> tuple[Clustering, np.ndarray]:
    """The clustering of an earlier try where there is one, else found and kept."""
    projection, points = jax.jit(partial(project, config=config))(images)
    form = jax.eval_shape(
        lambda: clustered(projection, points, kmeans(key, points, config.k, max_iter=1))
    )
    file = path / folder.CLUSTERING
    if file.exists():
        clustering = jax.tree.map(jnp.asarray, load_tree(file, form))
        return clustering, np.asarray(points)
    best = None
    with progress(config.n_init, "clustering", "start", quiet=quiet, at_once=True) as bar:
        for i in range(config.n_init):  # as kmeans(n_init=…) does, but heard of in between
            start = jax.random.fold_in(key, i) if i else key
            result = kmeans(start, points, config.k, max_iter=config.max_iter)
            if best is None or result.inertia < best.inertia:
                best = result
            bar.update()
    assert best is not None
    clustering = clustered(projection, points, best)
    save_tree(file, clustering)
    return clustering, np.asarray(points)


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
    training = images[~held_out]
    codes = encode(clustering.labels[~held_out], config.k).codes
    state, curves = train_in_chunks(
        family,
        config.schedule(),
        (keys.init, keys.train),
        training,
        codes,
        path / folder.TRAINING,
        quiet=quiet,
    )
    latents = jax.jit(fit_latents, static_argnums=0)(family, state.ema, training, codes)
    trained = Trained(family, state.ema, latents)
    save_tree(path / folder.GENERATOR, {"params": state.ema, "latents": latents})
    return trained, curves


def _hold_out(key: KeyArray, n: int, share: float) -> np.ndarray:
    """(n,) True for the pictures kept from training; none where there are too few to spare."""
    count = int(n * share)
    held = np.zeros(n, bool)
    held[np.asarray(jax.random.permutation(key, n))[:count]] = True
    return held


def _refuse_few(pictures: Pictures, k: int) -> None:
    """As many clusters need as many different pictures."""
    images = pictures.images
    if k > len(images):
        raise DataError(f"k is {k}, but {pictures.source} has only {len(images)} picture(s)")
    distinct: set[bytes] = set()
    for image in images:
        distinct.add(hashlib.blake2b(image.tobytes(), digest_size=16).digest())
        if len(distinct) >= k:
            return
    raise DataError(
        f"k is {k}, but {pictures.source} has only {len(distinct)} different picture(s) among "
        f"{len(images)}; choose -k {len(distinct)} or less"
    )


def _short_name(data: Any) -> str:
    return Path(data).resolve().stem or "pictures" if isinstance(data, str | Path) else "array"


def _plain(value: Any) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    seconds[stage] = time.monotonic() - began
