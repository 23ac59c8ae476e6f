"""The folder of a run: what lies in it, who may write it, what a resumed run must agree with."""

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import jax
import numpy as np

from .._errors import CheckpointError, ConfigError, OutputError
from .._files import write_text
from .._typing import KeyArray
from ..pipeline import PipelineConfig

FORMAT = 2
"""Of config.json and the files it describes."""

CONFIG = "config.json"
CLUSTERING = "clustering.npz"
RECLUSTERED = "reclustered.npz"
"""The clusters as training left them, where it changed them."""

TRAINING = "training"
"""The folder of the state of training."""

PROGRESS = "progress-*.png"
"""Pictures drawn while training went on; * is the step."""

LOSSES = "losses.png"

_TRAINING_BEFORE = "training.npz"
GENERATOR = "generator.npz"
CLUSTERS = "clusters.csv"
METRICS = "metrics.json"
REPORT = "report.html"

RESULTS = {
    "run": (GENERATOR, CLUSTERS, METRICS, REPORT),
    "cluster": (CLUSTERING, CLUSTERS, METRICS, REPORT),
}
"""What each job, finished, has besides pictures."""

SHEETS = "sheets"
"""The folder of contact sheets, one a cluster."""

ART_PAGE = "art/index.html"
"""What became of photographs; its folder holds the rest."""

_OF_CLUSTERS = ("clusters", "found", "map", "real")
_OF_GENERATOR = ("generated", "losses", "neighbors", "reconstructions", "walks")
CLASSIFIER = "classifier.npz"
MEASURES = "measures-*.json"
"""Of `clusterart measure`, one for each network."""

_ARRAYS = (CLUSTERING, RECLUSTERED, GENERATOR, CLASSIFIER, _TRAINING_BEFORE)
_FILES = (CONFIG, *_ARRAYS, CLUSTERS, METRICS, REPORT)
_OWN = (*_FILES, *(f"{name}.png" for name in (*_OF_CLUSTERS, *_OF_GENERATOR)))

_FIELDS = {
    "command": str,
    "data": dict,
    "source": str,
    "pictures": int,
    "shape": list,
    "fingerprint": str,
    "seed": int,
    "holdout": int | float,
    "pipeline": dict,
    "versions": dict,
}
"""What config.json, or the data in it, holds besides the format."""


@contextmanager
def prepared(path: Path, *, resume: bool, overwrite: bool) -> Iterator[None]:
    """Makes sure that a run may be written to `path`, before any work is done.

    A folder that this made goes again when the work under the `with` fails.

    Raises:
      OutputError: when the folder exists without `resume` or `overwrite`, is no run, or cannot be
        written.
      ConfigError: when both `resume` and `overwrite` are asked for.
    """
    if resume and overwrite:
        raise ConfigError("--resume and --overwrite exclude each other")
    if path.exists() and not path.is_dir():
        raise OutputError(f"{path} is a file; --out must name a folder")
    fresh = not path.exists()
    try:
        if not fresh and any(path.iterdir()):
            _refuse_taken(path, continued=resume or overwrite)
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write to {path}: {error.strerror or error}") from error
    try:
        yield
    except BaseException:
        if fresh:
            with suppress(OSError):
                path.rmdir()
        raise


def _refuse_taken(path: Path, *, continued: bool) -> None:
    if not (path / CONFIG).is_file():
        raise OutputError(
            f"{path} holds other files and no run ({CONFIG} is missing); choose another --out"
        )
    if not continued:
        raise OutputError(
            f"{path} exists; continue it with --resume, replace it with --overwrite, "
            "or choose another --out"
        )


def held_out_rows(key: KeyArray, n: int, share: float) -> np.ndarray:
    """(n,) True for the pictures kept from training; none where there are too few to spare."""
    count = int(n * share)
    held = np.zeros(n, bool)
    held[np.asarray(jax.random.permutation(key, n))[:count]] = True
    return held


def clear(path: Path) -> None:
    """Removes the files of an earlier run, and nothing else; config.json last.

    Raises:
      OutputError: when a file cannot be removed.
    """
    sheets = [*(path / SHEETS).glob("cluster-*.png"), path / SHEETS / "noise.png"]
    drawn = [*path.glob(MEASURES), *path.glob(PROGRESS), path / ART_PAGE]
    try:
        if (path / TRAINING).is_dir():
            shutil.rmtree(path / TRAINING)
        for file in (*sheets, *drawn, *(path / name for name in reversed(_OWN))):
            file.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"cannot remove {error.filename or path}: {reason}") from error
    with suppress(OSError):  # it holds other files, or is not there
        (path / SHEETS).rmdir()


