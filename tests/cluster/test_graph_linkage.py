"""Trees of merges along graphs, beside scikit-learn's and a plain loop over all edges."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.cluster import AgglomerativeClustering
from sklearn.feature_extraction.image import grid_to_graph
from sklearn.neighbors import kneighbors_graph

from clusterart_jax.cluster import cut_tree, graph_linkage, image_grid, linkage

METHODS = ("ward", "single", "complete", "average")
LAST = np.finfo(np.float64).max
every = pytest.mark.parametrize("method", METHODS)


def rows(n, d, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


def solve(x, edges, method, *, lengths=None, weights=None, **options):
    """Filled up with absent rows and loops, so that tests share programs."""
    n, m = len(x), len(edges)
    size, width = (48, 100) if n <= 48 and m <= 100 else (576, 2300)
    x = np.concatenate([x, np.zeros((size - n, np.shape(x)[1]))])
    filled = np.pad(np.reshape(edges, (-1, 2)), ((0, width - m), (0, 0)))
    weights = np.pad(np.ones(n) if weights is None else weights, (0, size - n))
    if lengths is not None:
        options["lengths"] = np.pad(lengths, (0, width - m))
    z = np.array(graph_linkage(x, filled, method, sample_weight=weights, **options))[: n - 1]
    z[:, :2] -= np.where(z[:, :2] >= n, size - n, 0)
    return z


def check_tree(z, weights):
    """Each node is merged once, after it was made, and sizes are sums."""
    n = len(z) + 1
    children = z[:, :2].astype(int)
    assert sorted(children.ravel()) == list(range(2 * n - 2))
    assert (children < (n + np.arange(n - 1))[:, None]).all()
    sizes = np.concatenate([weights, np.zeros(n - 1)])
    for m, (a, b) in enumerate(children):
        sizes[n + m] = sizes[a] + sizes[b]
    np.testing.assert_allclose(z[:, 3], sizes[n:])


def plain(x, edges, method, weights):
    """The same by looking at all edges for each merge, with scikit-learn's rules."""
    n = len(x)
    mass = dict(enumerate(weights))
    mean = dict(enumerate(x))

    def ward(a, b):
        factor = 2 * mass[a] * mass[b] / (mass[a] + mass[b])
        return np.sqrt(factor) * np.linalg.norm(mean[a] - mean[b])

    far = {}
    for a, b in edges:
        if a != b and mass[a] > 0 and mass[b] > 0:
            pair = (max(a, b), min(a, b))
            far[pair] = ward(*pair) if method == "ward" else np.linalg.norm(x[a] - x[b])
    found = []
    while far:
        (a, b), height = min(far.items(), key=lambda item: (item[1], item[0]))
        new = n + len(found)
        mass[new] = mass[a] + mass[b]
        mean[new] = (mass[a] * mean[a] + mass[b] * mean[b]) / mass[new]
        found.append([b, a, height, mass[new]])
        near = [{sum(p) - c: f for p, f in far.items() if c in p} for c in (a, b)]
        far = {p: f for p, f in far.items() if not {a, b} & set(p)}
        for other in (near[0].keys() | near[1].keys()) - {a, b}:
            both = [(f[other], mass[c]) for f, c in zip(near, (a, b), strict=True) if other in f]
            values, masses = zip(*both, strict=True)
            if method == "ward":
                far[new, other] = ward(new, other)
            elif method == "average":
                far[new, other] = np.average(values, weights=masses)
            else:
                far[new, other] = min(values) if method == "single" else max(values)
    return np.array(found)


def test_by_hand():
    x = [[0.0], [9.0], [1.0], [8.0]]
    path = [[0, 1], [1, 2], [2, 3]]
    for method, heights in {
        "single": [7, 8, 9],
        "complete": [7, 8, 9],
        "average": [7, 8, 9],
        # Rows 1 and {2, 3}, then row 0 and all of them, whose means are 4.5 and 6.
        "ward": [7, np.sqrt(4 / 3) * 4.5, np.sqrt(6 / 4) * 6],
    }.items():
        z = solve(np.pad(x, ((0, 0), (0, 2))), path, method)
        np.testing.assert_allclose(z[:, 2], heights)
        assert z[:, :2].tolist() == [[2, 3], [1, 4], [0, 5]]


