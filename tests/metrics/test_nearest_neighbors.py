import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from clusterart_jax import metrics


def test_by_hand(dtype):
    x = np.array([[0, 0], [3, 4], [0, 0], [9, 9]], dtype)
    distances, rows = metrics.nearest_neighbors(np.array([[0, 0], [3, 5], [9, 9]], dtype), x)
    assert distances.tolist() == [0, 1, 0]
    assert rows.tolist() == [0, 1, 3], "the first of equally near"
    assert distances.dtype == dtype
    assert rows.dtype == np.int32


def test_parity(digits, dtype):
    x, queries = digits[:400].astype(dtype), digits[400:].astype(dtype)
    expected = NearestNeighbors(n_neighbors=1).fit(x).kneighbors(queries)[0][:, 0]
    distances, rows = metrics.nearest_neighbors(queries, x)
    np.testing.assert_allclose(distances, expected, rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(queries - x[rows], axis=1), expected, rtol=1e-6)


def test_near_copies_are_found_in_float32(digits):
    """The distance of a copy keeps its digits, though it is tiny against the rows."""
    x = (digits + 1000).astype(np.float32)
    copies = x[:50].copy()
    copies[:, 0] += np.float32(0.0625)
    distances, rows = metrics.nearest_neighbors(copies, x)
    assert rows.tolist() == list(range(50))
    np.testing.assert_allclose(distances, 0.0625, rtol=1e-6)


def test_blocks_do_not_change_the_result(blobs, monkeypatch):
    monkeypatch.setattr("clusterart_jax.metrics._neighbors.block_size", lambda n, w: min(n, 50))
    distances, rows = metrics.nearest_neighbors(blobs[:61], blobs[61:238])
    squared = ((blobs[:61, None] - blobs[None, 61:238]) ** 2).sum(-1)
    assert rows.tolist() == squared.argmin(1).tolist()
    np.testing.assert_allclose(distances, np.sqrt(squared.min(1)), rtol=1e-12)
    _, rows = metrics.nearest_neighbors(np.ones((1, 2)), np.ones((170, 2)))
    assert rows.tolist() == [0], "the first of equally near, over blocks"


@pytest.mark.parametrize("block", [7, 50, 1000])
def test_several_of_each_query(blobs, monkeypatch, block):
    monkeypatch.setattr("clusterart_jax.metrics._neighbors.block_size", lambda n, w: min(n, block))
    queries, x = blobs[:61], blobs[61:238]
    distances, rows = metrics.nearest_neighbors(queries, x, k=9)
    expected, order = NearestNeighbors(n_neighbors=9).fit(x).kneighbors(queries)
    assert rows.tolist() == order.tolist()
    np.testing.assert_allclose(distances, expected, rtol=1e-12)
    _, rows = metrics.nearest_neighbors(np.ones((1, 2)), np.ones((170, 2)), k=8)
    assert rows.tolist() == [list(range(8))], "the first of equally near, over blocks"


@pytest.mark.parametrize("axes", ["auto", "explicit"])
@pytest.mark.parametrize("which", ["queries", "x", "both"])
def test_sharded_equals_unsharded(axes, which, on_mesh):
    queries, x = np.random.default_rng(0).normal(size=(2, 600, 3))  # of more than one block
    alone = metrics.nearest_neighbors(queries, x)
    queries = queries if which == "x" else on_mesh(queries, 4, axes)
    x = x if which == "queries" else on_mesh(x, 4, axes)
    distances, rows = metrics.nearest_neighbors(queries, x)
    assert metrics.nearest_neighbors(queries, x, k=2)[1][:, 0].tolist() == alone[1].tolist()
    np.testing.assert_allclose(distances, alone[0], rtol=1e-12)
    assert rows.tolist() == alone[1].tolist()
    if which != "x":
        assert rows.sharding.spec[0] == "data"


def test_memory_is_bounded():
    q, x = (jax.ShapeDtypeStruct((n, 32), jnp.float32) for n in (30_000, 50_000))
    memory = jax.jit(metrics.nearest_neighbors).lower(q, x).compile().memory_analysis()
    assert memory.temp_size_in_bytes < 40 * 2**20


def test_bad_arguments(blobs):
    with pytest.raises(ValueError, match="queries have 3 columns but x has 4"):
        metrics.nearest_neighbors(blobs[:, :3], blobs)
    with pytest.raises(ValueError, match="queries must have 2 dimensions"):
        metrics.nearest_neighbors(blobs[0], blobs)
    with pytest.raises(ValueError, match="k must be between 1 and 240, not 241"):
        metrics.nearest_neighbors(blobs, blobs, k=241)
