"""A bound for each row and group of centres: of many centres, only some groups are compared.

Centres that lie near each other form groups of equal size. For each row, the distance to its own
centre has an upper bound, and those to the others of each group a lower one. A row whose bounds
overlap is first compared with the group of its own centre, which makes the upper bound exact, then
with the groups that can still hold a nearer one. Rows are listed group by group, and gathered
block by block.

Of 256 centres of 60,000 pictures, an iteration compares a tenth on average, where one bound a row
leaves two thirds. Cost O(n k / s + a d s) an iteration, where a pairs of row and group fail and
groups have s centres; extra memory O(n k / s).

Source: Ding and others, Yinyang k-means, ICML 2015,
https://proceedings.mlr.press/v37/ding15.html, with groups of equal size, which make products of
matrices of one shape.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from .._linalg import HIGHEST, compact, squared_norms
from .._typing import Array, Int
from ._lloyd import Bounds, Problem, State, live_norms
from ._moves import move_rows
from ._nearest import nearest_two, tile_size

_SIZE = 48  # centres of a group, about: a product with fewer does not pay for fetching the row
_TURNS = 4  # of the power iteration that finds where to cut
_MOVED = 32  # rows that are moved from sum to sum at once


def group_bounds_pay(n: int, d: int, k: int) -> bool:
    """Whether comparing with all centres costs more than listing rows for each group (measured).

    Two groups save a tenth of the time, which is not worth their bounds' memory.
    """
    return jax.default_backend() == "cpu" and n >= 4096 and d >= 128 and k > 2 * _SIZE


class _Known(NamedTuple):
    """What is known of rows, centres and g groups of s centres.

    Attributes:
      near: (n,) upper bound of the distance to the row's centre when it was measured, less what
        that centre had `walked` then.
      far: (g, n) lower bound of the distances to the other centres of each group when they were
        measured, and what the group had `walked` then.
      walked: (k,) way that each centre has gone.
      strides: (g,) sum over the iterations of the longest way in the group.
      members: (g, s) the centres of each group, rising; k where there is none.
      group: (k,) the group of each centre.
    """

    near: Array
    far: Array
    walked: Array
    strides: Array
    members: Array
    group: Array


def _start(centers: Array, p: Problem) -> _Known:
    n, k = p.x.shape[0], centers.shape[0]
    members = split_groups(centers, p.allowed)
    groups = jnp.arange(len(members), dtype=jnp.int32)
    group = jnp.zeros(k, jnp.int32).at[members].set(groups[:, None], mode="drop")
    return _Known(
        near=jnp.full(n, jnp.inf, p.x.dtype),
        far=jnp.full((len(members), n), -jnp.inf, p.x.dtype),
        walked=jnp.zeros(k, p.x.dtype),
        strides=jnp.zeros(len(members), p.x.dtype),
        members=members,
        group=group,
    )


def split_groups(centers: Array, allowed: Array) -> Int[Array, "g s"]:
    """Groups of equal size by cutting in two, across the direction in which centres spread most.

    Centres that are not allowed come last. Empty places hold k.
    """
    k = centers.shape[0]
    levels = max(1, round(math.log2(k / _SIZE)))
    size = -(-k // 2**levels)
    parts = jnp.minimum(jnp.arange(2**levels * size, dtype=jnp.int32), k)[None]
    for _ in range(levels):
        there = allowed.at[parts].get(mode="fill", fill_value=False)
        points = jnp.where(there[:, :, None], centers.at[parts].get(mode="clip"), 0)
        count = jnp.maximum(jnp.sum(there, axis=1, dtype=jnp.int32), 1).astype(points.dtype)
        mean = jnp.sum(points, axis=1) / count[:, None]
        points = jnp.where(there[:, :, None], points - mean[:, None], 0)
        # From the point farthest out, some turns of the power iteration.
        farthest = jnp.argmax(jnp.sum(points**2, axis=2), axis=1)
        axis = jnp.take_along_axis(points, farthest[:, None, None], axis=1)[:, 0]
        for _ in range(_TURNS):
            along = jnp.einsum("psd,pd->ps", points, axis, precision=HIGHEST)
            axis = jnp.einsum("psd,ps->pd", points, along, precision=HIGHEST)
            length = jnp.max(jnp.abs(axis), axis=1, keepdims=True)
            axis = axis / jnp.where(length > 0, length, 1)
        along = jnp.einsum("psd,pd->ps", points, axis, precision=HIGHEST)
        order = jnp.argsort(jnp.where(there, along, jnp.inf), axis=1)
        parts = jnp.take_along_axis(parts, order, axis=1).reshape(2 * len(parts), -1)
    return jnp.sort(parts, axis=1)


def _age(known: _Known, shift: Array) -> _Known:
    shift = shift * (1 + 1e-6)
    longest = jnp.max(shift.at[known.members].get(mode="fill", fill_value=0), axis=1)
    return known._replace(walked=known.walked + shift, strides=known.strides + longest)


def _reassign(s: State, known: _Known, p: Problem) -> tuple[Array, _Known, Array, Array]:
    n, d = p.x.shape
    groups, size = known.members.shape
    norms = live_norms(s.centers, p)
    largest = jnp.max(jnp.where(p.allowed, norms, 0))
    centers = s.centers.at[known.members].get(mode="fill", fill_value=0)
    norms = norms.at[known.members].get(mode="fill", fill_value=jnp.inf)
    block = tile_size(n, d + size)
    own = jnp.where(s.labels < 0, 0, known.group[s.labels])
    near = known.near + known.walked[s.labels]
    # `>=` is also true of no bound; `~(<)` of not-a-number, which must not be passed over.
    doubtful = ~(near < jnp.min(known.far - known.strides[:, None], axis=0))

    def compare(
        step: Array, state: tuple[Array, Array, Array, Array]
    ) -> tuple[Array, Array, Array, Array]:
        labels, scores, near, far = state
        j = step % groups
        stride = known.strides[j]
        overlap = (own != j) & ~(near < lax.dynamic_index_in_dim(far, j, keepdims=False) - stride)
        rows, count = compact(doubtful & jnp.where(step < groups, own == j, overlap), block)
        here, lengths, names = centers[j], norms[j], known.members[j]

        def visit(
            i: Array, after: tuple[Array, Array, Array, Array]
        ) -> tuple[Array, Array, Array, Array]:
            ids = lax.dynamic_slice_in_dim(rows, i * block, block)
            x = p.x.at[ids].get(mode="clip") - p.origin
            # From the arrays before this step, in which each row comes once: XLA would copy those
            # that the loop writes for every block.
            before, score = (a.at[ids].get(mode="clip") for a in (labels, scores))
            first, second, column = nearest_two(x, here, lengths)
            found = names[column]
            wins = (first < score) | ((first == score) & (found < before))
            square = squared_norms(x)
            # What rounding can have done to scores: bounds that hold for the exact distances leave
            # labels alone that the computed ones would not change either.
            margin = 8 * jnp.finfo(x.dtype).eps * (square + largest)

            def least(score: Array) -> Array:
                return jnp.sqrt(jnp.maximum(score + square - 4 * margin, 0))

            best = jnp.where(wins, first, score)
            bound = jnp.sqrt(jnp.maximum(best + square, 0) + margin)
            others = least(jnp.where(wins, second, first)) + stride
            # The centre that is left becomes one of the others in its own group.
            home = known.group[before]
            left = wins & (before >= 0) & (home != j)
            left_bound = jnp.where(left, least(score) + known.strides[home], jnp.inf)
            labels_, scores_, near_, far_ = after
            far_ = far_.at[j, ids].set(others, mode="drop", unique_indices=True)
            return (
                _put(labels_, ids, jnp.where(wins, found, before)),
                _put(scores_, ids, best),
                _put(near_, ids, bound),
                far_.at[home, ids].min(left_bound, mode="drop", unique_indices=True),
            )

        return lax.fori_loop(jnp.int32(0), (count + block - 1) // block, visit, state)

    unknown = jnp.full(n, jnp.inf, p.x.dtype)  # until the group of its own centre is compared
    labels, _, near, far = lax.fori_loop(
        jnp.int32(0), jnp.int32(2 * groups), compare, (s.labels, unknown, near, known.far)
    )
    labels = jnp.maximum(labels, 0)  # where nothing compares, with not-a-number
    known = known._replace(near=near - known.walked[labels], far=far)
    return labels, known, *_moves(s, labels, p)


def _put(array: Array, ids: Array, values: Array) -> Array:
    return array.at[ids].set(values, mode="drop", unique_indices=True)


def _moves(s: State, labels: Array, p: Problem) -> tuple[Array, Array]:
    """The change of the sums, and how many labels changed."""
    n, d = p.x.shape
    rows, count = compact((labels != s.labels) & (p.weights > 0), _MOVED)

    def move(i: Array, delta: Array) -> Array:
        ids = lax.dynamic_slice_in_dim(rows, i * _MOVED, _MOVED)
        x = p.x.at[ids].get(mode="clip") - p.origin
        weights = jnp.where(ids < n, p.weights.at[ids].get(mode="clip"), 0)
        before, after = (a.at[ids].get(mode="clip") for a in (s.labels, labels))
        return move_rows(delta, x, weights, before, after)

    zeros = jnp.zeros((s.centers.shape[0], d + 1), p.x.dtype)
    return lax.fori_loop(jnp.int32(0), (count + _MOVED - 1) // _MOVED, move, zeros), count


GROUP_BOUNDS = Bounds(_start, _reassign, _age)