def test_heights_of_ward_may_fall():
    # Rows 0 and 2 are near each other, but no edge says so until row 1 joins one of them.
    x = np.array([[0.0, 0, 0], [2, 1, 0], [0.1, 0, 0]])
    z = solve(x, [[0, 1], [1, 2]], "ward")
    assert z[1, 2] < z[0, 2]
    theirs = AgglomerativeClustering(
        connectivity=[[0, 1, 0], [1, 0, 1], [0, 1, 0]], compute_distances=True
    ).fit(x)
    np.testing.assert_array_equal(z[:, :2], theirs.children_)
    np.testing.assert_allclose(z[:, 2], theirs.distances_)


@every
@pytest.mark.parametrize("neighbors", [4, 8])
def test_equals_scikit_learn_on_a_picture(method, neighbors):
    h, w = 24, 24
    x = rows(h * w, 3)
    edges = np.asarray(image_grid(h, w, neighbors=neighbors))
    graph = np.zeros((h * w, h * w))
    graph[tuple(edges.T)] = 1
    theirs = AgglomerativeClustering(
        linkage=method, connectivity=graph, compute_distances=True
    ).fit(x)
    z = solve(x, edges, method)
    check_tree(z, np.ones(h * w))
    np.testing.assert_array_equal(z[:, :2], np.sort(theirs.children_, axis=1))
    np.testing.assert_allclose(z[:, 2], theirs.distances_, rtol=1e-9)
    labels = AgglomerativeClustering(7, linkage=method, connectivity=graph).fit(x).labels_
    ours = np.asarray(cut_tree(z, n_clusters=7))
    if method == "single":  # whose children are in no order: clusters get other numbers
        assert len(set(zip(ours.tolist(), labels.tolist(), strict=True))) == 7
    else:
        assert ours.tolist() == labels.tolist()


@every
def test_equals_scikit_learn_where_clusters_have_many_neighbours(method):
    # A few rows in the middle of all others: lists that grow long, and are looked at in parts.
    n = 576
    x = np.concatenate([rows(n - 3, 3), rows(3, 3) / 99])
    graph = kneighbors_graph(x, 2, include_self=False).tolil()
    graph[n - 1, :] = 1
    graph[n - 2, ::2] = 1
    theirs = AgglomerativeClustering(
        linkage=method, connectivity=graph, compute_distances=True
    ).fit(x)
    edges = np.stack(graph.nonzero(), axis=1)
    z = solve(x, edges, method)
    np.testing.assert_array_equal(z[:, :2], np.sort(theirs.children_, axis=1))
    np.testing.assert_allclose(z[:, 2], theirs.distances_, rtol=1e-9)


