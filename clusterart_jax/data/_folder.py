"""A folder of picture files → pictures, read in parallel; broken files are listed, not fatal."""

import heapq
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from .._errors import DataError
from .._progress import progress
from .._typing import UInt8
from ._pictures import Pictures, Skipped, chosen_rows

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")

# Files a task reads: enough that tasks cost nothing beside them, few enough that the bar moves.
_FILES_PER_TASK = 8


def read_folder(
    folder: Path,
    *,
    size: int,
    channels: int | None,
    limit: int | None,
    strict: bool,
    max_pixels: int,
    quiet: bool,
) -> Pictures:
    """Reads a folder, or one picture file; `load` documents what is read and how.

    Full-size pictures exist one a thread at a time; the rest of the memory is the result.
    """
    source = str(folder)
    files, skipped = find_files(folder) if folder.is_dir() else ([folder.name], [])
    folder = folder if folder.is_dir() else folder.parent
    if not files and not skipped:
        suffixes = " ".join(SUFFIXES)
        raise DataError(f"no pictures in {folder} or the folders in it (looked for {suffixes})")
    files = [files[row] for row in chosen_rows(len(files), limit)]
    images, reasons, grey = _squares(folder, files, size, channels, max_pixels, quiet)

    names = [_shown(file) for file in files]
    skipped += [Skipped(names[row], why) for row, why in enumerate(reasons) if why is not None]
    if skipped and strict:
        raise DataError(
            f"{len(skipped)} files in {folder} cannot be read, first {skipped[0].file}:"
            f" {skipped[0].reason}; mend or remove such files, or read without strict"
        )
    kept = [row for row, why in enumerate(reasons) if why is None]
    if not kept:
        raise DataError(
            f"no picture in {folder} can be read: {len(skipped)} skipped,"
            f" first {skipped[0].file}: {skipped[0].reason}"
        )
    for place, row in enumerate(kept):  # in place: a copy would double the memory
        if place != row:
            images[place] = images[row]
    images = images[: len(kept)]
    if channels is None and grey[kept].all():
        images = images[..., :1].copy()
    return Pictures(images, None, tuple(names[row] for row in kept), source, tuple(skipped))


def read_squares(
    folder: str | os.PathLike[str],
    files: Sequence[str],
    size: int,
    *,
    max_pixels: int = 100_000_000,
    quiet: bool = True,
) -> tuple[UInt8[np.ndarray, "n size size 3"], list[str | None]]:
    """Some files of a folder as squares, read in parallel, for work on a folder part by part.

    Args:
      folder: where they are.
      files: paths in it, as from `find_files`.
      size: side of the squares, in pixels; pictures are scaled and cropped as by `load`.
      max_pixels: as of `load`.
      quiet: show no progress bar.

    Returns:
      Pictures (n, size, size, 3), and for each the reason why it cannot be read, or None.

    Example:
      >>> import numpy as np, pathlib, tempfile
      >>> from clusterart_jax.data import read_squares, write_picture
      >>> folder = pathlib.Path(tempfile.mkdtemp())
      >>> write_picture(folder / "a.png", np.zeros((40, 60, 3), np.uint8))
      >>> images, reasons = read_squares(folder, ["a.png", "b.png"], 16)
      >>> images.shape, reasons
      ((2, 16, 16, 3), [None, 'no such file or directory'])
    """
    images, reasons, _ = _squares(Path(folder), list(files), size, 3, max_pixels, quiet)
    return images, reasons


def _squares(
    folder: Path,
    files: list[str],
    size: int,
    channels: int | None,
    max_pixels: int,
    quiet: bool,
) -> tuple[np.ndarray, list[str | None], np.ndarray]:
    """Pictures of files, why some cannot be read, and which are grey."""
    from ._decode import UnreadableError, pillow_settings, read_square

    images = _empty(len(files), size, channels or 3)
    reasons: list[str | None] = [None] * len(files)
    grey = np.ones(len(files), bool)

    def read(rows: range) -> int:
        for row in rows:
            try:
                square = read_square(folder / files[row], size, channels, max_pixels)
            except UnreadableError as error:
                reasons[row] = str(error)
                images[row] = 0
            else:
                images[row] = square  # grey spreads over three channels
                grey[row] = square.shape[-1] == 1
        return len(rows)

    with pillow_settings(max_pixels):
        _in_parallel(read, len(files), quiet)
    return images, reasons, grey


def find_files(folder: Path) -> tuple[list[str], list[Skipped]]:
    """Picture files below `folder`, sorted, and the folders that cannot be listed.

    Hidden files and folders are left out. Links to folders are followed, each folder once, so a
    link that leads back up ends there.
    """
    files: list[str] = []
    skipped: list[Skipped] = []
    seen: set[tuple[int, int]] = set()
    waiting = [""]
    while waiting:
        # The first in sorted order, so that of two ways into one folder always the same is taken.
        inside = heapq.heappop(waiting)
        try:
            status = (folder / inside).stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(folder / inside) as entries:
                found = [(entry.name, _is_folder(entry)) for entry in entries]
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            if not inside:
                raise DataError(f"the folder {folder} cannot be read: {reason}") from error
            skipped.append(Skipped(_shown(inside) + "/", reason))
            continue
        for name, is_folder in found:
            if name.startswith("."):
                continue
            relative = f"{inside}/{name}" if inside else name
            if is_folder:
                heapq.heappush(waiting, relative)
            elif name.lower().endswith(SUFFIXES):
                files.append(relative)
    return sorted(files), skipped


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself; read as a file, it gets its reason
        return False


def _in_parallel(read: Callable[[range], int], n: int, quiet: bool) -> None:
    """Calls `read` on all of 0…n−1, some at a time, on a thread a core: decoding frees the lock."""
    tasks = [
        range(start, min(start + _FILES_PER_TASK, n)) for start in range(0, n, _FILES_PER_TASK)
    ]
    with (
        progress(n, "reading", "picture", quiet=quiet) as bar,
        ThreadPoolExecutor(_cores()) as pool,
    ):
        try:
            for done in pool.map(read, tasks):
                bar.update(done)
        except BaseException:  # on Ctrl-C: do not read the rest first
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _empty(n: int, size: int, channels: int) -> np.ndarray:
    try:
        return np.empty((n, size, size, channels), np.uint8)
    except MemoryError as error:
        need = n * size * size * channels / 2**30
        raise DataError(
            f"{n} pictures of {size}×{size}×{channels} need {need:.1f} GiB of memory;"
            " give a smaller size or a limit"
        ) from error


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # counts what this process may use, not what there is
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _shown(file: str) -> str:
    """A name that can be printed and saved, whatever bytes it has on disk."""
    return os.fsencode(file).decode("utf-8", "replace")
