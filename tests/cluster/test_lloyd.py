"""The two ways of Lloyd's iteration give the same, and the bounded one passes rows over."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clusterart_jax._linalg import moments, round_origin
from clusterart_jax.cluster import _lloyd as module
from clusterart_jax.cluster._lloyd import Problem, lloyd_bounded, lloyd_plain


def problem(x, weights=None, active=None, k=5, max_iter=300, tol=0.0):
    x = jnp.asarray(x)
    weights = jnp.ones(len(x), x.dtype) if weights is None else jnp.asarray(weights, x.dtype)
    allowed = jnp.arange(k) < (k if active is None else active)
    origin = round_origin(*moments(x, weights))[None]
    return Problem(
        x, weights, origin, allowed, jnp.int32(max_iter), jnp.asarray(tol, x.dtype), None
    )


def both(x, start, **options):
    p = problem(x, k=len(start), **options)
    start = jnp.asarray(start) - p.origin
    return [
        jax.jit(lambda start, lloyd=lloyd: lloyd(start, p))(start)
        for lloyd in (lloyd_plain, lloyd_bounded)
    ]


def agree(plain, bounded):
    np.testing.assert_array_equal(bounded.labels, plain.labels)
    assert bounded.n_iter == plain.n_iter
    assert bounded.converged == plain.converged
    # Sums of another order: equal to rounding, not to the last digit.
    tolerance = (
        {"rtol": 1e-4, "atol": 1e-4} if plain.centers.dtype == np.float32 else {"atol": 1e-10}
    )
    np.testing.assert_allclose(bounded.centers, plain.centers, **tolerance)
    np.testing.assert_allclose(bounded.distances, plain.distances, **tolerance)


@pytest.mark.parametrize("max_iter", [0, 1, 3, 300])
@pytest.mark.parametrize("k", [1, 2, 17, 40])
def test_the_bounded_way_gives_the_same(digits, k, max_iter, dtype):
    agree(*both(digits.astype(dtype), digits[:k].astype(dtype), max_iter=max_iter))


def test_with_weights_and_absent_rows(blobs):
    weights = np.arange(240) % 4
    plain, bounded = both(blobs, blobs[:7], weights=weights)
    agree(plain, bounded)
    assert plain.n_iter > 3


def test_with_centers_that_take_no_part(blobs):
    plain, bounded = both(blobs, blobs[:7], active=4)
    agree(plain, bounded)
    assert set(np.unique(bounded.labels)) == set(range(4))


def test_with_empty_clusters(blobs):
    start = np.concatenate([blobs[:3], 1e3 + blobs[:3]])
    plain, bounded = both(blobs, start)
    agree(plain, bounded)
    assert len(np.unique(bounded.labels)) == 6


def test_with_rows_that_repeat():
    x = np.repeat(np.array([[0.0, 1.0], [4.0, 4.0], [9.0, 0.0]]), [30, 40, 50], axis=0)
    agree(*both(x, x[[0, 1, 35, 36, 100]]))


def test_far_from_the_origin_in_float32(blobs):
    x = (blobs + 1e4).astype(np.float32)
    plain, bounded = both(x, x[:3])
    agree(plain, bounded)
    exact = x.astype(np.float64)
    agree(plain, both(exact, exact[:3])[1]._replace(centers=bounded.centers))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([1.0, 4.0]))
def test_on_rows_with_many_ties(seed, scale):
    # Whole numbers near the origin: distances tie, and the first centre must win both ways.
    x = np.random.default_rng(seed).integers(0, 4, (60, 2)) * scale
    agree(*both(x, x[:6]))


def test_most_rows_are_passed_over(blobs, monkeypatch):
    seen = []
    compact = module._compact

    def spy(chosen, block):
        if chosen.shape == (240,):
            jax.debug.callback(lambda c: seen.append(int(c)), jnp.sum(chosen))
        return compact(chosen, block)

    monkeypatch.setattr(module, "_compact", spy)
    p = problem(blobs, k=3)
    found = jax.block_until_ready(lloyd_bounded(jnp.asarray(blobs[[0, 4, 8]]) - p.origin, p))
    jax.effects_barrier()
    assert len(seen) == found.n_iter + 1
    assert max(seen) == 240
    assert sum(seen) < 0.6 * 240 * len(seen), "bounds should spare rows"


@pytest.mark.parametrize("n", [1, 15, 16, 17, 100])
@pytest.mark.parametrize("block", [1, 8, 64])
def test_compact_lists_every_chosen_row_once(n, block):
    chosen = np.random.default_rng(n).random(n) < 0.4
    rows, count = module._compact(jnp.asarray(chosen), block)
    assert int(count) == chosen.sum()
    assert len(rows) % block == 0
    assert sorted(rows[: int(count)].tolist()) == np.flatnonzero(chosen).tolist()
    assert np.all(rows[int(count) :] == n)


def test_two_sum_keeps_what_rounding_takes_off():
    total, lost = module._two_sum(jnp.float32(1e8), jnp.float32(0.25))
    assert (total, lost) == (1e8, 0.25)


def test_largest_other():
    assert module._largest_other(jnp.array([3.0, 1.0, 2.0])).tolist() == [2.0, 3.0, 3.0]
    assert module._largest_other(jnp.array([2.0, 2.0])).tolist() == [2.0, 2.0]
    assert module._largest_other(jnp.array([5.0])).tolist() == [0.0]


def test_wide_rows_are_moved_one_by_one():
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(200, 80)), rng.random(200) * (rng.random(200) < 0.3)
    before, after = rng.integers(-1, 4, 200), rng.integers(0, 4, 200)
    moved = module._move_rows(
        jnp.zeros((4, 81)), jnp.asarray(x), jnp.asarray(w), jnp.asarray(before), jnp.asarray(after)
    )
    expected = np.zeros((4, 81))
    for row, weight, old, new in zip(x, w, before, after, strict=True):
        expected[new] += weight * np.append(row, 1)
        if old >= 0:
            expected[old] -= weight * np.append(row, 1)
    np.testing.assert_allclose(moved, expected, atol=1e-12)
