"""Weighted k-means of the pixels of a grid: thousands of centres, found by looking near by.

A centre in the plane can only win pixels around it, so that the distances to all the others need
not be computed: pixels ask their neighbours which centre is nearest to them, first far apart, then
closer (jump flooding). From one iteration to the next centres move little, and a few such rounds
from the labels before are enough.
"""

from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .._typing import Array, Bool, Float, Int, KeyArray

_NEAR = (2, 1, 1)  # jumps in later iterations
_STILL = 0.5  # once centres move fewer pixels than this, the last two of them


class Centroids(NamedTuple):
    """A centroidal Voronoi tessellation of weighted pixels.

    Attributes:
      centers: (k, 2) x and y in pixels, (0, 0) the corner of the first pixel.
      labels: (h, w) the nearest centre of each pixel's middle.
      masses: (k,) sum of the weights of each cell.
      energy: Σ wᵢ |xᵢ − centre|² / Σ wᵢ, in pixels².
      n_iter: iterations made.
      converged: whether it stopped by itself.
    """

    centers: Float[Array, "k 2"]
    labels: Int[Array, "h w"]
    masses: Float[Array, " k"]
    energy: Float[Array, ""]
    n_iter: Int[Array, ""]
    converged: Bool[Array, ""]


def spread_points(key: KeyArray, weights: Float[Array, "h w"], k: int) -> Float[Array, "k 2"]:
    """Random points by weight, evenly along a curve that fills the plane: no gaps, no heaps."""
    return _spread(key, weights, jnp.asarray(_curve(*weights.shape)), k=k)


def centroids(
    key: KeyArray,
    weights: Float[Array, "h w"],
    start: Float[Array, "k 2"],
    *,
    max_iter: int | Int[Array, ""] = 50,
    tol: float | Float[Array, ""] = 0.02,
) -> Centroids:
    """Lloyd's iteration on the pixels of a grid from given centres.

    The labels are those of jump flooding, which in rare thin corners of a cell names the second
    nearest centre. A centre without weight moves next to another, drawn by weight.

    Cost O(h w) an iteration, whatever k is; memory 5 numbers a pixel.

    Args:
      key: for the places of centres without weight.
      weights: (h, w) ≥ 0 with a sum above 0.
      start: (k, 2) centres as x, y.
      max_iter: iterations at most.
      tol: stops when the centres move less than this part of the mean distance between them.

    Returns:
      `Centroids`.

    References:
      Secord, Weighted Voronoi stippling, 2002, doi:10.1145/508530.508537.
      Rong and Tan, Jump flooding in GPU with applications to Voronoi diagram and distance
      transform, 2006, doi:10.1145/1111411.1111431.
    """
    return _settle(key, weights, start, jnp.int32(max_iter), jnp.asarray(tol, weights.dtype))


@jax.jit
def nearest_sites(centers: Float[Array, "k 2"], like: Float[Array, "h w"]) -> Int[Array, "h w"]:
    """The nearest centre of every pixel of a grid, found from nothing."""
    return _flood(jnp.full(like.shape, -1, jnp.int32), centers, _all_jumps(like.shape))


def _all_jumps(shape: tuple[int, ...]) -> Array:
    steps = max(1, (max(shape) - 1).bit_length())
    return jnp.asarray([2**i for i in reversed(range(steps))] + [1], jnp.int32)


def _flood(
    labels: Int[Array, "h w"], centers: Float[Array, "k 2"], jumps: Array, first: Array | int = 0
) -> Array:
    """Labels after jumps of given lengths, from the `first` of them on."""
    h, w = labels.shape
    x = (jnp.arange(w, dtype=centers.dtype) + 0.5)[None, :]
    y = (jnp.arange(h, dtype=centers.dtype) + 0.5)[:, None]

    def distances(labels: Array) -> Array:
        at = jnp.maximum(labels, 0)
        found = (centers[at, 0] - x) ** 2 + (centers[at, 1] - y) ** 2
        return jnp.where(labels < 0, jnp.inf, found)

    def better(best: tuple[Array, Array], other: Array) -> tuple[Array, Array]:
        far = distances(other)
        # Of equally near ones the first, so that the order of asking does not show.
        wins = (far < best[1]) | ((far == best[1]) & (other < best[0]))
        return jnp.where(wins, other, best[0]), jnp.where(wins, far, best[1])

    # Each centre makes itself known at its own pixel, wherever it has moved to.
    col = jnp.clip(centers[:, 0].astype(jnp.int32), 0, w - 1)
    row = jnp.clip(centers[:, 1].astype(jnp.int32), 0, h - 1)
    own = jnp.full((h, w), -1, jnp.int32)
    own = own.at[row, col].max(jnp.arange(centers.shape[0], dtype=jnp.int32))
    best = better((labels, distances(labels)), own)

    def ask(i: Array, best: tuple[Array, Array]) -> tuple[Array, Array]:
        for axis in (0, 1):  # a diagonal is one step along each
            before = best[0]
            for sign in (1, -1):
                best = better(best, jnp.roll(before, sign * jumps[i], axis))
        return best

    return lax.fori_loop(first, len(jumps), ask, best)[0]


