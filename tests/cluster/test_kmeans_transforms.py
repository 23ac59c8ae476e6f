"""k-means under jit, vmap, grad and shards; what it compiles, and what memory it takes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from clusterart_jax import kmeans
from clusterart_jax.cluster import _kmeans as module


def same(a, b, **tolerance):
    assert a.labels.tolist() == b.labels.tolist()
    assert np.asarray(a.n_iter).tolist() == np.asarray(b.n_iter).tolist()
    for field in ("centers", "inertia"):
        np.testing.assert_allclose(
            getattr(a, field), getattr(b, field), **{"rtol": 1e-9, "atol": 1e-9} | tolerance
        )


def test_vmap_over_ragged_problems_equals_a_loop(blobs):
    """Problems of 20 to 60 rows in one batch: the rest is padding of weight 0."""
    sizes = [60, 37]
    x = np.zeros((2, 60, 4))
    weights = (np.arange(60) < np.array(sizes)[:, None]).astype(float)
    for i, n in enumerate(sizes):
        x[i, :n] = blobs[i::3][:n]
    keys = jax.random.split(jax.random.key(1), 2)
    batch = jax.vmap(lambda key, x, w: kmeans(key, x, 4, sample_weight=w))(keys, x, weights)
    for i in range(2):
        alone = kmeans(keys[i], x[i], 4, sample_weight=weights[i])
        same(jax.tree.map(lambda a: np.asarray(a)[i], batch), alone)  # noqa: B023
    n, start = sizes[1], x[1, :4]
    absent = kmeans(keys[1], x[1, :n], 4, init=start)
    padded = kmeans(keys[1], x[1], 4, init=start, sample_weight=weights[1])
    same(padded._replace(labels=padded.labels[:n]), absent)


@pytest.mark.parametrize(
    ("devices", "axes", "init"),
    [(4, "explicit", "k-means++"), (2, "auto", "random")],
)
def test_sharded_equals_unsharded(devices, axes, init, blobs, key, on_mesh):
    weights = np.random.default_rng(0).random(240)
    weights[:70] = 0  # the first of four devices holds nothing but absent rows
    run = lambda x, w: kmeans(key, x, 5, sample_weight=w, init=init)  # noqa: E731
    alone = run(blobs, weights)
    x = on_mesh(blobs, devices, axes)
    result = run(x, weights)
    same(result, alone)
    assert result.labels.sharding.spec[0] == "data"
    assert len(result.labels.sharding.device_set) == devices
    for field in ("centers", "inertia", "n_iter", "converged"):
        assert getattr(result, field).sharding.is_fully_replicated
    if init == "k-means++":
        under_jit = jax.jit(run)(x, on_mesh(weights, devices, axes))
        same(under_jit, alone)
        assert under_jit.labels.sharding.is_equivalent_to(result.labels.sharding, 1)
        assert under_jit.centers.sharding.is_fully_replicated


def test_sharded_rescue_of_empty_clusters(blobs, key, on_mesh):
    init = np.concatenate([blobs[:2], np.full((3, 4), 1e3) + np.arange(3)[:, None]])
    alone = kmeans(key, blobs, 5, init=init, max_iter=2, tol=0)
    assert len(np.unique(alone.labels)) == 5
    same(kmeans(key, on_mesh(blobs, 4), 5, init=init, max_iter=2, tol=0), alone)


def test_blocks_do_not_change_the_result(blobs, key, monkeypatch):
    # 7 does not divide 239: the last block overlaps the one before.
    x, weights = blobs[:239], np.random.default_rng(0).random(239)
    whole = kmeans(key, x, 5, sample_weight=weights)
    small = lambda n, width: min(n, 7)  # noqa: E731
    monkeypatch.setattr("clusterart_jax._linalg.block_size", small)
    for name in ("_seeding", "_lloyd", "_empty"):
        monkeypatch.setattr(f"clusterart_jax.cluster.{name}.tile_size", small)
    # A new function, so that the program compiled above is not used again.
    again = jax.jit(
        lambda: module._kmeans.__wrapped__(
            key,
            jnp.asarray(x),
            jnp.asarray(weights),
            None,
            jnp.int32(300),
            jnp.asarray(1e-4),
            jnp.int32(5),
            k=5,
            init="k-means++",
            n_init=1,
            sharding=None,
        )
    )()
    same(again, whole)


def test_numbers_do_not_recompile(compilations):
    x, weights = np.random.default_rng(0).random((33, 3)), np.ones(33)
    kmeans(jax.random.key(0), x, 3, sample_weight=weights)
    assert compilations.count > 0, "compilations are not seen"
    before = compilations.count
    for i in range(3):
        options = {"tol": 10.0**-i, "max_iter": 3 + i, "sample_weight": weights * (i + 1)}
        kmeans(jax.random.key(i), x + i, 3, **options)
    assert compilations.count == before
    kmeans(jax.random.key(0), x, 4)
    assert compilations.count > before, "another k is another program"


def test_numbers_may_be_traced(blobs, key):
    start = blobs[[0, 3, 6]]
    run = jax.jit(lambda tol, m: kmeans(key, blobs, 3, init=start, tol=tol, max_iter=m))
    assert run(0.0, 1).n_iter == 1
    assert run(0.0, 300).n_iter == kmeans(key, blobs, 3, init=start, tol=0).n_iter > 2
    assert run(9.0, 300).n_iter == 1
    path = jax.vmap(lambda m: kmeans(key, blobs, 3, init=blobs[:3], max_iter=m).n_iter)
    batch = path(jnp.arange(3))
    assert batch.tolist() == [0, 1, 2]


@pytest.mark.parametrize(("n", "d", "k"), [(1_000_000, 16, 256), (100_000, 784, 64)])
def test_memory_is_bounded(n, d, k):
    x = jax.ShapeDtypeStruct((n, d), jnp.float32)
    options = {"n_init": 2} if k == 256 else {"init": "random"}
    run = jax.jit(lambda key, x: kmeans(key, x, k, **options))
    memory = run.lower(jax.random.key(0), x).compile().memory_analysis()
    per_row = 4 * 20  # numbers a row: labels, distances, weights, and of the seeds of each trial
    assert memory.temp_size_in_bytes < n * per_row + 2**23
    assert memory.temp_size_in_bytes < 0.25 * 4 * n * min(k, d) or d == 16


def test_gradient_of_the_inertia(blobs, key):
    # The centres are at rest: the derivative is that with labels held, 2 (xᵢ − centre).
    end = kmeans(key, blobs, 3, init=blobs[:3], tol=0)
    loss = lambda x: kmeans(key, x, 3, init=end.centers, max_iter=0).inertia  # noqa: E731
    slope = jax.jit(jax.jacfwd(lambda row: loss(jnp.asarray(blobs).at[7].set(row))))(blobs[7])
    expected = 2 * (blobs[7] - end.centers[end.labels[7]])
    np.testing.assert_allclose(slope, expected, rtol=1e-9)
