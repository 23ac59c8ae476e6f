"""Styles of a folder on disk: found, kept, named, painted from."""

import json
import shutil

import numpy as np
import pytest

from clusterart_jax import art, job
from clusterart_jax._errors import CheckpointError, ConfigError, DataError, OutputError
from clusterart_jax.art import _transfer
from clusterart_jax.data import read_picture, write_picture
from clusterart_jax.job import _style_vectors, _styles

RNG = np.random.default_rng(0)
DARK, LIGHT, RED = (30, 40, 90), (230, 220, 190), (200, 40, 30)


def picture(color, shape=(40, 48)):
    noise = RNG.integers(-12, 13, (*shape, 3))
    return np.clip(np.array(color) + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Few steps of transfer: what is drawn is not looked at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_transfer, "_STEPS", (1, 1, 1))
        patch.setattr(_transfer, "_SAMPLES", 256)
        patch.setattr(_styles, "_SWATCH", 64)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("paintings")
    (path / "inner").mkdir()
    for name, color, count in (("dark", DARK, 6), ("light", LIGHT, 5), ("red", RED, 4)):
        for i in range(count):
            write_picture(path / ("inner" if i % 2 else "") / f"{name}-{i}.png", picture(color))
    (path / "broken.png").write_bytes(b"no picture")
    return path


