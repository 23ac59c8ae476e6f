"""Losses against their formulas in NumPy; penalties against gradients worked out by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from clusterart_jax.generate._gan_losses import (
    LOSSES,
    adversarial,
    one_centred,
    steepness,
    zero_centred,
)

REAL = np.array([0.3, -1.7, 2.0, 0.0, 40.0])
FAKE = np.array([-0.2, 0.9, 3.0, 0.0, -60.0])


def probability(logits):
    return 1 / (1 + np.exp(-logits))


def formulas():
    """Discriminator's and generator's loss by kind, as their papers write them."""
    p, q = probability(REAL), probability(FAKE)
    return {
        "relativistic": (
            -np.log(probability(REAL - FAKE)).mean(),
            -np.log(probability(FAKE - REAL)).mean(),
        ),
        "minimax": (-(np.log(p) + np.log1p(-q)).mean(), np.log1p(-q).mean()),
        "non-saturating": (-(np.log(p) + np.log1p(-q)).mean(), -np.log(q).mean()),
        "hinge": (
            np.maximum(0, 1 - REAL).mean() + np.maximum(0, 1 + FAKE).mean(),
            -FAKE.mean(),
        ),
        "wgan-gp": (FAKE.mean() - REAL.mean(), -FAKE.mean()),
    }


@pytest.mark.parametrize("kind", LOSSES)
def test_losses_are_their_formulas(kind):
    np.testing.assert_allclose(adversarial(kind, REAL, FAKE), formulas()[kind], rtol=1e-12)


@pytest.mark.parametrize("kind", LOSSES)
def test_the_discriminator_raises_real_logits_and_the_generator_its_own(kind):
    real, fake = jnp.array([0.2, -0.1]), jnp.array([0.3, -0.4])
    of_real, of_fake = jax.grad(lambda r, f: adversarial(kind, r, f)[0], argnums=(0, 1))(real, fake)
    assert (of_real < 0).all()
    assert (of_fake > 0).all()
    assert (jax.grad(lambda f: adversarial(kind, real, f)[1])(fake) < 0).all()


def test_where_the_discriminator_is_sure_minimax_stalls_and_the_default_does_not():
    real, fake = jnp.array([20.0]), jnp.array([-20.0])

    def pull(kind):
        return abs(float(jax.grad(lambda f: adversarial(kind, real, f)[1])(fake)[0]))

    assert pull("minimax") < 1e-8
    assert pull("non-saturating") == pytest.approx(1)
    assert pull("relativistic") == pytest.approx(1)


def quadratic(x):
    """Of pictures (m, 2, 1, 1): a² + 3 b, whose gradient is (2 a, 3)."""
    a, b = x[:, 0, 0, 0], x[:, 1, 0, 0]
    return a**2 + 3 * b


X = jnp.array([[1.0, 5.0], [-2.0, 7.0], [0.0, 0.0]]).reshape(3, 2, 1, 1)


def test_steepness_is_the_squared_length_of_each_gradient():
    np.testing.assert_allclose(steepness(quadratic, X), [13, 25, 9])


def test_zero_centred_is_half_of_both_means():
    expected = (np.mean([13, 25, 9]) + np.mean([9 + 36, 9 + 36, 9 + 36])) / 2
    made = jnp.full_like(X, 3.0)
    np.testing.assert_allclose(zero_centred(quadratic, X, made), expected)


def test_one_centred_looks_between_and_wants_length_1():
    made = jnp.zeros_like(X)
    share = jnp.array([1.0, 0.5, 0.0])  # gradients at (1, 5), (−1, 3.5) and 0
    lengths = np.sqrt([13, 13, 9])
    expected = np.mean((lengths - 1) ** 2)
    np.testing.assert_allclose(one_centred(quadratic, X, made, share), expected, rtol=1e-6)


def test_a_flat_discriminator_keeps_the_slope_of_the_penalty_finite():
    def loss(scale):
        return one_centred(lambda x: scale * quadratic(x), X, X, jnp.ones(3))

    value, slope = jax.value_and_grad(loss)(0.0)
    assert float(value) == pytest.approx(1, abs=1e-5)
    assert np.isfinite(slope)


def test_penalties_have_the_gradient_of_finite_differences():
    def loss(w):
        def judge(x):
            return jnp.tanh(w * quadratic(x))

        return zero_centred(judge, 0.1 * X, 0.2 * X) + one_centred(
            judge, 0.1 * X, 0.3 * X, jnp.array([0.2, 0.5, 0.9])
        )

    w, step = 0.4, 1e-6
    expected = (loss(w + step) - loss(w - step)) / (2 * step)
    np.testing.assert_allclose(jax.grad(loss)(w), expected, rtol=1e-7)
