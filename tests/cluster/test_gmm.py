"""Gaussian mixtures: hand-worked numbers, an oracle, starts, and what a result says of rows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from clusterart_jax import gmm
from clusterart_jax._errors import ConfigError
from clusterart_jax.cluster import GMMStart

KINDS = ("full", "tied", "diag", "spherical")
every = pytest.mark.parametrize("kind", KINDS)


GROUPS = np.arange(240) % 3
"""A start for `blobs`: programs are compiled once for each kind, and shared by most tests."""


def fit(x, kind="full", **options):
    options = {"init": GROUPS, "covariance_type": kind} | options
    return gmm(jax.random.key(0), x, 3, **options)


def dense(covariances, kind, k, d):
    """The k matrices (k, d, d) that any kind stands for."""
    covariances = np.asarray(covariances)
    return {
        "full": lambda c: c,
        "tied": lambda c: np.broadcast_to(c, (k, d, d)),
        "diag": lambda c: np.stack([np.diag(row) for row in c]),
        "spherical": lambda c: c[:, None, None] * np.eye(d),
    }[kind](covariances)


def log_densities(x, shares, means, matrices):
    logs = [multivariate_normal(m, c).logpdf(x) for m, c in zip(means, matrices, strict=True)]
    return np.log(shares) + np.stack(logs, axis=1)


def oracle(x, r, w, kind, iterations, reg=1e-6):
    """Weighted EM from responsibilities, all of it stored, each sum as it is defined."""
    d, k = x.shape[1], r.shape[1]
    likelihood = None
    for step in range(iterations + 1):
        if step:
            logs = log_densities(x, shares, means, matrices)
            each = logsumexp(logs, axis=1)
            likelihood = (w * each).sum() / w.sum()
            r = np.exp(logs - each[:, None])
        wr = r * w[:, None]
        mass = wr.sum(0)
        shares, means = mass / mass.sum(), wr.T @ x / mass[:, None]
        apart = x[:, None] - means[None]
        scatter = np.einsum("nk,nki,nkj->kij", wr, apart, apart)
        if kind == "tied":
            scatter = np.broadcast_to(scatter.sum(0) / mass.sum(), (k, d, d))
        else:
            scatter = scatter / mass[:, None, None]
        if kind == "diag":
            scatter = scatter * np.eye(d)
        if kind == "spherical":
            scatter = (np.trace(scatter, axis1=1, axis2=2) / d)[:, None, None] * np.eye(d)
        matrices = scatter + reg * np.eye(d)
    return shares, means, matrices, likelihood


def test_by_hand(key, dtype):
    # Labels start it: means 1 and 10, variances 1 and 4; so far apart that they stay.
    x = np.array([[0], [2], [108], [112]], dtype)
    result = gmm(key, x, 2, init=[0, 0, 1, 1], reg_covar=0)
    assert result.weights.tolist() == pytest.approx([0.5, 0.5])
    assert result.means.ravel().tolist() == pytest.approx([1, 110])
    assert result.covariances.ravel().tolist() == pytest.approx([1, 4], rel=1e-5)
    assert result.precisions_cholesky.ravel().tolist() == pytest.approx([1, 0.5], rel=1e-5)
    assert result.precisions.ravel().tolist() == pytest.approx([1, 0.25], rel=1e-5)
    normal = -0.5 - np.log(2 * np.pi) / 2 + np.log(0.5)
    assert float(result.log_likelihood) == pytest.approx(normal - np.log(2) / 2, rel=1e-5)
    assert result.labels.tolist() == [0, 0, 1, 1]
    assert result.n_iter == 2
    assert result.converged
    assert {a.dtype for a in result[:5]} == {dtype}
    assert result.labels.dtype == result.n_iter.dtype == jnp.int32


def test_by_hand_with_weights(key):
    x = np.array([[0.0], [3], [10], [12], [99]])
    weights = [2, 1, 1, 1, 0]
    result = gmm(key, x, 2, init=[0, 0, 1, 1, 1], sample_weight=weights, max_iter=0, reg_covar=0.5)
    np.testing.assert_allclose(result.weights, [3 / 5, 2 / 5], rtol=1e-12)
    np.testing.assert_allclose(result.means.ravel(), [1, 11], rtol=1e-12)
    np.testing.assert_allclose(result.covariances.ravel(), [2.5, 1.5], rtol=1e-12)
    assert result.n_iter == 0
    assert not result.converged


@every
def test_equals_oracle(kind, blobs):
    rng = np.random.default_rng(0)
    w = rng.random(240) * (rng.random(240) < 0.8)
    labels = rng.integers(0, 3, 240)
    for iterations in (0, 1, 9):
        shares, means, matrices, likelihood = oracle(blobs, np.eye(3)[labels], w, kind, iterations)
        ours = fit(blobs, kind, init=labels, sample_weight=w, max_iter=iterations, tol=0)
        np.testing.assert_allclose(ours.weights, shares, rtol=1e-9)
        np.testing.assert_allclose(ours.means, means, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(dense(ours.covariances, kind, 3, 4), matrices, atol=1e-9)
        precisions = dense(ours.precisions, kind, 3, 4)
        np.testing.assert_allclose(precisions, np.linalg.inv(matrices), rtol=1e-7, atol=1e-9)
        if iterations:
            np.testing.assert_allclose(ours.log_likelihood, likelihood, rtol=1e-10)
    new = blobs[::-1] + 0.1
    logs = log_densities(new, shares, means, matrices)
    each = logsumexp(logs, axis=1)
    np.testing.assert_allclose(ours.score_samples(new), each, rtol=1e-9)
    np.testing.assert_allclose(ours.predict_proba(new), np.exp(logs - each[:, None]), atol=1e-9)
    assert ours.predict(new).tolist() == logs.argmax(1).tolist()
    assert ours.labels.tolist() == ours.predict(blobs).tolist()


STARTS = ("k-means", "k-means++", "random", "random_from_data")


@pytest.mark.parametrize("init", STARTS)
def test_starts_find_separated_groups(init, key):
    truth = np.arange(240) % 3
    x = np.random.default_rng(0).normal(size=(240, 4)) + 12 * np.eye(3, 4)[truth]
    weights = np.arange(240) > 2  # the first rows are absent and must not be drawn
    x[:3] = 1e3
    result = gmm(key, x, 4, init=init, n_init=8, active=3, sample_weight=weights)
    pairs = set(zip(truth[3:].tolist(), result.labels[3:].tolist(), strict=True))
    assert len(pairs) == 3, "a group is torn or joined"
    assert result.converged


def test_random_responsibilities_differ_by_key_and_row(blobs):
    keys = jax.random.split(jax.random.key(0))
    starts = [gmm(key, blobs, 3, init="random", max_iter=0) for key in keys]
    assert not np.allclose(starts[0].means, starts[1].means)
    for start in starts:  # means of 240 rows by shares of about a third
        np.testing.assert_allclose(start.weights, 1 / 3, atol=0.05)
        apart = np.abs(np.asarray(start.means) - blobs.mean(0)) / blobs.std(0)
        assert 0.001 < apart.max() < 0.3


def test_given_starts(blobs):
    run = lambda **o: fit(blobs, "diag", max_iter=0, **o)  # noqa: E731
    start = run()
    mine = blobs[GROUPS == 1]
    np.testing.assert_allclose(start.means[1], mine.mean(0), rtol=1e-9)
    np.testing.assert_allclose(start.covariances[1], mine.var(0) + 1e-6, rtol=1e-9)
    hard = run(init=np.eye(3)[GROUPS])
    np.testing.assert_allclose(hard.covariances, start.covariances, rtol=1e-9)
    near = run(init=blobs[:3])
    nearest = ((blobs[:, None] - blobs[None, :3]) ** 2).sum(-1).argmin(1)
    np.testing.assert_allclose(near.means, blobs[:3], rtol=1e-9)
    np.testing.assert_allclose(near.weights, np.bincount(nearest) / 240, rtol=1e-9)
    mixed = run(init=GMMStart(means=blobs[:3], precisions=2 * start.precisions, otherwise=GROUPS))
    np.testing.assert_allclose(mixed.means, blobs[:3], rtol=1e-9)
    np.testing.assert_allclose(mixed.weights, start.weights, rtol=1e-12)
    np.testing.assert_allclose(mixed.covariances, start.covariances / 2, rtol=1e-9)


@pytest.mark.parametrize("kind", ["full", "tied"])
def test_goes_on_where_it_stopped(kind, blobs):
    x = blobs + np.random.default_rng(0).normal(scale=2, size=blobs.shape)
    run = lambda m, **o: fit(x, kind, max_iter=m, tol=1e-6, **o)  # noqa: E731
    first, whole = run(5), run(300)
    rest = run(300, init=first)
    assert first.n_iter + rest.n_iter == whole.n_iter > 7
    np.testing.assert_allclose(rest.means, whole.means, rtol=1e-9, atol=1e-9)
    assert run(300, init=whole).n_iter == 1, "it compares with the likelihood it had"
    by_parts = run(0, init=GMMStart(whole.weights, whole.means, whole.precisions))
    np.testing.assert_allclose(by_parts.covariances, whole.covariances, rtol=1e-9)


def test_restarts_keep_the_best(blobs, key):
    run = lambda key, n_init: gmm(key, blobs[:100], 6, init="random_from_data", n_init=n_init)  # noqa: E731
    starts = [key] + [jax.random.fold_in(key, i) for i in range(1, 6)]
    singles = [float(run(start, 1).log_likelihood) for start in starts]
    assert len(set(np.round(singles, 6))) > 1, "all starts end alike"
    np.testing.assert_allclose(run(key, 6).log_likelihood, max(singles), rtol=1e-9)


def test_likelihood_never_falls_and_tol_is_of_its_change(blobs):
    x = blobs + np.random.default_rng(0).normal(scale=2, size=blobs.shape)
    run = lambda m, tol: fit(x, max_iter=m, tol=tol, reg_covar=0)  # noqa: E731
    changes = np.diff([float(run(m, 0).log_likelihood) for m in range(1, 16)])
    assert (changes > 0).all()
    for tol in changes[[2, 7]] * 1.001:
        assert int(run(100, tol).n_iter) == 2 + int((changes < tol).argmax())


@pytest.mark.parametrize("kind", ["full", "diag"])
def test_a_degenerate_covariance_is_told_and_does_not_raise(kind, blobs):
    x = np.where(GROUPS[:, None] == 0, 5.0, blobs)
    lost = fit(x, kind, reg_covar=0)
    assert not lost.converged
    assert not np.isfinite(lost.precisions_cholesky).all()
    assert lost.n_iter < 3, "it goes on without hope"
    assert fit(x, kind, reg_covar=1e-6).converged


def test_one_component_is_the_normal_distribution(blobs, key):
    alone = gmm(key, blobs, 1, init=np.zeros(240))
    np.testing.assert_allclose(alone.means[0], blobs.mean(0), rtol=1e-9)
    expected = np.cov(blobs.T, bias=True) + 1e-6 * np.eye(4)
    np.testing.assert_allclose(alone.covariances[0], expected, rtol=1e-9)
    assert alone.n_iter == 2


@every
def test_samples_have_the_moments(kind, blobs):
    model = fit(blobs, kind)
    rows, labels = model.sample(jax.random.key(1), 40_000)
    assert labels.dtype == jnp.int32
    np.testing.assert_allclose(np.bincount(labels) / 40_000, model.weights, atol=0.01)
    rows, labels = np.asarray(rows), np.asarray(labels)
    for j, matrix in enumerate(dense(model.covariances, kind, 3, 4)):
        mine = rows[labels == j]
        np.testing.assert_allclose(mine.mean(0), model.means[j], atol=0.06)
        np.testing.assert_allclose(np.cov(mine.T), matrix, atol=0.12)


def test_criteria_count_parameters_and_weights(blobs):
    counts = {"full": 44, "tied": 24, "diag": 26, "spherical": 17}  # 2 + 12 + covariances
    models = {kind: fit(blobs, kind, max_iter=1) for kind in KINDS}
    assert {kind: model.n_parameters for kind, model in models.items()} == counts
    model = models["full"]
    likelihood = float(model.score_samples(blobs).sum())
    assert float(model.aic(blobs)) == pytest.approx(2 * 44 - 2 * likelihood)
    assert float(model.bic(blobs)) == pytest.approx(44 * np.log(240) - 2 * likelihood)
    twice = model.bic(blobs, sample_weight=np.full(240, 2))
    assert float(twice) == pytest.approx(44 * np.log(480) - 4 * likelihood)


X = np.arange(12.0).reshape(6, 2)


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"k": 7}, ValueError, "k must be between 1 and 6, not 7"),
        ({"covariance_type": "fall"}, ConfigError, "covariance_type must be.*did you mean 'full'?"),
        ({"init": "kmean"}, ConfigError, "init must be one of k-means, .*not 'kmean'"),
        (
            {"init": X[:3]},
            ValueError,
            r"init .*\(2, 2\), \(n,\) = \(6,\) or .*\(6, 2\), not \(3, 2\)",
        ),
        ({"init": GMMStart(weights=[1.0])}, ValueError, r"weights of init .*\(2,\), not \(1,\)"),
        ({"init": GMMStart(precisions=X)}, ValueError, r"precisions of init .*\(2, 2, 2\), not"),
        ({"sample_weight": [1.0]}, ValueError, r"sample_weight must have shape \(6,\)"),
        ({"n_init": 0}, ValueError, "n_init must be at least 1, not 0"),
        ({"key": 0}, TypeError, "key must come from jax.random.key"),
    ],
)
def test_bad_arguments(change, error, text, key):
    with pytest.raises(error, match=text):
        gmm(**({"key": key, "x": X, "k": 2} | change))


def test_a_result_of_another_form_is_no_start(key):
    start = gmm(key, X, 2, covariance_type="diag", max_iter=0)
    with pytest.raises(ValueError, match=r"must be a tied mixture .* not a diag one"):
        gmm(key, X, 2, covariance_type="tied", init=start)
    with pytest.raises(ValueError, match="x must have 2 columns, not 1"):
        start.predict(X[:, :1])


@every
def test_components_beyond_the_active_ones_are_as_if_they_were_not(blobs, kind):
    options = {"init": GROUPS, "covariance_type": kind, "tol": 1e-6}
    alone = gmm(jax.random.key(0), blobs, 3, **options)
    among = gmm(jax.random.key(0), blobs, 5, active=3, **options)
    assert among.means.shape == (5, 4)
    np.testing.assert_array_equal(among.weights[3:], 0)
    np.testing.assert_array_equal(among.labels, alone.labels)
    np.testing.assert_allclose(among.weights[:3], alone.weights, rtol=1e-10)
    np.testing.assert_allclose(among.means[:3], alone.means, rtol=1e-9)
    np.testing.assert_allclose(among.log_likelihood, alone.log_likelihood, rtol=1e-10)
    np.testing.assert_allclose(among.bic(blobs), alone.bic(blobs), rtol=1e-10)
    np.testing.assert_allclose(among.aic(blobs), alone.aic(blobs), rtol=1e-10)
    assert bool(among.converged)
    for field in among:
        assert np.isfinite(field).all()
    assert set(np.asarray(among.sample(jax.random.key(1), 50)[1])) <= {0, 1, 2}


@pytest.mark.parametrize("init", STARTS)
def test_every_start_keeps_to_the_active_components(blobs, init):
    found = gmm(jax.random.key(0), blobs, 4, active=2, init=init, n_init=8, max_iter=3)
    assert (np.asarray(found.weights) > 0).tolist() == [True, True, False, False]
    assert np.isfinite(found.log_likelihood)


def test_active_components_are_counted(blobs):
    with pytest.raises(ValueError, match="active must be between 1 and 3, not 4"):
        fit(blobs, active=4)
