"""Starts of every kind, centres that take no part, and gradients through the solution."""

from functools import partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from clusterart_jax import kmeans
from clusterart_jax._linalg import moments, round_origin
from clusterart_jax.cluster import nearest_centers
from clusterart_jax.cluster._seeding import kmeans_parallel, kmeans_plus_plus


def groups(n=400, k=8, d=3, seed=0):
    rng = np.random.default_rng(seed)
    middles = 12 * rng.normal(size=(k, d))
    return middles[np.arange(n) % k] + rng.normal(size=(n, d))


@partial(jax.jit, static_argnums=(0, 3))
def start(function, x, weights, k, key):
    return function(key, x, weights, k, round_origin(*moments(x, weights))[None])


def seeds(function, x, k, seed=0, weights=None):
    x = jnp.asarray(x)
    weights = jnp.ones(len(x), x.dtype) if weights is None else jnp.asarray(weights, x.dtype)
    return np.asarray(start(function, x, weights, k, jax.random.key(seed)))


def inertia(x, centers):
    return float(np.sum(nearest_centers(x, centers)[1] ** 2))


@pytest.mark.parametrize("function", [kmeans_parallel, kmeans_plus_plus])
def test_seeds_find_groups_that_lie_apart(function):
    x = groups()
    for seed in range(3):
        found = np.argmin(
            ((seeds(function, x, 8, seed)[:, None] - x[None, :8]) ** 2).sum(2), axis=1
        )
        assert len(set(found)) == 8


def test_parallel_seeds_are_rows_with_a_weight():
    x, weights = groups(), np.arange(400) % 2
    found = seeds(kmeans_parallel, x, 8, weights=weights)
    rows = {tuple(row) for row in x[weights > 0]}
    assert {tuple(row) for row in found} <= rows
    assert len({tuple(row) for row in found}) == 8


def test_parallel_seeds_are_no_worse_than_sequential_ones(digits):
    parallel, sequential = (
        np.mean([inertia(digits, seeds(f, digits, 10, seed)) for seed in range(8)])
        for f in (kmeans_parallel, kmeans_plus_plus)
    )
    assert parallel < 1.05 * sequential


def test_parallel_seeds_with_fewer_distinct_rows_than_centers(key):
    x = np.repeat(groups(3), 20, axis=0)
    result = kmeans(key, x, 5, init="k-means||")
    assert result.inertia == pytest.approx(0, abs=1e-9)


def test_sharded_parallel_seeds_equal_unsharded(blobs, key, on_mesh):
    alone = kmeans(key, blobs, 4, init="k-means||", max_iter=0)
    shared = kmeans(key, on_mesh(blobs, 4), 4, init="k-means||", max_iter=0)
    np.testing.assert_allclose(shared.centers, alone.centers, atol=1e-9)


def test_a_function_may_give_the_start(blobs, key):
    asked = []

    def first_rows(key, x, k):
        asked.append((x.shape, k))
        return x[:k]

    told = kmeans(key, blobs, 3, init=first_rows, max_iter=2)
    given = kmeans(key, blobs, 3, init=blobs[:3], max_iter=2)
    assert asked == [((240, 4), 3)]
    np.testing.assert_array_equal(told.centers, given.centers)
    with pytest.raises(ValueError, match=r"init must have shape \(k, d\) = \(3, 4\), not \(2, 4\)"):
        kmeans(key, blobs, 3, init=lambda key, x, k: x[:2])


def test_centers_that_take_no_part(blobs, key):
    few = kmeans(key, blobs, 3, init=blobs[:3])
    many = kmeans(key, blobs, 6, init=blobs[:6], active=3)
    np.testing.assert_allclose(many.centers[:3], few.centers, atol=1e-9)
    np.testing.assert_array_equal(many.labels, few.labels)
    assert np.all(np.isinf(many.centers[3:]))
    assert many.inertia == pytest.approx(float(few.inertia))
    assert many.converged
    labels, distances = nearest_centers(blobs, many.centers)
    np.testing.assert_array_equal(labels, few.labels)
    assert np.all(np.isfinite(distances))


