"""Clusters that a family finds anew while it trains: what is said of them, and what is drawn."""

import csv
import shutil
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
import pytest

import clusterart_jax as ca
from clusterart_jax.data import load
from clusterart_jax.generate import VAE
from clusterart_jax.job import describe, translate_pictures
from clusterart_jax.job._clusters import read_clustering
from clusterart_jax.job._reclustered import code_labels, moved
from clusterart_jax.pipeline import PipelineConfig


def test_labels_of_codes_and_the_share_that_moved():
    before = np.array([[1, 0], [0.4, 0.6], [0, 0], [0, 1]])
    after = np.array([[1, 0], [1, 0], [0, 0], [0, 0]])
    assert code_labels(before).tolist() == [0, 1, -1, 1]
    assert moved(before, after) == 0.5
    assert moved(before, before) == 0


@dataclass(frozen=True)
class Swapping(VAE):
    """Finds, at its third step, that the first two clusters are each other."""

    revise_every = 2

    def start(self, key, params, images, codes):
        return params, {"codes": jnp.array(codes), "looks": jnp.int32(0)}

    def revise(self, key, params, memory, images, codes):
        order = jnp.where(memory["looks"] == 1, jnp.array([1, 0, 2]), jnp.arange(3))
        return {"codes": memory["codes"][:, order], "looks": memory["looks"] + 1}

    def codes_of(self, memory, codes):
        return memory["codes"]


@pytest.fixture(scope="module")
def found(finished, tmp_path_factory):
    """The run of `finished` by such a family."""
    config = PipelineConfig.from_dict(describe(finished)["pipeline"])

    def swapping(self, shape):
        return Swapping(shape, self.n_codes, latent=2, width=4, components=1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PipelineConfig, "family", swapping)
        path = tmp_path_factory.mktemp("runs") / "swapped"
        yield ca.run("digits", path, config=config, limit=120)


def clusters(path):
    with (path / "clusters.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    trained = np.array([row["split"] == "training" for row in rows])
    return np.array([int(row["cluster"]) for row in rows]), trained


def test_clusters_and_numbers_are_those_at_the_end(finished, found):
    (before, trained), (after, _) = clusters(finished), clusters(found.path)
    np.testing.assert_array_equal(after[trained], np.array([1, 0, 2])[before[trained]])
    numbers = describe(finished)["metrics"]
    assert found.metrics["accuracy"] == pytest.approx(numbers["accuracy"], abs=0.1)
    share = np.mean(before[trained] < 2)
    assert found.warnings[-1].startswith("Training found the clusters anew: ")
    assert f"{share:.0%} of the pictures changed theirs" in found.warnings[-1]
    assert not any("anew" in warning for warning in describe(finished)["warnings"])


def test_new_pictures_are_of_the_cluster_of_the_nearest(finished, found):
    images = load("digits", limit=120).images
    config = PipelineConfig.from_dict(describe(found.path)["pipeline"])
    clustering = read_clustering(found.path, config, images.shape)
    after, _ = clusters(found.path)
    np.testing.assert_array_equal(clustering.labels, after)
    np.testing.assert_array_equal(clustering.assign(images)[0], after)
    assert not (finished / "reclustered.npz").exists()
    one = translate_pictures(found.path, images[:2], {2: 1.0})  # by what the run knows at its end
    assert one.clusters.tolist() == after[:2].tolist()


def test_what_is_asked_of_clusters_is_the_same_after_going_on(found, tmp_path):
    path = shutil.copytree(found.path, tmp_path / "run")
    for name in ("report.html", "reclustered.npz", "clusters.csv"):
        (path / name).unlink()
    config = PipelineConfig.from_dict(describe(path)["pipeline"])
    again = ca.run("digits", path, config=config, limit=120, resume=True)
    assert again.metrics == found.metrics
    for name in ("reclustered.npz", "clusters.csv"):
        assert (path / name).read_bytes() == (found.path / name).read_bytes()
