"""Pictures that stay in their file: the same training as of pictures on the device."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import clusterart_jax as ca
from clusterart_jax.condition import encode
from clusterart_jax.data import _arrays, load
from clusterart_jax.generate import VAE, Schedule
from clusterart_jax.job import _clusters, _feeds, _training
from clusterart_jax.job._feeds import Feed, sample_rows
from clusterart_jax.pipeline import ClusterConfig

pytestmark = pytest.mark.usefixtures("plain_plots")

FAMILY = VAE((8, 8, 1), 3, latent=2, width=4, components=1)
SCHEDULE = Schedule(steps=21, batch_size=8)
KEY = jax.random.key(3)


@pytest.fixture
def mapped(tmp_path, digits, monkeypatch):
    """A file of pictures, which stays one, and of which few are fetched at once."""
    path = tmp_path / "many.npy"
    np.save(path, (digits.reshape(-1, 8, 8, 1) * 15).astype(np.uint8))
    monkeypatch.setattr(_arrays, "LARGE_BYTES", 1000)
    monkeypatch.setattr(_feeds, "LARGE_BYTES", 1000)
    monkeypatch.setattr(_feeds, "_CHUNK_BYTES", 5 * 8 * 64)
    monkeypatch.setattr(_clusters, "_PART_BYTES", 70 * 64)
    return path


def trained(images, tmp_path, name):
    rows = np.flatnonzero(np.arange(len(images)) % 7 > 0)
    codes = encode(jnp.arange(len(rows), dtype=jnp.int32) % 3, 3).codes
    feed = Feed(FAMILY, SCHEDULE, KEY, images, rows, codes)
    state, curves = _training.train_in_chunks(feed, KEY, tmp_path / name, quiet=True)
    return feed, state, curves


def test_steps_are_those_of_pictures_on_the_device(mapped, tmp_path, monkeypatch):
    images = load(mapped).images
    assert _arrays._is_mapped(images)
    feed, state, curves = trained(images, tmp_path, "streamed")
    assert feed.streams
    assert feed.most == 5
    monkeypatch.setattr(_feeds, "LARGE_BYTES", 2**30)
    resident, expected, losses = trained(np.array(images), tmp_path, "resident")
    assert not resident.streams
    np.testing.assert_allclose(curves["loss"], losses["loss"], rtol=2e-4)
    assert int(state.step) == int(expected.step) == 21
    for one, other in zip(jax.tree.leaves(state.ema), jax.tree.leaves(expected.ema), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-3)


def test_points_of_a_file_are_those_of_an_array(mapped, monkeypatch):
    images, config = load(mapped).images, ClusterConfig(n_components=6)
    projection, points = _clusters._project(images, config)
    monkeypatch.setattr(_clusters, "is_large", lambda images: False)
    expected, others = _clusters._project(np.array(images), config)
    np.testing.assert_allclose(projection.mean, expected.mean, atol=1e-6)
    np.testing.assert_allclose(points, others, atol=1e-5)


def test_a_run_of_a_file_works_and_resumes(mapped, tmp_path):
    config = ca.PipelineConfig(
        k=3, n_init=1, steps=12, batch_size=8, n_samples=6, width=4, latent=2, components=1
    )
    done = ca.run(mapped, tmp_path / "run", config=config)
    assert done.metrics["reconstruction error"] < 1
    again = ca.run(mapped, tmp_path / "run", config=config, resume=True)
    assert again.complete_before


def test_a_sample_is_even_and_whole_where_there_are_few():
    assert sample_rows(5, 5).tolist() == [0, 1, 2, 3, 4]
    rows = sample_rows(1_000_003, 1000)
    assert (rows[0], rows[-1], len(np.unique(rows))) == (0, 1_000_002, 1000)
    assert set(np.diff(rows)) <= {1000, 1001, 1002}
