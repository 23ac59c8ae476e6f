"""Bisecting k-means: its tree by hand, its splits against k-means, and beside the peer."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.cluster import BisectingKMeans

from clusterart_jax import bisecting_kmeans, kmeans
from clusterart_jax._errors import ConfigError
from clusterart_jax.cluster import bisecting_labels

LINE = np.array([0.0, 1, 2, 40, 44, 100, 101, 102, 103, 180])[:, None]


def inertia_of(x, labels, weights=None):
    weights = np.ones(len(x)) if weights is None else np.asarray(weights, float)
    total = 0.0
    for j in np.unique(labels[weights > 0]):
        w, rows = weights[labels == j], x[labels == j]
        total += (w[:, None] * (rows - np.average(rows, axis=0, weights=w)) ** 2).sum()
    return total


def leaves(children, k):
    """Clusters from left to right, going down the tree."""

    def below(code):
        if code < k:
            return [int(code)]
        return [leaf for child in children[code - k] for leaf in below(child)]

    return below(k) if len(children) else [0]


def three(key, x, weights=None, **options):
    """Three clusters of rows of one column, filled up with absent ones to share programs."""
    n = len(x)
    weights = np.pad(np.ones(n) if weights is None else weights, (0, 12 - n))
    filled = np.pad(x, ((0, 12 - n), (0, 0)), constant_values=-999)
    result = bisecting_kmeans(key, filled, 3, sample_weight=weights.astype(x.dtype), **options)
    return result._replace(labels=result.labels[:n])


def test_by_hand(key, dtype):
    x = np.array([[0], [2], [10], [12], [90], [94]], dtype)
    result = three(key, x)
    assert sorted(result.centers.ravel().tolist()) == [1, 11, 92]
    assert result.inertia == 2 + 2 + 8
    assert result.converged
    # The first split is {0 … 12} from {90, 94}; the second is within the former.
    first = np.asarray(result.split_centers[0]).ravel()
    assert sorted(first.tolist()) == [6, 92]
    inner = int(np.argmin(first))
    assert result.children[0, inner] == 3 + 1
    assert sorted(np.asarray(result.split_centers[1]).ravel().tolist()) == [1, 11]
    assert result.labels[4] == result.labels[5] == result.children[0, 1 - inner]
    assert result.centers.dtype == result.split_centers.dtype == result.inertia.dtype == dtype
    assert result.labels.dtype == result.children.dtype == jnp.int32


def test_strategies_choose_other_clusters(key):
    x = np.concatenate([LINE[5:9], LINE[5:9] + 0.5, [[-400], [-300]]])
    by_inertia = three(key, x)
    assert {-400.0, -300.0} < set(by_inertia.centers.ravel().tolist())
    by_size = three(key, x, strategy="largest_cluster")
    assert -350 in by_size.centers.ravel()
    weights = np.where(x[:, 0] < 0, 100, 1)
    by_weight = three(key, x, weights, strategy="largest_cluster")
    assert {-400.0, -300.0} < set(by_weight.centers.ravel().tolist())


@pytest.mark.parametrize("init", ["random", "k-means++"])
def test_what_the_fields_say_is_so(init, digits, key):
    x, k = digits, 12
    weights = np.random.default_rng(0).random(len(x)) * (np.arange(len(x)) % 5 > 0)
    result = bisecting_kmeans(key, x, k, sample_weight=weights, init=init, tol=0)
    labels = np.asarray(result.labels)
    for j, center in enumerate(result.centers):
        mine = labels == j
        expected = np.average(x[mine], axis=0, weights=weights[mine])
        np.testing.assert_allclose(center, expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(result.inertia, inertia_of(x, labels, weights), rtol=1e-10)
    assert leaves(np.asarray(result.children), k) == list(range(k))
    found = bisecting_labels(x, result.children, result.split_centers)
    assert found.tolist() == labels.tolist(), "rows of weight 0 go down the tree as others do"
    # Each split is at rest: rows lie on the nearer side, and centres are the means of sides.
    for s, pair in enumerate(np.asarray(result.split_centers)):
        for side, center in enumerate(pair):
            mine = np.isin(labels, leaves_below(result.children, result.children[s, side], k))
            expected = np.average(x[mine], axis=0, weights=weights[mine])
            np.testing.assert_allclose(center, expected, rtol=1e-9, atol=1e-9)


def leaves_below(children, code, k):
    children, code = np.asarray(children), int(code)
    if code < k:
        return [code]
    return [leaf for c in children[code - k] for leaf in leaves_below(children, c, k)]


@pytest.mark.parametrize(("n", "width"), [(700, 3), (600, 64), (600, 160)])
def test_two_clusters_are_those_of_k_means(n, width, key):
    """Narrow rows are read column by column, wide ones whole, wider ones with bounds."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, width)) * np.linspace(3, 0.5, width)
    two = bisecting_kmeans(key, x, 2, tol=0)
    start = np.asarray(two.split_centers[0]) + 0.01
    best = kmeans(key, x, 2, init=start, tol=0)
    np.testing.assert_allclose(two.split_centers[0], best.centers, rtol=1e-9, atol=1e-9)
    assert two.labels.tolist() == best.labels.tolist()
    np.testing.assert_allclose(two.inertia, best.inertia, rtol=1e-12)


