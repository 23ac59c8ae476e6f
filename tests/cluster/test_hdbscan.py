"""HDBSCAN beside scikit-learn's, and its tree beside one walked in plain Python."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.cluster.hierarchy import is_valid_linkage
from sklearn import cluster as peers
from sklearn.cluster._hdbscan._tree import HIERARCHY_dtype, tree_to_labels
from sklearn.datasets import load_digits, make_blobs, make_moons
from sklearn.metrics import adjusted_rand_score

import clusterart_jax as ca
from clusterart_jax.cluster import hdbscan_labels
from clusterart_jax.cluster._hdbscan import _hdbscan

SETS = {
    "blobs": make_blobs(400, centers=7, cluster_std=0.7, random_state=1)[0],
    "moons": make_moons(400, noise=0.08, random_state=0)[0],
    "digits": load_digits().data[:400],
    "uniform": np.random.default_rng(0).uniform(size=(400, 2)),
    "grid": np.random.default_rng(0).integers(0, 14, size=(400, 2)).astype(float),
}
sets = pytest.mark.parametrize("name", SETS)


class Kept(NamedTuple):
    """A flat clustering by plain Python."""

    labels: np.ndarray
    probabilities: np.ndarray
    outlier_scores: np.ndarray


def walk(  # noqa: PLR0912, PLR0915 - one walk, read from top to bottom
    linkage, min_size, *, method="eom", epsilon=0.0, max_size=np.inf, single=False
):
    """Condenses a tree and takes clusters from it, node by node; its labels have any order."""
    n = len(linkage) + 1
    rows_of = [[i] for i in range(n)]
    for i, j in linkage[:, :2].astype(int):
        rows_of.append(rows_of[i] + rows_of[j])
    parent, birth, total, kids, rate, home = {0: None}, {0: 0.0}, {0: n}, {0: []}, {}, {}
    todo = [(2 * n - 2, 0)]
    while todo:
        node, own = todo.pop()
        sides = [int(v) for v in linkage[node - n, :2]]
        height = linkage[node - n, 2]
        lam = 1 / height if height > 0 else np.inf
        large = [v for v in sides if len(rows_of[v]) >= min_size]
        for v in sides:
            if v not in large:
                for row in rows_of[v]:
                    rate[row], home[row] = lam, own
        if len(large) == 2:
            for v in large:
                new = len(parent)
                parent[new], birth[new], total[new], kids[new] = own, lam, len(rows_of[v]), []
                kids[own].append(new)
                todo.append((v, new))
        elif large:
            todo.append((large[0], own))
    death = {c: max([birth[k] for k in kids[c]] + [0.0]) for c in parent}
    stability = dict.fromkeys(parent, 0.0)
    for row, c in home.items():
        death[c] = max(death[c], rate[row])
        stability[c] += rate[row] - birth[c]
    for c, p in parent.items():
        if c:
            stability[p] += (birth[c] - birth[p]) * total[c]
    total[0] = sum(total[c] for c in kids[0])
    last = dict(death)
    best, chosen = {}, {}
    for c in sorted(parent, reverse=True):
        inside = sum(best[k] for k in kids[c])
        last[c] = max([last[c]] + [last[k] for k in kids[c]])
        chosen[c] = (single or c > 0) and not (inside > stability[c]) and total[c] <= max_size
        if method == "leaf":
            chosen[c] = c > 0 and not kids[c]
        best[c] = stability[c] if chosen[c] else inside

    def above(c):
        while c is not None:
            yield c
            c = parent[c]

    chosen = {c for c in parent if chosen[c] and not any(chosen[a] for a in list(above(c))[1:])}
    if epsilon:
        moved = set()
        for c in chosen:
            goal = c
            if c and 1 / birth[c] < epsilon:
                ways = [a for a in list(above(c)) if a]
                far = [a for a in ways[1:] if 1 / birth[a] > epsilon]
                goal = far[0] if far else 0 if single else ways[-1]
            moved.add(goal)
        chosen = moved
    labels, strength, score = np.full(n, -1), np.zeros(n), np.zeros(n)
    for row, c in home.items():
        score[row] = 0 if np.isinf(rate[row]) else 1 - rate[row] / last[c]
        held = [a for a in above(c) if a in chosen]
        least = 1 / epsilon if epsilon else death[0]
        if held and (held[0] or rate[row] >= least):
            labels[row] = held[0]
            strength[row] = min(rate[row], death[held[0]]) / death[held[0]]
            if np.isinf(rate[row]):
                strength[row] = 1
    return Kept(labels, strength, score)


def same_parts(a, b):
    """Whether two labellings differ in the numbers of their clusters alone."""
    a, b = np.asarray(a), np.asarray(b)
    np.testing.assert_array_equal(a == -1, b == -1)
    assert adjusted_rand_score(a, b) == 1


def ordered_peer(x, min_samples, min_size):
    """scikit-learn's labels, with edges of equal length in the order in which they were found."""
    from sklearn.cluster._hdbscan import _linkage
    from sklearn.metrics import DistanceMetric
    from sklearn.neighbors import NearestNeighbors

    near = NearestNeighbors(n_neighbors=min_samples, algorithm="kd_tree").fit(x)
    core = np.ascontiguousarray(near.kneighbors(x)[0][:, -1])
    metric = DistanceMetric.get_metric("euclidean")
    edges = _linkage.mst_from_data_matrix(np.ascontiguousarray(x), core, metric, 1.0)
    edges = edges[np.argsort(edges["distance"], kind="stable")]
    return tree_to_labels(_linkage.make_single_linkage(edges), min_size)