@pytest.mark.parametrize("active", [0, -1, 7])
def test_more_or_fewer_active_centers_than_there_are(active, blobs, key):
    with pytest.raises(ValueError, match=f"active must be between 1 and 6, not {active}"):
        kmeans(key, blobs, 6, active=active)


def test_one_program_for_every_number_of_active_centers(blobs, key, compilations):
    kmeans(key, blobs, 6, active=2)
    before = compilations.count
    inertias = [float(kmeans(key, blobs, 6, active=k).inertia) for k in range(1, 7)]
    assert compilations.count == before
    assert all(b < a for a, b in pairwise(inertias))


def test_a_batch_with_another_number_of_centers_each(blobs, key):
    batch = jax.vmap(lambda k: kmeans(key, blobs, 5, init=blobs[:5], active=k))(jnp.arange(1, 6))
    for i in (0, 2):
        alone = kmeans(key, blobs, i + 1, init=blobs[: i + 1])
        np.testing.assert_array_equal(batch.labels[i], alone.labels)
        np.testing.assert_allclose(batch.inertia[i], alone.inertia)


PULL = np.random.default_rng(1).normal(size=(3, 4))


def loss(x, weights, n_init=1):
    result = kmeans(jax.random.key(0), x, 3, sample_weight=weights, tol=0, n_init=n_init)
    return jnp.sum(PULL * result.centers) + 0.1 * result.inertia


def test_gradient_of_the_solution_equals_finite_differences(blobs):
    weights = 0.5 + np.random.default_rng(2).random(240)
    by_x, by_weights = jax.jit(jax.grad(loss, (0, 1)))(jnp.asarray(blobs), jnp.asarray(weights))
    rng = np.random.default_rng(3)
    for _ in range(3):
        dx, dw = rng.normal(size=(240, 4)), rng.normal(size=240)
        ahead, behind = (loss(blobs + h * dx, weights + h * dw) for h in (1e-6, -1e-6))
        expected = float(ahead - behind) / 2e-6
        assert float(jnp.sum(by_x * dx) + jnp.sum(by_weights * dw)) == pytest.approx(
            expected, rel=1e-5
        )


def test_forward_and_backward_agree(blobs):
    x, weights = jnp.asarray(blobs), jnp.ones(240)
    _, ahead = jax.jvp(lambda x: loss(x, weights, 2), (x,), (x**2,))
    back = jax.grad(lambda x: loss(x, weights, 2))(x)
    assert float(ahead) == pytest.approx(float(jnp.sum(back * x**2)))


def test_sharded_gradient_equals_unsharded(blobs, on_mesh):
    alone = jax.grad(loss)(jnp.asarray(blobs), jnp.ones(240))
    shared = jax.jit(jax.grad(loss))(on_mesh(blobs, 2), on_mesh(np.ones(240), 2))
    np.testing.assert_allclose(shared, alone, atol=1e-9)


def test_gradient_of_a_batch_equals_a_loop(blobs):
    x = jnp.stack([jnp.asarray(blobs), jnp.asarray(blobs[::-1] * 2)])
    weights = jnp.ones(240)
    batch = jax.vmap(jax.grad(loss), (0, None))(x, weights)
    for i in range(2):
        np.testing.assert_allclose(batch[i], jax.grad(loss)(x[i], weights), atol=1e-9)


def test_centers_that_take_no_part_have_no_gradient(blobs, key):
    def far(x):
        centers = kmeans(key, x, 5, init=x[:5], active=3).centers
        return jnp.sum(jnp.where(jnp.isfinite(centers), centers, 0))

    slope = jax.grad(far)(jnp.asarray(blobs))
    assert np.all(np.isfinite(slope))
    assert float(jnp.sum(slope)) == pytest.approx(12)  # three centres of four columns
