"""Fréchet distance by hand, beside scipy's square root of a matrix, on singular covariances."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import sqrtm

from clusterart_jax import metrics


def oracle(x, y):
    """As pytorch-fid and clean-fid have it, in float64."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    s, t = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    shift = x.mean(0) - y.mean(0)
    return shift @ shift + np.trace(s) + np.trace(t) - 2 * np.trace(sqrtm(s @ t)).real


def mixed(seed, n, d, spread=1.0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(scale=spread, size=(d, d)) + rng.normal(size=d)


def test_by_hand(dtype):
    x = np.array([[0, 0], [2, 0], [0, 4], [2, 4]], dtype)  # variances 4/3 and 16/3, uncorrelated
    ours = metrics.frechet_distance(x, x * np.array([3, 1], dtype) + np.array([0, 5], dtype))
    expected = 2.0**2 + 5.0**2 + (3 - 1) ** 2 * 4 / 3
    np.testing.assert_allclose(ours, expected, rtol=1e-6 if dtype == np.float32 else 1e-13)
    assert ours.dtype == dtype


@pytest.mark.parametrize("d", [1, 3, 24])
def test_parity_with_scipy(d, dtype):
    x, y = mixed(0, 300, d).astype(dtype), mixed(1, 200, d).astype(dtype)
    tolerance = 2e-6 if dtype == np.float32 else 1e-10
    expected = (
        oracle(x, y) if d > 1 else (x.mean() - y.mean()) ** 2 + (x.std(ddof=1) - y.std(ddof=1)) ** 2
    )
    np.testing.assert_allclose(metrics.frechet_distance(x, y), expected, rtol=tolerance)


def test_parity_of_moments(dtype):
    x, y = mixed(0, 300, 12), mixed(1, 200, 12)
    of_x, of_y = ((a.mean(0).astype(dtype), np.cov(a.T).astype(dtype)) for a in (x, y))
    ours = metrics.gaussian_frechet_distance(*of_x, *of_y)
    np.testing.assert_allclose(ours, oracle(x, y), rtol=1e-5 if dtype == np.float32 else 1e-10)
    assert ours.dtype == dtype


def test_fewer_rows_than_columns():
    """With orthogonal sets of rows the root vanishes; with turned ones it is known."""
    x, y = np.zeros((4, 30)), np.zeros((6, 30))
    x[:, :4], y[:, 10:16] = mixed(0, 4, 4), mixed(1, 6, 6)
    apart = metrics.frechet_distance(x, y)
    traces = np.trace(np.cov(x.T)) + np.trace(np.cov(y.T))
    np.testing.assert_allclose(apart, ((x.mean(0) - y.mean(0)) ** 2).sum() + traces, rtol=1e-12)
    np.testing.assert_allclose(metrics.frechet_distance(x, x), 0, atol=1e-12)
    np.testing.assert_allclose(metrics.frechet_distance(x, 3 * x + 1), oracle_scaled(x), rtol=1e-10)


def oracle_scaled(x):
    """Of x and 3x + 1, whose covariances commute."""
    return ((2 * x.mean(0) + 1) ** 2).sum() + 4 * np.trace(np.cov(x.T))


def test_constant_columns_are_finite(digits, dtype):
    x, y = digits[:300].astype(dtype), digits[300:].astype(dtype)  # some pixels are always 0
    assert (np.ptp(digits, axis=0) == 0).any()
    ours = metrics.frechet_distance(x, y)
    held = np.ptp(digits, axis=0) > 0
    expected = singular_oracle(digits[:300], digits[300:])
    np.testing.assert_allclose(ours, expected, rtol=1e-5 if dtype == np.float32 else 1e-7)
    alone = metrics.frechet_distance(x[:, held], y[:, held])
    np.testing.assert_allclose(ours, alone, rtol=1e-5 if dtype == np.float32 else 1e-12)


def singular_oracle(x, y):
    """tr (ST)^½ as the sum of the roots of the eigenvalues of S^½ T S^½."""
    s, t = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    values, vectors = np.linalg.eigh(s)
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    trace = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ t @ root), 0)).sum()
    return ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(s) + np.trace(t) - 2 * trace


def test_float32_keeps_its_digits_far_from_zero_and_in_many_weak_directions():
    rng = np.random.default_rng(0)
    scales = 10.0 ** -np.linspace(0, 6, 40)
    x, y = (rng.normal(size=(400, 40)) * scales for _ in range(2))
    x, y = (np.float32(a + 7) for a in (x, 1.1 * y))
    expected = singular_oracle(x.astype(np.float64), y.astype(np.float64))
    np.testing.assert_allclose(metrics.frechet_distance(x, y), expected, rtol=1e-4)


def test_equal_sets_are_at_zero(digits, dtype):
    ours = metrics.frechet_distance(digits.astype(dtype), digits[::-1].astype(dtype))
    scale = np.trace(np.cov(digits.T))
    assert 0 <= float(ours) < (3e-6 if dtype == np.float32 else 1e-13) * scale


def test_a_weight_is_a_number_of_rows():
    x, y = mixed(0, 40, 5), mixed(1, 30, 5)
    w, v = np.arange(40) % 3, np.arange(30) % 4
    ours = metrics.frechet_distance(x, y, sample_weight=w, generated_weight=v)
    expected = metrics.frechet_distance(np.repeat(x, w, axis=0), np.repeat(y, v, axis=0))
    np.testing.assert_allclose(ours, expected, rtol=1e-11)
    x[3, 1] = np.nan
    assert np.isnan(metrics.frechet_distance(x, y))
    x[3, 1] = 0
    one = np.eye(40)[3]
    assert np.isnan(metrics.frechet_distance(x, y, sample_weight=one))


@pytest.mark.parametrize(
    ("which", "axes"), [("real", "explicit"), ("generated", "explicit"), ("both", "auto")]
)
def test_sharded_equals_unsharded(axes, which, on_mesh):
    x, y = mixed(0, 80, 6), mixed(1, 60, 6)
    alone = metrics.frechet_distance(x, y)
    x = x if which == "generated" else on_mesh(x, 4, axes)
    y = y if which == "real" else on_mesh(y, 4, axes)
    np.testing.assert_allclose(metrics.frechet_distance(x, y), alone, rtol=1e-10)


def test_memory_is_bounded():
    x, y = (jax.ShapeDtypeStruct((n, 64), jnp.float32) for n in (200_000, 100_000))
    memory = jax.jit(metrics.frechet_distance).lower(x, y).compile().memory_analysis()
    assert memory.temp_size_in_bytes < 40 * 2**20


def test_bad_arguments(blobs):
    with pytest.raises(ValueError, match="real has 3 columns but generated has 4"):
        metrics.frechet_distance(blobs[:, :3], blobs)
    with pytest.raises(ValueError, match="generated must have at least 2 rows, not 1"):
        metrics.frechet_distance(blobs, blobs[:1])
    with pytest.raises(ValueError, match="generated_weight must have shape"):
        metrics.frechet_distance(blobs, blobs, generated_weight=np.ones(3))
    mean, cov = np.zeros(3), np.eye(3)
    with pytest.raises(
        ValueError, match=r"other_covariance must have shape \(3, 3\), not \(2, 2\)"
    ):
        metrics.gaussian_frechet_distance(mean, cov, mean, np.eye(2))
    with pytest.raises(ValueError, match="mean must have shape"):
        metrics.gaussian_frechet_distance(cov, cov, mean, cov)
