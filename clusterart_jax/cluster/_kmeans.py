"""k-means: centres that minimise the squared distance of rows to their nearest centre."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .._checks import (
    as_scalar,
    check_active,
    check_choice,
    check_count,
    check_key,
    check_number,
    check_rows,
    check_weights,
)
from .._linalg import group_sums, moments, round_origin, squared_norms, total
from .._sharding import (
    RowSharding,
    over_rows,
    replicate,
    rows_back,
    spread_rows,
)
from .._typing import Array, ArrayLike, Bool, Float, Int, KeyArray
from ._every_row import EVERY_ROW, every_row_pays
from ._group_bounds import GROUP_BOUNDS, group_bounds_pay
from ._lloyd import Bounds, Problem, lloyd_bounded, lloyd_plain
from ._row_bounds import ROW_BOUNDS, row_bounds_pay
from ._seeding import kmeans_parallel, kmeans_plus_plus, random_rows

_COPY = 2**22  # numbers: 16 MiB of float32
INITS = ("k-means++", "k-means||", "random")


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
    init: str | Float[ArrayLike, "k d"] | Callable[..., ArrayLike] = "k-means++",
    n_init: int = 1,
    max_iter: int | Int[ArrayLike, ""] = 300,
    tol: float | Float[ArrayLike, ""] = 1e-4,
    active: int | Int[ArrayLike, ""] | None = None,
) -> KMeansResult:
    """k-means by Lloyd's iteration: minimises Σᵢ wᵢ minⱼ |xᵢ − cⱼ|² to a local minimum.

    Works under `jit` and `vmap`, and on rows sharded over a mesh, where each iteration
    communicates O(k d). Empty clusters move to the rows farthest from their centres. Data are
    centred inside, and products are in full float32, so that far-off data cluster as well.

    On a CPU, rows whose nearest centre cannot have changed, and groups of centres that cannot hold
    it, are passed over where that pays; the labels are the same. `nearest_centers` gives the
    cluster of new rows. Centres and inertia have derivatives with respect to rows and weights,
    those of the fixed point with labels held: weighted means of the rows of each cluster.

    Cost O(n d k) an iteration; peak extra memory O(n + k d), whatever `n_init`; on a CPU also a
    copy of rows of no more than 4 million numbers, and n k / 48 numbers for the bounds of groups,
    where d ≥ 128 and k > 96.

    Args:
      key: for the starts; unused where `init` is an array.
      x: rows (n, d), finite also where their weight is 0. float32 and float64 are kept, other types
        become the default float.
      k: number of clusters, 1 ≤ k ≤ n. Static.
      sample_weight: (n,) weights ≥ 0; a row of weight 0 counts as absent but gets a label.
      init: "k-means++" (greedy), "k-means||" (fewer passes over the rows), "random" (rows), the
        (k, d) centres to start from, or a function of (key, x, k) that returns them.
      n_init: number of starts, run one after the other; the lowest inertia is kept. Static.
      max_iter: iterations at most, per start.
      tol: stops when Σⱼ |shift of cⱼ|² ≤ tol · (mean variance of the columns); 0 waits until no
        label changes.
      active: only the first `active` of the k centres take part, the others come back infinite.
        Traced, so that one program serves several numbers of clusters; None takes all.

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
      Hamerly, Making k-means even faster, 2010, doi:10.1137/1.9781611972801.12.
      Ding and others, Yinyang k-means, 2015, https://proceedings.mlr.press/v37/ding15.html.
    """
    x = check_rows(x)
    n, d = x.shape
    k = check_count(k, "k", low=1, high=n)
    n_init = check_count(n_init, "n_init")
    key = check_key(key)
    weights = check_weights(sample_weight, x)
    given = None
    if callable(init):
        init = init(key, x, k)
    if isinstance(init, str):
        check_choice(init, "init", INITS)
    else:
        if np.shape(init) != (k, d):
            raise ValueError(f"init must have shape (k, d) = ({k}, {d}), not {np.shape(init)}")
        given, init, n_init = jnp.asarray(init).astype(x.dtype), "given", 1
    rows, weights, sharding = spread_rows(x, weights, fewest=_fewest(d, k))
    if given is not None:
        given = replicate(given, sharding)
    result = _kmeans(
        key,
        rows,
        weights,
        given,
        as_scalar(max_iter, jnp.int32),
        check_number(tol, "tol", x.dtype, low=0),
        check_active(active, k),
        k=k,
        init=init,
        n_init=n_init,
        sharding=sharding,
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
    active: Array,
    *,
    k: int,
    init: str,
    n_init: int,
    sharding: RowSharding | None,
) -> KMeansResult:
    axis = None if sharding is None else sharding.axis

    def solve(
        key: KeyArray,
        x: Array,
        weights: Array,
        active: Array,
        max_iter: Array,
        tol: Array,
        *given: Array,
    ) -> KMeansResult:
        mean, variance = moments(x, weights, axis)
        origin = round_origin(mean, variance)[None]
        allowed = jnp.arange(k, dtype=jnp.int32) < active
        p = Problem(x, weights, origin, allowed, max_iter, tol * variance, axis)
        run = partial(_best_start, key, k=k, init=init, n_init=n_init)
        if not _copy_pays(x):
            return run(p, *given)
        found = run(p._replace(x=x - origin, origin=0.0), *(start - origin for start in given))
        return found._replace(centers=found.centers + origin)

    arguments = (key, x, weights, active, max_iter, tol, *(() if given is None else (given,)))
    rows_in = (False, True, True, *(False for _ in arguments[3:]))
    run = over_rows(solve, sharding, rows_in=rows_in, rows_out=_ROWS_OUT)
    if sharding is None and jax.default_backend() == "cpu":
        # Problems one after the other: each stops by itself, and stays in cache.
        run = jax.custom_batching.sequential_vmap(run)
    run = jax.custom_jvp(run)

    @run.defjvp
    def _(primals: tuple[Array, ...], tangents: tuple[Array, ...]) -> tuple[Any, Any]:
        result = run(*primals)
        rows_in = (True, True, True, True, True, False)
        slope = over_rows(partial(_slope, axis), sharding, rows_in=rows_in, rows_out=(False, False))
        centers, inertia = slope(*tangents[1:3], *primals[1:3], result.labels, result.centers)
        none = jax.tree.map(lambda a: np.zeros(a.shape, jax.dtypes.float0), result)
        return result, none._replace(centers=centers, inertia=inertia)

    return run(*arguments)


def _slope(
    axis: Any, dx: Array, dw: Array, x: Array, weights: Array, labels: Array, centers: Array
) -> tuple[Array, Array]:
    """How centres and inertia follow small changes of rows and weights.

    Labels stand still under small changes, so that at the fixed point the centres are weighted
    means of given rows, whatever number of iterations led there; and the inertia, least in the
    centres, does not feel them move.
    """
    k = centers.shape[0]
    offset = x - centers[labels]
    mass = total(group_sums(jnp.ones_like(x[:, :1]), labels, weights, k), axis)
    pull = weights[:, None] * dx + dw[:, None] * offset
    pulled = total(group_sums(pull, labels, jnp.ones_like(weights), k), axis)
    inertia = jnp.sum(weights * jnp.sum(2 * offset * dx, axis=1) + dw * squared_norms(offset))
    return pulled / jnp.where(mass > 0, mass, 1), total(inertia, axis)


def _fewest(d: int, k: int) -> int:
    """Rows from which on several devices are quicker than one (measured)."""
    return max(8192, 2**21 // (16 + d + (d + 24) * k // 32))


def _copy_pays(x: Array) -> bool:
    """Whether rows relative to their mean are kept, rather than made anew tile by tile.

    Many rows must not take twice their memory.
    """
    return jax.default_backend() == "cpu" and x.size <= _COPY


def _bounds(n: int, d: int, k: int) -> Bounds | None:
    """The bounds that pay for such a problem, if any do."""
    if group_bounds_pay(n, d, k):
        return GROUP_BOUNDS
    if row_bounds_pay(n, d, k):
        return ROW_BOUNDS
    return EVERY_ROW if every_row_pays(d) else None


def _best_start(
    key: KeyArray, p: Problem, given: Array | None = None, *, k: int, init: str, n_init: int
) -> KMeansResult:
    def start(key: KeyArray) -> Array:
        if given is not None:
            return given
        key = jax.random.fold_in(key, 2**32 - 1)  # apart from the keys of the other starts
        if init == "random":
            return random_rows(key, p.x, p.weights, k, p.axis)
        seeds = kmeans_parallel if init == "k-means||" else kmeans_plus_plus
        return seeds(key, p.x, p.weights, k, p.origin, p.axis)

    n, d = p.x.shape
    bounds = _bounds(n, d, k)

    def run(key: KeyArray) -> KMeansResult:
        centers = jnp.where(p.allowed[:, None], start(key) - p.origin, 0)
        found = lloyd_plain(centers, p) if bounds is None else lloyd_bounded(centers, p, bounds)
        inertia = total(jnp.sum(p.weights * found.distances), p.axis)
        return KMeansResult(
            found.centers,
            found.labels,
            inertia,
            found.n_iter,
            found.converged & jnp.isfinite(inertia),
        )

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
    centers = jnp.where(p.allowed[:, None], result.centers + p.origin, jnp.inf)
    return result._replace(centers=centers)
