"""Mini-batch k-means: its batches, against an oracle, beside the peer, and over rows on disk."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.cluster import MiniBatchKMeans

from clusterart_jax import mini_batch_kmeans
from clusterart_jax._errors import ConfigError
from clusterart_jax.cluster import (
    MiniBatchState,
    _batches,
    kmeans,
    mini_batch_init,
    mini_batch_stream,
    mini_batch_update,
)


def oracle(x, centers, counts, weights):
    """One batch as Sculley has it: each centre moves to the mean of all rows it has taken."""
    x, centers, counts = np.array(x, float), np.array(centers, float), np.array(counts, float)
    squared = ((x[:, None] - centers[None]) ** 2).sum(-1)
    labels, inertia = squared.argmin(1), (weights * squared.min(1)).sum() / weights.sum()
    for row, label, weight in zip(x, labels, weights, strict=True):
        counts[label] += weight
        if weight:
            centers[label] += weight / counts[label] * (row - centers[label])
    return centers, counts, inertia


def test_one_batch_by_hand(key, dtype):
    state = mini_batch_init(key, np.array([[0], [9]], dtype), 2, init=np.array([[0.0], [10]]))
    assert state.counts.tolist() == [0, 0]
    state = mini_batch_update(key, state, np.array([[1], [3], [8]], dtype))
    assert state.centers.ravel().tolist() == [2, 8]
    assert state.counts.tolist() == [2, 1]
    np.testing.assert_allclose(state.inertia, (1 + 9 + 4) / 3, rtol=1e-6)
    state = mini_batch_update(key, state, np.array([[5], [12]], dtype), sample_weight=[2, 0])
    assert state.centers.ravel().tolist() == [3.5, 8], "5 is as near to 2 as to 8: the first wins"
    assert state.n_steps == 2
    assert state.centers.dtype == dtype


def test_batches_equal_the_oracle(key):
    rng = np.random.default_rng(0)
    x, weights = rng.normal(size=(4, 30, 3)), rng.random((4, 30)) * (rng.random((4, 30)) < 0.8)
    centers, counts = x[0, :4], np.zeros(4)
    state = mini_batch_init(key, x[0], 4, init=centers)
    for batch, w in zip(x, weights, strict=True):
        state = mini_batch_update(key, state, batch, sample_weight=w, reassignment_ratio=0)
        centers, counts, inertia = oracle(batch, centers, counts, w)
        np.testing.assert_allclose(state.centers, centers, rtol=1e-10)
        np.testing.assert_allclose(state.counts, counts, rtol=1e-12)
        np.testing.assert_allclose(state.inertia, inertia, rtol=1e-12)


@pytest.fixture(scope="module")
def best(blobs):
    """The inertia of k-means, which has another algorithm."""
    return float(kmeans(jax.random.key(0), blobs, 3, n_init=5).inertia)


def state_of(counts, since=0):
    """Centres 0, 100, 200, … that have taken so many rows."""
    counts = jnp.asarray(counts, float)
    offsets = 100.0 * jnp.arange(len(counts), dtype=float)[:, None]
    zero = jnp.zeros((), float)
    return MiniBatchState(jnp.zeros(1), offsets, counts, jnp.int32(since), jnp.int32(1), zero)


def test_centers_of_few_rows_go_to_rows_of_the_batch(key):
    x = np.array([[1.0], [2], [3], [4], [77]])
    weights = [1, 1, 1, 1, 0]
    for ratio, moved in ((0.01, False), (0.2, True), (0, False)):
        after = mini_batch_update(
            key, state_of([80, 12, 100]), x, sample_weight=weights, reassignment_ratio=ratio
        )
        assert after.centers[2] == 200, "it is not due, or has rows enough"
        # No centre is empty and few rows were seen: nothing is due.
        assert after.centers[1] == 100, moved
    due = state_of([80, 12, 100], since=26)  # 26 + 4 rows are 10 for each of 3 centres
    for ratio, moved in ((0.01, False), (0.2, True), (0, False)):
        after = mini_batch_update(key, due, x, sample_weight=weights, reassignment_ratio=ratio)
        assert (after.centers[1] != 100) == moved
        assert after.since == 0
        if moved:
            assert after.centers[1] in (1, 2, 3, 4), "a row of weight 0 was taken"
            assert after.counts.tolist() == [84, 84, 100], "the least count of the others"
    empty = mini_batch_update(key, state_of([50, 0, 0]), x, sample_weight=weights)
    assert empty.centers[1] != empty.centers[2], "two centres on one row"
    assert (empty.centers[1:] < 5).all()


def test_at_most_half_a_batch_of_centers_is_moved(key):
    state = state_of([1000, 0, 0, 0, 3, 2, 1])
    after = mini_batch_update(key, state, np.arange(4.0)[:, None], reassignment_ratio=0.5)
    moved = np.asarray(after.centers[1:, 0] < 5)
    assert moved.sum() == 2
    assert moved[:3].sum() == 2, "those of fewest rows come first"


@pytest.mark.parametrize("n", [7, 64, 1000])
def test_batches_are_drawn_by_weight(n):
    rng = np.random.default_rng(n)
    weights = jnp.asarray(rng.random(n) * (rng.random(n) < 0.6), jnp.float32)
    running = _batches.running_weights(weights, None)
    batch = _batches.draw(jax.random.key(n), 100_000, weights, running, None)
    assert batch.weights.all()
    share = np.bincount(batch.rows, minlength=n) / 100_000
    expected = np.asarray(weights / weights.sum())
    assert (share[expected == 0] == 0).all()
    spread = np.sqrt(expected / 100_000)
    assert (np.abs(share - expected) <= 5 * spread + 1e-12).all()


def test_ends_near_k_means_and_the_peer(digits, key):
    x = digits.astype(np.float32)
    options = {"batch_size": 100, "n_init": 3}
    results = [mini_batch_kmeans(k, x, 10, **options) for k in jax.random.split(key, 5)]
    ours = [float(result.inertia) for result in results]
    peer = [MiniBatchKMeans(10, random_state=i, **options).fit(x).inertia_ for i in range(5)]
    assert np.mean(ours) < 1.02 * np.mean(peer)
    assert min(ours) > 0.999 * float(kmeans(key, x, 10, n_init=10).inertia)
    for result in results:
        squared = ((x[:, None] - np.asarray(result.centers)[None]) ** 2).sum(-1)
        assert result.labels.tolist() == squared.argmin(1).tolist()
        np.testing.assert_allclose(result.inertia, squared.min(1).sum(), rtol=1e-5)
        assert result.n_iter == -(-int(result.n_steps) * 100 // 600)


def test_when_it_stops(blobs, key, compilations):
    run = lambda **options: mini_batch_kmeans(key, blobs, 3, batch_size=20, n_init=2, **options)  # noqa: E731
    never = run(max_no_improvement=None, max_iter=5)
    assert never.n_steps == 5 * 240 // 20
    assert not never.converged
    before = compilations.count
    patient = [run(max_no_improvement=m) for m in (2, 20, 50)]
    assert all(int(a.n_steps) < int(b.n_steps) for a, b in pairwise(patient))
    assert patient[1].converged
    assert run(tol=1e9).n_steps == 2, "the first batch is not looked at"
    assert run(max_iter=0, reassignment_ratio=0.1).n_steps == 0
    assert compilations.count == before, "a number is not traced"


def test_more_than_all_rows_in_a_batch(key):
    x = np.arange(6.0)[:, None]
    result = mini_batch_kmeans(key, x, 2, batch_size=9999, max_iter=7, max_no_improvement=None)
    assert result.n_steps == 7
    assert result.counts.sum() == 7 * 6


def test_far_off_float32(blobs, key, best):
    x = (blobs + 1e4).astype(np.float32)
    result = mini_batch_kmeans(key, x, 3, batch_size=60)
    assert float(result.inertia) < 1.03 * best


def test_sharded_draws_the_same_batches(blobs, key, on_mesh):
    weights = np.arange(240) % 7 * (np.arange(240) >= 60)  # the first of four devices has no rows
    options = {"sample_weight": weights, "batch_size": 20, "max_iter": 3, "n_init": 2}
    alone = mini_batch_kmeans(key, blobs, 3, **options)
    spread = mini_batch_kmeans(key, on_mesh(blobs, 4), 3, **options)
    np.testing.assert_allclose(spread.centers, alone.centers, rtol=1e-9)
    assert spread.labels.tolist() == alone.labels.tolist()
    assert spread.n_steps == alone.n_steps


def test_memory_is_bounded():
    x = jax.ShapeDtypeStruct((1_000_000, 16), jnp.float32)
    run = jax.jit(lambda key, x: mini_batch_kmeans(key, x, 64))
    memory = run.lower(jax.random.key(0), x).compile().memory_analysis()
    assert memory.temp_size_in_bytes < 1_000_000 * 4 * 6


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"k": 7}, ValueError, "k must be between 1 and 6, not 7"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1, not 0"),
        ({"init": "kmeans++"}, ConfigError, "init must be.*did you mean 'k-means++'?"),
        ({"init": np.ones((2, 3))}, ValueError, r"init must have shape \(k, d\) = \(2, 2\)"),
        ({"n_init": 0}, ValueError, "n_init must be at least 1, not 0"),
    ],
)
def test_bad_arguments(change, error, text, key):
    with pytest.raises(error, match=text):
        mini_batch_kmeans(**{"key": key, "x": np.ones((6, 2)), "k": 2} | change)


def test_update_names_wrong_columns(key):
    with pytest.raises(ValueError, match="x has 2 columns but centers have 1"):
        mini_batch_update(key, state_of([1, 2]), np.ones((3, 2)))


class Reads:
    """An array that says how much of it is read at once."""

    def __init__(self, rows):
        self.rows, self.shape, self.dtype, self.most = rows, rows.shape, rows.dtype, 0

    def __getitem__(self, part):
        found = self.rows[part]
        self.most = max(self.most, found.nbytes)
        return found


def test_stream_of_an_array_on_disk(key, tmp_path, blobs, best):
    path = tmp_path / "rows.npy"
    x = np.tile(blobs, (200, 8)).astype(np.float32)  # 6 MB, every third row of a group
    x[::2] = x[np.argsort(x[::2, 0], kind="stable") * 2]  # and half of them sorted
    np.save(path, x)
    rows, out = Reads(np.load(path, mmap_mode="r")), np.full(len(x), -1, np.int32)
    result = mini_batch_stream(key, rows, 3, labels=out)
    assert float(result.inertia) < 1.02 * 1600 * best
    squared = ((x[:, None] - np.asarray(result.centers)[None]) ** 2).sum(-1)
    assert result.labels is out
    assert out.tolist() == squared.argmin(1).tolist()
    np.testing.assert_allclose(result.inertia, squared.min(1).sum(), rtol=1e-5)
    mini_batch_stream(key, rows := Reads(rows.rows), 3, labels=False, max_iter=1)
    assert rows.most <= 2**16


def test_stream_weighs_rows(key):
    x = np.array([[0.0], [1], [50], [51], [900]])
    init = np.array([[0.0], [60]])
    options = {"init": init, "max_iter": 4, "reassignment_ratio": 0}
    result = mini_batch_stream(key, x, 2, sample_weight=[1, 1, 1, 1, 0], **options)
    assert result.centers.ravel().tolist() == [0.5, 50.5]
    assert result.inertia == 1
    assert result.labels.tolist() == [0, 0, 1, 1, 1]


def test_stream_of_pieces(key, blobs, best):
    def pieces():
        yield blobs[:7]
        yield blobs[7:100]
        yield blobs[100:]

    result = mini_batch_stream(key, pieces, 3, batch_size=32)
    assert result.labels.shape == (240,)
    assert float(result.inertia) < 1.05 * best
    once = mini_batch_stream(key, iter(pieces()), 3, batch_size=32, labels=False)
    assert once.labels is None
    assert once.n_iter == 1
    assert once.n_steps == 8  # the last batch is filled up with absent rows
    assert np.asarray(once.counts).sum() >= 240
    assert 0.5 < float(once.inertia) / float(result.inertia) < 2


@pytest.mark.parametrize(
    ("rows", "options", "text"),
    [
        (np.ones(3), {}, r"rows must have shape \(n, d\).*\(3,\)"),
        (np.ones((3, 1)), {"sample_weight": [1]}, r"sample_weight must have shape \(3,\).*\(1,\)"),
        (iter([np.ones((3, 1))]), {}, "labels need another pass"),
        (lambda: [np.ones(3)], {}, r"pieces of rows must have shape \(m, d\), not \(3,\)"),
        (lambda: [np.ones((3, 1))], {"sample_weight": np.ones(3)}, "goes with an array"),
        (np.ones((1, 1)), {}, "k must be at most the first rows of weight, 1, not 2"),
    ],
)
def test_stream_refuses(rows, options, text, key):
    with pytest.raises(ValueError, match=text):
        mini_batch_stream(key, rows, 2, **options)
