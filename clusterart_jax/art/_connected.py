"""Labels → connected patches, from runs of equal pixels in rows."""

import numpy as np

from .._typing import Int
from ._segments import LINEAR, Parts


class Runs:
    """Runs of equal labels in the rows of a picture, joined to patches.

    Attributes:
      starts: first pixel of each run, in the flat picture.
      lengths: of each run.
      patch: of each run.
      count: how many patches.
      up, down: runs of unlike patches above each other, once for each pair of runs.
    """

    def __init__(self, labels: Int[np.ndarray, "h w"]) -> None:
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        new = np.ones(labels.shape, bool)
        np.not_equal(labels[:, 1:], labels[:, :-1], out=new[:, 1:])
        self.starts = np.flatnonzero(new)
        self.lengths = np.diff(self.starts, append=labels.size)
        run = np.cumsum(new, dtype=np.int32).reshape(labels.shape) - 1
        first = new[1:] | new[:-1]  # two runs that lie above each other meet first where one begins
        same = labels[1:] == labels[:-1]
        joined = first & same
        count = len(self.starts)
        ends = run[:-1][joined], run[1:][joined]
        graph = coo_array((np.ones(len(ends[0]), np.int8), ends), (count, count))
        self.count, self.patch = connected_components(graph, directed=False)
        apart = first & ~same
        self.up, self.down = run[:-1][apart], run[1:][apart]
        self.width = labels.shape[1]
        self.label = labels.reshape(-1)[self.starts]

    def sums(self, plane: np.ndarray) -> np.ndarray:
        """Of the pixels of each patch."""
        return np.bincount(self.patch, np.add.reduceat(plane.reshape(-1), self.starts), self.count)

    def neighbors(self) -> tuple[np.ndarray, np.ndarray]:
        """Pairs of patches that touch, some of them often."""
        beside = np.flatnonzero(self.starts[1:] % self.width)
        a = self.patch[np.concatenate([self.up, beside])]
        b = self.patch[np.concatenate([self.down, beside + 1])]
        return a, b


def connected(image: np.ndarray, labels: Int[np.ndarray, "h w"], smallest: float) -> Parts:
    """Every patch a segment, and those smaller than `smallest` joined to a neighbour.

    A small patch goes to the neighbour of the nearest colour, together with those that go to it.
    So no two large ones become one.

    Args:
      image: (h, w, c) `uint8`.
      labels: (h, w), −1 of pixels that belong to nothing and stay so.
      smallest: pixels.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    runs = Runs(labels)
    colors = range(1 if image.shape[2] == 1 else 3)
    sums = np.stack([runs.sums(np.take(LINEAR, image[..., j])) for j in colors], axis=1)
    sizes = np.bincount(runs.patch, runs.lengths, runs.count)
    row, column = np.divmod(runs.starts, runs.width)
    rows = np.bincount(runs.patch, row * runs.lengths, runs.count)
    columns = np.bincount(runs.patch, (column + (runs.lengths - 1) / 2) * runs.lengths, runs.count)
    sums = np.concatenate([sums, np.stack([sizes, rows, columns], axis=1)], axis=1)
    absent = np.zeros(runs.count, bool)
    absent[runs.patch[runs.label < 0]] = True
    owner = np.arange(runs.count)
    a, b = runs.neighbors()
    while True:
        small = (sums[:, -3] < smallest) & ~absent
        a, b, count = owner[a], owner[b], len(sums)
        wanted = (small[a] | small[b]) & (a != b) & ~absent[a] & ~absent[b]
        a, b = _once(a[wanted], b[wanted], count)
        if not len(a):
            break
        colors = np.sqrt(sums[:, :-3] / sums[:, -3:-2])  # about as even to the eye as sRGB
        gap = np.sum((colors[a] - colors[b]) ** 2, axis=1)
        goes = _nearest(a, b, gap, small)
        graph = coo_array((np.ones(len(goes[0]), np.int8), goes), (count, count))
        count, group = connected_components(graph, directed=False)
        sums = np.stack([np.bincount(group, column, count) for column in sums.T], axis=1)
        kept = np.zeros(count, bool)
        kept[group[absent]] = True
        absent, owner, runs.patch = kept, group, group[runs.patch]
    # In the order of their first pixels.
    first = np.empty(len(sums), np.int64)
    first[runs.patch[::-1]] = runs.starts[::-1]  # what is written last stays
    order = np.argsort(first)
    order = order[~absent[order]]
    number = np.full(len(sums), -1, np.int32)
    number[order] = np.arange(len(order))
    flat = np.repeat(number[runs.patch], runs.lengths)
    return Parts(flat.reshape(labels.shape), sums[order])


def _once(a: np.ndarray, b: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Each pair once, whichever way round it is, the lesser number first."""
    keys = np.sort(np.minimum(a, b) * np.int64(count) + np.maximum(a, b))
    low, high = np.divmod(keys[np.flatnonzero(np.diff(keys, prepend=-1))], count)
    return low, high


def _nearest(
    a: np.ndarray, b: np.ndarray, gap: np.ndarray, small: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Small patches, and of each the neighbour of the least gap, the first of equal ones.

    Sorts one whole number a pair: the patch, the gap in as many digits as there is room for, and
    the neighbour. That takes a tenth of the time of a sort by three columns.
    """
    bits = len(small).bit_length()
    ends, others = np.concatenate([a, b]), np.concatenate([b, a])
    mine = np.flatnonzero(small[ends])
    level = np.concatenate([gap, gap])[mine] * ((1 << (62 - 2 * bits)) / max(gap.max(), 1e-30))
    keys = (ends[mine] << (63 - bits)) | (level.astype(np.int64) << bits) | others[mine]
    keys.sort()
    found = keys >> (63 - bits)
    first = np.flatnonzero(np.diff(found, prepend=-1))
    return found[first], keys[first] & ((1 << bits) - 1)


def touching(labels: Int[np.ndarray, "h w"]) -> Int[np.ndarray, "m 2"]:
    """Pairs of labels that have pixels next to each other, the lesser first, each pair once."""
    count = int(labels.max()) + 1
    ends = []
    for one, other in ((labels[1:], labels[:-1]), (labels[:, 1:], labels[:, :-1])):
        unlike = (one != other) & (one >= 0) & (other >= 0)
        ends.append((one[unlike], other[unlike]))
    a, b = (np.concatenate(column) for column in zip(*ends, strict=True))
    return np.stack(_once(a, b, count), axis=1)
