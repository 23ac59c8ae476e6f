"""Lloyd's iteration: every row to its nearest centre, every centre to the mean of its rows.

`lloyd_plain` compares every row with every centre each time; `lloyd_bounded` only the rows whose
nearest centre can have changed. Both give the same labels. Centres are relative to `origin`, a
point amid the rows, before and after; `norms` are infinite for centres that do not take part.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from .._linalg import compact, fold_rows, group_sums, squared_norms, total
from .._typing import Array, Bool
from ._empty import fill_empty
from ._nearest import nearest_one, nearest_two, tile_size


def bounds_pay(n: int, d: int, k: int) -> bool:
    """Whether a row's distances to all centres cost more than keeping bounds does (measured)."""
    return jax.default_backend() == "cpu" and n >= 4096 and k * (12 + d) > 2500


class Problem(NamedTuple):
    """What stays the same from iteration to iteration.

    Attributes:
      x: (n, d) rows, of this device.
      weights: (n,)
      origin: (1, d), taken off the rows whenever they are read.
      allowed: (k,) bool, False for centres that do not take part.
      max_iter: iterations at most.
      tol: stops when Σ |shift of a centre|² is no larger.
      axis: name of the mesh axis over which rows are spread, or None.
    """

    x: Array
    weights: Array
    origin: Array
    allowed: Array
    max_iter: Array
    tol: Array
    axis: Any


class Solution(NamedTuple):
    """Centres, the nearest of them for each row, |x − c|² (n,), iterations, and how it ended."""

    centers: Array
    labels: Array
    distances: Array
    n_iter: Array
    converged: Array


class _State(NamedTuple):
    centers: Array
    labels: Array
    changed: Array  # number of labels that the last assignment changed
    moved: Array  # Σ |shift|² of the last update
    n_iter: Array


def _start(centers: Array, x: Array) -> _State:
    unknown = jnp.full(x.shape[:1], -1, jnp.int32)
    return _State(centers, unknown, jnp.int32(1), jnp.array(jnp.inf, x.dtype), jnp.int32(0))


def _more(s: _State, p: Problem) -> Array:
    return (s.n_iter < p.max_iter) & (s.changed > 0) & (s.moved > p.tol)


def _converged(s: _State, p: Problem) -> Array:
    # Not-a-number in the centres ends the loop as well, and is no convergence.
    return ((s.changed == 0) | (s.moved <= p.tol)) & jnp.all(jnp.isfinite(s.centers))


def _update(s: _State, labels: Array, sums: Array, changed: Array, p: Problem) -> _State:
    """Centres to the means of their rows; `sums` (k, d + 1) ends with the weight of each."""
    sums = fill_empty(sums, labels, s.centers, p)
    weight = sums[:, -1:]
    centers = jnp.where(weight > 0, sums[:, :-1] / jnp.where(weight > 0, weight, 1), s.centers)
    moved = jnp.sum((centers - s.centers) ** 2)
    return _State(centers, labels, changed, moved, s.n_iter + 1)


def _norms(centers: Array, p: Problem) -> Array:
    return jnp.where(p.allowed, squared_norms(centers), jnp.inf)


def _augment(x: Array) -> Array:
    """A column of ones, whose weighted sums are the weights of the groups."""
    return jnp.concatenate([x, jnp.ones_like(x[:, :1])], axis=1)


