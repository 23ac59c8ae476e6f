"""Files of NumPy arrays → pictures; pickled objects in them are never loaded."""

from pathlib import Path

import numpy as np

from .._errors import DataError
from ._arrays import check_shape, from_array
from ._pictures import Pictures

_IMAGE_KEYS = ("images", "x")
_LABEL_KEYS = ("labels", "y")


def read_array_file(path: Path, limit: int | None) -> Pictures:
    """Pictures of an .npy or .npz file; of .npy only the rows that `limit` keeps are read."""
    where = str(path)
    try:
        if path.suffix.lower() == ".npz":
            # Opened here, since NumPy leaves the file open where it turns out to be no archive.
            with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                image_key, label_key = _keys(list(archive.keys()), where)
                array = archive[image_key]
                labels = None if label_key is None else archive[label_key]
        else:
            array, labels = _mapped(path), None
    except DataError:
        raise
    except Exception as error:
        # Damaged headers and archives make NumPy raise nearly anything, tokenize's errors included.
        raise DataError(f"{where} cannot be read: {_explained(error)}") from error
    return from_array(array, limit, labels=labels, where=where, source=where)


def _keys(keys: list[str], where: str) -> tuple[str, str | None]:
    """Which arrays of an .npz file are the pictures and the labels."""
    labels = [key for key in _LABEL_KEYS if key in keys]
    images = [key for key in _IMAGE_KEYS if key in keys]
    others = [key for key in keys if key not in _LABEL_KEYS]
    if not images and len(others) != 1:
        found = ", ".join(keys) or "none"
        raise DataError(
            f"{where}: no array is named 'images' (found: {found}); name the pictures so"
        )
    return (images or others)[0], (labels[0] if labels else None)


def _mapped(path: Path) -> np.ndarray:
    """An .npy file as a map into it: rows are read when touched."""
    with path.open("rb") as file:
        version = np.lib.format.read_magic(file)
        read = {(1, 0): np.lib.format.read_array_header_1_0}.get(
            version, np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = read(file)
    if dtype.hasobject:
        raise DataError(f"{path} holds Python objects, not numbers; save one array of one dtype")
    check_shape(shape, str(path))  # an empty array cannot be mapped, so it must not get that far
    return np.lib.format.open_memmap(path, mode="r")


def _explained(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = " ".join(str(error).split())
    if "pickle" in text or "Object arrays" in text:
        return "it holds pickled Python objects, which are never loaded; save numbers with np.save"
    return f"damaged or not a NumPy file ({text or type(error).__name__})"