@every
def test_ties_weights_and_absent_rows_equal_a_plain_loop(method):
    h, w = 6, 8
    rng = np.random.default_rng(1)
    x = rng.integers(0, 4, (h * w, 1)) * [[1.0, 0, 0]]
    weights = rng.integers(0, 3, h * w) * (np.arange(h * w) // w != 2) * 1.0
    edges = np.asarray(image_grid(h, w))
    z = solve(x, edges, method, weights=weights)
    check_tree(z, weights)
    expected = plain(x, edges, method, weights)
    held, present = len(expected), np.count_nonzero(weights)
    assert held < present - 1, "the picture is to fall into parts"
    if method == "single":
        np.testing.assert_allclose(z[:held, 2], expected[:, 2])
    else:
        np.testing.assert_allclose(z[:held], expected, rtol=1e-12)
    assert (z[held : present - 1, 2] == LAST).all()
    assert np.isinf(z[present - 1 :, 2]).all()
    labels = np.asarray(cut_tree(z, n_clusters=present - held))
    assert ((labels < 0) == (weights == 0)).all()
    assert all(labels[a] == labels[b] or weights[a] * weights[b] == 0 for a, b in edges)


@pytest.mark.parametrize("method", ["single", "complete"])
def test_all_edges_are_no_constraint(method):
    x = rows(60, 3)
    edges = np.stack(np.triu_indices(60, 1), axis=1)
    np.testing.assert_allclose(solve(x, edges, method), linkage(x, method))


@every
def test_order_direction_and_doubles_of_edges_change_nothing(method):
    x, edges = rows(48, 3), np.asarray(image_grid(6, 8))
    m = len(edges)
    odd = np.concatenate([edges[:, ::-1], edges[:9], [[5, 5], [-1, 3], [2, 48]]])
    odd = odd[np.random.default_rng(2).permutation(m + 12)]
    np.testing.assert_allclose(solve(x, odd, method), solve(x, edges, method), rtol=1e-12)


@pytest.mark.parametrize("metric", ["manhattan", "chebyshev", "cosine"])
def test_metrics_and_lengths(metric):
    x, edges = rows(48, 3), np.asarray(image_grid(6, 8))
    a, b = x[edges[:, 0]], x[edges[:, 1]]
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    lengths = {
        "manhattan": np.abs(a - b).sum(1),
        "chebyshev": np.abs(a - b).max(1),
        "cosine": 1 - (a * b).sum(1) / norms,
    }[metric]
    z = solve(x, edges, "single", metric=metric)
    np.testing.assert_allclose(z, solve(x, edges, "single", lengths=lengths), rtol=1e-9)


@every
def test_no_edges_one_row_two_rows(method):
    none = np.zeros((0, 2), int)
    assert graph_linkage([[1.0]], none, method).shape == (0, 4)
    z = solve(rows(3, 3), none, method)
    assert z[:, :2].tolist() == [[0, 1], [2, 3]]
    assert (z[:, 2] == LAST).all()
    z = solve([[1.0, 0, 0], [4, 0, 0]], [[0, 1]], method)
    np.testing.assert_allclose(z, [[0, 1, 3, 2]])


def test_no_edges_at_all():
    z = graph_linkage(rows(3, 2), np.zeros((0, 2), int), "single")
    assert (z[:, 2] == LAST).all()


@every
def test_float32_keeps_its_digits(method):
    x = (rows(48, 3) + 100).astype(np.float32)
    z = np.asarray(graph_linkage(x, image_grid(6, 8), method))
    assert z.dtype == np.float32
    exact = solve(x.astype(float), image_grid(6, 8), method)
    np.testing.assert_allclose(z[:, 2], exact[:, 2], rtol=1e-4)


@pytest.mark.parametrize("method", ["ward", "single", "average"])
def test_jit_and_vmap(method):
    edges = jnp.pad(image_grid(6, 8), ((0, 18), (0, 0)))
    batch = np.stack([rows(48, 3, seed) for seed in range(3)])
    weights = (np.arange(48) % np.array([[48], [5], [2]]) != 1).astype(float)

    def run(x, w):
        return graph_linkage(x, edges, method, sample_weight=w)

    together = jax.jit(jax.vmap(run))(batch, weights)
    for i in range(3):
        np.testing.assert_array_equal(together[i], run(batch[i], weights[i]))


@pytest.mark.parametrize("method", ["ward", "single"])
def test_memory_is_that_of_rows_and_edges(method):
    h, w, d = 160, 160, 4
    x = jax.ShapeDtypeStruct((h * w, d), np.float32)
    edges = image_grid(h, w)
    program = jax.jit(lambda x, e: graph_linkage(x, e, method)).lower(x, edges).compile()
    used = program.memory_analysis().temp_size_in_bytes
    assert used < 4 * (6 * h * w * (d + 10) + 40 * len(edges))


def test_grid():
    for h, w in ((1, 1), (1, 4), (5, 3)):
        theirs = np.triu(grid_to_graph(h, w).toarray(), 1)
        ours = np.asarray(image_grid(h, w))
        assert ours.dtype == np.int32
        assert sorted(map(tuple, ours)) == list(zip(*np.nonzero(theirs), strict=True))
    i, j = np.divmod(np.asarray(image_grid(4, 5, neighbors=8)), 5)
    assert len(i) == 4 * 4 + 3 * 5 + 2 * 3 * 4
    assert len(set(map(tuple, np.hstack([i, j]).tolist()))) == len(i)
    assert (np.maximum(abs(np.diff(i)), abs(np.diff(j))) == 1).all()
    with pytest.raises(ValueError, match="neighbors must be 4 or 8, not 6"):
        image_grid(3, 3, neighbors=6)


def test_refusals():
    x = np.ones((3, 2))
    with pytest.raises(ValueError, match="method must be one of"):
        graph_linkage(x, [[0, 1]], "centroid")
    with pytest.raises(ValueError, match="metric must be 'euclidean' and lengths None"):
        graph_linkage(x, [[0, 1]], metric="cosine")
    with pytest.raises(ValueError, match=r"edges must have shape \(m, 2\), not \(2,\)"):
        graph_linkage(x, [0, 1])
    with pytest.raises(TypeError, match="edges must hold whole numbers, not float"):
        graph_linkage(x, [[0.0, 1.0]])
    with pytest.raises(ValueError, match=r"lengths must have shape \(1,\)"):
        graph_linkage(x, [[0, 1]], "single", lengths=jnp.ones(2))
