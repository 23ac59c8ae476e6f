"""The folder of a run: what lies in it, who may write it, what a resumed run must agree with."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import jax

from .._errors import CheckpointError, ConfigError, OutputError
from .._files import write_text
from .._typing import KeyArray

FORMAT = 1
"""Of config.json and the files it describes."""

CONFIG = "config.json"
CLUSTERING = "clustering.npz"
TRAINING = "training.npz"
GENERATOR = "generator.npz"
CLUSTERS = "clusters.csv"
METRICS = "metrics.json"
REPORT = "report.html"

RESULTS = (GENERATOR, CLUSTERS, METRICS, REPORT)
"""What a finished run has, besides pictures."""

_FIGURES = ("clusters", "generated", "losses", "map", "neighbors", "real", "reconstructions")
_OWN = (CONFIG, CLUSTERING, TRAINING, *RESULTS, *(f"{name}.png" for name in (*_FIGURES, "walks")))

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


def seed_key(seed: int) -> KeyArray:
    """The key of a seed.

    Raises:
      ConfigError: for a seed that is no whole number of 32 bits.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise ConfigError(f"seed must be a whole number between 0 and {2**32 - 1}, not {seed!r}")
    return jax.random.key(seed)


def clear(path: Path) -> None:
    """Removes the files of an earlier run, and nothing else; config.json last.

    Raises:
      OutputError: when a file cannot be removed.
    """
    for name in reversed(_OWN):
        try:
            (path / name).unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"cannot remove {path / name}: {error.strerror or error}") from error


def finished(path: Path) -> bool:
    """Whether a run has all its results."""
    return all((path / name).is_file() for name in RESULTS)


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
    for name in map(Path, _OWN):
        for left in path.glob(f".{name.stem}.????????{name.suffix}"):
            with suppress(OSError):
                left.unlink()


def _agree(before: dict[str, Any], now: dict[str, Any], path: Path) -> None:
    def flat(config: dict[str, Any]) -> dict[str, Any]:
        both = {"seed": config["seed"], "holdout": config["holdout"]}
        return {**config["data"], **both, **config["pipeline"]}

    old, new = flat(before), flat(now)
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
