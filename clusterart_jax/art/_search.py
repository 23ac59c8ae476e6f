"""k-means that goes on where Lloyd's iteration stops: clusters are split where errors are large.

A local minimum of k-means has centres where few are needed and lacks them elsewhere. From one
centre, clusters are split until there are k. Then, breathing in, those of the largest errors are
split once more, and breathing out, after Lloyd's iteration, the centres go whose rows lose least by
it. Some breaths give what many restarts do not.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from .._linalg import HIGHEST, squared_norms
from .._typing import Array, Float, KeyArray
from ..cluster import kmeans

_BLOCK = 2048  # rows whose distances to all centres are made at once: they stay in cache
_GROWING, _BREATHING = 4, 10  # steps of Lloyd's iteration after a change
_ASIDE = 0.3  # how far a new centre lies beside the old one, in root mean squared distances


@partial(jax.jit, static_argnames="room")
def search(
    key: KeyArray,
    points: Float[Array, "n d"],
    weights: Float[Array, " n"],
    k: Array,
    breaths: Array,
    *,
    room: int,
) -> Float[Array, "room d"]:
    """Finds centres whose inertia is lower than what k-means gives.

    Growing, breathing in and breathing out are turns of one loop, so that Lloyd's iteration, which
    takes longest to compile, is in the program once.

    Args:
      key: for the directions in which clusters are split.
      points: rows, a multiple of 2,048 of them.
      weights: of the rows; they sum to 1.
      k: centres. Traced, so that one program serves several numbers of them.
      breaths: how often; the first ones gain most. Traced.
      room: places for centres, at least k and an eighth more, and k + 2. Static.

    Returns:
      The k centres, then zeros.

    References:
      Linde, Buzo and Gray, An algorithm for vector quantizer design, 1980,
      doi:10.1109/TCOM.1980.1094577.
      Fritzke, The k-means algorithm, breathing, 2020, arXiv:2006.15666; here an eighth of the
      centres moves at a time, and half as many whenever that has not helped.
    """
    d = points.shape[1]
    number = jnp.arange(room, dtype=jnp.int32)
    grow = 32 - lax.clz(k - 1)  # how often one is doubled until it is k

    def split(key: KeyArray, centers: Array, active: Array, errors: Array) -> Array:
        worst = jnp.argsort(jnp.where(number < active, -errors, 1), stable=True)
        parent = centers[worst[jnp.maximum(number - active, 0)]]
        size = jnp.sqrt(jnp.sum(errors) / d)
        beside = parent + _ASIDE * size * jax.random.normal(key, (room, d), points.dtype)
        return jnp.where((number < active)[:, None], centers, beside)

    def turn(i: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
        centers, active, best, least, size = state
        growing, out = i < grow, (i >= grow) & ((i - grow) % 2 == 1)
        errors, missed = _losses(points, weights, centers, active)
        aside = jax.random.fold_in(key, i)
        changed = lax.cond(
            out,
            lambda: _dropped(centers, active, missed, size),
            lambda: split(aside, centers, active, errors),
        )
        more = jnp.where(growing, jnp.minimum(active, k - active), size)
        active = jnp.where(out, k, active + more)
        found = kmeans(
            *(key, points, room),
            sample_weight=weights,
            init=changed,
            active=active,
            max_iter=jnp.where(growing, _GROWING, _BREATHING),
            tol=1e-3,
        )
        centers = jnp.where((number < active)[:, None], found.centers, 0)
        helped = (active == k) & (found.inertia < least)
        size = jnp.where(
            out & (found.inertia >= (1 - 1e-4) * least), jnp.maximum(size // 2, 1), size
        )
        best = jnp.where(helped, centers, best)
        least = jnp.where(helped, found.inertia, least)
        return jnp.where(out, best, centers), active, best, least, size

    mean = jnp.sum(weights[:, None] * points, axis=0)
    start = jnp.zeros((room, d), points.dtype).at[0].set(mean)
    far = jnp.array(jnp.inf, points.dtype)
    state = (start, jnp.int32(1), start, far, jnp.maximum(k // 8, 2))
    best = lax.fori_loop(jnp.int32(0), grow + 2 * breaths, turn, state)[2]
    return jnp.where((number < k)[:, None], best, 0)


def _losses(points: Array, weights: Array, centers: Array, active: Array) -> tuple[Array, Array]:
    """What each cluster loses by its rows' distances, and would lose more without its centre."""
    d = points.shape[1]
    k = centers.shape[0]
    there = jnp.arange(k, dtype=jnp.int32) < active
    norms = jnp.where(there, squared_norms(centers), jnp.inf)

    def of_block(block: tuple[Array, Array]) -> Array:
        x, w = block
        scores = norms[:, None] - 2 * jnp.matmul(centers, x.T, precision=HIGHEST)
        nearest = jnp.min(scores, axis=0)
        column = lax.broadcasted_iota(jnp.int32, scores.shape, 0)
        label = jnp.min(jnp.where(scores <= nearest[None], column, k - 1), axis=0)
        second = jnp.min(jnp.where(column == label[None], jnp.inf, scores), axis=0)
        lost = jnp.maximum(nearest + squared_norms(x), 0)
        both = jnp.stack([w * lost, w * (second - nearest)], axis=1)
        return jax.ops.segment_sum(both, label, k)

    blocks = points.reshape(-1, _BLOCK, d), weights.reshape(-1, _BLOCK)
    sums = jnp.sum(lax.map(of_block, blocks), axis=0)
    return sums[:, 0], sums[:, 1]


def _dropped(centers: Array, active: Array, missed: Array, size: Array) -> Array:
    """The centres without the `size` that are missed least; those that stay come first.

    What lies nearest to one that goes has to stand in for it, and stays.
    """
    k = centers.shape[0]
    there = jnp.arange(k, dtype=jnp.int32) < active
    gaps = jnp.sum((centers[:, None] - centers[None]) ** 2, axis=2)
    gaps = jnp.where(there[None] & ~jnp.eye(k, dtype=bool), gaps, jnp.inf)
    neighbour = jnp.argmin(gaps, axis=1)

    def drop(_: Array, state: tuple[Array, Array]) -> tuple[Array, Array]:
        gone, kept = state
        free = there & ~gone & ~kept
        free = jnp.where(jnp.any(free), free, there & ~gone)
        one = jnp.argmin(jnp.where(free, missed, jnp.inf))
        return gone.at[one].set(True), kept.at[neighbour[one]].set(True)

    none = jnp.zeros(k, bool)
    gone, _ = lax.fori_loop(jnp.int32(0), size, drop, (none, none))
    return centers[jnp.argsort(gone | ~there, stable=True)]
