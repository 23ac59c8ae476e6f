"""Folders: what is found in them, in which order, and what happens to files that are broken."""

import os
import pathlib
import threading

import numpy as np
import pytest
from PIL import Image

from clusterart_jax._errors import DataError
from clusterart_jax.data import _folder, load


def save(path, level=0, mode="L"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (8, 8), level if mode == "L" else (level,) * 3).save(path)


def test_names_are_sorted_paths_and_belong_to_their_pictures(tmp_path):
    files = ["b.png", "a/z.png", "a/b/c.PNG", "B.png", "a.png", "ü/é x.png"]
    for level, file in enumerate(files):
        save(tmp_path / file, level * 10)
    pictures = load(tmp_path)
    assert pictures.names == tuple(sorted(files))
    assert pictures.source == str(tmp_path)
    assert pictures.images.shape == (6, 32, 32, 1)
    levels = [files.index(name) * 10 for name in pictures.names]
    assert pictures.images[:, 0, 0, 0].tolist() == levels
    assert pictures.labels is None
    assert pictures.skipped == ()


def test_many_files_on_many_threads_are_those_on_one(tmp_path, monkeypatch):
    for level in range(60):
        save(tmp_path / f"{level:02}.png", level * 4)
    (tmp_path / "30.png").write_text("broken")
    monkeypatch.setattr(_folder, "_cores", lambda: 8)
    many = load(tmp_path)
    monkeypatch.setattr(_folder, "_cores", lambda: 1)
    one = load(tmp_path)
    assert many.images[:, 5, 5, 0].tolist() == [level * 4 for level in range(60) if level != 30]
    assert many.fingerprint == one.fingerprint
    assert many.names == one.names
    assert many.skipped == one.skipped


def test_hidden_and_other_files_are_left_out_without_a_word(tmp_path):
    for file in ("a.png", ".b.png", ".hidden/c.png", "d/.e/f.png", "._a.png"):
        save(tmp_path / file)
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "png").write_text("hello")
    pictures = load(tmp_path)
    assert pictures.names == ("a.png",)
    assert pictures.skipped == ()


def test_a_hidden_folder_that_is_asked_for_is_read(tmp_path):
    save(tmp_path / ".secret" / "a.png")
    assert load(tmp_path / ".secret").names == ("a.png",)


def test_links_are_followed_once_and_loops_end(tmp_path):
    root = tmp_path / "root"
    save(root / "sub" / "a.png")
    save(tmp_path / "elsewhere" / "b.png")
    (root / "sub" / "up").symlink_to(root)
    (root / "self").symlink_to(root / "self")
    (root / "more").symlink_to(tmp_path / "elsewhere")
    (root / "again").symlink_to(tmp_path / "elsewhere")
    (root / "link.png").symlink_to(root / "sub" / "a.png")
    pictures = load(root)
    assert pictures.names == ("again/b.png", "link.png", "sub/a.png")
    assert pictures.skipped == ()


def test_links_that_lead_nowhere_and_pipes_are_skipped(tmp_path):
    save(tmp_path / "good.png")
    (tmp_path / "gone.png").symlink_to(tmp_path / "absent")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    os.mkfifo(tmp_path / "pipe.png")
    skipped = dict(load(tmp_path).skipped)
    assert skipped["gone.png"] == "no such file or directory"
    assert "symbolic links" in skipped["loop.png"]
    assert skipped["pipe.png"] == "not a regular file"


def test_files_and_folders_without_permission_are_skipped(tmp_path, monkeypatch):
    # Not by chmod: the superuser, who runs the tests in containers, may read everything.
    for file in ("a.png", "locked.png", "closed/b.png"):
        save(tmp_path / file)
    open_path, scan = pathlib.Path.open, os.scandir

    def guarded_open(path, *args, **kwargs):
        if path.name == "locked.png":
            raise PermissionError(13, "Permission denied", str(path))
        return open_path(path, *args, **kwargs)

    def guarded_scan(path):
        if pathlib.Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(pathlib.Path, "open", guarded_open)
    monkeypatch.setattr(os, "scandir", guarded_scan)
    pictures = load(tmp_path)
    assert pictures.names == ("a.png",)
    assert pictures.skipped == (
        ("closed/", "permission denied"),
        ("locked.png", "permission denied"),
    )
    monkeypatch.setattr(os, "scandir", lambda path: guarded_scan("closed"))
    with pytest.raises(DataError, match=r"the folder .* cannot be read: permission denied"):
        load(tmp_path)


