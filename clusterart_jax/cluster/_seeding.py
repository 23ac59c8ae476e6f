"""Where k-means and its kin start: centres drawn from the rows."""

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from .._linalg import HIGHEST, block_size, fold_rows, group_sums, squared_norms, total
from .._typing import Array, Bool, Float, KeyArray
from ._nearest import nearest_one, tile_size


def draw_rows(
    key: KeyArray, x: Float[Array, "n d"], mass: Float[Array, " n"], m: int, axis: Any = None
) -> Float[Array, "m d"]:
    """Draws m rows with replacement, with probability proportional to `mass`.

    By inversion in two levels (a group of rows, then the row), so that float32 sums stay short
    and one uniform number a draw is enough. The same rows are drawn however many devices hold
    them, up to the rounding of those sums.
    """
    n = x.shape[0]
    group = max(1, int(n**0.5))
    grouped = jnp.pad(mass, (0, -n % group)).reshape(-1, group)
    ends = jnp.cumsum(jnp.sum(grouped, axis=1))
    mine = ends[-1]
    totals = mine[None] if axis is None else lax.all_gather(mine, axis)
    device_ends = jnp.cumsum(totals)
    points = jax.random.uniform(key, (m,), x.dtype) * device_ends[-1]

    owner = _first_above(device_ends, points, totals > 0)
    here = jnp.int32(0) if axis is None else lax.axis_index(axis)
    local = points - (device_ends - totals)[here]
    chosen = _first_above(ends, local, jnp.any(grouped > 0, axis=1))
    local = local - jnp.where(chosen > 0, ends[jnp.maximum(chosen - 1, 0)], 0)
    inside = jnp.cumsum(grouped[chosen], axis=1)
    within = jax.vmap(_first_above)(inside, local, grouped[chosen] > 0)
    rows = x[jnp.minimum(chosen * group + within, n - 1)]
    return rows if axis is None else total(jnp.where((owner == here)[:, None], rows, 0), axis)


def _first_above(ends: Array, points: Array, possible: Array) -> Array:
    """First place whose running sum passes the point; the last possible where rounding fails."""
    place = jnp.searchsorted(ends, points, side="right").astype(jnp.int32)
    last = jnp.max(jnp.where(possible, jnp.arange(len(ends), dtype=jnp.int32), 0))
    return jnp.minimum(place, last)


def random_rows(
    key: KeyArray,
    x: Float[Array, "n d"],
    weights: Float[Array, " n"],
    k: int,
    axis: Any = None,
) -> Float[Array, "k d"]:
    """Draws k different rows, one after the other in proportion to their weight."""

    def body(i: Array, state: tuple[Array, Array]) -> tuple[Array, Array]:
        centers, mass = state
        # All distinct rows are taken (there are fewer than k): draw any row.
        mass = jnp.where(total(jnp.sum(mass), axis) > 0, mass, weights)
        row = draw_rows(jax.random.fold_in(key, i), x, mass, 1, axis)
        centers = lax.dynamic_update_slice_in_dim(centers, row, i, 0)

        def drop(
            carry: tuple[()], valid: Bool[Array, " b"], x: Array, mass: Array
        ) -> tuple[tuple[()], Array]:
            # A row is known by its values: copies of a drawn row would give the same centre.
            return (), jnp.where(jnp.all(x == row, axis=1), 0, mass)

        # In blocks, since the comparison is stored on the CPU: n × d truth values.
        return centers, fold_rows(drop, (), (x, mass), block=block)[1]

    block = block_size(*x.shape)
    start = (jnp.zeros((k, x.shape[1]), x.dtype), weights)
    return lax.fori_loop(jnp.int32(0), jnp.int32(k), body, start)[0]


def kmeans_plus_plus(
    key: KeyArray,
    x: Float[Array, "n d"],
    weights: Float[Array, " n"],
    k: int,
    origin: Float[Array, "1 d"],
    axis: Any = None,
) -> Float[Array, "k d"]:
    """Greedy k-means++: each new centre is the best of 2 + ⌊ln k⌋ rows drawn by squared distance.

    Cost O(n d k log k) in one pass over the rows a centre, two where they are many; peak extra
    memory O(n). `origin` is a point amid the rows, from which float32 squared distances keep their
    digits.

    Source: Arthur and Vassilvitskii, k-means++: the advantages of careful seeding, SODA 2007;
    the greedy form as analysed in arXiv:1912.00653.
    """
    trials = 2 + int(math.log(k))
    keep = x.shape[0] * trials <= _KEPT
    first = draw_rows(jax.random.fold_in(key, 0), x, weights, 1, axis)
    far = jnp.full(x.shape[:1], jnp.inf, x.dtype)
    closest = _approach(far, first, x, weights, origin)[0][:, 0]
    centers = jnp.zeros((k, x.shape[1]), x.dtype).at[0].set(first[0])

    def body(i: Array, state: tuple[Array, Array]) -> tuple[Array, Array]:
        centers, closest = state
        mass = weights * closest
        # All rows lie on centres already (fewer distinct rows than k): draw any row.
        mass = jnp.where(total(jnp.sum(mass), axis) > 0, mass, weights)
        candidates = draw_rows(jax.random.fold_in(key, i), x, mass, trials, axis)
        distances, potentials = _approach(closest, candidates, x, weights, origin, keep=keep)
        best = jnp.argmin(total(potentials, axis))
        chosen = candidates[best][None]
        centers = lax.dynamic_update_slice_in_dim(centers, chosen, i, 0)
        if keep:
            return centers, distances[:, best]
        return centers, _approach(closest, chosen, x, weights, origin)[0][:, 0]

    return lax.fori_loop(jnp.int32(1), jnp.int32(k), body, (centers, closest))[0]


