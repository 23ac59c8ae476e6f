"""Files of weights: both forms, odd strides, and everything that is refused."""

import pickle
import sys

import numpy as np
import pytest

from clusterart_jax._errors import DataError
from clusterart_jax.features._torch_file import read_tensors

both = pytest.mark.parametrize("legacy", [True, False], ids=["legacy", "zip"])


@pytest.fixture
def state():
    rng = np.random.default_rng(0)
    channels_last = np.ascontiguousarray(rng.normal(size=(2, 3, 4, 5))).transpose(0, 3, 1, 2)
    return {
        "conv.weight": channels_last.astype(np.float32, order="C").transpose(0, 2, 3, 1),
        "bn.bias": rng.normal(size=7),
        "bn.num_batches_tracked": np.array(3),
        "step": 5,
    }


@both
def test_round_trip(save, state, legacy):
    tensors = read_tensors(save(state, legacy=legacy))
    assert list(tensors) == list(state)[:3], "what is no tensor is left out"
    for name, values in tensors.items():
        assert values.dtype == state[name].dtype
        assert values.flags.writeable
        np.testing.assert_array_equal(values, state[name])
    assert not state["conv.weight"].flags.c_contiguous, "strides are not tested"
    assert "torch" not in sys.modules


@both
def test_parts_of_one_storage(save, legacy):
    storage = save.storage(np.arange(12.0))
    parts = {"a": (2, (2, 2), (1, 4)), "b": (12, (0, 3), (3, 1))}
    state = {name: save.tensor(storage, *part) for name, part in parts.items()}
    tensors = read_tensors(save(state, legacy=legacy))
    assert tensors["a"].tolist() == [[2, 6], [3, 7]]
    assert tensors["b"].shape == (0, 3)


@both
@pytest.mark.parametrize(
    ("offset", "size", "stride"),
    [
        (0, (13,), (1,)),
        (5, (2, 4), (4, 1)),
        (0, (2,), (-1,)),
        (-1, (2,), (1,)),
        (0, (99, 99), (0, 0)),
    ],
)
def test_a_tensor_beyond_its_storage_is_refused(save, legacy, offset, size, stride):
    tensor = save.tensor(save.storage(np.arange(12.0)), offset, size, stride)
    path = save({"a": tensor}, legacy=legacy)
    with pytest.raises(DataError, match="is no file of torch weights, or was cut short"):
        read_tensors(path)


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@both
def test_code_is_refused_and_not_run(save, tmp_path, legacy):
    path = save({"a": np.zeros(2), "b": Evil(tmp_path / "ran")}, legacy=legacy)
    with pytest.raises(DataError, match=r"names (_?io|builtins)\.open, which tensors do not need"):
        read_tensors(path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["setattr", "eval", "object"])
def test_nothing_of_builtins_is_known(tmp_path, name):
    path = tmp_path / "evil.pth"
    path.write_bytes(f"cbuiltins\n{name}\n.".encode())
    with pytest.raises(DataError, match=f"names builtins.{name}"):
        read_tensors(path)


def test_known_functions_cannot_be_changed(tmp_path, save, state):
    """A pickle may set attributes of what it was given: here of nothing that stays."""
    path = tmp_path / "evil.pth"
    path.write_bytes(b"ctorch._utils\n_rebuild_tensor_v2\nN}(S'__defaults__'\nNu\x86b.")
    with pytest.raises(DataError):
        read_tensors(path)
    assert len(read_tensors(save(state))) == 3


@both
def test_a_file_cut_short_anywhere_is_one_line(save, state, legacy, tmp_path):
    raw = save(state, legacy=legacy).read_bytes()
    cut = tmp_path / "cut.pth"
    for length in range(0, len(raw) - 1, 7):
        cut.write_bytes(raw[:length])
        with pytest.raises(DataError) as caught:
            read_tensors(cut)
        assert str(caught.value) == (
            f"{cut} is no file of torch weights, or was cut short; fetch or copy it again"
        )


def test_other_files(tmp_path, save):
    with pytest.raises(DataError, match=r"cannot read .*absent.pth: No such file"):
        read_tensors(tmp_path / "absent.pth")
    page = tmp_path / "page.pth"
    page.write_text("<html>Not found</html>")
    with pytest.raises(DataError, match="is no file of torch weights"):
        read_tensors(page)
    np.savez(tmp_path / "arrays.npz", a=np.zeros(3))
    with pytest.raises(DataError, match="is no file of torch weights"):
        read_tensors(tmp_path / "arrays.npz")
    with pytest.raises(DataError, match="holds no dictionary of tensors"):
        read_tensors(save({"epoch": 3}))
    number = tmp_path / "number.pth"
    number.write_bytes(b"".join(pickle.dumps(a) for a in (1, 2)))
    with pytest.raises(DataError, match="is no file of torch weights"):
        read_tensors(number)
