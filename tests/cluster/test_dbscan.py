"""DBSCAN beside a brute-force oracle and scikit-learn: labels are equal, not only alike."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sklearn.cluster
from sklearn.datasets import load_sample_image, make_blobs, make_moons
from sklearn.metrics import pairwise_distances

from clusterart_jax.cluster import DBSCANResult, dbscan, dbscan_predict


def oracle(x, eps, min_samples, metric="euclidean", weights=None):
    """By the definition, in float64, over all pairs."""
    x = np.asarray(x, np.float64)
    weights = np.ones(len(x)) if weights is None else weights
    near = (pairwise_distances(x, metric=metric) <= eps) & (weights != 0)
    core = (near @ weights >= min_samples) & (weights != 0)
    labels, clusters = np.full(len(x), -1), 0
    for first in np.flatnonzero(core):
        if labels[first] >= 0:
            continue
        todo = [first]
        while todo:
            row = todo.pop()
            if labels[row] >= 0:
                continue
            labels[row] = clusters
            if core[row]:
                todo += np.flatnonzero(near[row] & (labels < 0) & (weights != 0)).tolist()
        clusters += 1
    return labels, core, clusters


def same(found, labels, core=None):
    np.testing.assert_array_equal(found.labels, labels)
    assert found.labels.dtype == np.int32
    assert int(found.n_clusters) == max(labels) + 1
    if core is not None:
        np.testing.assert_array_equal(found.core_mask, core)


ROWS = {1: 16, 2: 1500, 3: 2000, 12: 700}
WEIGHTED = 200


def run(x, eps, min_samples, weights=None, **options):
    """Filled up with absent rows, so that tests share programs."""
    n = len(x)
    more = (WEIGHTED if weights is not None else ROWS.get(x.shape[1], n)) - n
    if weights is not None:
        options["sample_weight"] = np.pad(np.asarray(weights, x.dtype), (0, more))
    elif more:
        options["present"] = np.arange(n + more) < n
    found = dbscan(np.pad(x, ((0, more), (0, 0)), "edge"), eps, min_samples, **options)
    labels, core, clusters = (np.asarray(a) for a in found)
    assert (labels[n:] == -1).all()
    assert not core[n:].any()
    return DBSCANResult(labels[:n], core[:n], clusters)


def like_sklearn(x, eps, min_samples, metric="euclidean", weights=None):
    model = sklearn.cluster.DBSCAN(eps=eps, min_samples=min_samples, metric=metric)
    model.fit(x, sample_weight=weights)
    core = np.zeros(len(x), bool)
    core[model.core_sample_indices_] = True
    same(run(x, eps, min_samples, weights, metric=metric), model.labels_, core)
    return model.labels_


def test_by_hand(dtype):
    # 0 1 2 . . 5 6 7 . . . . 12: two rows are within 1 of each inner one; 12 is alone.
    x = np.array([[12.0], [5], [6], [7], [0], [1], [2]], dtype)
    found = run(x, 1, 3)
    same(found, [-1, 0, 0, 0, 1, 1, 1], [0, 0, 1, 0, 0, 1, 0])


def test_a_row_near_two_clusters_joins_the_first():
    x = np.array([2.0, 2.125, 2.25, 2.375, 1.125, 0.25, 0.125, 0.0, -0.125])[:, None]
    same(run(x, 0.875, 4), [0, 0, 0, 0, 0, 1, 1, 1, 1])
    same(run(x[::-1], 0.875, 4), [0, 0, 0, 0, 0, 1, 1, 1, 1])


@pytest.mark.parametrize("n", [1, 2])
def test_few_rows(n):
    solve = dbscan if n == 1 else run
    same(solve(np.zeros((n, 1)), 1, 2), [-1] if n == 1 else [0, 0])
    same(solve(np.zeros((n, 1)), 1, 1), [0] * n)


def test_all_noise_one_cluster_and_duplicates(blobs):
    n = len(blobs)
    same(dbscan(blobs, 1e-6, 2), [-1] * n)
    same(dbscan(blobs, 1e6, 5), [0] * n)
    same(dbscan(np.ones_like(blobs), 0.5, n), [0] * n)
    same(dbscan(np.ones_like(blobs), 0.5, n + 1), [-1] * n)


@pytest.mark.parametrize(
    ("d", "side", "metric"),
    [
        (2, 20, "euclidean"),
        (2, 20, "manhattan"),
        (2, 20, "chebyshev"),
        (3, 8, "euclidean"),
        (9, 2, "euclidean"),
        (12, 2, "euclidean"),  # products, of rows about their mean
    ],
)
def test_rows_at_exactly_eps_are_near_as_in_float64(d, side, metric):
    # Float32 rows of a lattice: pairs whose distance is eps but for the rounding of the rows.
    rng = np.random.default_rng(d)
    n = 200 if d < 12 else 700
    x = rng.integers(0, side, (n, d))
    weights = None if metric == "euclidean" else np.ones(n)
    found = set()
    for scale, eps in [(1, 1.0), (0.1, 0.1), (1 / 255, 1 / 255), (1 / 3, 1 / 3)]:
        labels = like_sklearn((x * scale).astype(np.float32), eps, 3, metric, weights)
        found.add(len(np.unique(labels)))
    assert max(found) > 2


def test_pixels_of_patches_at_exactly_the_radius():
    """Nine columns of pixels: many distances are 100, and no mean of theirs is a float32."""
    x = np.random.default_rng(1).integers(0, 256, (2000, 9)).astype(np.float32)
    assert len(np.unique(like_sklearn(x, 100.0, 3))) > 2
    like_sklearn(x + 1000, 100.0, 3)


@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "chebyshev"])
def test_the_oracle_on_whole_numbers(metric):
    rng = np.random.default_rng(0)
    for trial in range(20):
        x = rng.integers(0, 4 + 2 * trial, (64, 2)).astype(np.float32)
        weights = rng.integers(0, 3, 64).astype(np.float64)
        eps, min_samples = float(rng.integers(1, 3)), int(rng.integers(1, 6))
        labels, core, clusters = oracle(x, eps, min_samples, metric, weights)
        found = run(x, eps, min_samples, weights, metric=metric)
        same(found, labels, core)
        assert int(found.n_clusters) == clusters


@pytest.mark.parametrize(
    ("x", "eps", "min_samples"),
    [
        (make_moons(1500, noise=0.05, random_state=0)[0], 0.07, 5),
        (make_blobs(700, 12, random_state=0)[0], 3.6, 5),
        (load_sample_image("china.jpg")[::12, ::12].reshape(-1, 3) / 255, 0.03, 10),
    ],
    ids=["moons", "blobs12", "photograph"],
)
def test_scikit_learn(x, eps, min_samples):
    assert len(np.unique(like_sklearn(x.astype(np.float32), eps, min_samples))) > 2


def test_cosine():
    x = np.random.default_rng(0).normal(size=(500, 3))
    assert len(np.unique(like_sklearn(x, 0.005, 4, "cosine"))) > 2


def test_digits(digits):
    assert len(np.unique(like_sklearn(digits[:600], 22.0, 5))) > 3


def test_a_long_chain_in_any_order():
    # Labels travel along by doubling, not link by link.
    n = 100_000
    x = np.stack([np.arange(n), 0.3 * np.arange(n)], axis=1).astype(np.float32)
    same(dbscan(x[np.random.default_rng(0).permutation(n)], 1.05, 2), [0] * n)


def test_rows_far_from_the_origin_and_a_far_outlier(blobs):
    x = make_moons(len(blobs), noise=0.05, random_state=0)[0].astype(np.float32)
    near = run(x, 0.2, 5)
    assert near.n_clusters > 1
    far = np.tile(x.astype(np.float64), 2)  # as wide as blobs, and distances are √2 times as long
    same(dbscan(far + 2**20, 0.2 * 2**0.5, 5), near.labels)
    found = run(np.concatenate([x, np.float32([[1e9, -1e9]])]), 0.2, 5)
    same(found, [*near.labels, -1])


def test_properties(blobs):
    rng = np.random.default_rng(0)
    base = dbscan(blobs, 0.8, 5)
    assert base.n_clusters > 1
    order = rng.permutation(len(blobs))
    moved = dbscan(blobs[order], 0.8, 5)
    np.testing.assert_array_equal(moved.core_mask, base.core_mask[order])
    core = np.asarray(moved.core_mask)
    of_core = {
        (int(a), int(b)) for a, b in zip(moved.labels[core], base.labels[order][core], strict=True)
    }
    assert len(of_core) == base.n_clusters
    same(dbscan(blobs * 8, 6.4, 5), base.labels, base.core_mask)
    same(dbscan(blobs + 64, 0.8, 5), base.labels, base.core_mask)


def test_weight_two_is_a_row_twice_and_weight_zero_is_none(blobs):
    x, weights = blobs[:200, :2].astype(np.float32), np.arange(200) % 3
    there = weights > 0
    expected = run(np.repeat(x, weights, axis=0), 0.5, 6)
    assert expected.n_clusters > 1
    found = run(x, 0.5, 6, weights)
    first = np.cumsum(weights) - weights
    np.testing.assert_array_equal(found.labels[there], expected.labels[first[there]])
    assert set(found.labels[~there].tolist()) == {-1}
    assert not found.core_mask[~there].any()


def test_rows_of_weight_zero_may_be_present():
    x = np.float32([[0, 0], [1, 0], *[[1, 0]] * 198])
    here = np.arange(200) < 2
    found = dbscan(x, 1.5, 6, sample_weight=6 * np.eye(1, 200, dtype=np.float32)[0], present=here)
    same(found, np.where(here, 0, -1), here)


@pytest.mark.parametrize(("d", "eps"), [(2, 0.5), (12, 3.6)])
def test_predict_gives_the_labels_again(d, eps):
    x = make_blobs(400, d, random_state=1)[0].astype(np.float32)
    labels, core, _ = run(x, eps, 6)
    assert 0 < core.sum() < len(x) > (labels < 0).sum() > 0
    new = np.concatenate([x, np.full((1, d), 99, np.float32)])
    again = dbscan_predict(new, x[core], labels[core], eps)
    np.testing.assert_array_equal(again, [*labels, -1])


def test_numbers_may_be_traced_and_do_not_recompile():
    x = make_blobs(700, 6, random_state=0)[0].astype(np.float32)
    solve = jax.jit(lambda eps, m: dbscan(x, eps, m))
    for eps, m in ((1.7, 5), (1.4, 3)):
        theirs = sklearn.cluster.DBSCAN(eps=eps, min_samples=m).fit(x).labels_
        assert len(np.unique(theirs)) > 2
        same(solve(eps, m), theirs)
    assert solve._cache_size() == 1


def test_memory_is_bounded():
    n, d = 1_000_000, 4  # as few columns as are too many for a grid of all: rows count little
    x = jax.ShapeDtypeStruct((n, d), jnp.float32)
    memory = jax.jit(lambda x: dbscan(x, 0.5)).lower(x).compile().memory_analysis()
    assert memory.temp_size_in_bytes < 8 * 4 * n * (d + 6) + 2**24


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"eps": 0}, "eps must be more than 0, not 0"),
        ({"metric": "euclid"}, "metric must be one of .*euclidean"),
        ({"sample_weight": np.ones(3)}, "sample_weight must have shape"),
        ({"present": np.ones(3, bool)}, "present must have shape"),
    ],
)
def test_what_cannot_be(blobs, change, message):
    options = {"eps": 0.5, **change}
    with pytest.raises(ValueError, match=message):
        dbscan(blobs, **options)


def test_equal_rows_weigh_together():
    """Labels and core rows do not depend on whether equal rows are found."""
    rng = np.random.default_rng(3)
    x = np.round(2.5 * rng.normal(size=(WEIGHTED, 2)) + 20 * rng.integers(0, 2, (WEIGHTED, 1)))
    x = x.astype(np.float32) / 255
    assert len(np.unique(x, axis=0)) < 0.8 * WEIGHTED
    eps = float(np.float32(1.5 / 255))
    for weights in (None, rng.integers(1, 3, WEIGHTED)):
        labels = like_sklearn(x, eps, 7, weights=weights)
        assert labels.max() > 0 > labels.min()


@pytest.mark.parametrize("eps", [2.0, 3.0, 5**0.5])
def test_pixels_at_exactly_the_radius(eps):
    """Whole numbers: no distance is rounded, and many are exactly the radius."""
    x = np.random.default_rng(4).integers(0, 40, (1_500, 3)).astype(np.float32)
    like_sklearn(x, eps, 4)
