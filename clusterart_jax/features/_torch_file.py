"""Reads tensors from a file that `torch.save` wrote, without torch and without running its code.

A pickle may name any function and have it called. Here only what tensors are made of is known;
a file that names anything else is refused before anything of it runs.
"""

import math
import os
import pickle
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from .._errors import DataError

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_TYPES = {
    "FloatStorage": "f4",
    "DoubleStorage": "f8",
    "HalfStorage": "f2",
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}
_CUT_SHORT = "is no file of torch weights, or was cut short; fetch or copy it again"


class _RefusedError(Exception):
    """A file names what no tensor needs."""


class _View(NamedTuple):
    """A tensor as a part of a storage, whose numbers may come later in the file."""

    key: str
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    def of(self, storage: np.ndarray) -> np.ndarray:
        """The tensor, copied; its places are checked against the storage first."""
        size, stride = self.size, self.stride
        if len(size) != len(stride) or min((self.offset, *size, *stride), default=0) < 0:
            raise ValueError("a tensor of impossible shape")
        count = math.prod(size)
        last = self.offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        if count > storage.size or (count and last >= storage.size):
            raise ValueError("a tensor beyond its storage")
        if not count:
            return np.zeros(size, storage.dtype)
        steps = tuple(step * storage.itemsize for step in stride)
        view = np.lib.stride_tricks.as_strided(storage[self.offset :], size, steps)
        return np.array(view, view.dtype.newbyteorder("="))


class _Unpickler(pickle.Unpickler):
    """Knows dictionaries, numbers, text and tensors."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file, encoding="utf-8")
        self.storages: dict[str, tuple[str, int]] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module == "torch" and name in _TYPES:
            return name
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return self._tensor
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return self._parameter
        raise _RefusedError(f"{module}.{name}")

    def persistent_load(self, pid: Any) -> str:
        kind, storage, key, _, count = pid[:5]
        if kind != "storage" or storage not in _TYPES or (len(pid) > 5 and pid[5] is not None):
            raise ValueError("a storage of unknown kind")
        self.storages[str(key)] = (_TYPES[storage], int(count))
        return str(key)

    def _tensor(self, key: str, offset: int, size: Any, stride: Any, *_: Any) -> _View:
        return _View(key, int(offset), tuple(map(int, size)), tuple(map(int, stride)))

    def _parameter(self, data: _View, *_: Any) -> _View:
        return data


def read_tensors(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """The tensors of a state dictionary, by name, from either form of torch's files.

    Args:
      path: a file as of `torch.save(model.state_dict(), path)`.

    Returns:
      Arrays in the order of the file, each a copy of its own.

    Raises:
      DataError: when there is no such file, it is damaged or of another kind, or names anything but
        tensors.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            if zipfile.is_zipfile(file):
                file.seek(0)
                views, storages = _read_zip(file)
            else:
                file.seek(0)
                views, storages = _read_legacy(file)
        state = views.get("state_dict", views) if isinstance(views, dict) else None
        if not isinstance(state, dict) or not any(isinstance(v, _View) for v in state.values()):
            raise DataError(f"{path} holds no dictionary of tensors by name")
        tensors = {k: v for k, v in state.items() if isinstance(v, _View)}
        return {str(name): view.of(storages[view.key]) for name, view in tensors.items()}
    except _RefusedError as refused:
        raise DataError(
            f"{path} names {refused}, which tensors do not need: a file of weights alone is read"
        ) from None
    except DataError:
        raise
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except Exception as error:  # a damaged pickle may fail in any way
        raise DataError(f"{path} {_CUT_SHORT}") from error


def _read_legacy(file: IO[bytes]) -> tuple[Any, dict[str, np.ndarray]]:
    """Three small pickles, the dictionary, the keys of storages, then their numbers."""
    if [_Unpickler(file).load() for _ in range(2)] != [_MAGIC, _PROTOCOL]:
        raise ValueError("not of torch")
    order = "<" if _Unpickler(file).load()["little_endian"] else ">"
    reader = _Unpickler(file)
    views = reader.load()
    storages = {}
    for key in _Unpickler(file).load():
        kind, count = reader.storages[key]
        (held,) = struct.unpack(order + "q", file.read(8))
        if held != count:
            raise ValueError("a storage of another length")
        storages[key] = _numbers(file.read(count * np.dtype(kind).itemsize), order, kind, count)
    return views, storages


def _read_zip(file: IO[bytes]) -> tuple[Any, dict[str, np.ndarray]]:
    """A zip archive with `data.pkl` and a member for each storage."""
    with zipfile.ZipFile(file) as archive:
        (name,) = [n for n in archive.namelist() if n.split("/")[1:] == ["data.pkl"]]
        root = name.removesuffix("data.pkl")
        members = {member.filename: member for member in archive.infolist()}
        if any(member.compress_type != zipfile.ZIP_STORED for member in members.values()):
            raise ValueError("compressed, as torch's files are not")
        order = f"{root}byteorder"
        big = order in members and archive.read(order) == b"big"
        with archive.open(name) as pickled:
            reader = _Unpickler(pickled)
            views = reader.load()
        storages = {
            key: _numbers(archive.read(f"{root}data/{key}"), ">" if big else "<", kind, count)
            for key, (kind, count) in reader.storages.items()
        }
    return views, storages


def _numbers(raw: bytes, order: str, kind: str, count: int) -> np.ndarray:
    numbers = np.frombuffer(raw, order + kind)
    if numbers.size != count:
        raise ValueError("a storage cut short")
    return numbers
