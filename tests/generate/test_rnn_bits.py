"""Bits per dimension against numbers worked by hand and against NumPy and SciPy."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from clusterart_jax._errors import ConfigError
from clusterart_jax.condition import encode
from clusterart_jax.generate import RNN, VAE, Model, bits_per_dimension, marginal_bits
from clusterart_jax.generate._levels import gaussian_nats, logistic_nats
from clusterart_jax.generate._rnn import Grids

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)
X = np.arange(256) / 255


@pytest.mark.parametrize(
    ("nats", "oracle"),
    [
        (lambda x, mean, s: logistic_nats(x, mean, jnp.log(s)), stats.logistic),
        (gaussian_nats, stats.norm),
    ],
)
@pytest.mark.parametrize(("mean", "scale"), [(0.5, 0.1), (0.02, 0.01), (1.0, 0.5), (0.3, 2.0)])
def test_levels_have_what_lies_nearest_to_them_and_sum_to_one(nats, oracle, mean, scale):
    found = np.exp(-np.asarray(nats(jnp.asarray(X), jnp.float64(mean), jnp.float64(scale))))
    edges = np.concatenate([[-np.inf], (np.arange(255) + 0.5) / 255, [np.inf]])
    expected = np.diff(oracle.cdf(edges, mean, scale))
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-15)
    assert found.sum() == pytest.approx(1)


@pytest.mark.parametrize("nats", [logistic_nats, gaussian_nats])
def test_levels_far_off_keep_finite_values_and_slopes(nats):
    x = jnp.asarray([0.0, 0.4, 1.0, 0.0, 1.0], jnp.float32)
    mean = jnp.asarray([1.0, 0.9, 0.0, 0.0, 1.0], jnp.float32)
    scale = jnp.float32(-7.0 if nats is logistic_nats else 0.02)

    def cost(mean, scale):
        return jnp.sum(nats(x, mean, scale))

    value, slopes = jax.value_and_grad(cost, argnums=(0, 1))(mean, scale)
    assert np.isfinite(value)
    assert all(np.isfinite(slope).all() for slope in slopes)


def test_marginal_bits_worked_by_hand():
    """Three pictures of two values: levels that occurred c times have (c + 1) / (3 + 256)."""
    train = np.array([[0, 7], [0, 8], [9, 7]], np.uint8).reshape(3, 1, 2, 1)
    held_out = np.array([[0, 7], [1, 8]], np.uint8).reshape(2, 1, 2, 1)
    expected = [-(math.log2(3 / 259) + math.log2(3 / 259)) / 2]
    expected += [-(math.log2(1 / 259) + math.log2(2 / 259)) / 2]
    np.testing.assert_allclose(marginal_bits(train, held_out), expected, rtol=1e-6)


def test_marginal_bits_in_blocks_against_numpy():
    train = RNG.integers(0, 4, (301, 2, 3, 1), dtype=np.uint8)
    held_out = RNG.integers(0, 4, (150, 2, 3, 1), dtype=np.uint8)
    counts = np.stack([np.bincount(v, minlength=256) for v in train.reshape(301, 6).T])
    p = (counts + 1) / (301 + 256)
    expected = -np.log2(p[np.arange(6), held_out.reshape(150, 6)]).mean(axis=1)
    np.testing.assert_allclose(marginal_bits(train, held_out), expected, rtol=1e-5)
    with pytest.raises(ValueError, match="train has pictures"):
        marginal_bits(train, held_out[:, :1])


IMAGES = RNG.integers(0, 256, (5, 8, 8, 1), dtype=np.uint8)
CODES = encode(jnp.array([0, 1, 1, 0, 1]), 2).codes


def of(family, params, fitted=()):
    bits = jax.jit(partial(bits_per_dimension, family))
    return np.asarray(bits(Model(params, fitted), KEY, IMAGES, CODES), np.float64)


def zeros(family):
    shapes = jax.eval_shape(family.init, KEY)
    return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)


def test_of_a_network_of_zeros_the_bits_are_known():
    """Posterior and prior agree, and every picture is grey: Gaussians about ½ remain."""
    family = VAE((8, 8, 1), 2, width=4, latent=2, likelihood="fixed", sigma=0.3)
    params = zeros(family)
    edges = np.concatenate([[-np.inf], (np.arange(255) + 0.5) / 255, [np.inf]])
    level = -np.log2(np.diff(stats.norm.cdf(edges, 0.5, 0.3)))
    expected = level[IMAGES].mean(axis=(1, 2, 3))
    np.testing.assert_allclose(of(family, params), expected, rtol=1e-5)
    optimal = VAE((8, 8, 1), 2, width=4, latent=2)
    sigma = np.sqrt(np.mean((IMAGES / 255 - 0.5) ** 2))
    level = -np.log2(np.diff(stats.norm.cdf(edges, 0.5, sigma)))
    np.testing.assert_allclose(of(optimal, params), level[IMAGES].mean(axis=(1, 2, 3)), rtol=1e-5)


def test_the_divergence_counts_in_bits():
    """A prior with mean 1 in one dimension of z costs half a nat a picture."""
    family = VAE((8, 8, 1), 2, width=4, latent=2, likelihood="fixed")
    params = zeros(family)
    plain = of(family, params)
    params["prior_table"]["kernel"] = params["prior_table"]["kernel"].at[1, 0].set(1.0)
    more = (of(family, params) - plain) * 64 * math.log(2)
    np.testing.assert_allclose(more, [0, 0.5, 0.5, 0, 0.5], atol=1e-3)


def test_of_an_rnn_of_zeros_every_index_is_as_likely():
    """16 cells of 4 vectors take 32 bits, and pixels are logistic about ½."""
    family = RNN((8, 8, 1), 2, width=4, codebook=4, dims=2, hidden=4)
    params = zeros(family)
    log_scale = jnp.full((5, 8, 8, 1), -3.0, jnp.float32)
    x = jnp.asarray(IMAGES, jnp.float32) / 255
    pixels = np.asarray(logistic_nats(x, jnp.full_like(x, 0.5), log_scale)).mean(axis=(1, 2, 3))
    expected = (32 + 64 * pixels / math.log(2)) / 64
    fitted = Grids(jnp.zeros((4, 2), jnp.float32), jnp.zeros((2, 4, 4, 2), jnp.float32))
    np.testing.assert_allclose(of(family, params, fitted), expected, rtol=1e-5)


def test_a_family_without_levels_is_refused():
    with pytest.raises(ConfigError, match="256 levels"):
        of(VAE((8, 8, 1), 2, width=4, latent=2, likelihood="bernoulli"), ())
