"""float32 mixtures that fit as float64 does: far-off rows, tight components far apart."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from clusterart_jax import gmm
from clusterart_jax.cluster import _gmm_em as em
from clusterart_jax.cluster import _gmm_lists as lists
from clusterart_jax.cluster import _gmm_products as products
from clusterart_jax.cluster._gmm_kinds import precision_factor

KINDS = ("full", "tied", "diag", "spherical")
GROUPS = np.arange(240) % 3


def both(x, kind, **options):
    """The same rows, which float32 holds exactly, fitted in float32 and in float64."""
    x = x.astype(np.float32)
    options = {"init": GROUPS, "covariance_type": kind, "max_iter": 10, "tol": 0} | options
    run = lambda dtype: gmm(jax.random.key(0), x.astype(dtype), 3, **options)  # noqa: E731
    return run(np.float32), run(np.float64)


@pytest.mark.parametrize("kind", KINDS)
def test_far_off_rows(kind, blobs):
    ours, exact = both(blobs + 1e4, kind)
    np.testing.assert_allclose(ours.means, exact.means, atol=2e-3)
    scale = np.abs(exact.covariances).max()
    np.testing.assert_allclose(ours.covariances, exact.covariances, atol=1e-4 * scale)
    np.testing.assert_allclose(ours.weights, exact.weights, rtol=1e-4)
    np.testing.assert_allclose(ours.log_likelihood, exact.log_likelihood, rtol=1e-5)
    assert ours.labels.tolist() == exact.labels.tolist()
    # Rows of the mixture's own kind, of which 1e4 leaves three digits behind the point.
    new = (blobs + 1e4).astype(np.float32)
    np.testing.assert_allclose(ours.score_samples(new), exact.score_samples(new), atol=2e-2)


@pytest.mark.parametrize("kind", KINDS)
def test_tight_components_far_apart(kind):
    """Spread 0.01 at distance 10 and more: squares about the origin have no digits left for it."""
    rng = np.random.default_rng(0)
    x = 10.0 * GROUPS[:, None] + 0.01 * rng.normal(size=(240, 4))
    ours, exact = both(x, kind, reg_covar=0)
    scale = np.abs(exact.covariances).max()
    np.testing.assert_allclose(ours.covariances, exact.covariances, atol=2e-3 * scale)
    np.testing.assert_allclose(ours.means, exact.means, atol=1e-5)
    np.testing.assert_allclose(ours.log_likelihood, exact.log_likelihood, rtol=1e-3)


@pytest.mark.parametrize(
    ("kind", "d"), [("full", 1), ("full", 4), ("full", 7), ("full", 16), ("diag", 2)]
)
def test_all_ways_give_the_same(kind, d):
    rng = np.random.default_rng(d)
    x, w = jnp.asarray(rng.normal(size=(50, d))), jnp.asarray(rng.random(50))
    means = jnp.asarray(rng.normal(size=(6, d)))
    roots = rng.normal(size=(6, d, d)) + (2 + d) * np.eye(d)
    covariances = jnp.asarray(roots @ roots.transpose(0, 2, 1))
    if kind == "diag":
        covariances = jnp.diagonal(covariances, axis1=1, axis2=2)
    params = em.Params(jnp.asarray(rng.dirichlet(np.ones(6))), means, covariances)
    rows = em.Rows(x, w, jnp.zeros((1, d)), jnp.asarray(0.1))
    assert products.pays(kind, d, 6) == (d < 16), "else lists of rows"
    factor = precision_factor(covariances, kind)
    assert products.digits_suffice(means, covariances, factor, kind)
    step = lambda fast: jax.jit(em.em_step, static_argnums=(2, 3), static_argnames="quick")(  # noqa: E731
        params, rows, kind, None, quick=fast
    )
    for a, b in zip(jax.tree.leaves(step(True)), jax.tree.leaves(step(False)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("kind", ["full", "diag"])
def test_products_are_left_where_digits_are_few(kind):
    means = jnp.array([[3.0, 4.0], [0.0, 1.0]], jnp.float32)
    wide = jnp.ones((2, 2), jnp.float32)

    def safe(variances):
        covariances = variances if kind == "diag" else jax.vmap(jnp.diag)(variances)
        factor = precision_factor(covariances, kind)
        return products.digits_suffice(means, covariances, factor, kind)

    assert safe(wide)
    assert not safe(wide.at[1, 1].set(1e-4)), "(1 + 0.01)² / 1e-4 of 1 / eps is too much"
    assert not safe(wide.at[0, 0].set(jnp.nan))
    batch = jnp.stack([wide, wide.at[1, 1].set(1e-4)])
    one_way = jax.vmap(lambda variances: em._all_of_a_batch(safe(variances)))
    assert one_way(batch).tolist() == [False, False]
    assert one_way(batch[:1]).tolist() == [True]


def test_squares_of_few_digits_are_taken_from_differences():
    rng = np.random.default_rng(0)
    x = (1e4 + 1e-2 * rng.normal(size=(3, 50))).astype(np.float32)
    means = np.full((2, 3), 1e4)
    factor = np.stack([np.eye(3), 1e2 * np.eye(3)]).astype(np.float32)
    covariances = jnp.asarray(np.stack([np.eye(3), 1e-4 * np.eye(3)]), jnp.float32)
    frames = lists.frames(jnp.asarray(means, jnp.float32), covariances, jnp.asarray(factor))
    assert (int(frames.few), int(frames.order[0])) == (2, 0)
    expected = np.einsum("kij,kib->kjb", factor, x.astype(np.float64)[None] - means[:, :, None])
    squares = lists.squares(jnp.asarray(x), frames)
    np.testing.assert_allclose(squares, np.sum(expected**2, axis=1), rtol=1e-5)
    near = lists.frames(jnp.zeros((2, 3), jnp.float32), covariances, jnp.asarray(factor))
    assert int(near.few) == 0


def test_tiny_responsibilities_are_nothing():
    """Numbers near underflow would make products a hundred times slower on CPUs."""
    logs = jnp.array([[0.0], [-30.0], [-80.0], [-100.0], [-jnp.inf]], jnp.float32)
    shares, likelihood = em.posterior(logs)
    assert shares[1, 0] > 0
    assert shares[2:, 0].tolist() == [0, 0, 0]
    assert float(likelihood[0]) == pytest.approx(0, abs=1e-6)
