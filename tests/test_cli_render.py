"""`clusterart render`: each kind writes what its name ends in, and errors are one line."""

from xml.etree import ElementTree

import numpy as np
import pytest

from clusterart_jax.cli import main
from clusterart_jax.data import read_picture, write_picture

pytestmark = pytest.mark.usefixtures("plain_jax")

CASES = [
    ("stipple", ["--points", "80"], ".svg"),
    ("stipple", ["--points", "80", "--colors", "--paper", "none"], ".png"),
    ("numbers", ["--colors", "4", "--smallest", "12"], ".pdf"),
    ("numbers", ["--colors", "4", "--smallest", "12", "--paper", "a5", "--painted"], ".png"),
    ("lowpoly", ["--points", "30"], ".svg"),
    ("posterize", ["--colors", "3", "--smallest", "6"], ".png"),
    ("stitch", ["--columns", "12", "--colors", "3"], ".pdf"),
    ("beads", ["--columns", "12", "--colors", "3", "--plain"], ".svg"),
]


@pytest.fixture
def picture(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    y, x = np.mgrid[:40, :60]
    write_picture("photo.png", np.stack([4 * x, 6 * y, 255 - 4 * x], axis=2).astype(np.uint8))
    return tmp_path


@pytest.mark.parametrize(("kind", "words", "suffix"), CASES)
def test_each_kind_writes_its_file_and_again_the_same(kind, words, suffix, picture, capsys):
    files = [f"one{suffix}", f"two{suffix}"]
    for file in files:
        extra = ["--pixels", "150"] if suffix == ".png" else []
        assert main(["render", kind, "photo.png", *words, *extra, "--out", file]) == 0
        assert capsys.readouterr().out == f"{file}\n"
    content = [(picture / file).read_bytes() for file in files]
    assert content[0] == content[1]
    if suffix == ".png":
        assert max(read_picture(files[0]).shape) == 150
    elif suffix == ".svg":
        assert ElementTree.fromstring(content[0])[0].text == f"photo, {kind}"
    else:
        assert content[0].count(b"/Type/Page/") == 2


def test_a_mosaic_of_a_folder(picture, capsys):
    (picture / "tiles").mkdir()
    for i in range(12):
        write_picture(picture / f"tiles/{i}.png", np.full((9, 12, 3), 20 * i, np.uint8))
    words = ["render", "mosaic", "photo.png", "--tiles", "tiles", "--columns", "6", "--tile", "8"]
    assert main([*words, "--quiet"]) == 0
    assert capsys.readouterr().out == "photo-mosaic.png\n"
    assert read_picture("photo-mosaic.png").shape == (32, 48, 3)


def test_a_sample_needs_no_file(picture, capsys):
    assert main(["render", "stitch", "china", "--columns", "8", "--colors", "2"]) == 0
    assert (picture / "china-stitch.svg").exists()


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["stiple", "photo.png"], 2, "unknown kind 'stiple'; did you mean 'stipple'?"),
        (["stipple", "photo.png", "--points", "0"], 2, "--points must be between 1 and 200000"),
        (["stipple", "photo.png", "--out", "a.gif"], 2, "--out must end in .svg or .pdf or .png"),
        (["stipple", "photo.png", "--ink", "red"], 2, "--ink must be like #1a2b3c, not 'red'"),
        (["stipple", "none.png"], 3, "cannot read 'none.png': no such file"),
        (["stipple", "photo.png", "--out", "no/a.svg"], 4, "there is no folder no"),
        (["stipple", "photo.png", "--size", "3"], 2, "--size must be at least 16"),
        (["numbers", "photo.png", "--colors", "1"], 2, "--colors must be between 2 and 64"),
        (["numbers", "photo.png", "--paper", "a9"], 2, "unknown paper 'a9'"),
        (["mosaic", "photo.png", "--tiles", "nowhere"], 3, "unknown data 'nowhere'"),
        (["stitch", "photo.png", "--dots"], 2, "unknown option '--dots'"),
        (["lowpoly", "photo.png", "--out", "a.png", "--pixels", "1"], 2, "--pixels must be"),
    ],
)
def test_errors_are_one_line_and_nothing_is_written(words, code, text, picture, capsys):
    assert main(["render", *words]) == code
    told = capsys.readouterr().err
    assert text in told
    assert told.count("\n") == 1
    assert [path.name for path in picture.iterdir()] == ["photo.png"]


def test_help_shows_a_command_that_works(picture, capsys):
    for kind in ("stipple", "numbers", "lowpoly", "mosaic", "posterize", "stitch", "beads"):
        assert main(["render", kind, "--help"]) == 0
        example = capsys.readouterr().out.rstrip().splitlines()[-1].split()
        assert example[:4] == ["clusterart", "render", kind, "flower"]
    words = [*example[1:], "--columns", "10"]
    assert main(words) == 0
    assert (picture / "beads.pdf").exists()
