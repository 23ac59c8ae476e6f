"""The loops and sums on the floor, against NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from clusterart_jax import _linalg as la


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def small_blocks(monkeypatch, rows):
    monkeypatch.setattr(la, "block_size", lambda n, width: min(n, rows))


@pytest.mark.parametrize("n", [1, 7, 8, 9, 16, 17])
def test_fold_rows_sees_each_row_once(n):
    x = jnp.arange(1.0, n + 1)

    def step(carry, valid, rows):
        return carry + jnp.sum(jnp.where(valid, rows, 0)), rows * 2

    total, doubled = la.fold_rows(step, jnp.zeros(()), (x,), block=8)
    assert total == n * (n + 1) / 2
    assert doubled.tolist() == (2 * x).tolist()


def test_fold_rows_keeps_trees_and_trailing_axes():
    x, y = jnp.ones((5, 2, 3)), jnp.arange(5)
    carry, (a, b) = la.fold_rows(lambda c, v, x, y: (c, (x[:, 0], y)), (), (x, y), block=2)
    assert carry == ()
    assert a.shape == (5, 3)
    assert b.tolist() == [0, 1, 2, 3, 4]


def test_fold_rows_has_a_gradient():
    def loss(x):
        def step(carry, valid, rows):
            return carry + jnp.sum(jnp.where(valid, rows**2, 0)), rows**3

        total, cubes = la.fold_rows(step, jnp.zeros(()), (x,), block=4)
        return total + jnp.sum(cubes)

    x = jnp.arange(10.0)
    np.testing.assert_allclose(jax.grad(loss)(x), 2 * x + 3 * x**2)


def test_fold_rows_allocates_one_block():
    def run(x):
        def step(carry, valid, rows):
            wide = jnp.exp(rows[:, None] * jnp.arange(1024.0)[None])
            return carry + jnp.sum(jnp.where(valid[:, None], wide, 0)), ()

        return la.fold_rows(step, jnp.zeros(()), (x,), block=256)[0]

    rows = jax.ShapeDtypeStruct((100_000,), jnp.float64)
    memory = jax.jit(run).lower(rows).compile().memory_analysis()
    assert memory.temp_size_in_bytes < 4 * 256 * 1024 * 8


def test_block_size_fits_rows_and_is_never_nothing():
    assert la.block_size(10, 5) == 10
    assert 1 <= la.block_size(10**6, 10**9) <= 10**6
    assert la.block_size(10**7, 10) >= la.block_size(10**7, 1000)


def test_squared_distances(rng, dtype):
    x, y = rng.normal(size=(20, 3)).astype(dtype), rng.normal(size=(7, 3)).astype(dtype)
    ours = la.squared_distances(jnp.asarray(x), jnp.asarray(y))
    assert ours.dtype == dtype
    expected = ((x[:, None] - y[None]) ** 2).sum(-1)
    np.testing.assert_allclose(ours, expected, rtol=50 * np.finfo(dtype).eps, atol=1e-6)


def test_squared_distances_are_never_negative(rng):
    x = jnp.asarray(rng.normal(size=(50, 3)), jnp.float32) + 1000
    assert la.squared_distances(x, x).min() >= 0


def test_first_min_takes_the_first_of_ties(dtype):
    values = jnp.asarray([[3, 1, 1], [0, 0, 0], [5, 4, 3], [jnp.inf] * 3], dtype)
    smallest, places = la.first_min(values)
    assert smallest.tolist() == [1, 0, 3, jnp.inf]
    assert places.tolist() == [1, 0, 2, 0]
    assert smallest.dtype == dtype
    assert places.dtype == jnp.int32


def test_first_min_stays_in_range_for_nan():
    assert 0 <= int(la.first_min(jnp.full((1, 3), jnp.nan))[1][0]) < 3


def test_group_sums_by_hand(dtype):
    x = jnp.asarray([[1, 2], [3, 4], [5, 6]], dtype)
    sums = la.group_sums(x, jnp.array([2, 0, 2]), jnp.asarray([1, 2, 3], dtype), 4)
    assert sums.tolist() == [[6, 8], [0, 0], [16, 20], [0, 0]]
    assert sums.dtype == dtype


def test_group_sums_product_equals_scatter(rng, monkeypatch):
    args = (
        jnp.asarray(rng.normal(size=(30, 4))),
        jnp.asarray(rng.integers(0, 5, 30)),
        jnp.asarray(rng.random(30)),
    )
    scatter = la.group_sums(*args, 5)
    # The form for accelerators, run on this machine's processor.
    default_only = lambda *args, cpu, default: default(*args)  # noqa: E731
    monkeypatch.setattr(la.lax, "platform_dependent", default_only)
    np.testing.assert_allclose(la.group_sums(*args, 5), scatter, rtol=1e-12, atol=1e-12)


def test_no_float_scatter_on_gpu(rng):
    args = (jnp.ones((30, 4)), jnp.zeros(30, jnp.int32), jnp.ones(30))
    sums = jax.jit(lambda *args: la.group_sums(*args, 5))
    assert "stablehlo.scatter" in sums.trace(*args).lower(lowering_platforms=("cpu",)).as_text()
    assert "scatter" not in sums.trace(*args).lower(lowering_platforms=("cuda",)).as_text()


def test_weighted_mean_and_variance(rng, dtype, monkeypatch):
    small_blocks(monkeypatch, 8)
    x, w = rng.normal(size=(30, 4)).astype(dtype), rng.random(30).astype(dtype)
    mean = la.weighted_mean(jnp.asarray(x), jnp.asarray(w))
    variance = la.mean_variance(jnp.asarray(x), jnp.asarray(w), mean)
    expected = np.average(x, axis=0, weights=w)
    tolerance = 20 * np.finfo(dtype).eps
    np.testing.assert_allclose(mean, expected, rtol=tolerance, atol=tolerance)
    spread = np.average((x - expected) ** 2, axis=0, weights=w).mean()
    np.testing.assert_allclose(variance, spread, rtol=tolerance)
    assert mean.dtype == variance.dtype == dtype


def test_weighted_mean_keeps_digits_far_from_the_origin(rng):
    x = (rng.normal(size=(20_000, 2)) + 1e4).astype(np.float32)
    mean = la.weighted_mean(jnp.asarray(x), jnp.ones(len(x), jnp.float32))
    np.testing.assert_allclose(mean, x.mean(0, dtype=np.float64), rtol=2e-7)


def test_weighted_mean_of_nothing_is_finite():
    x, none = jnp.ones((3, 2)), jnp.zeros(3)
    mean = la.weighted_mean(x, none)
    assert np.isfinite(mean).all()
    assert la.mean_variance(x, none, mean) == 0
