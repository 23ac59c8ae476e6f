"""What every job begins and ends with: reading pictures into a folder, telling what was found."""

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .._errors import DataError
from .._files import write_text
from .._progress import progress
from .._typing import ArrayLike
from ..data import Pictures, load
from ..pipeline import ClusterConfig, Clustering
from ..report import Number, Summary, write_figures, write_report, write_sheets
from . import _folder as folder
from ._more import describe
from ._record import command_of, versions
from ._trees import shown_method


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


class Source(NamedTuple):
    """Which pictures, and how they are read; see `data.load`."""

    data: str | Path | ArrayLike
    size: int | None = None
    channels: int | None = None
    limit: int | None = None
    strict: bool = False
    download: bool = False


def begin(
    job: str,
    source: Source,
    path: Path,
    config: ClusterConfig,
    seconds: dict[str, float],
    *,
    seed: int,
    holdout: float,
    resume: bool,
    overwrite: bool,
    quiet: bool,
    art: Sequence[str] = (),
) -> tuple[Pictures, Run | None]:
    """Reads the pictures and writes config.json, or finds that all is done.

    Args:
      job: "run" or "cluster".
      source: of the pictures.
      path: folder to write.
      config: what to do.
      seconds: gets the time that reading takes.
      seed: of all randomness.
      holdout: share of the pictures that is not trained on.
      resume: go on with the run in `path`, or begin it.
      overwrite: replace it.
      quiet: no progress bars.
      art: photographs of which a page is to be made.

    Returns:
      The pictures, and what is there already where a resumed job is complete.
    """
    with (
        folder.prepared(path, resume=resume, overwrite=overwrite),
        timed(seconds, "reading"),
    ):
        pictures = load(**source._asdict(), quiet=quiet)
        if not config.finds_number:
            _refuse_few(pictures, config.k)
    options = {"size": source.size, "channels": source.channels, "limit": source.limit}
    asked = {
        "job": job,
        "command": command_of(job, source.data, path, config, seed, options, holdout, art),
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
    if resume and folder.finished(path, job, [folder.ART_PAGE] if art else []):
        told = describe(path)
        done = Run(path, told["metrics"], tuple(told["warnings"]), complete_before=True)
        return pictures, done
    return pictures, None


def finish(
    path: Path,
    pictures: Pictures,
    clustering: Clustering,
    points: np.ndarray,
    numbers: list[Number],
    warnings: list[str],
    seconds: dict[str, float],
    *,
    title: str,
    quiet: bool,
    sheets: bool = False,
    **parts: Any,
) -> Run:
    """Writes metrics.json, the figures and the report.

    Args:
      path: folder of the run.
      pictures: that were clustered.
      clustering: of them.
      points: (n, m) that were clustered.
      numbers: the headline numbers.
      warnings: what a reader should know.
      seconds: stage → how long it took; gets the time that drawing takes.
      title: of the report.
      quiet: no progress bar.
      sheets: whether each cluster gets a contact sheet.
      **parts: more parts of the `Summary`.

    Returns:
      The finished run.
    """
    metrics = {number.name: plain(number.value) for number in numbers}
    told = {
        "metrics": metrics,
        "meanings": {number.name: number.meaning for number in numbers},
        "warnings": warnings,
    }
    text = json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(path / folder.METRICS, text + "\n")
    asked = folder.read_config(path)
    labels = np.asarray(clustering.labels)
    k = int(labels.max()) + 1 if clustering.config.finds_number else clustering.config.k
    held_out = {} if folder.job_of(asked) == "cluster" else {"holdout": asked["holdout"]}
    summary = Summary(
        title=title,
        source=pictures.source,
        command=asked["command"],
        versions=asked["versions"],
        config={"seed": asked["seed"], **held_out, **asked["pipeline"]},
        numbers=numbers,
        images=pictures.images,
        names=pictures.names,
        labels=labels,
        distances=np.asarray(clustering.distances),
        points=points[:, :3],
        centers=np.asarray(clustering.centers)[:k, :3],
        pages=[("Prints", folder.ART_PAGE)] if (path / folder.ART_PAGE).is_file() else [],
        skipped=[(skip.file, skip.reason) for skip in pictures.skipped],
        warnings=warnings,
        seconds=seconds,
        true_labels=pictures.labels,
        true_names=pictures.label_names,
        **shown_method(clustering),
        **parts,
    )
    with progress(2 + sheets, "reporting", "part", quiet=quiet) as bar:
        with timed(seconds, "drawing"):
            write_figures(path, summary)
        bar.update()
        if sheets:
            write_sheets(path / folder.SHEETS, summary)
            bar.update()
        write_report(path, summary)
        bar.update()
    return Run(path, metrics, tuple(warnings))


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


def short_name(data: Any) -> str:
    """What a folder of results is named after."""
    return Path(data).resolve().stem or "pictures" if isinstance(data, str | Path) else "array"


def title_of(pictures: Pictures) -> str:
    """What a reader calls the pictures."""
    return Path(pictures.source).name or pictures.source


def plain(value: Any) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)


@contextmanager
def timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    """Writes down how long the work under the `with` takes."""
    began = time.monotonic()
    yield
    seconds[stage] = time.monotonic() - began
