"""The GAN: shapes for any size, gradients of both networks, codes that come late, draws."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from clusterart_jax.condition import encode, mix
from clusterart_jax.generate import GAN, Model, Schedule, draw, init_state, train
from clusterart_jax.generate._family import merged
from clusterart_jax.generate._gan_losses import adversarial, one_centred, zero_centred
from clusterart_jax.generate._gan_networks import Discriminator, Generator, doubled

KEY = jax.random.key(0)
FULL = jnp.float32(1)
HALF = jnp.float32(0.5)
SHAPES = [(28, 28, 1), (1, 1, 2), (9, 14, 3), (45, 45, 1), (3, 2, 3)]


@pytest.mark.parametrize("network", ["conv", "mlp"])
@pytest.mark.parametrize("shape", SHAPES)
def test_pictures_of_any_shape_go_through(shape, network):
    family = GAN(shape, n_codes=2, latent=3, width=2, network=network)

    def through(key):
        params = family.init(key)
        codes = jnp.eye(2, dtype=jnp.float32)
        z = family.draw(Model(params, FULL), jax.random.split(key, 2), codes)
        y = family.decode(Model(params, FULL), z, codes)
        judge = merged(Discriminator, family, params["discriminator"])
        return params, z, y, judge(y, codes, FULL), judge.features(y)

    params, z, y, logits, features = jax.eval_shape(through, KEY)
    assert z.shape == (2, 3)
    assert y.shape == (2, *shape)
    assert logits.shape == (2,)
    assert features.shape == (2, 16)
    assert {leaf.dtype for leaf in jax.tree.leaves((params, y, logits))} == {np.dtype("float32")}


@pytest.mark.usefixtures("relaxed_promotion")
def test_doubling_interpolates_between_the_middles_of_pixels():
    x = jax.random.normal(KEY, (2, 3, 5, 2), jnp.float32)
    expected = jax.image.resize(x, (2, 6, 10, 2), "linear")
    np.testing.assert_allclose(doubled(x), expected, atol=1e-6)


def batch(family, size=6):
    x = jax.random.uniform(jax.random.key(1), (size, *family.shape), jnp.float32)
    return x, encode(jnp.arange(size) % 4 - 1, family.n_codes).codes


@partial(jax.jit, static_argnums=0)
def picture(family, params, counts, z, codes):
    return family.decode(Model(params, counts), z, codes)


def memory_of(family, n=10_000):
    images = jax.ShapeDtypeStruct((n, *family.shape), jnp.uint8)
    return family.start(KEY, {}, images, None)[1]


@partial(jax.jit, static_argnums=0)
def shaken(family):
    """Parameters off their zeros."""
    params = family.init(KEY)
    leaves, tree = jax.tree.flatten(params)
    keys = jax.random.split(jax.random.key(7), len(leaves))
    return tree.unflatten(
        [
            a + 0.1 * jax.random.normal(k, a.shape, a.dtype)
            for a, k in zip(leaves, keys, strict=True)
        ]
    )


def by_hand(family, gamma, params, memory, key, x, codes):
    """Gradients of each network's loss by itself, from the same noise."""
    noise, _, place = jax.random.split(key, 3)
    z = jax.random.normal(noise, (x.shape[0], family.latent), jnp.float32)
    real = 2 * x - 1

    def paint(params):
        return merged(Generator, family, params)(z, codes, FULL)

    def judge(params, x, codes):
        return merged(Discriminator, family, params)(x, codes, FULL)

    def of_discriminator(params, fake):
        loss = adversarial(
            family.loss_kind, judge(params, real, codes), judge(params, fake, codes)
        )[0]
        some = [a[:: family.penalty_every] for a in (real, fake, codes)]
        if family.loss_kind == "wgan-gp":
            share = jax.random.uniform(place, some[0].shape[:1], jnp.float32)
            steep = one_centred(lambda x: judge(params, x, some[2]), *some[:2], share)
        else:
            steep = zero_centred(lambda x: judge(params, x, some[2]), *some[:2])
        return loss + gamma * steep

    def of_generator(params, other):
        logits = judge(other, real, codes), judge(other, paint(params), codes)
        return adversarial(family.loss_kind, *logits)[1]

    fake = paint(params["generator"])
    return {
        "generator": jax.grad(of_generator)(params["generator"], params["discriminator"]),
        "discriminator": jax.grad(of_discriminator)(params["discriminator"], fake),
    }


