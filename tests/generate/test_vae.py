"""The autoencoder: shapes for any size, and a loss that is the bound it claims to be."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from clusterart_jax.condition import encode, mix
from clusterart_jax.generate import VAE, Model
from clusterart_jax.generate._family import merged
from clusterart_jax.generate._vae import _Network

KEY = jax.random.key(0)


DONE = jnp.ones((), jnp.float32)


class Compiled(VAE):
    """The family with compiled functions: op by op they take longer to run than to compile."""

    init = jax.jit(VAE.init, static_argnums=0)

    @partial(jax.jit, static_argnums=0)
    def cost(self, params, key, x, codes):
        loss, (_, logs) = self.loss(params, (), key, x, codes, DONE)
        return loss, logs

    @partial(jax.jit, static_argnums=0)
    def posterior(self, params, x, codes):
        return merged(_Network, self, params).encode(x, codes)

    @partial(jax.jit, static_argnums=0)
    def picture(self, params, z, codes):
        return self.decode(Model(params, ()), z, codes)


@pytest.fixture(scope="module")
def small():
    """A family of 8 by 8 pictures, its parameters (moved off their zeros), pictures, codes."""
    family = Compiled((8, 8, 1), n_codes=3, latent=2, width=4)
    params = family.init(jax.random.key(0))
    table = params["prior_table"]["kernel"]
    params["prior_table"]["kernel"] = 0.3 * jax.random.normal(
        jax.random.key(9), table.shape, table.dtype
    )
    x = jax.random.uniform(jax.random.key(1), (5, 8, 8, 1), jnp.float32)
    return family, params, x, encode(jnp.array([0, 1, 2, 0, -1]), 3).codes


@pytest.mark.parametrize(
    "shape",
    [
        (8, 8, 1),
        (28, 28, 1),
        (32, 32, 3),
        (30, 30, 3),
        (45, 45, 1),
        (4, 4, 3),
        (1, 1, 1),
        (3, 2, 3),
        (16, 9, 3),
        (5, 40, 1),
        (300, 260, 1),
    ],
)
def test_pictures_of_any_shape_go_through(shape):
    family = Compiled(shape, n_codes=2, latent=3, width=2)

    def through(key):
        params = family.init(key)
        x, codes = jnp.zeros((2, *shape), jnp.float32), jnp.eye(2, dtype=jnp.float32)
        mean, log_var = family.posterior(params, x, codes)
        y = family.picture(params, mean, codes)
        return params, mean, log_var, y, family.cost(params, key, x, codes)[0]

    params, mean, log_var, y, loss = jax.eval_shape(through, jax.random.key(0))
    assert mean.shape == log_var.shape == (2, 3)
    assert y.shape == (2, *shape)
    assert loss.shape == ()
    assert {leaf.dtype for leaf in jax.tree.leaves((params, y, loss))} == {np.dtype("float32")}


@pytest.mark.parametrize("side", [4, 7, 8, 31, 32, 300, 4096])
def test_the_dense_layers_do_not_grow_with_the_pictures(side):
    """Between 4 and 8 pixels a side are left when the picture becomes a vector."""
    family = VAE((side, side, 3), n_codes=2, latent=3, width=2)
    params = jax.eval_shape(family.init, jax.random.key(0))
    rows = params["narrow"]["kernel"].shape[0] - family.n_codes
    assert rows <= 8 * 8 * 4 * family.width


def test_pictures_come_back_in_0_to_1_and_padding_is_cropped_at_the_end(small):
    family = Compiled((9, 14, 1), n_codes=3, latent=2, width=2)
    params = family.init(jax.random.key(0))
    codes = jnp.eye(3, dtype=jnp.float32)
    x = jax.random.uniform(jax.random.key(1), (3, 9, 14, 1), jnp.float32)
    y = np.asarray(family.picture(params, family.posterior(params, x, codes)[0], codes))
    assert y.shape == x.shape
    assert y.min() >= 0
    assert y.max() <= 1


def test_the_loss_is_the_bound(small):
    """KL of Gaussians in closed form, and the likelihood at the variance that is best for it."""
    family, params, x, codes = small
    key = jax.random.key(2)
    loss, logs = family.cost(params, key, x, codes)

    mean, log_var = (np.asarray(a, np.float64) for a in family.posterior(params, x, codes))
    table = np.asarray(codes, np.float64) @ np.asarray(params["prior_table"]["kernel"], np.float64)
    prior_mean, prior_log_var = np.split(table, 2, axis=1)
    s, p = np.exp(log_var / 2), np.exp(prior_log_var / 2)
    kl = np.log(p / s) + (s**2 + (mean - prior_mean) ** 2) / (2 * p**2) - 0.5
    kl = kl.sum(axis=1).mean()
    np.testing.assert_allclose(logs["kl"], kl, rtol=1e-4)

    z = mean + s * np.asarray(jax.random.normal(key, mean.shape, jnp.float32), np.float64)
    y = np.asarray(family.picture(params, jnp.asarray(z, jnp.float32), codes), np.float64)
    squares = (y - np.asarray(x)) ** 2
    np.testing.assert_allclose(logs["error"], squares.mean(), rtol=1e-5)

    def nats(variance):  # −log of a Gaussian density, averaged over pixel values
        return np.mean(0.5 * np.log(2 * np.pi * variance) + squares / (2 * variance))

    best = nats(squares.mean())
    assert best < min(nats(0.99 * squares.mean()), nats(1.01 * squares.mean()))
    np.testing.assert_allclose(loss, best + kl / 64, rtol=1e-4)
    np.testing.assert_array_equal(loss, logs["loss"])


def test_kl_is_0_where_posterior_and_prior_agree(small):
    family, params, x, codes = small
    params = jax.tree.map(jnp.zeros_like, params)  # both are then standard normal
    assert float(family.cost(params, jax.random.key(0), x, codes)[1]["kl"]) == 0


def test_a_perfect_picture_keeps_the_loss_and_its_gradient_finite(small):
    family, params, x, codes = small
    grey = jnp.full_like(x, 0.5)
    zero = jax.tree.map(jnp.zeros_like, params)  # decodes grey, whatever z
    slope = jax.jit(jax.value_and_grad(lambda p: family.cost(p, KEY, grey, codes)[0]))
    value, gradient = slope(zero)
    assert np.isfinite(value)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


def test_every_parameter_has_a_gradient(small):
    family, params, x, codes = small
    gradient = jax.jit(jax.grad(lambda p: family.cost(p, KEY, x, codes)[0]))(params)
    for where, leaf in jax.tree_util.tree_leaves_with_path(gradient):
        assert np.isfinite(leaf).all(), where
        assert np.abs(leaf).max() > 0, where


def test_latents_may_come_from_the_prior(small):
    family, params, _, codes = small
    prior = replace(family, source="prior")
    keys = jax.random.split(KEY, 20_000)
    told = jnp.tile(codes[1:2], (20_000, 1))
    z = np.asarray(jax.jit(prior.draw)(Model(params, ()), keys, told))
    mean, log_var = np.split(np.asarray(params["prior_table"]["kernel"])[1], 2)
    np.testing.assert_allclose(z.mean(axis=0), mean, atol=0.05)
    np.testing.assert_allclose(z.std(axis=0), np.exp(log_var / 2), rtol=0.03)
    with pytest.raises(ValueError, match="source must be one of mixture, prior, not 'z'"):
        replace(family, source="z")


def test_the_prior_of_a_mixture_is_the_mixture_of_the_priors(small):
    """Through the loss: a code half and half has the KL of the mean of both priors' parameters."""
    family, params, x, _ = small
    table = np.asarray(params["prior_table"]["kernel"], np.float64)
    half = jnp.tile(mix({0: 1, 2: 1}, 3)[None], (5, 1))
    prior_mean, prior_log_var = np.split((table[0] + table[2]) / 2, 2)
    mean, log_var = (np.asarray(a, np.float64) for a in family.posterior(params, x, half))
    kl = 0.5 * (
        prior_log_var
        - log_var
        + (np.exp(log_var) + (mean - prior_mean) ** 2) / np.exp(prior_log_var)
        - 1
    )
    logs = family.cost(params, jax.random.key(0), x, half)[1]
    np.testing.assert_allclose(logs["kl"], kl.sum(axis=1).mean(), rtol=1e-4)


