"""`clusterart palette` and `quantize`: files as asked for, or one clear line."""

import json

import numpy as np
import pytest
from PIL import Image

from clusterart_jax.cli import main
from clusterart_jax.data import write_picture

FLAG = np.repeat(np.uint8([[255, 0, 0], [255, 255, 255], [0, 0, 255]]), 16 * 48, axis=0)
FLAG = FLAG.reshape(48, 48, 3)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_picture("flag.png", FLAG)
    (tmp_path / "art" / "inner").mkdir(parents=True)
    write_picture("art/red.png", FLAG[:16])
    write_picture("art/inner/red.png", FLAG[8:24])
    (tmp_path / "art" / "notes.png").write_text("no picture")
    return tmp_path


def test_words_on_the_screen(folder, capsys):
    assert main(["palette", "flag.png", "-k", "3"]) == 0
    said = capsys.readouterr().out
    assert "flag: 3 colours" in said
    assert "#ff0000  33.3 %  red" in said
    assert {path.name for path in folder.iterdir()} == {"flag.png", "art"}


def test_every_format_into_a_folder(folder, capsys):
    assert main(["palette", "flag.png", "-k", "3", "--out", "out", "--quiet"]) == 0
    written = sorted(path.name for path in (folder / "out").iterdir())
    suffixes = ("ase", "css", "gpl", "json", "png", "svg")
    assert written == [f"flag-palette.{suffix}" for suffix in suffixes]
    assert len(capsys.readouterr().out.splitlines()) == 6
    facts = json.loads((folder / "out" / "flag-palette.json").read_text())
    assert sorted(color["name"] for color in facts["colors"]) == ["blue", "red", "white"]
    with Image.open(folder / "out" / "flag-palette.png") as card:
        assert card.width == 960


def test_a_folder_shared_and_singly(folder, capsys):
    assert main(["palette", "art", "-k", "3", "--shared", "--out", "all.json"]) == 0
    facts = json.loads((folder / "all.json").read_text())
    assert [color["share"] for color in facts["colors"]] == [0.75, 0.25]
    said = capsys.readouterr()
    assert "notes.png" in said.err
    assert main(["palette", "art", "-k", "3", "--out", "each", "--quiet"]) == 0
    names = {path.stem for path in (folder / "each").iterdir()}
    assert names == {"red-palette", "inner-red-palette"}


@pytest.mark.parametrize("more", [[], ["--dither"]])
def test_quantize_writes_an_indexed_png(folder, more, capsys):
    ramp = np.arange(48 * 48, dtype=np.uint16).reshape(48, 48) // 9
    write_picture("ramp.png", ramp.astype(np.uint8))
    assert main(["quantize", "ramp.png", "-k", "4", *more]) == 0
    assert capsys.readouterr().out == "ramp-quantized.png\n"
    with Image.open(folder / "ramp-quantized.png") as picture:
        assert picture.mode == "P"
        assert len(picture.getcolors()) == 4


def test_the_same_seed_gives_the_same_file(folder):
    for name in ("a.png", "b.png"):
        assert main(["quantize", "flag.png", "-k", "2", "--out", name]) == 0
    assert (folder / "a.png").read_bytes() == (folder / "b.png").read_bytes()


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["palette", "none.png"], 3, "cannot read 'none.png'"),
        (["palette", "flag.png", "-k", "0"], 2, "-k must be 1 to 256 or auto, not 0"),
        (["palette", "flag.png", "-k", "some"], 2, "-k must be 1 to 256 or auto, not 'some'"),
        (["palette", "flag.png", "--out", "a.bmp"], 2, "--out must end in .png, .svg"),
        (["palette", "art", "--out", "a.png"], 2, "--out must be a folder where"),
        (["palette", "art/notes.png"], 3, "not a picture"),
        (["quantize", "flag.png", "-k", "300"], 2, "-k must be 1 to 256, not 300"),
        (["quantize", "flag.png", "--dither", "2"], 2, "--dither must be 0 to 1"),
        (["quantize", "flag.png", "--out", "a.jpg"], 2, "--out must end in .png"),
        (["quantize", "flag.png", "--out", "no/a.png", "-k", "2"], 4, "cannot write"),
    ],
)
def test_one_clear_line_and_nothing_written(folder, words, code, line, capsys):
    before = sorted(folder.rglob("*"))
    assert main(words) == code
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert line in said[0]
    assert sorted(folder.rglob("*")) == before
