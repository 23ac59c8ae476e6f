"""The benchmark of drawings and categories, on made pictures whose answer is known."""

import json

import numpy as np
import pytest

from benchmarks import styles
from clusterart_jax.data import write_picture


@pytest.fixture
def packages(tmp_path):
    """Two drawings of three categories: bright or dark is the drawing, red to blue the category."""
    rng = np.random.default_rng(0)
    entries = [{"image": f"{i:02}.png", "category": f"kind {i % 3}"} for i in range(18)]
    for drawing, light in (("google", 40), ("twitter", 200)):
        folder = tmp_path / drawing / "img" / drawing / "64"
        folder.mkdir(parents=True)
        (tmp_path / drawing / "emoji.json").write_text(json.dumps(entries))
        for i, entry in enumerate(entries):
            color = np.full(3, light) + 25 * (np.arange(3) == i % 3)
            image = color + rng.integers(-8, 9, (64, 64, 3))
            write_picture(folder / entry["image"], image.astype(np.uint8))
    return [tmp_path / "google", tmp_path / "twitter"]


def test_both_drawings_of_an_emoji_are_a_pair(packages):
    data = styles.emoji(packages)
    assert data.images.shape == (36, 64, 64, 3)
    assert data.drawing.tolist() == [0] * 18 + [1] * 18
    assert np.array_equal(data.category, np.arange(36) % 18 % 3)
    assert len(styles.emoji(packages, limit=5).images) == 10


def test_what_colours_tell(packages, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(styles, "_COMPONENTS", 4)
    out = tmp_path / "styles.json"
    words = [*map(str, packages), "--only", "color", "--out", str(out)]
    assert styles.main(words) == 0
    (row,) = json.loads(out.read_text())["rows"]
    assert row["drawing"]["accuracy"] == 1
    assert row["drawing"]["nmi"] == pytest.approx(1)
    assert row["drawing"]["probe"] == 1
    assert row["category"]["probe"] == 1
    assert row["category"]["most"] == pytest.approx(1 / 3)
    assert row["nearest_same_drawing"] == 1
    assert row["nearest_same_category"] == 1
    assert capsys.readouterr().out.count("| color | 1.000 |") == 2


def test_twins_are_found_by_what_they_share():
    content = np.eye(6)
    points = np.concatenate([content, content + 0.01])
    drawing, base = np.repeat([0, 1], 6), np.tile(np.arange(6), 2)
    data = styles.Emoji(points, drawing, base // 2, base, [])
    assert styles.nearest(points, data)["nearest_is_twin"] == 1