def test_encoding_and_decoding_draw_nothing_and_treat_pictures_one_by_one(small):
    family, params, x, codes = small
    mean, log_var = family.posterior(params, x, codes)
    again, _ = family.posterior(params, x[2:3], codes[2:3])
    np.testing.assert_allclose(mean[2:3], again, atol=1e-6)
    y = family.picture(params, mean, codes)
    np.testing.assert_array_equal(y, family.picture(params, mean, codes))
    np.testing.assert_allclose(y[2:3], family.picture(params, mean[2:3], codes[2:3]), atol=1e-6)
    assert not np.allclose(log_var, 0)


def test_the_picture_depends_on_z_and_on_the_code(small):
    family, params, _, _ = small
    eye = jnp.eye(3, dtype=jnp.float32)
    zeros, ones = jnp.zeros((3, 2), jnp.float32), jnp.ones((3, 2), jnp.float32)
    y = np.asarray(family.picture(params, zeros, eye))
    assert np.abs(y[0] - y[1]).max() > 1e-4
    assert np.abs(y - np.asarray(family.picture(params, ones, eye))).max() > 1e-4


def test_fresh_parameters_come_from_the_key():
    family = Compiled((8, 8, 1), n_codes=2, latent=2, width=2)
    one, again, other = (family.init(jax.random.key(seed)) for seed in (0, 0, 1))
    kernel = [tree["encoder"]["stem"]["kernel"] for tree in (one, again, other)]
    np.testing.assert_array_equal(kernel[0], kernel[1])
    assert np.abs(kernel[0] - kernel[2]).max() > 0
