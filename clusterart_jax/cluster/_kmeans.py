"""k-means: centres that minimise the squared distance of rows to their nearest centre."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .._checks import check_choice, check_count, check_key, check_rows, check_weights
from .._linalg import (
    HIGHEST,
    block_size,
    first_min,
    fold_rows,
    group_sums,
    mean_variance,
    squared_norms,
    total,
    weighted_mean,
)
from .._sharding import (
    RowSharding,
    over_rows,
    replicate,
    rows_back,
    spread_rows,
)
from .._typing import Array, ArrayLike, Bool, Float, Int, KeyArray
from ._seeding import kmeans_plus_plus, random_rows

INITS = ("k-means++", "random")


class KMeansResult(NamedTuple):
    """Centres and labels that belong together: each label is the nearest of these centres.

    Attributes:
      centers: (k, d) cluster centres, in the units of `x`.
      labels: (n,) int32, the nearest centre of each row, the first of equally near ones.
      inertia: Σ wᵢ |xᵢ − centre|², in squared units of `x`.
      n_iter: iterations of the best start.
      converged: whether it stopped by itself, not at `max_iter`.
    """

    centers: Float[Array, "k d"]
    labels: Int[Array, " n"]
    inertia: Float[Array, ""]
    n_iter: Int[Array, ""]
    converged: Bool[Array, ""]


def kmeans(
    key: KeyArray,
    x: Float[ArrayLike, "n d"],
    k: int,
    *,
    sample_weight: Float[ArrayLike, " n"] | None = None,
    init: str | Float[ArrayLike, "k d"] = "k-means++",
    n_init: int = 1,
    max_iter: int | Int[ArrayLike, ""] = 300,
    tol: float | Float[ArrayLike, ""] = 1e-4,
) -> KMeansResult:
    """k-means by Lloyd's iteration: minimises Σᵢ wᵢ minⱼ |xᵢ − cⱼ|² to a local minimum.

    Works under `jit` and `vmap`, and on rows sharded over a mesh, where each iteration
    communicates O(k d). Empty clusters move to the rows farthest from their centres. Data are
    centred inside, and products are in full float32, so that far-off data cluster as well.

    Cost O(n d k) an iteration; peak extra memory O(n + k d), whatever `n_init`.

    Args:
      key: for the starts; unused where `init` is an array.
      x: rows (n, d). float32 and float64 are kept, other types become the default float.
      k: number of clusters, 1 ≤ k ≤ n. Static.
      sample_weight: (n,) weights ≥ 0; a row of weight 0 counts as absent but gets a label.
      init: "k-means++" (greedy), "random" (rows), or the (k, d) centres to start from.
      n_init: number of starts, run one after the other; the lowest inertia is kept. Static.
      max_iter: iterations at most, per start.
      tol: stops when Σⱼ |shift of cⱼ|² ≤ tol · (mean variance of the columns); 0 waits until no
        label changes.

    Returns:
      A `KMeansResult`.

    Raises:
      ValueError: when shapes or options cannot be.
      TypeError: when `key` is no random key, or `k` is traced.

    Example:
      >>> import jax, jax.numpy as jnp, clusterart_jax as ca
      >>> x = jnp.array([[0.0, 0.0], [0.0, 1.0], [9.0, 9.0], [9.0, 8.0]])
      >>> result = ca.kmeans(jax.random.key(0), x, 2)
      >>> float(result.inertia)
      1.0
      >>> bool(result.labels[0] == result.labels[1] != result.labels[2])
      True

    References:
      Lloyd, Least squares quantization in PCM, 1982, doi:10.1109/TIT.1982.1056489.
    """
    x = check_rows(x)
    n, d = x.shape
    k = check_count(k, "k", low=1, high=n)
    n_init = check_count(n_init, "n_init")
    key = check_key(key)
    weights = check_weights(sample_weight, x)
    given = None
    if isinstance(init, str):
        check_choice(init, "init", INITS)
    else:
        if np.shape(init) != (k, d):
            raise ValueError(f"init must have shape (k, d) = ({k}, {d}), not {np.shape(init)}")
        given, init, n_init = jnp.asarray(init).astype(x.dtype), "given", 1
    rows, weights, sharding = spread_rows(x, weights)
    if given is not None:
        given = replicate(given, sharding)
    max_iter, tol = jnp.asarray(max_iter, jnp.int32), jnp.asarray(tol, x.dtype)
    result = _kmeans(
        key, rows, weights, given, max_iter, tol, k=k, init=init, n_init=n_init, sharding=sharding
    )
    return rows_back(result, _ROWS_OUT, x, sharding)


_ROWS_OUT = KMeansResult._make(name == "labels" for name in KMeansResult._fields)


@partial(jax.jit, static_argnames=("k", "init", "n_init", "sharding"))
def _kmeans(
    key: KeyArray,
    x: Array,
    weights: Array,
    given: Array | None,
    max_iter: Array,
    tol: Array,
    *,
    k: int,
    init: str,
    n_init: int,
    sharding: RowSharding | None,
) -> KMeansResult:
    solve = partial(
        _solve, k=k, init=init, n_init=n_init, axis=None if sharding is None else sharding.axis
    )
    rows_in = (False, True, True, False, False, False)
    return over_rows(solve, sharding, rows_in=rows_in, rows_out=_ROWS_OUT)(
        key, x, weights, given, max_iter, tol
    )


def _solve(
    key: KeyArray,
    x: Array,
    weights: Array,
    given: Array | None,
    max_iter: Array,
    tol: Array,
    *,
    k: int,
    init: str,
    n_init: int,
    axis: Any,
) -> KMeansResult:
    # Rows are taken relative to their mean block by block; centring a copy would double memory.
    mean = weighted_mean(x, weights, axis)
    variance = mean_variance(x, weights, mean, axis)
    origin = _round_origin(mean, variance)[None]
    tol = tol * variance

    def start(key: KeyArray) -> Array:
        if given is not None:
            return given
        key = jax.random.fold_in(key, 2**32 - 1)  # apart from the keys of the other starts
        if init == "random":
            return random_rows(key, x, weights, k, axis)
        return kmeans_plus_plus(key, x, weights, k, origin, axis)

    def run(key: KeyArray) -> KMeansResult:
        return _lloyd(start(key) - origin, x, weights, origin, max_iter, tol, axis)

    def better(i: Array, best: KMeansResult) -> KMeansResult:
        # Start i has key fold_in(key, i), and the first one `key`, so that a caller can run
        # starts singly.
        other = run(lax.select(i == 0, key, jax.random.fold_in(key, i)))
        wins = (i == 0) | (other.inertia < best.inertia)
        return jax.tree.map(partial(jnp.where, wins), other, best)

    if n_init == 1:
        result = run(key)
    else:
        # One start after the other: under vmap, memory would grow with n_init and all starts
        # would run until the slowest ends.
        none = jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), jax.eval_shape(run, key))
        result = lax.fori_loop(jnp.int32(0), jnp.int32(n_init), better, none)
    return result._replace(centers=result.centers + origin)


def _round_origin(mean: Array, variance: Array) -> Array:
    """The mean, rounded to a power of two well below the spread of the rows.

    Rows of few digits (pixels, counts) then stay exact when the origin is taken off: equal
    distances stay equal, and the first centre wins whatever the order of the sums before.
    """
    grain = jnp.exp2(jnp.floor(jnp.log2(jnp.sqrt(variance))) - 2)
    return jnp.where(variance > 0, jnp.round(mean / grain) * grain, mean)


class _State(NamedTuple):
    centers: Array
    labels: Array
    changed: Array  # number of labels that the last assignment changed
    moved: Array  # Σ |shift|² of the last update
    n_iter: Array


def _lloyd(
    centers: Array,
    x: Array,
    weights: Array,
    origin: Array,
    max_iter: Array,
    tol: Array,
    axis: Any,
) -> KMeansResult:
    """Lloyd's iteration; centres are relative to `origin`, before and after."""

    def more(s: _State) -> Array:
        return (s.n_iter < max_iter) & (s.changed > 0) & (s.moved > tol)

    def body(s: _State) -> _State:
        sums, counts, changed, labels, distances = _assign(
            s.centers, s.labels, x, weights, origin, axis
        )
        sums, counts = _fill_empty(sums, counts, labels, distances, x, weights, origin, axis)
        held = counts > 0
        means = sums / jnp.where(held, counts, 1)[:, None]
        centers = jnp.where(held[:, None], means, s.centers)
        moved = jnp.sum((centers - s.centers) ** 2)
        return _State(centers, labels, changed, moved, s.n_iter + 1)

    unknown = jnp.full(x.shape[:1], -1, jnp.int32)
    start = _State(centers, unknown, jnp.int32(1), jnp.array(jnp.inf, x.dtype), jnp.int32(0))
    end = lax.while_loop(more, body, start)
    labels, distances = _nearest(end.centers, x, origin)
    inertia = total(jnp.sum(weights * distances), axis)
    converged = (end.changed == 0) | (end.moved <= tol)
    return KMeansResult(end.centers, labels, inertia, end.n_iter, converged)


