"""What a run writes down of itself: its command, what made it, its clusters, what to beware of."""

import csv
import shlex
import sys
from dataclasses import fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jax
import numpy as np

from .. import __version__
from .._files import atomic_path
from ..data import Pictures
from ..pipeline import Clustering, PipelineConfig
from ._folder import CLUSTERS


def write_clusters(
    path: Path, pictures: Pictures, clustering: Clustering, held_out: np.ndarray
) -> None:
    """clusters.csv: a line for each picture."""
    labels, distances = np.asarray(clustering.labels), np.asarray(clustering.distances)
    columns: dict[str, Any] = {
        "file": pictures.names,
        "cluster": labels.tolist(),
        "distance": [f"{distance:.6g}" for distance in distances],
        "split": np.where(held_out, "held-out", "training").tolist(),
    }
    if pictures.labels is not None:
        columns["label"] = pictures.labels.tolist()
    with (
        atomic_path(path / CLUSTERS) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        lines = csv.writer(file)
        lines.writerow(columns)
        lines.writerows(zip(*columns.values(), strict=True))


def warnings_of(pictures: Pictures, clustering: Clustering, config: PipelineConfig) -> list[str]:
    """What a reader should know before trusting the report."""
    out = []
    if pictures.skipped:
        out.append(f"{len(pictures.skipped)} file(s) could not be read and were skipped.")
    if not bool(clustering.converged):
        out.append(f"k-means stopped at {config.max_iter} iterations before it converged.")
    counts = np.bincount(np.asarray(clustering.labels), minlength=config.k)
    if (counts == 0).any():
        out.append(f"{int((counts == 0).sum())} cluster(s) are empty.")
    if len(pictures.images) < 20 * config.k:
        out.append(
            f"{len(pictures.images)} pictures are few for {config.k} clusters: expect the "
            "generator to repeat what it saw."
        )
    return out


def versions() -> dict[str, str]:
    """What made the run."""
    names = ["jax", "jaxlib", "flax", "optax", "numpy", "scikit-learn", "pillow"]
    found = {"clusterart_jax": __version__, "python": sys.version.split()[0]}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    device = jax.devices()[0]
    return {**found, "device": f"{device.platform} ({device.device_kind}) × {jax.device_count()}"}


def command_of(
    data: Any,
    path: Path,
    config: PipelineConfig,
    seed: int,
    holdout: float,
    options: dict[str, int | None],
) -> str:
    """The command that makes this run again."""
    source = str(data) if isinstance(data, str | Path) else "ARRAY"
    words = ["clusterart", "run", source, "--out", str(path)]
    for field in fields(config):
        value = getattr(config, field.name)
        if value != field.default:
            flag = "-k" if field.name == "k" else "--" + field.name.replace("_", "-")
            words += [flag, str(value)]
    for name, value in {**options, "seed": seed or None}.items():
        if value is not None:
            words += [f"--{name}", str(value)]
    if holdout != 0.1:
        words += ["--holdout", str(holdout)]
    return shlex.join(words)
