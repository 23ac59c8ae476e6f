"""The condensed tree: clusters that keep a minimum size while edges are cut, longest first.

Every step but one is a pass over all nodes of the tree: what lies above a node is found by
doubling, each pass taking steps twice as long as the one before.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax

from .._typing import Array, Bool, Float, Int
from ._tree import Merges


class Condensed(NamedTuple):
    """Clusters in the order of a walk through the tree, level by level; 0 is that of all rows.

    There are `number` of them; entries behind are without meaning. λ is 1 / distance.

    Attributes:
      number: number of clusters.
      parent: (m,) int32, the cluster that each is split off; 0 for cluster 0.
      birth: (m,) λ at which it is split off; 0 for cluster 0.
      size: (m,) weight of its rows then.
      stability: (m,) Σ over its rows of weight · (λ at which the row leaves it − birth).
      death: (m,) largest λ at which a row, or a cluster, leaves it.
      last: (m,) largest λ at which a row leaves it or one of the clusters inside it.
      leaf: (m,) whether no cluster is split off it.
      row_cluster: (n,) int32, the cluster that each row leaves last.
      row_lambda: (n,) λ at which it does.
    """

    number: Int[Array, ""]
    parent: Int[Array, " m"]
    birth: Float[Array, " m"]
    size: Float[Array, " m"]
    stability: Float[Array, " m"]
    death: Float[Array, " m"]
    last: Float[Array, " m"]
    leaf: Bool[Array, " m"]
    row_cluster: Int[Array, " n"]
    row_lambda: Float[Array, " n"]


def condense(
    tree: Merges,
    core: Float[Array, " n"],
    weights: Float[Array, " n"],
    min_size: Float[Array, ""],
    most: int,
) -> Condensed:
    """Follows a tree of merges from the top, passing over parts smaller than `min_size`.

    A row that weighs `min_size` alone is a cluster that falls apart at its core distance, as its
    copies would. Cost O(n log n); peak extra memory O(n).

    Args:
      tree: n − 1 merges; those of absent rows come last.
      core: (n,) core distances.
      weights: (n,) weights of the rows; 0 marks absent ones.
      min_size: weight from which on a part counts.
      most: clusters that there can be at most. Static.
    """
    n, kind = weights.shape[0], weights.dtype
    nodes = jnp.arange(2 * n - 1, dtype=jnp.int32)
    present = weights > 0
    number = jnp.sum(present, dtype=jnp.int32)
    top = jnp.where(number > 1, n + number - 2, jnp.argmax(present).astype(jnp.int32))
    merged = nodes[n:]
    up = nodes.at[tree.left].set(merged).at[tree.right].set(merged).at[top].set(top)
    size = jnp.concatenate([weights, tree.size])
    height = jnp.concatenate([core, tree.height])
    rate = jnp.where(height > 0, 1 / height, jnp.inf)
    big = (size >= min_size) | (nodes == top)
    both = big[tree.left] & big[tree.right] & (merged <= top)
    split = jnp.concatenate([jnp.zeros(n, bool), both])
    head = jnp.where(nodes == top, True, split[up] & (nodes < top))
    head = head & ((nodes >= n) | present[jnp.minimum(nodes, n - 1)])

    # Clusters are numbered level by level, and from left to right.
    aside = jnp.zeros(2 * n - 1, kind).at[tree.right].set(size[tree.left])
    below = nodes != top
    depth, place = _sums_above(up, (below.astype(jnp.int32), jnp.where(below, aside, 0)))
    rank = jnp.cumsum(head, dtype=jnp.int32)
    count, known = rank[-1], jnp.arange(most, dtype=jnp.int32) < rank[-1]
    heads = jnp.full(most, top).at[jnp.where(head, rank - 1, most)].set(nodes, mode="drop")
    order = lax.sort((jnp.where(known, depth[heads], 2 * n), place[heads], heads), num_keys=2)[2]
    rank = jnp.zeros(2 * n - 1, jnp.int32)
    rank = rank.at[jnp.where(known, order, 2 * n)].set(
        jnp.arange(most, dtype=jnp.int32), mode="drop"
    )
    home = rank[ends(jnp.where(head, nodes, up))]
    parent = jnp.where(known, home[up[order]], 0).at[0].set(0)
    birth = jnp.where(known, rate[up[order]], 0).at[0].set(0)
    mass = jnp.where(known, size[order], 0)

    leave = ends(jnp.where(big, nodes, up))[:n]
    leave = jnp.where(present, leave, top)
    row_cluster, row_rate = home[leave], jnp.where(present, rate[leave], 0)
    child = known.at[0].set(False)
    gain = jnp.where(present, (row_rate - birth[row_cluster]) * weights, 0)
    stability = jnp.zeros(most, kind).at[row_cluster].add(gain)
    passed = jnp.where(child, (birth - birth[parent]) * mass, 0)
    stability = stability.at[parent].add(passed)
    rows_death = jnp.zeros(most, kind).at[row_cluster].max(row_rate)
    death = rows_death.at[parent].max(jnp.where(child, birth, 0))
    leaf = known.at[jnp.where(child, parent, most)].set(False, mode="drop")

    def raise_last(i: Array, last: Array) -> Array:
        c = count - 1 - i
        return last.at[parent[c]].max(last[c])

    last = lax.fori_loop(jnp.int32(0), count, raise_last, death)
    return Condensed(
        count, parent, birth, mass, stability, death, last, leaf, row_cluster, row_rate
    )


def select(
    tree: Condensed,
    *,
    method: str,
    single: bool,
    epsilon: Float[Array, ""],
    max_size: Float[Array, ""],
) -> Bool[Array, " m"]:
    """The clusters of a flat clustering, (m,).

    Args:
      tree: condensed.
      method: "eom" takes a cluster where its stability is no less than that of the best clusters
        inside it, "leaf" those without clusters inside. Static.
      single: whether the cluster of all rows may be taken by "eom". Static.
      epsilon: clusters that are split off at a shorter distance are merged; 0 merges none.
      max_size: clusters that weigh more are not taken by "eom".
    """
    most = tree.parent.shape[0]
    numbers = jnp.arange(most, dtype=jnp.int32)
    known = numbers < tree.number
    child = known & (numbers > 0)
    if method == "leaf":
        chosen = tree.leaf & child
    else:
        # All rows are one cluster: what weighs is that of the clusters split off.
        whole = jnp.sum(jnp.where(child & (tree.parent == 0), tree.size, 0))
        small = ~(tree.size.at[0].set(whole) > max_size)

        def choose(i: Array, state: tuple[Array, Array]) -> tuple[Array, Array]:
            inside, chosen = state
            c = tree.number - 1 - i
            own = tree.stability[c]
            take = ~(inside[c] > own) & small[c]
            value = jnp.where(take, own, inside[c])
            return inside.at[tree.parent[c]].add(value), chosen.at[c].set(take)

        state = (jnp.zeros_like(tree.stability), jnp.zeros(most, bool))
        steps = tree.number - jnp.int32(0 if single else 1)
        _, chosen = lax.fori_loop(jnp.int32(0), steps, choose, state)
        above = _any_above(tree.parent, chosen)
        chosen = chosen & ~above & (numbers >= (0 if single else 1))
    distance = 1 / tree.birth
    near = (tree.parent != 0) & (distance[tree.parent] <= epsilon)
    stop = ends(jnp.where(near & child, tree.parent, numbers))
    over = tree.parent[stop]
    goal = jnp.where(over != 0, over, 0 if single else stop)
    goal = jnp.where((distance < epsilon) & child, goal, numbers)
    merged = jnp.zeros(most, bool).at[jnp.where(chosen, goal, most)].set(True, mode="drop")
    return jnp.where(epsilon > 0, merged, chosen)


def flat_labels(
    tree: Condensed, selected: Bool[Array, " m"], epsilon: Float[Array, ""]
) -> tuple[Int[Array, " n"], Float[Array, " n"]]:
    """Label of each row, −1 for noise, and how firmly it belongs to its cluster, 0…1."""
    most = tree.parent.shape[0]
    numbers = jnp.arange(most, dtype=jnp.int32)
    home = ends(jnp.where(selected, numbers, tree.parent))[tree.row_cluster]
    # Of the cluster of all rows, only those that stay in it to the end, or to `epsilon`.
    least = _least(tree, epsilon)
    held = selected[home] & ((home != 0) | (tree.row_lambda >= least))
    number = jnp.cumsum(selected, dtype=jnp.int32) - 1
    death = tree.death[home]
    full = (death == 0) | jnp.isinf(tree.row_lambda)
    strength = jnp.minimum(tree.row_lambda, death) / jnp.where(full, 1, death)
    strength = jnp.where(full, jnp.ones_like(death), strength)
    return jnp.where(held, number[home], -1), jnp.where(held, strength, 0)


def of_selected(
    tree: Condensed, selected: Bool[Array, " m"], epsilon: Float[Array, ""]
) -> tuple[Float[Array, " m"], Float[Array, " m"]]:
    """Births and deaths of the selected clusters, in the order of their labels; then zeros."""
    most = tree.parent.shape[0]
    place = jnp.where(selected, jnp.cumsum(selected, dtype=jnp.int32) - 1, most)
    births = tree.birth.at[0].set(_least(tree, epsilon))
    none = jnp.zeros_like(births)
    first, last = (none.at[place].set(v, mode="drop") for v in (births, tree.death))
    return first, last


def _least(tree: Condensed, epsilon: Array) -> Array:
    """The λ that rows must outlast to be in the cluster of all rows."""
    return jnp.where(epsilon != 0, 1 / epsilon, tree.death[0])


def outlier_scores(tree: Condensed) -> Float[Array, " n"]:
    """GLOSH: how much sooner a row leaves its cluster than the last row inside it does, 0…1."""
    last = tree.last[tree.row_cluster]
    none = (last == 0) | jnp.isinf(tree.row_lambda)
    return jnp.where(none, 0, 1 - tree.row_lambda / jnp.where(none, 1, last))


def ends(step: Int[Array, " m"]) -> Int[Array, " m"]:
    """Where each node comes to that goes on to `step` of it until it stays in its place."""

    def twice(i: Array, step: Array) -> Array:
        return step[step]

    return lax.fori_loop(0, _doublings(step), twice, step)


def _doublings(step: Array) -> int:
    return max(1, (step.shape[0] - 1).bit_length())


def _sums_above(up: Array, values: tuple[Array, ...]) -> tuple[Array, ...]:
    """Sums of values along the way to the top, whose own values are 0."""

    def twice(i: Array, state: tuple[Array, tuple[Array, ...]]) -> tuple[Array, tuple[Array, ...]]:
        up, values = state
        return up[up], tuple(v + v[up] for v in values)

    return lax.fori_loop(0, _doublings(up), twice, (up, values))[1]


def _any_above(parent: Array, chosen: Array) -> Array:
    """Whether one of the clusters around each is chosen."""

    def twice(i: Array, state: tuple[Array, Array]) -> tuple[Array, Array]:
        up, found = state
        return up[up], found | found[up]

    found = chosen[parent].at[0].set(False)
    return lax.fori_loop(0, _doublings(parent), twice, (parent, found))[1]
