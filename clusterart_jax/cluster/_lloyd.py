"""Lloyd's iteration: every row to its nearest centre, every centre to the mean of its rows.

`lloyd_plain` compares every row with every centre each time; `lloyd_bounded` only the rows whose
nearest centre can have changed. Both give the same labels. Centres are relative to `origin`, a
point amid the rows, before and after.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax

from .._linalg import fold_rows, group_sums, squared_norms
from .._typing import Array, Bool
from ._empty import fill_empty
from ._nearest import nearest_one, tile_size


class Problem(NamedTuple):
    """What stays the same from iteration to iteration.

    Attributes:
      x: (n, d) rows, of this device.
      weights: (n,)
      origin: (1, d), taken off the rows whenever they are read; 0.0 where they are without it.
      allowed: (k,) bool, False for centres that do not take part.
      max_iter: iterations at most.
      tol: stops when Σ |shift of a centre|² is no larger.
      axis: name of the mesh axis over which rows are spread, or None.
    """

    x: Array
    weights: Array
    origin: Any
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


class State(NamedTuple):
    """Where the iteration stands.

    Attributes:
      centers: (k, d)
      labels: (n,) of the assignment before, −1 before the first.
      changed: more than 0 where it changed labels.
      moved: Σ |shift|² of the last update.
      n_iter: iterations so far.
    """

    centers: Array
    labels: Array
    changed: Array
    moved: Array
    n_iter: Array


def _start(centers: Array, x: Array) -> State:
    unknown = jnp.full(x.shape[:1], -1, jnp.int32)
    return State(centers, unknown, jnp.int32(1), jnp.array(jnp.inf, x.dtype), jnp.int32(0))


def _more(s: State, p: Problem) -> Array:
    return (s.n_iter < p.max_iter) & (s.changed > 0) & (s.moved > p.tol)


def _converged(s: State, p: Problem) -> Array:
    # Not-a-number in the centres ends the loop as well, and is no convergence.
    return ((s.changed == 0) | (s.moved <= p.tol)) & jnp.all(jnp.isfinite(s.centers))


def _update(s: State, labels: Array, sums: Array, changed: Array, p: Problem) -> State:
    """Centres to the means of their rows; `sums` (k, d + 1) ends with the weight of each."""
    sums = fill_empty(sums, labels, s.centers, p)
    weight = sums[:, -1:]
    centers = jnp.where(weight > 0, sums[:, :-1] / jnp.where(weight > 0, weight, 1), s.centers)
    moved = jnp.sum((centers - s.centers) ** 2)
    return State(centers, labels, changed, moved, s.n_iter + 1)


def _totals(sums: Array, changed: Array, axis: Any) -> tuple[Array, Array]:
    """Sums over devices, and whether labels changed: one message, since each costs a wait."""
    if axis is None:
        return sums, changed
    both = jnp.append(sums.ravel(), (changed > 0).astype(sums.dtype))
    both = lax.psum(both, axis)
    return both[:-1].reshape(sums.shape), both[-1].astype(jnp.int32)


def live_norms(centers: Array, p: Problem) -> Array:
    """Squared norms (k,), infinite for centres that do not take part."""
    return jnp.where(p.allowed, squared_norms(centers), jnp.inf)


def augment(x: Array) -> Array:
    """A column of ones, whose weighted sums are the weights of the groups."""
    return jnp.concatenate([x, jnp.ones_like(x[:, :1])], axis=1)


def lloyd_plain(centers: Array, p: Problem) -> Solution:
    """Compares every row with every centre, in tiles that stay in cache.

    Cost O(n d k) an iteration, extra memory O(n).
    """
    k, d = centers.shape
    block = tile_size(p.x.shape[0], d + k)

    def body(s: State) -> State:
        norms = live_norms(s.centers, p)

        def step(
            carry: tuple[Array, Array], valid: Bool[Array, " b"], x: Array, w: Array, before: Array
        ) -> tuple[tuple[Array, Array], Array]:
            sums, changed = carry
            x = x - p.origin
            labels = nearest_one(x, s.centers, norms)[1]
            present = jnp.where(valid, w, 0)
            sums = sums + group_sums(augment(x), labels, present, k)
            differ = jnp.sum((labels != before) & (present > 0), dtype=jnp.int32)
            return (sums, changed + differ), labels

        zero = (jnp.zeros((k, d + 1), p.x.dtype), jnp.int32(0))
        counted, labels = fold_rows(step, zero, (p.x, p.weights, s.labels), block=block)
        sums, changed = _totals(*counted, p.axis)
        return _update(s, labels, sums, changed, p)

    s = lax.while_loop(lambda s: _more(s, p), body, _start(centers, p.x))
    norms = live_norms(s.centers, p)

    def measure(
        carry: tuple[()], valid: Bool[Array, " b"], x: Array, labels: Array
    ) -> tuple[tuple[()], tuple[Array, Array]]:
        x = x - p.origin
        labels = lax.cond(
            s.changed == 0, lambda: labels, lambda: nearest_one(x, s.centers, norms)[1]
        )
        # Expanded squares lose all digits of tight clusters that lie far apart: measure directly.
        return (), (labels, squared_norms(x - s.centers[labels]))

    labels, distances = fold_rows(measure, (), (p.x, s.labels), block=block)[1]
    return Solution(s.centers, labels, distances, s.n_iter, _converged(s, p))


class Bounds(NamedTuple):
    """A way to know which rows cannot have a new nearest centre, of three functions.

    Attributes:
      start: (centers, problem) → what is known of rows and centres before anything was compared.
      reassign: (state, known, problem) → labels (n,) with the centres of the state, what is known
        then, the change of the sums (k, d + 1) on this device, and how many of its labels changed.
      age: (known, shift of each centre (k,)) → what is known after the centres moved.
    """

    start: Callable[[Array, Problem], Any]
    reassign: Callable[[State, Any, Problem], tuple[Array, Any, Array, Array]]
    age: Callable[[Any, Array], Any]


def lloyd_bounded(centers: Array, p: Problem, bounds: Bounds) -> Solution:
    """Compares only the rows that may have a new nearest centre, which `bounds` knows.

    The sums behind the centres are kept, and changed by the rows that change their label. What
    rounding takes off them is kept beside, so that adding and taking away rows for long leaves
    them as good as new.
    """
    n, d = p.x.shape
    zeros = jnp.zeros((centers.shape[0], d + 1), p.x.dtype)

    def body(carry: tuple[State, Any, Array, Array]) -> tuple[State, Any, Array, Array]:
        s, known, sums, rest = carry
        labels, known, delta, changed = bounds.reassign(s, known, p)
        delta, changed = _totals(delta, changed, p.axis)
        sums, lost = _two_sum(sums, delta)
        rest = rest + lost
        after = _update(s, labels, sums + rest, changed, p)
        shift = jnp.sqrt(squared_norms(after.centers - s.centers))
        return after, bounds.age(known, shift), sums, rest

    start = (_start(centers, p.x), bounds.start(centers, p), zeros, zeros)
    s, known, _, _ = lax.while_loop(lambda carry: _more(carry[0], p), body, start)
    # Where no label changed last time, the same rows gave the same centres again.
    labels = lax.cond(s.changed == 0, lambda: s.labels, lambda: bounds.reassign(s, known, p)[0])

    def measure(
        carry: tuple[()], valid: Bool[Array, " b"], x: Array, labels: Array
    ) -> tuple[tuple[()], Array]:
        return (), squared_norms(x - p.origin - s.centers[labels])

    distances = fold_rows(measure, (), (p.x, labels), block=tile_size(n, 2 * d))[1]
    return Solution(s.centers, labels, distances, s.n_iter, _converged(s, p))


def _two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """The sum, rounded, and what the rounding took off (Knuth, TAOCP 2, 4.2.2)."""
    total = a + b
    kept = total - a
    return total, (a - (total - kept)) + (b - kept)