def lloyd_plain(centers: Array, p: Problem) -> Solution:
    """Compares every row with every centre, in tiles that stay in cache.

    Cost O(n d k) an iteration, extra memory O(n).
    """
    k, d = centers.shape
    block = tile_size(p.x.shape[0], d + k)

    def body(s: _State) -> _State:
        norms = _norms(s.centers, p)

        def step(
            carry: tuple[Array, Array], valid: Bool[Array, " b"], x: Array, w: Array, before: Array
        ) -> tuple[tuple[Array, Array], Array]:
            sums, changed = carry
            x = x - p.origin
            labels = nearest_one(x, s.centers, norms)[1]
            present = jnp.where(valid, w, 0)
            sums = sums + group_sums(_augment(x), labels, present, k)
            differ = jnp.sum((labels != before) & (present > 0), dtype=jnp.int32)
            return (sums, changed + differ), labels

        zero = (jnp.zeros((k, d + 1), p.x.dtype), jnp.int32(0))
        counted, labels = fold_rows(step, zero, (p.x, p.weights, s.labels), block=block)
        sums, changed = total(counted, p.axis)
        return _update(s, labels, sums, changed, p)

    s = lax.while_loop(lambda s: _more(s, p), body, _start(centers, p.x))
    norms = _norms(s.centers, p)

    def measure(
        carry: tuple[()], valid: Bool[Array, " b"], x: Array, labels: Array
    ) -> tuple[tuple[()], tuple[Array, Array]]:
        x = x - p.origin
        # Where no label changed last time, the same rows gave the same centres again.
        labels = lax.cond(
            s.changed == 0, lambda: labels, lambda: nearest_one(x, s.centers, norms)[1]
        )
        # Expanded squares lose all digits of tight clusters that lie far apart: measure directly.
        return (), (labels, squared_norms(x - s.centers[labels]))

    labels, distances = fold_rows(measure, (), (p.x, s.labels), block=block)[1]
    return Solution(s.centers, labels, distances, s.n_iter, _converged(s, p))


class _Bounds(NamedTuple):
    """What is known of each row and centre, so that most rows can be passed over.

    Attributes:
      gap: (n,) upper bound of the distance to the row's centre less a lower bound of the distance
        to any other, at the time it was measured, less `slack` of the row's centre then. While
        `gap + slack[label]` is negative, the label stands.
      slack: (k,) by how much the difference can have shrunk since the beginning: the way that the
        centre has moved and the way that the fastest of the others has.
      sums, rest: (k, d + 1) weighted sums of the rows of each centre, and what rounding took off
        them, so that adding and taking away rows for long leaves them as good as new.
    """

    gap: Array
    slack: Array
    sums: Array
    rest: Array


def lloyd_bounded(centers: Array, p: Problem) -> Solution:
    """Compares with all centres only the rows that may have a new nearest centre.

    The triangle inequality bounds for each row how much nearer another centre can have come. Rows
    that fail the bound are listed, and gathered block by block in a loop as long as the list. The
    sums behind the centres are kept, and changed by the rows that change their label.

    Cost O(n + a d k) an iteration, where a of n rows fail; extra memory O(n).

    Source: Hamerly, Making k-means even faster, 2010, doi:10.1137/1.9781611972801.12, with one
    number a row instead of two bounds.
    """
    n, d = p.x.shape
    k = centers.shape[0]
    sums = jnp.zeros((k, d + 1), p.x.dtype)
    bounds = _Bounds(jnp.full(n, jnp.inf, p.x.dtype), jnp.zeros(k, p.x.dtype), sums, sums)

    def body(state: tuple[_State, _Bounds]) -> tuple[_State, _Bounds]:
        s, bounds = state
        labels, gap, (delta, changed) = _reassign(s, bounds, p)
        sums, lost = _two_sum(bounds.sums, total(delta, p.axis))
        rest = bounds.rest + lost
        after = _update(s, labels, sums + rest, total(changed, p.axis), p)
        drift = jnp.sqrt(squared_norms(after.centers - s.centers))
        slack = bounds.slack + (drift + _largest_other(drift)) * (1 + 1e-6)
        return after, _Bounds(gap, slack, sums, rest)

    s, bounds = lax.while_loop(
        lambda state: _more(state[0], p), body, (_start(centers, p.x), bounds)
    )
    labels, _, _ = _reassign(s, bounds, p)

    def measure(
        carry: tuple[()], valid: Bool[Array, " b"], x: Array, labels: Array
    ) -> tuple[tuple[()], Array]:
        return (), squared_norms(x - p.origin - s.centers[labels])

    distances = fold_rows(measure, (), (p.x, labels), block=tile_size(n, 2 * d))[1]
    return Solution(s.centers, labels, distances, s.n_iter, _converged(s, p))


