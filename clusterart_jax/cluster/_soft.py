"""Soft k-means: every row belongs to every cluster a little, and gradients flow through it."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from .._checks import check_count, check_key, check_number, check_rows, check_weights
from .._linalg import (
    HIGHEST,
    block_size,
    fold_rows,
    moments,
    round_origin,
    squared_distances,
    total,
)
from .._sharding import RowSharding, over_rows, replicate, rows_back, spread_rows
from .._typing import Array, ArrayLike, Bool, Float, Int, KeyArray
from ._alternate import read_init
from ._implicit import implicit_fixed_point
from ._seeding import kmeans_plus_plus, random_rows


class SoftKMeansResult(NamedTuple):
    """Centres and responsibilities that belong together.

    Attributes:
      centers: (k, d) cluster centres, in the units of `x`.
      responsibilities: (n, k) softmax over j of −|xᵢ − cⱼ|² / temperature; rows sum to 1.
      objective: −temperature · Σ wᵢ log Σⱼ exp(−|xᵢ − cⱼ|² / temperature), in squared units of `x`;
        each iteration lowers it, and as the temperature falls it tends to the inertia of k-means.
      n_iter: iterations of the best start.
      converged: whether it stopped by itself, not at `max_iter`.
    """

    centers: Float[Array, "k d"]
    responsibilities: Float[Array, "n k"]
    objective: Float[Array, ""]
    n_iter: Int[Array, ""]
    converged: Bool[Array, ""]


def soft_kmeans(
    key: KeyArray,
    x: Float[ArrayLike, "n d"],
    k: int,
    *,
    temperature: float | Float[ArrayLike, ""],
    sample_weight: Float[ArrayLike, " n"] | None = None,
    init: str | Float[ArrayLike, "k d"] = "k-means++",
    n_init: int = 1,
    max_iter: int | Int[ArrayLike, ""] = 1000,
    tol: float | Float[ArrayLike, ""] = 1e-8,
) -> SoftKMeansResult:
    """Soft k-means: centres are means of all rows, weighted by softmax(−|x − c|² / temperature).

    Its fixed point can be differentiated, forward and in reverse, with respect to rows, weights
    and temperature: the gradient is that of the fixed point, by the implicit function theorem,
    whatever the number of iterations that led there, once `converged`. At a high temperature all
    centres meet in the mean; at a low one this is k-means.

    Cost O(n d k) an iteration; peak extra memory O(n k), which is that of the responsibilities, and
    a few copies of the rows for a gradient.
    On rows sharded over a mesh an iteration communicates O(k d).

    Args:
      key: for the starts; unused where `init` is an array.
      x: rows (n, d). float32 and float64 are kept, other types become the default float.
      k: number of clusters, 1 ≤ k ≤ n. Static.
      temperature: > 0, in squared units of `x`: squared distances that differ by it count e times.
      sample_weight: (n,) weights ≥ 0; a row of weight 0 counts as absent.
      init: "k-means++" (greedy), "random" (rows), or the (k, d) centres to start from.
      n_init: number of starts, run one after the other; the lowest objective is kept. Static.
      max_iter: iterations at most, per start.
      tol: stops when Σⱼ |shift of cⱼ|² ≤ tol · (mean variance of the columns).

    Returns:
      A `SoftKMeansResult`.

    Raises:
      ValueError: when shapes or options cannot be.
      TypeError: when `key` is no random key, or `k` is traced.

    Example:
      >>> import jax, jax.numpy as jnp, clusterart_jax as ca
      >>> x = jnp.array([[0.0], [1.0], [9.0], [10.0]])
      >>> start = jnp.array([[0.0], [9.0]])
      >>> result = ca.soft_kmeans(jax.random.key(0), x, 2, temperature=1.0, init=start)
      >>> result.centers.ravel().round(3).tolist()
      [0.5, 9.5]

    References:
      MacKay, Information Theory, Inference, and Learning Algorithms, 2003, chapter 20;
      Rose, Gurewitz and Fox, 1990, doi:10.1103/PhysRevLett.65.945.
    """
    x = check_rows(x)
    k = check_count(k, "k", low=1, high=x.shape[0])
    key = check_key(key)
    init, given, n_init = read_init(init, n_init, k, x)
    if isinstance(temperature, float | int) and not temperature > 0:
        raise ValueError(f"temperature must be above 0, not {temperature!r}")
    rows, weights, sharding = spread_rows(x, check_weights(sample_weight, x))
    result = _soft_kmeans(
        key,
        rows,
        weights,
        jnp.asarray(temperature, x.dtype),
        None if given is None else replicate(given, sharding),
        jnp.asarray(max_iter, jnp.int32),
        check_number(tol, "tol", x.dtype, low=0),
        k=k,
        init=init,
        n_init=n_init,
        sharding=sharding,
    )
    return rows_back(result, _ROWS_OUT, x, sharding)


_ROWS_OUT = SoftKMeansResult._make(n == "responsibilities" for n in SoftKMeansResult._fields)


class _Data(NamedTuple):
    x: Array
    weights: Array
    origin: Array  # (d,) to which centres are relative
    temperature: Array


class _Ran(NamedTuple):
    centers: Array
    objective: Array
    n_iter: Array
    converged: Array


_DATA_IN = (True, True, False, False)


@partial(jax.jit, static_argnames=("k", "init", "n_init", "sharding"))
def _soft_kmeans(
    key: KeyArray,
    x: Array,
    weights: Array,
    temperature: Array,
    given: Array | None,
    max_iter: Array,
    tol: Array,
    *,
    k: int,
    init: str,
    n_init: int,
    sharding: RowSharding | None,
) -> SoftKMeansResult:
    axis = None if sharding is None else sharding.axis
    over = partial(over_rows, sharding=sharding)
    still = lax.stop_gradient  # the way to the fixed point has no derivative, the point has one
    given, tol = still(given), still(tol)
    begin = over(partial(_origin, axis=axis), rows_in=(True, True), rows_out=(False, False))
    origin, variance = begin(still(x), still(weights))
    data = _Data(x, weights, origin, temperature)
    fixed = jax.tree.map(still, data)

    def find(key: KeyArray, given: Array | None, *rest: Array) -> _Ran:
        *data, max_iter, tol = rest
        start = partial(_start, key, init=init, k=k, axis=axis)
        return _iterate(start(_Data(*data), given), _Data(*data), max_iter, tol, axis)

    def run(key: KeyArray) -> _Ran:
        rows_in = (False, False, *_DATA_IN, False, False)
        solve = over(find, rows_in=rows_in, rows_out=_Ran._make([False] * 4))
        # What rounding moves is not waited for.
        least = k * x.shape[1] * (4 * jnp.finfo(x.dtype).eps) ** 2
        return solve(key, given, *fixed, max_iter, jnp.maximum(tol, least) * variance)

    def better(i: Array, best: _Ran) -> _Ran:
        other = run(jax.random.fold_in(key, i))
        return jax.tree.map(partial(jnp.where, other.objective < best.objective), other, best)

    ran = run(key)
    if n_init > 1:
        ran = lax.fori_loop(jnp.int32(1), jnp.int32(n_init), better, ran)

    def step(centers: Array, data: _Data) -> Array:
        one = over(
            lambda centers, *data: _step(centers, _Data(*data), axis)[0],
            rows_in=(False, *_DATA_IN),
            rows_out=False,
        )
        return one(centers, *data)

    centers = implicit_fixed_point(step, ran.centers, data)
    finish = over(partial(_finish, axis), rows_in=(False, *_DATA_IN), rows_out=(True, False))
    responsibilities, objective = finish(centers, *data)
    return SoftKMeansResult(
        centers + origin[None], responsibilities, objective, ran.n_iter, ran.converged
    )


def _origin(x: Array, weights: Array, axis: Any) -> tuple[Array, Array]:
    mean, variance = moments(x, weights, axis)
    return round_origin(mean, variance), variance


def _start(
    key: KeyArray, data: _Data, given: Array | None, *, init: str, k: int, axis: Any
) -> Array:
    origin = data.origin[None]
    if given is not None:
        return given - origin
    if init == "random":
        return random_rows(key, data.x, data.weights, k, axis) - origin
    return kmeans_plus_plus(key, data.x, data.weights, k, origin, axis) - origin


def _iterate(start: Array, data: _Data, max_iter: Array, tol: Array, axis: Any) -> _Ran:
    class State(NamedTuple):
        centers: Array
        moved: Array
        n_iter: Array

    def body(s: State) -> State:
        after = _step(s.centers, data, axis)[0]
        return State(after, jnp.sum((after - s.centers) ** 2), s.n_iter + 1)

    far = jnp.array(jnp.inf, start.dtype)
    end = lax.while_loop(
        lambda s: (s.n_iter < max_iter) & (s.moved > tol), body, State(start, far, jnp.int32(0))
    )
    objective = _step(end.centers, data, axis)[1]
    return _Ran(end.centers, objective, end.n_iter, end.moved <= tol)


def _logits(x: Array, centers: Array, data: _Data) -> Array:
    return -squared_distances(x - data.origin[None], centers) / data.temperature


def _step(centers: Array, data: _Data, axis: Any) -> tuple[Array, Array]:
    """The next centres (k, d), and the objective at those given."""
    (n, d), k = data.x.shape, len(centers)

    # Recomputed where differentiated backwards, so that responsibilities are not stored then.
    @jax.checkpoint
    def measure(x: Array, w: Array, centers: Array, data: _Data) -> tuple[Array, Array, Array]:
        logits = _logits(x, centers, data)
        shares = jax.nn.softmax(logits, axis=1) * w[:, None]
        sums = jnp.matmul(shares.T, x - data.origin[None], precision=HIGHEST)
        value = -data.temperature * jnp.sum(w * jax.nn.logsumexp(logits, axis=1))
        return sums, jnp.sum(shares, axis=0), value

    def add(carry: Any, valid: Bool[Array, " b"], x: Array, w: Array) -> Any:
        found = measure(x, jnp.where(valid, w, 0), centers, data)
        return jax.tree.map(jnp.add, carry, found), ()

    zeros = (
        jnp.zeros((k, d), data.x.dtype),
        jnp.zeros(k, data.x.dtype),
        jnp.zeros((), data.x.dtype),
    )
    rows = (data.x, data.weights)
    sums, mass, value = total(fold_rows(add, zeros, rows, block=block_size(n, d + 3 * k))[0], axis)
    held = mass > 0
    means = sums / jnp.where(held, mass, 1)[:, None]
    return jnp.where(held[:, None], means, centers), value


def _finish(axis: Any, centers: Array, *data: Array) -> tuple[Array, Array]:
    rows = _Data(*data)

    def step(carry: tuple[()], valid: Bool[Array, " b"], x: Array) -> tuple[tuple[()], Array]:
        return (), jax.nn.softmax(_logits(x, centers, rows), axis=1)

    block = block_size(*rows.x.shape)
    return fold_rows(step, (), (rows.x,), block=block)[1], _step(centers, rows, axis)[1]