def weighed(x, weights, min_cluster_size=5, **options):
    """Filled up with absent rows, so that tests share programs."""
    n = len(x)
    more = (400 if n > 24 else 24) - n
    x, weights = np.pad(x, ((0, more), (0, 0)), "edge"), np.pad(weights, (0, more))
    result = jax.tree.map(
        np.asarray, ca.hdbscan(x, min_cluster_size, sample_weight=weights, **options)
    )
    assert (result.labels[n:] == -1).all()
    assert np.isinf(result.linkage[n - 1 :, 2]).all()
    return result._replace(
        linkage=result.linkage[: n - 1],
        **{name: getattr(result, name)[:n] for name in result._fields[:4]},
    )


def test_by_hand():
    x = np.array([[0.0], [1.0], [2.0], [10.0], [11.0], [13.0], [40.0]])
    result = weighed(x, np.ones(7), 3, min_samples=2)
    assert result.labels.tolist() == [0, 0, 0, 1, 1, 1, -1]
    assert int(result.n_clusters) == 2
    np.testing.assert_allclose(result.core_distances, [1, 1, 1, 1, 1, 2, 27])
    np.testing.assert_allclose(result.linkage[:, 2], [1, 1, 1, 2, 8, 27])
    np.testing.assert_allclose(result.linkage[:, 3], [2, 3, 2, 3, 6, 7])
    # Rows 3 and 4 part at distance 1, row 5 leaves them at 2.
    np.testing.assert_allclose(result.probabilities, [1, 1, 1, 1, 1, 1, 0])
    np.testing.assert_allclose(result.births[:2], [1 / 8, 1 / 8])
    np.testing.assert_allclose(result.deaths[:2], [1, 0.5])
    # The last row of the first cluster leaves at 1, row 6 at 27.
    np.testing.assert_allclose(result.outlier_scores[-1], 1 - 1 / 27)


@pytest.mark.parametrize("n", [1, 2])
def test_few_rows_are_noise(n):
    result = ca.hdbscan(np.eye(n), min_cluster_size=2, min_samples=1)
    assert result.labels.tolist() == [-1] * n
    assert int(result.n_clusters) == 0
    assert result.linkage.shape == (n - 1, 4)


def test_two_rows_may_be_one_cluster():
    result = ca.hdbscan(np.eye(2), min_cluster_size=2, allow_single_cluster=True)
    assert result.labels.tolist() == [0, 0]


def test_equal_rows_are_one_point():
    x = np.repeat([[0.0, 0.0], [1.0, 0.0], [5.0, 5.0]], [6, 7, 8], axis=0)
    result = ca.hdbscan(x)
    same_parts(result.labels, np.repeat([0, 1, 2], [6, 7, 8]))
    np.testing.assert_allclose(result.probabilities, 1)


