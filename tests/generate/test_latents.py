"""Gaussians for each code, held against the moments that NumPy finds, and draws from them."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from clusterart_jax.condition import encode, mix
from clusterart_jax.generate import Latents
from clusterart_jax.generate._latents import fit_latents

KEY = jax.random.key(0)


def posterior(images, codes):
    """Latents that are the picture's own three values, without variance."""
    z = images.reshape(images.shape[0], 3)
    return z, jnp.zeros_like(z)


fit = jax.jit(partial(fit_latents, KEY, posterior, 3, 2))


@pytest.fixture(scope="module")
def problem():
    """900 pictures of three values in clusters 0…2 of 4, some of them noise; cluster 1 is two."""
    rng = np.random.default_rng(0)
    labels = np.array([0, 1, 2, -1, 1])[np.arange(900) % 5]
    center = np.array([[30, 40, 50], [200, 90, 60], [100, 220, 160], [250, 250, 250]])[labels]
    center = center + np.where((labels == 1) & (np.arange(900) % 2 == 0), 50, 0)[:, None]
    values = np.clip(np.round(center + rng.normal(size=(900, 3)) * [3, 9, 5]), 0, 255)
    return values.astype(np.uint8).reshape(900, 1, 1, 3), labels


@pytest.fixture(scope="module")
def fitted(problem):
    images, labels = problem
    return fit(jnp.asarray(images), encode(labels, 4).codes)


