"""Soft k-means by hand, against a plain oracle, at its limits, and its gradients."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from clusterart_jax import kmeans, soft_kmeans
from clusterart_jax._errors import ConfigError


def oracle(x, centers, temperature, weights, iterations):
    for _ in range(iterations + 1):
        before = centers
        squared = ((x[:, None] - centers[None]) ** 2).sum(-1)
        shares = np.exp(-(squared - squared.min(1, keepdims=True)) / temperature)
        whole = shares.sum(1, keepdims=True)
        pull = weights[:, None] * shares / whole
        centers = pull.T @ x / pull.sum(0)[:, None]
    value = squared.min(1) - temperature * np.log(whole[:, 0])
    return before, shares / whole, (weights * value).sum()


def test_by_hand(key, dtype):
    # Rows −1 and 1, centres ∓c: r = σ(4c/T) and c = 2r − 1, so c = tanh(2c/T).
    x = np.array([[-1], [1]], dtype)
    result = soft_kmeans(key, x, 2, temperature=1.0, init=x, tol=0)
    c = float(result.centers[1, 0])
    np.testing.assert_allclose(c, np.tanh(2 * c), rtol=1e-6)
    np.testing.assert_allclose(result.centers[0], -c, rtol=1e-6)
    share = 1 / (1 + np.exp(-4 * c))
    np.testing.assert_allclose(result.responsibilities[1, 1], share, rtol=1e-5)
    expected = -2 * np.log(np.exp(-((1 - c) ** 2)) + np.exp(-((1 + c) ** 2)))
    np.testing.assert_allclose(result.objective, expected, rtol=1e-5)
    assert result.converged
    assert {a.dtype for a in result[:3]} == {dtype}


def test_equals_oracle(key):
    rng = np.random.default_rng(0)
    x, weights = rng.normal(size=(50, 3)), rng.random(50) * (rng.random(50) < 0.8)
    for m in (0, 1, 7):
        options = {"init": x[:4], "sample_weight": weights, "max_iter": m}
        ours = soft_kmeans(key, x, 4, temperature=0.7, tol=0, **options)
        centers, shares, objective = oracle(x, x[:4], 0.7, weights, m)
        np.testing.assert_allclose(ours.centers, centers, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(ours.responsibilities, shares, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(ours.objective, objective, rtol=1e-10)
        assert ours.n_iter == m


def test_cold_is_k_means_and_hot_is_the_mean(key, blobs):
    run = lambda t: soft_kmeans(key, blobs, 3, temperature=t, init=blobs[:3])  # noqa: E731
    cold, hard = run(1e-3), kmeans(key, blobs, 3, init=blobs[:3], tol=0)
    np.testing.assert_allclose(cold.centers, hard.centers, atol=1e-2)
    np.testing.assert_allclose(cold.objective, hard.inertia, rtol=1e-3)
    hot = run(1e3)
    np.testing.assert_allclose(hot.centers, np.tile(blobs.mean(0), (3, 1)), atol=1e-2)
    np.testing.assert_allclose(hot.responsibilities, 1 / 3, atol=1e-3)


def test_objective_falls_with_every_iteration(key, blobs):
    def run(m):
        return soft_kmeans(key, blobs, 5, temperature=2.0, init=blobs[:5], max_iter=m, tol=0)

    path = [float(run(m).objective) for m in range(8)]
    assert all(after < before for before, after in pairwise(path))


def test_starts_keep_the_best(key, blobs):
    run = lambda key, n: soft_kmeans(  # noqa: E731
        key, blobs, 6, temperature=0.5, init="random", n_init=n
    )
    starts = [key, *(jax.random.fold_in(key, i) for i in range(1, 4))]
    singles = [float(run(k, 1).objective) for k in starts]
    assert len({round(s, 6) for s in singles}) > 1
    np.testing.assert_allclose(run(key, 4).objective, min(singles), rtol=1e-9)


def test_gradients_equal_finite_differences(key):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(30, 2)) + 3 * (np.arange(30) % 3)[:, None]
    weights, mix = rng.random(30) + 0.5, rng.normal(size=(3, 2))

    @jax.jit
    def loss(x, weights, temperature):
        options = {"temperature": temperature, "sample_weight": weights, "init": start}
        result = soft_kmeans(key, x, 3, tol=1e-24, **options)
        soft = jnp.sum(jnp.sin(result.responsibilities[:5]))
        return jnp.sum(jnp.asarray(mix) * result.centers) + soft + 0.1 * result.objective

    start = jax.lax.stop_gradient(jnp.asarray(x[:3]))
    at = (jnp.asarray(x), jnp.asarray(weights), jnp.asarray(1.5))
    slopes = jax.jit(jax.grad(loss, argnums=(0, 1, 2)))(*at)
    for i, slope in enumerate(slopes):
        way = jnp.asarray(rng.normal(size=slope.shape))
        ends = [loss(*at[:i], at[i] + step * way, *at[i + 1 :]) for step in (1e-5, -1e-5)]
        np.testing.assert_allclose(jnp.sum(slope * way), (ends[0] - ends[1]) / 2e-5, rtol=1e-6)
    tangent = jax.jit(lambda *a: jax.jvp(loss, at, a)[1])(*slopes)
    np.testing.assert_allclose(tangent, sum(jnp.sum(s**2) for s in slopes), rtol=1e-8)


def test_gradient_is_of_the_fixed_point_not_of_the_way_there(key, blobs):
    run = lambda x, m: soft_kmeans(  # noqa: E731
        key, x, 3, temperature=2.0, init=end.centers, max_iter=m, tol=0
    ).centers.sum()
    end = soft_kmeans(key, blobs, 3, temperature=2.0, init=blobs[:3], tol=1e-26)
    slope = jax.jit(jax.grad(run))
    np.testing.assert_allclose(slope(blobs, 0), slope(blobs, 50), rtol=1e-7, atol=1e-9)


def test_far_off_float32(key, blobs):
    x = (blobs + 1e4).astype(np.float32)
    ours = soft_kmeans(key, x, 3, temperature=1.0, init=x[:3])
    exact = soft_kmeans(key, x.astype(float), 3, temperature=1.0, init=x[:3])
    np.testing.assert_allclose(ours.responsibilities, exact.responsibilities, atol=1e-3)
    np.testing.assert_allclose(ours.objective, exact.objective, rtol=1e-4)


def test_sharded_equals_unsharded_with_gradient(key, blobs, on_mesh):
    @jax.jit
    def run(x):
        loss = lambda x: soft_kmeans(key, x, 3, temperature=2.0, tol=1e-20).objective  # noqa: E731
        return jax.value_and_grad(loss)(x)

    alone, spread = run(blobs), run(on_mesh(blobs, 4, "explicit"))
    for a, b in zip(alone, spread, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


def test_numbers_do_not_recompile(key, compilations):
    x = np.random.default_rng(0).random((33, 3))
    soft_kmeans(key, x, 3, temperature=0.1)
    assert compilations.count > 0
    before = compilations.count
    soft_kmeans(key, x + 1, 3, temperature=5.0, max_iter=3, tol=0.1)
    assert compilations.count == before


def test_memory_of_a_gradient_does_not_hold_iterations():
    n, d, k = 200_000, 64, 16
    x = jax.ShapeDtypeStruct((n, d), jnp.float32)

    def loss(key, x):
        return soft_kmeans(key, x, k, temperature=1.0).objective

    run = jax.jit(jax.grad(loss, argnums=1))
    memory = run.lower(jax.random.key(0), x).compile().memory_analysis()
    # The gradient is as large as the rows; iterations kept for it would take n · k each.
    assert memory.temp_size_in_bytes < 4 * n * (6 * d + 4 * k)


def test_bad_arguments(key):
    x = np.ones((6, 2))
    with pytest.raises(TypeError, match="temperature"):
        soft_kmeans(key, x, 2)
    with pytest.raises(ValueError, match="k must be between 1 and 6, not 7"):
        soft_kmeans(key, x, 7, temperature=1.0)
    with pytest.raises(ConfigError, match="init must be"):
        soft_kmeans(key, x, 2, temperature=1.0, init="soft")
