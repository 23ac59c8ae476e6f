"""The whole job as one function: it compiles to one program, anywhere, and says what is wrong."""

import dataclasses
import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import clusterart_jax as ca
from clusterart_jax._errors import ConfigError
from clusterart_jax.condition import encode
from clusterart_jax.generate import Model, draw, reconstruct, to_uint8
from clusterart_jax.pipeline import (
    METHODS,
    ClusterConfig,
    Found,
    Keys,
    PipelineConfig,
    clustered,
    project,
    turns,
)

CONFIG = PipelineConfig(
    k=3,
    n_components=4,
    n_init=2,
    steps=5,
    batch_size=8,
    n_samples=7,
    width=4,
    latent=2,
    components=1,
)
KEY = jax.random.key(0)


def equal(one, other):
    assert jax.tree.structure(one) == jax.tree.structure(other)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def close(one, other):
    """Labels and the like the same; floats but for rounding, pictures but for one grey level."""
    assert jax.tree.structure(one) == jax.tree.structure(other)
    leaves = (map(np.asarray, jax.tree.leaves(tree)) for tree in (one, other))
    for a, b in zip(*leaves, strict=True):
        assert a.dtype == b.dtype
        if a.dtype == np.uint8:
            assert np.abs(a.astype(int) - b).max() <= 1
        else:
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


@pytest.fixture(scope="module")
def images(digits):
    return (digits[:40] * 15.9).astype(np.uint8).reshape(40, 8, 8, 1)


@pytest.fixture(scope="module")
def job():
    """The job under `jit`, with its configuration closed over."""
    return jax.jit(partial(ca.cluster_then_generate, config=CONFIG))


@pytest.fixture(scope="module")
def result(job, images):
    return job(KEY, images)


def test_what_comes_out_is_what_is_documented(result):
    assert result.labels.shape == (40,)
    assert set(np.unique(result.labels)) == {0, 1, 2}
    assert result.samples.shape == (7, 8, 8, 1)
    assert result.samples.dtype == np.uint8
    np.testing.assert_array_equal(result.sample_labels, [0, 1, 2, 0, 1, 2, 0])
    assert result.found_labels.shape == (7,)
    assert set(result.losses) == {"loss", "error", "kl"}
    for curve in result.losses.values():
        assert curve.shape == (5,)
        assert np.isfinite(curve).all()
    latents = result.model.fitted
    m = latents.weight.shape[1]
    assert latents.mean.shape == (3, m, 2)
    assert latents.scale.shape == (3, m, 2, 2)
    assert len(np.unique(np.asarray(result.samples).reshape(7, -1), axis=0)) == 7


def test_the_clustering_gives_its_own_pictures_their_labels(result, images):
    clustering = result.clustering
    labels, distances = clustering.assign(images)
    np.testing.assert_array_equal(labels, result.labels)
    np.testing.assert_allclose(distances, clustering.distances, atol=1e-5)
    np.testing.assert_array_equal(clustering.labels, result.labels)
    inertia = float(np.sum(np.asarray(clustering.distances, np.float64) ** 2))
    assert float(clustering.inertia) == pytest.approx(inertia, rel=1e-4)
    points = np.asarray(clustering.projection.transform(images.reshape(40, -1) / 255))
    for c in range(3):
        mean = points[np.asarray(result.labels) == c].mean(axis=0)
        np.testing.assert_allclose(clustering.centers[c], mean, atol=1e-4)


def test_the_found_labels_are_those_of_the_samples(result):
    np.testing.assert_array_equal(result.clustering.assign(result.samples)[0], result.found_labels)


def test_it_is_the_same_with_a_static_argument_and_compiles_once(job, result, images, compilations):
    other = jax.jit(ca.cluster_then_generate, static_argnums=2)
    first = other(KEY, images, CONFIG)
    count = compilations.count
    again = other(KEY, images, dataclasses.replace(CONFIG))
    known = job(KEY, images)
    assert compilations.count == count
    equal(first, result)
    equal(again, result)
    equal(known, result)


def test_the_configuration_is_static_wherever_it_is_an_argument(result, images):
    job = jax.jit(ca.cluster_then_generate)
    equal(job(KEY, images, CONFIG), result)
    equal(job(KEY, images, config=dataclasses.replace(CONFIG)), result)
    assert jax.tree.leaves(CONFIG) == []
    exported = jax.export.export(job)(KEY, images, CONFIG)
    again = jax.export.deserialize(bytearray(exported.serialize()))
    shapes = jax.eval_shape(again.call, KEY, images, CONFIG)
    assert jax.tree.structure(shapes) == jax.tree.structure(result)