@pytest.mark.parametrize("code", [0, 1, 2])
def test_one_gaussian_each_needs_no_search(problem, code):
    images, labels = problem
    alone = partial(fit_latents, KEY, posterior, 3, 1)
    latents = jax.jit(alone)(jnp.asarray(images), encode(labels, 4).codes)
    assert latents.weight.shape == (4, 1)
    own = images.reshape(900, 3)[labels == code] / 255
    center, covariance = moments(latents, code)
    np.testing.assert_allclose(center, own.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(covariance, np.cov(own.T, bias=True) + 1e-4 * np.eye(3), atol=1e-6)


def moments(latents, code):
    """Mean and covariance of a mixture of Gaussians."""
    weight, mean, scale = (np.asarray(a[code], np.float64) for a in latents)
    center = weight @ mean
    around = mean - center
    inside = np.einsum("m,mij,mkj->ik", weight, scale, scale)
    return center, inside + (weight[:, None] * around).T @ around


@pytest.mark.parametrize("code", [0, 1, 2])
def test_each_code_has_the_moments_of_its_pictures(problem, fitted, code):
    """EM keeps the mean and the covariance of all rows, however many Gaussians there are."""
    images, labels = problem
    own = images.reshape(900, 3)[labels == code] / 255
    center, covariance = moments(fitted, code)
    np.testing.assert_allclose(center, own.mean(axis=0), atol=1e-4)
    np.testing.assert_allclose(covariance, np.cov(own.T, bias=True) + 1e-4 * np.eye(3), atol=2e-5)


def test_two_groups_in_a_code_get_a_gaussian_each(problem, fitted):
    images, labels = problem
    own = images.reshape(900, 3)[labels == 1] / 255
    even = np.arange(900)[labels == 1] % 2 == 0
    means = np.asarray(sorted(np.asarray(fitted.mean[1]).tolist()))
    expected = [own[~even].mean(axis=0), own[even].mean(axis=0)]
    np.testing.assert_allclose(means, expected, atol=0.01)


def test_a_code_without_pictures_has_the_mixture_of_all_but_noise(problem, fitted):
    images, labels = problem
    rest = images.reshape(900, 3)[labels >= 0] / 255
    np.testing.assert_allclose(moments(fitted, 3)[0], rest.mean(axis=0), atol=1e-3)


def test_noise_counts_for_nothing(problem, fitted):
    """The fit with other pictures in the rows of noise is the same, but in the order of sums."""
    images, labels = problem
    other = np.where((labels < 0)[:, None, None, None], np.uint8(7), images)
    again = fit(jnp.asarray(other), encode(labels, 4).codes)
    for a, b in zip(again, fitted, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.parametrize("labels", [[0], [-1], [0, 0]], ids=["one picture", "noise only", "two"])
def test_too_few_pictures_still_give_something_to_draw_from(labels):
    images = jnp.full((len(labels), 1, 1, 3), 51, jnp.uint8)
    latents = jax.jit(partial(fit_latents, KEY, posterior, 3, 8))(
        images, encode(np.array(labels), 4).codes
    )
    assert all(np.isfinite(a).all() for a in latents)
    keys = jax.random.split(KEY, 50)
    z = latents.draw(keys, jnp.tile(encode(np.array([0]), 4).codes, (50, 1)))
    np.testing.assert_allclose(z, 0.2, atol=0.1)


def test_a_code_has_no_more_gaussians_than_its_pictures_tell_apart(problem):
    """One for 2 · latent = 6 pictures: of 40, 100 and 760 pictures 6, 16 and all 20."""
    images, _ = problem
    labels = np.repeat(np.arange(3), [40, 100, 760])
    many = jax.jit(partial(fit_latents, KEY, posterior, 3, 20))
    latents = many(jnp.asarray(images), encode(labels, 3).codes)
    np.testing.assert_array_equal(np.sum(np.asarray(latents.weight) > 0, axis=1), [6, 16, 20])
    assert all(np.isfinite(a).all() for a in latents)


def test_pictures_that_hardly_belong_to_a_code_hardly_count(problem, fitted):
    """A millionth of a share of all pictures is less than one of 900."""
    images, labels = problem
    codes = np.asarray(encode(labels, 4).codes)
    soft = np.where(codes.sum(axis=1, keepdims=True) > 0, codes * (1 - 4e-6) + 1e-6, 0)
    again = fit(jnp.asarray(images), jnp.asarray(soft, jnp.float32))
    for code in range(3):
        own = images.reshape(900, 3)[labels == code] / 255
        np.testing.assert_allclose(moments(again, code)[0], own.mean(axis=0), atol=0.005)


LATENTS = Latents(
    jnp.array([[0.25, 0.75], [1.0, 0.0]], jnp.float32),
    jnp.array([[[1.0, -2.0], [5.0, 0.0]], [[-3.0, 4.0], [99.0, 99.0]]], jnp.float32),
    jnp.array(
        [
            [[[2.0, 0.0], [1.0, 0.5]], [[0.1, 0.0], [0.0, 0.1]]],
            [[[0.3, 0.0], [0.2, 0.4]], [[1.0, 0.0], [0.0, 1.0]]],
        ],
        jnp.float32,
    ),
)


@pytest.mark.parametrize("code", [0, 1])
def test_draws_have_the_moments_of_their_code(code):
    codes = jnp.tile(jnp.eye(2, dtype=jnp.float32)[code][None], (20_000, 1))
    z = np.asarray(LATENTS.draw(jax.random.split(KEY, 20_000), codes))
    center, covariance = moments(LATENTS, code)
    np.testing.assert_allclose(z.mean(axis=0), center, atol=0.05)
    np.testing.assert_allclose(np.cov(z.T), covariance, atol=0.12)


def test_a_mixture_of_codes_draws_the_mixture_of_a_draw_of_each():
    keys, eye = jax.random.split(KEY, 30), jnp.eye(2, dtype=jnp.float32)
    one, other, half = (
        np.asarray(LATENTS.draw(keys, jnp.tile(code[None], (30, 1))))
        for code in (eye[0], eye[1], mix({0: 0.5, 1: 0.5}, 2))
    )
    np.testing.assert_allclose(half, (one + other) / 2, atol=1e-6)


def test_temperature_shrinks_the_spread_about_the_gaussians():
    codes = jnp.tile(jnp.array([[0.0, 1.0]], jnp.float32), (50, 1))
    keys = jax.random.split(KEY, 50)
    full, half, none = (np.asarray(LATENTS.draw(keys, codes, t)) for t in (1.0, 0.5, 0.0))
    center = np.array([[-3.0, 4.0]])
    np.testing.assert_allclose(half - center, (full - center) / 2, atol=1e-6)
    np.testing.assert_allclose(none, np.tile(center, (50, 1)), atol=1e-6)


def test_each_row_is_drawn_from_its_own_key():
    keys, codes = jax.random.split(KEY, 9), jnp.tile(jnp.eye(2, dtype=jnp.float32)[:1], (9, 1))
    z = np.asarray(LATENTS.draw(keys, codes))
    assert len(np.unique(z[:, 0])) == 9
    np.testing.assert_allclose(LATENTS.draw(keys[4:], codes[4:]), z[4:], atol=1e-6)
