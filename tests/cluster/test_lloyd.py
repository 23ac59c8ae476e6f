"""The ways of Lloyd's iteration give the same, and the bounded ones pass over what they may."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from clusterart_jax._linalg import compact, moments, round_origin
from clusterart_jax.cluster import _group_bounds, _lloyd, _row_bounds
from clusterart_jax.cluster._empty import fill_empty
from clusterart_jax.cluster._every_row import EVERY_ROW
from clusterart_jax.cluster._group_bounds import GROUP_BOUNDS, split_groups
from clusterart_jax.cluster._lloyd import Problem, lloyd_bounded, lloyd_plain
from clusterart_jax.cluster._moves import move_rows
from clusterart_jax.cluster._row_bounds import ROW_BOUNDS


@pytest.fixture(params=[EVERY_ROW, ROW_BOUNDS, GROUP_BOUNDS], ids=["every", "rows", "groups"])
def bounds(request, monkeypatch):
    monkeypatch.setattr(_group_bounds, "_SIZE", 3)  # so that few centres are several groups
    monkeypatch.setattr(_row_bounds, "_AT_ONCE", 101)  # so that few rows are several slabs
    monkeypatch.setattr(_row_bounds, "_SLAB", 101)
    return request.param


origin_of = jax.jit(lambda x, weights: round_origin(*moments(x, weights))[None])


def problem(x, weights=None, active=None, k=5, max_iter=300, tol=0.0):
    x = jnp.asarray(x)
    weights = jnp.ones(len(x), x.dtype) if weights is None else jnp.asarray(weights, x.dtype)
    allowed = jnp.arange(k) < (k if active is None else active)
    origin = origin_of(x, weights)
    return Problem(
        x, weights, origin, allowed, jnp.int32(max_iter), jnp.asarray(tol, x.dtype), None
    )


plainly = jax.jit(lloyd_plain)


@partial(jax.jit, static_argnums=(2, 3))
def in_bounds(start, p, bounds, size):
    """`size` of groups is read from the module; here it tells programs apart."""
    return lloyd_bounded(start, p, bounds)


def both(bounds, x, start, **options):
    p = problem(x, k=len(start), **options)
    start = jnp.asarray(start) - p.origin
    return plainly(start, p), in_bounds(start, p, bounds, _group_bounds._SIZE)


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


@pytest.mark.parametrize(
    ("k", "dtype"), [(1, "float32"), (2, "float64"), (17, "float32"), (40, "float64")]
)
def test_the_bounded_way_gives_the_same(bounds, digits, k, dtype):
    for max_iter in (0, 1, 3, 300):
        agree(*both(bounds, digits.astype(dtype), digits[:k].astype(dtype), max_iter=max_iter))


def test_a_centre_without_rows_is_empty_though_rounding_left_some_of_its_weight():
    """As where rows of weights 0.1, 0.2 and 0.3 came in one order and left in another."""
    x = np.array([[0.0], [1.0], [9.0], [4.0]])
    p = problem(x, weights=[0.3, 0.2, 0.1, 0.0], k=3)
    p = p._replace(origin=0.0)
    centers, labels = jnp.array([[0.0], [50.0], [60.0]]), jnp.array([0, 0, 0, 2])
    left = 0.1 + 0.2 + 0.3 - (0.3 + 0.2 + 0.1)
    assert left > 0
    sums = jnp.array([[1.1, 0.6], [50 * left, left], [0.0, 0.0]])
    found = fill_empty(sums, labels, centers, p)
    np.testing.assert_allclose(found, [[0, 0.3], [0.9, 0.1], [0.2, 0.2]], atol=1e-12)
    tiny = sums.at[1].set(jnp.array([1e-19, 1e-20]))  # so light, but there
    np.testing.assert_allclose(
        fill_empty(tiny, labels.at[1].set(1), centers, p)[1], [1e-19, 1e-20], rtol=1e-12
    )


def test_with_weights_and_absent_rows(bounds, blobs):
    weights = np.arange(240) % 4
    plain, bounded = both(bounds, blobs, blobs[:7], weights=weights)
    agree(plain, bounded)
    assert plain.n_iter > 3


def test_with_centers_that_take_no_part(bounds, blobs):
    plain, bounded = both(bounds, blobs, blobs[:7], active=4)
    agree(plain, bounded)
    assert set(np.unique(bounded.labels)) == set(range(4))


def test_with_empty_clusters(bounds, blobs):
    start = np.concatenate([blobs[:3], 1e3 + blobs[:4]])
    plain, bounded = both(bounds, blobs, start)
    agree(plain, bounded)
    assert len(np.unique(bounded.labels)) == 7


def test_with_rows_that_repeat(bounds):
    x = np.array([[0.0, 1, 0, 0], [4, 4, 0, 0], [9, 0, 0, 0]])
    x = np.repeat(x, [60, 80, 100], axis=0)
    agree(*both(bounds, x, x[[0, 1, 70, 71, 200, 0, 0]], active=5))


def test_far_from_the_origin_in_float32(bounds, blobs):
    x = (blobs + 1e4).astype(np.float32)
    plain, bounded = both(bounds, x, x[:7], active=3)
    agree(plain, bounded)
    exact = x.astype(np.float64)
    exact = both(bounds, exact, exact[:7], active=3)[1]
    agree(plain, exact._replace(centers=bounded.centers))


def test_on_rows_with_many_ties(bounds):
    # Whole numbers near the origin: distances tie, and the first centre must win both ways.
    for seed in range(15):
        for scale in (1.0, 4.0):
            x = np.random.default_rng(seed).integers(0, 4, (60, 2)) * scale
            agree(*both(bounds, x, x[:8]))


def test_with_not_a_number(bounds, blobs):
    x = np.where(np.arange(240)[:, None] == 100, np.nan, blobs)
    plain, bounded = both(bounds, x, blobs[:7])
    assert not plain.converged
    assert not bounded.converged
    assert bounded.labels.min() >= 0, "-1 means noise elsewhere"


def test_under_vmap(bounds, blobs):
    p = problem(blobs, k=7)
    starts = jnp.stack([jnp.asarray(blobs[i : i + 7]) for i in (0, 50, 90)]) - p.origin[None]
    many = jax.jit(jax.vmap(lambda start: lloyd_bounded(start, p, bounds)))(starts)
    for i, start in enumerate(starts):
        agree(plainly(start, p), jax.tree.map(lambda a, i=i: a[i], many))


def listed(module, monkeypatch):
    """Numbers of rows that the module lists, as it lists them."""
    seen = []

    def spy(chosen, block):
        jax.debug.callback(lambda c: seen.append(int(c)), jnp.sum(chosen))
        return compact(chosen, block)

    monkeypatch.setattr(module, "compact", spy)
    return seen


def test_most_rows_are_passed_over(blobs, monkeypatch):
    seen = listed(_row_bounds, monkeypatch)
    p = problem(blobs, k=3)
    start = jnp.asarray(blobs[[0, 4, 8]]) - p.origin
    found = jax.block_until_ready(jax.jit(lloyd_bounded, static_argnums=2)(start, p, ROW_BOUNDS))
    jax.effects_barrier()
    assert len(seen) == found.n_iter, "no label changed at last: nothing to list once more"
    assert max(seen) == 240
    assert sum(seen) < 0.6 * 240 * len(seen), "bounds should spare rows"


def test_most_groups_are_passed_over(digits, monkeypatch):
    monkeypatch.setattr(_group_bounds, "_SIZE", 8)
    seen = listed(_group_bounds, monkeypatch)
    p = problem(digits, k=64)
    start = jnp.asarray(digits[:64]) - p.origin
    found = jax.block_until_ready(jax.jit(lloyd_bounded, static_argnums=2)(start, p, GROUP_BOUNDS))
    jax.effects_barrier()
    lists = np.reshape(seen, (found.n_iter, 2 * 8 + 1))[:, :-1]  # the last are those that move
    assert np.all(lists[0].reshape(2, 8).sum(axis=0) == 600), "at first, every row and group"
    assert lists[1:].sum() < 0.3 * 600 * 8 * len(lists), "bounds should spare groups"


@pytest.mark.parametrize("k", [7, 64, 100])
def test_groups_hold_each_center_once_and_neighbours_together(k):
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(k, 3)) + 50 * (np.arange(k) % 2)[:, None]
    members = np.asarray(jax.jit(split_groups)(jnp.asarray(centers), jnp.arange(k) != 3))
    assert sorted(members[members < k].tolist()) == list(range(k))
    assert np.all(np.diff(members, axis=1) >= 0)
    if k == 64:
        assert [{int(i) % 2 for i in row} for row in members if 3 not in row] == [{0}]
        assert {int(i) % 2 for row in members if 3 in row for i in row} == {1}


@pytest.mark.parametrize(
    ("n", "block"), [(1, 1), (1, 64), (15, 8), (16, 8), (17, 8), (100, 1), (100, 64)]
)
def test_compact_lists_every_chosen_row_once(n, block):
    chosen = np.random.default_rng(n).random(n) < 0.4
    rows, count = jax.jit(compact, static_argnums=1)(jnp.asarray(chosen), block)
    assert int(count) == chosen.sum()
    assert len(rows) % block == 0
    assert sorted(rows[: int(count)].tolist()) == np.flatnonzero(chosen).tolist()
    assert np.all(rows[int(count) :] == n)


def test_two_sum_keeps_what_rounding_takes_off():
    total, lost = _lloyd._two_sum(jnp.float32(1e8), jnp.float32(0.25))
    assert (total, lost) == (1e8, 0.25)


def test_largest_other():
    assert _row_bounds._largest_other(jnp.array([3.0, 1.0, 2.0])).tolist() == [2.0, 3.0, 3.0]
    assert _row_bounds._largest_other(jnp.array([2.0, 2.0])).tolist() == [2.0, 2.0]
    assert _row_bounds._largest_other(jnp.array([5.0])).tolist() == [0.0]


def test_wide_rows_are_moved_one_by_one():
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(200, 80)), rng.random(200) * (rng.random(200) < 0.3)
    before, after = rng.integers(-1, 4, 200), rng.integers(0, 4, 200)
    moved = move_rows(
        jnp.zeros((4, 81)), jnp.asarray(x), jnp.asarray(w), jnp.asarray(before), jnp.asarray(after)
    )
    expected = np.zeros((4, 81))
    for row, weight, old, new in zip(x, w, before, after, strict=True):
        expected[new] += weight * np.append(row, 1)
        if old >= 0:
            expected[old] -= weight * np.append(row, 1)
    np.testing.assert_allclose(moved, expected, atol=1e-12)


def test_lists_of_rows_take_no_memory_of_all_rows():
    n, d, k = 2**22, 4, 64
    shapes = {"x": (n, d), "weights": (n,), "origin": (1, d)}
    p = Problem(
        *(jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes.values()),
        *(jax.ShapeDtypeStruct(*a) for a in (((k,), bool), ((), jnp.int32), ((), jnp.float32))),
        axis=None,
    )
    start = jax.ShapeDtypeStruct((k, d), jnp.float32)
    run = jax.jit(lambda start, *p: lloyd_bounded(start, Problem(*p, None), ROW_BOUNDS))
    memory = run.lower(start, *p[:-1]).compile().memory_analysis()
    # Labels and bounds, new and old; lists of all rows were five more.
    assert memory.temp_size_in_bytes < 4.5 * 4 * n + 32 * 2**20
