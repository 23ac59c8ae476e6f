"""Weighted k-means on a grid, beside brute force and beside `cluster.kmeans`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from clusterart_jax.art._voronoi import _curve, centroids, nearest_sites, spread_points
from clusterart_jax.cluster import kmeans

KEY = jax.random.key(0)
H, W = 48, 64


@pytest.fixture(scope="module")
def weights():
    y, x = np.mgrid[:H, :W]
    return jnp.asarray((1 + np.sin(x / 9) * np.cos(y / 7)) ** 2 + 0.01, jnp.float32)


@pytest.fixture(scope="module")
def start(weights):
    return spread_points(KEY, weights, 60)


def pixels():
    y, x = np.mgrid[:H, :W]
    return np.stack([x.ravel(), y.ravel()], axis=1) + 0.5


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (8, 8), (13, 6), (64, 48)])
def test_the_curve_visits_every_pixel_once(shape):
    order = _curve(*shape)
    assert sorted(order.tolist()) == list(range(shape[0] * shape[1]))


def test_the_curve_goes_from_neighbour_to_neighbour():
    y, x = np.divmod(_curve(32, 32), 32)
    assert (abs(np.diff(x)) + abs(np.diff(y)) == 1).all()


def test_points_follow_the_weights(weights, start):
    x, y = np.asarray(start).T
    assert min(x.min(), y.min()) >= 0
    assert x.max() < W
    assert y.max() < H
    many = np.asarray(spread_points(KEY, weights, 3000))
    left = np.asarray(weights)[:, : W // 2].sum() / np.asarray(weights).sum()
    assert np.mean(many[:, 0] < W // 2) == pytest.approx(left, abs=0.01)


def test_flooding_finds_the_nearest(start):
    square = np.sum((pixels()[:, None] - np.asarray(start, np.float64)[None]) ** 2, axis=2)
    found = np.asarray(nearest_sites(start, jnp.zeros((H, W), jnp.float32))).ravel()
    chosen = square[np.arange(H * W), found]
    assert (chosen <= square.min(axis=1) + 1e-3).mean() > 0.999
    assert chosen.sum() <= square.min(axis=1).sum() * 1.0001


def test_it_is_our_k_means(weights, start):
    ours = centroids(KEY, weights, start, max_iter=8, tol=0.0)
    whole = kmeans(
        KEY,
        jnp.asarray(pixels(), jnp.float32),
        60,
        sample_weight=weights.ravel(),
        init=start,
        max_iter=8,
        tol=0,
    )
    assert int(ours.n_iter) == 8
    energy = float(whole.inertia) / float(weights.sum())
    assert float(ours.energy) == pytest.approx(energy, rel=2e-3)
    assert np.mean(np.asarray(ours.labels).ravel() == np.asarray(whole.labels)) > 0.99
    assert np.abs(np.asarray(ours.centers) - np.asarray(whole.centers)).mean() < 0.05


def test_more_iterations_lower_the_energy_and_then_it_stops(weights, start):
    energies = [float(centroids(KEY, weights, start, max_iter=i, tol=0.0).energy) for i in range(4)]
    assert energies == sorted(energies, reverse=True)
    assert energies[3] < 0.9 * energies[0]
    done = centroids(KEY, weights, start, max_iter=500)
    assert bool(done.converged)
    assert int(done.n_iter) < 500


def test_labels_masses_and_centres_belong_together(weights, start):
    found = centroids(KEY, weights, start, max_iter=3)
    square = np.sum((pixels()[:, None] - np.asarray(found.centers)[None]) ** 2, axis=2)
    labels = np.asarray(found.labels).ravel()
    assert (square[np.arange(H * W), labels] <= square.min(axis=1) + 1e-3).mean() > 0.999
    masses = np.bincount(labels, np.asarray(weights).ravel(), 60)
    assert np.allclose(masses, found.masses, rtol=1e-4)


def test_centres_without_weight_find_some(weights):
    dark = jnp.where(jnp.arange(W)[None, :] < W // 2, weights, 0)
    lost = jnp.asarray(np.random.default_rng(0).uniform((40, 0), (64, 48), (20, 2)), jnp.float32)
    found = centroids(KEY, dark, lost, max_iter=60)
    assert (np.asarray(found.masses) > 0).all()
    assert (np.asarray(found.centers)[:, 0] < W // 2).all()


def test_another_limit_compiles_nothing(weights, start, compilations):
    centroids(KEY, weights, start, max_iter=1, tol=0.5)
    before = compilations.count
    centroids(KEY, weights, start, max_iter=2, tol=0.25)
    assert compilations.count == before