@pytest.fixture(scope="module")
def found(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "styles"
    return job.discover_styles(folder, out, 3, kind="color")


@pytest.fixture
def copied(found, tmp_path):
    shutil.copytree(found.path, tmp_path / "styles")
    return tmp_path / "styles"


def test_the_folder_holds_all_of_it(found):
    assert found.sizes == [6, 5, 4]
    assert found.names == ["style 0", "style 1", "style 2"]
    about = json.loads((found.path / "styles.json").read_text())
    for style, word in zip(about["styles"], ("dark", "light", "red"), strict=True):
        assert all(word in name for name in style["typical"])
        assert sum(share for _, share in style["palette"]) == pytest.approx(1, abs=0.01)
        sheet = read_picture(found.path / f"style-{style['number']}.png")
        assert sheet.shape[2] == 3
    lines = (found.path / "styles.csv").read_text().splitlines()
    assert len(lines) == 16
    assert all(("red" in line) == (",2," in line) for line in lines[1:])
    page = (found.path / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 3
    assert "broken.png cannot be read: not a picture" in page


def test_files_that_cannot_be_read_are_told(found):
    assert len(found.notes) == 1
    assert "broken.png" in found.notes[0]


def test_what_is_written_is_read(found):
    kept = job.read_styles(found.path)
    assert kept.kind == "color"
    assert kept.names == found.names
    assert kept.styles.means.shape == (3, 106)
    assert np.bincount(kept.example_styles).tolist() == [4, 4, 4]
    predicted = np.asarray(kept.styles.mixture.predict(kept.styles.place(kept.example_vectors)))
    assert np.array_equal(predicted, kept.example_styles)
    colors = [image.reshape(-1, 3).mean(axis=0) for image in kept.pictures(np.array([0, 4, 8]))]
    np.testing.assert_allclose(colors, [DARK, LIGHT, RED], atol=6)


def test_nothing_is_looked_at_twice_and_new_pictures_are(folder, copied, monkeypatch):
    seen = []

    def look(images):
        seen.append(len(images))
        return np.asarray(_style_vectors.features.color_statistics(images))

    monkeypatch.setitem(_style_vectors.KINDS, "color", look)
    again = job.discover_styles(folder, copied, 3, kind="color")
    assert again.sizes == [6, 5, 4]
    assert seen == [1]  # the broken one
    write_picture(folder / "red-late.png", picture(RED))
    try:
        again = job.discover_styles(folder, copied, 3, kind="color")
    finally:
        (folder / "red-late.png").unlink()
    assert again.sizes == [6, 5, 5]
    assert seen == [1, 2]


def test_an_interrupted_look_goes_on(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(_style_vectors, "_AT_ONCE", 4)
    monkeypatch.setattr(_style_vectors, "_KEEP_EVERY", 1)
    calls = []

    def look(images):
        calls.append(len(images))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return np.asarray(_style_vectors.features.color_statistics(images))

    monkeypatch.setitem(_style_vectors.KINDS, "color", look)
    with pytest.raises(KeyboardInterrupt):
        job.discover_styles(folder, tmp_path / "s", 2, kind="color")
    described = _style_vectors.describe_files(folder, "color", tmp_path / "s" / "vectors.npz")
    assert described.seen == 7  # of two parts of four, in which one is broken
    assert len(described.names) == 15


def test_names_stay_with_their_pictures(folder, copied):
    about = json.loads((copied / "styles.json").read_text())
    about["styles"][2]["name"] = "Sunset <b>"
    (copied / "styles.json").write_text(json.dumps(about))
    again = job.discover_styles(folder, copied, 1, kind="color")
    assert again.names == ["style 0"]  # the red ones are no majority of it
    (copied / "styles.json").write_text(json.dumps(about))
    again = job.discover_styles(folder, copied, 3, kind="color", seed=1)
    assert again.names == ["style 0", "style 1", "Sunset <b>"]
    assert "Sunset &lt;b&gt;" in (copied / "report.html").read_text()


def test_a_photograph_takes_a_styles_colours(found):
    brush = job.Brush("transfer", strength=1.0, size=64)
    photo = picture((90, 160, 90))
    wanted = job.of_shares(found.path, [{1: 1.0}, {0: 0.5, 2: 0.5}], brush)
    assert [style.name for style in wanted] == ["style 1", "style 0 50 %, style 2 50 %"]
    light, between = job.painted(photo, wanted, brush)
    np.testing.assert_allclose(light.mean(axis=(0, 1)), LIGHT, atol=15)
    assert between.mean() < light.mean()
    assert sum(wanted[1].weights) == pytest.approx(1)


def test_only_some_parts_are_painted(found):
    photo = np.concatenate(
        [picture((60, 160, 60), (40, 24)), picture((240, 240, 240), (40, 24))], 1
    )
    brush = job.Brush("transfer", strength=1.0, size=64, segments=2)
    (style,) = job.of_shares(found.path, [{2: 1.0}], brush)
    all_of_it = brush.paint(photo, style)
    parts = [brush._replace(only=(i,)).paint(photo, style) for i in (0, 1)]
    sides = [slice(0, 20), slice(28, 48)]
    for part in parts:
        kept = [np.array_equal(part[:, side], photo[:, side]) for side in sides]
        taken = [np.array_equal(part[:, side], all_of_it[:, side]) for side in sides]
        assert sorted(kept) == [False, True]
        assert taken == kept[::-1]
    assert not np.array_equal(*parts)
    with pytest.raises(ConfigError, match="no segment 7"):
        brush._replace(only=(7,)).paint(photo, style)


def test_a_border_is_sharp_at_an_edge_and_soft_where_there_is_none():
    from clusterart_jax.job._styled import _matte

    mask = np.zeros((200, 200), bool)
    mask[:, 100:] = True
    picture = np.full((200, 200, 3), 90, np.uint8)
    picture[:100, 100:] = 180  # an edge along the upper half of the border
    share = _matte(mask, picture)
    assert share[50, 99] < 0.1
    assert share[50, 100] > 0.9
    assert 0.3 < share[150, 99] < share[150, 100] < 0.7
    np.testing.assert_array_equal(share[:, :90], 0)
    np.testing.assert_array_equal(share[:, 110:], 1)


def test_the_network_paints_in_what_it_sees_of_examples(found, monkeypatch):
    monkeypatch.setattr(art, "style_vectors", lambda pictures: np.ones((len(pictures), 100)))
    painted = []
    monkeypatch.setattr(
        art, "apply_style", lambda photo, style, **options: painted.append((style, options))
    )
    brush = job.Brush("network", strength=1.5, keep_colors=True)
    list(job.painted(picture(RED), job.of_shares(found.path, [{0: 1}], brush), brush))
    style, options = painted[0]
    np.testing.assert_allclose(style, 1)
    assert options == {"strength": 1.5, "keep_colors": True}


def test_new_styles_are_the_same_for_the_same_seed(found):
    brush = job.Brush("transfer", seed=3)
    one, two = (job.invented(found.path, 3, brush) for _ in range(2))
    assert [style.weights for style in one] == [style.weights for style in two]
    assert all(sum(style.weights) == pytest.approx(1) for style in one)
    other = job.invented(found.path, 3, brush._replace(seed=4))
    assert [style.weights for style in one] != [style.weights for style in other]


def test_a_grid_has_its_styles_in_the_corners():
    cells = job.grid_shares([0, 1, 2, 3], 4)
    assert len(cells) == 16
    assert [cells[i] for i in (0, 3, 12, 15)] == [{0: 1}, {1: 1}, {2: 1}, {3: 1}]
    assert all(sum(cell.values()) == pytest.approx(1) for cell in cells)
    assert job.grid_shares([0, 0, 1, 1], 3)[4] == {0: 0.5, 1: 0.5}


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"k": 99}, ConfigError, "between 1 and 15"),
        ({"kind": "colour"}, ConfigError, "features must be one of"),
        ({"seed": -1}, ConfigError, "seed"),
        ({"folder": "nowhere"}, DataError, "is no folder"),
    ],
)
def test_bad_options(folder, tmp_path, options, error, words):
    given = {"folder": folder, "k": 2, "kind": "color"} | options
    with pytest.raises(error, match=words):
        job.discover_styles(given.pop("folder"), tmp_path / "s", given.pop("k"), **given)


