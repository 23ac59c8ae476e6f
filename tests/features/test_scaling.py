import jax
import numpy as np
import pytest
from sklearn.preprocessing import MinMaxScaler, StandardScaler, normalize

from clusterart_jax.features import scale, unit_rows


def test_by_hand(dtype):
    x = np.array([[1, 7, -2], [3, 7, 0], [5, 7, 8]], dtype)
    standard, minmax = scale(x, "standard"), scale(x, "minmax")
    np.testing.assert_allclose(standard.shift, [3, 7, 2])
    np.testing.assert_allclose(standard.scale, np.sqrt([8 / 3, 1, 56 / 3]), rtol=1e-6)
    np.testing.assert_allclose(minmax.transform(x), [[0, 0, 0], [0.5, 0, 0.2], [1, 0, 1]])
    np.testing.assert_allclose(unit_rows(x[:, :1] * [[3.0, 4.0]]), [[0.6, 0.8]] * 3, rtol=1e-6)
    assert {a.dtype for a in (*standard, *minmax, minmax.transform(x))} == {dtype}


@pytest.mark.parametrize("method", ["standard", "minmax"])
def test_parity_and_weights(blobs, method):
    peer = {"standard": StandardScaler, "minmax": MinMaxScaler}[method]().fit(blobs)
    state = scale(blobs, method)
    np.testing.assert_allclose(state.transform(blobs), peer.transform(blobs), atol=1e-12)
    np.testing.assert_allclose(state.inverse_transform(state.transform(blobs)), blobs, atol=1e-12)
    weights = np.random.default_rng(0).integers(0, 3, 240)
    peer = type(peer)().fit(np.repeat(blobs, weights, axis=0))
    state = scale(np.where(weights[:, None] > 0, blobs, 99.0), method, sample_weight=weights)
    np.testing.assert_allclose(state.transform(blobs), peer.transform(blobs), atol=1e-12)


def test_float32_far_off(blobs):
    x = np.concatenate([blobs + 1e4, np.full((240, 1), 1234.567)], axis=1).astype(np.float32)
    expected = StandardScaler().fit_transform(x.astype(np.float64))
    points = scale(x, "standard").transform(x)
    np.testing.assert_allclose(points[:, :4], expected[:, :4], atol=1e-3)
    assert np.abs(points[:, 4]).max() < 1e-3  # a constant stays one, whatever its mean rounds to


def test_sharded_in_blocks_equals_whole(blobs, on_mesh, monkeypatch):
    for module in ("_linalg", "features._scaling"):
        monkeypatch.setattr(f"clusterart_jax.{module}.block_size", lambda n, width: min(n, 7))
    for method in ("standard", "minmax"):
        state = scale(on_mesh(blobs), method)
        np.testing.assert_allclose(state.shift, scale(blobs, method).shift, rtol=1e-12)
        np.testing.assert_allclose(state.scale, scale(blobs, method).scale, rtol=1e-12)


def test_unit_rows(blobs):
    np.testing.assert_allclose(unit_rows(blobs), normalize(blobs), rtol=1e-12)
    extreme = np.array([[3e30, -4e30], [3e-30, 4e-30], [0, 0]], np.float32)
    np.testing.assert_allclose(unit_rows(extreme), [[0.6, -0.8], [0.6, 0.8], [0, 0]], rtol=1e-6)
    slope = jax.grad(lambda x: unit_rows(x).sum())(extreme)
    assert np.isfinite(slope).all()


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: scale(x, "robust"), ValueError, "method must be one of standard, minmax"),
        (lambda x: scale(x, "minmax").transform(x[:, :2]), ValueError, "x must have 4 columns"),
        (lambda x: unit_rows(x[0]), ValueError, "x must have 2 dimensions"),
    ],
)
def test_bad_arguments(call, error, text, blobs):
    with pytest.raises(error, match=text):
        call(blobs)
