"""Areas of one colour, each large and wide enough, the rest merged into what is most like them."""

import heapq

import numpy as np

from .._typing import Float, Int
from ._connected import Runs


def connected(labels: Int[np.ndarray, "h w"]) -> Int[np.ndarray, "h w"]:
    """Numbers 0, 1, … of areas of one label, whose pixels touch along sides."""
    runs = Runs(labels)
    return np.repeat(runs.patch, runs.lengths).reshape(labels.shape)


def merge_small(
    labels: Int[np.ndarray, "h w"],
    lab: Float[np.ndarray, "h w 3"],
    centers: Float[np.ndarray, "k 3"],
    area: float,
    radius: float,
) -> Int[np.ndarray, "h w"]:
    """Labels in which every area has at least a given size and room for a circle.

    The smallest area goes first, into the neighbour whose colour is nearest to the mean of its
    pixels, of equally near ones that with the longest border to it. Areas of label −1 stay as they
    are.

    Args:
      labels: (h, w) −1…k−1.
      lab: (h, w, 3) colours of the pixels.
      centers: (k, 3) colours of the labels.
      area: least number of pixels.
      radius: least radius of the largest circle inside, in pixels.

    Returns:
      (h, w) labels.
    """
    while True:
        regions = connected(labels)
        sizes = np.bincount(regions.ravel())
        weak = sizes < area
        if not weak.any():  # what is small goes first, as merging makes the rest wider
            weak = inner_points(regions)[1] < radius
        merged = _merge(regions, labels, lab, centers, weak, area)
        if merged is None:
            return labels
        labels = merged


def opened(labels: Int[np.ndarray, "h w"], radius: float) -> Int[np.ndarray, "h w"]:
    """Labels without limbs that a brush of a given radius does not fit into.

    What a disc inside its area does not reach takes the label of the nearest pixel that one does.
    """
    from scipy.ndimage import distance_transform_edt

    regions = connected(labels)
    far = _depth(regions)
    core = far > radius
    if not core.any():
        return labels
    gap, (y, x) = distance_transform_edt(~core, return_indices=True)
    kept = (gap <= radius + 0.5) & (regions[y, x] == regions)
    kept |= labels < 0
    y, x = distance_transform_edt(~kept, return_distances=False, return_indices=True)
    near = labels[y, x]
    return np.where(near < 0, labels, near)


def _depth(regions: Int[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """How far each pixel is from the outline of its area."""
    from scipy.ndimage import distance_transform_edt

    wide = np.pad(regions, 1, constant_values=-1)
    edge = np.zeros(wide.shape, bool)
    for axis in (0, 1):
        differs = np.diff(wide, axis=axis) != 0
        one, other = [(slice(None),) * axis + (part,) for part in (slice(1, None), slice(-1))]
        edge[one] |= differs
        edge[other] |= differs
    return distance_transform_edt(~edge)[1:-1, 1:-1] + 0.5


def inner_points(
    regions: Int[np.ndarray, "h w"],
) -> tuple[Float[np.ndarray, "r 2"], Float[np.ndarray, " r"]]:
    """The point of each area that is farthest from its outline, and how far that is.

    Returns:
      (r, 2) x and y, middles of pixels, and (r,) radii in pixels, right to half a pixel.
    """
    far = _depth(regions).ravel()
    order = np.argsort(far, kind="stable")
    at = np.zeros(int(regions.max()) + 1, np.int64)
    at[regions.ravel()[order]] = order  # the last one written is the farthest
    y, x = np.divmod(at, regions.shape[1])
    return np.stack([x, y], axis=1) + 0.5, far[at]


def _merge(
    regions: np.ndarray,
    labels: np.ndarray,
    lab: np.ndarray,
    centers: np.ndarray,
    weak: np.ndarray,
    area: float,
) -> np.ndarray | None:
    """Labels after merging the weak areas; None where nothing could be merged."""
    n = len(weak)
    flat = regions.ravel()
    label = np.zeros(n, np.int64)
    label[flat] = labels.ravel()
    size = np.bincount(flat, minlength=n)
    weak = weak & (label >= 0)
    if not weak.any():
        return None
    sums = np.stack([np.bincount(flat, lab[..., c].ravel(), n) for c in range(3)], axis=1)
    near = _borders(regions)
    color, label_of, size_of = centers.tolist(), label.tolist(), size.tolist()
    total = sums.tolist()
    parent = list(range(n))
    waiting = [(size_of[r], r) for r in np.flatnonzero(weak).tolist()]
    heapq.heapify(waiting)
    done = False
    while waiting:
        was, r = heapq.heappop(waiting)
        if parent[r] != r or size_of[r] != was:
            continue  # it has grown, or gone
        mean = [value / was for value in total[r]]
        others = [(s, n) for s, n in near[r].items() if label_of[s] >= 0]
        if not others:
            continue

        def unlike(other: tuple[int, int], mean: list[float] = mean) -> tuple[float, int, int]:
            s, length = other
            theirs = color[label_of[s]]
            return sum((a - b) ** 2 for a, b in zip(mean, theirs, strict=True)), -length, s

        into = min(others, key=unlike)[0]
        done = True
        joining = [r]
        while joining:  # areas of one colour that now touch are one
            gone = joining.pop()
            _absorb(gone, into, parent, near, size_of, total)
            joining = [s for s in near[into] if label_of[s] == label_of[into]]
        if size_of[into] < area:
            heapq.heappush(waiting, (size_of[into], into))
    if not done:
        return None
    root = np.array(parent)
    while (root[root] != root).any():
        root = root[root]
    return label[root][flat].reshape(labels.shape)


def _absorb(
    gone: int,
    into: int,
    parent: list[int],
    near: list[dict[int, int]],
    size: list[int],
    total: list[list[float]],
) -> None:
    parent[gone] = into
    size[into] += size[gone]
    total[into] = [a + b for a, b in zip(total[into], total[gone], strict=True)]
    for s, length in near[gone].items():
        del near[s][gone]
        if s != into:
            near[s][into] = near[into][s] = near[into].get(s, 0) + length
    near[gone] = {}


def _borders(regions: np.ndarray) -> list[dict[int, int]]:
    """For each area, those that it touches along sides, and along how many."""
    pairs = []
    for one, other in ((regions[:, 1:], regions[:, :-1]), (regions[1:], regions[:-1])):
        differs = one != other
        pairs.append(np.stack([one[differs], other[differs]], axis=1))
    both = np.sort(np.concatenate(pairs), axis=1).astype(np.int64)
    n = int(regions.max()) + 1
    code, length = np.unique(both[:, 0] * n + both[:, 1], return_counts=True)
    near: list[dict[int, int]] = [{} for _ in range(n)]
    for c, many in zip(code.tolist(), length.tolist(), strict=True):
        r, s = divmod(c, n)
        near[r][s] = near[s][r] = many
    return near