def _assign(
    centers: Array, before: Array, x: Array, weights: Array, origin: Array, axis: Any
) -> tuple[Array, Array, Array, Array, Array]:
    """One pass: group sums (k, d), group weights (k,), labels changed, labels, |x − c|² (n,)."""
    k, d = centers.shape
    norms = squared_norms(centers)

    def step(
        carry: tuple[Array, Array, Array],
        valid: Bool[Array, " b"],
        x: Array,
        w: Array,
        before: Array,
    ) -> tuple[tuple[Array, Array, Array], tuple[Array, Array]]:
        sums, counts, changed = carry
        x = x - origin
        smallest, labels = first_min(_scores(x, centers, norms))
        distances = jnp.maximum(smallest + squared_norms(x), 0)
        present = jnp.where(valid, w, 0)
        augmented = jnp.concatenate([x, jnp.ones_like(x[:, :1])], axis=1)
        grouped = group_sums(augmented, labels, present, k)
        differ = jnp.sum((labels != before) & (present > 0), dtype=jnp.int32)
        carry = (sums + grouped[:, :d], counts + grouped[:, d], changed + differ)
        return carry, (labels, distances)

    zeros = (jnp.zeros((k, d), x.dtype), jnp.zeros(k, x.dtype), jnp.int32(0))
    block = block_size(x.shape[0], d + k)
    sums, (labels, distances) = fold_rows(step, zeros, (x, weights, before), block=block)
    return *total(sums, axis), labels, distances