def test_another_key_gives_another_result(job, result, images):
    other = job(jax.random.key(1), images)
    assert (np.asarray(other.samples) != np.asarray(result.samples)).any()


def test_vmap_over_keys_equals_a_loop(job, images):
    keys = jax.random.split(jax.random.key(7), 2)
    population = jax.jit(jax.vmap(ca.cluster_then_generate, in_axes=(0, None, None)))(
        keys, images, CONFIG
    )
    assert population.samples.shape == (2, 7, 8, 8, 1)
    for i, key in enumerate(keys):
        close(jax.tree.map(lambda a, i=i: a[i], population), job(key, images))


def equations(steps, n_init=2):
    config = dataclasses.replace(CONFIG, steps=steps, n_init=n_init)
    images = jax.ShapeDtypeStruct((40, 8, 8, 1), np.uint8)
    return str(jax.make_jaxpr(partial(ca.cluster_then_generate, config=config))(KEY, images))


def test_one_program_without_callbacks_that_does_not_grow_with_the_work():
    short, long = equations(5), equations(5000, n_init=20)
    assert "callback" not in short
    assert short.count(" = ") == long.count(" = ") > 100


def test_it_exports_to_every_backend_and_back(job, result, images):
    exported = jax.export.export(job, platforms=["cpu", "cuda", "tpu"])(KEY, images)
    assert exported.platforms == ("cpu", "cuda", "tpu")
    again = jax.export.deserialize(bytearray(exported.serialize()))
    close(again.call(KEY, images), result)  # a program for three backends rounds differently


ALGORITHMS = {
    "gmm": {"covariance_type": "tied"},
    "dbscan": {"min_samples": 2},
    "hdbscan": {"min_cluster_size": 3, "min_samples": 2},
    "agglomerative": {"linkage": "single", "distance_threshold": 1.2},
}


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_algorithm_is_one_program_for_every_backend(images, name):
    config = dataclasses.replace(CONFIG, cluster=name, **ALGORITHMS[name])
    keys = jax.random.split(jax.random.key(7), 2)
    job = jax.jit(jax.vmap(partial(ca.cluster_then_generate, config=config), (0, None)))
    exported = jax.export.export(job, platforms=["cpu", "cuda", "tpu"])(keys, images)
    again = jax.export.deserialize(bytearray(exported.serialize()))
    assert "callback" not in again.mlir_module()
    if name != "hdbscan":  # one shows that what is exported runs
        return
    result = jax.tree.map(lambda a: a[1], again.call(keys, images))
    projection, points = project(images, config)
    found = METHODS[name].find(Keys.of(keys[1]).cluster, points, config)
    expected = clustered(projection, points, found, config)
    np.testing.assert_array_equal(result.labels, expected.labels)
    assert int(result.clustering.n_found) == int(found.n_clusters) > 0
    assert result.clustering.config == config
    there = np.unique(result.labels[result.labels >= 0])
    np.testing.assert_array_equal(result.sample_labels, there[np.arange(7) % len(there)])
    np.testing.assert_array_equal(expected.assign(images)[0], expected.labels)
    assert np.isfinite(result.losses["loss"]).all()
    assert not [leaf.dtype for leaf in jax.tree.leaves(result) if leaf.dtype.itemsize > 4]


def found_by_hand(labels, n_clusters):
    labels = jnp.array(labels, jnp.int32)
    zero = jnp.float32(0)
    return Found(labels, jnp.int32(n_clusters), None, None, jnp.int32(0), jnp.bool(True), zero, {})


def test_the_largest_clusters_are_kept_in_their_order():
    points = jnp.arange(8, dtype=jnp.float32)[:, None]
    config = ClusterConfig(cluster="hdbscan", k=2)
    found = found_by_hand([2, 0, 0, 1, -1, 2, 2, 0], 3)
    clustering = clustered(None, points, found, config)
    assert clustering.labels.tolist() == [1, 0, 0, -1, -1, 1, 1, 0]
    assert int(clustering.n_found) == 3
    np.testing.assert_allclose(clustering.centers[:, 0], [10 / 3, 11 / 3], rtol=1e-6)
    distances = [11 / 3, 7 / 3, 4 / 3, np.nan, np.nan, 4 / 3, 7 / 3, 11 / 3]
    np.testing.assert_allclose(clustering.distances, distances, rtol=1e-5)
    assert float(clustering.inertia) == pytest.approx(np.nansum(np.square(distances)), rel=1e-5)
    everything = clustered(None, points, found, config, most=5)
    np.testing.assert_array_equal(everything.labels, found.labels)
    assert np.isinf(everything.centers[3:]).all()


