"""A Gaussian for each cluster, held against means and covariances that NumPy finds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from clusterart_jax.condition import encode
from clusterart_jax.generate import VAE, Latents, fit_latents

FAMILY = VAE((4, 4, 1), n_codes=4, latent=3, width=2)
fit_compiled = jax.jit(fit_latents, static_argnums=0)
init = jax.jit(FAMILY.init)
posterior = jax.jit(FAMILY.posterior)


@pytest.fixture(scope="module")
def fitted():
    """300 pictures (more than a block) in clusters 0…2 of 4, some of them noise."""
    params = init(jax.random.key(0))
    images = jax.random.bits(jax.random.key(1), (300, 4, 4, 1), jnp.uint8)
    labels = np.array([0, 1, 2, -1, 1])[np.arange(300) % 5]
    codes = encode(labels, 4).codes
    mean, log_var = posterior(params, images.astype(jnp.float32) / 255, codes)
    fit = fit_compiled(FAMILY, params, images, codes)
    return fit, labels, np.asarray(mean, np.float64), np.exp(np.asarray(log_var, np.float64))


def gaussian(mean, variance):
    """Mean and covariance of z drawn from a row's own Gaussian, the row drawn at random."""
    center = mean.mean(axis=0)
    around = mean - center
    return center, around.T @ around / len(mean) + np.diag(variance.mean(axis=0))


@pytest.mark.parametrize("cluster", [0, 1, 2])
def test_each_cluster_has_the_mean_and_covariance_of_its_pictures(fitted, cluster):
    fit, labels, mean, variance = fitted
    rows = labels == cluster
    center, covariance = gaussian(mean[rows], variance[rows])
    scale = np.asarray(fit.scale[cluster], np.float64)
    np.testing.assert_allclose(fit.mean[cluster], center, atol=1e-5)
    np.testing.assert_allclose(scale @ scale.T, covariance + 1e-4 * np.eye(3), atol=1e-5)
    np.testing.assert_array_equal(scale, np.tril(scale))


def test_an_empty_cluster_has_the_gaussian_of_all_but_noise(fitted):
    fit, labels, mean, variance = fitted
    rows = labels >= 0
    center, covariance = gaussian(mean[rows], variance[rows])
    scale = np.asarray(fit.scale[3], np.float64)
    np.testing.assert_allclose(fit.mean[3], center, atol=1e-5)
    np.testing.assert_allclose(scale @ scale.T, covariance + 1e-4 * np.eye(3), atol=1e-5)


def test_noise_counts_for_nothing(fitted):
    """The fit with other pictures in the rows of noise is the same."""
    fit, labels, _, _ = fitted
    params = init(jax.random.key(0))
    images = jax.random.bits(jax.random.key(1), (300, 4, 4, 1), jnp.uint8)
    images = jnp.where((labels < 0)[:, None, None, None], jnp.uint8(255), images)
    other = fit_compiled(FAMILY, params, images, encode(labels, 4).codes)
    np.testing.assert_array_equal(other.mean, fit.mean)
    np.testing.assert_array_equal(other.scale, fit.scale)


@pytest.mark.parametrize("labels", [[0], [-1], [0, 0]], ids=["one picture", "noise only", "two"])
def test_too_few_pictures_still_give_something_to_draw_from(labels):
    params = init(jax.random.key(0))
    images = jnp.zeros((len(labels), 4, 4, 1), jnp.uint8)
    fit = fit_compiled(FAMILY, params, images, encode(np.array(labels), 4).codes)
    assert np.isfinite(fit.mean).all()
    assert np.isfinite(fit.scale).all()


LATENTS = Latents(
    jnp.array([[1.0, -2.0], [5.0, 0.0]], jnp.float32),
    jnp.array([[[2.0, 0.0], [1.0, 0.5]], [[0.1, 0.0], [0.0, 0.1]]], jnp.float32),
)


@pytest.mark.parametrize(
    "code", [[1.0, 0.0], [0.0, 1.0], [0.25, 0.75]], ids=["first", "second", "mixture"]
)
def test_draws_have_the_moments_of_the_mixture(code):
    codes = jnp.tile(jnp.array([code], jnp.float32), (20_000, 1))
    z = np.asarray(LATENTS.draw(jax.random.key(0), codes))
    scale = np.tensordot(code, np.asarray(LATENTS.scale), axes=1)
    np.testing.assert_allclose(z.mean(axis=0), code @ np.asarray(LATENTS.mean), atol=0.05)
    np.testing.assert_allclose(np.cov(z.T), scale @ scale.T, atol=0.12)


def test_temperature_shrinks_the_spread_about_the_mean():
    codes = jnp.tile(jnp.array([[1.0, 0.0]], jnp.float32), (50, 1))
    full, half, none = (
        np.asarray(LATENTS.draw(jax.random.key(0), codes, t)) for t in (1.0, 0.5, 0.0)
    )
    center = np.asarray(LATENTS.mean[:1])
    np.testing.assert_allclose(half - center, (full - center) / 2, atol=1e-6)
    np.testing.assert_allclose(none, np.tile(center, (50, 1)), atol=1e-6)


def test_each_code_is_drawn_apart():
    z = np.asarray(
        LATENTS.draw(jax.random.key(0), jnp.eye(2, dtype=jnp.float32)[jnp.zeros(9, int)])
    )
    assert len(np.unique(z[:, 0])) == 9
