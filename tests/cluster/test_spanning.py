"""Spanning trees, k nearest rows and trees of merges, beside SciPy and plain NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.cluster.hierarchy import is_valid_linkage, linkage
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import cdist

from clusterart_jax.cluster._leaf_tree import leaf_spanning_tree
from clusterart_jax.cluster._leaves import _along_curve, grow_leaves
from clusterart_jax.cluster._near_rows import near_distances
from clusterart_jax.cluster._neighbors import embed, k_nearest
from clusterart_jax.cluster._product_tree import product_spanning_tree
from clusterart_jax.cluster._spanning import spanning_tree
from clusterart_jax.cluster._tree import single_linkage_tree

NAMES = {"manhattan": "cityblock"}
metrics = pytest.mark.parametrize("metric", ["euclidean", "manhattan", "chebyshev", "cosine"])
widths = pytest.mark.parametrize("d", [1, 3, 40])


def rows(n, d, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)) + 0.5


def distances(x, metric):
    full = cdist(x, x, NAMES.get(metric, metric))
    np.fill_diagonal(full, 0)
    return full


@widths
@metrics
def test_nearest_rows_are_those_of_a_full_sort(metric, d):
    x = rows(150, d)
    full = distances(x, metric)
    points = embed(jnp.asarray(x), metric)
    value, place = k_nearest(points, points, 7, jnp.ones(150, bool), metric)
    np.testing.assert_allclose(value, np.sort(full, axis=1)[:, :7], atol=1e-12)
    np.testing.assert_allclose(np.take_along_axis(full, np.asarray(place), 1), value, atol=1e-12)


def test_of_equally_near_rows_the_first():
    x = jnp.asarray([[0.0], [1.0], [-1.0], [1.0], [0.0]])
    value, place = k_nearest(x, x, 4, jnp.ones(5, bool))
    assert place[0].tolist() == [0, 4, 1, 2]
    assert value[0].tolist() == [0, 0, 1, 1]


def test_absent_rows_are_no_neighbours():
    x = jnp.asarray(rows(9, 2))
    value, place = k_nearest(x, x, 4, jnp.arange(9) % 3 == 0)
    assert set(place[:, :3].ravel().tolist()) == {0, 3, 6}
    assert np.isinf(value[:, 3]).all()


@widths
@metrics
def test_tree_weighs_what_scipys_does(metric, d):
    x = rows(120, d)
    core = np.random.default_rng(1).uniform(0, 1, 120)
    full = np.maximum(distances(x, metric) / 1.5, np.maximum(core[:, None], core))
    tree = spanning_tree(x, core, metric=metric, alpha=1.5)
    np.testing.assert_allclose(full[tree.first, tree.second], tree.distance, rtol=1e-12)
    theirs = np.sort(minimum_spanning_tree(full).data)
    np.testing.assert_allclose(np.sort(tree.distance), theirs, rtol=1e-12)


@widths
@metrics
def test_single_linkage_is_scipys(metric, d):
    x = rows(100, d)
    ours = np.asarray(single_linkage_tree(*spanning_tree(x, metric=metric), jnp.ones(100)))
    assert is_valid_linkage(ours)
    theirs = linkage(x, "single", NAMES.get(metric, metric))
    np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_precomputed_distances_give_the_same_tree():
    x = rows(60, 2)
    ours = spanning_tree(distances(x, "euclidean"), metric="precomputed")
    for a, b in zip(ours, spanning_tree(x), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_edges_to_absent_rows_come_last():
    x, present = rows(50, 2), np.arange(50) % 3 > 0
    tree = spanning_tree(np.where(present[:, None], x, -9), present=present)
    alone = spanning_tree(x[present])
    kept = int(present.sum()) - 1
    np.testing.assert_allclose(tree.distance[:kept], alone.distance)
    np.testing.assert_array_equal(tree.second[:kept], np.flatnonzero(present)[alone.second])
    assert np.isinf(tree.distance[kept:]).all()
    assert sorted([*np.asarray(tree.second), int(tree.first[0])]) == list(range(50))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_rows(n):
    x = np.arange(2.0 * n).reshape(n, 2)
    tree = single_linkage_tree(*spanning_tree(x), jnp.ones(n))
    assert tree.shape == (n - 1, 4)
    np.testing.assert_allclose(tree[:, 2], np.sqrt(8))


def test_equal_rows_merge_first_at_no_distance():
    x = np.repeat(rows(10, 3), 4, axis=0)
    tree = single_linkage_tree(*spanning_tree(x), jnp.ones(40))
    assert (np.asarray(tree)[:30, 2] == 0).all()
    assert (np.asarray(tree)[30:, 2] > 0).all()


def test_far_off_rows_keep_their_digits():
    x = rows(60, 40).astype(np.float32)
    near = spanning_tree(x).distance
    far = spanning_tree(x + np.float32(2**14)).distance
    np.testing.assert_allclose(np.sort(far), np.sort(near), rtol=1e-3)


def test_batches_are_loops():
    x = np.stack([rows(30, 2, seed) for seed in range(3)])
    together = jax.vmap(spanning_tree)(x)
    for i in range(3):
        for a, b in zip(together, spanning_tree(x[i]), strict=True):
            np.testing.assert_allclose(a[i], b)


def test_memory_is_that_of_a_few_copies_of_the_rows():
    n, d = 20_000, 8
    x = jax.ShapeDtypeStruct((n, d), np.float32)
    used = spanning_tree.lower(x).compile().memory_analysis().temp_size_in_bytes
    assert used < 6 * 4 * n * d


GROUPS = (
    np.random.default_rng(3).normal(size=(500, 3))
    + 9 * np.arange(3) * (np.arange(500) % 4)[:, None]
)
SHAPES = {
    "groups": GROUPS,
    "equal": np.repeat(GROUPS[:60], 8, axis=0),
    "all equal": np.ones((200, 3)),
    "grid": np.random.default_rng(0).integers(0, 12, size=(500, 2)).astype(float),
    "a row far off": np.concatenate([1e-3 * GROUPS, [[1e6, 0, 0]]]),
    "a line": np.cumsum(1 + np.arange(400) % 7)[:, None].astype(float),
    "few": GROUPS[:5],
}


def filled(shape, d=3):
    """The rows of a shape, columns of zeros, and absent rows, so that tests share programs."""
    x = SHAPES[shape]
    n, own = x.shape
    x = np.pad(np.pad(x, ((0, 501 - n), (0, 0)), "edge"), ((0, 0), (0, d - own)))
    return jnp.asarray(x), jnp.asarray((np.arange(501) % 9 != 2) & (np.arange(501) < n))


leaves_of = jax.jit(grow_leaves)
distances_of = jax.jit(near_distances, static_argnums=(1, 2, 4))
tree_of_leaves = jax.jit(leaf_spanning_tree, static_argnames="metric")
tree_of_products = jax.jit(product_spanning_tree, static_argnames="metric")


@pytest.mark.parametrize(
    ("shape", "d", "metric"),
    [
        *((shape, 3, "euclidean") for shape in ("groups", "equal", "all equal", "a row far off")),
        ("a line", 1, "euclidean"),
        ("grid", 3, "euclidean"),
        ("grid", 2, "manhattan"),
        ("grid", 2, "chebyshev"),
        ("few", None, "euclidean"),
    ],
)
def test_leaves_give_the_same_neighbours_and_a_tree_of_the_same_weight(shape, d, metric):
    few = jnp.asarray(GROUPS[:5]), jnp.arange(5) % 9 != 2
    x, present = few if d is None else filled(shape, d)
    alpha = jnp.asarray(1.25)
    leaves = leaves_of(x, present)
    distances, near = distances_of(leaves, len(x), 4, 4, metric)
    expected = k_nearest(x, x, 4, present, metric)[0]
    there = np.asarray(present)
    np.testing.assert_allclose(
        np.asarray(distances)[there], np.asarray(expected)[there], rtol=1e-12
    )
    core = jnp.where(present, distances[:, 2], jnp.inf)
    tree = tree_of_leaves(leaves, core, near, present, metric, alpha)
    theirs = spanning_tree(x, core, present=present, metric=metric, alpha=alpha)
    np.testing.assert_allclose(np.sort(tree.distance), np.sort(theirs.distance), rtol=1e-12)
    check_tree(x, core, tree, metric)


def check_tree(x, core, tree, metric):
    # Walked away from the first row, each row but that is come to once.
    assert sorted([0, *np.asarray(tree.second).tolist()]) == list(range(len(x)))
    there = np.isfinite(tree.distance)
    a, b = np.asarray(tree.first)[there], np.asarray(tree.second)[there]
    norm = {"euclidean": 2, "manhattan": 1, "chebyshev": np.inf}[metric]
    gaps = np.linalg.norm(np.asarray(x)[a] - np.asarray(x)[b], norm, axis=1) / 1.25
    core = np.asarray(core)
    lengths = np.maximum(gaps, np.maximum(core[a], core[b]))
    np.testing.assert_allclose(lengths, np.asarray(tree.distance)[there], rtol=1e-12)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("shape", ["groups", "equal", "grid", "a row far off", "few"])
def test_products_give_a_tree_of_the_same_weight(shape, metric):
    x, present = filled(shape)
    x, alpha = x + 1.0, jnp.asarray(1.25)
    rows = embed(x, metric)
    distances, near = k_nearest(rows, rows, 6, present, metric)
    core = jnp.where(present, distances[:, 2], jnp.inf)
    tree = tree_of_products(rows, core, distances, near, present, metric, alpha)
    theirs = spanning_tree(x, core, present=present, metric=metric, alpha=alpha)
    # Cosines of nearly equal directions, and rows far off, cost digits of expanded squares.
    np.testing.assert_allclose(
        np.sort(tree.distance), np.sort(theirs.distance), rtol=1e-9, atol=1e-9
    )
    if metric == "euclidean":
        check_tree(x, core, tree, metric)


@pytest.mark.parametrize(("d", "bits"), [(1, 5), (2, 4), (3, 3)])
def test_curve_goes_through_every_cell_in_steps_of_one(d, bits):
    cells = np.indices((1 << bits,) * d).reshape(d, -1).astype(np.int32)
    code = np.asarray(_along_curve(list(jnp.asarray(cells)), bits))
    np.testing.assert_array_equal(np.sort(code), np.arange(len(code)))
    steps = np.diff(cells[:, np.argsort(code)], axis=1)
    assert (np.abs(steps).sum(axis=0) == 1).all()