def _reassign(s: _State, bounds: _Bounds, p: Problem) -> tuple[Array, Array, tuple[Array, Array]]:
    """Labels and gaps with today's centres; the change of the sums, and of how many labels."""
    n, d = p.x.shape
    k = s.centers.shape[0]
    norms = _norms(s.centers, p)
    largest = jnp.max(jnp.where(p.allowed, norms, 0))
    block = tile_size(n, d + k)
    # `>=` is also true of no bound; `~(<)` of not-a-number, which must not be passed over.
    rows, count = compact(~(bounds.gap + bounds.slack[s.labels] < 0), block)

    def visit(
        i: Array, state: tuple[Array, Array, tuple[Array, Array]]
    ) -> tuple[Array, Array, tuple[Array, Array]]:
        labels, gap, (delta, changed) = state
        ids = lax.dynamic_slice_in_dim(rows, i * block, block)
        x = p.x.at[ids].get(mode="clip") - p.origin
        # Not from the labels that the loop writes: XLA would copy them all for every block.
        before = s.labels.at[ids].get(mode="clip")
        present = jnp.where(ids < n, p.weights.at[ids].get(mode="clip"), 0)
        first, second, after = nearest_two(x, s.centers, norms)
        square = squared_norms(x)
        # What rounding can have done to scores: bounds that hold for the exact distances leave
        # labels alone that the computed ones would not change either.
        margin = 8 * jnp.finfo(x.dtype).eps * (square + largest)
        near = jnp.sqrt(jnp.maximum(first + square, 0) + margin)
        far = jnp.sqrt(jnp.maximum(second + square - 4 * margin, 0))
        gap = gap.at[ids].set(near - far - bounds.slack[after], mode="drop", unique_indices=True)
        labels = labels.at[ids].set(after, mode="drop", unique_indices=True)
        differ = (after != before) & (present > 0)
        delta = _move_rows(delta, x, jnp.where(differ, present, 0), before, after)
        return labels, gap, (delta, changed + jnp.sum(differ, dtype=jnp.int32))

    start = (s.labels, bounds.gap, (jnp.zeros((k, d + 1), p.x.dtype), jnp.int32(0)))
    return lax.fori_loop(jnp.int32(0), (count + block - 1) // block, visit, start)


_TALLY = 32  # rows that change their label and are summed at once


def _move_rows(delta: Array, x: Array, weights: Array, before: Array, after: Array) -> Array:
    """Adds rows to the sums of their new centre and takes them off the old; −1 is no centre."""
    k = delta.shape[0]

    def add(delta: Array, x: Array, w: Array, before: Array, after: Array) -> Array:
        x = _augment(x)
        old = jnp.where(before < 0, k, before)
        return delta.at[after].add(x * w[:, None]).at[old].add(-x * w[:, None], mode="drop")

    b, d = x.shape
    if d < 2 * _TALLY or b < 2 * _TALLY:
        return add(delta, x, weights, before, after)
    # Few rows change: of wide rows, only these are touched.
    rows, count = compact(weights > 0, _TALLY)

    def tally(i: Array, delta: Array) -> Array:
        ids = lax.dynamic_slice_in_dim(rows, i * _TALLY, _TALLY)
        w = jnp.where(ids < b, weights.at[ids].get(mode="clip"), 0)
        some = (a.at[ids].get(mode="clip") for a in (x, before, after))
        return add(delta, next(some), w, *some)

    return lax.fori_loop(jnp.int32(0), (count + _TALLY - 1) // _TALLY, tally, delta)


def _two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """The sum, rounded, and what the rounding took off (Knuth, TAOCP 2, 4.2.2)."""
    total = a + b
    kept = total - a
    return total, (a - (total - kept)) + (b - kept)


def _largest_other(drift: Array) -> Array:
    """For each centre, the largest drift among the others."""
    if drift.shape[0] == 1:
        return jnp.zeros_like(drift)
    two = lax.top_k(drift, 2)[0]
    return jnp.where(jnp.arange(len(drift)) == jnp.argmax(drift), two[1], two[0])
