"""The folder of a run: what lies in it, who may write it, what a resumed run must agree with."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .._errors import CheckpointError, ConfigError, OutputError
from .._files import write_text

FORMAT = 1
"""Of config.json and the files it describes."""

CONFIG = "config.json"
CLUSTERING = "clustering.npz"
TRAINING = "training.npz"
GENERATOR = "generator.npz"
CLUSTERS = "clusters.csv"
METRICS = "metrics.json"
REPORT = "report.html"

_OWN = (CONFIG, CLUSTERING, TRAINING, GENERATOR, CLUSTERS, METRICS, REPORT)


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
    if path.is_dir() and any(path.iterdir()):
        if not (resume or overwrite):
            raise OutputError(
                f"{path} exists; continue it with --resume, replace it with --overwrite, "
                "or choose another --out"
            )
        if not (path / CONFIG).is_file():
            raise OutputError(f"{path} holds other files and no run ({CONFIG} is missing)")
    fresh = not path.exists()
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise OutputError(f"cannot write to {path}: {error.strerror or error}") from error
    try:
        yield
    except BaseException:
        if fresh:
            with suppress(OSError):
                path.rmdir()
        raise


def clear(path: Path) -> None:
    """Removes the files of an earlier run, and nothing else."""
    for file in path.iterdir():
        if file.name in _OWN or file.suffix == ".png":
            file.unlink()


def begin(path: Path, asked: dict[str, Any], *, resume: bool, overwrite: bool) -> None:
    """Writes config.json, or holds what is asked now against what was asked before.

    Raises:
      ConfigError: when a resumed run is asked for something else; the message names it.
    """
    if overwrite and (path / CONFIG).exists():
        clear(path)
    if resume and (path / CONFIG).exists():
        _agree(read_config(path), asked, path)
        return
    asked = {"format": FORMAT, **asked}
    write_text(path / CONFIG, json.dumps(asked, indent=2, ensure_ascii=False) + "\n")


def _agree(before: dict[str, Any], now: dict[str, Any], path: Path) -> None:
    for part in ("data", "seed", "holdout", "pipeline"):
        old, new = before.get(part), now[part]
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            key = next(k for k in new if old.get(k) != new[k])
            old, new, part = old.get(key), new[key], key
        what = (
            "the pictures have changed" if part == "fingerprint" else f"{part} was {old}, is {new}"
        )
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
        raise CheckpointError(f"{file} cannot be read: {error}") from error
    found = config.get("format") if isinstance(config, dict) else None
    if found != FORMAT:
        raise CheckpointError(
            f"{path} was written in format {found}, this version reads {FORMAT}; "
            "use the version that wrote it, or run again with --overwrite"
        )
    return config
