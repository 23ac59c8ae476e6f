"""2-means on the rows of one cluster."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from .._linalg import HIGHEST, squared_norms, total
from .._typing import Array, KeyArray
from ._segment import (
    Rows,
    along,
    block_mass,
    draw,
    over_blocks,
    squared_to,
    weighted_sum,
)

_ALIKE = 1e-5  # relative difference of inertia by which another start must be better
_FEW = 32  # rows looked at singly, in one go
_BOUNDED = 128  # columns from which bounds cost less than they save, on a CPU


class Split(NamedTuple):
    """Two centres (relative to the rows' mean) and what is nearer to each of them."""

    centers: Array  # (2, d)
    inertia: Array  # (2,)
    mass: Array  # (2,)
    right: Array  # (blocks, b) whether a row is nearer to centre 1
    n_iter: Array
    converged: Array


class _Known(NamedTuple):
    right: Array  # (blocks, b) sides
    sums: Array  # (d,) of the rows on the right
    mass: Array
    along: Array  # (blocks, b) x·way when the block was last looked at whole
    ways: Array  # (blocks, d) the way then


class _State(NamedTuple):
    centers: Array  # (2, d)
    known: _Known | None  # of the iteration before, where bounds pay
    moved: Array  # Σ |shift|² of the last update
    n_iter: Array


def two_means(
    key: KeyArray,
    rows: Rows,
    x: Array,
    *,
    max_iter: Array,
    tol: Array,
    init: str,
    n_init: int,
    axis: Any,
) -> Split:
    """Splits rows in two by Lloyd's iteration; the lowest inertia of `n_init` starts.

    Args:
      key: for the starts.
      rows: on each device its own.
      x: (n, d) all rows, of which `rows.places` are numbers.
      max_iter: iterations at most, per start.
      tol: stops when the centres move by no more, squared.
      init: "random" or "k-means++".
      n_init: starts.
      axis: of the mesh, or None.
    """

    def run(key: KeyArray) -> Split:
        end = _lloyd(_start(key, rows, init, axis), rows, x, max_iter, tol, axis)
        inertia, mass, right = _measure(end.centers, end.known, rows, x, axis)
        return Split(end.centers, inertia, mass, right, end.n_iter, end.moved <= tol)

    best = run(jax.random.fold_in(key, 0))
    if n_init > 1:

        def better(i: Array, best: Split) -> Split:
            other = run(jax.random.fold_in(key, i))
            # Two starts that end alike differ by rounding: the first of them is kept.
            wins = jnp.sum(other.inertia) < (1 - _ALIKE) * jnp.sum(best.inertia)
            return jax.tree.map(partial(jnp.where, wins), other, best)

        best = lax.fori_loop(jnp.int32(1), jnp.int32(n_init), better, best)
    return best


def _side(centers: Array) -> tuple[Array, Array]:
    """Way and middle: a row is nearer to centre 1 where x·way > middle."""
    norms = squared_norms(centers)
    return centers[1] - centers[0], (norms[1] - norms[0]) / 2


def _lloyd(centers: Array, rows: Rows, x: Array, max_iter: Array, tol: Array, axis: Any) -> _State:
    d = centers.shape[1]
    zeros = jnp.zeros(d, centers.dtype)

    def add(sums: Array, i: Array, x: Array, w: Array) -> Array:
        return sums + weighted_sum(x, w, d)

    whole = total((over_blocks(add, zeros, rows), block_mass(rows.mass, rows)), axis)

    def more(s: _State) -> Array:
        return (s.n_iter < max_iter) & (s.moved > tol)

    def body(s: _State) -> _State:
        if s.known is not None:
            known = _right_by_bounds(s.centers, s.known, rows, x)
            sums, mass = known.sums, known.mass
        else:
            known = None
            sums, mass = _right(s.centers, rows)
        sums, mass = total((sums, mass), axis)
        sums = jnp.stack([whole[0] - sums, sums])
        mass = jnp.stack([whole[1] - mass, mass])
        held = mass > 0
        means = sums / jnp.where(held, mass, 1)[:, None]
        after = jnp.where(held[:, None], means, s.centers)
        return _State(after, known, jnp.sum((after - s.centers) ** 2), s.n_iter + 1)

    known = None
    if d >= _BOUNDED and jax.default_backend() == "cpu":
        # At first all rows lie left, and what is known of them is for a way of length 0.
        none = jnp.zeros_like(rows.weights)
        ways = jnp.zeros((len(none), d), centers.dtype)
        known = _Known(none > 0, zeros, zeros[0], none, ways)
    start = _State(centers, known, jnp.array(jnp.inf, centers.dtype), jnp.int32(0))
    return lax.while_loop(more, body, start)


def _right(centers: Array, rows: Rows) -> tuple[Array, Array]:
    """Sum (d,) and weight of the rows nearer to centre 1."""
    way, middle = _side(centers)

    def step(carry: tuple[Array, Array], i: Array, x: Array, w: Array) -> tuple[Array, Array]:
        w = jnp.where(along(x, way) > middle, w, 0)
        return carry[0] + weighted_sum(x, w, len(way)), carry[1] + jnp.sum(w)

    zero = jnp.zeros((), centers.dtype)
    return over_blocks(step, (jnp.zeros_like(way), zero), rows)


def _right_by_bounds(centers: Array, known: _Known, rows: Rows, x: Array) -> _Known:
    """The same, looking only at rows that may have changed sides.

    Of the change of the way since a block was last looked at whole, the part along the way then
    changes x·way by what is known, and the rest by at most |x| times its length.
    """
    b = rows.weights.shape[1]
    way, middle = _side(centers)
    slack = 8 * jnp.finfo(way.dtype).eps * jnp.linalg.norm(way)

    def whole(known: _Known, i: Array) -> _Known:
        product = along(rows.x[i], way)
        change = _change(rows.weights[i], known.right[i], product > middle)
        return _Known(
            right=known.right.at[i].set(product > middle),
            sums=known.sums + weighted_sum(rows.x[i], change, len(way)),
            mass=known.mass + jnp.sum(change),
            along=known.along.at[i].set(product),
            ways=known.ways.at[i].set(way),
        )

    def singly(known: _Known, i: Array, unsure: Array, count: Array) -> _Known:
        place = jnp.where(unsure, jnp.cumsum(unsure, dtype=jnp.int32) - 1, b + _FEW)
        numbers = jnp.arange(b, dtype=jnp.int32)
        listed = jnp.full(b + _FEW, b, jnp.int32).at[place].set(numbers, mode="drop")

        def look(j: Array, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            side, sums, mass = carry
            some = lax.dynamic_slice_in_dim(listed, j * _FEW, _FEW)
            at = jnp.minimum(some, b - 1)
            points = x.at[rows.places[i, at]].get(mode="clip") - rows.center[None]
            now = jnp.matmul(points, way, precision=HIGHEST) > middle
            change = _change(jnp.where(some < b, rows.weights[i, at], 0), side[at], now)
            sums = sums + jnp.matmul(change, points, precision=HIGHEST)
            return side.at[some].set(now, mode="drop"), sums, mass + jnp.sum(change)

        turns = (count + _FEW - 1) // _FEW
        carry = (known.right[i], known.sums, known.mass)
        side, sums, mass = lax.fori_loop(jnp.int32(0), turns, look, carry)
        return known._replace(right=known.right.at[i].set(side), sums=sums, mass=mass)

    def step(i: Array, known: _Known) -> _Known:
        old = known.ways[i]
        length = jnp.sum(old**2)
        stretch = jnp.sum(old * way) / jnp.where(length > 0, length, 1)
        drift = jnp.linalg.norm(way - stretch * old) + slack
        margin = stretch * known.along[i] - middle
        unsure = (jnp.abs(margin) <= rows.norms[i] * drift) | ((margin > 0) != known.right[i])
        count = jnp.sum(unsure, dtype=jnp.int32)
        return lax.cond(
            4 * count > b,
            lambda known: whole(known, i),
            lambda known: singly(known, i, unsure, count),
            known,
        )

    return lax.fori_loop(jnp.int32(0), rows.used, step, known)


def _change(weights: Array, before: Array, after: Array) -> Array:
    """The weight that comes to the right side, negative where it leaves."""
    return weights * (after.astype(weights.dtype) - before.astype(weights.dtype))


def _measure(
    centers: Array, known: _Known | None, rows: Rows, x: Array, axis: Any
) -> tuple[Array, Array, Array]:
    """Inertia (2,), weight (2,), and the side of each row (blocks, b)."""
    way, middle = _side(centers)
    sides = jnp.zeros(rows.weights.shape, bool)
    if known is not None:
        sides = _right_by_bounds(centers, known, rows, x).right

    def step(carry: tuple[Array, Array, Array], i: Array, x: Array, w: Array) -> Any:
        inertia, mass, sides = carry
        right = sides[i]
        if known is None:
            right = along(x, way) > middle
            sides = sides.at[i].set(right)
        pair = jnp.stack([jnp.where(right, 0, w), jnp.where(right, w, 0)])
        distances = jnp.where(right, squared_to(x, centers[1]), squared_to(x, centers[0]))
        inertia = inertia + jnp.sum(pair * distances[None], axis=1)
        return inertia, mass + jnp.sum(pair, axis=1), sides

    zeros = jnp.zeros(2, centers.dtype)
    inertia, mass, sides = over_blocks(step, (zeros, zeros, sides), rows)
    inertia, mass = total((inertia, mass), axis)
    return inertia, mass, sides


def _start(key: KeyArray, rows: Rows, init: str, axis: Any) -> Array:
    """Two different rows: by weight, or the second the better of two by squared distance."""
    first_key, second_key, third_key = jax.random.split(key, 3)
    first = draw(first_key, rows, rows.weights, rows.mass, 1, axis)[0]

    def apart(power: int) -> tuple[Array, Array]:
        """W |x − first|² of each row, or w where the two differ; and the sums of blocks."""

        def step(carry: tuple[Array, Array], i: Array, x: Array, w: Array) -> Any:
            squared = squared_to(x, first)
            mass = w * (squared if power else (squared > 0).astype(w.dtype))
            return carry[0].at[i].set(mass), carry[1].at[i].set(jnp.sum(mass))

        zeros = jnp.zeros_like(rows.weights)
        return over_blocks(step, (zeros, zeros[:, 0]), rows)

    if init == "random":
        second = draw(second_key, rows, rows.weights, rows.mass, 1, axis)[0]
        second = lax.cond(
            jnp.any(second != first),
            lambda: second,
            lambda: draw(third_key, rows, *apart(0), 1, axis)[0],
        )
        return jnp.stack([first, second])
    mass, sums = apart(2)
    others = draw(second_key, rows, mass, sums, 2, axis)

    def potentials(carry: Array, i: Array, x: Array, w: Array) -> Array:
        apart = jnp.stack([squared_to(x, other) for other in others])
        return carry + jnp.sum(jnp.minimum(w[None] * apart, mass[i][None]), axis=1)

    both = total(over_blocks(potentials, jnp.zeros(2, first.dtype), rows), axis)
    return jnp.stack([first, others[jnp.argmin(both)]])
