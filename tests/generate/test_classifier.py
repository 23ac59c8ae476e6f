"""The classifier: its loss by hand, and that it learns what pictures are, noise apart."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from clusterart_jax.condition import encode
from clusterart_jax.generate import Classifier, Schedule, classify, init_state, train

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def problem():
    """Digits 0 and 1 in a likeness: a ring or a bar, noisy; every tenth is noise in no class."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 60, (300, 8, 8, 1))
    labels = np.arange(300) % 2
    images[labels == 1, :, 3:5] += 180
    images[labels == 0, 1:7, 1] += 180
    images[labels == 0, 1:7, 6] += 180
    labels = np.where(np.arange(300) % 10 == 9, -1, labels)
    return jnp.asarray(images.astype(np.uint8)), labels


@pytest.mark.parametrize("network", ["conv", "mlp"])
def test_it_learns_the_classes(problem, network):
    images, labels = problem
    family = Classifier((8, 8, 1), 2, width=4, features=8, network=network)
    codes, schedule = encode(labels, 2).codes, Schedule(60, 32)

    @jax.jit
    def learn(images, codes):
        state = init_state(family, schedule, KEY, images, codes)
        return train(family, schedule, KEY, state, images, codes, chunk=60)

    state, curves = learn(images, codes)
    assert curves["loss"][-5:].mean() < curves["loss"][:5].mean() / 2
    features, shares = classify(family, state.ema, images)
    assert features.shape == (300, 8)
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-5)
    known = labels >= 0
    assert np.mean(np.argmax(shares, axis=1)[known] == labels[known]) > 0.98


def test_the_loss_is_smoothed_cross_entropy_of_what_is_known(problem):
    images, labels = problem
    family = Classifier((8, 8, 1), 3, width=2, features=4, smoothing=0.3)
    params = jax.jit(family.init)(KEY)
    x, codes = images[:20].astype(jnp.float32) / 255, encode(labels[:20], 3).codes
    loss, (_, logs) = jax.jit(partial(family.loss, progress=1.0))(params, (), KEY, x, codes)
    shares = np.asarray(classify(family, params, images[:20])[1], np.float64)
    told = np.eye(3)[labels[:20]] * 0.7 + 0.1
    each = -(told * np.log(shares)).sum(axis=1)[labels[:20] >= 0]
    np.testing.assert_allclose(loss, each.mean(), rtol=1e-5)
    right = (np.argmax(shares, axis=1) == labels[:20])[labels[:20] >= 0]
    np.testing.assert_allclose(logs["accuracy"], right.mean(), rtol=1e-6)
