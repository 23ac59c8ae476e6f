"""Cholesky factors of small matrices against LAPACK's, their derivatives, and no factor."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from clusterart_jax import _cholesky as factors


def matrices(k, d, dtype=np.float64):
    roots = np.random.default_rng(d).normal(size=(k, d, 2 * d + 1))
    return (roots @ roots.transpose(0, 2, 1)).astype(dtype)


@pytest.mark.parametrize("d", [1, 2, 7, 64])
def test_equals_lapack(d, dtype):
    a = matrices(5, d, dtype)
    expected = np.linalg.inv(np.linalg.cholesky(a.astype(np.float64)))
    found = factors.inverse_cholesky(jnp.asarray(a))
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, rtol=0, atol=200 * np.finfo(dtype).eps)
    np.testing.assert_array_equal(np.triu(found, 1), 0)
    np.testing.assert_allclose(factors.inverse_cholesky(jnp.asarray(a[0])), found[0], rtol=1e-6)


def test_both_ways_agree_and_have_the_same_slopes(monkeypatch):
    a = jnp.asarray(matrices(3, 4))

    def symmetric(a):
        return factors.inverse_cholesky((a + jnp.swapaxes(a, 1, 2)) / 2)

    check_grads(symmetric, (a,), order=1, modes=["fwd", "rev"], rtol=1e-6)
    ours = symmetric(a), jax.jacobian(symmetric)(a)
    monkeypatch.setattr(factors, "SMALL", 3)
    for x, y in zip(ours, (symmetric(a), jax.jacobian(symmetric)(a)), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "bad", [[[1.0, 2.0], [2.0, 1.0]], [[0.0, 0.0], [0.0, 1.0]], [[np.nan] * 2] * 2]
)
def test_no_factor_is_not_finite(bad):
    good = jnp.eye(2)
    found = factors.inverse_cholesky(jnp.stack([good, jnp.asarray(bad)]))
    assert np.isfinite(found[0]).all()
    assert not np.isfinite(found[1]).all()
