"""Trees of merges beside SciPy's and scikit-learn's, and by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.cluster import hierarchy
from scipy.spatial.distance import pdist, squareform
from sklearn.cluster import AgglomerativeClustering

from clusterart_jax.cluster import _linkage as module
from clusterart_jax.cluster import cut_tree, linkage

METHODS = ("ward", "single", "complete", "average", "weighted", "centroid", "median")
REDUCIBLE = METHODS[:5]
MASSES = ("ward", "average", "centroid", "single", "complete")

SIZES = [(3, 2, "float64"), (48, 2, "float64"), (240, 3, "float32")]

every = pytest.mark.parametrize("method", METHODS)


def rows(n, d, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(dtype)


def solve(x, method, weights=None):
    """Filled up with absent rows and columns of zeros, so that tests share programs."""
    x = np.asarray(x)
    (n, d), (size, width) = x.shape, (240, 3) if x.dtype == np.float32 else (48, 2)
    filled = np.pad(np.pad(x, ((0, size - n), (0, 0)), "edge"), ((0, 0), (0, width - d)))
    weights = np.pad(np.ones(n) if weights is None else weights, (0, size - n)).astype(x.dtype)
    z = np.array(linkage(filled, method, sample_weight=weights))
    assert np.isinf(z[n - 1 :, 2]).all()
    z = z[: n - 1]
    z[:, :2] -= np.where(z[:, :2] >= n, size - n, 0)
    return z


def check_tree(z, weights=None):
    """Each node is merged once, after it was made, and sizes are sums."""
    n = len(z) + 1
    children = z[:, :2].astype(int)
    assert sorted(children.ravel()) == list(range(2 * n - 2))
    assert (children < (n + np.arange(n - 1))[:, None]).all()
    sizes = np.concatenate([np.ones(n) if weights is None else weights, np.zeros(n - 1)])
    for m, (a, b) in enumerate(children):
        sizes[n + m] = sizes[a] + sizes[b]
    np.testing.assert_allclose(z[:, 3], sizes[n:])


def heights(far, method, x):
    """Heights by the definition: the nearest two clusters merge, all pairs looked at anew."""
    groups = [([i], x[i]) for i in range(len(x))]

    def between(a, b):
        (i, c), (j, e) = a, b
        block = far[np.ix_(i, j)]
        if method == "ward":
            c, e = x[i].mean(0), x[j].mean(0)
            return np.sqrt(2 * len(i) * len(j) / (len(i) + len(j))) * np.linalg.norm(c - e)
        if method in ("centroid", "median"):
            return np.linalg.norm(c - e)
        return {"single": np.min, "complete": np.max, "average": np.mean}[method](block)

    found = []
    while len(groups) > 1:
        pairs = [
            (between(a, b), i, j)
            for i, a in enumerate(groups)
            for j, b in enumerate(groups)
            if i < j
        ]
        height, i, j = min(pairs)
        (a, c), (b, e) = groups[i], groups[j]
        share = 0.5 if method == "median" else len(b) / len(a + b)
        groups = [g for k, g in enumerate(groups) if k not in (i, j)] + [
            (a + b, c + share * (e - c))
        ]
        found.append(height)
    return np.array(found)


def test_by_hand():
    x = [[0.0], [1.0], [4.0], [6.0]]
    for method, last in (("single", 3.0), ("complete", 6.0), ("average", 4.5), ("centroid", 4.5)):
        z = solve(x, method)
        np.testing.assert_allclose(z, [[0, 1, 1, 2], [2, 3, 2, 2], [4, 5, last, 4]])
    # Of two pairs of means 0.5 and 5: √(2 · 2 · 2 / 4) · 4.5.
    z = solve(x, "ward")
    np.testing.assert_allclose(z[2, 2], np.sqrt(2) * 4.5)
    assert cut_tree(z, n_clusters=2).tolist() == [1, 1, 0, 0]
    assert cut_tree(z, n_clusters=4).tolist() == [3, 1, 2, 0]


@every
@pytest.mark.parametrize(("n", "d", "dtype"), SIZES)
def test_equals_scipy(method, n, d, dtype):
    x = rows(n, d, dtype=dtype) + 3
    z, theirs = solve(x, method), hierarchy.linkage(x, method)
    assert z.dtype == dtype
    np.testing.assert_array_equal(z[:, [0, 1, 3]], theirs[:, [0, 1, 3]])
    np.testing.assert_allclose(z[:, 2], theirs[:, 2], rtol=1e-4 if dtype == "float32" else 1e-9)


@every
def test_neither_scale_nor_one_row_far_away_costs_digits(method):
    x = rows(120, 3, seed=3)
    astray = np.concatenate([x[:-1], np.full((1, 3), 1e6)])
    for data in (1e18 * x, 1e-18 * x, astray, x + 1e4):
        some = data.astype(np.float32)
        theirs = hierarchy.linkage(some.astype(float), method)
        np.testing.assert_allclose(solve(some, method)[:, 2], theirs[:, 2], rtol=1e-5)


@every
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_what_is_no_number_has_no_tree(method, wrong):
    x = rows(120, 3, dtype=np.float32)
    x[5, 1] = wrong
    assert np.isnan(solve(x, method)[:119, 2]).all()


@every
def test_two_rows(method):
    x, one = [[0.0, 1], [4, 4]], [[0, 1, 5, 2]]
    np.testing.assert_allclose(linkage(x, method=method), one)
    if method == "ward":
        np.testing.assert_allclose(linkage(x), one, err_msg="the default is another")


@pytest.mark.parametrize("method", [m for m in METHODS if m != "weighted"])
def test_equals_the_definition(method):
    x = rows(48, 2)
    z = linkage(x, method=method)
    np.testing.assert_allclose(z[:, 2], heights(squareform(pdist(x)), method, x), rtol=1e-9)


@pytest.mark.parametrize("method", REDUCIBLE)
def test_more_rows_than_a_tile(method, digits):
    x = np.repeat(digits, 2, axis=0)[:1100, :9] + rows(1100, 9) / 50
    z, theirs = np.asarray(linkage(x, method=method)), hierarchy.linkage(x, method)
    np.testing.assert_array_equal(z[:, [0, 1, 3]], theirs[:, [0, 1, 3]])
    np.testing.assert_allclose(z[:, 2], theirs[:, 2], rtol=1e-9)


@pytest.mark.parametrize("method", ["average", "complete"])
def test_a_smaller_matrix_for_the_second_half(method, monkeypatch):
    """Merges are the same whether live clusters are packed together midway or not."""

    def run(x, weights, worth):
        monkeypatch.setattr("clusterart_jax.cluster._linkage_matrix._WORTH", worth)
        # A new function, so that no program of another worth is used again.
        new = jax.jit(
            lambda x, w: module._linkage.__wrapped__(x, w, method=method, metric="euclidean")
        )
        return [
            np.asarray(new(jnp.asarray(a), jnp.asarray(w))) for a, w in zip(x, weights, strict=True)
        ]

    x = rows(171, 2, seed=5)
    lattice = np.round(4 * rows(171, 2, seed=6))  # ties
    weights = (np.arange(171) % 3 > 0).astype(float)  # fewer than half of the slots from the start
    both, masses = (x, lattice), (np.ones(171), weights)
    packed = run(both, masses, 128)
    np.testing.assert_allclose(packed[0], hierarchy.linkage(x, method), rtol=1e-9)
    np.testing.assert_array_equal(packed, run(both, masses, 10**9))


def test_tight_groups_far_apart_keep_their_digits_in_float32():
    x = (30 * rows(6, 3)[np.arange(240) % 6] + rows(240, 3, 1)).astype(np.float32)
    for method in ("ward", "average", "centroid"):
        z = np.asarray(linkage(x, method=method))
        theirs = hierarchy.linkage(x.astype(float), method)
        np.testing.assert_allclose(z[:, 2], theirs[:, 2], rtol=1e-4)


@every
@pytest.mark.parametrize("kind", ["same", "duplicates", "line", "grid"])
def test_ties(method, kind, dtype):
    x = {
        "same": np.ones((48, 2)),
        "duplicates": np.repeat(rows(12, 2), 4, axis=0)[np.random.default_rng(1).permutation(48)],
        "line": np.arange(48.0)[:, None] * [[1.0, 2.0]],
        "grid": np.stack(np.divmod(np.arange(48.0), 7), axis=1),
    }[kind].astype(dtype)
    z = solve(x, method)
    check_tree(z)
    theirs = hierarchy.linkage(x, method)
    if kind in ("same", "duplicates") or method == "single":
        # Whichever of equals merge first, they merge at 0, and what they become is the same.
        if method not in ("weighted", "median"):
            np.testing.assert_allclose(z[:, 2], theirs[:, 2], rtol=1e-4, atol=1e-5)
    else:
        np.testing.assert_allclose(z[0, 2], theirs[0, 2], rtol=1e-5)
    if method in REDUCIBLE:
        assert (np.diff(z[:, 2]) >= 0).all()


@every
def test_one_row(method):
    assert linkage([[3.0, 1.0]], method=method).shape == (0, 4)
    assert cut_tree(linkage([[3.0, 1.0]], method=method), n_clusters=1).tolist() == [0]


@pytest.mark.parametrize(
    ("method", "metric"),
    [
        *(("single", metric) for metric in ("manhattan", "chebyshev", "cosine", "precomputed")),
        # The others look at distances alone, whatever they are.
        ("complete", "manhattan"),
        ("average", "chebyshev"),
        ("weighted", "cosine"),
        ("complete", "precomputed"),
    ],
)
def test_metrics_equal_scipy(method, metric):
    x = rows(60, 4) + 1
    given = squareform(pdist(x)) if metric == "precomputed" else x
    name = {"manhattan": "cityblock", "precomputed": "euclidean"}.get(metric, metric)
    z, theirs = linkage(given, method=method, metric=metric), hierarchy.linkage(x, method, name)
    np.testing.assert_array_equal(z[:, [0, 1, 3]], theirs[:, [0, 1, 3]])
    np.testing.assert_allclose(z[:, 2], theirs[:, 2], rtol=1e-8)


@every
def test_order_place_and_scale_change_nothing(method):
    x = rows(48, 2)
    order = np.random.default_rng(2).permutation(48)
    z = np.asarray(linkage(x, method=method))
    moved = np.asarray(linkage(4 * x[order] + 100, method=method))
    np.testing.assert_allclose(moved[:, 2], 4 * z[:, 2], rtol=1e-9)
    a, b = (cut_tree(t, n_clusters=7) for t in (z, moved))
    assert len(set(zip(np.asarray(a)[order].tolist(), np.asarray(b).tolist(), strict=True))) == 7


@every
def test_absent_rows_come_last(method):
    x = rows(48, 2)
    weights = (np.arange(48) % 4 > 0).astype(float)
    held = weights > 0
    z = np.asarray(linkage(np.where(held[:, None], x, 77.0), method=method, sample_weight=weights))
    alone = solve(x[held], method)
    np.testing.assert_allclose(alone[:, 2], hierarchy.linkage(x[held], method)[:, 2], rtol=1e-9)
    check_tree(z, weights)
    m = held.sum()
    np.testing.assert_allclose(z[: m - 1, 2:], alone[:, 2:], rtol=1e-12)
    assert np.isinf(z[m - 1 :, 2]).all()
    assert z[m - 1 :, 1].tolist() == np.flatnonzero(~held).tolist()
    labels = np.asarray(cut_tree(z, n_clusters=5))
    assert (labels[~held] == -1).all()
    assert labels[held].tolist() == cut_tree(alone, n_clusters=5).tolist()


@every
def test_one_row_present(method):
    weights = np.where(np.arange(48) == 3, 2.0, 0.0)
    z = linkage(rows(48, 2), method=method, sample_weight=weights)
    assert z[:5, :2].tolist() == [[3, 0], [48, 1], [49, 2], [50, 4], [51, 5]]
    assert cut_tree(z, n_clusters=3).tolist() == [-1, -1, -1, 0, *[-1] * 44]


@pytest.mark.parametrize("method", MASSES)
def test_weight_2_is_two_rows_that_merged(method):
    x, weights = rows(32, 2), 1.0 + np.arange(32) % 2
    z = solve(x, method, weights)
    twice = solve(np.repeat(x, weights.astype(int), axis=0), method)
    assert (twice[:16, 2] == 0).all()
    np.testing.assert_allclose(z[:, 2:], twice[16:, 2:], rtol=1e-9)


@pytest.mark.parametrize("method", ["ward", "average", "complete"])
def test_cuts_equal_scikit_learn(method):
    x = rows(48, 2)
    z = linkage(x, method=method)
    for k in (1, 2, 3, 5, 8, 13, 47, 48):
        theirs = AgglomerativeClustering(n_clusters=k, linkage=method).fit(x)
        assert np.asarray(cut_tree(z, n_clusters=k)).tolist() == theirs.labels_.tolist()
    for threshold in (0.0, 0.5, 1.5, 99.0):
        theirs = AgglomerativeClustering(
            n_clusters=None, distance_threshold=threshold, linkage=method
        ).fit(x)
        labels = cut_tree(z, distance_threshold=threshold)
        assert np.asarray(labels).tolist() == theirs.labels_.tolist()


@pytest.mark.parametrize("method", ["ward", "single", "average", "median"])
def test_jit_and_vmap(method):
    batch = np.stack([rows(48, 2, seed) for seed in range(3)])
    weights = (np.arange(48) < np.array([[48], [11], [27]])).astype(float)

    def run(x, w):
        return linkage(x, method=method, sample_weight=w)

    together = jax.jit(jax.vmap(run))(batch, weights)
    for i in range(3):
        np.testing.assert_array_equal(together[i], run(batch[i], weights[i]))
    labels = jax.vmap(lambda z, k: cut_tree(z, n_clusters=k))(together, jnp.array([2, 3, 4]))
    for i in range(3):
        assert labels[i].tolist() == cut_tree(together[i], n_clusters=i + 2).tolist()


@pytest.mark.parametrize("method", ["ward", "single", "centroid"])
def test_memory_without_a_matrix(method):
    n, d = 20_000, 8
    x = jax.ShapeDtypeStruct((n, d), np.float32)
    program = jax.jit(lambda x: linkage(x, method=method)).lower(x).compile()
    assert program.memory_analysis().temp_size_in_bytes < 4 * n * (8 * d + 60) + 2**25


def test_memory_of_one_matrix():
    n = 5_000
    x = jax.ShapeDtypeStruct((n, 8), np.float32)
    program = jax.jit(lambda x: linkage(x, method="average")).lower(x).compile()
    assert program.memory_analysis().temp_size_in_bytes < 4 * 1.2 * n**2


def test_refusals():
    x = np.ones((3, 2))
    with pytest.raises(ValueError, match="method must be one of"):
        linkage(x, method="wards")
    with pytest.raises(ValueError, match="metric must be 'euclidean', not 'cosine'"):
        linkage(x, metric="cosine")
    with pytest.raises(ValueError, match="must be square"):
        linkage(x, method="average", metric="precomputed")
    wide = jax.ShapeDtypeStruct((40_000, 2), np.float32)
    with pytest.raises(ValueError, match="at most 32768 rows, not 40000"):
        jax.eval_shape(lambda x: linkage(x, method="average"), wide)
    z = linkage(x)
    with pytest.raises(ValueError, match="either n_clusters or"):
        cut_tree(z)
    with pytest.raises(ValueError, match="n_clusters must be"):
        cut_tree(z, n_clusters=0)
    with pytest.raises(ValueError, match="shape"):
        cut_tree(x, n_clusters=1)