def test_strict_names_the_first_and_how_many(tmp_path):
    save(tmp_path / "a.png")
    (tmp_path / "c.png").write_text("text")
    (tmp_path / "b.png").touch()
    with pytest.raises(DataError) as caught:
        load(tmp_path, strict=True)
    text = str(caught.value)
    assert text.startswith(
        f"2 files in {tmp_path} cannot be read, first b.png: empty file (0 bytes)"
    )
    assert "\n" not in text


def test_an_empty_folder(tmp_path):
    with pytest.raises(DataError, match=r"no pictures in .*looked for \.bmp \.gif \.jpeg \.jpg"):
        load(tmp_path)


def test_a_folder_of_broken_files_only(tmp_path):
    (tmp_path / "a.png").touch()
    with pytest.raises(
        DataError, match=r"no picture .* can be read: 1 skipped, first a\.png: empty"
    ):
        load(tmp_path)


def test_grey_only_if_all_are_grey(tmp_path):
    save(tmp_path / "a.png", 50)
    save(tmp_path / "b.png", 90, "RGB")
    images = load(tmp_path).images
    assert images.shape == (2, 32, 32, 3)
    assert (images[0] == 50).all()
    assert (images[1] == 90).all()


def test_a_broken_file_does_not_count_as_colour_or_grey(tmp_path):
    save(tmp_path / "a.png", 50)
    (tmp_path / "b.png").write_text("text")
    assert load(tmp_path).images.shape == (1, 32, 32, 1)


def test_a_limit_chooses_before_reading(tmp_path, monkeypatch):
    for level in range(40):
        save(tmp_path / f"{level:02}.png", level)
    opened, open_path = [], pathlib.Path.open

    def counted(path, *args, **kwargs):
        opened.append(path.name)
        return open_path(path, *args, **kwargs)

    monkeypatch.setattr(pathlib.Path, "open", counted)
    pictures = load(tmp_path, limit=4)
    assert sorted(opened) == list(pictures.names)
    assert [int(name[:2]) // 10 for name in pictures.names] == [0, 1, 2, 3]


def test_names_that_are_no_text_can_be_printed(tmp_path):
    save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / os.fsdecode(b"caf\xe9.png"))
    (name,) = load(tmp_path).names
    assert name == "caf\ufffd.png"
    name.encode()


def test_more_than_memory_is_one_line(tmp_path, monkeypatch):
    def empty(*args):
        raise MemoryError

    save(tmp_path / "a.png")
    monkeypatch.setattr(np, "empty", empty)
    with pytest.raises(DataError, match=r"1 pictures of 4096×4096×3 need 0\.0 GiB of memory"):
        load(tmp_path, size=4096)


def test_an_interrupt_stops_the_reading(tmp_path, monkeypatch):
    from clusterart_jax.data import _decode

    for level in range(200):
        save(tmp_path / f"{level:03}.png")
    reads, lock = [], threading.Lock()

    def interrupted(path, *args):
        with lock:
            reads.append(path)
        if path.name == "000.png":
            raise KeyboardInterrupt
        return np.zeros((32, 32, 1), np.uint8)

    monkeypatch.setattr(_decode, "read_square", interrupted)
    monkeypatch.setattr(_folder, "_cores", lambda: 1)
    monkeypatch.setattr(_folder, "_FILES_PER_TASK", 1)
    with pytest.raises(KeyboardInterrupt):
        load(tmp_path)
    assert len(reads) < 200
