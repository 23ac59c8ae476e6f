"""Files are whole or absent, whatever happens while they are written."""

import json
import os
import stat
from pathlib import Path

import pytest

from clusterart_jax._errors import OutputError
from clusterart_jax._files import atomic_path, write_text


def test_what_is_written_replaces_what_was_there(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with path.open() as reader:
        with atomic_path(path) as temporary:
            temporary.write_text("new")
            assert path.read_text() == "old"
        assert reader.read() == "old"  # the old file is whole for who has it open
    with atomic_path(path) as temporary:
        temporary.write_text("new")
        assert temporary.suffix == ".txt"
        assert temporary.parent == tmp_path
        assert temporary.name.startswith(".")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def half_written(path, error):
    with atomic_path(path) as temporary:
        temporary.write_text("half")
        raise error


@pytest.mark.parametrize("error", [ValueError("bad"), KeyboardInterrupt()])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(type(error)):
        half_written(path, error)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_told_in_words(tmp_path):
    path = tmp_path / "a.txt"
    with pytest.raises(OutputError, match=r"cannot write .*a\.txt: No space left on device"):
        half_written(path, OSError(28, "No space left on device"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("place", "reason"),
    [("none/a.txt", "No such file"), ("file/a.txt", "Not a directory"), ("folder", "directory")],
)
def test_places_that_cannot_be(tmp_path, place, reason):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=f"cannot write .*{reason}"):
        write_text(tmp_path / place, "text")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "folder"]


def test_others_may_read_what_the_user_lets_them(tmp_path):
    """The mode of a new file is the user's, not that of a temporary one."""
    write_text(tmp_path / "a.txt", "text")
    (tmp_path / "plain").write_text("text")
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a.txt", "plain")]
    assert modes[0] == modes[1]


def test_text_is_utf8_with_plain_line_ends(tmp_path):
    write_text(tmp_path / "a.txt", "größer\n→\n")
    assert (tmp_path / "a.txt").read_bytes() == "größer\n→\n".encode()


def test_names_that_are_no_text_survive_in_json(tmp_path):
    name = os.fsdecode(b"photos-\xff")
    write_text(tmp_path / "a.json", json.dumps({"source": name}, ensure_ascii=False))
    assert json.loads(Path(tmp_path / "a.json").read_text(encoding="utf-8"))["source"] == name
