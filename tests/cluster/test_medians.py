"""k-medians by hand, against a plain oracle, on any data, and under shards."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from clusterart_jax import kmedians
from clusterart_jax._errors import ConfigError
from clusterart_jax.cluster import _medians as module

few = settings(max_examples=40, deadline=None, derandomize=True, database=None)
KEY = jax.random.key(0)


def median(values, weights):
    """The value with half of the weight on either side, or half way between the two that share."""
    order = np.argsort(values)
    values, weights = np.asarray(values)[order], np.asarray(weights, float)[order]
    values, weights = values[weights > 0], weights[weights > 0]
    below = np.cumsum(weights)
    low = values[np.flatnonzero(2 * below >= below[-1])[0]]
    high = values[np.flatnonzero(2 * below > below[-1])[0]]
    return low + (high - low) / 2


def oracle(x, centers, weights, max_iter=300):
    """Assign, take medians, put empty centres on the farthest rows, until no label changes."""
    x, centers, labels = np.array(x, float), np.array(centers, float), None
    for _ in range(max_iter):
        distances = np.abs(x[:, None] - centers[None]).sum(-1)
        before, labels = labels, distances.argmin(1)
        far = np.argsort(-np.where(weights > 0, distances.min(1), 0), kind="stable")
        turn, moved = 0, False
        for j in range(len(centers)):
            mine = labels == j
            if weights[mine].sum() > 0:
                centers[j] = [median(column, weights[mine]) for column in x[mine].T]
            elif distances.min(1)[far[turn]] > 0:
                moved |= (centers[j] != x[far[turn]]).any()
                centers[j] = x[far[turn]]
                turn += 1
        if before is not None and (labels == before)[weights > 0].all() and not moved:
            break
    distances = np.abs(x[:, None] - centers[None]).sum(-1)
    return centers, distances.argmin(1), (weights * distances.min(1)).sum()


def test_by_hand(key, dtype):
    x = np.array([[0, 9], [1, 7], [5, 8], [80, 0], [90, 1]], dtype)
    result = kmedians(key, x, 2, init=x[[0, 3]])
    assert result.centers.tolist() == [[1, 8], [85, 0.5]]
    assert result.labels.tolist() == [0, 0, 0, 1, 1]
    assert result.inertia == (1 + 0 + 4) + (1 + 1 + 0) + (5 + 5) + (0.5 + 0.5)
    assert result.n_iter == 2
    assert result.converged
    assert result.centers.dtype == result.inertia.dtype == dtype
    heavy = kmedians(key, x, 2, init=x[[0, 3]], sample_weight=[5, 1, 1, 1, 0])
    assert heavy.centers.tolist() == [[0, 9], [80, 0]]


@jax.jit
def all_medians(values, weights):
    labels = jnp.zeros(len(values), jnp.int32)
    low, high = module._span(values, weights, None)
    return module._medians(labels, values, weights, low, high, 1, None)[0]


def medians(values, weights, dtype=np.float64):
    return float(all_medians(np.asarray(values, dtype)[:, None], np.asarray(weights, dtype))[0, 0])


anything = st.floats(width=32, allow_nan=False, allow_infinity=False)


@few
@given(arrays(np.float32, 9, elements=anything), arrays(np.int8, 9, elements=st.integers(0, 3)))
def test_median_of_any_floats_is_exact(values, weights):
    if not weights.any():
        return
    values = np.where(np.abs(values) < 1e-37, 0, values)  # XLA takes subnormal numbers for 0
    expected = median(values.astype(np.float64), weights)
    assert medians(values, weights) == expected
    if np.abs(values).max() < 1e30:
        found = medians(values, weights, np.float32)
        np.testing.assert_allclose(found, expected, rtol=1e-7)


def test_median_is_numpys(blobs):
    for n in (239, 240):
        assert medians(blobs[:n, 0], np.ones(n)) == np.median(blobs[:n, 0])


@pytest.mark.parametrize("width", [2, 17])
def test_equals_oracle(width, key):
    rng = np.random.default_rng(width)
    for _ in range(3):
        x = (8 * rng.normal(size=(60, width))).round() / 8  # sums are exact, so that ties are ties
        weights = rng.integers(0, 4, 60).astype(float)
        ours = kmedians(key, x, 4, init=x[:4], sample_weight=weights)
        centers, labels, inertia = oracle(x, x[:4], weights)
        np.testing.assert_allclose(ours.centers, centers, rtol=1e-12, atol=1e-12)
        assert ours.labels.tolist() == labels.tolist()
        np.testing.assert_allclose(ours.inertia, inertia, rtol=1e-12)


def test_empty_clusters_move_to_the_farthest_rows(key):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(60, 2))
    init = np.concatenate([x[:2], [[50, 50], [60, 60]]])
    ours = kmedians(key, x, 4, init=init)
    centers, labels, inertia = oracle(x, init, np.ones(60))
    assert len(np.unique(ours.labels)) == 4
    np.testing.assert_allclose(ours.centers, centers, atol=1e-12)
    assert ours.labels.tolist() == labels.tolist()
    np.testing.assert_allclose(ours.inertia, inertia, rtol=1e-12)


def test_inertia_falls_with_every_iteration(key, blobs):
    run = lambda m: kmedians(key, blobs, 5, init=blobs[:5], max_iter=m)  # noqa: E731
    path = [float(run(m).inertia) for m in range(8)]
    assert all(after <= before + 1e-9 for before, after in pairwise(path))
    assert path[0] > path[-1]


def test_outliers_do_not_move_medians(key):
    x = np.array([[0.0], [1], [2], [10], [11], [1e6]])
    result = kmedians(key, x, 2, init=x[[0, 3]])
    assert result.centers.ravel().tolist() == [1, 11]


def test_tol_stops_early_and_starts_keep_the_best(key, blobs):
    run = lambda key, **options: kmedians(key, blobs, 6, init="random", **options)  # noqa: E731
    assert int(run(key, tol=0.5).n_iter) == 2
    assert run(key, tol=0.5).converged
    starts = [key, *(jax.random.fold_in(key, i) for i in range(1, 4))]
    singles = [float(run(k).inertia) for k in starts]
    assert len(set(singles)) > 1
    np.testing.assert_allclose(run(key, n_init=4).inertia, min(singles), rtol=1e-12)


def test_far_off_float32(key, blobs):
    x = (blobs + 1e4).astype(np.float32)
    ours = kmedians(key, x, 3, init=x[:3])
    centers, labels, inertia = oracle(x, x[:3], np.ones(240))
    assert ours.labels.tolist() == labels.tolist()
    np.testing.assert_allclose(ours.centers, centers, rtol=1e-7)
    np.testing.assert_allclose(ours.inertia, inertia, rtol=1e-5)


def test_sharded_equals_unsharded(key, blobs, on_mesh):
    x, weights = np.tile(blobs, (1, 5)), np.arange(240) % 4 * (np.arange(240) >= 60)
    init = np.concatenate([x[60:62], np.full((2, 20), 900.0)])
    alone = kmedians(key, x, 4, init=init, sample_weight=weights)
    spread = kmedians(key, on_mesh(x, 4), 4, init=init, sample_weight=weights)
    np.testing.assert_allclose(spread.centers, alone.centers, rtol=1e-12)
    assert spread.labels.tolist() == alone.labels.tolist()
    assert len(np.unique(alone.labels)) == 4


def test_memory_is_one_copy_of_the_rows():
    x = jax.ShapeDtypeStruct((200_000, 64), jnp.float32)
    run = jax.jit(lambda key, x: kmedians(key, x, 16))
    memory = run.lower(jax.random.key(0), x).compile().memory_analysis()
    assert memory.temp_size_in_bytes < 1.4 * 200_000 * 64 * 4


def test_bad_arguments(key):
    x = np.ones((6, 2))
    with pytest.raises(ValueError, match="k must be between 1 and 6, not 7"):
        kmedians(key, x, 7)
    with pytest.raises(ConfigError, match=r"init must be.*did you mean 'k-means\+\+'"):
        kmedians(key, x, 2, init="kmeans++")
    with pytest.raises(ValueError, match=r"init must have shape \(k, d\) = \(2, 2\), not \(3, 2\)"):
        kmedians(key, x, 2, init=x[:3])
