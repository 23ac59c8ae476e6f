"""k-medians: centres that minimise the Manhattan distance of rows to their nearest centre."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from .._checks import check_count, check_key, check_number, check_rows, check_weights
from .._linalg import block_size, fold_rows, total, weighted_mean
from .._sharding import RowSharding, over_rows, replicate, rows_back, spread_rows
from .._typing import Array, ArrayLike, Bool, Float, Int, KeyArray
from ._alternate import Assigned, Ran, alternate, best_of, read_init
from ._seeding import kmeans_plus_plus, random_rows
from ._segment import (
    WIDE,
    Rows,
    beside,
    block_mass,
    gather,
    no_rows,
    over_blocks,
    weighted_sum,
)

_COLUMNS = 8  # columns whose distances are added up in one loop over a block


class KMediansResult(NamedTuple):
    """Centres and labels that belong together: each label is the nearest of these centres.

    Attributes:
      centers: (k, d) medians of the columns of each cluster, in the units of `x`.
      labels: (n,) int32, the nearest centre of each row, the first of equally near ones.
      inertia: Σ wᵢ Σ_c |xᵢ_c − centre_c|, in units of `x`.
      n_iter: iterations of the best start.
      converged: whether it stopped by itself, not at `max_iter`.
    """

    centers: Float[Array, "k d"]
    labels: Int[Array, " n"]
    inertia: Float[Array, ""]
    n_iter: Int[Array, ""]
    converged: Bool[Array, ""]


def kmedians(
    key: KeyArray,
    x: Float[ArrayLike, "n d"],
    k: int,
    *,
    sample_weight: Float[ArrayLike, " n"] | None = None,
    init: str | Float[ArrayLike, "k d"] = "k-means++",
    n_init: int = 1,
    max_iter: int | Int[ArrayLike, ""] = 300,
    tol: float | Float[ArrayLike, ""] = 0.0,
) -> KMediansResult:
    """k-medians: minimises Σᵢ wᵢ minⱼ |xᵢ − cⱼ|₁ to a local minimum.

    Centres are weighted medians, column by column: the middle value, or half way between the two
    values that share the middle. They are found exactly, by bisection over the values that the
    float type has. Empty clusters move to the rows farthest from their centres.

    Cost O(n d k) for the distances and O(n d) for each of some 30 bisections (60 in float64) an
    iteration; peak extra memory is one copy of the rows and O(n + k d). On rows sharded over a
    mesh the bisections communicate O(d) each, cluster by cluster.

    Args:
      key: for the starts; unused where `init` is an array.
      x: rows (n, d). float32 and float64 are kept, other types become the default float.
      k: number of clusters, 1 ≤ k ≤ n. Static.
      sample_weight: (n,) weights ≥ 0; a row of weight 0 counts as absent but gets a label.
      init: "k-means++" (by squared Euclidean distance), "random" (rows), or the (k, d) centres to
        start from.
      n_init: number of starts, run one after the other; the lowest inertia is kept. Static.
      max_iter: iterations at most, per start.
      tol: stops when an iteration lowers the inertia by no more than tol · inertia; 0 waits until
        no label changes.

    Returns:
      A `KMediansResult`.

    Raises:
      ValueError: when shapes or options cannot be.
      TypeError: when `key` is no random key, or `k` is traced.

    Example:
      >>> import jax, jax.numpy as jnp, clusterart_jax as ca
      >>> x = jnp.array([[0.0], [1.0], [2.0], [50.0], [51.0], [900.0]])
      >>> result = ca.kmedians(jax.random.key(0), x, 2, init=jnp.array([[0.0], [60.0]]))
      >>> result.centers.ravel().tolist(), float(result.inertia)
      ([1.0, 51.0], 852.0)

    References:
      Bradley, Mangasarian and Street, Clustering via concave minimization, NIPS 1996.
    """
    x = check_rows(x)
    k = check_count(k, "k", low=1, high=x.shape[0])
    key = check_key(key)
    init, given, n_init = read_init(init, n_init, k, x)
    rows, weights, sharding = spread_rows(x, check_weights(sample_weight, x))
    result = _kmedians(
        key,
        rows,
        weights,
        None if given is None else replicate(given, sharding),
        jnp.asarray(max_iter, jnp.int32),
        check_number(tol, "tol", x.dtype, low=0),
        k=k,
        init=init,
        n_init=n_init,
        sharding=sharding,
    )
    return rows_back(result, _ROWS_OUT, x, sharding)


_ROWS_OUT = KMediansResult._make(name == "labels" for name in KMediansResult._fields)


@partial(jax.jit, static_argnames=("k", "init", "n_init", "sharding"))
def _kmedians(
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
) -> KMediansResult:
    axis = None if sharding is None else sharding.axis
    solve = partial(_solve, k=k, init=init, n_init=n_init, axis=axis)
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
) -> KMediansResult:
    low, high = _span(x, weights, axis)

    def update(found: Assigned) -> tuple[Array, Array]:
        return _medians(found.labels, x, weights, low, high, k, axis)

    def run(key: KeyArray) -> Ran:
        if given is not None:
            start = given
        elif init == "random":
            start = random_rows(key, x, weights, k, axis)
        else:
            origin = weighted_mean(x, weights, axis)[None]
            start = kmeans_plus_plus(key, x, weights, k, origin, axis)
        assign = partial(_assign, x=x)
        return alternate(start, assign, update, x, weights, max_iter=max_iter, tol=tol, axis=axis)

    return KMediansResult(*best_of(run, key, n_init))


def _assign(centers: Array, last: bool, *, x: Array) -> Assigned:
    (n, d), k = x.shape, len(centers)
    group = min(d, _COLUMNS)
    short = -d % group
    groups = jnp.pad(centers, ((0, 0), (0, short))).T.reshape(-1, group, k)

    def step(carry: tuple[()], valid: Bool[Array, " b"], x: Array) -> Any:
        columns = jnp.pad(x, ((0, 0), (0, short))).T.reshape(-1, group, len(x))

        def add(distances: Array, pair: tuple[Array, Array]) -> tuple[Array, None]:
            x, centers = pair
            apart = [jnp.abs(a[None, :] - c[:, None]) for a, c in zip(x, centers, strict=True)]
            return distances + sum(apart[1:], apart[0]), None

        zeros = jnp.zeros((k, len(x)), x.dtype)
        distances = lax.scan(add, zeros, (columns, groups))[0]
        smallest = jnp.min(distances, axis=0)
        numbers = lax.broadcasted_iota(jnp.int32, distances.shape, 0)
        held = jnp.where(distances <= smallest[None], numbers, jnp.int32(k - 1))
        return (), (jnp.min(held, axis=0), smallest)

    block = block_size(n, 2 * d + 2 * k)
    labels, distances = fold_rows(step, (), (x,), block=block)[1]
    return Assigned(labels, distances, ())


def _ordered(x: Array) -> Array:
    """Whole numbers in the order of the floats, without gaps; and back, since twice is nothing."""
    bits = x
    if jnp.issubdtype(x.dtype, jnp.floating):
        bits = lax.bitcast_convert_type(x, jnp.int32 if x.dtype == jnp.float32 else jnp.int64)
    top = jnp.array(jnp.iinfo(bits.dtype).max, bits.dtype)
    return jnp.where(bits < 0, bits ^ top, bits)


def _span(x: Array, weights: Array, axis: Any) -> tuple[Array, Array]:
    """Smallest and largest value of each column among rows that are present, as whole numbers."""

    def step(
        carry: tuple[Array, Array], valid: Bool[Array, " b"], x: Array, w: Array
    ) -> tuple[tuple[Array, Array], tuple[()]]:
        held = (w > 0)[:, None]
        low = jnp.min(jnp.where(held, x, jnp.inf), axis=0)
        high = jnp.max(jnp.where(held, x, -jnp.inf), axis=0)
        return (jnp.minimum(carry[0], low), jnp.maximum(carry[1], high)), ()

    far = jnp.full(x.shape[1], jnp.inf, x.dtype)
    (low, high), _ = fold_rows(step, (far, -far), (x, weights), block=block_size(*x.shape))
    if axis is not None:
        low, high = lax.pmin(low, axis), lax.pmax(high, axis)
    return _ordered(low), _ordered(high)


def _medians(
    labels: Array, x: Array, weights: Array, low: Array, high: Array, k: int, axis: Any
) -> tuple[Array, Array]:
    """Weighted medians (k, d) of the rows of each group, and which groups have rows."""
    room = no_rows(x)
    order = jnp.argsort(labels, stable=True).astype(jnp.int32)
    order = jnp.pad(order, (0, room.weights.shape[1]))
    sizes = jax.ops.segment_sum(jnp.ones_like(labels), labels, num_segments=k)
    ends = jnp.cumsum(sizes, dtype=jnp.int32)
    nowhere = jnp.zeros_like(low).astype(x.dtype)

    def body(j: Array, carry: tuple[Rows, Array, Array]) -> tuple[Rows, Array, Array]:
        rows, centers, masses = carry
        rows = gather(rows, order, ends[j] - sizes[j], sizes[j], nowhere, x, weights)
        mass = total(block_mass(rows.mass, rows), axis)
        center = _median(rows, mass, low, high, axis)
        return rows, centers.at[j].set(center), masses.at[j].set(mass)

    start = (room, jnp.zeros((k, x.shape[1]), x.dtype), jnp.zeros(k, x.dtype))
    _, centers, masses = lax.fori_loop(jnp.int32(0), jnp.int32(k), body, start)
    return centers, masses > 0


def _median(rows: Rows, mass: Array, low: Array, high: Array, axis: Any) -> Array:
    d = len(low)

    def floats(numbers: Array) -> Array:
        return lax.bitcast_convert_type(_ordered(numbers), rows.x.dtype)

    def below(bound: Array) -> Array:
        """Weight of the rows that are no larger than `bound` (d,), column by column."""

        def step(sums: Array, i: Array, x: Array, w: Array) -> Array:
            return sums + weighted_sum((x <= beside(bound)).astype(x.dtype), w, d)

        return total(over_blocks(step, jnp.zeros(d, rows.x.dtype), rows), axis)

    def above(bound: Array) -> Array:
        """Smallest value that is larger than `bound`, column by column."""

        def step(least: Array, i: Array, x: Array, w: Array) -> Array:
            held = (w > 0)[:, None] if d >= WIDE else (w > 0)[None, :]
            values = jnp.where((x > beside(bound)) & held, x, jnp.inf)
            return jnp.minimum(least, jnp.min(values, axis=0 if d >= WIDE else 1))

        least = over_blocks(step, jnp.full(d, jnp.inf, rows.x.dtype), rows)
        return least if axis is None else lax.pmin(least, axis)

    def halve(span: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = span
        middle = (low & high) + ((low ^ high) >> 1)  # rounded down, and never overflows
        enough = 2 * below(floats(middle)) >= mass
        return (
            jnp.where(enough, low, jnp.minimum(middle + 1, high)),
            jnp.where(enough, middle, high),
        )

    def more(span: tuple[Array, Array]) -> Array:
        return jnp.any(span[0] < span[1])

    lower = floats(lax.while_loop(more, halve, (low, high))[1])
    # Comparisons may take subnormal numbers for 0, and so stop at one of them short of it.
    lower = jnp.where(jnp.abs(lower) < jnp.finfo(lower.dtype).tiny, 0, lower)
    shared = (2 * below(lower) == mass) & (mass > 0)
    upper = lax.cond(jnp.any(shared), lambda: above(lower), lambda: lower)
    return jnp.where(shared, lower + (upper - lower) / 2, lower)
