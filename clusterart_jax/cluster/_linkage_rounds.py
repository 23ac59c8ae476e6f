"""Ward's linkage in rounds: all pairs that are nearest to each other merge at once."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import jax.numpy as jnp
from jax import lax

from .._linalg import HIGHEST, squared_norms
from .._typing import Array
from ._linkage_format import Merges

_ROWS, _FEW, _COLUMNS = 128, 8, 1024  # clusters searched for together, and among


_Search: TypeAlias = Callable[[Array], tuple[Array, Array, Array, Array]]


class _State(NamedTuple):
    """Clusters in slots, the live ones among the first `extent`.

    Attributes:
      centers: (s, d) means.
      mass: (s,) weights.
      norms: (s,) |centre|², infinite where no cluster lives.
      node: (s,) number of each cluster in the tree, in the order of merging.
      height: (s,) cost at which each was merged.
      nearest: (s,) slot of the nearest cluster.
      cost: (s,) cost of merging with it.
      others: (s,) no cluster but `nearest` can be merged with at less than this.
      stale: (s,) whether `nearest` must be searched for.
      extent: slots in use.
      merges: what was merged, and how many merges there were.
    """

    centers: Array
    mass: Array
    norms: Array
    node: Array
    height: Array
    nearest: Array
    cost: Array
    others: Array
    stale: Array
    extent: Array
    merges: Merges


def ward_merges(x: Array, weights: Array) -> Merges:
    """Merges of all rows with a weight, at cost 2 mᵢ mⱼ / (mᵢ + mⱼ) |cᵢ − cⱼ|².

    Ward's cost is reducible: merging two clusters brings neither nearer to a third. So pairs that
    are nearest to each other stay so until they merge, and each round merges all of them; a
    cluster whose nearest neighbour did not merge keeps it. Searches are matrix products, and
    where rounding could decide one, it is repeated on differences.

    Args:
      x: rows (n, d), centred.
      weights: (n,).
    """
    n = len(x)
    slots = -(-n // _COLUMNS) * _COLUMNS if n > _COLUMNS else -(-n // 128) * 128
    x, mass = jnp.pad(x, ((0, slots - n), (0, 0))), jnp.pad(weights, (0, slots - n))
    present = mass > 0
    x = jnp.where(present[:, None], x, 0)
    zeros, nothing = jnp.zeros(slots, x.dtype), jnp.full(slots, jnp.inf, x.dtype)
    start = _State(
        centers=x,
        mass=jnp.where(present, mass, 1),
        norms=jnp.where(present, squared_norms(x), jnp.inf),
        node=jnp.arange(slots, dtype=jnp.int32),
        height=zeros,
        nearest=jnp.zeros(slots, jnp.int32),
        cost=nothing,
        others=nothing,
        stale=present,
        extent=jnp.int32(slots),
        merges=Merges.empty(n, x.dtype),
    )
    needed = jnp.sum(present, dtype=jnp.int32) - 1
    tile = min(_COLUMNS, slots)

    def step(s: _State) -> _State:
        live = needed + 1 - s.merges.done
        s = lax.cond(4 * live <= 3 * s.extent, _close_up, lambda s: s, s)
        return _merge(_search(s, tile), n)

    return lax.while_loop(lambda s: s.merges.done < needed, step, start).merges


def _factor(a: Array, b: Array) -> Array:
    return 2 * (a * b) / (a + b)


def _close_up(s: _State) -> _State:
    """Moves live clusters to the first slots, in their order."""
    slots = len(s.mass)
    alive = s.norms < jnp.inf
    place = running_count(alive) - 1
    here = jnp.arange(slots, dtype=jnp.int32)
    held = here <= place[-1]
    rows = jnp.full(slots, slots - 1, jnp.int32)
    rows = rows.at[jnp.where(alive, place, slots)].set(here, mode="drop", unique_indices=True)
    return _State(
        centers=jnp.where(held[:, None], s.centers[rows], 0),
        mass=jnp.where(held, s.mass[rows], 1),
        norms=jnp.where(held, s.norms[rows], jnp.inf),
        node=s.node[rows],
        height=s.height[rows],
        nearest=place[s.nearest[rows]],
        cost=jnp.where(held, s.cost[rows], jnp.inf),
        others=s.others[rows],
        stale=held & s.stale[rows],
        extent=place[-1] + 1,
        merges=s.merges,
    )


def _search(s: _State, tile: int) -> _State:
    """Finds the nearest neighbours of stale clusters."""
    slots, d = s.centers.shape
    tiles = (s.extent + tile - 1) // tile
    # Of sums of d rounded products; of the nearest, errors are a part of these.
    unit = jnp.finfo(s.mass.dtype).eps * (4 + d**0.5)

    def columns(start: Array) -> tuple[Array, Array, Array, Array]:
        def cut(a: Array) -> Array:
            return lax.dynamic_slice_in_dim(a, start, tile)

        return start + jnp.arange(tile, dtype=jnp.int32), cut(s.centers), cut(s.norms), cut(s.mass)

    def by_products(rows: Array) -> tuple[Array, Array, Array, Array]:
        x, norms, mass = s.centers[rows], s.norms[rows], s.mass[rows]

        def visit(t: Array, found: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            j, y, y_norms, y_mass = columns(t * tile)
            product = jnp.matmul(x, y.T, precision=HIGHEST)
            far = norms[:, None] - 2 * product + y_norms[None]
            far = far * _factor(mass[:, None], y_mass[None])
            far = jnp.where(rows[:, None] == j[None], jnp.inf, far)
            least = jnp.min(far, axis=1)
            last = jnp.int32(slots)
            place = jnp.min(jnp.where(far <= least[:, None], j[None], last), axis=1)
            rest = jnp.min(jnp.where(j[None] == place[:, None], jnp.inf, far), axis=1)
            best, where, second = found
            second = jnp.minimum(jnp.maximum(best, least), jnp.minimum(second, rest))
            return jnp.minimum(best, least), jnp.where(least < best, place, where), second

        least, where, second = lax.fori_loop(0, tiles, visit, _none(rows, s))
        where = jnp.minimum(where, slots - 1)
        # |y|² ≤ 2 |x|² + 2 |x − y|², and the factor is at most 2 m.
        error = unit * (6 * mass * norms + 2 * jnp.abs(second))
        x_cost = _factor(mass, s.mass[where]) * squared_norms(x - s.centers[where])
        return where, x_cost, second - error, second - least > 2 * error

    def by_differences(rows: Array) -> tuple[Array, Array, Array, Array]:
        x, mass = s.centers[rows], s.mass[rows]

        def visit(t: Array, found: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            j, y, y_norms, y_mass = columns(t * tile)

            def add(k: Array, total: Array) -> Array:
                a = lax.dynamic_slice_in_dim(x, k, 1, axis=1)
                b = lax.dynamic_slice_in_dim(y, k, 1, axis=1)
                return total + (a - b.T) ** 2

            far = lax.fori_loop(0, d, add, jnp.zeros((len(rows), tile), x.dtype))
            far = far * _factor(mass[:, None], y_mass[None])
            out = (rows[:, None] == j[None]) | ~(y_norms < jnp.inf)[None]
            far = jnp.where(out, jnp.inf, far)
            least = jnp.min(far, axis=1)
            # Of equally near ones that whose number differs in the lowest bits: i finds j where j
            # finds i, and equal rows pair off all at once.
            key = rows[:, None] ^ j[None]
            first = jnp.min(jnp.where(far <= least[:, None], key, slots * 2), axis=1)
            rest = jnp.min(jnp.where(key == first[:, None], jnp.inf, far), axis=1)
            best, where, second = found
            second = jnp.minimum(jnp.maximum(best, least), jnp.minimum(second, rest))
            better = (least < best) | ((least == best) & (first < where))
            return jnp.minimum(best, least), jnp.where(better, first, where), second

        least, key, second = lax.fori_loop(0, tiles, visit, _none(rows, s))
        where = jnp.minimum(key ^ rows, slots - 1)
        return where, least, second, jnp.ones_like(least, bool)

    # Few searches are done by differences at once.
    s = _in_blocks(s, by_products, _ROWS, _FEW + 1)
    return _in_blocks(s, by_differences, _FEW, 1)


def _none(rows: Array, s: _State) -> tuple[Array, Array, Array]:
    far = jnp.full(rows.shape, jnp.inf, s.mass.dtype)
    return far, jnp.full(rows.shape, 2 * len(s.mass), jnp.int32), far


def _in_blocks(s: _State, search: _Search, size: int, least: int) -> _State:
    """Searches for all stale clusters, in blocks; for none where there are fewer than `least`."""
    slots = len(s.mass)
    place = running_count(s.stale) - 1
    count = place[-1] + 1
    rows = jnp.full(slots + size, slots, jnp.int32)
    rows = rows.at[jnp.where(s.stale, place, slots + size)].set(
        jnp.arange(slots, dtype=jnp.int32), mode="drop", unique_indices=True
    )

    def block(i: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
        mine = lax.dynamic_slice_in_dim(rows, i * size, size)
        *found, sure = search(jnp.minimum(mine, slots - 1))
        put = [a.at[mine].set(b, mode="drop") for a, b in zip(state, found, strict=False)]
        return (*put, state[3].at[mine].set(~sure, mode="drop"))

    blocks = jnp.where(count < least, 0, (count + size - 1) // size)
    state = lax.fori_loop(0, blocks, block, (s.nearest, s.cost, s.others, s.stale))
    return s._replace(nearest=state[0], cost=state[1], others=state[2], stale=state[3])


def running_count(chosen: Array) -> Array:
    """How many of the first entries are true, up to each; in few steps, by triangular products."""

    def sums(values: Array) -> Array:
        n, width = len(values), 128
        if n <= width:
            return jnp.matmul(values, jnp.triu(jnp.ones((n, n), jnp.float32)), precision=HIGHEST)
        grid = jnp.pad(values, (0, -n % width)).reshape(-1, width)
        grid = jnp.matmul(grid, jnp.triu(jnp.ones((width, width), jnp.float32)), precision=HIGHEST)
        ends = sums(grid[:, -1])
        return (grid + (ends - grid[:, -1])[:, None]).reshape(-1)[:n]

    # Whole numbers of float32 are exact up to 16 million.
    return sums(chosen.astype(jnp.float32)).astype(jnp.int32)


def _merge(s: _State, n: int) -> _State:
    """Merges all pairs that are nearest to each other; of two slots the first keeps the cluster."""
    slots = len(s.mass)
    here = jnp.arange(slots, dtype=jnp.int32)
    alive = s.norms < jnp.inf
    # The two nearest of all are merged in any case, so that no circle of equals stops the rounds.
    one = jnp.argmin(jnp.where(alive, s.cost, jnp.inf)).astype(jnp.int32)
    nearest = s.nearest.at[s.nearest[one]].set(one)
    cost = s.cost.at[s.nearest[one]].set(s.cost[one])
    back = nearest[nearest]
    mutual = alive & (back == here)
    keeps, goes = mutual & (here < nearest), mutual & (here > nearest)

    mass, other = s.mass, s.mass[nearest]
    y = s.centers[nearest]
    share = other / (mass + other)
    centers = jnp.where(keeps[:, None], s.centers + share[:, None] * (y - s.centers), s.centers)
    height = jnp.maximum(cost, jnp.maximum(s.height, s.height[nearest]))
    place = s.merges.done + running_count(keeps) - 1
    merged = jnp.where(keeps, mass + other, mass)
    merges = s.merges.add(
        jnp.where(keeps, place, n), s.node, s.node[nearest], height, merged, place[-1] + 1
    )
    s = s._replace(
        centers=centers,
        mass=merged,
        norms=jnp.where(goes | ~alive, jnp.inf, squared_norms(centers)),
        node=jnp.where(keeps, n + place, s.node),
        height=jnp.where(keeps, height, s.height),
        merges=merges,
    )
    # Whoever lost its nearest neighbour has it in what that became, while nothing else is nearer.
    moved = alive & ~mutual & mutual[nearest]
    became = jnp.minimum(nearest, back)
    far = _factor(s.mass, s.mass[became]) * squared_norms(s.centers - s.centers[became])
    kept = moved & (far < s.others)
    return s._replace(
        nearest=jnp.where(moved, became, nearest),
        cost=jnp.where(goes, jnp.inf, jnp.where(moved, far, cost)),
        stale=keeps | (moved & ~kept),
    )
