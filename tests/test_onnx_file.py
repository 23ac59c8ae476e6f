"""ONNX files: hand-made graphs, quantised or not, and what is refused."""

import numpy as np
import onnx_wire as wire
import pytest

from clusterart_jax._errors import DataError
from clusterart_jax._onnx_file import read_convolutions

KERNEL = np.arange(2 * 3 * 1 * 2, dtype=np.int8).reshape(2, 3, 1, 2) - 5
SCALES = np.array([0.5, 0.25], np.float32)
ZEROS = np.array([1, -2], np.int8)
BIAS = np.array([0.125, -3], np.float32)


def model(*nodes, constants=(), more=()):
    parts = [(1, part) for part in nodes] + [(5, part) for part in constants]
    return wire.write((1, 8), (2, b"hand"), (7, wire.write(*parts)), *more)


def quantised():
    constants = {"k": KERNEL, "s": SCALES, "z": ZEROS, "b": BIAS}
    return model(
        wire.node("DequantizeLinear", ["k", "s", "z"], "k_dequant"),
        wire.node("Conv", ["x", "k_dequant", "b"], "y"),
        wire.node("Relu", ["y"], "out"),
        constants=[wire.tensor(name, value) for name, value in constants.items()],
    )


@pytest.fixture
def read(tmp_path):
    def from_bytes(content):
        path = tmp_path / "a.onnx"
        path.write_bytes(content)
        return read_convolutions(path)

    return from_bytes


def test_by_hand(read):
    found = read(quantised())
    assert list(found) == ["k"]
    kernel, bias = found["k"]
    assert kernel.dtype == bias.dtype == np.float32
    assert kernel.shape == (1, 2, 3, 2)
    # Channels out are the rows of the file: (−5 − 1) / 2 first of one, (1 + 2) / 4 of the other.
    assert kernel[0, 0, 0].tolist() == [-3.0, 0.75]
    assert kernel[0, 1, 2].tolist() == [(5 - 5 - 1) / 2, (11 - 5 + 2) / 4]
    np.testing.assert_array_equal(bias, BIAS)


def test_one_scale_and_no_bias(read):
    constants = {"k": KERNEL, "s": np.float32(0.5), "f": KERNEL.astype(np.float32)}
    found = read(
        model(
            wire.node("DequantizeLinear", ["k", "s"], "q"),
            wire.node("Conv", ["x", "q"], "y"),
            wire.node("Conv", ["y", "f"], "z"),
            constants=[wire.tensor(name, np.asarray(value)) for name, value in constants.items()],
        )
    )
    np.testing.assert_array_equal(found["q"][0] * 2, found["f"][0])
    assert found["f"][1].tolist() == [0, 0]


def test_the_files_of_the_package():
    predict, transform = (read_convolutions(wire.installed(n)) for n in ("predict", "transform"))
    assert (len(predict), len(transform)) == (53, 42)
    assert transform["transformer/contract/conv1/weights"][0].shape == (9, 9, 3, 8)


def test_damaged_files(read):
    content = quantised()
    for end in range(len(content)):
        with pytest.raises(DataError, match=r"a\.onnx"):
            read(content[:end])
    rng = np.random.default_rng(0)
    for size in rng.integers(1, 200, 300):
        with pytest.raises(DataError, match=r"a\.onnx"):
            read(rng.bytes(int(size)))


def test_changed_bytes_never_raise_anything_else(read):
    content, rng = bytearray(quantised()), np.random.default_rng(1)
    outcomes = set()
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] = int(rng.integers(256))
        try:
            read(bytes(changed))
            outcomes.add("read")
        except DataError:
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}


def test_refused(read, tmp_path):
    with pytest.raises(DataError, match=r"cannot read .*absent\.onnx: No such file"):
        read_convolutions(tmp_path / "absent.onnx")
    with pytest.raises(DataError, match="cannot read"):
        read_convolutions(tmp_path)
    with pytest.raises(DataError, match="holds no convolutions"):
        read(model(wire.node("Relu", ["x"], "y")))
    conv = wire.node("Conv", ["x", "k"], "y")
    for tensor, reason in [
        (wire.write((2, 1), (8, b"k"), (13, b"elsewhere"), (14, 1)), "weights in another file"),
        (wire.tensor("k", np.zeros((2, 2), np.float32)), "a kernel that is not of pictures"),
        (wire.tensor("k", np.full((1, 1, 1, 1), np.nan, np.float32)), "not finite"),
        (wire.write((1, 2**40), (2, 1), (8, b"k"), (9, b"1234")), "cut short"),
        (wire.write(*[(1, 1)] * 9, (2, 1), (8, b"k"), (9, b"1234")), "unknown kind"),
        (wire.write((1, 1), (2, 8), (8, b"k"), (9, b"1234")), "unknown kind"),
    ]:
        with pytest.raises(DataError, match=reason):
            read(model(conv, constants=[tensor]))
    with pytest.raises(DataError, match="a number without end"):
        read(b"\x08" + b"\xff" * 20)
    with pytest.raises(DataError, match="a field beyond its end"):
        read(wire.varint(7 << 3 | 2) + wire.varint(2**60) + b"12")
