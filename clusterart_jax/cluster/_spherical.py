"""Spherical k-means: centres that are directions, and rows that count by theirs alone."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from .._checks import check_count, check_key, check_number, check_rows, check_weights
from .._linalg import block_size, fold_rows, group_sums, squared_norms, total, weighted_mean
from .._sharding import RowSharding, over_rows, replicate, rows_back, spread_rows
from .._typing import Array, ArrayLike, Bool, Float, Int, KeyArray
from ._alternate import Assigned, Ran, alternate, best_of, read_init
from ._nearest import nearest_one, tile_size
from ._seeding import kmeans_plus_plus, random_rows


class SphericalKMeansResult(NamedTuple):
    """Directions and labels that belong together: each label is that of the smallest angle.

    Attributes:
      centers: (k, d) directions of length 1.
      labels: (n,) int32, the nearest direction of each row; 0 for rows of length 0.
      inertia: Σ wᵢ (1 − cos of the angle between row and centre); a row of length 0 counts 1.
      n_iter: iterations of the best start.
      converged: whether it stopped by itself, not at `max_iter`.
    """

    centers: Float[Array, "k d"]
    labels: Int[Array, " n"]
    inertia: Float[Array, ""]
    n_iter: Int[Array, ""]
    converged: Bool[Array, ""]


def spherical_kmeans(
    key: KeyArray,
    x: Float[ArrayLike, "n d"],
    k: int,
    *,
    sample_weight: Float[ArrayLike, " n"] | None = None,
    init: str | Float[ArrayLike, "k d"] = "k-means++",
    n_init: int = 1,
    max_iter: int | Int[ArrayLike, ""] = 300,
    tol: float | Float[ArrayLike, ""] = 0.0,
) -> SphericalKMeansResult:
    """k-means by angle: minimises Σᵢ wᵢ minⱼ (1 − cos(xᵢ, cⱼ)) to a local minimum.

    Rows are scaled to length 1, and centres are the directions of the sums of their rows. A row
    of length 0 has no direction: it pulls no centre. Centres without rows, or whose rows cancel
    out, move to the rows farthest from their centres. Where rows all point about the same way,
    their directions relative to the mean one are compared, so that float32 keeps its digits.

    Cost O(n d k) an iteration; peak extra memory is one copy of the rows and O(n + k d). On rows
    sharded over a mesh an iteration communicates O(k d).

    Args:
      key: for the starts; unused where `init` is an array.
      x: rows (n, d). float32 and float64 are kept, other types become the default float.
      k: number of clusters, 1 ≤ k ≤ n. Static.
      sample_weight: (n,) weights ≥ 0; a row of weight 0 counts as absent but gets a label.
      init: "k-means++" or "random" among the rows' directions, or (k, d) directions of any length
        but 0.
      n_init: number of starts, run one after the other; the lowest inertia is kept. Static.
      max_iter: iterations at most, per start.
      tol: stops when an iteration lowers the inertia by no more than tol · inertia; 0 waits until
        no label changes.

    Returns:
      A `SphericalKMeansResult`.

    Raises:
      ValueError: when shapes or options cannot be.
      TypeError: when `key` is no random key, or `k` is traced.

    Example:
      >>> import jax, jax.numpy as jnp, clusterart_jax as ca
      >>> x = jnp.array([[1.0, 0.0], [50.0, 0.0], [0.0, 2.0], [0.0, 0.1]])
      >>> result = ca.spherical_kmeans(jax.random.key(0), x, 2)
      >>> bool(result.labels[0] == result.labels[1] != result.labels[2])
      True

    References:
      Dhillon and Modha, Concept decompositions for large sparse text data using clustering, 2001,
      doi:10.1023/A:1007612920971.
    """
    x = check_rows(x)
    k = check_count(k, "k", low=1, high=x.shape[0])
    key = check_key(key)
    init, given, n_init = read_init(init, n_init, k, x)
    rows, weights, sharding = spread_rows(x, check_weights(sample_weight, x))
    result = _spherical_kmeans(
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


_ROWS_OUT = SphericalKMeansResult._make(n == "labels" for n in SphericalKMeansResult._fields)


@partial(jax.jit, static_argnames=("k", "init", "n_init", "sharding"))
def _spherical_kmeans(
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
) -> SphericalKMeansResult:
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
) -> SphericalKMeansResult:
    # Squares of sums of tiny weights would underflow; a power of two takes no digits off them.
    largest = jnp.max(weights) if axis is None else lax.pmax(jnp.max(weights), axis)
    unit = jnp.ldexp(jnp.ones_like(largest), jnp.frexp(largest)[1])
    weights = weights / unit
    units, nonzero = _directions(x), jnp.any(x != 0, axis=1)
    aimed = jnp.where(nonzero, weights, 0)
    mass = jnp.where(total(jnp.sum(aimed), axis) > 0, aimed, weights)
    origin = weighted_mean(units, mass, axis)
    rows = _Units(units, aimed, nonzero, origin, _square(units, origin))
    assign = partial(_assign, rows=rows, axis=axis)

    def update(found: Assigned) -> tuple[Array, Array]:
        sums, mass = found.sums
        pull = sums + mass * origin[None]
        # Rows that cancel out have no direction together: as if there were none.
        return _directions(pull), jnp.sqrt(squared_norms(pull)) > 1e-6 * mass[:, 0]

    def run(key: KeyArray) -> Ran:
        if given is not None:
            start = given
        elif init == "random":
            start = random_rows(key, units, mass, k, axis)
        else:
            start = kmeans_plus_plus(key, units, mass, k, origin[None], axis)
        return alternate(
            _directions(start),
            assign,
            update,
            units,
            aimed,
            max_iter=max_iter,
            tol=tol,
            axis=axis,
        )

    end = best_of(run, key, n_init)
    lost = total(jnp.sum(weights - aimed), axis)
    return SphericalKMeansResult(*end)._replace(inertia=(end.inertia + lost) * unit)


def _directions(x: Array) -> Array:
    """Rows scaled to length 1; rows of zeros as they are. Neither over- nor underflows."""
    largest = jnp.max(jnp.abs(x), axis=1, keepdims=True)
    scaled = x / jnp.where(largest > 0, largest, 1)
    length = jnp.sqrt(jnp.sum(scaled**2, axis=1, keepdims=True))
    return scaled / jnp.where(length > 0, length, 1)


class _Units(NamedTuple):
    """Rows of length 1 or 0, as offsets from a point amid them."""

    x: Array  # (n, d) not yet relative to the origin
    weights: Array  # (n,) 0 for rows of length 0
    nonzero: Array  # (n,)
    origin: Array  # (d,)
    norms: Array  # (n,) |x − origin|²


def _assign(centers: Array, last: bool, *, rows: _Units, axis: Any) -> Assigned:
    """Labels, 1 − cos, and weighted sums of offsets (k, d) with their weights (k, 1)."""
    (k, d), n = centers.shape, len(rows.x)
    offsets = centers - rows.origin[None]
    norms = squared_norms(offsets)

    def step(carry: Any, valid: Bool[Array, " b"], u: Array, w: Array, square: Array) -> Any:
        u, w = u - rows.origin[None], jnp.where(valid, w, 0)
        smallest, labels = nearest_one(u, offsets, norms)
        # |u − c|² / 2 is 1 − cos. Expanded squares lose digits: the last ones are exact.
        squares = squared_norms(u - offsets[labels]) if last else smallest + square
        if not last:  # what is left of a row on its centre must not look like a way to it
            squares = jnp.where(squares > 16 * jnp.finfo(u.dtype).eps * (1 + square), squares, 0)
        sums, mass = carry
        sums = sums + group_sums(u, labels, w, k)
        mass = mass + group_sums(jnp.ones_like(u[:, :1]), labels, w, k)
        return (sums, mass), (labels, jnp.maximum(squares, 0) / 2)

    zeros = jnp.zeros((k, d), centers.dtype)
    sums, (labels, distances) = fold_rows(
        step,
        (zeros, zeros[:, :1]),
        (rows.x, rows.weights, rows.norms),
        block=min(tile_size(n, d + k), block_size(n, 2 * d + k)),
    )
    labels, distances = jnp.where(rows.nonzero, labels, 0), jnp.where(rows.nonzero, distances, 1)
    return Assigned(labels, distances, total(sums, axis))


def _square(x: Array, origin: Array) -> Array:
    """|x − origin|² (n,), in blocks."""

    def step(carry: tuple[()], valid: Bool[Array, " b"], x: Array) -> tuple[tuple[()], Array]:
        return (), squared_norms(x - origin[None])

    return fold_rows(step, (), (x,), block=block_size(*x.shape))[1]