@sets
@pytest.mark.parametrize("min_samples", [1, 5])
def test_heights_are_scikit_learns(name, min_samples):
    x = SETS[name]
    theirs = peers.HDBSCAN(min_samples=min_samples, copy=True).fit(x)._single_linkage_tree_
    ours = np.asarray(ca.hdbscan(x, min_samples=min_samples).linkage)
    assert is_valid_linkage(ours)
    np.testing.assert_allclose(ours[:, 2], theirs["value"], rtol=1e-9)


@sets
@pytest.mark.parametrize("min_samples", [1, 5])
def test_labels_are_scikit_learns_numbers_too(name, min_samples):
    x = SETS[name]
    result = ca.hdbscan(x, min_samples=min_samples)
    labels, probabilities = ordered_peer(x, min_samples, 5)
    np.testing.assert_array_equal(result.labels, labels)
    np.testing.assert_allclose(result.probabilities, probabilities, rtol=1e-9)


@pytest.mark.parametrize("metric", ["manhattan", "chebyshev", "cosine"])
def test_metrics_beside_scikit_learn(metric):
    x = SETS["blobs"] + 3.0
    theirs = peers.HDBSCAN(metric=metric, min_samples=1, copy=True).fit(x)
    ours = ca.hdbscan(x, metric=metric, min_samples=1)
    np.testing.assert_array_equal(ours.labels, theirs.labels_)
    np.testing.assert_allclose(ours.probabilities, theirs.probabilities_, atol=1e-9)


