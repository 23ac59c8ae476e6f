"""Gaussian mixtures beside scikit-learn: the same path from the same start."""

import warnings

import jax
import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from clusterart_jax import gmm
from clusterart_jax.cluster import GMMStart

KINDS = ("full", "tied", "diag", "spherical")


def peer(x, k, kind, start, **options):
    parts = {f"{name}_init": getattr(start, name) for name in ("weights", "means", "precisions")}
    parts = {name: None if value is None else np.asarray(value) for name, value in parts.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return GaussianMixture(k, covariance_type=kind, **parts, **options).fit(x)


def close(ours, theirs, rtol=1e-8):
    for name in ("weights", "means", "covariances", "precisions_cholesky", "precisions"):
        a, b = getattr(ours, name), getattr(theirs, f"{name}_")
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * np.abs(b).max())
    np.testing.assert_allclose(ours.log_likelihood, theirs.lower_bound_, rtol=rtol)


@pytest.mark.parametrize("kind", KINDS)
def test_same_start_same_path(kind, digits, key):
    # Ten columns of pictures of digits, for which a little noise stands in for blank pixels.
    x = digits[:, 20:30] + np.random.default_rng(0).normal(size=(600, 10))
    run = lambda **o: gmm(key, x, 5, covariance_type=kind, reg_covar=1e-3, **o)  # noqa: E731
    start = run(init=np.arange(600) % 5, max_iter=3, tol=0)
    given = GMMStart(start.weights, start.means, start.precisions)
    for n_iter in (1, 2, 25):
        ours = run(init=given, max_iter=n_iter, tol=0)
        close(ours, theirs := peer(x, 5, kind, given, max_iter=n_iter, tol=0, reg_covar=1e-3))
        assert ours.n_iter == theirs.n_iter_ == n_iter
    assert ours.labels.tolist() == theirs.predict(x).tolist()
    np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(x), atol=1e-7)
    np.testing.assert_allclose(ours.score_samples(x), theirs.score_samples(x), rtol=1e-7)
    np.testing.assert_allclose(ours.aic(x), theirs.aic(x), rtol=1e-9)
    np.testing.assert_allclose(ours.bic(x), theirs.bic(x), rtol=1e-9)
    stops = []
    for tol in (0.3, 1e-3, 1e-5):
        ours, theirs = run(init=given, tol=tol), peer(x, 5, kind, given, tol=tol, reg_covar=1e-3)
        close(ours, theirs)
        assert ours.n_iter == theirs.n_iter_
        assert ours.converged == theirs.converged_
        stops.append(int(ours.n_iter))
    assert stops[0] < stops[-1]


def test_starts_are_as_good(digits):
    x = digits[:, 20:30] + np.random.default_rng(0).normal(size=(600, 10))
    fits = [GaussianMixture(5, random_state=i, reg_covar=1e-2).fit(x) for i in range(9)]
    run = lambda key: gmm(key, x, 5, reg_covar=1e-2).log_likelihood  # noqa: E731
    ours = [float(run(key)) for key in jax.random.split(jax.random.key(0), 9)]
    assert np.median(ours) > np.median([fit.lower_bound_ for fit in fits]) - 0.1
