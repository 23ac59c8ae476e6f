"""Reads the convolutions of an ONNX file, without the onnx package and without running a graph.

A file is a message of Protocol Buffers: fields, each a number, a kind and its bytes, messages
within messages. Only the fields that hold weights are read, every length is checked against the
bytes that are there, and weights of 8 bits become float32.
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ._errors import DataError

Convolutions = dict[str, tuple[np.ndarray, np.ndarray]]

_MOST_BYTES = 1 << 28
_MOST_DIMENSIONS = 8
_TYPES = {1: "<f4", 2: "u1", 3: "i1", 6: "<i4", 7: "<i8", 10: "<f2", 11: "<f8"}
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class _Node(NamedTuple):
    """One operation of a graph: its kind, and the names of what it takes and gives."""

    kind: str
    inputs: list[str]
    outputs: list[str]


def read_convolutions(path: str | os.PathLike[str]) -> Convolutions:
    """Kernels and biases of the convolutions of an ONNX file, by the names of their kernels.

    Quantised ones are dequantised, (q − zero point) · scale, each channel with its own scale.

    Args:
      path: an ONNX file that contains its weights.

    Returns:
      For each convolution its kernel (height, width, channels in, out) and bias (out,), float32;
      zeros where it has no bias.

    Raises:
      DataError: when there is no such file, it is damaged or of another kind, or keeps its weights
        in other files.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        if size > _MOST_BYTES:
            raise DataError(f"{path} has {size:,} bytes; at most {_MOST_BYTES:,} are read")
        nodes, constants = _graph(memoryview(path.read_bytes()))
        found = _convolutions(nodes, constants)
    except DataError:
        raise
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, KeyError, IndexError, OverflowError) as error:
        raise DataError(
            f"{path} is no ONNX file with its weights, or was cut short ({error}); install or "
            "copy it again"
        ) from error
    if not found:
        raise DataError(f"{path} holds no convolutions")
    return found


def _graph(model: memoryview) -> tuple[list[_Node], dict[str, memoryview]]:
    """Operations of a model, and its constants by name, not yet read."""
    nodes, constants = [], {}
    for number, graph in _fields(model):
        if number != 7 or isinstance(graph, int):
            continue
        for part, message in _fields(graph):
            if isinstance(message, int):
                continue
            if part == 1:
                names = {1: [], 2: [], 4: []}  # type: dict[int, list[str]]
                for field, value in _fields(message):
                    if field in names:
                        names[field].append(_text(value))
                nodes.append(_Node("".join(names[4]), names[1], names[2]))
            elif part == 5:
                name = "".join(_text(v) for field, v in _fields(message) if field == 8)
                constants[name] = message
    return nodes, constants


def _convolutions(nodes: list[_Node], constants: dict[str, memoryview]) -> Convolutions:
    """Kernels and biases, looked up behind the operations that dequantise them."""
    behind = {node.outputs[0]: node for node in nodes if node.kind == "DequantizeLinear"}

    def weights(name: str) -> np.ndarray:
        if name not in behind:
            return _tensor(constants[name]).astype(np.float32)
        of = behind[name]
        values, scale = (_tensor(constants[part]) for part in of.inputs[:2])
        zero = _tensor(constants[of.inputs[2]]) if len(of.inputs) > 2 else np.zeros_like(scale)
        if scale.ndim > 1 or zero.shape != scale.shape:
            raise ValueError("scales of another shape")
        across = (-1,) + (1,) * (values.ndim - 1)  # a scale for each channel that comes out
        difference = values.astype(np.float64) - zero.reshape(across).astype(np.float64)
        dequantised = difference * scale.reshape(across)
        if dequantised.shape != values.shape:
            raise ValueError("scales of another shape")
        return dequantised.astype(np.float32)

    found = {}
    for node in nodes:
        if node.kind != "Conv":
            continue
        kernel = weights(node.inputs[1])
        if kernel.ndim != 4:
            raise ValueError("a kernel that is not of pictures")
        bias = weights(node.inputs[2]) if len(node.inputs) > 2 else np.zeros(len(kernel), "f4")
        if bias.shape != kernel.shape[:1]:
            raise ValueError("a bias of another length")
        if not (np.isfinite(kernel).all() and np.isfinite(bias).all()):
            raise ValueError("weights that are not finite")
        name = node.inputs[1].removesuffix("_dequant")
        found[name] = np.ascontiguousarray(kernel.transpose(2, 3, 1, 0)), bias
    return found


def _tensor(message: memoryview) -> np.ndarray:
    """A constant of a graph."""
    shape: list[int] = []
    kind, raw = 0, memoryview(b"")
    for field, value in _fields(message):
        if field == 1:
            shape += [value] if isinstance(value, int) else _varints(value)
        elif field == 2 and isinstance(value, int):
            kind = value
        elif field == 9 and not isinstance(value, int):
            raw = value
        elif field == 14 and value:
            raise ValueError("weights in another file")
    if kind not in _TYPES or len(shape) > _MOST_DIMENSIONS:
        raise ValueError("numbers of unknown kind")
    dtype = np.dtype(_TYPES[kind])
    if math.prod(shape) * dtype.itemsize != len(raw):
        raise ValueError("a tensor cut short")
    return np.frombuffer(raw, dtype).reshape(shape)


def _text(value: int | memoryview) -> str:
    if isinstance(value, int):
        raise ValueError("a number where a name should be")
    return bytes(value).decode("utf-8")


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Numbers and contents of the fields of a message: a whole number, or bytes."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, place = _varint(message, place)
            yield number, value
            continue
        if kind == _BYTES:
            length, place = _varint(message, place)
        elif kind in (_FIXED32, _FIXED64):
            length = 4 if kind == _FIXED32 else 8
        else:
            raise ValueError("a field of unknown kind")
        if place + length > len(message):
            raise ValueError("a field beyond its end")
        yield number, message[place : place + length]
        place += length


def _varints(packed: memoryview) -> list[int]:
    place = 0
    values: list[int] = []
    while place < len(packed) and len(values) <= _MOST_DIMENSIONS:
        value, place = _varint(packed, place)
        values.append(value)
    return values


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """A whole number of 7 bits a byte, least first, at most ten bytes; and where it ends."""
    value = 0
    for i in range(10):
        byte = message[place + i]
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            return value, place + i + 1
    raise ValueError("a number without end")
