"""Vector-quantised autoencoder and prior, trained together, resumed, spread, exported."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from clusterart_jax.condition import encode
from clusterart_jax.generate import RNN, Model, Schedule, draw, init_state, train
from clusterart_jax.generate._codebook import Codebook
from clusterart_jax.generate._family import merged
from clusterart_jax.generate._levels import logistic_nats
from clusterart_jax.generate._rnn import Grids, _Network

KEY = jax.random.key(0)
SMALL = RNN((4, 4, 1), 2, width=4, codebook=6, dims=3, hidden=8)
SCHEDULE = Schedule(steps=80, batch_size=8, learning_rate=1e-2)
HALF = jnp.float32(0.5)


@pytest.fixture(scope="module")
def problem():
    """Thirty pictures: light in one cluster, dark in the other."""
    labels = jnp.arange(30) % 2
    noise = jax.random.randint(jax.random.key(5), (30, 4, 4, 1), 0, 40)
    return (labels[:, None, None, None] * 200 + noise).astype(jnp.uint8), encode(labels, 2).codes


def begun(raw, images, codes):
    return init_state(SMALL, SCHEDULE, jax.random.wrap_key_data(raw), images, codes)


def some_steps(raw, state, images, codes, until, sharding=None):
    key = jax.random.wrap_key_data(raw)
    return train(
        SMALL, SCHEDULE, key, state, images, codes, chunk=80, until=until, sharding=sharding
    )


steps = jax.jit(some_steps)
RAW = jax.random.key_data(KEY)


@pytest.fixture(scope="module")
def trained(problem):
    start = jax.jit(begun)(RAW, *problem)
    state, curves = steps(RAW, start, *problem, 80)
    model = Model(state.ema, jax.jit(SMALL.fit)(KEY, state.ema, state.memory, *problem))
    return start, state, curves, model


def equal(one, other, **tolerance):
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), **tolerance)


def test_the_loss_falls_and_vectors_are_used(trained):
    start, state, curves, _ = trained
    loss = np.asarray(curves["loss"])
    assert np.isfinite(loss).all()
    assert loss[-10:].mean() < loss[:10].mean() - 1
    prior = np.asarray(curves["prior"])
    assert prior[-10:].mean() < prior[:5].mean()
    assert isinstance(state.memory, Codebook)
    assert float(jnp.sum(jnp.abs(start.memory.vectors - state.memory.vectors))) > 0
    assert np.asarray(curves["used"])[-1] > 1.5


def test_the_codebook_starts_from_k_means_of_encoder_outputs(trained, problem):
    """Each vector is the mean of the outputs it stands for, or nearly: k-means has converged."""
    start = trained[0]
    z = jax.jit(partial(outputs, SMALL))(start.params, problem[0].astype(jnp.float32) / 255)
    z = np.asarray(z).reshape(-1, 3)
    vectors = np.asarray(start.memory.vectors)
    near = ((z[:, None] - vectors) ** 2).sum(axis=2).argmin(axis=1)
    for j in range(6):
        np.testing.assert_allclose(vectors[j], z[near == j].mean(axis=0), atol=1e-3)
    np.testing.assert_allclose(
        start.memory.share, np.bincount(near, minlength=6) / len(z), atol=0.02
    )


def outputs(family, params, x):
    return merged(_Network, family, params).encode(x)


def cost(family, params, memory, x, codes):
    return family.loss(params, memory, KEY, x, codes, HALF)


def test_the_loss_is_the_bound_and_the_commitment(trained, problem):
    _, state, _, _ = trained
    x, codes = problem[0].astype(jnp.float32) / 255, problem[1]
    loss, (_, logs) = jax.jit(partial(cost, SMALL))(state.params, state.memory, x, codes)
    model = Model(state.params, Grids(state.memory.vectors, jnp.zeros((2, 2, 2, 3), jnp.float32)))
    z = np.asarray(jax.jit(partial(outputs, SMALL))(state.params, x))
    q = np.asarray(jax.jit(SMALL.encode)(model, x, codes))
    near = ((z[..., None, :] - np.asarray(state.memory.vectors)) ** 2).sum(axis=-1).argmin(axis=-1)
    np.testing.assert_array_equal(q, np.asarray(state.memory.vectors)[near])
    bound = float(jnp.mean(jax.jit(SMALL.nats)(model, x, codes))) / 16
    away = np.mean((z - q) ** 2)
    np.testing.assert_allclose(logs["loss"], bound, rtol=1e-4)
    np.testing.assert_allclose(loss, bound + SMALL.commitment * away, rtol=1e-4)
    y = np.asarray(jax.jit(SMALL.decode)(model, jnp.asarray(q), codes))
    np.testing.assert_allclose(logs["error"], np.mean((y - np.asarray(x)) ** 2), rtol=1e-4)


def test_every_parameter_learns_and_the_prior_moves_neither_encoder_nor_decoder(trained, problem):
    start = trained[0]
    x, codes = problem[0].astype(jnp.float32) / 255, problem[1]

    def prior(params):
        return SMALL.loss(params, start.memory, KEY, x, codes, HALF)[1][1]["prior"]

    def whole(params):
        return SMALL.loss(params, start.memory, KEY, x, codes, HALF)[0]

    for where, leaf in jax.tree_util.tree_leaves_with_path(jax.jit(jax.grad(prior))(start.params)):
        of_prior = "prior" in jax.tree_util.keystr(where)
        assert (np.abs(leaf).max() > 0) == of_prior, where
    for where, leaf in jax.tree_util.tree_leaves_with_path(jax.jit(jax.grad(whole))(start.params)):
        assert np.isfinite(leaf).all(), where
        assert np.abs(leaf).max() > 0, where


def test_draws_are_of_their_cluster(trained):
    model = trained[3]
    codes = jnp.tile(jnp.eye(2, dtype=jnp.float32), (20, 1))
    y = np.asarray(jax.jit(partial(draw, SMALL))(model, KEY, codes)).reshape(20, 2, 16)
    assert y.dtype == np.uint8
    assert y[:, 0].mean() < 80
    assert y[:, 1].mean() > 180


def test_guidance_leads_away_from_the_codes_with_the_nearest_mean_grids(trained):
    family = RNN((4, 4, 1), 4, width=4, codebook=6, dims=1, hidden=8, guidance=1.0)
    # The third code has no pictures.
    center = jnp.asarray([1.0, 5.0, 0.0, 2.5], jnp.float32)[:, None, None, None]
    codes = jnp.asarray([[1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]], jnp.float32)
    rivals, weights = family._rivals(jnp.broadcast_to(center, (4, 2, 2, 1)), codes)
    assert jnp.argmax(rivals, axis=2)[:, :2].tolist() == [[3, 1], [0, 1], [0, 3]]
    assert weights.tolist() == [[1, 1, 0], [1, 1, 0], [1, 1, 1]]
    guided = dataclasses.replace(SMALL, guidance=2.0)
    codes = jnp.tile(jnp.eye(2, dtype=jnp.float32), (20, 1))
    y = np.asarray(jax.jit(partial(draw, guided))(trained[3], KEY, codes)).reshape(20, 2, 16)
    assert y[:, 0].mean() < 60
    assert y[:, 1].mean() > 180


@pytest.mark.parametrize("guidance", [0.0, 0.5])
def test_the_first_attempt_that_surely_is_of_its_code_is_taken(trained, guidance):
    model, codes = trained[3], jnp.tile(jnp.eye(2, dtype=jnp.float32), (30, 1))
    keys = jax.random.split(KEY, 60)
    each = jax.vmap(lambda key: jax.random.split(key, 3))(keys)
    once = dataclasses.replace(SMALL, attempts=1, guidance=guidance)
    draws = [jax.jit(once.draw)(model, each[:, i], codes) for i in range(3)]
    family = dataclasses.replace(SMALL, attempts=3, guidance=guidance)
    taken = np.asarray(jax.jit(family.draw)(model, keys, codes))

    def share(z):  # p(code | grid)
        network = merged(_Network, SMALL, model.params)
        vectors = model.fitted.vectors[None, None, None]
        far = jnp.sum((z[..., None, :] - vectors) ** 2, axis=-1)
        index = jnp.argmin(far, axis=-1).astype(jnp.int32)
        one, other = (network.prior.nats(z, index, c) for c in (codes, codes[:, ::-1]))
        return 1 / (1 + jnp.exp(one - other))

    said = np.stack([np.asarray(jax.jit(share)(z)) for z in draws])
    draws = np.stack([np.asarray(z) for z in draws])
    for i in range(60):
        enough = np.flatnonzero(said[:, i] > 0.99)
        wanted = enough[0] if len(enough) else said[:, i].argmax()
        np.testing.assert_array_equal(taken[i], draws[wanted, i])
    first, later = (said[0] > 0.99).sum(), (said.max(axis=0) > 0.99).sum()
    assert 0 < first < later, "some were drawn again"


def test_latents_of_draws_and_of_pictures_are_vectors_of_the_codebook(trained, problem):
    model = trained[3]
    codes = jnp.eye(2, dtype=jnp.float32)
    vectors = {tuple(v) for v in np.asarray(model.fitted.vectors).tolist()}
    drawn = jax.jit(SMALL.draw)(model, jax.random.split(KEY, 2), codes)
    found = jax.jit(SMALL.encode)(model, problem[0][:2].astype(jnp.float32) / 255, codes)
    assert drawn.shape == found.shape == (2, 2, 2, 3)
    for z in (drawn, found):
        assert {tuple(v) for v in np.asarray(z).reshape(-1, 3).tolist()} <= vectors


def test_pictures_between_latents_lie_between(trained, problem):
    """`decode` takes any vectors, and small steps make small differences."""
    model = trained[3]
    codes = jnp.eye(2, dtype=jnp.float32)
    a, b = jax.jit(SMALL.encode)(model, problem[0][:2].astype(jnp.float32) / 255, codes)
    share = jnp.linspace(0, 1, 41, dtype=jnp.float32)[:, None, None, None]
    half = jnp.full((41, 2), 0.5, jnp.float32)
    y = np.asarray(jax.jit(SMALL.decode)(model, (1 - share) * a[None] + share * b[None], half))
    assert np.abs(np.diff(y, axis=0)).max() < 0.2
    assert np.abs(y[0] - y[-1]).max() > 0.3


def test_a_picture_is_carried_from_one_cluster_to_the_other(trained, problem):
    model = trained[3]
    x, codes = problem[0].astype(jnp.float32) / 255, problem[1]
    z = np.asarray(jax.jit(SMALL.encode)(model, x, codes))
    for code in range(2):  # the mean grid of its pictures
        np.testing.assert_allclose(model.fitted.center[code], z[code::2].mean(axis=0), atol=1e-5)
    dark, light = codes[:1], codes[1:2]
    moved = jax.jit(SMALL.carry)(model, z[:1], codes[:1], codes[1:2])
    y = np.asarray(jax.jit(SMALL.decode)(model, moved, light))
    before = np.asarray(jax.jit(SMALL.decode)(model, z[:1], dark))
    assert before.mean() < 0.25
    assert y.mean() > before.mean() + 0.3


def test_bits_are_those_of_indices_and_levels(trained, problem):
    model = trained[3]
    x, codes = problem[0][:4].astype(jnp.float32) / 255, problem[1][:4]
    z = jax.jit(SMALL.encode)(model, x, codes)

    @jax.jit
    def parts(model):
        network = merged(_Network, SMALL, model.params)
        mean, log_scale = network.decode(z, codes)
        pixels = jnp.sum(logistic_nats(x, mean, log_scale), axis=(1, 2, 3))
        vectors = model.fitted.vectors[None, None, None]
        apart = jnp.sum((z[..., None, :] - vectors) ** 2, axis=-1)
        return pixels + network.prior.nats(z, jnp.argmin(apart, axis=-1), codes)

    np.testing.assert_allclose(jax.jit(SMALL.nats)(model, x, codes), parts(model), rtol=1e-5)


def test_resumed_steps_are_the_same_steps(trained, problem):
    start, whole, curves, _ = trained
    part, _ = steps(RAW, start, *problem, 33)
    end, tail = steps(RAW, part, *problem, 80)
    equal(end, whole, rtol=0, atol=0)
    np.testing.assert_array_equal(tail["loss"][:47], curves["loss"][33:])


def test_data_parallel_steps_are_the_same_steps(trained, problem):
    mesh = Mesh(np.array(jax.devices()), ("data",))
    spread, every = (NamedSharding(mesh, PartitionSpec(*axes)) for axes in (("data",), ()))
    whole, curves = steps(RAW, trained[0], *problem, 4)
    arguments = jax.device_put((RAW, trained[0], *problem), every)
    state, shared = jax.jit(partial(some_steps, sharding=spread))(*arguments, 4)
    equal(state, whole, rtol=0, atol=1e-4)
    equal(shared, curves, rtol=0, atol=1e-3)


def test_bfloat16_computes_near_float32(trained, problem):
    narrow = RNN((4, 4, 1), 2, width=4, codebook=6, dims=3, hidden=8, compute="bfloat16")
    state = trained[1]
    x, codes = problem[0].astype(jnp.float32) / 255, problem[1]
    found = []
    for family in (SMALL, narrow):
        slope = jax.jit(jax.grad(partial(cost, family), has_aux=True))
        grads, (memory, logs) = slope(state.params, state.memory, x, codes)
        assert {a.dtype for a in jax.tree.leaves((grads, memory, logs))} == {np.dtype("float32")}
        found.append(np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(grads)]))
    one, other = found
    assert np.abs(one - other).max() > 0
    assert one @ other > 0.95 * np.linalg.norm(one) * np.linalg.norm(other)


def test_training_and_drawing_export_to_accelerators(problem):
    def job(raw, images, codes):
        state, curves = some_steps(raw, begun(raw, images, codes), images, codes, 80)
        key = jax.random.wrap_key_data(raw)
        model = Model(state.ema, SMALL.fit(key, state.ema, state.memory, images, codes))
        return draw(SMALL, model, key, codes), curves

    shapes = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in (RAW, *problem)]
    exported = jax.export.export(jax.jit(job), platforms=("cuda", "tpu"))(*shapes)
    assert exported.platforms == ("cuda", "tpu")


@pytest.mark.parametrize(
    ("shape", "grid"),
    [
        ((28, 28, 1), (7, 7)),
        ((8, 8, 1), (4, 4)),
        ((32, 32, 3), (8, 8)),
        ((64, 64, 3), (8, 8)),
        ((128, 128, 3), (8, 8)),
        ((1, 1, 1), (1, 1)),
        ((3, 2, 3), (2, 1)),
        ((5, 40, 1), (3, 20)),
        ((16, 9, 3), (8, 5)),
    ],
)
def test_pictures_of_any_shape_go_through(shape, grid):
    family = RNN(shape, 2, width=2, codebook=4, dims=2, hidden=3)

    def through(key):
        params = family.init(key)
        memory = Codebook(*(jnp.zeros(s, jnp.float32) for s in ((4, 2), (4,), (4, 2))))
        model = Model(params, Grids(memory.vectors, jnp.zeros((2, *grid, 2), jnp.float32)))
        x, codes = jnp.zeros((2, *shape), jnp.float32), jnp.eye(2, dtype=jnp.float32)
        loss = family.loss(params, memory, key, x, codes, HALF)[0]
        z = family.draw(model, jax.random.split(key), codes)
        return loss, z, family.encode(model, x, codes), family.decode(model, z, codes)

    loss, z, again, y = jax.eval_shape(through, KEY)
    assert loss.shape == ()
    assert z.shape == again.shape == (2, *grid, 2)
    assert y.shape == (2, *shape)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"codebook": 0}, "codebook"),
        ({"dims": 0}, "dims"),
        ({"hidden": 0}, "hidden"),
        ({"levels": 0}, "levels"),
        ({"decay": 1.0}, "decay"),
        ({"revive": 2.0}, "revive"),
        ({"commitment": -1.0}, "commitment"),
        ({"guidance": -1.0}, "guidance"),
        ({"attempts": 0}, "attempts"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        RNN((8, 8, 1), 2, **options)
