"""Where Fashion-MNIST is looked for, and what is said where it is nowhere."""

import pathlib

import numpy as np
import pytest

from clusterart_jax._errors import DataError
from clusterart_jax.data import _named, load

SYSTEM = pathlib.Path("/usr/share/datasets/fashion-mnist")


def test_places_are_tried_in_order(tmp_path, monkeypatch, nowhere, write_idx):
    given = tmp_path / "given"
    monkeypatch.setenv("CLUSTERART_DATA", str(given))
    places = [
        given / "fashion-mnist",
        given,
        tmp_path / "system/fashion-mnist",
        nowhere / "fashion-mnist",
    ]
    sets = [write_idx(place, seed=seed)[0] for seed, place in enumerate(places)]
    for place, images in zip(places, sets, strict=True):
        pictures = load("fashion-mnist")
        np.testing.assert_array_equal(pictures.images[..., 0], images)
        assert pictures.source == "fashion-mnist"
        assert pictures.names[2] == "fashion-mnist/2"
        for file in place.glob("train-*"):
            file.unlink()


def test_a_place_without_labels_is_passed_over(nowhere, tmp_path, write_idx):
    write_idx(tmp_path / "system/fashion-mnist", seed=1)
    (tmp_path / "system/fashion-mnist/train-labels-idx1-ubyte.gz").unlink()
    images, _ = write_idx(nowhere / "fashion-mnist", seed=2)
    np.testing.assert_array_equal(load("fashion-mnist").images[..., 0], images)


def test_the_error_names_every_place_and_how_to_get_it(tmp_path, monkeypatch, nowhere):
    monkeypatch.setenv("CLUSTERART_DATA", str(tmp_path / "given"))
    with pytest.raises(DataError) as caught:
        load("fashion-mnist")
    text = str(caught.value)
    places = [
        tmp_path / "given/fashion-mnist",
        tmp_path / "given",
        tmp_path / "system/fashion-mnist",
    ]
    for place in (*places, nowhere / "fashion-mnist"):
        assert str(place) in text
    assert "`clusterart run fashion-mnist --download`" in text
    assert "`apt-get install dataset-fashion-mnist`" in text
    assert "\n" not in text


def test_the_users_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert _named._cache() == tmp_path / "xdg/clusterart_jax"
    for ignored in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", ignored)
        assert _named._cache() == tmp_path / ".cache/clusterart_jax"


def test_a_user_without_a_home_is_told(monkeypatch, nowhere):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(pathlib.Path, "home", no_home)
    with pytest.raises(DataError, match=r"set \$XDG_CACHE_HOME"):
        load("fashion-mnist", download=True)


@pytest.mark.skipif(
    not SYSTEM.is_dir(), reason="the package dataset-fashion-mnist is not installed"
)
def test_the_published_set(monkeypatch):
    monkeypatch.delenv("CLUSTERART_DATA", raising=False)
    pictures = load("fashion-mnist")
    assert pictures.images.shape == (60_000, 28, 28, 1)
    assert np.bincount(pictures.labels).tolist() == [6000] * 10
    assert pictures.labels[:5].tolist() == [9, 0, 0, 3, 0]
