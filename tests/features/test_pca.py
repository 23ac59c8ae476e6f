"""PCA by hand, against the SVD and scikit-learn, and what holds on any data."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.decomposition import PCA

from clusterart_jax import pca


def test_by_hand(dtype):
    # Along (3, 4)/5 at −5, 0, 5: variance 25; across it nothing.
    x = np.array([[1, 2], [4, 6], [7, 10]], dtype)
    state = pca(x, 2)
    np.testing.assert_allclose(state.mean, [4, 6])
    np.testing.assert_allclose(state.components[0], [0.6, 0.8], rtol=1e-5)
    np.testing.assert_allclose(state.explained_variance, [25, 0], atol=1e-4)
    np.testing.assert_allclose(state.explained_variance_ratio, [1, 0], atol=1e-5)
    np.testing.assert_allclose(state.transform(x)[:, 0], [-5, 0, 5], atol=1e-5)
    assert {a.dtype for a in state} == {dtype}


@pytest.mark.parametrize("m", [1, 10, 64])
def test_parity(digits, m):
    peer, ours = PCA(m, svd_solver="full").fit(digits), pca(digits, m)
    held = peer.explained_variance_ > 1e-8  # three pixels are always blank: any basis will do
    np.testing.assert_allclose(ours.mean, peer.mean_, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(ours.explained_variance, peer.explained_variance_, atol=1e-9)
    ratio = peer.explained_variance_ratio_
    np.testing.assert_allclose(ours.explained_variance_ratio, ratio, atol=1e-12)
    components = np.asarray(ours.components)
    np.testing.assert_allclose(components[held], peer.components_[held], atol=1e-8)
    expected = peer.transform(digits)[:, held]
    np.testing.assert_allclose(ours.transform(digits)[:, held], expected, atol=1e-8)
    back = peer.inverse_transform(peer.transform(digits))
    np.testing.assert_allclose(ours.inverse_transform(ours.transform(digits)), back, atol=1e-8)


def test_float32_far_off(digits):
    x = (digits + 1e4).astype(np.float32)
    ours, peer = pca(x, 5), PCA(5, svd_solver="full").fit(x.astype(np.float64))
    np.testing.assert_allclose(ours.explained_variance, peer.explained_variance_, rtol=1e-4)
    np.testing.assert_allclose(ours.components, peer.components_, atol=1e-3)


def wide(n, d, seed=0):
    """Rows whose variance falls by a factor of 0.8² a direction."""
    rng = np.random.default_rng(seed)
    q = np.linalg.qr(rng.normal(size=(d, 60)))[0]
    return rng.normal(size=(n, 60)) * 0.8 ** np.arange(60) @ q.T


def test_many_columns_by_subspace_iteration():
    x = wide(90, 1100)
    peer, ours = PCA(8, svd_solver="full").fit(x), pca(x, 8)
    np.testing.assert_allclose(ours.explained_variance, peer.explained_variance_, rtol=1e-6)
    ratio = peer.explained_variance_ratio_
    np.testing.assert_allclose(ours.explained_variance_ratio, ratio, rtol=1e-6)
    np.testing.assert_allclose(ours.components, peer.components_, atol=1e-4)


def test_nearly_all_of_many_columns(monkeypatch):
    # The sketch is then as wide as the data, and must still be applied.
    monkeypatch.setattr("clusterart_jax.features._pca.EXACT_UP_TO", 20)
    x = np.random.default_rng(0).normal(size=(50, 24)) * 0.8 ** np.arange(24)
    peer, ours = PCA(12, svd_solver="full").fit(x), pca(x, 12)
    np.testing.assert_allclose(ours.explained_variance, peer.explained_variance_, rtol=1e-9)
    np.testing.assert_allclose(ours.components, peer.components_, atol=1e-6)


@pytest.mark.parametrize("shape", [(30, 5), (30, 25)])
def test_weights(shape, monkeypatch):
    if shape[1] > 20:
        monkeypatch.setattr("clusterart_jax.features._pca.EXACT_UP_TO", 20)
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape) * 0.6 ** np.arange(shape[1])
    weights = rng.integers(0, 3, len(x))
    ours = pca(np.where(weights[:, None] > 0, x, 77.0), 3, sample_weight=weights)
    peer = PCA(3, svd_solver="full").fit(np.repeat(x, weights, axis=0))
    np.testing.assert_allclose(ours.mean, peer.mean_, atol=1e-12)
    np.testing.assert_allclose(ours.explained_variance, peer.explained_variance_, rtol=1e-7)
    np.testing.assert_allclose(ours.components, peer.components_, atol=1e-6)


def test_shares_do_not_depend_on_the_unit_of_weight(blobs):
    one = pca(blobs, 2, sample_weight=np.ones(240))
    tiny = pca(blobs, 2, sample_weight=np.full(240, 1e-3))
    np.testing.assert_allclose(tiny.explained_variance_ratio, one.explained_variance_ratio)
    np.testing.assert_allclose(tiny.components, one.components, atol=1e-9)


def test_properties(blobs):
    state = pca(blobs, 4)
    points = np.asarray(state.transform(blobs))
    np.testing.assert_allclose(state.components @ state.components.T, np.eye(4), atol=1e-12)
    assert (np.diff(state.explained_variance) <= 0).all()
    np.testing.assert_allclose(state.explained_variance_ratio.sum(), 1)
    np.testing.assert_allclose(points.var(0, ddof=1), state.explained_variance)
    np.testing.assert_allclose(state.inverse_transform(points), blobs, atol=1e-12)
    moved = pca(blobs[::-1] + 1000.0, 4)
    np.testing.assert_allclose(moved.components, state.components, atol=1e-9)
    strongest = np.abs(state.components).argmax(1)
    assert (np.asarray(state.components)[np.arange(4), strongest] > 0).all()


def test_one_row_and_equal_rows():
    for x in (np.ones((1, 3)), np.ones((5, 3))):
        state = pca(x, 1)
        assert state.explained_variance.tolist() == [0]
        assert state.explained_variance_ratio.tolist() == [0]
        assert state.transform(x).tolist() == [[0]] * len(x)


def test_blocks_do_not_change_the_result(blobs, monkeypatch):
    for module in ("_linalg", "features._pca_krylov"):
        monkeypatch.setattr(f"clusterart_jax.{module}.block_size", lambda n, width: min(n, 9))
    x = blobs[:237]  # a shape of its own: compiled here, with these blocks
    peer, ours = PCA(4, svd_solver="full").fit(x), pca(x, 4)
    np.testing.assert_allclose(ours.explained_variance, peer.explained_variance_, rtol=1e-12)
    np.testing.assert_allclose(ours.components, peer.components_, atol=1e-9)


@pytest.mark.parametrize(("devices", "axes"), [(2, "explicit"), (4, "auto")])
@pytest.mark.parametrize("exact", [True, False])
def test_sharded_equals_unsharded(devices, axes, exact, on_mesh, monkeypatch):
    monkeypatch.setattr("clusterart_jax.features._pca.EXACT_UP_TO", 64 if exact else 8)
    x = np.random.default_rng(0).normal(size=(64, 20)) * 0.7 ** np.arange(20)
    weights = np.random.default_rng(1).random(64)
    m = 3 if exact else 4  # another program, whatever was compiled before
    alone = pca(x, m, sample_weight=weights)
    state = pca(on_mesh(x, devices, axes), m, sample_weight=weights)
    for a, b in zip(state, alone, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-9)
        assert a.sharding.is_fully_replicated
    points = state.transform(on_mesh(x, devices, axes))
    np.testing.assert_allclose(points, alone.transform(x), atol=1e-9)
    assert points.sharding.spec[0] == "data"


def test_states_take_rows_of_any_type(blobs):
    state = pca(blobs.astype(np.float32), 2)
    assert state.transform(blobs).dtype == np.float32
    assert state.transform(np.ones((1, 4), np.uint8)).dtype == np.float32
    assert state.inverse_transform([[0, 0]]).dtype == np.float32


def test_gradient_of_transform(blobs):
    state = pca(blobs, 2)
    slope = jax.jit(jax.grad(lambda row: state.transform(row[None])[0, 1]))(blobs[0])
    np.testing.assert_allclose(slope, state.components[1], rtol=1e-12)


@pytest.mark.parametrize(("n", "d", "m"), [(1_000_000, 64, 8), (100_000, 3072, 50)])
def test_memory_is_bounded(n, d, m):
    x = jax.ShapeDtypeStruct((n, d), jnp.float32)
    memory = jax.jit(lambda x: pca(x, m)).lower(x).compile().memory_analysis()
    assert memory.temp_size_in_bytes < 4 * n * d / 20


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: pca(x, 5), ValueError, "n_components must be between 1 and 4, not 5"),
        (lambda x: pca(x[:2], 3), ValueError, "n_components must be between 1 and 2, not 3"),
        (lambda x: pca(x, 0.9), TypeError, "n_components must be a whole number between 1 and 4"),
        (lambda x: pca(x[0], 1), ValueError, "x must have 2 dimensions"),
        (lambda x: pca(x, 2, sample_weight=x), ValueError, r"sample_weight must have shape \(240"),
        (lambda x: pca(x, 2).transform(x[:, :3]), ValueError, "x must have 4 columns, not 3"),
        (lambda x: pca(x, 2).inverse_transform(x), ValueError, "points must have 2 columns, not 4"),
    ],
)
def test_bad_arguments(call, error, text, blobs):
    with pytest.raises(error, match=text):
        call(blobs)
