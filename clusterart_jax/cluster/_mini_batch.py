"""Mini-batch k-means: centres that follow small random batches, for many rows or a stream."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .._checks import check_count, check_key, check_number, check_rows, check_weights
from .._linalg import total
from .._sharding import RowSharding, over_rows, replicate, rows_back, spread_rows
from .._typing import Array, ArrayLike, Bool, Float, Int, KeyArray
from ._alternate import read_init
from ._batches import whole
from ._mini_batch_steps import MiniBatchState, run, start, step
from ._nearest import nearest_centers


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
        check_number(tol, "tol", x.dtype, low=0),
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
    solve = partial(run, k=k, batch_size=batch_size, init=init, n_init=n_init, axis=axis)
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
    solve = partial(start, k=k, init=init, n_init=n_init, axis=axis)
    return over_rows(solve, sharding, rows_in=(False, True, True, False), rows_out=_NO_ROWS)(
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
        return step(key, state, x, whole(weights, axis), ratio, axis)

    rows_in = (False, True, True, False, False)
    return over_rows(solve, sharding, rows_in=rows_in, rows_out=_NO_ROWS)(
        key, x, weights, state, ratio
    )