@jax.jit
def _settle(key: KeyArray, weights: Array, start: Array, max_iter: Array, tol: Array) -> Centroids:
    h, w = weights.shape
    k = start.shape[0]
    dtype = weights.dtype
    x = jnp.broadcast_to((jnp.arange(w, dtype=dtype) + 0.5)[None, :], (h, w))
    y = jnp.broadcast_to((jnp.arange(h, dtype=dtype) + 0.5)[:, None], (h, w))
    total = jnp.sum(weights)
    spacing = jnp.sqrt(h * w / jnp.asarray(k, dtype))

    jumps = jnp.concatenate([_all_jumps((h, w)), jnp.asarray(_NEAR, jnp.int32)])

    def step(state: tuple[Array, ...]) -> tuple[Array, ...]:
        labels, old, centers, _, _, n_iter, done, _ = state
        last = done | (n_iter >= max_iter)  # this round only gives labels
        still = (_moved(old, centers) < _STILL) & ~last
        first = jnp.where(n_iter == 0, 0, len(jumps) - jnp.where(still, 2, len(_NEAR)))
        labels = _flood(labels, centers, jumps, first)
        # Relative to the centre: float32 keeps what moments about the corner would lose.
        dx, dy = x - centers[labels, 0], y - centers[labels, 1]
        rows = jnp.stack([weights, weights * dx, weights * dy], axis=-1).reshape(-1, 3)
        found = jax.ops.segment_sum(rows, labels.ravel(), k)
        mass = found[:, 0]
        energy = jnp.sum(weights * (dx**2 + dy**2)) / total
        moved = centers + found[:, 1:] / jnp.where(mass > 0, mass, 1)[:, None]
        moved = _revive(jax.random.fold_in(key, n_iter), moved, mass, spacing)
        done |= ~last & (_moved(centers, moved) <= tol * spacing)
        return labels, centers, moved, mass, energy, n_iter + (~last).astype(jnp.int32), done, last

    none = jnp.full((h, w), -1, jnp.int32)
    zero = jnp.zeros((), dtype)
    begin: tuple[Array, ...] = (none, start, start, jnp.zeros(k, dtype), zero, jnp.int32(0))
    begin += (jnp.bool_(False), jnp.bool_(False))
    found = lax.while_loop(lambda state: ~state[-1], step, begin)
    labels, centers, _, mass, energy, n_iter, converged, _ = found
    return Centroids(centers, labels, mass, energy, n_iter, converged)


def _moved(old: Array, new: Array) -> Array:
    """Root mean squared distance."""
    return jnp.sqrt(jnp.mean(jnp.sum((new - old) ** 2, axis=1)))


def _revive(key: KeyArray, centers: Array, mass: Array, spacing: Array) -> Array:
    """Centres without weight go next to others, drawn by their weight."""
    k = mass.shape[0]
    pick, beside = jax.random.split(key)
    sums = jnp.cumsum(mass)
    heavy = jnp.searchsorted(sums, jax.random.uniform(pick, (k,), mass.dtype) * sums[-1])
    off = jax.random.uniform(beside, (k, 2), centers.dtype, -0.25, 0.25) * spacing
    near = centers[jnp.minimum(heavy, k - 1)] + off
    return jnp.where((mass > 0)[:, None], centers, near)


@jax.jit(static_argnames="k")
def _spread(key: KeyArray, weights: Array, order: Array, *, k: int) -> Array:
    w = weights.shape[1]
    sums = jnp.cumsum(weights.ravel()[order])
    turn, within = jax.random.split(key)
    dtype = weights.dtype
    marks = (jnp.arange(k, dtype=dtype) + jax.random.uniform(turn, (k,), dtype)) / k
    where = jnp.searchsorted(sums, marks * sums[-1], side="right")
    pixel = order[jnp.minimum(where, order.shape[0] - 1)]
    corner = jnp.stack([pixel % w, pixel // w], axis=1).astype(dtype)
    return corner + jax.random.uniform(within, (k, 2), dtype)


@cache
def _curve(h: int, w: int) -> np.ndarray:
    """Pixels (row · w + column) along Hilbert's curve through the smallest square around them."""
    y, x = np.divmod(np.arange(h * w, dtype=np.int64), w)
    place = np.zeros(h * w, np.int64)
    side = 1 << max(h - 1, w - 1, 1).bit_length() - 1
    while side:
        right, low = (x & side) > 0, (y & side) > 0
        place += side * side * ((3 * right) ^ low)
        flip = ~low & right
        x, y = (
            np.where(flip, side - 1 - (x & (side - 1)), x & (side - 1)),
            np.where(flip, side - 1 - (y & (side - 1)), y & (side - 1)),
        )
        x, y = np.where(low, x, y), np.where(low, y, x)
        side >>= 1
    return np.argsort(place, kind="stable").astype(np.int32)