def test_all_noise_is_told_by_the_result():
    points = jnp.ones((3, 2), jnp.float32)
    found = found_by_hand([-1, -1, -1], 0)
    clustering = clustered(None, points, found, ClusterConfig(cluster="dbscan", k=2))
    assert clustering.labels.tolist() == [-1, -1, -1]
    assert np.isnan(clustering.distances).all()
    assert float(clustering.inertia) == 0
    assert turns(np.zeros(2, bool), 3).tolist() == [-1, -1, -1]


def test_copies_have_a_radius():
    points = jnp.zeros((6, 2), jnp.float32)
    found = METHODS["dbscan"].find(KEY, points, ClusterConfig(cluster="dbscan"))
    assert float(found.extras["eps"]) > 0
    assert found.labels.tolist() == [0] * 6


def test_codes_are_one_wider_where_there_may_be_noise():
    assert PipelineConfig(k=3).n_codes == 3
    assert PipelineConfig(k=3, cluster="agglomerative").n_codes == 3
    assert PipelineConfig(k=3, cluster="agglomerative", distance_threshold=1.0).n_codes == 4
    assert PipelineConfig(k=3, cluster="dbscan").family((8, 8, 1)).n_codes == 4


def test_x64_changes_no_dtype(result):
    """These tests run with 64 bits on; the job stays in 32."""
    wide = [leaf.dtype for leaf in jax.tree.leaves(result) if leaf.dtype.itemsize > 4]
    assert not wide


@pytest.mark.parametrize(
    ("change", "n"),
    [({"batch_size": 50}, 12), ({"n_samples": 2}, 12), ({"k": 1}, 12), ({"k": 3}, 3)],
    ids=["batch above n", "samples below k", "one cluster", "k is n"],
)
def test_odd_sizes_work(images, change, n):
    config = dataclasses.replace(CONFIG, steps=2, n_init=1, **change)
    out = jax.eval_shape(
        partial(ca.cluster_then_generate, config=config),
        KEY,
        jax.ShapeDtypeStruct((n, 8, 8, 1), np.uint8),
    )
    assert out.samples.shape == (config.n_samples, 8, 8, 1)
    assert out.clustering.centers.shape == (config.k, 4 if n > 4 else n)


def test_more_clusters_than_pictures_is_an_error(images):
    with pytest.raises(ValueError, match=r"k must be between 1 and 2, not 3"):
        ca.cluster_then_generate(KEY, images[:2], CONFIG)


@pytest.mark.parametrize(
    ("bad", "kind", "words"),
    [
        (np.zeros((5, 8, 8), np.uint8), ValueError, r"images must have shape .*\(5, 8, 8\)"),
        (np.zeros((5, 8, 8, 1), np.float32), TypeError, "images must be uint8.*float32"),
        (np.zeros((0, 8, 8, 1), np.uint8), ValueError, "at least one picture"),
        (np.zeros((5, 0, 8, 1), np.uint8), ValueError, "at least one picture"),
    ],
    ids=["three axes", "float", "none", "no pixels"],
)
def test_wrong_pictures_are_named(bad, kind, words):
    with pytest.raises(kind, match=words):
        ca.cluster_then_generate(KEY, bad, CONFIG)


@pytest.mark.parametrize("bad", [0, None, np.zeros(2, np.uint32)])
def test_a_wrong_key_is_named(images, bad):
    with pytest.raises(TypeError, match=r"key must come from jax\.random\.key"):
        ca.cluster_then_generate(bad, images, CONFIG)


def test_the_stages_have_keys_of_their_own():
    data = [jax.random.key_data(key).tolist() for key in Keys.of(KEY)]
    assert len({tuple(d) for d in data}) == len(Keys._fields)


class Tinted:
    """A family whose picture is its code's first share, so that blocks can be told apart."""

    def draw(self, model, keys, codes, temperature):
        return jax.vmap(lambda key: jax.random.uniform(key, (1,), jnp.float32))(keys)

    def decode(self, model, z, codes):
        return jnp.broadcast_to(codes[:, :1, None, None] + model.params, (len(codes), 2, 2, 1))

    def encode(self, model, images, codes):
        return codes


class Speckled(Tinted):
    """One whose picture is what was drawn."""

    def decode(self, model, z, codes):
        return jnp.broadcast_to(z[:, :, None, None], (len(codes), 2, 2, 1))