def test_a_folder_that_holds_something_else_is_not_written_to(folder, tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(OutputError, match="holds no styles"):
        job.discover_styles(folder, tmp_path, 2, kind="color")
    assert [entry.name for entry in tmp_path.iterdir()] == ["letter.txt"]


def test_one_picture_has_no_styles(tmp_path):
    write_picture(tmp_path / "a.png", picture(RED))
    with pytest.raises(DataError, match="two pictures"):
        job.discover_styles(tmp_path, tmp_path / "s", kind="color")
    (tmp_path / "a.png").write_bytes(b"none")
    with pytest.raises(DataError, match="can be read: 1 skipped"):
        job.discover_styles(tmp_path, tmp_path / "s", kind="color")


def test_what_holds_no_styles_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="clusterart styles discover"):
        job.read_styles(tmp_path)


@pytest.mark.parametrize("damage", ["{", '{"format": 1}', '{"format": 9}', "[]"])
def test_damaged_styles_are_refused(copied, damage):
    (copied / "styles.json").write_text(damage)
    with pytest.raises(CheckpointError, match=r"styles|format"):
        job.read_styles(copied)


def test_damaged_arrays_are_refused(copied):
    (copied / "styles.npz").write_bytes(b"PK")
    with pytest.raises(CheckpointError, match="damaged"):
        job.read_styles(copied)


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ({3: 1.0}, "there is no style 3"),
        ({-1: 1.0}, "there is no style -1"),
        ({0: 0.0}, "must not all be 0"),
        ({0: -1.0}, "0 or more"),
        ({0: float("nan")}, "0 or more"),
    ],
)
def test_shares_that_cannot_be(found, shares, words):
    with pytest.raises(ConfigError, match=words):
        job.of_shares(found.path, [shares], job.Brush("transfer"))


@pytest.mark.parametrize(
    ("brush", "words"),
    [
        (job.Brush("paint"), "network or transfer"),
        (job.Brush("transfer", strength=1.2), "between 0 and 1"),
        (job.Brush("network", strength=2.2), "between 0 and 2"),
        (job.Brush(size=8), "at least 16"),
    ],
)
def test_brushes_that_cannot_be(brush, words):
    with pytest.raises(ConfigError, match=words):
        brush.checked()


def test_without_the_network_colours_are_transferred(monkeypatch):
    monkeypatch.setattr("clusterart_jax.job._styled.has_network", lambda: False)
    assert job.Brush().checked().method == "transfer"


def test_grids_that_cannot_be():
    with pytest.raises(ConfigError, match="four styles, not 3"):
        job.grid_shares([0, 1, 2], 4)
    with pytest.raises(ConfigError, match="2 to 12"):
        job.grid_shares([0, 1, 2, 3], 1)
