"""Trees of merges, laid out for drawing; NumPy on the host, one pass over the merges."""

from typing import NamedTuple

import numpy as np

MIXED = -2
"""In place of a cluster's number, where rows of several meet."""


class Bar(NamedTuple):
    """A merge: two legs and a bar.

    Attributes:
      corners: four x and four y, from the left foot to the right one.
      cluster: in which both sides lie; −1 noise, −2 where they lie in several.
      below: the same of the left and of the right side.
    """

    corners: tuple[list[float], list[float]]
    cluster: int
    below: tuple[int, int]


class Leaf(NamedTuple):
    """A part of the tree that is not drawn further.

    Attributes:
      rows: its rows.
      cluster: in which they lie; −1 noise, −2 several.
    """

    rows: np.ndarray
    cluster: int


class Top(NamedTuple):
    """The upper part of a tree: its leaves at x = 0, 1, …, and the merges of them."""

    leaves: list[Leaf]
    bars: list[Bar]


def top_of_tree(linkage: np.ndarray, labels: np.ndarray, count: int) -> Top:
    """The last merges of a tree in SciPy's form, down to `count` parts, from left to right.

    Example:
      >>> import numpy as np
      >>> z = np.array([[0, 1, 1.0, 2], [2, 3, 2.0, 2], [4, 5, 9.0, 4]])
      >>> top = top_of_tree(z, np.array([0, 0, 1, 1]), 2)
      >>> [(leaf.rows.tolist(), leaf.cluster) for leaf in top.leaves]
      [([0, 1], 0), ([2, 3], 1)]
      >>> top.bars[0].corners
      ([0.0, 0.0, 1.0, 1.0], [0.0, 9.0, 9.0, 0.0])
    """
    n = len(linkage) + 1
    count = min(count, n)
    children = linkage[:, :2].astype(int)
    first = n - count  # merges from here on are drawn, the others lie within a leaf
    order: list[int] = []  # leaves, from left to right
    stack = [2 * n - 2]
    while stack:
        node = stack.pop()
        if node < n + first:
            order.append(node)
        else:
            stack += children[node - n][::-1].tolist()
    owner = np.full(2 * n - 1, -1)
    owner[order] = np.arange(len(order))
    for m in range(first - 1, -1, -1):
        owner[children[m]] = owner[n + m]
    leaves = []
    for i in range(len(order)):
        rows = np.flatnonzero(owner[:n] == i)
        leaves.append(Leaf(rows, _common(labels[rows])))
    place = {node: (float(i), 0.0, leaves[i].cluster) for i, node in enumerate(order)}
    bars = []
    for m in range(first, n - 1):
        (a, low_a, one), (b, low_b, other) = sorted(place[c] for c in children[m].tolist())
        height = float(linkage[m, 2])
        cluster = one if one == other else MIXED
        corners = ([a, a, b, b], [low_a, height, height, low_b])
        bars.append(Bar(corners, cluster, (one, other)))
        place[n + m] = ((a + b) / 2, height, cluster)
    return Top(leaves, bars)


def _common(labels: np.ndarray) -> int:
    return int(labels[0]) if (labels == labels[0]).all() else MIXED


class Part(NamedTuple):
    """A block of a condensed tree.

    Attributes:
      distance: (s,) falling distances, from where it is split off to where it ends.
      width: (s,) rows in it from each distance on.
      middle: where it stands; the whole tree is as wide as it has rows.
      cluster: whose block it is, itself or one around it; −1 for none.
      chosen: whether it is the cluster itself.
    """

    distance: np.ndarray
    width: np.ndarray
    middle: float
    cluster: int
    chosen: bool


def condensed(linkage: np.ndarray, min_size: int, labels: np.ndarray) -> list[Part]:
    """Follows a tree of merges from the top; parts of fewer than `min_size` rows drop out.

    Example:
      >>> import numpy as np
      >>> z = np.array([[0, 1, 1.0, 2], [2, 3, 2.0, 2], [4, 5, 9.0, 4]])
      >>> parts = condensed(z, 2, np.array([0, 0, 1, 1]))
      >>> [(part.cluster, part.middle, round(float(part.distance[0]), 2)) for part in parts]
      [(-1, 2.0, 9.45), (0, 1.0, 9.0), (1, 3.0, 9.0)]
    """
    n = len(linkage) + 1
    children = linkage[:, :2].astype(int).tolist()
    height = np.maximum(linkage[:, 2], _least(linkage[:, 2]))
    size = np.concatenate([np.ones(n), linkage[:, 3]]).round().astype(int)
    owner = np.zeros(2 * n - 1, int)  # the block that each node is in, or dropped out of
    inside = np.zeros(2 * n - 1, bool)
    inside[-1] = True
    parent, born, began = [0], [1.05 * float(height[-1])], [n]
    drops: list[list[tuple[float, int]]] = [[]]
    halves: list[list[int]] = [[]]
    for m in range(n - 2, -1, -1):
        block = int(owner[n + m])
        owner[children[m]] = block
        if not inside[n + m]:
            continue
        big = [node for node in children[m] if size[node] >= min_size]
        inside[big] = True
        if len(big) < 2:
            out = size[n + m] - sum(size[node] for node in big)
            drops[block].append((float(height[m]), int(out)))
            continue
        for node in big:
            owner[node] = len(parent)
            halves[block].append(len(parent))
            parent.append(block)
            born.append(float(height[m]))
            began.append(int(size[node]))
            drops.append([])
            halves.append([])
    chosen = _chosen(owner[:n], parent, labels)
    cluster, middle = [-1] * len(parent), [n / 2] * len(parent)
    parts = []
    for i, steps in enumerate(drops):  # blocks around come before those inside
        cluster[i] = chosen.get(i, cluster[parent[i]])
        left = middle[i] - sum(began[half] for half in halves[i]) / 2
        for half in halves[i]:
            middle[half] = left + began[half] / 2
            left += began[half]
        end = born[halves[i][0]] if halves[i] else (steps[-1][0] if steps else born[i])
        distance = np.array([born[i], *(d for d, _ in steps), end])
        width = began[i] - np.cumsum([0, *(out for _, out in steps), 0])
        parts.append(Part(distance, width, middle[i], cluster[i], i in chosen))
    return parts


def _least(heights: np.ndarray) -> float:
    """The smallest height above 0, which stands for those of copies on a logarithmic scale."""
    some = heights[heights > 0]
    return float(some.min()) if len(some) else 1.0


def _chosen(owner: np.ndarray, parent: list[int], labels: np.ndarray) -> dict[int, int]:
    """Block → cluster: the smallest block that has all rows of the cluster."""
    found = {}
    for label in np.unique(labels[labels >= 0]).tolist():
        blocks = set(owner[labels == label].tolist())
        while len(blocks) > 1:
            deepest = max(blocks)  # blocks inside have larger numbers
            blocks = (blocks - {deepest}) | {parent[deepest]}
        found[blocks.pop()] = label
    return found
