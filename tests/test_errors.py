"""Bad input, as a user meets it: an exit code, one line that says how to mend it, nothing lost."""

import re
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from clusterart_jax import _errors
from clusterart_jax.cli import main
from clusterart_jax.job import _run as stages


@pytest.fixture
def refused(capsys, tmp_path, tiny):
    """Runs on `data`; the one line it is refused with, once nothing was left behind."""

    def call(data, code, *options, out=None):
        path = tmp_path / "out" if out is None else out
        capsys.readouterr()
        assert main(["run", str(data), "--out", str(path), *tiny, *options]) == code
        printed, told = capsys.readouterr()
        assert printed == ""
        assert told.count("\n") == 1
        assert told.startswith("clusterart: ")
        if out is None:
            assert not path.exists()
        return told

    return call


@pytest.fixture
def accepted(capsys, tmp_path, tiny, monkeypatch):
    """Runs on `data` until the pictures are read; those pictures."""
    seen = []

    def keep(path, pictures, *rest, **options):
        seen.append(pictures)
        return stages.Run(path, {})

    monkeypatch.setattr(stages, "_stages", keep)

    def call(data, *options):
        path = tmp_path / f"out{len(seen)}"
        assert main(["run", str(data), "--out", str(path), *tiny, *options]) == 0
        return seen[-1]

    return call


@pytest.fixture
def folder(tmp_path):
    """Nine pictures, no two alike."""
    path = tmp_path / "pictures"
    path.mkdir()
    for i in range(9):
        shade = Image.new("RGB", (12, 10), (20 * i, 255 - 20 * i, 90))
        shade.save(path / f"{i}.{'jpg' if i % 2 else 'png'}", quality=95)
    return path


def claims(path, width, height):
    """A PNG whose header claims a size, with hardly any pixels behind it."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b""))


def test_each_class_of_error_has_a_code_of_its_own():
    kinds = _errors.ClusterArtError.__subclasses__()
    codes = [kind.exit_code for kind in kinds]
    assert sorted(codes) == [2, 3, 4, 5, 6]
    assert all(kind.__doc__ for kind in kinds)


def test_an_empty_folder(refused, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "no pictures in" in refused(tmp_path / "empty", 3)


def test_three_broken_files_among_good_ones(refused, accepted, folder):
    (folder / "letter.png").write_text("Dear reader")
    whole = (folder / "1.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "nothing.gif").write_bytes(b"")
    told = refused(folder, 3, "--strict")
    assert "3 files" in told
    assert "cut.jpg" in told
    pictures = accepted(folder)
    assert len(pictures.images) == 9
    assert {skip.file for skip in pictures.skipped} == {"letter.png", "cut.jpg", "nothing.gif"}
    assert all(skip.reason for skip in pictures.skipped)


def test_broken_files_only(refused, tmp_path):
    folder = tmp_path / "broken"
    folder.mkdir()
    for i in range(3):
        (folder / f"{i}.png").write_text("text")
    told = refused(folder, 3)
    assert "no picture in" in told
    assert "3 skipped" in told


def test_a_picture_of_one_pixel_is_a_picture(accepted, folder):
    Image.new("RGB", (1, 1), (9, 9, 9)).save(folder / "dot.png")
    assert "dot.png" in accepted(folder).names


def test_a_decompression_bomb_is_refused_by_its_header(accepted, folder):
    claims(folder / "bomb.png", 20_000, 20_000)
    pictures = accepted(folder)
    assert len(pictures.images) == 9
    assert [skip.file for skip in pictures.skipped] == ["bomb.png"]
    assert "too large: its header claims" in pictures.skipped[0].reason


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.where(np.arange(20 * 16).reshape(20, 4, 4) == 77, np.nan, 0.5), "NaN.* row 4"),
        (np.array([{"a": 1}] * 20, dtype=object), "object"),
        (np.full((20, 4, 4), 1.5), "values from 1.5 to 1.5"),
        (np.zeros((20, 4)), r"shape"),
        (np.zeros((0, 4, 4)), r"shape|no picture|empty"),
        (np.full((20, 4, 4), "a"), "dtype"),
    ],
    ids=["NaN", "objects", "range", "two axes", "none", "text"],
)
def test_arrays_that_are_no_pictures(refused, tmp_path, array, words):
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    told = refused(tmp_path / "a.npy", 3)
    assert re.search(words, told)
    assert "a.npy" in told


def test_a_truncated_array_file(refused, tmp_path):
    np.savez(tmp_path / "a.npz", images=np.zeros((20, 8, 8), np.uint8))
    whole = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(whole[: len(whole) // 2])
    assert "a.npz cannot be read: damaged" in refused(tmp_path / "a.npz", 3)


def test_more_clusters_than_pictures(refused, folder):
    told = refused(folder, 3, "-k", "10")
    assert "k is 10, but" in told
    assert "has only 9 picture(s)" in told


def test_fewer_different_pictures_than_clusters(refused, tmp_path):
    images = np.zeros((30, 8, 8), np.uint8)
    images[::2] = 200
    np.save(tmp_path / "a.npy", images)
    told = refused(tmp_path / "a.npy", 3)
    assert "only 2 different picture(s) among 30; choose -k 2 or less" in told


def test_an_output_folder_that_exists(refused, finished, tmp_path):
    before = {file.name: file.stat().st_mtime_ns for file in finished.iterdir()}
    told = refused("digits", 4, out=finished)
    assert all(word in told for word in ("exists", "--resume", "--overwrite", "--out"))
    assert {file.name: file.stat().st_mtime_ns for file in finished.iterdir()} == before


@pytest.mark.parametrize("option", [[], ["--resume"], ["--overwrite"]])
def test_a_folder_of_other_files_is_never_taken(refused, tmp_path, option):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    told = refused("digits", 4, *option, out=folder)
    assert "holds other files and no run" in told
    assert [file.name for file in folder.iterdir()] == ["notes.txt"]


def test_an_empty_folder_is_taken(accepted, tmp_path):
    (tmp_path / "out0").mkdir()
    accepted("digits")
    assert [file.name for file in (tmp_path / "out0").iterdir()] == ["config.json"]


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/below", "/dev/null/below"])
def test_places_that_cannot_be_written_whoever_asks(refused, tmp_path, place):
    (tmp_path / "file").write_text("")
    told = refused("digits", 4, out=tmp_path / place)
    assert "cannot write to" in told or "is a file" in told
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_an_unknown_data_set(refused):
    assert "did you mean 'fashion-mnist'?" in refused("fashion_mnist", 3)


def test_one_picture_makes_no_clusters(refused, folder):
    assert "has only 1 picture(s)" in refused(folder / "0.png", 3)