def abandon(path: Path) -> None:
    """Removes the files of a run that came to nothing, and its folder where that is empty then."""
    clear(path)
    with suppress(OSError):
        path.rmdir()


def stored(file: Path, name: str) -> np.ndarray | None:
    """The array of a checkpoint whose name ends so; None where it has none, or cannot be read."""
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as archive:
            for full in archive.files:
                if full.strip("[].'").endswith(name):
                    return np.asarray(archive[full])
    except Exception:  # `load_tree` says what is wrong with it
        return None
    return None


def training_of(path: Path) -> Path:
    """The folder of the state of training.

    Raises:
      CheckpointError: when an earlier version has kept that state, in a file.
    """
    before = path / _TRAINING_BEFORE
    if before.exists() and not (path / TRAINING).exists():
        raise CheckpointError(
            f"{before} was written by an earlier version, which this one cannot go on with; remove "
            "it to train anew with --resume, or use the version that wrote it"
        )
    return path / TRAINING


def finished(path: Path, job: str, more: Sequence[str] = ()) -> bool:
    """Whether a run has all the results of that job, and those of `more`."""
    return all((path / name).is_file() for name in (*RESULTS[job], *more))


def begin(path: Path, asked: dict[str, Any], *, resume: bool, overwrite: bool) -> None:
    """Writes config.json, or holds what is asked now against what was asked before.

    Raises:
      ConfigError: when a resumed run is asked for something else; the message names it.
    """
    _sweep(path)
    if overwrite and (path / CONFIG).exists():
        clear(path)
    if resume and (path / CONFIG).exists():
        _agree(read_config(path), asked, path)
        return
    asked = {"format": FORMAT, **asked}
    write_text(path / CONFIG, json.dumps(asked, indent=2, ensure_ascii=False) + "\n")


def _sweep(path: Path) -> None:
    """Removes what a run that was killed while it wrote a file left beside it."""
    for name in map(Path, (*_OWN, PROGRESS)):
        for left in path.glob(f".{name.stem}.????????{name.suffix}"):
            with suppress(OSError):
                left.unlink()


def job_of(config: dict[str, Any]) -> str:
    """Which command wrote a config.json: "cluster", or "run", as those of before do not say."""
    return "cluster" if config.get("job") == "cluster" else "run"


def _agree(before: dict[str, Any], now: dict[str, Any], path: Path) -> None:
    def flat(config: dict[str, Any]) -> dict[str, Any]:
        both = {"seed": config["seed"], "holdout": config["holdout"]}
        return {**config["data"], **both, **config["pipeline"]}

    jobs = job_of(before), job_of(now)
    if jobs[0] != jobs[1]:
        raise ConfigError(
            f"cannot resume {path}: it was made by clusterart {jobs[0]}, not {jobs[1]}; "
            "use --overwrite to start again, or choose another --out"
        )
    # Options that there were not then had the values that they have by default now.
    added = {field.name: field.default for field in fields(PipelineConfig)}
    added = {name: added[name] for name in now["pipeline"] if name in added}
    before = {**before, "pipeline": {**added, **before["pipeline"]}}
    # As a file tells them: it has lists where options are tuples.
    old, new = flat(before), json.loads(json.dumps(flat(now)))
    for name in {**new, **old}:
        # The same pictures may be named otherwise now, by another path.
        if old.get(name) == new.get(name) or name == "source":
            continue
        what = f"{name} was {old.get(name)}, is {new.get(name)}"
        if name == "fingerprint":
            what = "the pictures have changed"
        raise ConfigError(f"cannot resume {path}: {what}; use --overwrite to start again")


def read_config(path: Path) -> dict[str, Any]:
    """The contents of config.json.

    Raises:
      CheckpointError: when `path` is no run, or was written by another version.
    """
    file = path / CONFIG
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise CheckpointError(f"{path} is not a run: it has no {CONFIG}") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{file} is damaged ({error}); run again with --overwrite") from error
    found = config.get("format") if isinstance(config, dict) else None
    if found != FORMAT:
        raise CheckpointError(
            f"{path} was written in format {found}, this version reads {FORMAT}; "
            "use the version that wrote it, or run again with --overwrite"
        )
    data = config["data"] if isinstance(config.get("data"), dict) else {}
    for name, kind in _FIELDS.items():
        if not isinstance({**config, **data}.get(name), kind):
            raise CheckpointError(f"{file} is damaged ({name}); run again with --overwrite")
    return dict(config)
