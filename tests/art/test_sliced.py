"""Steps of sliced transport: quantiles, maps of a line, barycentres, and where steps lead."""

import jax
import jax.numpy as jnp
import numpy as np

from clusterart_jax.art import _sliced as sliced

RNG = np.random.default_rng(0)


def normal(*shape, mean=0.0, scale=1.0):
    return (mean + scale * RNG.normal(size=shape)).astype(np.float32)


def test_quantiles_are_those_of_numpy():
    samples = normal(1000, 3)
    wanted = np.quantile(samples, (np.arange(128) + 0.5) / 128, axis=0, method="hazen")
    np.testing.assert_allclose(sliced.quantiles(samples), wanted, atol=1e-5)


def test_a_line_is_moved_monotonely_to_the_other_quantiles():
    one, two = normal(4096, 2), normal(4096, 2, mean=3, scale=0.5)
    before, after = sliced.quantiles(one), sliced.quantiles(two)
    values = np.sort(one, axis=0).reshape(64, 64, 2)
    there = values + np.asarray(sliced.moved(values, before, after))
    assert (np.diff(there.reshape(-1, 2), axis=0) >= -1e-5).all()
    np.testing.assert_allclose(there.mean(axis=(0, 1)), two.mean(axis=0), atol=0.02)
    np.testing.assert_allclose(there.std(axis=(0, 1)), two.std(axis=0), atol=0.02)


def test_values_that_are_all_alike_go_as_one():
    before, after = jnp.full((128, 1), 2.0, jnp.float32), jnp.full((128, 1), 5.0, jnp.float32)
    gone = sliced.moved(np.full((2, 2, 1), 2, np.float32), before, after)
    np.testing.assert_allclose(gone, 3, atol=1e-5)


def test_the_barycentre_of_shifted_samples_is_the_mean_shift():
    samples, directions = normal(500, 4), np.eye(4, dtype=np.float32)[:, :2]
    examples = np.stack([samples + 1, samples + 4])
    shares = np.array([0.25, 0.5], np.float32)
    found = sliced.barycenter(directions, examples, shares, samples, jnp.float32(0.25))
    wanted = np.asarray(sliced.quantiles(samples[:, :2])) + 0.25 * 1 + 0.5 * 4
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def distance(x, y, count=40):
    """Sliced Wasserstein distance of two samples of one size, by sorting in NumPy."""
    directions = np.random.default_rng(5).normal(size=(x.shape[1], count))
    directions /= np.linalg.norm(directions, axis=0)
    gap = np.sort(x @ directions, axis=0) - np.sort(y @ directions, axis=0)
    return float(np.mean(gap**2)) ** 0.5


def test_color_steps_lead_to_the_colours_of_the_example(key):
    x = normal(32, 64, 3, scale=0.1)
    turn = np.linalg.qr(normal(3, 3))[0]
    target = (np.abs(normal(2048, 3)) * 0.1) @ turn + 0.3
    places = np.stack(np.unravel_index(np.arange(2048), (32, 64)), axis=1).astype(np.int32)
    shares, own = np.ones(1, np.float32), x.reshape(-1, 3)
    before = distance(own, target)
    for step in range(12):
        x = sliced.color_step(
            jax.random.fold_in(key, step), x, places, target[None], shares, own,
            jnp.float32(0), jnp.float32(1),
        )  # fmt: skip
    assert distance(np.asarray(x).reshape(-1, 3), target) < 0.1 * before


def patches(x):
    windows = np.lib.stride_tricks.sliding_window_view(x, (5, 5), axis=(0, 1))
    return windows.transpose(0, 1, 3, 4, 2).reshape(-1, 75)


def test_patch_steps_lead_to_the_patches_of_the_example(key):
    """Smooth noise becomes striped, and a patch's mean, which is colour, is not what they move."""
    x = normal(64, 64, 3, scale=0.02)
    stripes = 0.2 * np.sin(np.arange(64) * 1.2)[None, :, None] * np.ones((64, 64, 3))
    target = patches(stripes.astype(np.float32))
    places = np.stack(np.unravel_index(np.arange(3600), (64, 64)), axis=1).astype(np.int32)
    own, examples = patches(x), target[None]
    shares = np.ones(1, np.float32)

    def free(rows):
        rows = rows.reshape(-1, 25, 3)
        return (rows - rows.mean(axis=1, keepdims=True)).reshape(-1, 75)

    before = distance(free(own), free(target))
    for step in range(20):
        x = sliced.patch_step(
            jax.random.fold_in(key, step), x, places, examples, shares, own, jnp.float32(0)
        )
    assert distance(free(patches(np.asarray(x))), free(target)) < 0.5 * before