@pytest.fixture(scope="module")
def plain():
    """A convolutional family with the default loss, its parameters, gradients and logs."""
    family = GAN((8, 8, 1), 3, latent=2, width=2, penalty_every=2)
    params, memory = shaken(family), memory_of(family)
    grads, _, logs = jax.jit(family.gradients)(params, memory, KEY, *batch(family), HALF)
    return family, params, grads, logs


def compare(family, gamma, params, grads, logs):
    expected = jax.jit(partial(by_hand, family, gamma))(params, None, KEY, *batch(family))
    assert logs["penalty"] > 0
    places = jax.tree_util.tree_leaves_with_path(grads)
    still = []
    for (where, a), b in zip(places, jax.tree.leaves(expected), strict=True):
        scale = np.abs(b).max()
        if scale < 1e-6:
            still.append([key.key for key in where][1:])
        np.testing.assert_allclose(a, b, atol=1e-5 * scale + 1e-7, rtol=1e-4, err_msg=str(where))
    assert still == [["score", "bias"]], "which moves all logits alike"


def test_gradients_are_those_of_each_loss_by_itself(plain):
    family, params, grads, logs = plain
    compare(family, 6e-4 * 64, params, grads, logs)


def test_gradients_with_the_penalty_between_pictures():
    family = GAN((1, 1, 2), 3, latent=2, width=2, loss_kind="wgan-gp", network="mlp")
    params = shaken(family)
    grads, _, logs = jax.jit(family.gradients)(params, memory_of(family), KEY, *batch(family), HALF)
    compare(family, 10.0, params, grads, logs)


@pytest.fixture(scope="module")
def late():
    """A family whose codes come late, its parameters, and its gradients, compiled."""
    family = GAN(
        (1, 1, 2),
        3,
        latent=2,
        width=2,
        network="mlp",
        phase_in=0.5,
        augment=("color",),
        loss_kind="hinge",
    )
    return family, shaken(family), memory_of(family), jax.jit(family.gradients)


@pytest.mark.parametrize(("progress", "counts"), [(0.0, 0), (0.25, 0), (0.375, 0.5), (0.5, 1)])
def test_codes_are_phased_in(late, progress, counts):
    family, params, memory, gradients = late
    x, codes = batch(family)
    grads, memory, _ = gradients(params, memory, KEY, x, codes, jnp.float32(progress))
    for network, name in (("generator", "embedding"), ("discriminator", "projection")):
        assert (np.abs(grads[network][name]["kernel"]).max() > 0) == (counts > 0)
    fitted = family.fit(KEY, params, memory, None, codes)
    assert float(fitted) == pytest.approx(counts, abs=1e-6)
    eye = jnp.eye(3, dtype=jnp.float32)
    y = picture(family, params, fitted, jnp.zeros((3, 2), jnp.float32), eye)
    assert (np.ptp(y, axis=0).max() > 1e-3) == (counts > 0)


def test_what_the_discriminator_sees_is_changed_at_random(late):
    """The margin of the same parameters then differs."""
    family, params, memory, gradients = late
    plainly = jax.jit(dataclasses.replace(family, augment=()).gradients)
    margins = [
        float(run(params, memory, KEY, *batch(family), FULL)[2]["margin"])
        for run in (gradients, plainly)
    ]
    assert margins[0] != margins[1]


def test_the_two_of_a_pair_are_changed_alike():
    family = GAN((8, 8, 3), 2, augment=("color", "translation", "cutout"))
    x = jax.random.normal(KEY, (4, 8, 8, 3), jnp.float32)
    real, made = np.moveaxis(family._changed(KEY, x, x).reshape(4, 2, 8, 8, 3), 1, 0)
    np.testing.assert_array_equal(real, made)
    assert (np.abs(real - x).max(axis=(1, 2, 3)) > 0.1).all()


