"""Assigning rows and moving centres in turn: the loop of k-means' kin."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .._checks import check_choice, check_count
from .._linalg import total
from .._typing import Array, ArrayLike, KeyArray

INITS = ("k-means++", "random")


class Assigned(NamedTuple):
    """What a pass over rows finds: nearest centres, distances (n,), and what the update needs."""

    labels: Array
    distances: Array
    sums: Any


class Ran(NamedTuple):
    """How a start ended; fields as in `KMeansResult`."""

    centers: Array
    labels: Array
    inertia: Array
    n_iter: Array
    converged: Array


class _State(NamedTuple):
    centers: Array
    labels: Array
    inertia: Array
    stopped: Array
    n_iter: Array


def read_init(
    init: str | ArrayLike, n_init: int, k: int, x: Array
) -> tuple[str, Array | None, int]:
    """The method's name ("given" for an array), the given centres, and the number of starts."""
    n_init = check_count(n_init, "n_init")
    if isinstance(init, str):
        return check_choice(init, "init", INITS), None, n_init
    if np.shape(init) != (k, x.shape[1]):
        wanted = f"(k, d) = ({k}, {x.shape[1]})"
        raise ValueError(f"init must have shape {wanted}, not {np.shape(init)}")
    return "given", jnp.asarray(init).astype(x.dtype), 1


def alternate(
    centers: Array,
    assign: Callable[[Array, bool], Assigned],
    update: Callable[[Assigned], tuple[Array, Array]],
    x: Array,
    weights: Array,
    *,
    max_iter: Array,
    tol: Array,
    axis: Any,
) -> Ran:
    """Assigns and updates until no label changes, or the inertia falls by tol · inertia at most.

    A centre without rows goes to the row that lies farthest from its own, the next such centre to
    the next such row.

    Args:
      centers: (k, d) where to start, in the coordinates of `x`.
      assign: a pass over the rows of this device, whose `sums` are over all devices; gets the
        centres, and whether it is the last, whose distances are the result.
      update: gives centres (k, d), and which of them have rows.
      x: (n, d)
      weights: (n,)
      max_iter: iterations at most.
      tol: relative fall of the inertia.
      axis: of the mesh, or None.
    """

    def measure(found: Assigned) -> Array:
        return total(jnp.sum(weights * found.distances), axis)

    def more(s: _State) -> Array:
        return (s.n_iter < max_iter) & ~s.stopped

    def body(s: _State) -> _State:
        found = assign(s.centers, False)
        inertia = measure(found)
        after, held = update(found)
        after = jnp.where(held[:, None], after, s.centers)
        after = lax.cond(
            jnp.all(held),
            lambda: after,
            lambda: _farthest(after, held, x, jnp.where(weights > 0, found.distances, 0), axis),
        )
        still = jnp.sum((found.labels != s.labels) & (weights > 0), dtype=jnp.int32)
        still = total(still, axis) == 0
        slow = (tol > 0) & (s.inertia - inertia <= tol * inertia)
        unmoved = jnp.all(held | jnp.all(after == s.centers, axis=1))
        return _State(after, found.labels, inertia, (still | slow) & unmoved, s.n_iter + 1)

    start = _State(
        centers,
        jnp.full(x.shape[:1], -1, jnp.int32),
        jnp.array(jnp.inf, x.dtype),
        jnp.array(False),
        jnp.int32(0),
    )
    end = lax.while_loop(more, body, start)
    found = assign(end.centers, True)
    inertia = measure(found)
    stopped = end.stopped & jnp.isfinite(inertia)
    return Ran(end.centers, found.labels, inertia, end.n_iter, stopped)


def _farthest(centers: Array, held: Array, x: Array, far: Array, axis: Any) -> Array:
    """Centres without rows put on the rows of largest `far`, if that is not 0."""
    k = len(held)
    some = min(k, len(far))
    values, places = lax.top_k(far, some)
    rows = x[places]
    if axis is not None:
        values = lax.all_gather(values, axis, tiled=True)
        rows = lax.all_gather(rows, axis, tiled=True)
        some = min(k, len(values))
        values, places = lax.top_k(values, some)
        rows = rows[places]
    turn = jnp.cumsum(~held, dtype=jnp.int32) - 1
    turn = jnp.where(held, some, turn)
    moves = ~held & (values.at[turn].get(mode="fill", fill_value=0) > 0)
    return jnp.where(moves[:, None], rows.at[turn].get(mode="clip"), centers)


def best_of(run: Callable[[KeyArray], Ran], key: KeyArray, n_init: int) -> Ran:
    """The run of lowest inertia, one after the other so that memory does not grow.

    Start i has key fold_in(key, i), and the first one `key`.
    """

    def better(i: Array, best: Ran) -> Ran:
        other = run(jax.random.fold_in(key, i))
        return jax.tree.map(partial(jnp.where, other.inertia < best.inertia), other, best)

    return lax.fori_loop(jnp.int32(1), jnp.int32(n_init), better, run(key))
