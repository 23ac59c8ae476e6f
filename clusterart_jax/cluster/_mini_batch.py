"""Mini-batch k-means: centres that follow small random batches, for many rows or a stream."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .._checks import check_count, check_key, check_rows, check_weights
from .._linalg import (
    group_sums,
    mean_variance,
    squared_norms,
    total,
    weighted_mean,
)
from .._sharding import RowSharding, over_rows, replicate, rows_back, spread_rows
from .._typing import Array, ArrayLike, Bool, Float, Int, KeyArray
from ._alternate import read_init
from ._batches import Batch, devices, draw, fetch, running_weights, share, whole
from ._nearest import nearest_centers, nearest_one, tile_size
from ._seeding import kmeans_plus_plus, random_rows

START_BATCHES = 3  # batches of rows among which a start is chosen, as in scikit-learn


class MiniBatchKMeansResult(NamedTuple):
    """Centres and labels that belong together: each label is the nearest of these centres.

    Attributes:
      centers: (k, d) cluster centres, in the units of `x`.
      labels: (n,) int32, the nearest centre of each row, the first of equally near ones.
      inertia: Σ wᵢ |xᵢ − centre|², in squared units of `x`.
      counts: (k,) rows that each centre has taken from the batches.
      n_iter: passes over the rows that the batches amount to, the last perhaps in part.
      n_steps: batches taken.
      converged: whether it stopped by itself, not at `max_iter`.
    """

    centers: Float[Array, "k d"]
    labels: Int[Array, " n"]
    inertia: Float[Array, ""]
    counts: Float[Array, " k"]
    n_iter: Int[Array, ""]
    n_steps: Int[Array, ""]
    converged: Bool[Array, ""]


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


def mini_batch_kmeans(
    key: KeyArray,
    x: Float[ArrayLike, "n d"],
    k: int,
    *,
    sample_weight: Float[ArrayLike, " n"] | None = None,
    init: str | Float[ArrayLike, "k d"] = "k-means++",
    n_init: int = 1,
    batch_size: int = 1024,
    max_iter: int | Int[ArrayLike, ""] = 100,
    tol: float | Float[ArrayLike, ""] = 0.0,
    max_no_improvement: int | Int[ArrayLike, ""] | None = 10,
    reassignment_ratio: float | Float[ArrayLike, ""] = 0.01,
) -> MiniBatchKMeansResult:
    """k-means by random batches: each batch moves the centres towards the rows nearest to them.

    A centre that has taken rows of weight v before and takes w now moves by w / (v + w) of the
    way to their mean. Rows of a batch are drawn with replacement in proportion to their weight.
    Centres that have taken hardly any rows are put on rows of the batch.

    Cost O(batch_size d k) a batch and O(n d k) for the labels; peak extra memory
    O(n + batch_size d + k d). On rows sharded over a mesh a batch communicates O(k d).

    Args:
      key: for the start and the batches.
      x: rows (n, d). float32 and float64 are kept, other types become the default float.
      k: number of clusters, 1 ≤ k ≤ n. Static.
      sample_weight: (n,) weights ≥ 0; a row of weight 0 counts as absent but gets a label.
      init: "k-means++" (greedy) or "random" (rows), among 3 batches of rows or 3 k if that is
        more; or the (k, d) centres to start from.
      n_init: starts, of which the one of lowest inertia is run. Static.
      batch_size: rows in a batch; at most n are taken. Static.
      max_iter: passes over the rows at most, each of n / batch_size batches.
      tol: stops when Σⱼ |shift of cⱼ|² ≤ tol · (mean variance of the columns, among the rows that
        the start was chosen from); 0 never stops for that.
      max_no_improvement: stops when the smoothed inertia of so many batches in a row was not the
        lowest yet; None never stops for that.
      reassignment_ratio: centres that took fewer rows than this part of the most that any took
        are moved; 0 moves none.

    Returns:
      A `MiniBatchKMeansResult`.

    Raises:
      ValueError: when shapes or options cannot be.
      TypeError: when `key` is no random key, or `k` is traced.

    Example:
      >>> import jax, jax.numpy as jnp, clusterart_jax as ca
      >>> x = jnp.array([[0.0, 0.0], [0.0, 1.0], [9.0, 9.0], [9.0, 8.0]])
      >>> result = ca.mini_batch_kmeans(jax.random.key(0), x, 2)
      >>> bool(result.labels[0] == result.labels[1] != result.labels[2])
      True

    References:
      Sculley, Web-scale k-means clustering, 2010, doi:10.1145/1772690.1772862.
    """
    x = check_rows(x)
    k = check_count(k, "k", low=1, high=x.shape[0])
    batch_size = min(check_count(batch_size, "batch_size"), x.shape[0])
    key = check_key(key)
    init, given, n_init = read_init(init, n_init, k, x)
    rows, weights, sharding = spread_rows(x, check_weights(sample_weight, x))
    if given is not None:
        given = replicate(given, sharding)
    if max_no_improvement is None:
        max_no_improvement = np.iinfo(np.int32).max
    state, n_iter, converged = _mini_batch_kmeans(
        key,
        rows,
        weights,
        given,
        jnp.asarray(max_iter, jnp.int32),
        jnp.asarray(tol, x.dtype),
        jnp.asarray(max_no_improvement, jnp.int32),
        jnp.asarray(reassignment_ratio, x.dtype),
        k=k,
        batch_size=batch_size,
        init=init,
        n_init=n_init,
        sharding=sharding,
    )
    labels, distances = nearest_centers(rows, state.centers)
    inertia = _inertia(weights, distances, sharding=sharding)
    result = MiniBatchKMeansResult(
        state.centers, labels, inertia, state.counts, n_iter, state.n_steps, converged
    )
    return rows_back(result, _ROWS_OUT, x, sharding)


def mini_batch_init(
    key: KeyArray,
    x: Float[ArrayLike, "n d"],
    k: int,
    *,
    sample_weight: Float[ArrayLike, " n"] | None = None,
    init: str | Float[ArrayLike, "k d"] = "k-means++",
    n_init: int = 1,
) -> MiniBatchState:
    """Where mini-batch k-means starts: centres chosen among the first rows of a stream.

    Cost O(n d k log k) with "k-means++"; peak extra memory O(n + k d).

    Args:
      key: for the start.
      x: the first rows (n, d), better several batches of them.
      k: number of clusters, 1 ≤ k ≤ n. Static.
      sample_weight: (n,) weights ≥ 0; a row of weight 0 counts as absent.
      init: "k-means++" (greedy), "random" (rows), or the (k, d) centres to start from.
      n_init: starts, of which the one of lowest inertia is kept. Static.

    Returns:
      A `MiniBatchState`, whose centres have taken no row yet.

    Raises:
      ValueError: when shapes or options cannot be.
      TypeError: when `key` is no random key, or `k` is traced.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from clusterart_jax.cluster import mini_batch_init
      >>> state = mini_batch_init(jax.random.key(0), jnp.array([[1.0], [5.0]]), 2)
      >>> sorted(state.centers.ravel().tolist())
      [1.0, 5.0]
    """
    x = check_rows(x)
    k = check_count(k, "k", low=1, high=x.shape[0])
    key = check_key(key)
    init, given, n_init = read_init(init, n_init, k, x)
    rows, weights, sharding = spread_rows(x, check_weights(sample_weight, x))
    if given is not None:
        given = replicate(given, sharding)
    state = _init(key, rows, weights, given, k=k, init=init, n_init=n_init, sharding=sharding)
    return rows_back(state, _NO_ROWS, x, sharding)


def mini_batch_update(
    key: KeyArray,
    state: MiniBatchState,
    x: Float[ArrayLike, "n d"],
    *,
    sample_weight: Float[ArrayLike, " n"] | None = None,
    reassignment_ratio: float | Float[ArrayLike, ""] = 0.01,
) -> MiniBatchState:
    """Moves the centres towards the rows of one batch, all of them taken once.

    Cost O(n d k); peak extra memory O(n + k d).

    Args:
      key: for the rows on which centres of few rows are put.
      state: from `mini_batch_init` or the update before; it takes the float type of the rows.
      x: a batch of rows (n, d), in any order.
      sample_weight: (n,) weights ≥ 0; a row of weight 0 counts as absent.
      reassignment_ratio: centres that took less weight than this part of the most that any took
        are moved, at most n / 2 of them, each time that a centre has taken nothing or 10 k rows
        were seen; 0 moves none.

    Returns:
      The `MiniBatchState` after the batch.

    Raises:
      ValueError: when `x` has other columns than the centres.
      TypeError: when `key` is no random key.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from clusterart_jax.cluster import mini_batch_init, mini_batch_update
      >>> key, x = jax.random.key(0), jnp.array([[1.0], [5.0]])
      >>> state = mini_batch_init(key, x, 2, init=jnp.array([[0.0], [9.0]]))
      >>> state = mini_batch_update(key, state, x)
      >>> state.centers.tolist(), state.counts.tolist()
      ([[1.0], [5.0]], [1.0, 1.0])

    References:
      Sculley, Web-scale k-means clustering, 2010, doi:10.1145/1772690.1772862.
    """
    x = check_rows(x)
    key = check_key(key)
    if x.shape[1] != state.offsets.shape[1]:
        raise ValueError(f"x has {x.shape[1]} columns but centers have {state.offsets.shape[1]}")
    rows, weights, sharding = spread_rows(x, check_weights(sample_weight, x))
    kinds = (x.dtype, x.dtype, x.dtype, jnp.int32, jnp.int32, x.dtype)
    state = MiniBatchState._make(
        replicate(jnp.asarray(a, kind), sharding) for a, kind in zip(state, kinds, strict=True)
    )
    ratio = jnp.asarray(reassignment_ratio, x.dtype)
    state = _update(key, rows, weights, state, ratio, sharding=sharding)
    return rows_back(state, _NO_ROWS, x, sharding)


_ROWS_OUT = MiniBatchKMeansResult._make(n == "labels" for n in MiniBatchKMeansResult._fields)
_NO_ROWS = MiniBatchState._make(False for _ in MiniBatchState._fields)


@partial(jax.jit, static_argnames=("k", "batch_size", "init", "n_init", "sharding"))
def _mini_batch_kmeans(
    key: KeyArray,
    x: Array,
    weights: Array,
    given: Array | None,
    *numbers: Array,
    k: int,
    batch_size: int,
    init: str,
    n_init: int,
    sharding: RowSharding | None,
) -> tuple[MiniBatchState, Array, Array]:
    axis = None if sharding is None else sharding.axis
    solve = partial(_solve, k=k, batch_size=batch_size, init=init, n_init=n_init, axis=axis)
    rows_in = (False, True, True, *(False,) * 5)
    return over_rows(solve, sharding, rows_in=rows_in, rows_out=(_NO_ROWS, False, False))(
        key, x, weights, given, *numbers
    )


@partial(jax.jit, static_argnames="sharding")
def _inertia(weights: Array, distances: Array, *, sharding: RowSharding | None) -> Array:
    def solve(weights: Array, distances: Array) -> Array:
        return total(jnp.sum(weights * distances**2), None if sharding is None else sharding.axis)

    return over_rows(solve, sharding, rows_in=(True, True), rows_out=False)(weights, distances)


@partial(jax.jit, static_argnames=("k", "init", "n_init", "sharding"))
def _init(
    key: KeyArray,
    x: Array,
    weights: Array,
    given: Array | None,
    *,
    k: int,
    init: str,
    n_init: int,
    sharding: RowSharding | None,
) -> MiniBatchState:
    axis = None if sharding is None else sharding.axis
    start = partial(_start, k=k, init=init, n_init=n_init, axis=axis)
    return over_rows(start, sharding, rows_in=(False, True, True, False), rows_out=_NO_ROWS)(
        key, x, weights, given
    )


@partial(jax.jit, static_argnames="sharding")
def _update(
    key: KeyArray,
    x: Array,
    weights: Array,
    state: MiniBatchState,
    ratio: Array,
    *,
    sharding: RowSharding | None,
) -> MiniBatchState:
    axis = None if sharding is None else sharding.axis

    def solve(
        key: KeyArray, x: Array, weights: Array, state: MiniBatchState, ratio: Array
    ) -> MiniBatchState:
        return _step(key, state, x, whole(weights, axis), ratio, axis)

    rows_in = (False, True, True, False, False)
    return over_rows(solve, sharding, rows_in=rows_in, rows_out=_NO_ROWS)(
        key, x, weights, state, ratio
    )


def _solve(
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
    running = running_weights(weights, axis)
    every = x.shape[0] * devices(axis)
    some = max(START_BATCHES * batch_size, 3 * k)
    start_key, sample_key, batch_key, step_key = jax.random.split(key, 4)
    if some < every:
        batch = draw(sample_key, some, weights, running, axis)
        sample, present = share(fetch(x, batch, axis), batch.weights, axis)
    else:
        sample, present = x, weights
    state = _start(start_key, sample, present, given, k=k, init=init, n_init=n_init, axis=axis)
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
        after = _step(jax.random.fold_in(step_key, state.n_steps), state, x, batch, ratio, axis)
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


def _start(
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
    origin = weighted_mean(x, weights, axis)
    everything = whole(weights, axis)
    mass = total(jnp.sum(weights), axis)

    def run(key: KeyArray) -> tuple[Array, Array]:
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
        other = run(jax.random.fold_in(key, i))
        return jax.tree.map(partial(jnp.where, other[1] < best[1]), other, best)

    best = run(jax.random.fold_in(key, 0))
    if n_init > 1:
        best = lax.fori_loop(jnp.int32(1), jnp.int32(n_init), better, best)
    zeros = jnp.zeros(k, x.dtype)
    return MiniBatchState(origin, best[0], zeros, jnp.int32(0), jnp.int32(0), best[1])


def _step(
    key: KeyArray, state: MiniBatchState, x: Array, batch: Batch, ratio: Array, axis: Any
) -> MiniBatchState:
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