def test_a_mixture_of_codes_has_the_mixture_of_their_embeddings(late):
    family, params, _, _ = late
    table = params["generator"]["embedding"]["kernel"]
    z = jnp.ones((1, 2), jnp.float32)
    half = picture(family, params, FULL, z, mix({0: 1, 2: 3}, 3)[None])
    painter = merged(Generator, family, params["generator"]).painter
    both = jnp.concatenate([z[0], 0.25 * table[0] + 0.75 * table[2]])[None]
    np.testing.assert_allclose(half, (np.tanh(painter(both)) + 1) / 2, atol=1e-6)


def test_draws_come_from_their_keys_and_temperature_scales_them(late):
    family, params, _, _ = late
    model, codes = Model(params, FULL), jnp.eye(3, dtype=jnp.float32)
    keys = jax.random.split(KEY, 3)
    z = family.draw(model, keys, codes)
    np.testing.assert_array_equal(family.draw(model, keys[1:], codes[1:]), z[1:])
    np.testing.assert_allclose(family.draw(model, keys, codes, 0.5), z / 2)
    assert len(np.unique(z)) == 6
    y = np.asarray(draw(family, model, KEY, jnp.tile(codes, (50, 1))))
    assert y.dtype == np.uint8
    assert len(np.unique(y.reshape(150, -1), axis=0)) > 100


def test_bfloat16_computes_near_float32(plain):
    family, params, wide, _ = plain
    narrow = dataclasses.replace(family, compute="bfloat16")
    memory = memory_of(family)
    grads, _, logs = jax.jit(narrow.gradients)(params, memory, KEY, *batch(family), HALF)
    assert {leaf.dtype for leaf in jax.tree.leaves((grads, logs))} == {np.dtype("float32")}
    one, other = (
        np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)]) for tree in (wide, grads)
    )
    assert one @ other > 0.98 * np.linalg.norm(one) * np.linalg.norm(other)


SCHEDULE = Schedule(steps=4, batch_size=8)


def some_steps(family, raw, images, codes, sharding=None):
    key = jax.random.wrap_key_data(raw)
    state = init_state(family, SCHEDULE, key, images, codes)
    return train(family, SCHEDULE, key, state, images, codes, chunk=4, sharding=sharding)


@pytest.fixture(scope="module")
def problem():
    images = jax.random.bits(jax.random.key(5), (24, 4, 4, 1), jnp.uint8)
    return jax.random.key_data(KEY), images, encode(jnp.arange(24) % 2, 2).codes


def test_data_parallel_steps_are_the_same_steps(problem):
    family = GAN((4, 4, 1), 2, latent=2, width=2, network="mlp", augment=())
    mesh = Mesh(np.array(jax.devices()), ("data",))
    spread = NamedSharding(mesh, PartitionSpec("data"))
    whole = jax.jit(partial(some_steps, family))(*problem)
    everywhere = [jax.device_put(a, NamedSharding(mesh, PartitionSpec())) for a in problem]
    shared = jax.jit(partial(some_steps, family, sharding=spread))(*everywhere)
    for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(shared), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_training_exports_to_accelerators(problem):
    family = GAN((4, 4, 1), 2, latent=2, width=2, network="mlp", recluster_every=2)
    shapes = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in problem]
    run = jax.jit(partial(some_steps, family))
    exported = jax.export.export(run, platforms=("cuda", "tpu"))(*shapes)
    assert exported.platforms == ("cuda", "tpu")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss_kind": "least-squares"}, "loss_kind"),
        ({"network": "unet"}, "network"),
        ({"augment": ("colour",)}, "augment"),
        ({"phase_in": 1.5}, "phase_in"),
        ({"penalty_every": 0}, "penalty_every"),
        ({"recluster_every": -1}, "recluster_every"),
        ({"gamma": -1.0}, "gamma"),
        ({"depth": 0}, "depth"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        GAN((8, 8, 1), 2, **options)
