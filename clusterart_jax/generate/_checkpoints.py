"""What training keeps of itself while it goes on: a folder that Orbax writes meanwhile.

The state of a training is large beside a generator, is replaced every half minute, and may go on
with another number of devices: Orbax writes it, in a thread of its own, while the devices work. It
is written beside the state of before and takes its name only when it is whole; then that one goes.
So a process may end at any moment.

Orbax notices some altered files and reads others as other numbers: sums of all files lie beside
them, and nothing is read before they agree.
"""

import errno
import json
import logging
import os
import re
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import jax
import numpy as np

from .._errors import CheckpointError, OutputError
from .._typing import PyTree
from ._checkpoint import formed

FORMAT = 1
"""Raised when folders of before can no longer be read."""

_SUMS = "sums.json"
_UNFINISHED = "unfinished"

_name_of = partial(jax.tree_util.keystr, simple=True, separator="/")


class Checkpoints:
    """The states of one training in a folder of its own, of which the last is kept.

    A context, in which Orbax is loaded when it is first needed and says nothing on the console; at
    its end everything is on disk.

    Args:
      folder: where; it is made with the first state that is written.

    Example:
      >>> import tempfile, numpy as np
      >>> from clusterart_jax.generate import Checkpoints
      >>> with Checkpoints(tempfile.mkdtemp() + "/training") as checkpoints:
      ...     for step in (10, 20):
      ...         checkpoints.save(step, {"weights": np.full(3, step)})
      ...     checkpoints.wait()
      ...     checkpoints.step, checkpoints.load({"weights": np.zeros(3, int)})["weights"].tolist()
      (20, [20, 20, 20])
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        # Orbax runs an event loop, of which there can be one a thread: a notebook's has its own.
        self._pool = ThreadPoolExecutor(1)
        self._pending: Future[None] | None = None

    def __enter__(self) -> Self:
        logging.getLogger("absl").addFilter(_not_of_orbax)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.wait()
        except OutputError:
            if error is None:  # else the reason why work ended says more
                raise
        finally:
            self._pool.shutdown()
            logging.getLogger("absl").removeFilter(_not_of_orbax)

    @property
    def step(self) -> int | None:
        """Of the last state that is whole, or None."""
        return max((int(path.name) for path in _states(self.folder)), default=None)

    def save(self, step: int, tree: PyTree) -> None:
        """Begins to write a state, in place of those of before.

        The state is copied to the host before this returns, and may be given up then. A state that
        is still being written is waited for.

        Args:
          step: steps that are done, more than in the states of before.
          tree: nested tuples, dicts and NamedTuples of arrays that are not empty.

        Raises:
          OutputError: when the state of before could not be written; the last whole one stays.
        """
        tree = jax.tree.map(np.array, jax.device_get(tree))
        self.wait()
        self._pending = self._pool.submit(_write, self.folder, step, tree)

    def wait(self) -> None:
        """Until everything is on disk.

        Raises:
          OutputError: when it cannot be written.
        """
        pending, self._pending = self._pending, None
        if pending is not None:
            try:
                pending.result()
            except Exception as error:
                reason = _in_short(error)
                raise OutputError(f"cannot write {self.folder}: {reason}") from error

    def load(self, like: PyTree) -> PyTree:
        """The last state.

        Args:
          like: a tree of the same form, of arrays or of `jax.ShapeDtypeStruct`.

        Returns:
          A tree of NumPy arrays with the form of `like`, for whatever devices there are.

        Raises:
          CheckpointError: when there is none, or it is damaged, or of another form or version.
        """
        step = self.step
        if step is None:
            raise CheckpointError(f"{self.folder} holds no checkpoint")
        path = self.folder / str(step)
        try:
            arrays = self._pool.submit(_read, path).result()
        except CheckpointError:
            raise
        except Exception as error:
            raise CheckpointError(
                f"{path} is damaged or truncated ({_in_short(error)}); remove {self.folder} and "
                "continue the run with --resume, which trains anew, or start again with --overwrite"
            ) from error
        return formed(path, arrays, like, _name_of)


def _states(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*") if path.name.isdecimal()]


def _write(folder: Path, step: int, tree: PyTree) -> None:
    folder.mkdir(exist_ok=True)
    for left in folder.glob(f"{_UNFINISHED}*"):  # by a process that was killed, or a full disk
        shutil.rmtree(left)
    _refuse_full(folder, sum(leaf.nbytes for leaf in jax.tree.leaves(tree)))
    fresh, before = folder / _UNFINISHED, _states(folder)
    with _orbax() as checkpointer:
        checkpointer.save(fresh.absolute(), tree)
    told = {"format": FORMAT, "files": {name: _sum(fresh / name) for name in _files(fresh)}}
    with (fresh / _SUMS).open("w", encoding="utf-8") as file:
        json.dump(told, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(folder / str(step))
    for old in before:
        shutil.rmtree(old)


def _refuse_full(folder: Path, size: int) -> None:
    """Finds a full disk before Orbax does, which prints a page for every array it cannot write."""
    if not hasattr(os, "posix_fallocate"):
        return
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise  # else the file system has no such call


def _read(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a state by name."""
    told = json.loads((path / _SUMS).read_text(encoding="utf-8"))
    if told["format"] != FORMAT:
        raise CheckpointError(
            f"{path} has checkpoint format {told['format']}, this version reads {FORMAT}; "
            "use the version that wrote it, or run again with --overwrite"
        )
    for name, expected in told["files"].items():
        if _sum(path / name) != expected:
            raise ValueError(f"{name} has changed")
    with _orbax() as checkpointer:
        tree = checkpointer.restore(path.absolute())
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {_name_of(where): np.array(leaf) for where, leaf in leaves}


@contextmanager
def _orbax() -> Iterator[Any]:
    import orbax.checkpoint as ocp

    with ocp.Checkpointer(ocp.StandardCheckpointHandler()) as checkpointer:
        yield checkpointer


def _files(folder: Path) -> list[str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in files)


def _sum(file: Path) -> int:
    return zlib.crc32(file.read_bytes())


def _in_short(error: Exception) -> str:
    """The reason in one line; where TensorStore says much, the operating system's words."""
    text = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
    number = re.search(r"os_error_code='(\d+)'", text)
    text = os.strerror(int(number[1])) if number else text
    return text if len(text) <= 120 else text[:119] + "…"


def _not_of_orbax(record: logging.LogRecord) -> bool:
    """Whether a line of absl's log comes from elsewhere."""
    return "orbax" not in record.pathname