@pytest.mark.parametrize("n", [1, 128, 129, 300])
def test_pictures_are_made_in_blocks_that_meet(n):
    share = jnp.linspace(0, 1, n, dtype=jnp.float32)[:, None]
    expected = np.asarray(to_uint8(jnp.broadcast_to(share[:, :, None, None], (n, 2, 2, 1))))
    drawn = jax.jit(draw, static_argnums=0)
    pictures = drawn(Tinted(), Model(jnp.float32(0), ()), KEY, share)
    np.testing.assert_array_equal(pictures, expected)
    again, errors = reconstruct(Tinted(), Model(jnp.float32(0.1), ()), KEY, expected, share)
    assert again.shape == expected.shape
    difference = np.asarray(share[:, 0]) + 0.1 - expected[:, 0, 0, 0] / 255
    np.testing.assert_allclose(errors, difference**2, atol=1e-6)
    random = np.asarray(drawn(Speckled(), Model((), ()), KEY, share))
    assert n < 128 or len(np.unique(random)) > 50
    first = drawn(Speckled(), Model((), ()), KEY, share[:1])
    np.testing.assert_array_equal(random[:1], first)


def test_pixels_are_rounded_and_clipped():
    x = jnp.array([-0.5, 0.0, 0.5 / 255 - 1e-4, 0.5 / 255 + 1e-4, 1.0, 7.0], jnp.float32)
    assert to_uint8(x.reshape(6, 1, 1, 1)).ravel().tolist() == [0, 0, 0, 1, 255, 255]


def test_draws_follow_the_codes(result):
    """A code of one cluster only is drawn about one of that cluster's Gaussians."""
    family, model = CONFIG.family((8, 8, 1)), result.model
    codes = encode(jnp.zeros(5, jnp.int32), 3).codes
    cold = np.asarray(jax.jit(draw, static_argnums=0)(family, model, KEY, codes, 1e-6))
    own = model.fitted.mean[0]
    middles = family.decode(model, own, jnp.tile(codes[:1], (len(own), 1)))
    off = cold[:, None].astype(int) - np.asarray(to_uint8(middles))[None]
    assert np.abs(off).max(axis=(2, 3, 4)).min(axis=1).max() <= 1


def test_the_configuration_is_a_value():
    assert PipelineConfig() == PipelineConfig(k=10)
    assert len({PipelineConfig(), PipelineConfig(k=10), PipelineConfig(k=9)}) == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        PipelineConfig().k = 3
    assert type(PipelineConfig(k=np.int64(3)).k) is int


def test_augmentations_come_as_words_of_json_and_stay_hashable():
    config = PipelineConfig.from_dict({"generator": "gan", "augment": ["color", "cutout"]})
    assert hash(config) == hash(PipelineConfig(generator="gan", augment=("color", "cutout")))
    assert config.family((8, 8, 1)).augment == ("color", "cutout")
    for wrong in ("color", ["colour"]):
        with pytest.raises(ConfigError, match="augment must be"):
            PipelineConfig.from_dict({"generator": "gan", "augment": wrong})


def test_api_fields_are_there():
    names = {field.name for field in dataclasses.fields(PipelineConfig)}
    assert {"k", "steps", "batch_size", "generator", "n_samples"} <= names


@pytest.mark.parametrize(
    ("key", "near"), [("step", "steps"), ("batchsize", "batch_size"), ("K", "keys are k,")]
)
def test_an_unknown_key_names_the_nearest(key, near):
    with pytest.raises(ConfigError, match=f"unknown configuration key '{key}'.*{near}"):
        PipelineConfig.from_dict({key: 3})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("k", 0),
        ("k", 2.5),
        ("k", True),
        ("k", "3"),
        ("steps", -1),
        ("steps", 3_000_000_000),
        ("width", 100_000),
        ("batch_size", None),
        ("n_samples", 0),
        ("learning_rate", 0),
        ("learning_rate", float("nan")),
        ("learning_rate", "fast"),
        ("temperature", -1.0),
        ("temperature", float("inf")),
        ("generator", "vea"),
        ("cluster", "kmean"),
        ("linkage", "wards"),
        ("selection", None),
        ("covariance_type", "round"),
        ("eps", 0),
        ("eps", "wide"),
        ("min_samples", 0),
        ("min_cluster_size", 1),
        ("distance_threshold", -1.0),
    ],
)
def test_a_value_that_cannot_be_is_named(name, value):
    with pytest.raises(ConfigError, match=rf"{name} must be .*{re.escape(repr(value))}"):
        PipelineConfig.from_dict({name: value})
