"""Bisecting k-means: clusters split in two, one after the other, into a tree."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from .._checks import check_choice, check_count, check_key, check_number, check_rows, check_weights
from .._linalg import (
    HIGHEST,
    block_size,
    fold_rows,
    moments,
    squared_norms,
    total,
)
from .._sharding import RowSharding, over_rows, replicate, rows_back, spread_rows
from .._typing import Array, ArrayLike, Bool, Float, Int, KeyArray
from ._segment import Rows, gather, no_rows, partition
from ._two_means import two_means

INITS = ("random", "k-means++")
STRATEGIES = ("biggest_inertia", "largest_cluster")

_SPREAD = 100_000  # numbers a cluster from which devices save more than their talk costs


class BisectingKMeansResult(NamedTuple):
    """A tree of splits in two, and the clusters at its leaves, numbered from left to right.

    Attributes:
      centers: (k, d) cluster centres, in the units of `x`.
      labels: (n,) int32, the leaf that each row comes to, which need not have the nearest centre.
      inertia: Σ wᵢ |xᵢ − centre|², in squared units of `x`.
      children: (k − 1, 2) int32, the two sides of each split, in the order they were made: below k
        a cluster, from k on the split `children − k`.
      split_centers: (k − 1, 2, d) the centres of both sides; rows went to the nearer.
      n_iter: iterations of all splits together.
      converged: whether every split stopped by itself, not at `max_iter`.
    """

    centers: Float[Array, "k d"]
    labels: Int[Array, " n"]
    inertia: Float[Array, ""]
    children: Int[Array, "k-1 2"]
    split_centers: Float[Array, "k-1 2 d"]
    n_iter: Int[Array, ""]
    converged: Bool[Array, ""]


def bisecting_kmeans(
    key: KeyArray,
    x: Float[ArrayLike, "n d"],
    k: int,
    *,
    sample_weight: Float[ArrayLike, " n"] | None = None,
    init: str = "random",
    n_init: int = 1,
    strategy: str = "biggest_inertia",
    max_iter: int | Int[ArrayLike, ""] = 300,
    tol: float | Float[ArrayLike, ""] = 1e-4,
) -> BisectingKMeansResult:
    """Bisecting k-means: splits one cluster in two by 2-means, k − 1 times.

    A split reads the rows of its cluster alone, so that a balanced tree costs O(n d log k) an
    iteration. Peak extra memory is one copy of the rows and O(n + k d). On rows sharded over a
    mesh an iteration communicates O(d).

    Args:
      key: for the starts.
      x: rows (n, d). float32 and float64 are kept, other types become the default float.
      k: number of clusters, 1 ≤ k ≤ n. Static.
      sample_weight: (n,) weights ≥ 0; a row of weight 0 counts as absent but gets a label.
      init: how each split starts: from two "random" rows, or by greedy "k-means++".
      n_init: starts of each split; the lowest inertia is kept. Static.
      strategy: which cluster is split next: that of "biggest_inertia", or the "largest_cluster" by
        weight. One whose rows are all alike is split only when there is no other, and then stays
        whole beside an empty one.
      max_iter: iterations at most, per start.
      tol: a split stops when Σⱼ |shift of cⱼ|² ≤ tol · (mean variance of the columns of `x`); 0
        waits until nothing moves.

    Returns:
      A `BisectingKMeansResult`.

    Raises:
      ValueError: when shapes or options cannot be.
      TypeError: when `key` is no random key, or `k` is traced.

    Example:
      >>> import jax, jax.numpy as jnp, clusterart_jax as ca
      >>> x = jnp.array([[0.0], [1.0], [10.0], [11.0], [12.0]])
      >>> result = ca.bisecting_kmeans(jax.random.key(0), x, 2)
      >>> sorted(result.centers.ravel().tolist())
      [0.5, 11.0]

    References:
      Steinbach, Karypis and Kumar, A comparison of document clustering techniques, 2000,
      https://hdl.handle.net/11299/215421.
    """
    x = check_rows(x)
    k = check_count(k, "k", low=1, high=x.shape[0])
    n_init = check_count(n_init, "n_init")
    check_choice(init, "init", INITS)
    check_choice(strategy, "strategy", STRATEGIES)
    weights = check_weights(sample_weight, x)
    rows, weights, sharding = spread_rows(x, weights, fewest=_SPREAD * k // x.shape[1])
    result = _bisecting_kmeans(
        check_key(key),
        rows,
        weights,
        jnp.asarray(max_iter, jnp.int32),
        check_number(tol, "tol", x.dtype, low=0),
        k=k,
        init=init,
        n_init=n_init,
        strategy=strategy,
        sharding=sharding,
    )
    return rows_back(result, _ROWS_OUT, x, sharding)


_ROWS_OUT = BisectingKMeansResult._make(n == "labels" for n in BisectingKMeansResult._fields)


@partial(jax.jit, static_argnames=("k", "init", "n_init", "strategy", "sharding"))
def _bisecting_kmeans(
    key: KeyArray,
    x: Array,
    weights: Array,
    max_iter: Array,
    tol: Array,
    *,
    k: int,
    init: str,
    n_init: int,
    strategy: str,
    sharding: RowSharding | None,
) -> BisectingKMeansResult:
    axis = None if sharding is None else sharding.axis
    solve = partial(_solve, k=k, init=init, n_init=n_init, strategy=strategy, axis=axis)
    rows_in = (False, True, True, False, False)
    return over_rows(solve, sharding, rows_in=rows_in, rows_out=_ROWS_OUT)(
        key, x, weights, max_iter, tol
    )


class _Forest(NamedTuple):
    """The leaves so far; leaf j is rows order[first[j] : first[j] + size[j]] of this device."""

    rows: Rows  # of the leaf that was split last
    order: Array  # (n + a block,)
    first: Array  # (k,)
    size: Array  # (k,)
    centers: Array  # (k, d)
    inertia: Array  # (k,)
    mass: Array  # (k,)
    rank: Array  # (k,) place among the leaves from left to right
    slot: Array  # (k,) place in `children`, flat, that holds the leaf
    children: Array  # (2 (k − 1),)
    split_centers: Array  # (k − 1, 2, d)
    n_iter: Array
    converged: Array


def _solve(
    key: KeyArray,
    x: Array,
    weights: Array,
    max_iter: Array,
    tol: Array,
    *,
    k: int,
    init: str,
    n_init: int,
    strategy: str,
    axis: Any,
) -> BisectingKMeansResult:
    n, d = x.shape
    mean, variance = moments(x, weights, axis)
    mass = total(jnp.sum(weights), axis)
    split = partial(
        two_means, x=x, max_iter=max_iter, tol=tol * variance, init=init, n_init=n_init, axis=axis
    )
    room = no_rows(x)
    zeros, whole = jnp.zeros(k, x.dtype), jnp.zeros(k, jnp.int32)
    start = _Forest(
        rows=room,
        order=jnp.pad(jnp.arange(n, dtype=jnp.int32), (0, room.weights.shape[1])),
        first=whole,
        size=whole.at[0].set(n),
        centers=jnp.zeros((k, d), x.dtype).at[0].set(mean),
        inertia=zeros.at[0].set(variance * mass * d),
        mass=zeros.at[0].set(mass),
        rank=whole,
        slot=whole,
        children=jnp.zeros(2 * (k - 1), jnp.int32),
        split_centers=jnp.zeros((k - 1, 2, d), x.dtype),
        n_iter=jnp.int32(0),
        converged=jnp.array(True),
    )

    def body(s: Array, f: _Forest) -> _Forest:
        scores = f.inertia if strategy == "biggest_inertia" else f.mass
        alive = jnp.arange(k, dtype=jnp.int32) <= s
        # A cluster of zero inertia cannot be split: after all others, whatever its weight.
        leaf = jnp.argmax(jnp.where(alive, jnp.where(f.inertia > 0, scores, -1), -2))
        first, size, center = f.first[leaf], f.size[leaf], f.centers[leaf]
        rows = gather(f.rows, f.order, first, size, center, x, weights)
        two = split(jax.random.fold_in(key, s), rows)
        order, left = partition(f.order, first, rows, two.right)
        centers, new = two.centers + center[None], s + 1

        def both(old: Array, left: Array, right: Array) -> Array:
            return old.at[leaf].set(left).at[new].set(right)

        rank = jnp.where(f.rank > f.rank[leaf], f.rank + 1, f.rank)
        children = f.children.at[f.slot[leaf]].set(k + s)
        return _Forest(
            rows=rows,
            order=order,
            first=both(f.first, first, first + left),
            size=both(f.size, left, size - left),
            centers=both(f.centers, *centers),
            inertia=both(f.inertia, *two.inertia),
            mass=both(f.mass, *two.mass),
            rank=rank.at[new].set(rank[leaf] + 1),
            slot=both(f.slot, 2 * s, 2 * s + 1),
            children=children.at[2 * s].set(leaf.astype(jnp.int32)).at[2 * s + 1].set(new),
            split_centers=f.split_centers.at[s].set(centers),
            n_iter=f.n_iter + two.n_iter,
            converged=f.converged & two.converged,
        )

    f = lax.fori_loop(jnp.int32(0), jnp.int32(k - 1), body, start) if k > 1 else start
    leaves = jnp.argsort(f.rank)
    # Leaves lie from left to right in the order of rows: a row's is the first that ends after it.
    ends = jnp.cumsum(f.size[leaves], dtype=jnp.int32)
    held = jnp.searchsorted(ends, jnp.arange(n, dtype=jnp.int32), side="right")
    labels = jnp.zeros(n, jnp.int32).at[f.order[:n]].set(held.astype(jnp.int32))
    children = jnp.where(f.children < k, f.rank[jnp.minimum(f.children, k - 1)], f.children)
    inertia = jnp.sum(f.inertia)
    return BisectingKMeansResult(
        centers=f.centers[leaves],
        labels=labels,
        inertia=inertia,
        children=children.reshape(k - 1, 2),
        split_centers=f.split_centers,
        n_iter=f.n_iter,
        converged=f.converged & jnp.isfinite(inertia),
    )


def bisecting_labels(
    x: Float[ArrayLike, "n d"],
    children: Int[ArrayLike, "k-1 2"],
    split_centers: Float[ArrayLike, "k-1 2 d"],
) -> Int[Array, " n"]:
    """The leaf of new points: down the tree, to the nearer centre at each split.

    Cost O(n d k); peak extra memory O(n).

    Args:
      x: rows (n, d).
      children: of a `BisectingKMeansResult`.
      split_centers: of the same.

    Returns:
      Labels (n,) int32.

    Raises:
      ValueError: when shapes do not match.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from clusterart_jax.cluster import bisecting_kmeans, bisecting_labels
      >>> x = jnp.array([[0.0], [1.0], [10.0], [12.0]])
      >>> result = bisecting_kmeans(jax.random.key(0), x, 3)
      >>> labels = bisecting_labels(x, result.children, result.split_centers)
      >>> bool((labels == result.labels).all())
      True
    """
    x = check_rows(x)
    tree, centers = jnp.asarray(children), jnp.asarray(split_centers).astype(x.dtype)
    wanted = (len(tree), 2, x.shape[1])
    if tree.shape != wanted[:2] or centers.shape != wanted:
        raise ValueError(
            f"children and split_centers must have shapes {wanted[:2]} and {wanted}, not "
            f"{tree.shape} and {centers.shape}"
        )
    rows, _, sharding = spread_rows(x, jnp.ones(x.shape[:1], x.dtype))
    tree, centers = replicate(tree, sharding), replicate(centers, sharding)
    labels = _bisecting_labels(rows, tree, centers, sharding=sharding)
    return rows_back(labels, True, x, sharding)


@partial(jax.jit, static_argnames="sharding")
def _bisecting_labels(
    x: Array, children: Array, centers: Array, *, sharding: RowSharding | None
) -> Array:
    def solve(x: Array, children: Array, centers: Array) -> Array:
        splits, _, d = centers.shape
        if not splits:
            return jnp.zeros(x.shape[0], jnp.int32)
        origin = jnp.mean(centers, axis=(0, 1))
        centers = centers - origin[None, None]
        ways = centers[:, 1] - centers[:, 0]
        middles = (squared_norms(centers[:, 1]) - squared_norms(centers[:, 0])) / 2

        def step(carry: tuple[()], valid: Bool[Array, " b"], x: Array) -> tuple[tuple[()], Array]:
            right = jnp.matmul(x - origin[None], ways.T, precision=HIGHEST) > middles[None]

            def descend(s: Array, at: Array) -> Array:
                below = jnp.where(right[:, s], children[s, 1], children[s, 0])
                return jnp.where(at == splits + 1 + s, below, at)

            at = jnp.full(x.shape[:1], splits + 1, jnp.int32)  # the root, split 0
            return (), lax.fori_loop(jnp.int32(0), jnp.int32(splits), descend, at)

        return fold_rows(step, (), (x,), block=block_size(x.shape[0], d + splits))[1]

    return over_rows(solve, sharding, rows_in=(True, False, False), rows_out=True)(
        x, children.astype(jnp.int32), centers
    )
