"""The GAN's ambiguity of clusters: its losses, their gradients, and where they lead."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from clusterart_jax.condition import encode
from clusterart_jax.generate import GAN, Schedule, init_state, train
from clusterart_jax.generate._family import merged
from clusterart_jax.generate._gan_losses import adversarial, ambiguous
from clusterart_jax.generate._gan_networks import Discriminator, Generator

KEY = jax.random.key(0)
FULL = jnp.float32(1)
CODES = np.eye(4)[[0, 1, 2, 1]]
PLAIN = {"network": "mlp", "latent": 3, "width": 2, "loss_kind": "non-saturating"}


def test_losses_are_their_formulas():
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(2, 4, 4))
    known, doubt = ambiguous(real, fake, CODES)
    p, q = (np.exp(x) / np.exp(x).sum(axis=1, keepdims=True) for x in (real, fake))
    assert known == pytest.approx(-np.mean(np.log((p * CODES).sum(axis=1))))
    # The fourth cluster is in no code of this step, and nothing is drawn to it.
    uniform = np.array([1, 1, 1, 0]) / 3
    wanted = np.mean([np.sum(uniform[:3] * np.log(uniform[:3] / row[:3])) for row in q])
    assert doubt == pytest.approx(wanted)


def test_nothing_tells_what_is_of_any_cluster_alike():
    even, sure = np.zeros((4, 3)), np.array([[9.0, 0, 0]] * 4)
    codes = np.eye(3)[[0, 1, 2, 0]]
    assert ambiguous(even, even, codes)[1] == pytest.approx(0, abs=1e-12)
    assert ambiguous(even, sure, codes)[1] > 4
    assert ambiguous(even, even, codes)[0] == pytest.approx(np.log(3))


def test_by_default_there_is_no_classifier_and_all_else_begins_alike():
    without, with_ = (GAN((4, 4, 1), 4, ambiguity=a, **PLAIN).init(KEY) for a in (0.0, 1.0))
    classes = with_["discriminator"].pop("classes")
    assert classes["kernel"].shape == (16, 4)
    assert jax.tree.structure(without) == jax.tree.structure(with_)
    jax.tree.map(np.testing.assert_array_equal, without, with_)


@pytest.mark.usefixtures("relaxed_promotion")
def test_gradients_are_those_of_the_losses():
    family = GAN((4, 4, 1), 4, ambiguity=0.7, gamma=0.0, **PLAIN)
    params = family.init(KEY)
    images = jax.random.uniform(KEY, (4, 4, 4, 1), jnp.float32)
    codes = jnp.asarray(CODES, jnp.float32)
    _, memory = family.start(KEY, params, images, codes)
    found, _, logs = family.gradients(params, memory, KEY, images, codes, FULL)
    z = jax.random.normal(jax.random.split(KEY, 3)[0], (4, 3), jnp.float32)

    def judged(params, fake):
        judge = merged(Discriminator, family, params["discriminator"])
        real = 2 * images - 1
        loss, wish = adversarial(
            "non-saturating", judge(real, codes, FULL), judge(fake, codes, FULL)
        )
        return loss, wish, *ambiguous(judge.classify(real), judge.classify(fake), codes)

    def made(params):
        return merged(Generator, family, params["generator"])(z, codes, FULL)

    # To pictures the pull of doubt is no longer than that of what makes them real.
    lengths = [
        np.linalg.norm(jax.grad(lambda x, i=i: judged(params, x)[i])(made(params))) for i in (1, 3)
    ]
    share = min(1, lengths[0] / lengths[1])

    def losses(params):
        loss, wish, known, doubt = judged(params, made(params))
        return loss + known, wish + 0.7 * share * doubt

    one = jax.grad(lambda p: losses(p)[0])(params)["discriminator"]
    other = jax.grad(lambda p: losses(p)[1])(params)["generator"]
    check = partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6)
    jax.tree.map(check, found["discriminator"], one)
    jax.tree.map(check, found["generator"], other)
    assert {"classes", "ambiguity"} <= set(logs)
    assert np.isfinite(list(logs.values())).all()


@pytest.mark.usefixtures("relaxed_promotion")
def test_more_leads_between_the_clusters():
    """Points at two corners: with ambiguity they are told apart less, as the classifier sees it."""
    labels = np.arange(256) % 2
    noise = np.random.default_rng(0).normal(size=(256, 1, 1, 2)) * 8
    images = np.clip(np.where(labels, 200, 56)[:, None, None, None] + noise, 0, 255)
    codes = encode(jnp.asarray(labels), 2).codes
    told = []
    for weight in (0.01, 3.0):
        family = GAN((1, 1, 2), 2, network="mlp", latent=4, width=4, ambiguity=weight)
        schedule = Schedule(150, 32)
        state = init_state(family, schedule, KEY, images.astype(np.uint8), codes)
        run = jax.jit(partial(train, family, schedule, chunk=150))
        _, curves = run(KEY, state, images.astype(np.uint8), codes)
        told.append(np.asarray(curves["ambiguity"])[-30:].mean())
    assert told[1] < 0.5 * told[0]


def test_it_must_be_a_number():
    for value in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="ambiguity must be a number of at least 0"):
            GAN((4, 4, 1), 2, ambiguity=value)
