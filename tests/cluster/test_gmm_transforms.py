"""Gaussian mixtures under jit, vmap, grad and shards; what they compile, and memory they take."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from clusterart_jax import gmm
from clusterart_jax.cluster import _gmm as module

GROUPS = np.arange(240) % 3


def same(a, b, tolerance=1e-9):
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("kind", ["full", "tied"])
def test_gradients_equal_finite_differences(kind, blobs):
    """By rows, weights and regularisation, of everything that is found, in both modes."""
    rng = np.random.default_rng(0)
    x = blobs[:90] + rng.normal(size=(90, 4))
    w, labels = 0.5 + rng.random(90), np.arange(90) % 3
    start = gmm(jax.random.key(0), x, 3, covariance_type=kind, init=labels)
    by = [rng.normal(size=np.shape(a)) for a in start[:5]]

    def loss(x, w, reg):
        found = gmm(
            jax.random.key(0),
            x,
            3,
            covariance_type=kind,
            init=start,
            sample_weight=w,
            reg_covar=reg,
            tol=0,
            max_iter=1500,
        )
        return sum(jnp.sum(a * b) for a, b in zip(found[:5], by, strict=True))

    value = jax.jit(loss)
    slopes = jax.jit(jax.grad(loss, argnums=(0, 1, 2)))(x, w, 0.1)
    for i, size in enumerate((1e-5, 1e-5, 1e-5)):
        at = [x, w, np.float64(0.1)]
        push = rng.normal(size=np.shape(at[i]))
        ends = []
        for sign in (1, -1):
            moved = list(at)
            moved[i] = at[i] + sign * size * push
            ends.append(value(*moved))
        expected = (ends[0] - ends[1]) / (2 * size)
        np.testing.assert_allclose(jnp.sum(slopes[i] * push), expected, rtol=1e-5, atol=1e-7)


def test_forward_mode_equals_finite_differences(blobs):
    push, labels = np.random.default_rng(0).normal(size=(90, 4)), np.arange(90) % 3

    def run(t):
        options = {"covariance_type": "spherical", "init": labels, "tol": 0, "max_iter": 900}
        found = gmm(jax.random.key(0), blobs[:90] + t * push, 3, **options)
        return found.covariances.sum() + found.means[0, 0] + found.weights[1]

    value, slope = jax.jit(run), jax.jit(jax.jacfwd(run))(0.0)
    np.testing.assert_allclose(slope, (value(1e-5) - value(-1e-5)) / 2e-5, rtol=1e-6)


def test_vmap_over_ragged_problems_equals_a_loop(blobs):
    """Problems of 60 and 37 rows in one batch: the rest is padding of weight 0."""
    sizes, labels = [60, 37], np.arange(60) % 3
    x, weights = np.full((2, 60, 4), 77.0), (np.arange(60) < np.array([[60], [37]])) + 0.0
    for i, n in enumerate(sizes):
        x[i, :n] = blobs[i::3][:n]
    run = lambda x, w, labels: gmm(  # noqa: E731
        jax.random.key(0), x, 3, sample_weight=w, init=labels
    )
    batch = jax.jit(jax.vmap(lambda x, w: run(x, w, labels)))(x, weights)
    for i, n in enumerate(sizes):
        alone = run(x[i, :n], weights[i, :n], labels[:n])
        mine = jax.tree.map(lambda a: np.asarray(a)[i], batch)  # noqa: B023
        same(mine._replace(labels=mine.labels[:n]), alone)


@pytest.mark.parametrize(
    ("kind", "axes", "init"), [("full", "auto", "random"), ("tied", "explicit", "k-means")]
)
def test_sharded_equals_unsharded(kind, axes, init, blobs, key, on_mesh):
    weights = np.random.default_rng(0).random(240)
    weights[:70] = 0  # the first of four devices holds nothing but absent rows
    run = lambda x, w: gmm(key, x, 3, covariance_type=kind, sample_weight=w, init=init)  # noqa: E731
    alone, x = run(blobs, weights), on_mesh(blobs, 4, axes)
    result = run(x, weights)
    same(result, alone)
    assert result.labels.sharding.spec[0] == "data"
    for leaf in jax.tree.leaves(result._replace(labels=None)):
        assert leaf.sharding.is_fully_replicated
    scores = result.score_samples(x)
    assert scores.sharding.spec[0] == "data"
    np.testing.assert_allclose(scores, alone.score_samples(blobs), rtol=1e-9)


def test_rows_given_per_row_are_sharded_too(blobs, key, on_mesh):
    x = on_mesh(blobs, 4)
    for init in (GROUPS, np.random.default_rng(0).dirichlet(np.ones(3), 240)):
        run = lambda x: gmm(key, x, 3, covariance_type="diag", init=init)  # noqa: B023, E731
        same(run(x), run(blobs))


@pytest.mark.parametrize("kind", ["full", "tied"])
def test_blocks_do_not_change_the_result(kind, blobs, monkeypatch):
    # 7 does not divide 239: the last block overlaps the one before.
    weights = np.random.default_rng(0).random(239)
    options = {"covariance_type": kind, "init": GROUPS[:239], "sample_weight": weights}
    run = lambda: gmm(jax.random.key(0), blobs[:239], 3, **options)  # noqa: E731
    whole = run()
    monkeypatch.setattr("clusterart_jax.cluster._gmm_em.block_size", lambda n, width: min(n, 7))
    module._gmm.clear_cache()
    same(run(), whole)
    module._gmm.clear_cache()


def test_order_translation_and_duplicates(blobs, key):
    x, weights = blobs[:120], np.random.default_rng(0).integers(0, 4, 120)
    labels, order = np.arange(120) % 3, np.random.default_rng(1).permutation(120)
    run = lambda x, w, init: gmm(key, x, 3, sample_weight=w, init=init, tol=1e-6)  # noqa: E731
    plain = run(x, weights, labels)
    turned = run(x[order], weights[order], labels[order])
    same(turned._replace(labels=None), plain._replace(labels=None))
    moved = run(x + 7.5, weights, labels)
    same(moved._replace(means=moved.means - 7.5), plain, 1e-8)
    copies = np.repeat(np.arange(120), weights)
    repeated = run(x[copies], None, labels[copies])
    same(repeated._replace(labels=None), plain._replace(labels=None))
    scaled = run(x, weights * 3.0, labels)
    same(scaled, plain)


def test_numbers_do_not_recompile(compilations):
    x, weights = np.random.default_rng(0).random((33, 3)), np.ones(33)
    run = lambda **o: gmm(jax.random.key(1), x, 3, covariance_type="spherical", **o)  # noqa: E731
    run(sample_weight=weights)
    assert compilations.count > 0, "compilations are not seen"
    before = compilations.count
    for i in range(3):
        options = {"tol": 10.0**-i, "max_iter": 3 + i, "reg_covar": 10.0**-i}
        run(sample_weight=weights * (i + 1), **options)
    assert compilations.count == before


def test_memory_is_bounded():
    """No responsibilities of all rows; n_init does not count."""
    n, d, k = 1_000_000, 16, 64
    shapes = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in ((n, d), (k, d))]
    run = jax.jit(lambda key, x, m: gmm(key, x, k, init=m, n_init=5))
    memory = run.lower(jax.random.key(0), *shapes).compile().memory_analysis()
    per_row = 4 * 8  # labels, likelihoods, distances: a few numbers a row
    assert memory.temp_size_in_bytes < n * per_row + 2**24 + 40 * k * d * d
