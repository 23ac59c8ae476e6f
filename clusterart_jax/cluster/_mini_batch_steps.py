"""The steps of mini-batch k-means on the rows of one device: a start, batches, when to stop."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from .._linalg import group_sums, mean_variance, squared_norms, total, weighted_mean
from .._typing import Array, Float, Int, KeyArray
from ._batches import Batch, devices, draw, fetch, running_weights, share, whole
from ._nearest import nearest_one, tile_size
from ._seeding import kmeans_plus_plus, random_rows

START_BATCHES = 3  # batches of rows among which a start is chosen, as in scikit-learn


class MiniBatchState(NamedTuple):
    """Where mini-batch k-means stands after some batches.

    Attributes:
      origin: (d,) a point amid the rows, from which float32 keeps its digits.
      offsets: (k, d) centres relative to `origin`.
      counts: (k,) weight of the rows that each centre has taken.
      since: rows seen since centres of few rows were last looked for.
      n_steps: batches taken.
      inertia: mean squared distance of the rows last seen to the nearest of the centres they met.
    """

    origin: Float[Array, " d"]
    offsets: Float[Array, "k d"]
    counts: Float[Array, " k"]
    since: Int[Array, ""]
    n_steps: Int[Array, ""]
    inertia: Float[Array, ""]

    @property
    def centers(self) -> Float[Array, "k d"]:
        """(k, d) centres, in the units of the rows."""
        return self.origin[None] + self.offsets


def run(
    key: KeyArray,
    x: Array,
    weights: Array,
    given: Array | None,
    max_iter: Array,
    tol: Array,
    max_no_improvement: Array,
    ratio: Array,
    *,
    k: int,
    batch_size: int,
    init: str,
    n_init: int,
    axis: Any,
) -> tuple[MiniBatchState, Array, Array]:
    """A start and batches to the end: the last state, passes over the rows, and whether it stopped.

    Arguments are those of `mini_batch_kmeans`; rows and weights are one device's own.
    """
    running = running_weights(weights, axis)
    every = x.shape[0] * devices(axis)
    some = max(START_BATCHES * batch_size, 3 * k)
    start_key, sample_key, batch_key, step_key = jax.random.split(key, 4)
    if some < every:
        batch = draw(sample_key, some, weights, running, axis)
        sample, present = share(fetch(x, batch, axis), batch.weights, axis)
    else:
        sample, present = x, weights
    state = start(start_key, sample, present, given, k=k, init=init, n_init=n_init, axis=axis)
    tol = tol * mean_variance(sample, present, state.origin, axis)

    n = total(jnp.sum(weights > 0, dtype=jnp.int32), axis)
    # max_iter · n // batch_size, without a product that overflows.
    last = max_iter * (n // batch_size) + max_iter * (n % batch_size) // batch_size
    smoothing = jnp.minimum(2 * batch_size / (n + 1).astype(x.dtype), 1)

    def more(carry: tuple[MiniBatchState, Watch]) -> Array:
        state, watch = carry
        return (state.n_steps < last) & ~watch.stopped

    def body(carry: tuple[MiniBatchState, Watch]) -> tuple[MiniBatchState, Watch]:
        state, watch = carry
        batch = draw(
            jax.random.fold_in(batch_key, state.n_steps), batch_size, weights, running, axis
        )
        after = step(jax.random.fold_in(step_key, state.n_steps), state, x, batch, ratio, axis)
        return after, look(watch, state, after, smoothing, tol, max_no_improvement)

    state, watch = lax.while_loop(more, body, (state, unwatched(x.dtype)))
    passes = jnp.ceil(
        state.n_steps.astype(x.dtype) * batch_size / jnp.maximum(n, 1).astype(x.dtype)
    )
    sound = jnp.all(jnp.isfinite(state.offsets)) & jnp.isfinite(state.inertia)
    return state, passes.astype(jnp.int32), watch.stopped & sound


class Watch(NamedTuple):
    """What tells when to stop."""

    average: Array  # of the inertia of batches, exponentially weighted
    lowest: Array  # that the average has been
    idle: Array  # batches since then
    seen: Array  # batches
    stopped: Array


def unwatched(dtype: Any) -> Watch:
    zero = jnp.zeros((), dtype)
    return Watch(zero, zero, jnp.int32(0), jnp.int32(0), jnp.array(False))


def look(
    watch: Watch,
    before: MiniBatchState,
    after: MiniBatchState,
    smoothing: Array,
    tol: Array,
    max_no_improvement: Array,
) -> Watch:
    """Whether to stop; the first batch, whose inertia is that of the start, does not count.

    The average is plain until as many batches were seen as exponential weights reach over (half a
    pass), and has no lowest value before: one lucky batch at the start would end the run.
    """
    seen = watch.seen + 1
    weight = jnp.maximum(smoothing, 1 / seen.astype(smoothing.dtype))
    average = watch.average + weight * (after.inertia - watch.average)
    young = (seen == 1) | (seen.astype(smoothing.dtype) * smoothing < 1)
    improved = young | (average < watch.lowest)
    idle = jnp.where(improved, 0, watch.idle + 1)
    moved = jnp.sum((after.offsets - before.offsets) ** 2)
    stopped = ((tol > 0) & (moved <= tol)) | (idle >= max_no_improvement)
    lowest = jnp.where(improved, average, watch.lowest)
    looked = Watch(average, lowest, idle, seen, stopped)
    return jax.tree.map(partial(jnp.where, before.n_steps > 0), looked, watch)


def start(
    key: KeyArray,
    x: Array,
    weights: Array,
    given: Array | None,
    *,
    k: int,
    init: str,
    n_init: int,
    axis: Any,
) -> MiniBatchState:
    """The best of `n_init` starts."""
    origin = weighted_mean(x, weights, axis)
    everything = whole(weights, axis)
    mass = total(jnp.sum(weights), axis)

    def one(key: KeyArray) -> tuple[Array, Array]:
        if given is not None:
            centers = given
        elif init == "random":
            centers = random_rows(key, x, weights, k, axis)
        else:
            centers = kmeans_plus_plus(key, x, weights, k, origin[None], axis)
        offsets = centers - origin[None]
        inertia = _group(offsets, origin, x, everything, axis)[2]
        return offsets, inertia / jnp.where(mass > 0, mass, 1)

    def better(i: Array, best: tuple[Array, Array]) -> tuple[Array, Array]:
        other = one(jax.random.fold_in(key, i))
        return jax.tree.map(partial(jnp.where, other[1] < best[1]), other, best)

    best = one(jax.random.fold_in(key, 0))
    if n_init > 1:
        best = lax.fori_loop(jnp.int32(1), jnp.int32(n_init), better, best)
    zeros = jnp.zeros(k, x.dtype)
    return MiniBatchState(origin, best[0], zeros, jnp.int32(0), jnp.int32(0), best[1])


def step(
    key: KeyArray, state: MiniBatchState, x: Array, batch: Batch, ratio: Array, axis: Any
) -> MiniBatchState:
    """The state after a batch."""
    k = state.counts.shape[0]
    since = state.since + jnp.sum(batch.weights > 0, dtype=jnp.int32)
    due = jnp.any(state.counts <= 0) | (since >= 10 * k)
    sums, mass, inertia = _group(state.offsets, state.origin, x, batch, axis)
    counts = state.counts + mass
    pull = sums - mass[:, None] * state.offsets
    offsets = state.offsets + pull / jnp.where(counts > 0, counts, 1)[:, None]
    few = due & (counts < ratio * jnp.max(counts))
    most = batch.weights.shape[0] // 2
    if k > most:
        few &= jnp.argsort(jnp.argsort(counts)) < most
    offsets, counts = lax.cond(
        jnp.any(few),
        lambda: _reassign(key, few, offsets, counts, state.origin, x, batch, axis),
        lambda: (offsets, counts),
    )
    seen = jnp.sum(batch.weights)
    return MiniBatchState(
        origin=state.origin,
        offsets=offsets,
        counts=counts,
        since=jnp.where(due, 0, since),
        n_steps=state.n_steps + 1,
        inertia=inertia / jnp.where(seen > 0, seen, 1),
    )


def _reassign(
    key: KeyArray,
    few: Array,
    offsets: Array,
    counts: Array,
    origin: Array,
    x: Array,
    batch: Batch,
    axis: Any,
) -> tuple[Array, Array]:
    """Puts centres on different rows of the batch, with counts that let them stay a while."""
    order = jnp.where(batch.weights > 0, jax.random.uniform(key, batch.weights.shape), -1)
    _, chosen = lax.top_k(order, min(len(few), len(order)))
    place = jnp.cumsum(few, dtype=jnp.int32) - 1
    few &= place < jnp.sum(batch.weights > 0, dtype=jnp.int32)
    chosen = chosen[jnp.clip(place, 0, len(chosen) - 1)]
    picked = Batch(*(a[chosen] for a in batch))
    rows = fetch(x, picked, axis) - origin[None]
    least = jnp.min(jnp.where(few, jnp.inf, counts))
    return jnp.where(few[:, None], rows, offsets), jnp.where(few, least, counts)


def _group(
    offsets: Array, origin: Array, x: Array, batch: Batch, axis: Any
) -> tuple[Array, Array, Array]:
    """Weighted sums (k, d) of the batch's rows by nearest centre, their weights (k,), inertia."""
    k, d = offsets.shape
    b = batch.rows.shape[0]
    rows, weights, count = batch.rows, batch.weights, jnp.int32(b)
    block = tile_size(b, d + k)
    if axis is not None:
        # Own rows first: each device works on these alone, however the batch fell.
        order = jnp.argsort(~batch.mine, stable=True)
        rows, weights = rows[order], weights[order]
        count = jnp.sum(batch.mine, dtype=jnp.int32)
        block = min(block, max(1, b // (2 * devices(axis))))
    short = -b % block
    rows, weights = jnp.pad(rows, (0, short)), jnp.pad(weights, (0, short))
    norms = squared_norms(offsets)

    def body(i: Array, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        sums, mass, inertia = carry
        at = lax.dynamic_slice_in_dim(rows, i * block, block)
        w = lax.dynamic_slice_in_dim(weights, i * block, block)
        w = jnp.where(i * block + jnp.arange(block, dtype=jnp.int32) < count, w, 0)
        points = x[at] - origin[None]
        smallest, labels = nearest_one(points, offsets, norms)
        distances = jnp.maximum(smallest + squared_norms(points), 0)
        sums = sums + group_sums(points, labels, w, k)
        mass = mass + group_sums(jnp.ones_like(points[:, :1]), labels, w, k)[:, 0]
        return sums, mass, inertia + jnp.sum(w * distances)

    zeros = (jnp.zeros((k, d), x.dtype), jnp.zeros(k, x.dtype), jnp.zeros((), x.dtype))
    return total(lax.fori_loop(jnp.int32(0), -(-count // block), body, zeros), axis)
