"""Clustering alone, from files to files: a line for each picture, sheets of them, and a report."""

from pathlib import Path

from .._checks import seed_key
from .._typing import ArrayLike
from ..pipeline import ClusterConfig, Keys
from ._clusters import cluster_images, clustering_numbers
from ._record import warnings_of, write_clusters
from ._shell import Run, Source, begin, finish, short_name, timed, title_of


def cluster_pictures(
    data: str | Path | ArrayLike = "digits",
    out: str | Path | None = None,
    *,
    config: ClusterConfig | None = None,
    seed: int = 0,
    size: int | None = None,
    channels: int | None = None,
    limit: int | None = None,
    strict: bool = False,
    download: bool = False,
    resume: bool = False,
    overwrite: bool = False,
    quiet: bool = True,
) -> Run:
    """Clusters pictures, and nothing more: `run` without a generator.

    Algorithms that find the number of clusters give all of them here. A run that was stopped goes
    on with `resume=True`, to the same result.

    Args:
      data: a named set ("digits", "fashion-mnist"), a folder of pictures, an `.npy` or `.npz`
        file, or an array (n, h, w, c).
      out: folder to write; `runs/NAME-clusters` where it is None.
      config: what to do; `ClusterConfig()` where it is None.
      seed: of all randomness.
      size: side in pixels to which pictures are brought.
      channels: 1 or 3; None takes what the pictures have.
      limit: pictures at most, evenly spaced.
      strict: refuse a folder in which a picture cannot be read, instead of skipping it.
      download: fetch a named set that is nowhere on this machine.
      resume: go on with the run in `out`, or begin it.
      overwrite: replace the run in `out`.
      quiet: no progress bars.

    Returns:
      A `Run`: the folder, which holds clusters.csv, report.html, a contact sheet of each cluster in
      `sheets`, more PNGs, clustering.npz, metrics.json and config.json; and the numbers.

    Raises:
      ConfigError: for an option that cannot be, or where it finds no cluster.
      DataError: for pictures that cannot be used.
      OutputError: when the folder exists already or cannot be written.
      CheckpointError: when a resumed run's files are damaged or of another version.

    Example:
      >>> import tempfile
      >>> from clusterart_jax.job import cluster_pictures
      >>> from clusterart_jax.pipeline import ClusterConfig
      >>> config = ClusterConfig(cluster="agglomerative", k=3)
      >>> done = cluster_pictures("digits", tempfile.mkdtemp() + "/a", config=config, limit=60)
      >>> sorted(p.name for p in (done.path / "sheets").iterdir())
      ['cluster-0.png', 'cluster-1.png', 'cluster-2.png']
    """
    config = ClusterConfig() if config is None else config
    key = seed_key(seed)
    path = Path(out) if out is not None else Path("runs") / f"{short_name(data)}-clusters"
    seconds: dict[str, float] = {}
    pictures, done = begin(
        "cluster",
        Source(data, size, channels, limit, strict, download),
        path,
        config,
        seconds,
        seed=seed,
        holdout=0.0,
        resume=resume,
        overwrite=overwrite,
        quiet=quiet,
    )
    if done is not None:
        return done
    with timed(seconds, "clustering"):
        clustering, points = cluster_images(
            path, pictures.images, Keys.of(key).cluster, config, all_clusters=True, quiet=quiet
        )
        write_clusters(path, pictures, clustering)
    with timed(seconds, "measuring"):
        numbers = clustering_numbers(clustering, points, pictures.labels)
    return finish(
        path,
        pictures,
        clustering,
        points,
        numbers,
        warnings_of(pictures, clustering, generates=False),
        seconds,
        title=f"Clusters of {title_of(pictures)}",
        quiet=quiet,
        sheets=True,
    )