_KEPT = 2**24  # distances to candidates at most that are kept until one of them is chosen


def _approach(
    closest: Array,
    candidates: Array,
    x: Array,
    weights: Array,
    origin: Array,
    *,
    keep: bool = True,
) -> tuple[Any, Array]:
    """min(closestᵢ, |xᵢ − c|²) for m candidates c, (n, m) where kept, and Σ wᵢ of that, (m,)."""
    n, d = x.shape
    m = candidates.shape[0]
    candidates = candidates - origin
    norms = squared_norms(candidates)

    def step(
        carry: Array, valid: Bool[Array, " b"], x: Array, w: Array, near: Array
    ) -> tuple[Array, Any]:
        x = x - origin
        product = jnp.matmul(candidates, x.T, precision=HIGHEST)
        apart = jnp.maximum(squared_norms(x)[None, :] - 2 * product + norms[:, None], 0)
        nearer = jnp.where(apart < near[None, :], apart, near[None, :])
        return carry + jnp.matmul(
            nearer, jnp.where(valid, w, 0), precision=HIGHEST
        ), nearer.T if keep else ()

    potentials, distances = fold_rows(
        step, jnp.zeros(m, x.dtype), (x, weights, closest), block=tile_size(n, d + 2 * m)
    )
    return distances, potentials


def kmeans_parallel(
    key: KeyArray,
    x: Float[Array, "n d"],
    weights: Float[Array, " n"],
    k: int,
    origin: Float[Array, "1 d"],
    axis: Any = None,
) -> Float[Array, "k d"]:
    """k-means‖: five rounds of 2k rows drawn at once by squared distance, thinned to k.

    Six passes over the rows whatever k is, where k-means++ takes k: for rows over many devices, or
    large k. The rows drawn get the weight of the rows nearest to them, and k-means++ chooses among
    them.

    Cost O(n d k); peak extra memory O(n + k d).

    Source: Bahmani et al., Scalable k-means++, 2012, arXiv:1203.6402.
    """
    size = 2 * k
    first = draw_rows(jax.random.fold_in(key, 0), x, weights, 1, axis)
    pool = jnp.repeat(first, 1 + _ROUNDS * size, axis=0)  # copies of one row draw no weight
    far = jnp.full(x.shape[:1], jnp.inf, x.dtype)
    nothing = jnp.zeros(x.shape[:1], jnp.int32)

    def look(state: tuple[Array, Array], candidates: Array, offset: Array) -> tuple[Array, Array]:
        """Squared distance to the nearest of the pool, and its place there."""
        candidates = candidates - origin
        norms = squared_norms(candidates)

        def step(
            carry: tuple[()], valid: Bool[Array, " b"], x: Array, near: Array, place: Array
        ) -> tuple[tuple[()], tuple[Array, Array]]:
            x = x - origin
            score, label = nearest_one(x, candidates, norms)
            apart = jnp.maximum(score + squared_norms(x), 0)
            nearer = apart < near
            return (), (jnp.where(nearer, apart, near), jnp.where(nearer, label + offset, place))

        block = tile_size(x.shape[0], x.shape[1] + candidates.shape[0])
        return fold_rows(step, (), (x, *state), block=block)[1]

    def body(
        i: Array, state: tuple[Array, tuple[Array, Array]]
    ) -> tuple[Array, tuple[Array, Array]]:
        pool, near = state
        mass = weights * near[0]
        mass = jnp.where(total(jnp.sum(mass), axis) > 0, mass, weights)
        drawn = draw_rows(jax.random.fold_in(key, i + 1), x, mass, size, axis)
        offset = 1 + i * size
        pool = lax.dynamic_update_slice_in_dim(pool, drawn, offset, 0)
        return pool, look(near, drawn, offset)

    start = (pool, look((far, nothing), first, jnp.int32(0)))
    pool, (_, place) = lax.fori_loop(jnp.int32(0), jnp.int32(_ROUNDS), body, start)
    mass = group_sums(jnp.ones_like(x[:, :1]), place, weights, pool.shape[0])[:, 0]
    return kmeans_plus_plus(
        jax.random.fold_in(key, _ROUNDS + 1), pool, total(mass, axis), k, origin
    )


_ROUNDS = 5
