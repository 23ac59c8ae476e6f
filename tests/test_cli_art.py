"""What commands on pictures have in common: one clear line on what cannot be, and nothing left."""

import numpy as np
import pytest

from clusterart_jax.cli import main
from clusterart_jax.data import write_picture


@pytest.fixture
def said(capsys, tmp_path, monkeypatch):
    """Runs a command in a folder with some pictures; its exit code, output and error lines."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        write_picture(f"{name}.png", rng.integers(0, 256, (8, 9, 3), np.uint8))
    write_picture("dot.png", np.full((1, 1, 3), 7, np.uint8))
    write_picture("clear.png", np.zeros((20, 20, 4), np.uint8))

    def call(*words):
        capsys.readouterr()
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return code, out.splitlines(), err.splitlines()

    return call


@pytest.mark.parametrize("seed", [-1, 2**32, 10**20])
@pytest.mark.parametrize("words", ["palette", "quantize", "segment", "render lowpoly"])
def test_a_seed_that_cannot_be(said, tmp_path, words, seed):
    before = sorted(tmp_path.iterdir())
    code, out, err = said(*words.split(), "a.png", "--seed", seed)
    assert (code, out) == (2, [])
    assert err == [
        f"clusterart: --seed must be a whole number between 0 and 4294967295, not {seed}"
    ]
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("words", "option"),
    [
        ("render stipple a.png --points 0", "--points"),
        ("render lowpoly a.png --points 2", "--points"),
        ("render lowpoly a.png --evenness 0", "--evenness"),
        ("render numbers a.png --colors 99", "--colors"),
        ("render numbers a.png --smallest 0", "--smallest"),
        ("render posterize a.png --colors 1", "--colors"),
        ("render stitch a.png --columns 0", "--columns"),
        ("render mosaic a.png --tiles digits --tile 0", "--tile"),
        ("segment a.png -k 0", "-k"),
        ("segment a.png --superpixels 0", "--superpixels"),
        ("segment a.png --method slic -k 0", "-k"),
        ("segment a.png --width 0", "--width"),
        ("styles discover . --features color -k 0 --out x", "-k"),
    ],
)
def test_what_cannot_be_is_told_of_the_option(said, tmp_path, words, option):
    before = sorted(tmp_path.iterdir())
    code, out, err = said(*words.split())
    assert (code, out) == (2, [])
    assert [line.split(" must ")[0] for line in err] == [f"clusterart: {option}"]
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "words",
    [
        *(f"{command} a.png" for command in ("palette", "quantize", "segment", "render lowpoly")),
        "styles apply a.png --from b.png --method transfer",
    ],
)
def test_a_folder_that_is_not_there_is_told_before_the_work(said, monkeypatch, words):
    def work(*_, **__):
        raise AssertionError("the picture was read")

    monkeypatch.setattr("clusterart_jax.data.read_picture", work)
    code, out, err = said(*words.split(), "--out", "none/x.png")
    assert (code, out) == (4, [])
    assert err == ["clusterart: cannot write none/x.png: there is no folder none"]


@pytest.mark.parametrize(
    "words",
    ["palette", "segment", *(f"render {kind}" for kind in ("lowpoly", "stipple", "stitch"))],
)
def test_a_clear_picture_is_named(said, tmp_path, words):
    before = sorted(tmp_path.iterdir())
    code, out, err = said(*words.split(), "clear.png", "--out", "x.png")
    assert (code, out, len(err)) == (3, [], 1)
    assert err[0].startswith("clusterart: clear.png: image")
    assert sorted(tmp_path.iterdir()) == before


def test_among_several_pictures_a_clear_one_is_passed_over_and_told(said, tmp_path):
    code, _, err = said("palette", "a.png", "clear.png", "b.png", "-k", "2", "--out", "all/")
    assert code == 3
    assert err[0].startswith("clusterart: skipped: clear.png: image: no pixel")
    assert err[1] == "clusterart: clear.png: no pixel is visible; all others are done"
    assert {file.name.split("-")[0] for file in (tmp_path / "all").iterdir()} == {"a", "b"}


def test_a_picture_of_one_pixel_has_one_segment(said):
    code, out, _ = said("segment", "dot.png", "--out", "x.png")
    assert code == 0
    assert out == ["  0  100.0%  #070707", "x.png"]


def test_dbscan_takes_no_number(said):
    code, _, err = said("segment", "a.png", "--method", "dbscan", "-k", "3")
    assert code == 2
    assert "--method dbscan finds by itself how many: it takes no -k" in err[0]


@pytest.mark.parametrize(
    ("words", "code"), [(["--limit", "1"], 3), (["-k", "0"], 2), (["-k", "3"], 2)]
)
def test_styles_that_come_to_nothing_leave_nothing(said, tmp_path, words, code):
    (tmp_path / "two").mkdir()
    for name in ("a", "b"):
        (tmp_path / f"{name}.png").rename(tmp_path / "two" / f"{name}.png")
    before = sorted(tmp_path.iterdir())
    found = said("styles", "discover", "two", "--features", "color", "--out", "found", *words)
    assert found[0] == code
    assert len(found[2]) == 1
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("picture", ["clear.png", "none.png"])
def test_art_that_cannot_be_ends_a_run_before_it_begins(said, tmp_path, picture):
    code, _, err = said("run", "--limit", "60", "--out", "run", "--art", picture)
    assert code == 3
    assert picture in err[0]
    assert not (tmp_path / "run").exists()
