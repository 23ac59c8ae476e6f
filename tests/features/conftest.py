"""Files as torch writes them, made without torch."""

import io
import pickle
import sys
import types
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

STORAGES = {"float32": "FloatStorage", "float64": "DoubleStorage", "int64": "LongStorage"}


class Tensor:
    """A part of a storage, pickled as torch pickles tensors."""

    def __init__(self, storage, offset, size, stride):
        self.storage, self.args = storage, (offset, size, stride)

    def __reduce__(self):
        rebuild = sys.modules["torch._utils"]._rebuild_tensor_v2
        return rebuild, (self.storage, *self.args, False, OrderedDict())


class Storage:
    def __init__(self, numbers):
        self.numbers = numbers


class Pickler(pickle.Pickler):
    def __init__(self, file, legacy):
        super().__init__(file, protocol=2)
        self.legacy, self.storages = legacy, {}

    def persistent_id(self, thing):
        if not isinstance(thing, Storage):
            return None
        key = str(len(self.storages))
        self.storages[key] = thing.numbers
        kind = getattr(sys.modules["torch"], STORAGES[thing.numbers.dtype.name])
        last = (None,) if self.legacy else ()
        return ("storage", kind, key, "cpu", thing.numbers.size, *last)


def whole(array: np.ndarray) -> Tensor:
    """The tensor of an array, with its strides."""
    base = array if array.base is None else array.base
    stride = tuple(s // array.itemsize for s in array.strides)
    return Tensor(Storage(base.ravel()), 0, array.shape, stride)


@pytest.fixture
def save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """`save(state, legacy=…)` writes a file as `torch.save` does, and gives its path."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for name in STORAGES.values():
        setattr(torch, name, type(name, (), {"__module__": "torch"}))

    def _rebuild_tensor_v2(*args):
        raise AssertionError("torch's own function was called")

    _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = (
        "torch._utils",
        "_rebuild_tensor_v2",
    )
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2

    def write(state, *, legacy=False, name="weights.pth"):
        path, head = tmp_path / name, io.BytesIO()
        state = {k: whole(v) if isinstance(v, np.ndarray) else v for k, v in state.items()}
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, "torch", torch)
            patch.setitem(sys.modules, "torch._utils", utils)
            pickler = Pickler(head, legacy)
            pickler.dump(OrderedDict(state))
        if not legacy:
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("archive/data.pkl", head.getvalue())
                archive.writestr("archive/byteorder", "little")
                for key, numbers in pickler.storages.items():
                    archive.writestr(
                        f"archive/data/{key}",
                        numbers.astype(numbers.dtype.newbyteorder("<")).tobytes(),
                    )
                archive.writestr("archive/version", "3\n")
            return path
        with path.open("wb") as file:
            for thing in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
                pickle.dump(thing, file, protocol=2)
            file.write(head.getvalue())
            pickle.dump(list(pickler.storages), file, protocol=2)
            for numbers in pickler.storages.values():
                file.write(np.int64(numbers.size).tobytes() + numbers.tobytes())
        return path

    write.storage, write.tensor = Storage, Tensor
    return write
