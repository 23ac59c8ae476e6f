"""Trees of arrays on disk: one NumPy archive, whole or absent, checked when read.

What is finished and small, as clusters and a trained generator, is kept so: an `.npz` is one file
to copy, needs nothing but NumPy to be read in ten years, is replaced atomically, and carries a
checksum for every array, so that a truncated or altered file is told from a good one. What training
writes again and again while it goes on is kept by `Checkpoints`.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from .._errors import CheckpointError
from .._files import atomic_path
from .._typing import PyTree

FORMAT = 1
"""Raised when files of before can no longer be read."""

_FORMAT_KEY = "__format__"


def save_tree(path: str | os.PathLike[str], tree: PyTree) -> None:
    """Writes the arrays of a tree to `path`, atomically; each under its path in the tree.

    Args:
      path: file to write or replace, ending in `.npz`.
      tree: nested tuples, dicts and NamedTuples of arrays.

    Raises:
      OutputError: when the file cannot be written; what was there before stays.

    Example:
      >>> import tempfile, pathlib, numpy as np
      >>> from clusterart_jax.generate import load_tree, save_tree
      >>> path = pathlib.Path(tempfile.mkdtemp()) / "tree.npz"
      >>> save_tree(path, {"a": np.arange(3)})
      >>> load_tree(path, {"a": np.zeros(3, int)})["a"].tolist()
      [0, 1, 2]
    """
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    arrays: dict[str, Any] = {
        jax.tree_util.keystr(where): np.asarray(leaf) for where, leaf in leaves
    }
    arrays[_FORMAT_KEY] = np.int64(FORMAT)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)
        file.flush()
        os.fsync(file.fileno())


def load_tree(path: str | os.PathLike[str], like: PyTree) -> PyTree:
    """Reads a tree that `save_tree` wrote.

    Args:
      path: the file.
      like: a tree of the same form, of arrays or of `jax.ShapeDtypeStruct`.

    Returns:
      A tree of NumPy arrays with the form of `like`.

    Raises:
      CheckpointError: when the file is absent, damaged, of another format, or of another form.
    """
    path = Path(path)
    arrays = _read(path)
    found = int(arrays.pop(_FORMAT_KEY, np.int64(0)))
    if found != FORMAT:
        raise CheckpointError(
            f"{path} has checkpoint format {found or 'none'}, this version reads {FORMAT}; "
            "load it with the version that wrote it, or run again with --overwrite"
        )
    return formed(path, arrays, like, jax.tree_util.keystr)


def formed(
    path: Path, arrays: Mapping[str, np.ndarray], like: PyTree, name_of: Callable[..., str]
) -> PyTree:
    """The tree of the form of `like` whose arrays were read by their names.

    Args:
      path: they were read from.
      arrays: by name.
      like: a tree of arrays or of `jax.ShapeDtypeStruct`.
      name_of: the name of a leaf, from its path in the tree.

    Raises:
      CheckpointError: when names, shapes or dtypes are others.
    """
    places, form = jax.tree_util.tree_flatten_with_path(like)
    names = [name_of(where) for where, _ in places]
    if set(names) != set(arrays):
        odd = sorted(set(names) ^ set(arrays))[0]
        raise CheckpointError(
            f"{path} does not fit this configuration: {odd} is in one of them only"
        )
    for name, (_, leaf) in zip(names, places, strict=True):
        if arrays[name].shape != leaf.shape or arrays[name].dtype != leaf.dtype:
            raise CheckpointError(
                f"{path} does not fit this configuration: {name} is {arrays[name].dtype}"
                f"{list(arrays[name].shape)} in the file, {leaf.dtype}{list(leaf.shape)} here"
            )
    return jax.tree_util.tree_unflatten(form, [arrays[name] for name in names])


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        # Opened here, since NumPy leaves the file open where it turns out to be no archive.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise CheckpointError(f"{path} does not exist") from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # a damaged archive makes zipfile and NumPy raise nearly anything
        reason = " ".join(str(error).split()) or type(error).__name__
        raise CheckpointError(
            f"{path} is damaged or truncated ({reason}); remove it and continue the run with "
            "--resume, or start again with --overwrite"
        ) from error
