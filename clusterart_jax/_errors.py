"""What can go wrong, by who can mend it; the command line turns each class into an exit code."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


class ClusterArtError(Exception):
    """Base of the errors that a user can mend; its text is one line that says how."""

    exit_code = 1


class ConfigError(ClusterArtError, ValueError):
    """An option, a configuration key or a combination of them that cannot be."""

    exit_code = 2


class DataError(ClusterArtError, ValueError):
    """Pictures or arrays that cannot be used; the message names the file, row or key."""

    exit_code = 3


class OutputError(ClusterArtError, OSError):
    """A folder or file that cannot be written; what was finished before stays readable."""

    exit_code = 4


class CheckpointError(ClusterArtError, ValueError):
    """A run's folder or checkpoint that cannot be read: absent, damaged, or of another version."""

    exit_code = 5


class DivergedError(ClusterArtError, ArithmeticError):
    """A loss that is no longer finite; the last good checkpoint is kept."""

    exit_code = 6


@contextmanager
def about(path: str | os.PathLike[str]) -> Iterator[None]:
    """Around work on the picture of a file: what is wrong with `image` is told with its name."""
    try:
        yield
    except DataError as error:
        if not str(error).startswith("image"):
            raise
        raise DataError(f"{os.fspath(path)}: {error}") from error
