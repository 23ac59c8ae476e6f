"""`clusterart segment`: pictures, masks, and one line for each error."""

import shlex

import numpy as np
import pytest
from skimage import data

from clusterart_jax.cli import main
from clusterart_jax.data import read_picture, write_picture


@pytest.fixture
def said(capsys, tmp_path, monkeypatch):
    """Runs words beside a photograph; gives the exit code, output and error lines."""
    monkeypatch.chdir(tmp_path)
    write_picture("photo.jpg", data.chelsea()[60:140, 100:212])

    def call(*words):
        capsys.readouterr()
        code = main(["segment", *map(str, words)])
        out, err = capsys.readouterr()
        return code, out.splitlines(), err.splitlines()

    return call


def test_the_example_of_its_help(said, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    _, lines, _ = said("--help")
    assert max(map(len, lines)) <= 80
    words = shlex.split(lines[lines.index("Example:") + 1])
    code, out, err = said(*words[2:])
    assert (code, err) == (0, [])
    assert out[-1] == "parts.png"
    assert len(out) == 7
    assert out[0].split()[0] == "0"
    means = read_picture("parts.png")
    assert means.shape == (80, 112, 3)
    assert len(np.unique(means.reshape(-1, 3), axis=0)) == 6


def test_masks_and_cut_outs_agree(said):
    for shown in ("mask", "cutout"):
        code, _, err = said("photo.jpg", "-k", 5, "--as", shown, "--only", "1,3", "--out", "a.png")
        assert (code, err) == (0, [])
        if shown == "mask":
            mask = read_picture("a.png")
    assert mask.shape == (80, 112, 1)
    assert set(np.unique(mask)) == {0, 255}
    assert np.array_equal(read_picture("a.png")[..., 3:], mask)


def test_label_maps(said):
    code, out, err = said("photo.jpg", "-k", 5, "--as", "labels", "--quiet")
    assert (code, out, err) == (0, ["photo-segments.png"], [])
    labels = read_picture("photo-segments.png")
    assert labels.shape == (80, 112, 1)
    assert np.unique(labels).tolist() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("method", ["gmm", "dbscan", "agglomerative", "slic"])
def test_every_method_draws(said, method):
    code, out, err = said("photo.jpg", "--method", method, "--size", 64, "--as", "colors")
    assert (code, err, out[-1]) == (0, [], "photo-segments.png")
    assert read_picture("photo-segments.png").shape == (46, 64, 3)


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["photo.jpg", "--as", "mask"], 2, "--as mask needs --only"),
        (["photo.jpg", "--only", "1"], 2, "--as outlines takes no --only"),
        (["photo.jpg", "--as", "mask", "--only", "x"], 2, "--only must be numbers"),
        (["photo.jpg", "--as", "mask", "--only", "9"], 2, "no segment 9"),
        (["photo.jpg", "-k", "0"], 2, "k must be between"),
        (["photo.jpg", "-k", "0", "--method", "slic"], 2, "-k must be between"),
        (["photo.jpg", "-k", "3", "--method", "dbscan"], 2, "it takes no -k"),
        (["photo.jpg", "--method", "slic", "--eps", "1"], 2, "--method slic takes no --eps"),
        (["photo.jpg", "--method", "slic", "--connected"], 2, "takes no --connected"),
        (["photo.jpg", "--method", "kmean"], 2, "kmeans"),
        (["photo.jpg", "--width", "0"], 2, "width must be at least 1"),
        (["photo.jpg", "--out", "a.jpg"], 2, "--out must end in .png"),
        (["none.jpg"], 3, "cannot read 'none.jpg'"),
        (["photo.jpg", "--out", "none/a.png"], 4, "none"),
    ],
)
def test_one_line_for_each_error(said, tmp_path, words, code, text):
    found, out, err = said(*words)
    assert (found, out, len(err)) == (code, [], 1)
    assert text in err[0]
    assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]
