"""Files that are either whole or absent: written beside their place, then moved into it."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ._errors import OutputError


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Gives a temporary path in the same folder; on success it replaces `path`, on failure it goes.

    Args:
      path: the file to write. Its folder must exist.

    Yields:
      The path to write to; it keeps the suffix of `path`, since writers choose a format by it.

    Raises:
      OutputError: when the file cannot be written (permission, full disk); `path` is untouched.

    Example:
      >>> import tempfile, pathlib
      >>> target = pathlib.Path(tempfile.mkdtemp()) / "note.txt"
      >>> with atomic_path(target) as temporary:
      ...     _ = temporary.write_text("whole")
      >>> target.read_text()
      'whole'
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"cannot write {path}: {reason}") from error
    finally:
        with suppress(OSError):  # the reason it failed is already on its way
            temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Writes `text` to `path` as UTF-8, atomically.

    Bytes of file names that are no UTF-8 are written as escapes that JSON reads back as they were.
    """
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


def make_folder(path: str | os.PathLike[str]) -> None:
    """Makes a folder, and those above it, where they are not there yet.

    Raises:
      OutputError: when it cannot be made.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