def test_bounds_do_not_change_the_result(key, monkeypatch):
    from clusterart_jax.cluster import _bisecting, _two_means

    rng = np.random.default_rng(1)
    x = (rng.normal(size=(3000, 130)) + 3 * (np.arange(3000) % 3)[:, None]).astype(np.float32)
    bounded = bisecting_kmeans(key, x, 6)
    seen = []
    plain = _two_means._right_by_bounds

    def all_rows(centers, known, rows, x):
        seen.append(1)
        known = known._replace(ways=0 * known.ways, along=0 * known.along)  # nothing is known
        return plain(centers, known, rows, x)

    monkeypatch.setattr(_two_means, "_right_by_bounds", all_rows)
    arguments = (key, jnp.asarray(x), jnp.ones(3000, jnp.float32), jnp.int32(300))
    options = {"k": 6, "init": "random", "n_init": 1, "strategy": "biggest_inertia"}
    solve = jax.jit(
        lambda *a: _bisecting._bisecting_kmeans.__wrapped__(*a, **options, sharding=None)
    )
    full = solve(*arguments, jnp.float32(1e-4))
    assert seen, "the function was compiled before"
    assert bounded.labels.tolist() == full.labels.tolist()
    np.testing.assert_allclose(bounded.centers, full.centers, atol=1e-4)


def test_beside_the_peer(digits, key):
    x = digits.astype(np.float32)
    ours = [float(bisecting_kmeans(k, x, 12).inertia) for k in jax.random.split(key, 6)]
    peer = [BisectingKMeans(12, random_state=i).fit(x).inertia_ for i in range(6)]
    assert np.mean(ours) < 1.01 * np.mean(peer)


def test_fewer_distinct_rows_than_clusters(key):
    x = np.array([[0.0], [5], [5], [0], [5]])
    for strategy in ("biggest_inertia", "largest_cluster"):
        result = three(key, x, strategy=strategy)
        assert float(result.inertia) == 0
        assert result.converged
        np.testing.assert_array_equal(np.asarray(result.centers)[result.labels], x)


def test_one_cluster(key, blobs):
    result = bisecting_kmeans(key, blobs, 1)
    np.testing.assert_allclose(result.centers[0], blobs.mean(0), rtol=1e-12)
    np.testing.assert_allclose(result.inertia, inertia_of(blobs, np.zeros(240)), rtol=1e-12)
    assert result.children.shape == (0, 2)
    assert not bisecting_labels(blobs, result.children, result.split_centers).any()


def test_far_off_float32(blobs, key):
    x = (blobs + 1e4).astype(np.float32)
    result = bisecting_kmeans(key, x, 3, n_init=4)
    expected = inertia_of(x.astype(float), np.asarray(result.labels))
    np.testing.assert_allclose(result.inertia, expected, rtol=1e-4)
    exact = bisecting_kmeans(key, x.astype(float), 3, n_init=4)
    np.testing.assert_allclose(result.inertia, exact.inertia, rtol=1e-3)


def test_more_starts_are_no_worse(digits, key):
    ends = [float(bisecting_kmeans(k, digits, 2).inertia) for k in jax.random.split(key, 5)]
    assert max(ends) > 1.001 * min(ends), "all starts end alike"
    best = bisecting_kmeans(key, digits, 2, n_init=12)
    np.testing.assert_allclose(best.inertia, min(ends), rtol=1e-3)


def test_sharded_equals_unsharded(key, on_mesh):
    rng = np.random.default_rng(2)
    x = rng.normal(size=(400, 20)) + 4 * (np.arange(400) // 100)[:, None]  # a cluster a device
    weights = rng.random(400) * (np.arange(400) >= 50)
    alone = bisecting_kmeans(key, x, 5, sample_weight=weights)
    spread = bisecting_kmeans(key, on_mesh(x, 4), 5, sample_weight=weights)
    assert spread.labels.tolist() == alone.labels.tolist()
    assert spread.children.tolist() == alone.children.tolist()
    np.testing.assert_allclose(spread.centers, alone.centers, rtol=1e-9)


def test_memory_is_one_copy_of_the_rows():
    x = jax.ShapeDtypeStruct((200_000, 64), jnp.float32)
    run = jax.jit(lambda key, x: bisecting_kmeans(key, x, 16))
    memory = run.lower(jax.random.key(0), x).compile().memory_analysis()
    assert memory.temp_size_in_bytes < 1.3 * 200_000 * 64 * 4


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"k": 7}, ValueError, "k must be between 1 and 6, not 7"),
        ({"init": "kmeans++"}, ConfigError, "init must be.*did you mean 'k-means"),
        ({"strategy": "largest"}, ConfigError, "did you mean 'largest_cluster'?"),
        ({"n_init": 0}, ValueError, "n_init must be at least 1, not 0"),
    ],
)
def test_bad_arguments(change, error, text, key):
    with pytest.raises(error, match=text):
        bisecting_kmeans(**{"key": key, "x": np.ones((6, 2)), "k": 2} | change)


def test_tree_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"shapes \(2, 2\) and \(2, 2, 3\), not .* \(1, 2, 3\)"):
        bisecting_labels(np.ones((4, 3)), np.ones((2, 2), int), np.ones((1, 2, 3)))
