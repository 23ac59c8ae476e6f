"""Which pictures of its training set a generator comes nearest to."""

import numpy as np
import pytest
from PIL import Image

from clusterart_jax._errors import ConfigError, DataError
from clusterart_jax.cli import main
from clusterart_jax.data import load
from clusterart_jax.job import _nearest, describe, generate_pictures, nearest_pictures

pytestmark = pytest.mark.usefixtures("plain_plots")


def test_training_pictures_are_their_own_nearest(finished):
    of_run = load("digits", limit=120)
    trained_on = of_run.images[held(finished) == 0]
    found = nearest_pictures(finished, trained_on[:5], n=5, k=3)
    assert found.nearest.shape == (5, 3, 8, 8, 1)
    np.testing.assert_array_equal(found.nearest[:, 0], trained_on[:5])
    np.testing.assert_array_equal(found.distances[:, 0], 0)
    np.testing.assert_array_equal(of_run.images[found.rows], found.nearest)
    assert found.names[0][0] == of_run.names[found.rows[0, 0]]


def held(run):
    """(n,) 1 for pictures that clusters.csv says were not trained on."""
    lines = (run / "clusters.csv").read_text(encoding="utf-8").splitlines()
    column = lines[0].split(",").index("split")
    return np.array([line.split(",")[column] != "training" for line in lines[1:]], int)


@pytest.mark.parametrize("at_once", [17, 2**16])
def test_generated_pictures_and_their_nearest(finished, monkeypatch, at_once):
    monkeypatch.setattr(_nearest, "_AT_ONCE", at_once)
    found = nearest_pictures(finished, n=4, k=20, shares={1: 1.0}, seed=3)
    np.testing.assert_array_equal(found.pictures, generate_pictures(finished, {1: 1}, 4, seed=3))
    rows = np.flatnonzero(held(finished) == 0)
    every = load("digits", limit=120).images[rows].reshape(len(rows), -1) / 255
    far = ((found.pictures.reshape(4, 1, -1) / 255 - every) ** 2).mean(2) ** 0.5
    np.testing.assert_allclose(found.distances, np.sort(far, axis=1)[:, :20], rtol=1e-5)
    np.testing.assert_array_equal(found.rows[:, 0], rows[far.argmin(1)])


def test_the_command_writes_a_sheet(finished, tmp_path, capsys):
    sheet = tmp_path / "near.png"
    assert main(["nearest", str(finished), "-n", "2", "--out", str(sheet)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("  0  nearest digits/")
    assert lines[-1] == str(sheet)
    with Image.open(sheet) as shown:
        assert 4 < shown.width / shown.height < 5  # 2 rows of a picture and 8 beside it


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 0}, "n must be a whole number between 1 and 256, not 0"),
        ({"k": 1000}, "k must be a whole number between 1 and 108"),
        ({"shares": {9: 1.0}}, "cluster 9 does not exist"),
        ({"pictures": "digits", "shares": {1: 1.0}}, "shares are for pictures that are drawn"),
    ],
)
def test_bad_arguments(finished, options, message):
    with pytest.raises(ConfigError, match=message):
        nearest_pictures(finished, **options)


def test_other_pictures_than_those_of_the_run_are_refused(finished):
    with pytest.raises(DataError, match="holds other pictures"):
        nearest_pictures(finished, data=np.zeros((120, 8, 8, 1), np.uint8))
    assert describe(finished)["data"]["pictures"] == 120
