"""The solvers of PCA, its likelihood, whitening, and PCA of batches."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.decomposition import PCA, IncrementalPCA

from clusterart_jax import pca
from clusterart_jax.features import PCASums, pca_update


def weak(n, d, seed=0, ratio=0.5):
    """Rows whose deviations fall by `ratio` a direction."""
    rng = np.random.default_rng(seed)
    q = np.linalg.qr(rng.normal(size=(d, d)))[0]
    return rng.normal(size=(n, d)) * ratio ** np.arange(d) @ q.T


@pytest.mark.parametrize("solver", ["full", "covariance_eigh", "randomized"])
@pytest.mark.parametrize("shape", [(200, 120), (20, 120)])
def test_solvers_agree_with_the_peer(solver, shape):
    x = weak(*shape, ratio=0.7)
    peer, ours = PCA(6, svd_solver="full").fit(x), pca(x, 6, solver=solver)
    np.testing.assert_allclose(ours.explained_variance, peer.explained_variance_, rtol=1e-8)
    np.testing.assert_allclose(ours.singular_values, peer.singular_values_, rtol=1e-8)
    np.testing.assert_allclose(ours.noise_variance, peer.noise_variance_, rtol=1e-6)
    np.testing.assert_allclose(ours.components, peer.components_, atol=1e-6)


def test_full_keeps_weak_directions_in_float32():
    # Deviations down to 4e-6 of the strongest: their squares are below float32's rounding.
    x = weak(400, 10, ratio=0.25).astype(np.float32)
    exact = PCA(10, svd_solver="full").fit(x.astype(np.float64))
    ours = pca(x, 10, solver="full")
    np.testing.assert_allclose(ours.singular_values, exact.singular_values_, rtol=2e-2)
    squared = pca(x, 10, solver="covariance_eigh")
    assert np.abs(squared.singular_values[9].item() / exact.singular_values_[9] - 1) > 0.5


def test_wide_data_are_exact_in_float32():
    x = (weak(40, 300, ratio=0.8) + 1e4).astype(np.float32)
    exact = PCA(40, svd_solver="full").fit(x.astype(np.float64))
    ours = pca(x, 40)
    np.testing.assert_allclose(ours.singular_values[:20], exact.singular_values_[:20], rtol=1e-3)
    np.testing.assert_allclose(ours.components @ ours.components.T, np.eye(40), atol=1e-5)
    back = ours.inverse_transform(ours.transform(x))
    np.testing.assert_allclose(back, x, atol=4e-3)  # four units in the last place of 1e4


def test_the_sketch_may_be_chosen():
    wide = weak(60, 100, ratio=0.95)
    fixed, again = pca(wide, 3, solver="randomized"), pca(wide, 3, solver="randomized")
    other = pca(wide, 3, solver="randomized", sketch_key=jax.random.key(7))
    assert np.asarray(fixed.components).tobytes() == np.asarray(again.components).tobytes()
    assert np.abs(fixed.components - other.components).max() > 0
    np.testing.assert_allclose(other.explained_variance, fixed.explained_variance, rtol=1e-3)


@pytest.mark.parametrize("m", [1, 3, 4])
def test_likelihood(blobs, m):
    peer, ours = PCA(m).fit(blobs), pca(blobs, m)
    np.testing.assert_allclose(ours.score_samples(blobs), peer.score_samples(blobs), rtol=1e-9)
    np.testing.assert_allclose(ours.covariance(), peer.get_covariance(), atol=1e-10)
    np.testing.assert_allclose(ours.precision(), peer.get_precision(), atol=1e-10)
    # The density of the Gaussian with that covariance, written out.
    away = blobs - np.asarray(ours.mean)
    _, volume = np.linalg.slogdet(2 * np.pi * np.asarray(ours.covariance()))
    quadratic = np.sum(away @ np.linalg.inv(ours.covariance()) * away, axis=1)
    np.testing.assert_allclose(ours.score_samples(blobs), -(quadratic + volume) / 2, rtol=1e-9)


def test_likelihood_far_off_in_float32(blobs):
    x = (blobs + 1e4).astype(np.float32)
    exact = pca(x.astype(np.float64), 2).score_samples(x.astype(np.float64))
    np.testing.assert_allclose(pca(x, 2).score_samples(x), exact, rtol=2e-3)


def test_whitening(blobs):
    peer, ours = PCA(3, whiten=True).fit(blobs), pca(blobs, 3, whiten=True)
    points = np.asarray(ours.transform(blobs))
    np.testing.assert_allclose(points, peer.transform(blobs), atol=1e-9)
    np.testing.assert_allclose(np.cov(points.T), np.eye(3), atol=1e-9)
    back = peer.inverse_transform(peer.transform(blobs))
    np.testing.assert_allclose(ours.inverse_transform(points), back, atol=1e-9)
    np.testing.assert_allclose(ours.explained_variance, pca(blobs, 3).explained_variance)


@pytest.mark.parametrize("shape", [(240, 4), (30, 60)])
def test_truncated_equals_asked_for(shape):
    x = weak(*shape, ratio=0.9)
    whole = pca(x, min(shape), solver="full")
    for m in (1, 3):
        for a, b in zip(whole.truncate(m), pca(x, m, solver="full"), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    with pytest.raises(ValueError, match="n_components must be between 1 and"):
        whole.truncate(99)


@pytest.mark.parametrize("shape", [(3000, 400), (6000, 400)])
def test_randomized_finds_directions_that_stand_out_little(shape):
    """Variances of 3 to 4 beside 1 everywhere, as close to exact as the peer comes."""
    scale = np.ones(shape[1])
    scale[:8] = np.sqrt(np.linspace(3, 4, 8))
    x = np.random.default_rng(0).normal(size=shape) * scale
    scatter = np.cov(x.T)
    best = np.linalg.eigvalsh(scatter)[-8:].sum()
    kept = [
        np.trace(c @ scatter @ c.T) / best
        for c in (
            np.asarray(pca(x, 8, solver="randomized").components),
            np.asarray(pca(x, 8, solver="randomized", passes=1, oversample=2).components),
            PCA(8, svd_solver="randomized", random_state=0).fit(x).components_,
        )
    ]
    assert kept[0] > kept[2] - 1e-3
    assert kept[0] > 0.999
    assert kept[1] < kept[0]


def test_randomized_where_the_sample_is_absent():
    # Every row that the start would look at has weight 0.
    x = weak(3200, 100, ratio=0.9)
    weights = (np.arange(3200) % 16 > 0).astype(float)
    ours = pca(x, 4, solver="randomized", sample_weight=weights)
    exact = pca(x, 4, solver="full", sample_weight=weights)
    np.testing.assert_allclose(ours.explained_variance, exact.explained_variance, rtol=1e-3)
    sampled = pca(x, 4, solver="randomized")
    exact = pca(x, 4, solver="full")
    np.testing.assert_allclose(sampled.explained_variance, exact.explained_variance, rtol=1e-6)
    assert sampled.explained_variance.tolist() != exact.explained_variance.tolist()


def test_duplicates_equal_weights_of_two(blobs):
    for a, b in zip(
        pca(np.concatenate([blobs, blobs]), 2),
        pca(blobs, 2, sample_weight=np.full(240, 2)),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, rtol=1e-9)


def batches(x, *sizes):
    return np.split(x, np.cumsum(sizes))


def test_batches_equal_all_rows(dtype):
    x = (weak(300, 6) + 100).astype(dtype)
    weights = np.random.default_rng(0).integers(0, 3, 300).astype(dtype)
    sums = PCASums.empty(6, dtype=dtype)
    for rows, w in zip(batches(x, 4, 152), batches(weights, 4, 152), strict=True):
        sums = pca_update(sums, rows, sample_weight=w)
    ours, whole = sums.state(4), pca(x, 4, sample_weight=weights, solver="full")
    tolerance = 1e-3 if dtype == np.float32 else 1e-9
    for a, b in zip(ours, whole, strict=True):
        assert a.dtype == dtype
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def test_batches_of_low_rank_equal_the_peer():
    x = weak(200, 40, ratio=0.9) + 5
    peer = IncrementalPCA(8)
    sums = PCASums.empty(40, rank=8)
    for rows in batches(x, 100):
        peer.partial_fit(rows)
        sums = pca_update(sums, rows)
    ours = sums.state(8, whiten=True)
    np.testing.assert_allclose(ours.singular_values, peer.singular_values_, rtol=1e-9)
    signs = np.sign(np.sum(peer.components_ * np.asarray(ours.components), axis=1))
    np.testing.assert_allclose(ours.components * signs[:, None], peer.components_, atol=1e-8)
    np.testing.assert_allclose(ours.mean, peer.mean_)
    np.testing.assert_allclose(ours.explained_variance_ratio, peer.explained_variance_ratio_)
    np.testing.assert_allclose(np.asarray(ours.transform(x)).std(0, ddof=1), 1, atol=0.1)


def test_batches_in_a_scan():
    x = weak(120, 5)
    step = jax.jit(lambda sums, rows: (pca_update(sums, rows), None))
    sums, _ = jax.lax.scan(step, PCASums.empty(5), jnp.asarray(x.reshape(6, 20, 5)))
    np.testing.assert_allclose(
        sums.state(5).explained_variance, pca(x, 5, solver="full").explained_variance, rtol=1e-9
    )


@pytest.mark.parametrize("solver", ["full", "randomized"])
def test_sharded_equals_unsharded(solver, on_mesh, monkeypatch):
    x = weak(64, 100, ratio=0.8)
    weights = np.random.default_rng(1).random(64)
    alone = pca(x, 3, sample_weight=weights, solver=solver)
    for module in ("_linalg", "features._pca_krylov", "features._spread"):
        monkeypatch.setattr(f"clusterart_jax.{module}.block_size", lambda n, width: min(n, 5))
    state = pca(on_mesh(x), 3, sample_weight=weights, solver=solver)
    for a, b in zip(state, alone, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)
        assert a.sharding.is_fully_replicated
    scores = state.score_samples(on_mesh(x))
    assert scores.sharding.spec[0] == "data"
    np.testing.assert_allclose(scores, alone.score_samples(x), rtol=1e-9)


def test_gradient_of_the_likelihood(blobs):
    def loss(x):
        return pca(x, 2).score_samples(x).mean()

    x = jnp.asarray(blobs)
    turn = jnp.asarray(np.random.default_rng(0).normal(size=x.shape))
    expected = (loss(x + 1e-5 * turn) - loss(x - 1e-5 * turn)) / 2e-5
    slope = jax.jit(jax.grad(loss))(x)
    np.testing.assert_allclose(jnp.sum(slope * turn), expected, rtol=1e-6)


def test_full_memory_is_bounded():
    x = jax.ShapeDtypeStruct((1_000_000, 64), jnp.float32)
    memory = jax.jit(lambda x: pca(x, 8, solver="full")).lower(x).compile().memory_analysis()
    assert memory.temp_size_in_bytes < 4 * 64_000_000 / 10


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: pca(x, 2, solver="arpack"), ValueError, "solver must be one of auto, full"),
        (lambda x: pca(x, 2, sketch_key=3), TypeError, "key must come from jax.random.key"),
        (lambda x: PCASums.empty(4, rank=5), ValueError, "rank must be between 1 and 4, not 5"),
        (lambda x: pca_update(PCASums.empty(3), x), ValueError, "x must have 3 columns, not 4"),
        (
            lambda x: PCASums.empty(4, rank=2).state(3),
            ValueError,
            "n_components must be between 1 and 2, not 3",
        ),
    ],
)
def test_bad_arguments(call, error, text, blobs):
    with pytest.raises(error, match=text):
        call(blobs)


@pytest.mark.parametrize("solver", ["randomized", "full", "covariance_eigh"])
def test_fewer_directions_than_components(solver):
    x = weak(100, 120, ratio=0.8).astype(np.float32)[:, :5] @ np.eye(5, 120, dtype=np.float32)
    state = pca(x, 8, solver=solver)
    exact = PCA(8, svd_solver="full").fit(x.astype(np.float64))
    np.testing.assert_allclose(state.components @ state.components.T, np.eye(8), atol=1e-5)
    values = state.explained_variance
    np.testing.assert_allclose(values, exact.explained_variance_, rtol=1e-4, atol=1e-6)
