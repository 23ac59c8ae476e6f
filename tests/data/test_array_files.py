"""Files of arrays: keys, labels, damage, and pickles that are never loaded."""

import pickle

import numpy as np
import pytest

from clusterart_jax._errors import DataError
from clusterart_jax.data import load

IMAGES = np.arange(6 * 4 * 5, dtype=np.uint8).reshape(6, 4, 5)


def test_npy_by_path_and_by_text(tmp_path):
    path = tmp_path / "some.npy"
    np.save(path, IMAGES)
    for data in (path, str(path)):
        pictures = load(data)
        np.testing.assert_array_equal(pictures.images[..., 0], IMAGES)
        assert pictures.source == str(path)
        assert pictures.names[-1] == "row 5"


@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_is_copied_out_of_the_file(tmp_path, order):
    path = tmp_path / "some.npy"
    np.save(path, np.asarray(IMAGES[..., None], order=order))
    pictures = load(path)
    np.save(path, np.zeros_like(IMAGES))
    np.testing.assert_array_equal(pictures.images[..., 0], IMAGES)
    assert pictures.images.flags.c_contiguous


def test_a_limit_reads_only_its_rows(tmp_path):
    path = tmp_path / "sparse.npy"
    # 64 GiB on paper, next to nothing on disk: reading it all would never end.
    big = np.lib.format.open_memmap(path, "w+", np.uint8, (1 << 16, 1 << 10, 1 << 10))
    big[0, 0, 0] = 9
    big.flush()
    pictures = load(path, limit=2)
    assert pictures.images.shape == (2, 1024, 1024, 1)
    assert pictures.images[0, 0, 0, 0] == 9


@pytest.mark.parametrize(
    ("image_key", "label_key"),
    [("images", "labels"), ("x", "y"), ("pixels", "labels"), ("images", None), ("arr_0", None)],
)
def test_npz_keys(tmp_path, image_key, label_key):
    arrays = {image_key: IMAGES}
    if label_key:
        arrays[label_key] = np.arange(6, dtype=np.int64) * 3
    np.savez_compressed(tmp_path / "set.npz", **arrays)
    pictures = load(tmp_path / "set.npz", limit=4)
    rows = [int(name.removeprefix("row ")) for name in pictures.names]
    np.testing.assert_array_equal(pictures.images[..., 0], IMAGES[rows])
    if label_key:
        assert pictures.labels.dtype == np.int32
        np.testing.assert_array_equal(pictures.labels, np.array(rows) * 3)
    else:
        assert pictures.labels is None


def test_images_win_over_other_arrays(tmp_path):
    np.savez(tmp_path / "set.npz", weights=np.ones(3), images=IMAGES, other=IMAGES)
    np.testing.assert_array_equal(load(tmp_path / "set.npz").images[..., 0], IMAGES)


def test_several_arrays_without_a_name_are_listed(tmp_path):
    np.savez(tmp_path / "set.npz", x_train=IMAGES, x_test=IMAGES, y=np.arange(6))
    with pytest.raises(
        DataError, match=r"no array is named 'images' \(found: x_train, x_test, y\)"
    ):
        load(tmp_path / "set.npz")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.arange(5), r"labels have shape \(5,\), but there are 6 pictures"),
        (np.arange(6).reshape(6, 1), r"labels have shape \(6, 1\)"),
        (np.arange(6) / 2, "labels must be whole numbers, not float64"),
        (np.arange(6) + 2**40, "labels must fit in 32 bits"),
    ],
)
def test_labels_that_do_not_fit(tmp_path, labels, message):
    np.savez(tmp_path / "set.npz", images=IMAGES, labels=labels)
    with pytest.raises(DataError, match=message):
        load(tmp_path / "set.npz")


def whole(tmp_path, suffix):
    path = tmp_path / f"set{suffix}"
    if suffix == ".npy":
        np.save(path, IMAGES)
    else:
        np.savez(path, images=IMAGES)
    return path


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
@pytest.mark.parametrize("keep", [0, 5, 20, 90, 150])
def test_truncated_files_are_one_line(tmp_path, suffix, keep):
    path = whole(tmp_path, suffix)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path} cannot be read: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_files_of_something_else_are_one_line(tmp_path, suffix):
    path = tmp_path / f"set{suffix}"
    path.write_bytes(b"this is text, and enough of it to be looked at closely" * 3)
    with pytest.raises(DataError, match="cannot be read: ") as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_damage_inside_an_npz_is_found(tmp_path):
    path = whole(tmp_path, ".npz")
    content = bytearray(path.read_bytes())
    content[content.index(IMAGES.tobytes()) + 3] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"damaged or not a NumPy file .*CRC"):
        load(path)


@pytest.mark.parametrize(
    ("before", "after"),
    [(b"'shape': (6,", b"'shape': ((6"), (b"'shape': (6,", b"'shape': (-6"), (b"|u1", b"|Q9")],
)
def test_a_damaged_header_is_one_line(tmp_path, before, after):
    path = whole(tmp_path, ".npy")
    content = path.read_bytes()
    assert before in content
    path.write_bytes(content.replace(before, after))
    with pytest.raises(DataError, match="cannot be read: ") as caught:
        load(path)
    assert "\n" not in str(caught.value)


class Trap:
    """Fails the test if it is ever unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("a pickle was loaded",))


def test_object_arrays_are_never_loaded(tmp_path):
    traps = np.array([[[Trap()]]], object)
    np.save(tmp_path / "set.npy", traps, allow_pickle=True)
    with pytest.raises(DataError, match=r"set\.npy holds Python objects"):
        load(tmp_path / "set.npy")
    np.savez(tmp_path / "set.npz", images=traps)
    with pytest.raises(DataError, match="pickled Python objects, which are never loaded"):
        load(tmp_path / "set.npz")


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_bare_pickles_are_never_loaded(tmp_path, suffix):
    (tmp_path / f"set{suffix}").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(DataError, match="cannot be read: "):
        load(tmp_path / f"set{suffix}")


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_empty_and_misshapen_arrays_name_the_file(tmp_path, suffix):
    path = tmp_path / f"set{suffix}"
    for array, message in (
        (np.zeros((0, 8, 8)), "there is no picture in it"),
        (np.zeros((8, 8)), r"has shape \(8, 8\)"),
        (np.full((2, 3, 3), np.nan), "holds NaN or infinity, first in row 0"),
    ):
        if suffix == ".npy":
            np.save(path, array)
        else:
            np.savez(path, images=array)
        with pytest.raises(DataError, match=message) as caught:
            load(path)
        assert str(path) in str(caught.value)