OPTIONS = [
    {"max_cluster_size": 40},
    {"allow_single_cluster": True},
    {"allow_single_cluster": True, "max_cluster_size": 90},
    {"cluster_selection_method": "leaf"},
    {"cluster_selection_epsilon": 0.06},
    {"cluster_selection_epsilon": 0.6},
    {"cluster_selection_method": "leaf", "cluster_selection_epsilon": 0.3},
    {"cluster_selection_epsilon": 0.6, "allow_single_cluster": True},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_selection_is_that_of_a_plain_walk(options):
    words = {
        "cluster_selection_method": "method",
        "cluster_selection_epsilon": "epsilon",
        "max_cluster_size": "max_size",
        "allow_single_cluster": "single",
    }
    for name in ("blobs", "moons", "uniform"):
        for size in (5, 7):
            ours = ca.hdbscan(SETS[name], min_cluster_size=size, min_samples=5, **options)
            theirs = walk(
                np.asarray(ours.linkage), size, **{words[k]: v for k, v in options.items()}
            )
            same_parts(ours.labels, theirs.labels)
            np.testing.assert_allclose(ours.probabilities, theirs.probabilities, atol=1e-9)
            np.testing.assert_allclose(ours.outlier_scores, theirs.outlier_scores, atol=1e-9)


@sets
def test_selection_is_scikit_learns_on_the_same_tree(name):
    x = SETS[name]
    for options in OPTIONS[: 1 if name == "digits" else 4]:
        ours = ca.hdbscan(x, min_cluster_size=6, min_samples=5, **options)
        tree = np.zeros(len(x) - 1, HIERARCHY_dtype)
        for field, column in zip(HIERARCHY_dtype.names, np.asarray(ours.linkage).T, strict=True):
            tree[field] = column
        labels, probabilities = tree_to_labels(tree, min_cluster_size=6, **options)
        same_parts(ours.labels, labels)
        np.testing.assert_allclose(ours.probabilities, probabilities, atol=1e-9)


def test_many_rows_of_few_columns_beside_scikit_learn(on_mesh):
    x = make_blobs(2200, 3, centers=9, cluster_std=0.5, random_state=3)[0]
    theirs = peers.HDBSCAN(min_samples=6, min_cluster_size=20, copy=True).fit(x)
    ours = ca.hdbscan(x, min_samples=6, min_cluster_size=20)
    heights = theirs._single_linkage_tree_["value"]
    np.testing.assert_allclose(ours.linkage[:, 2], heights, rtol=1e-9)
    assert (np.asarray(ours.labels) == theirs.labels_).mean() > 0.99
    again, _ = hdbscan_labels(x[:500], x, ours, min_samples=6)
    np.testing.assert_array_equal(again, ours.labels[:500])
    shared = ca.hdbscan(on_mesh(x, 2), min_samples=6, min_cluster_size=20)
    np.testing.assert_array_equal(shared.labels, ours.labels)
    for a, b in zip(ours, shared, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
    assert len(shared.labels.sharding.device_set) == 2


def test_many_rows_of_many_columns_beside_scikit_learn(on_mesh):
    x = make_blobs(2200, 20, centers=9, cluster_std=2.5, random_state=3)[0]
    theirs = peers.HDBSCAN(min_samples=6, min_cluster_size=20, copy=True).fit(x)
    ours = ca.hdbscan(x, min_samples=6, min_cluster_size=20)
    heights = theirs._single_linkage_tree_["value"]
    np.testing.assert_allclose(ours.linkage[:, 2], heights, rtol=1e-9)
    assert (np.asarray(ours.labels) == theirs.labels_).mean() > 0.99
    shared = ca.hdbscan(on_mesh(x, 2), min_samples=6, min_cluster_size=20)
    np.testing.assert_array_equal(shared.labels, ours.labels)
    for a, b in zip(ours, shared, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9)


def test_alpha_divides_distances():
    x = SETS["blobs"]
    theirs = peers.HDBSCAN(alpha=1.7, copy=True).fit(x)
    ours = ca.hdbscan(x, alpha=1.7)
    np.testing.assert_allclose(ours.linkage[:, 2], theirs._single_linkage_tree_["value"], rtol=1e-9)


def test_weight_2_is_a_row_twice():
    x, times = SETS["blobs"][:200], 1 + np.arange(200) % 3
    rows = np.repeat(x, times, axis=0)
    weighted, twice = weighed(x, times), weighed(rows, np.ones(len(rows)))
    back = np.repeat(np.arange(200), times)
    np.testing.assert_allclose(weighted.core_distances[back], twice.core_distances)
    # Edges of equal length, of which core distances make many, may come in another order.
    weighted = weighed(x, times, min_samples=1)
    twice = weighed(rows, np.ones(len(rows)), min_samples=1)
    same_parts(weighted.labels[back], twice.labels)
    np.testing.assert_allclose(weighted.probabilities[back], twice.probabilities, rtol=1e-9)


def test_a_heavy_row_is_a_cluster():
    x = np.array([[0.0], [4.0], [9.0], [10.0], [11.0], [12.0]])
    weights = np.array([6.0, 1, 2, 2, 2, 2])
    weighted = weighed(x, weights, 4, min_samples=2)
    times = weights.astype(int)
    twice = weighed(np.repeat(x, times, axis=0), np.ones(15), 4, min_samples=2)
    same_parts(np.repeat(weighted.labels, times), twice.labels)


def test_weight_0_is_absent():
    x, there = SETS["moons"], np.arange(400) % 4 > 0
    with_them = weighed(np.where(there[:, None], x, 7.0), there)
    without = weighed(x[there], np.ones(300))
    theirs = peers.HDBSCAN(copy=True).fit(x[there])
    np.testing.assert_allclose(without.linkage[:, 2], theirs._single_linkage_tree_["value"])
    np.testing.assert_array_equal(with_them.labels[there], without.labels)
    np.testing.assert_allclose(with_them.probabilities[there], without.probabilities)
    np.testing.assert_allclose(with_them.outlier_scores[there], without.outlier_scores)
    np.testing.assert_allclose(with_them.linkage[: there.sum() - 1, 2], without.linkage[:, 2])
    assert (with_them.labels[~there] == -1).all()
    assert set(without.labels) == set(theirs.labels_)


def test_too_few_present_rows_are_noise():
    weights = np.zeros(400)
    weights[:3] = 1
    result = ca.hdbscan(SETS["moons"], sample_weight=weights)
    assert (result.labels == -1).all()
    assert np.isfinite(result.probabilities).all()


def test_order_of_the_rows_changes_numbers_alone():
    x, order = SETS["blobs"], np.random.default_rng(2).permutation(400)
    a, b = ca.hdbscan(x, min_samples=1), ca.hdbscan(x[order], min_samples=1)
    same_parts(a.labels[order], b.labels)
    np.testing.assert_allclose(a.probabilities[order], b.probabilities)
    np.testing.assert_allclose(a.linkage[:, 2], b.linkage[:, 2])


def test_scale_and_place_change_nothing():
    x = SETS["blobs"]
    a, b = ca.hdbscan(x), ca.hdbscan(8.0 * x)
    np.testing.assert_array_equal(a.labels, b.labels)
    np.testing.assert_allclose(a.linkage[:, 2] * 8, b.linkage[:, 2])


def test_single_precision_finds_the_same():
    x = SETS["blobs"].astype(np.float32)
    a, b = ca.hdbscan(x, min_samples=1), ca.hdbscan(x.astype(np.float64), min_samples=1)
    assert a.linkage.dtype == np.float32
    np.testing.assert_allclose(a.linkage[:, 2], b.linkage[:, 2], rtol=1e-5)
    assert adjusted_rand_score(a.labels, b.labels) > 0.99


def test_precomputed_distances():
    x = SETS["moons"]
    full = np.sqrt(((x[:, None] - x[None]) ** 2).sum(axis=2))
    ours, direct = ca.hdbscan(full, metric="precomputed"), ca.hdbscan(x)
    np.testing.assert_allclose(ours.linkage[:, 2], direct.linkage[:, 2])


def test_batches_are_loops():
    x = np.stack([SETS["blobs"], SETS["moons"]])
    together = jax.jit(jax.vmap(ca.hdbscan))(x)
    for i in range(2):
        for a, b in zip(together, ca.hdbscan(x[i]), strict=True):
            np.testing.assert_allclose(a[i], b, rtol=1e-9, atol=1e-12)


def test_programs_are_shared(compilations):
    x = np.random.default_rng(5).normal(size=(77, 3))
    for size, epsilon in ((5, 0.0), (6, 0.1), (7, 0.2)):
        ca.hdbscan(x, min_cluster_size=size, cluster_selection_epsilon=epsilon)
        if size == 5:
            before = _hdbscan._cache_size()
    assert _hdbscan._cache_size() == before


def test_rows_keep_their_labels_when_asked_again():
    for name in ("blobs", "moons"):
        x = SETS[name]
        result = ca.hdbscan(x)
        labels, strength = hdbscan_labels(x, x, result)
        np.testing.assert_array_equal(labels, result.labels)
        assert (strength >= result.probabilities - 1e-12).all()
        assert (hdbscan_labels(x[:3] + 1e6, x, result)[0] == -1).all()


def test_memory_is_bounded():
    n = 20_000
    x = jax.ShapeDtypeStruct((n, 4), np.float32)
    weights = jax.ShapeDtypeStruct((n,), np.float32)
    run = jax.jit(lambda x, weights: ca.hdbscan(x, sample_weight=weights))
    used = run.lower(x, weights).compile().memory_analysis().temp_size_in_bytes
    assert used < 100 * 2**20  # all distances would be 1.5 GiB


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"min_cluster_size": 1}, "min_cluster_size must be at least 2"),
        ({"min_samples": 401}, "min_samples must be between 1 and 400"),
        ({"metric": "euclidian"}, "did you mean 'euclidean'"),
        ({"cluster_selection_method": "eon"}, "did you mean 'eom'"),
        ({"metric": "precomputed"}, "must hold distances"),
    ],
)
def test_impossible_options_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        ca.hdbscan(SETS["blobs"], **options)


def test_sizes_may_be_traced():
    x = SETS["moons"]
    run = jax.jit(
        lambda size, samples: ca.hdbscan(
            x, min_cluster_size=size, min_samples=samples, max_samples=9
        )
    )
    for size, samples in ((5, 5), (7, 1)):
        ours = run(size, samples)
        expected = ca.hdbscan(x, min_cluster_size=size, min_samples=samples)
        np.testing.assert_array_equal(ours.labels, expected.labels)
        np.testing.assert_allclose(ours.probabilities, expected.probabilities)


def test_traced_samples_need_a_bound():
    with pytest.raises(TypeError, match="min_samples fixes shapes"):
        jax.jit(lambda k: ca.hdbscan(jnp.ones((9, 2)), min_samples=k))(3)
