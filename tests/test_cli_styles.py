"""`clusterart styles`: from words to files."""

import numpy as np
import pytest

from clusterart_jax.art import _transfer
from clusterart_jax.cli import main
from clusterart_jax.data import read_picture, write_picture
from clusterart_jax.job import _styles

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module", autouse=True)
def quick():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_transfer, "_STEPS", (1, 1, 1))
        patch.setattr(_transfer, "_SAMPLES", 256)
        patch.setattr(_styles, "_SWATCH", 64)
        yield


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder of pictures, its styles, and a photograph."""
    path = tmp_path_factory.mktemp("styles")
    (path / "in").mkdir()
    for i, color in enumerate([(200, 60, 60), (60, 60, 200), (60, 180, 60), (200, 200, 60)] * 3):
        image = np.clip(np.array(color) + RNG.integers(-9, 10, (32, 32, 3)), 0, 255)
        write_picture(path / "in" / f"{i:02}.png", image.astype(np.uint8))
    photo = RNG.integers(0, 256, (30, 44, 3), np.uint8)
    write_picture(path / "photo.png", photo)
    words = ["styles", "discover", str(path / "in"), "-k", "4", "--features", "color"]
    assert main([*words, "--out", str(path / "found"), "--quiet"]) == 0
    return path


def apply(place, *words):
    fixed = ["--styles", str(place / "found"), "--method", "transfer", "--quiet"]
    return main(["styles", "apply", str(place / "photo.png"), *fixed, *words])


def test_discover_tells_what_it_found(place, capsys):
    words = ["styles", "discover", str(place / "in"), "--features", "color", "-k", "4"]
    assert main([*words, "--out", str(place / "found")]) == 0
    told = capsys.readouterr().out
    assert told.count("3 picture(s)  style") == 4
    assert told.strip().endswith("report.html")


@pytest.mark.parametrize("which", [["--style", "1"], ["--mix", "0:0.3,2:0.7"]])
def test_apply_writes_a_picture(place, tmp_path, which):
    assert apply(place, *which, "--out", str(tmp_path / "a.png"), "--size", "40") == 0
    assert read_picture(tmp_path / "a.png").shape == (27, 40, 3)


def test_the_style_of_a_picture_needs_no_folder(place, tmp_path):
    words = ["--from", str(place / "in" / "00.png"), "--out", str(tmp_path / "a.jpg")]
    photo = str(place / "photo.png")
    assert main(["styles", "apply", photo, "--method", "transfer", "--quiet", *words]) == 0
    made = read_picture(tmp_path / "a.jpg").mean(axis=(0, 1))
    assert made[0] > made[1] + 30
    assert made[0] > made[2] + 30


def test_a_folder_of_photographs_goes_to_a_folder(place, tmp_path, capsys):
    (tmp_path / "photos" / "more").mkdir(parents=True)
    for name in ("a.png", "more/b.png"):
        (tmp_path / "photos" / name).write_bytes((place / "photo.png").read_bytes())
    (tmp_path / "photos" / "c.png").write_bytes(b"none")
    words = ["styles", "apply", str(tmp_path / "photos"), "--styles", str(place / "found")]
    out = tmp_path / "made"
    assert main([*words, "--style", "0", "--method", "transfer", "--out", str(out)]) == 0
    made = sorted(str(file.relative_to(out)) for file in out.rglob("*.png"))
    assert made == ["a.png", "more/b.png"]
    assert "note: cannot read" in capsys.readouterr().out


def test_sheets(place, tmp_path):
    out = tmp_path / "sheet.png"
    assert apply(place, "--sheet", "--out", str(out)) == 0
    assert read_picture(out).shape[1] == 48 + 44 * 5 + 8 * 4  # the photograph and four styles
    assert apply(place, "--grid", "0,1,2,3", "--steps", "2", "--out", str(out)) == 0
    assert read_picture(out).shape == (48 + 2 * (30 + 30) + 8, 48 + 2 * 44 + 8, 3)
    words = ["styles", "invent", str(place / "found"), str(place / "photo.png"), "--n", "3"]
    assert main([*words, "--method", "transfer", "--out", str(out), "--quiet"]) == 0
    assert read_picture(out).shape[1] == 48 + 44 * 4 + 8 * 3


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--style", "9"], "there is no style 9"),
        (["--mix", "a"], "--mix must be like"),
        (["--grid", "0,1"], "four styles"),
        (["--grid", "a,b,c,d"], "--grid must be like"),
        (["--style", "0", "--strength", "3"], "strength must be between"),
        (["--style", "0", "--out", "a.tif"], "--out must end in"),
        (["--style", "0", "--size", "3"], "size must be at least 16"),
        ([], "one of the arguments"),
    ],
)
def test_wrong_words_are_one_line(place, capsys, words, told):
    assert apply(place, *words) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


def test_what_is_not_there(place, tmp_path, capsys):
    photo = str(place / "photo.png")
    assert main(["styles", "apply", photo, "--style", "0"]) == 2
    assert "--styles DIR" in capsys.readouterr().err
    assert main(["styles", "apply", photo, "--style", "0", "--styles", str(tmp_path)]) == 5
    assert "holds no styles" in capsys.readouterr().err
    assert main(["styles", "apply", "no.png", "--from", photo, "--method", "transfer"]) == 3
    assert "cannot read 'no.png'" in capsys.readouterr().err
    assert main(["styles", "discover", str(tmp_path / "none")]) == 3
    assert main(["styles", "discover", str(place / "in"), "-k", "few"]) == 2
    assert "-k must be a whole number or auto" in capsys.readouterr().err