def _fill_empty(
    sums: Array,
    counts: Array,
    labels: Array,
    distances: Array,
    x: Array,
    weights: Array,
    origin: Array,
    axis: Any,
) -> tuple[Array, Array]:
    """Gives each empty cluster the row that lies farthest from its centre, and takes it from there.

    No row is moved where all rows lie on their centres: there are fewer distinct rows than k. Nor
    is the last row of a cluster, which would only leave another one empty, with a rounding error
    for a centre.
    """
    far = jnp.where(weights > 0, distances, 0)

    def farthest(far: Array) -> Array:
        top = jnp.max(far)
        return top if axis is None else lax.pmax(top, axis)

    def more(state: tuple[Array, Array, Array]) -> Array:
        _, counts, far = state
        return jnp.any(counts <= 0) & (farthest(far) > 0)

    def body(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        sums, counts, far = state
        row = jnp.argmax(far)
        mine = jnp.array(True)
        if axis is not None:
            here = lax.axis_index(axis)
            holds = far[row] == farthest(far)
            mine = holds & (
                here == lax.pmin(jnp.where(holds, here, jnp.iinfo(jnp.int32).max), axis)
            )
        weight = total(jnp.where(mine, weights[row], 0), axis)
        point = total(jnp.where(mine, weights[row] * (x[row] - origin[0]), 0), axis)
        old = total(jnp.where(mine, labels[row], 0), axis)
        empty = jnp.argmax(counts <= 0)
        moves = counts[old] - weight > 8 * jnp.finfo(x.dtype).eps * counts[old]
        moved = sums.at[old].add(-point).at[empty].set(point)
        remaining = counts.at[old].add(-weight).at[empty].set(weight)
        sums, counts = jnp.where(moves, moved, sums), jnp.where(moves, remaining, counts)
        return sums, counts, far.at[row].set(jnp.where(mine, 0, far[row]))

    return lax.while_loop(more, body, (sums, counts, far))[:2]


def _scores(x: Array, centers: Array, norms: Array) -> Array:
    """|c|² − 2 x·c: |x − c|² without |x|², which is the same for all centres and costs digits."""
    return norms[None, :] - 2 * jnp.matmul(x, centers.T, precision=HIGHEST)


def _nearest(centers: Array, x: Array, origin: Array) -> tuple[Array, Array]:
    """Nearest centre (relative to `origin`) of each row, and the squared distance to it."""
    norms = squared_norms(centers)

    def step(
        carry: tuple[()], valid: Bool[Array, " b"], x: Array
    ) -> tuple[tuple[()], tuple[Array, Array]]:
        x = x - origin
        _, labels = first_min(_scores(x, centers, norms))
        # Expanded squares lose all digits of tight clusters that lie far apart: measure directly.
        return (), (labels, squared_norms(x - centers[labels]))

    block = block_size(x.shape[0], x.shape[1] + centers.shape[0])
    return fold_rows(step, (), (x,), block=block)[1]


def nearest_centers(
    x: Float[ArrayLike, "n d"], centers: Float[ArrayLike, "k d"]
) -> tuple[Int[Array, " n"], Float[Array, " n"]]:
    """The nearest centre of each row, the first of equally near ones, and the distance to it.

    Cost O(n d k); peak extra memory O(n).

    Args:
      x: rows (n, d).
      centers: (k, d), as from `kmeans`.

    Returns:
      Labels (n,) int32, and Euclidean distances (n,) in the units of `x`.

    Raises:
      ValueError: when the two have different numbers of columns.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax.cluster import nearest_centers
      >>> labels, distances = nearest_centers(jnp.array([[3.0, 4.0]]), jnp.array([[0.0, 0.0]]))
      >>> int(labels[0]), float(distances[0])
      (0, 5.0)
    """
    x, centers = check_rows(x), check_rows(centers, "centers")
    if x.shape[1] != centers.shape[1]:
        raise ValueError(f"x has {x.shape[1]} columns but centers have {centers.shape[1]}")
    rows, _, sharding = spread_rows(x, jnp.ones(x.shape[:1], x.dtype))
    centers = replicate(centers.astype(x.dtype), sharding)
    found = _nearest_centers(rows, centers, sharding=sharding)
    return rows_back(found, (True, True), x, sharding)


@partial(jax.jit, static_argnames="sharding")
def _nearest_centers(
    x: Array, centers: Array, *, sharding: RowSharding | None
) -> tuple[Array, Array]:
    def solve(x: Array, centers: Array) -> tuple[Array, Array]:
        mean = jnp.mean(centers, axis=0)
        origin = _round_origin(mean, jnp.mean((centers - mean[None]) ** 2))[None]
        labels, squared = _nearest(centers - origin, x, origin)
        return labels, jnp.sqrt(squared)

    return over_rows(solve, sharding, rows_in=(True, False), rows_out=(True, True))(x, centers)
