"""Trees on disk: bit for bit what was saved, or one line that says what is wrong."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from clusterart_jax._errors import CheckpointError, OutputError
from clusterart_jax.generate import _checkpoint, load_tree, save_tree


class Pair(NamedTuple):
    one: object
    two: object


def tree():
    weights = jnp.array([1.5, -0.0, np.nan, np.inf, 1e-45], jnp.float32)
    return Pair(
        {"weights": weights, "deep": ({"mask": jnp.array([True, False])},)},
        [jnp.int32(7), np.arange(6, dtype=np.uint8).reshape(2, 3), np.zeros((0, 2))],
    )


def bits(tree):
    return [(str(a.dtype), a.shape, np.asarray(a).tobytes()) for a in jax.tree.leaves(tree)]


def one_line(error, *words):
    text = str(error.value)
    assert "\n" not in text
    for word in words:
        assert word in text
    return text


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "tree.npz"
    save_tree(path, tree())
    return path


def test_what_is_read_is_what_was_saved_bit_for_bit(saved):
    form = jax.eval_shape(tree)
    again = load_tree(saved, form)
    assert jax.tree.structure(again) == jax.tree.structure(tree())
    assert bits(again) == bits(tree())


def test_saving_again_replaces(saved):
    save_tree(saved, {"a": np.arange(3)})
    assert load_tree(saved, {"a": np.zeros(3, int)})["a"].tolist() == [0, 1, 2]
    assert [file.name for file in saved.parent.iterdir()] == [saved.name]


def test_the_same_tree_is_the_same_bytes(saved, tmp_path):
    save_tree(tmp_path / "other.npz", tree())
    assert (tmp_path / "other.npz").read_bytes() == saved.read_bytes()


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_told(saved, share):
    whole = saved.read_bytes()
    saved.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(CheckpointError) as error:
        load_tree(saved, tree())
    one_line(error, "tree.npz is damaged or truncated")


def test_a_changed_byte_is_told_or_does_no_harm(saved):
    """Wherever it is: the file is refused, or every bit read is right."""
    whole, form, expected = saved.read_bytes(), tree(), bits(tree())
    refused = 0
    for place in range(0, len(whole), 3):
        for flip in (0x01, 0x80):
            changed = bytearray(whole)
            changed[place] ^= flip
            saved.write_bytes(changed)
            try:
                again = load_tree(saved, form)
            except CheckpointError as error:
                assert "\n" not in str(error)  # noqa: PT017 - most are raised, harmless ones not
                refused += 1
            else:
                assert bits(again) == expected
    assert refused > len(whole) / 3


def test_other_contents_are_told(tmp_path):
    for name, content in {"text": b"hello", "empty": b"", "page": b"<html>" * 99}.items():
        path = tmp_path / f"{name}.npz"
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match="damaged or truncated"):
            load_tree(path, tree())


def test_pickles_are_never_loaded(tmp_path):
    path = tmp_path / "pickle.npz"
    np.savez(path, a=np.array([{"a": 1}], dtype=object))
    with pytest.raises(CheckpointError):
        load_tree(path, {"a": np.zeros(1)})


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(CheckpointError) as error:
        load_tree(tmp_path / "none.npz", tree())
    one_line(error, "none.npz does not exist")
    with pytest.raises(CheckpointError) as error:
        load_tree(tmp_path, tree())
    one_line(error, "cannot be read")


def test_a_file_of_another_version_is_told(saved, monkeypatch):
    monkeypatch.setattr(_checkpoint, "FORMAT", _checkpoint.FORMAT + 1)
    with pytest.raises(CheckpointError) as error:
        load_tree(saved, tree())
    one_line(error, "format 1", "reads 2", "--overwrite")


def test_a_file_without_a_version_is_told(tmp_path):
    np.savez(tmp_path / "plain.npz", a=np.zeros(3))
    with pytest.raises(CheckpointError, match="checkpoint format none"):
        load_tree(tmp_path / "plain.npz", {"a": np.zeros(3)})


@pytest.mark.parametrize(
    ("like", "words"),
    [
        ({"a": np.zeros(3), "c": np.zeros(2)}, ["['b']"]),
        ({"a": np.zeros(3)}, ["['b']"]),
        ({"a": np.zeros(3), "b": np.zeros(2), "z": np.zeros(1)}, ["['z']"]),
        ({"a": np.zeros(4), "b": np.zeros(2)}, ["['a']", "float64[3]", "float64[4]"]),
        ({"a": np.zeros(3), "b": np.zeros(2, np.int8)}, ["['b']", "float64[2]", "int8[2]"]),
    ],
    ids=["other key", "key missing", "key more", "shape", "dtype"],
)
def test_a_tree_of_another_form_is_told(tmp_path, like, words):
    save_tree(tmp_path / "tree.npz", {"a": np.zeros(3), "b": np.zeros(2)})
    with pytest.raises(CheckpointError) as error:
        load_tree(tmp_path / "tree.npz", like)
    one_line(error, "does not fit this configuration", *words)


def test_a_failure_leaves_the_old_file_whole(saved, monkeypatch):
    before = saved.read_bytes()

    def full(file, **arrays):
        file.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_checkpoint.np, "savez", full)
    with pytest.raises(OutputError) as error:
        save_tree(saved, {"a": np.zeros(3)})
    one_line(error, "cannot write", "tree.npz", "No space left on device")
    assert saved.read_bytes() == before
    assert [file.name for file in saved.parent.iterdir()] == [saved.name]
