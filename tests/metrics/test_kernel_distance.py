"""Kernel distance by hand, beside the published formula, its standard error, far from zero."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from clusterart_jax import metrics

FEW = {"n_subsets": 2, "subset_size": 10}


def kernel(x, y):
    return (x @ y.T / x.shape[1] + 1) ** 3


def oracle(x, y):
    """Gretton's unbiased estimate, as torch-fidelity computes it of each subset."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    n, m = len(x), len(y)
    own = (kernel(x, x).sum() - np.trace(kernel(x, x))) / (n * (n - 1))
    others = (kernel(y, y).sum() - np.trace(kernel(y, y))) / (m * (m - 1))
    return own + others - 2 * kernel(x, y).mean()


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    return rng.normal(size=(70, 6)), 1.2 * rng.normal(size=(50, 6)) + 0.3


def test_by_hand(key, dtype):
    x, y = np.array([[0], [1], [2]], dtype), np.array([[1], [2], [3]], dtype)
    found = metrics.kernel_distance(key, x, y, n_subsets=3)
    # k(x, x′): 1 1 27; k(y, y′): 27 64 343; k(x, y): 1 1 1 8 27 64 27 125 343
    expected = 29 / 3 + 434 / 3 - 2 * 597 / 9
    for ours in (found.value, found.mean):  # subsets as large as the sets are the sets
        np.testing.assert_allclose(ours, expected, rtol=1e-5)
        assert ours.dtype == dtype
    np.testing.assert_allclose(found.std, 0, atol=1e-4)


def test_parity(key, pair, dtype):
    x, y = (a.astype(dtype) for a in pair)
    found = metrics.kernel_distance(key, x, y, **FEW)
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(found.value, oracle(x, y), rtol=tolerance)


def test_subsets(key, pair):
    """Mean and deviation are those of the published formula on the rows that were drawn."""
    x, y = pair
    found = metrics.kernel_distance(key, x, y, n_subsets=7, subset_size=20)
    values = []
    for own in jax.random.split(key, 7):
        first, second = jax.random.split(own)
        i, j = (np.argsort(-jax.random.gumbel(k, (n,), np.float64))[:20] for k, n in
                ((first, 70), (second, 50)))  # fmt: skip
        assert len(set(i.tolist())) == 20, "without replacement"
        values.append(oracle(x[i], y[j]))
    np.testing.assert_allclose(found.mean, np.mean(values), rtol=1e-11)
    np.testing.assert_allclose(found.std, np.std(values), rtol=1e-11)
    other = metrics.kernel_distance(jax.random.key(1), x, y, n_subsets=7, subset_size=20)
    assert other.mean != found.mean
    assert other.value == found.value
    assert other.error == found.error


def test_error_is_the_jackknife(key, pair):
    x, y = pair
    without_x = [oracle(np.delete(x, i, 0), y) for i in range(len(x))]
    without_y = [oracle(x, np.delete(y, i, 0)) for i in range(len(y))]
    expected = sum((len(t) - 1) * np.var(t) for t in (without_x, without_y)) ** 0.5
    found = metrics.kernel_distance(key, x, y, **FEW)
    np.testing.assert_allclose(found.error, expected, rtol=1e-9)


def test_error_is_the_spread_over_samples(key):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 30, 3)), rng.normal(0.5, 1.2, size=(40, 30, 3))
    run = jax.jit(
        jax.vmap(lambda x, y: metrics.kernel_distance(key, x, y, n_subsets=1, subset_size=2))
    )
    found = run(x, y)
    ratio = np.sqrt(np.mean(np.square(found.error))) / np.std(found.value)
    assert 0.7 < ratio < 1.4  # 40 samples tell it to a ninth
    truth = oracle(rng.normal(size=(2000, 3)), rng.normal(0.5, 1.2, size=(2000, 3)))
    assert abs(np.mean(found.value) - truth) < 4 * np.std(found.value) / 40**0.5, "biased"


@pytest.mark.parametrize("far", [3, 100])
def test_float32_keeps_its_digits_far_from_zero(key, pair, far):
    x, y = (np.float32(a + far) for a in pair)
    found = metrics.kernel_distance(key, x, y, **FEW)
    np.testing.assert_allclose(found.value, oracle(x, y), rtol=2e-5 if far < 10 else 2e-3)


def test_a_weight_is_a_number_of_rows(key, pair):
    x, y = pair
    w, v = np.arange(70) % 3, np.arange(50) % 4
    ours = metrics.kernel_distance(key, x, y, sample_weight=w, generated_weight=v, **FEW)
    rows = np.repeat(x, w, axis=0), np.repeat(y, v, axis=0)
    expected = metrics.kernel_distance(key, *rows, **FEW)
    np.testing.assert_allclose(ours.value, expected.value, rtol=1e-10)
    np.testing.assert_allclose(ours.error, expected.error, rtol=1e-10)


def test_subsets_of_few_present_rows_are_those(key, pair):
    x, y = pair
    w, v = np.arange(70) < 9, np.arange(50) < 11
    found = metrics.kernel_distance(key, x, y, sample_weight=w, generated_weight=v, n_subsets=3)
    np.testing.assert_allclose(found.mean, oracle(x[:9], y[:11]), rtol=1e-10)
    assert float(found.std) < 1e-12
    absent = np.zeros(70)
    assert np.isnan(metrics.kernel_distance(key, x, y, sample_weight=absent, n_subsets=3).value)


def test_blocks_do_not_change_the_result(key, pair, monkeypatch):
    monkeypatch.setattr("clusterart_jax.metrics._kernel.block_size", lambda n, w: min(n, 16))
    x, y = pair[0][:67], pair[1][:43]  # of sizes for which nothing is compiled yet
    found = metrics.kernel_distance(key, x, y, n_subsets=2)
    np.testing.assert_allclose(found.value, oracle(x, y), rtol=1e-11)


@pytest.mark.parametrize(
    ("which", "axes"), [("real", "explicit"), ("generated", "explicit"), ("both", "auto")]
)
def test_sharded_equals_unsharded(axes, which, key, on_mesh):
    x, y = np.random.default_rng(0).normal(size=(2, 400, 3))  # of more than one block
    alone = metrics.kernel_distance(key, x, y, n_subsets=2, subset_size=280)
    x = x if which == "generated" else on_mesh(x, 4, axes)
    y = y if which == "real" else on_mesh(y, 4, axes)
    found = metrics.kernel_distance(key, x, y, n_subsets=2, subset_size=280)
    np.testing.assert_allclose(found, alone, rtol=1e-10)


def test_memory_is_bounded(key):
    x, y = (jax.ShapeDtypeStruct((n, 32), jnp.float32) for n in (30_000, 20_000))
    memory = jax.jit(metrics.kernel_distance).lower(key, x, y).compile().memory_analysis()
    assert memory.temp_size_in_bytes < 40 * 2**20


def test_bad_arguments(key, blobs):
    with pytest.raises(TypeError, match="key must come from"):
        metrics.kernel_distance(0, blobs, blobs)
    with pytest.raises(ValueError, match="real must have at least 3 rows"):
        metrics.kernel_distance(key, blobs[:2], blobs)
    with pytest.raises(ValueError, match="subset_size must be at least 2, not 1"):
        metrics.kernel_distance(key, blobs, blobs, subset_size=1)
