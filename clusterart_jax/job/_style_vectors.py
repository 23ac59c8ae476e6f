"""A folder's files → a vector each, kept on disk so that none is looked at twice."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .. import art, features
from .._errors import ConfigError, DataError
from .._files import atomic_path
from .._progress import progress
from .._typing import Float, UInt8
from ..data import Skipped, find_files, read_squares

SIDE = 256
"""Of the squares that are looked at, in pixels."""

_AT_ONCE = 64
_KEEP_EVERY = 8  # parts, of `_AT_ONCE` files

KINDS: dict[str, Callable[[UInt8[np.ndarray, "n h w 3"]], Float[np.ndarray, "n d"]]] = {
    "style": lambda images: np.asarray(art.style_vectors(images)),
    "effnet": lambda images: np.asarray(features.network("efficientnet-lite0").features(images)),
    "maps": lambda images: np.asarray(features.network("efficientnet-lite0-maps").features(images)),
    "texture": lambda images: np.asarray(features.texture_statistics(images)),
    "color": lambda images: np.asarray(features.color_statistics(images)),
}
"""What a picture's vector may be made of."""


class Described(NamedTuple):
    """Vectors of a folder's pictures.

    Attributes:
      names: (n) files, relative to the folder.
      vectors: (n, d).
      skipped: files that cannot be read, and why.
      seen: how many of them an earlier call had looked at.
    """

    names: list[str]
    vectors: Float[np.ndarray, "n d"]
    skipped: list[Skipped]
    seen: int


def describe_files(
    folder: Path, kind: str, cache: Path, *, limit: int | None = None, quiet: bool = True
) -> Described:
    """The vector of each picture below a folder.

    Vectors are kept in the file `cache` with the size and time of each file, now and then while
    the work goes on: after an interruption, or when pictures were added, only what is new is read.

    Args:
      folder: with pictures.
      kind: one of `KINDS`.
      cache: .npz file.
      limit: pictures at most, evenly spaced.
      quiet: no progress bar.

    Raises:
      DataError: when there is no folder, or no picture in it can be read.
      OutputError: when the cache cannot be written.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder of pictures")
    files, skipped = find_files(folder)
    if not files:
        raise DataError(f"no pictures in {folder} or the folders in it")
    if limit is not None and limit < len(files):
        files = [files[i * len(files) // limit] for i in range(limit)]
    marks = {file: _mark(folder / file) for file in files}
    known = _read(cache, kind)
    vectors = {
        file: known[file][1] for file in files if file in known and known[file][0] == marks[file]
    }
    seen = len(vectors)
    missing = [file for file in files if file not in vectors]

    def keep() -> None:
        kept = known | {file: (marks[file], vector) for file, vector in vectors.items()}
        _write(cache, kind, kept)

    with progress(len(missing), "looking", "picture", quiet=quiet) as bar:
        for part, start in enumerate(range(0, len(missing), _AT_ONCE)):
            some = missing[start : start + _AT_ONCE]
            images, reasons = read_squares(folder, some, SIDE)
            filled = np.pad(images, ((0, _AT_ONCE - len(some)), (0, 0), (0, 0), (0, 0)))
            whole = len(missing) > _AT_ONCE  # all parts of one shape, which is compiled once
            rows = KINDS[kind](filled if whole else images)
            for file, row, reason in zip(some, rows, reasons, strict=False):
                if reason is None:
                    vectors[file] = row
                else:
                    skipped.append(Skipped(file, reason))
            if part % _KEEP_EVERY == _KEEP_EVERY - 1:
                keep()
            bar.update(len(some))
    if missing:
        keep()
    names = [file for file in files if file in vectors]
    if not names:
        raise DataError(
            f"no picture in {folder} can be read: {len(skipped)} skipped,"
            f" first {skipped[0].file}: {skipped[0].reason}"
        )
    return Described(names, np.stack([vectors[file] for file in names]), skipped, seen)


def check_kind(kind: str) -> None:
    """Refuses an unknown kind."""
    if kind not in KINDS:
        raise ConfigError(f"features must be one of {', '.join(KINDS)}, not {kind!r}")


def _mark(file: Path) -> tuple[int, int]:
    try:
        status = file.stat()
    except OSError:
        return (-1, -1)
    return status.st_size, status.st_mtime_ns


_Known = dict[str, tuple[tuple[int, int], Float[np.ndarray, " d"]]]


def _read(cache: Path, kind: str) -> _Known:
    """What is kept; nothing where the file is absent, damaged or of another kind."""
    try:
        with np.load(cache, allow_pickle=False) as kept:
            if str(kept["kind"]) != kind:
                return {}
            rows = zip(kept["names"], kept["marks"], kept["vectors"], strict=True)
            return {str(name): ((int(a), int(b)), vector) for name, (a, b), vector in rows}
    except Exception:  # whatever is wrong with it, it can be made again
        return {}


def _write(cache: Path, kind: str, known: _Known) -> None:
    if not known:
        return
    with atomic_path(cache) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            kind=kind,
            names=np.array(list(known)),
            marks=np.array([mark for mark, _ in known.values()], np.int64),
            vectors=np.stack([vector for _, vector in known.values()]).astype(np.float32),
        )
