"""Clusters and a network that train each other, and the pictures that are drawn of both."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from clusterart_jax.condition import encode
from clusterart_jax.generate import CCI, Model, Schedule, draw, init_state, train
from clusterart_jax.generate._cci_clusters import (
    Clusters,
    assigned,
    followed,
    means,
    nearest_pictures,
    reclustered,
)
from clusterart_jax.generate._cci_network import FeatureNetwork
from clusterart_jax.generate._family import merged

KEY = jax.random.key(0)
RAW = jax.random.key_data(KEY)
SMALL = CCI((4, 4, 1), 3, width=4, latent=2, features=5, revise_every=20, components=3)
SCHEDULE = Schedule(steps=100, batch_size=8, learning_rate=1e-2)
DONE = jnp.float32(1)
N = 45


@pytest.fixture(scope="module")
def problem():
    """Pictures that are light above, below or nowhere; a tenth of the labels is wrong."""
    kind = np.arange(N) % 3
    x = np.random.default_rng(0).integers(0, 60, (N, 4, 4, 1))
    x[kind == 0, :2] += 180
    x[kind == 1, 2:] += 180
    labels = np.where(np.arange(N) % 10 == 9, (kind + 1) % 3, kind)
    return jnp.asarray(x, jnp.uint8), encode(jnp.asarray(labels), 3).codes


def begun(family, raw, images, codes):
    return init_state(family, SCHEDULE, jax.random.wrap_key_data(raw), images, codes)


def some_steps(raw, state, images, codes, until, sharding=None):
    key = jax.random.wrap_key_data(raw)
    return train(
        SMALL, SCHEDULE, key, state, images, codes, chunk=100, until=until, sharding=sharding
    )


begin = jax.jit(partial(begun, SMALL))
steps = jax.jit(some_steps)


@pytest.fixture(scope="module")
def trained(problem):
    start = begin(RAW, *problem)
    state, curves = steps(RAW, start, *problem, 100)
    model = Model(state.ema, jax.jit(SMALL.fit)(KEY, state.ema, state.memory, *problem))
    return start, state, curves, model


def light(problem):
    return problem[0].astype(jnp.float32) / 255


def equal(one, other, **tolerance):
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), **tolerance)


def test_j_is_the_sum_of_its_parts_against_numpy(trained, problem):
    _, state, _, _ = trained
    x, codes = light(problem), problem[1].at[0].set(0)
    codes = codes.at[1].set(jnp.array([0.25, 0.75, 0], jnp.float32))
    family = CCI((4, 4, 1), 3, width=4, latent=2, features=5, lam=0.7)
    loss, (memory, logs) = jax.jit(family.loss)(state.params, state.memory, KEY, x, codes, DONE)
    network = merged(FeatureNetwork, SMALL, state.params["classifier"])
    f = np.asarray(jax.jit(network.features)(x), np.float64)
    log_p = np.asarray(jax.jit(network.log_shares)(jnp.asarray(f, jnp.float32)), np.float64)
    np.testing.assert_allclose(f.mean(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose((f**2).mean(axis=1), 1, rtol=1e-4)
    np.testing.assert_allclose(np.exp(log_p).sum(axis=1), 1, rtol=1e-5)
    share, centers = np.asarray(codes, np.float64), np.asarray(state.memory.centers, np.float64)
    away = ((f[:, None] - centers) ** 2).mean(axis=2)
    np.testing.assert_allclose(logs["kmeans"], (share * away).sum() / (N - 1), rtol=1e-4)
    np.testing.assert_allclose(logs["cnn"], -(share * log_p).sum() / (N - 1), rtol=1e-4)
    np.testing.assert_allclose(logs["j"], logs["kmeans"] + 0.7 * logs["cnn"], rtol=1e-5)
    right = log_p.argmax(axis=1) == share.argmax(axis=1)
    np.testing.assert_allclose(logs["agreement"], right[1:].mean(), rtol=1e-5)
    assert float(loss) == float(logs["loss"])
    # Centres go a hundredth of the way to the means of this batch.
    new = share.T @ f / share.sum(axis=0)[:, None]
    np.testing.assert_allclose(memory.centers, 0.99 * centers + 0.01 * new, atol=1e-5)
    assert int(memory.seen) == int(state.memory.seen) + 1


def test_every_parameter_learns(trained, problem):
    state = trained[1]

    def cost(params):
        return SMALL.loss(params, state.memory, KEY, light(problem), problem[1], DONE)[0]

    for where, leaf in jax.tree_util.tree_leaves_with_path(jax.jit(jax.grad(cost))(state.params)):
        assert np.isfinite(leaf).all(), where
        assert np.abs(leaf).max() > 0, where


def test_j_falls_and_network_and_clusters_agree(trained, problem):
    start, state, curves, model = trained
    for name in ("loss", "j", "cnn"):
        values = np.asarray(curves[name])
        assert np.isfinite(values).all()
        assert values[-10:].mean() < 0.6 * values[:5].mean() or name == "loss"
        assert values[-10:].mean() < values[:5].mean()
    assert np.asarray(curves["agreement"])[-10:].mean() > 0.95
    # Wrong labels are put right, since their pictures lie with the others of their kind.
    kind = np.arange(N) % 3
    np.testing.assert_array_equal(np.argmax(state.memory.codes, axis=1), kind)
    assert (np.argmax(start.memory.codes, axis=1) != kind).sum() > 3
    fresh = np.clip(np.asarray(problem[0], np.int32) + 20, 0, 255) / 255
    seen = jax.jit(SMALL.shares)(model, jnp.asarray(fresh, jnp.float32))
    labels = jax.jit(SMALL.pseudo_labels)(model, jnp.asarray(fresh, jnp.float32))
    np.testing.assert_array_equal(labels, kind)
    np.testing.assert_array_equal(np.argmax(seen, axis=1), kind)


def test_draws_are_seen_as_what_was_asked(trained):
    model = trained[3]
    asked = np.arange(60) % 3
    y = jax.jit(partial(draw, SMALL))(model, KEY, jnp.eye(3, dtype=jnp.float32)[asked])
    assert y.shape == (60, 4, 4, 1)
    seen = jax.jit(SMALL.shares)(model, y.astype(jnp.float32) / 255)
    assert np.mean(np.argmax(seen, axis=1) == asked) > 0.9


def test_what_is_imagined_follows_the_seed(trained, problem):
    model = trained[3]
    seeds = light(problem)[:9]
    imagine = jax.jit(partial(SMALL.imagine, top=2))
    found = imagine(model, KEY, seeds, 0.02)
    assert found.shares.shape == (9, 3)
    assert found.pictures.shape == (9, 4, 4, 1)
    np.testing.assert_allclose(np.sum(found.shares, axis=1), 1, rtol=1e-5)
    kind = np.arange(9) % 3
    np.testing.assert_array_equal(found.classes[:, 0], kind)
    real = np.asarray(found.real)
    assert real.shape == (9, 2, 16)
    there = real[:, 0] >= 0
    assert there.sum(axis=1).min() == 15  # that many pictures are in each cluster
    assert (real[:, 0] % 3 == kind[:, None])[there].all()
    part = imagine(model, KEY, seeds[:4], 0.02)
    np.testing.assert_allclose(part.pictures, found.pictures[:4], atol=1e-6)
    noisy = imagine(model, KEY, seeds, 5.0)
    assert np.abs(noisy.shares - found.shares).max() > 0.1


def test_noise_alone_is_drawn_too(trained):
    found = jax.jit(lambda m: SMALL.imagine(m, KEY, noise=1.0, n=7))(trained[3])
    assert found.pictures.shape == (7, 4, 4, 1)
    assert found.real.shape == (7, 3, 16)
    np.testing.assert_array_equal(found.classes[:, 0], np.argmax(found.shares, axis=1))
    with pytest.raises(ValueError, match="seeds must have shape"):
        SMALL.imagine(trained[3], KEY, jnp.zeros((2, 3, 3, 1), jnp.float32))


@pytest.fixture
def moved():
    """Features of two kinds that have changed places since clusters were found, and one stray."""
    features = np.array([[9, 0], [9.5, 0], [10, 0], [0, 1], [0, 2], [0, 3], [9.5, 1]], np.float32)
    codes = np.eye(4, dtype=np.float32)[[2, 2, 2, 0, 0, 0, 0]]
    centers = np.full((4, 2), np.inf, np.float32)
    centers[0], centers[2] = [9, 0], [0, 2]
    return jnp.asarray(features), Clusters(
        jnp.asarray(centers), jnp.asarray(codes), jnp.int32(7), jnp.float32(0)
    )


def test_clusters_keep_their_numbers_however_far_features_move(moved):
    """Each starts from its own pictures: what lies near the centres of before does not count."""
    features, before = moved
    now = jax.jit(reclustered)(features, before)
    assert np.argmax(now.codes, axis=1).tolist() == [2, 2, 2, 0, 0, 0, 2]
    np.testing.assert_allclose(now.centers[0], [0, 2])
    np.testing.assert_allclose(now.centers[2], [9.5, 0.25])
    assert np.isinf(now.centers[1::2]).all()
    assert float(now.moved) == pytest.approx(1 / 7)
    assert int(now.seen) == 7


def test_pictures_in_no_cluster_stay_outside(moved):
    features, before = moved
    before = before._replace(codes=before.codes.at[6].set(0))
    now = jax.jit(reclustered)(features, before)
    np.testing.assert_array_equal(now.codes[6], 0)
    np.testing.assert_allclose(now.centers[2], [9.5, 0])


def test_means_are_weighted_by_shares():
    features = jnp.array([[0.0], [4.0], [8.0]], jnp.float32)
    codes = jnp.array([[1, 0, 0], [0.5, 0.5, 0], [0, 0, 0]], jnp.float32)
    np.testing.assert_allclose(means(features, codes)[:, 0], [4 / 3, 4, np.inf], rtol=1e-6)
    one_hot = assigned(features, jnp.array([[1.0], [3.0], [jnp.inf]], jnp.float32), codes)
    np.testing.assert_array_equal(one_hot, [[1, 0, 0], [0, 1, 0], [0, 0, 0]])


def test_a_cluster_without_pictures_in_a_batch_stays_and_a_new_one_begins():
    before = Clusters(
        jnp.array([[1.0], [5.0], [jnp.inf]], jnp.float32),
        jnp.zeros((4, 3), jnp.float32),
        jnp.int32(0),
        jnp.float32(0),
    )
    now = followed(
        before,
        jnp.array([[3.0], [9.0]], jnp.float32),
        jnp.array([[1, 0, 0], [0, 0, 1]], jnp.float32),
        0.75,
    )
    np.testing.assert_allclose(now.centers[:, 0], [1.5, 5, 9])


def test_the_nearest_pictures_come_first_and_gaps_are_named(moved):
    features, before = moved
    centers = jnp.array([[0, 1.2], [0, 0], [9.9, 0], [0, 0]], jnp.float32)
    found = nearest_pictures(features, centers, before.codes, 5)
    assert found.tolist() == [[3, 4, 5, 6, -1], [-1] * 5, [2, 1, 0, -1, -1], [-1] * 5]
    assert nearest_pictures(features, centers, before.codes, 9).shape == (4, 9)


def test_all_pictures_are_looked_at_again_after_so_many_steps(trained, problem):
    start = trained[0]
    before, _ = steps(RAW, start, *problem, 20)
    np.testing.assert_array_equal(before.memory.codes, problem[1])
    after, _ = steps(RAW, start, *problem, 21)
    assert float(after.memory.moved) > 0
    assert (np.asarray(after.memory.codes) != np.asarray(problem[1])).any()


def test_resumed_steps_are_the_same_steps(trained, problem):
    start, whole, curves, _ = trained
    part, _ = steps(RAW, start, *problem, 33)
    end, tail = steps(RAW, part, *problem, 100)
    equal(end, whole, rtol=0, atol=0)
    np.testing.assert_array_equal(tail["loss"][:67], curves["loss"][33:])


def test_data_parallel_steps_are_the_same_steps(trained, problem):
    mesh = Mesh(np.array(jax.devices()), ("data",))
    spread, every = (NamedSharding(mesh, PartitionSpec(*axes)) for axes in (("data",), ()))
    whole, curves = steps(RAW, trained[0], *problem, 23)
    arguments = jax.device_put((RAW, trained[0], *problem), every)
    state, shared = jax.jit(partial(some_steps, sharding=spread))(*arguments, 23)
    equal(state, whole, rtol=0, atol=1e-3)
    equal(shared, curves, rtol=0, atol=1e-3)


def test_bfloat16_computes_near_float32(trained, problem):
    narrow = CCI((4, 4, 1), 3, width=4, latent=2, features=5, compute="bfloat16")
    state = trained[0]
    found = []
    for family in (SMALL, narrow):
        slope = jax.jit(jax.grad(family.loss, has_aux=True))
        grads, rest = slope(state.params, state.memory, KEY, light(problem), problem[1], DONE)
        assert {a.dtype for a in jax.tree.leaves((grads, rest))} == {
            np.dtype("float32"),
            np.dtype("int32"),
        }
        found.append(np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(grads)]))
    one, other = found
    assert np.abs(one - other).max() > 0
    assert one @ other > 0.98 * np.linalg.norm(one) * np.linalg.norm(other)


def test_training_and_drawing_export_to_accelerators(problem):
    def job(raw, images, codes):
        key = jax.random.wrap_key_data(raw)
        state, curves = some_steps(raw, begun(SMALL, raw, images, codes), images, codes, 100)
        model = Model(state.ema, SMALL.fit(key, state.ema, state.memory, images, codes))
        return draw(SMALL, model, key, codes), SMALL.imagine(model, key, n=2), curves

    shapes = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in (RAW, *problem)]
    exported = jax.export.export(jax.jit(job), platforms=("cuda", "tpu"))(*shapes)
    assert exported.platforms == ("cuda", "tpu")


@pytest.mark.parametrize("shape", [(28, 28, 1), (1, 1, 1), (3, 2, 3), (5, 40, 1), (64, 64, 3)])
def test_pictures_of_any_shape_go_through(shape):
    family = CCI(shape, 2, width=2, latent=3, features=4, components=2)

    def through(key, images):
        codes = jnp.eye(2, dtype=jnp.float32)
        state = init_state(family, SCHEDULE, key, images, codes)
        model = Model(state.params, family.fit(key, state.ema, state.memory, images, codes))
        z = family.draw(model, jax.random.split(key), codes)
        y = family.decode(model, z, codes)
        return y, family.carry(model, family.encode(model, y, codes), codes, codes[::-1])

    y, z = jax.eval_shape(through, KEY, jax.ShapeDtypeStruct((2, *shape), jnp.uint8))
    assert y.shape == (2, *shape)
    assert z.shape == (2, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"network": "unet"}, "network"),
        ({"lam": -1.0}, "lam"),
        ({"features": 0}, "features"),
        ({"decay": 1.0}, "decay"),
        ({"revise_every": -1}, "revise_every"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        CCI((8, 8, 1), 2, **options)
