"""What holds for k-means on any data. Whole numbers, so that ties and duplicates are common."""

from itertools import pairwise

import jax
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from clusterart_jax import kmeans

N, D, K = 12, 2, 3
KEY = jax.random.key(0)

few = settings(max_examples=25, deadline=None, derandomize=True, database=None)
rows = arrays(np.int64, (N, D), elements=st.integers(-8, 8)).map(lambda x: x.astype(np.float64))
weights = arrays(np.int64, N, elements=st.integers(0, 3)).filter(lambda w: (w > 0).sum() >= K)
starts = arrays(np.int64, (K, D), elements=st.integers(-8, 8)).map(lambda c: c.astype(np.float64))


def run(x, init, w=None, **options):
    w = np.ones(len(x)) if w is None else w
    return kmeans(KEY, x, K, init=init, sample_weight=w, **{"tol": 0.0} | options)


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


@few
@given(rows, starts, st.permutations(range(N)))
def test_order_of_rows_does_not_matter(x, init, order):
    # One iteration: which of equally far rows fills an empty cluster depends on their order.
    init = x[:K] if len(np.unique(x[:K], axis=0)) == K else init
    a, b = run(x, init, max_iter=0), run(x[order], init, max_iter=0)
    assert a.labels[np.array(order)].tolist() == b.labels.tolist()
    if len(np.unique(a.labels)) == K:
        a, b = run(x, init, max_iter=1), run(x[order], init, max_iter=1)
        close(a.centers, b.centers)
        close(a.inertia, b.inertia)


@few
@given(rows, starts, st.integers(-(10**6), 10**6))
def test_translation_moves_the_centers_along(x, init, by):
    a, b = run(x, init, max_iter=1), run(x + by, init + by, max_iter=1)
    close(a.centers + by, b.centers)
    close(a.inertia, b.inertia)


@few
@given(rows, starts, weights)
def test_weight_0_is_absent(x, init, w):
    hidden = np.where((w > 0)[:, None], x, 1e3 * x + 17)
    a, b = run(x, init, w), run(hidden, init, w)
    close(a.centers, b.centers)
    close(a.inertia, b.inertia)
    assert a.n_iter == b.n_iter
    assert a.labels[w > 0].tolist() == b.labels[w > 0].tolist()


@few
@given(rows, starts, weights)
def test_weight_2_is_two_rows(x, init, w):
    # An empty cluster takes one row with all its weight, so it would not be the same there.
    if len(np.unique(np.asarray(run(x, init, w, max_iter=0).labels)[w > 0])) < K:
        return
    twice = np.concatenate([x, np.zeros_like(x)])
    ones = np.concatenate([w > 0, np.zeros(N)])
    extra = np.repeat(np.arange(N), np.maximum(w - 1, 0))[:N]
    twice[N : N + len(extra)] = x[extra]
    ones[N : N + len(extra)] = 1
    w = 1 * (w > 0) + np.bincount(extra, minlength=N)
    a, b = run(x, init, w, max_iter=1), run(twice, init, ones, max_iter=1)
    close(a.centers, b.centers)
    close(a.inertia, b.inertia)


@few
@given(rows, starts, weights)
def test_inertia_falls_with_every_iteration(x, init, w):
    path = [float(run(x, init, w, max_iter=i).inertia) for i in range(6)]
    assert all(after <= before + 1e-9 for before, after in pairwise(path))


@few
@given(rows, starts, weights)
def test_the_end_is_a_fixed_point(x, init, w):
    end = run(x, init, w)
    assert end.converged
    labels, centers = np.asarray(end.labels), np.asarray(end.centers)
    for j in range(K):
        if w[labels == j].sum() > 0:
            close(centers[j], np.average(x[labels == j], axis=0, weights=w[labels == j]))
    squared = ((x[:, None] - centers[None]) ** 2).sum(-1)
    close(squared[np.arange(N), labels], squared.min(1))
    assert len(np.unique(centers, axis=0)) >= min(K, len(np.unique(x[w > 0], axis=0)))


def test_overflow_is_no_convergence(blobs, key):
    huge = (blobs * 1e20).astype(np.float32)
    result = kmeans(key, huge, 3)
    assert not np.isfinite(result.inertia)
    assert not result.converged
