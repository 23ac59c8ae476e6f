"""What a run writes down of itself: its command, what made it, its clusters, what to beware of."""

import csv
import shlex
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jax
import numpy as np

from .. import __version__
from .._files import atomic_path
from ..data import Pictures
from ..pipeline import ClusterConfig, Clustering
from ._folder import CLUSTERS


def write_clusters(
    path: Path,
    pictures: Pictures,
    clustering: Clustering,
    held_out: np.ndarray | None = None,
) -> None:
    """clusters.csv: a line for each picture; cluster −1 is noise.

    With a distance to the centre where the algorithm has centres, how firmly the picture belongs to
    its cluster where the algorithm says so, its part of the data where some were held out, and its
    known class where there is one.
    """
    columns: dict[str, Any] = {
        "file": pictures.names,
        "cluster": np.asarray(clustering.labels).tolist(),
    }
    if clustering.config.cluster in ("kmeans", "gmm"):
        columns["distance"] = _numbers(clustering.distances)
    if clustering.probabilities is not None:
        columns["probability"] = _numbers(clustering.probabilities)
    if held_out is not None:
        columns["split"] = np.where(held_out, "held-out", "training").tolist()
    if pictures.labels is not None:
        columns["label"] = pictures.labels.tolist()
    with (
        atomic_path(path / CLUSTERS) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        lines = csv.writer(file)
        lines.writerow(columns)
        lines.writerows(zip(*columns.values(), strict=True))


def _numbers(values: Any) -> list[str]:
    return [f"{value:.6g}" for value in np.asarray(values).tolist()]


def warnings_of(pictures: Pictures, clustering: Clustering, *, generates: bool = True) -> list[str]:
    """What a reader should know before trusting the report.

    Args:
      pictures: that were clustered.
      clustering: of them.
      generates: whether a generator learned from it.
    """
    config = clustering.config
    labels = np.asarray(clustering.labels)
    out = []
    if pictures.skipped:
        out.append(f"{len(pictures.skipped)} file(s) could not be read and were skipped.")
    if not bool(clustering.converged):
        name = {"kmeans": "k-means", "gmm": "EM"}.get(config.cluster, config.cluster)
        out.append(f"{name} stopped at {config.max_iter} iterations before it converged.")
    if config.finds_number:
        out += _of_found_number(clustering, labels)
        k = int(labels.max()) + 1
    else:
        k = config.k
        empty = int((np.bincount(labels, minlength=k) == 0).sum())
        if empty:
            out.append(f"{empty} cluster(s) are empty.")
    if generates and len(pictures.images) < 20 * k:
        out.append(
            f"{len(pictures.images)} pictures are few for {k} clusters: expect the "
            "generator to repeat what it saw."
        )
    return out


def _of_found_number(clustering: Clustering, labels: np.ndarray) -> list[str]:
    """Too many clusters, only one, or hardly a picture in any."""
    config, out = clustering.config, []
    found, kept = int(np.asarray(clustering.n_found)), int(labels.max()) + 1
    if found > kept:
        out.append(
            f"{found} clusters were found, of which the {kept} largest are kept and the others "
            f"count as noise; -k {found} keeps all."
        )
    finer = {
        "dbscan": "a smaller --eps",
        "hdbscan": "--selection leaf or a smaller --min-cluster-size",
    }.get(config.cluster, "a smaller --distance-threshold")
    if found == 1:
        out.append(f"Only one cluster was found; {finer} may find more, or another --cluster.")
    share = float(np.mean(labels < 0))
    if share > 0.5:
        wider = {
            "dbscan": "a larger --eps or a smaller --min-samples",
            "hdbscan": "a smaller --min-samples",
        }.get(config.cluster, "a larger --distance-threshold")
        out.append(f"{share:.0%} of the pictures are noise; {wider} leaves fewer.")
    return out


def versions() -> dict[str, str]:
    """What made the run."""
    names = ["jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy"]
    names += ["scikit-learn", "pillow"]
    found = {"clusterart_jax": __version__, "python": sys.version.split()[0]}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    device = jax.devices()[0]
    return {**found, "device": f"{device.platform} ({device.device_kind}) × {jax.device_count()}"}


def command_of(
    job: str,
    data: Any,
    path: Path,
    config: ClusterConfig,
    seed: int,
    options: dict[str, int | None],
    holdout: float = 0.1,
    art: Sequence[str] = (),
) -> str:
    """The command that makes this run again."""
    source = str(data) if isinstance(data, str | Path) else "ARRAY"
    words = ["clusterart", job, source, "--out", str(path), *config.words]
    for name, value in {**options, "seed": seed or None}.items():
        if value is not None:
            words += [f"--{name}", str(value)]
    if holdout != 0.1:
        words += ["--holdout", str(holdout)]
    if art:
        words += ["--art", *art]
    return shlex.join(words)
