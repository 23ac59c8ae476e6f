"""Sets of the MNIST family in a given folder."""

import gzip

import numpy as np
import pytest
from PIL import Image

from clusterart_jax._errors import DataError
from clusterart_jax.data import load

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


@pytest.mark.parametrize("compress", [True, False])
def test_a_folder_with_idx_files_is_that_set(tmp_path, write_idx, compress):
    images, labels = write_idx(tmp_path, compress=compress)
    Image.new("L", (8, 8)).save(tmp_path / "thumbnail.png")
    pictures = load(tmp_path)
    np.testing.assert_array_equal(pictures.images[..., 0], images)
    np.testing.assert_array_equal(pictures.labels, labels)
    assert pictures.labels.dtype == np.int32
    assert pictures.source == str(tmp_path)
    assert pictures.names[3] == "row 3"
    assert pictures.images.flags.writeable


def test_limit_size_and_channels(tmp_path, write_idx):
    _, labels = write_idx(tmp_path, n=20)
    pictures = load(tmp_path, limit=5, size=8, channels=3)
    assert pictures.images.shape == (5, 8, 8, 3)
    rows = [int(name.removeprefix("row ")) for name in pictures.names]
    np.testing.assert_array_equal(pictures.labels, labels[rows])


def test_labels_are_needed(tmp_path, write_idx):
    write_idx(tmp_path)
    (tmp_path / f"{LABELS}.gz").unlink()
    with pytest.raises(DataError, match=f"has no {LABELS}"):
        load(tmp_path)


@pytest.mark.parametrize("file", [IMAGES, LABELS])
@pytest.mark.parametrize("keep", [0, 5, 30, -1, -9])
def test_truncated_gzip_is_one_line(tmp_path, write_idx, file, keep):
    write_idx(tmp_path)
    path = tmp_path / f"{file}.gz"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError) as caught:
        load(tmp_path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda payload: payload[:-1], "is truncated: its header says"),
        (lambda payload: payload + b"x", "has bytes after its end"),
        (lambda payload: payload[:9], "is truncated"),
        (lambda payload: b"\0\0\x0d\3" + payload[4:], "no IDX file of rank 3"),
        (lambda payload: payload[:4] + bytes(4) + payload[8:16], "there is no picture in it"),
        (lambda payload: b"", "no IDX file of rank 3"),
    ],
)
def test_payloads_that_do_not_hold_what_they_say(tmp_path, write_idx, change, message):
    write_idx(tmp_path, compress=False)
    (tmp_path / IMAGES).write_bytes(change((tmp_path / IMAGES).read_bytes()))
    if "no picture" in message:
        (tmp_path / LABELS).write_bytes(b"\0\0\x08\1" + bytes(4))
    with pytest.raises(DataError, match=message) as caught:
        load(tmp_path)
    assert str(tmp_path / IMAGES) in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"plain text, not gzip", b"\x1f\x8b\x08garbage garbage garbage"]
)
def test_what_is_no_gzip_is_damaged(tmp_path, write_idx, content):
    write_idx(tmp_path)
    (tmp_path / f"{IMAGES}.gz").write_bytes(content)
    with pytest.raises(DataError, match=r"ubyte\.gz is (damaged|truncated).*get it again"):
        load(tmp_path)


def test_damage_inside_a_gzip_is_found(tmp_path, write_idx):
    write_idx(tmp_path)
    path = tmp_path / f"{IMAGES}.gz"
    content = bytearray(gzip.compress(gzip.decompress(path.read_bytes()), compresslevel=0))
    content[60] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"is damaged \(CRC check failed"):
        load(tmp_path)


def test_as_many_labels_as_pictures(tmp_path, write_idx):
    write_idx(tmp_path, n=6)
    write_idx(tmp_path / "other", n=5)
    (tmp_path / "other" / f"{LABELS}.gz").replace(tmp_path / f"{LABELS}.gz")
    with pytest.raises(DataError, match="has 5 labels for 6 pictures"):
        load(tmp_path)
