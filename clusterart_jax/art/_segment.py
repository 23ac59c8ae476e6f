"""A picture → a few segments: its superpixels, clustered by colour and place."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .._checks import check_choice, check_key, check_number
from .._errors import ConfigError
from .._typing import Array, Int, KeyArray, UInt8
from ..cluster import cut_tree, dbscan, gmm, graph_linkage, kmeans, propose_eps
from ..features import srgb_to_oklab
from ._connected import connected, touching
from ._segments import Parts, Segments, check_amount, check_visible
from ._slic import superpixels

_PLACE = {"kmeans": 0.1, "gmm": 0.25, "dbscan": 0.5, "agglomerative": 0.02}
"""How much place counts by default: little where only neighbours merge."""
_BLUR = 0.01  # of the components of a mixture at least, in OKLab: less is not seen
_FEW = 4  # superpixels that make one of `dbscan` core, itself among them


def segment(
    key: KeyArray,
    image: UInt8[np.ndarray, "h w c"],
    k: int | None = None,
    *,
    method: str = "kmeans",
    place: float | None = None,
    n_superpixels: int | None = None,
    compactness: float = 10.0,
    eps: float | None = None,
    parts: bool = False,
    min_size: float = 1e-3,
) -> Segments:
    """Segments of a picture: its superpixels, clustered by colour and place.

    Rows are the superpixels' mean colours in OKLab and `place` times their middles in units of the
    longer side; they weigh as many pixels as they have. By `method`:

    - "kmeans": k of nearly one colour each, wherever they lie.
    - "gmm": k components of a mixture, narrow in one colour and wide in another.
    - "dbscan": as many as there are, of any shape; superpixels near none of them go to the nearest.
    - "agglomerative": neighbours merge, the most alike first, until k are left: each is connected,
      unless clear pixels part the picture into more than k.

    Cost: that of `slic`, O(h w); what comes after depends on the superpixels only. Peak extra
    memory: that of `slic`.

    Args:
      key: of `kmeans` and `gmm`.
      image: (h, w) or (h, w, c) `uint8`, c = 1 grey, 3 sRGB or 4 with alpha; pixels of alpha 0
        belong to no segment.
      k: how many segments; fewer come back where colours are fewer. None for "dbscan".
      method: one of the above.
      place: how much place counts beside colour: with 0 not at all; with 1, pixels at opposite
        sides are as far apart as black and white. By default 0.1 for "kmeans", 0.25 for "gmm", 0.5
        for "dbscan" and 0.02 for "agglomerative".
      n_superpixels: about how many; by default one for 64 pixels, at most 1,800, and at least 4 k.
      compactness: of the superpixels, see `slic`.
      eps: distance within which superpixels of "dbscan" are near; by default from `propose_eps`.
      parts: whether every connected part becomes a segment of its own.
      min_size: parts smaller than this share of the picture are joined to a neighbour then.

    Returns:
      `Segments`, numbered by size: 0 is the largest.

    Raises:
      DataError: when all of `image` is transparent.
      TypeError: when it is not `uint8`.
      ValueError: for another shape, options that cannot be, and where `k` is more than there are
        superpixels.

    Example:
      >>> import jax, numpy as np
      >>> from clusterart_jax.art import segment
      >>> image = np.zeros((32, 32, 3), np.uint8)
      >>> image[:, 13:] = 200
      >>> found = segment(jax.random.key(0), image, 2)
      >>> found.sizes.tolist(), found.colors[:, 0].tolist()
      ([608, 416], [200, 0])

    References:
      Achanta and others, SLIC superpixels compared to state-of-the-art superpixel methods, 2012,
      doi:10.1109/TPAMI.2012.120.
    """
    image = check_visible(image)
    key = check_key(key)
    check_choice(method, "method", tuple(_PLACE))
    place = _PLACE[method] if place is None else place
    check_number(place, "place", np.float32, low=0)
    check_number(min_size, "min_size", np.float32, low=0)
    pixels = image.shape[0] * image.shape[1]
    if method == "dbscan":
        if k is not None:
            raise ConfigError(f"method 'dbscan' finds by itself how many: k must be None, not {k}")
        if eps is not None:
            check_number(eps, "eps", np.float32, low=0, above=True)
    elif k is None:
        raise ConfigError(f"method {method!r} needs k, the number of segments")
    else:
        k = check_amount(k, "k", pixels)
        if eps is not None:
            raise ConfigError(f"eps is an option of method 'dbscan', not of {method!r}")
    if n_superpixels is None:
        n_superpixels = min(max(min(1800, pixels // 64), 4 * (k or 1)), pixels)
    small = superpixels(image, n_superpixels, compactness)
    count = len(small.sizes)
    if k is not None and k > count:
        raise ConfigError(f"k must be at most {count}, the number of superpixels, not {k}")
    group = np.zeros(count, np.int32) if count == 1 else _group(key, small, k, method, place, eps)
    found = small.joined(group)
    if parts:
        apart = connected(image, found.labels, min_size * pixels)
        found = apart.joined(np.arange(len(apart.sizes)))
    return found.segments()


class _Rows(NamedTuple):
    """What is clustered, with rows of weight 0 up to a round number, which save programs.

    Attributes:
      x: (n, 5) colours and places.
      weights: (n,) pixels, as shares of the mean.
      present: how many rows are there.
    """

    x: Array
    weights: Array
    present: int


def _group(
    key: KeyArray, small: Parts, k: int | None, method: str, place: float, eps: float | None
) -> Int[np.ndarray, " n"]:
    """The group of each superpixel."""
    height, width = small.labels.shape
    count = len(small.sizes)
    size = _room(count)
    found = small.segments()
    rgb = np.zeros((size, 3), np.uint8)
    rgb[:count] = found.colors
    at = np.zeros((size, 2), np.float32)
    at[:count] = found.centers * (place / max(height, width))
    weights = np.zeros(size, np.float32)
    weights[:count] = small.sizes / small.sizes.mean()
    rows = _Rows(_points(rgb, at), jnp.asarray(weights), count)

    def grouped_kmeans() -> Array:
        return kmeans(key, rows.x, k or 1, sample_weight=rows.weights, n_init=4).labels

    def grouped_gmm() -> Array:
        return gmm(
            key,
            rows.x,
            k or 1,
            covariance_type="diag",
            sample_weight=rows.weights,
            reg_covar=_BLUR**2,
        ).labels

    def grouped_linkage() -> Array:
        edges = touching(small.labels)
        edges = np.pad(edges, ((0, _room(len(edges)) - len(edges)), (0, 0)))  # loops are no edges
        tree = graph_linkage(rows.x, edges.astype(np.int32), "ward", sample_weight=rows.weights)
        return cut_tree(tree, n_clusters=k)

    call: dict[str, Callable[[], Array | np.ndarray]] = {
        "kmeans": grouped_kmeans,
        "gmm": grouped_gmm,
        "dbscan": lambda: _dense(rows, eps),
        "agglomerative": grouped_linkage,
    }
    return np.asarray(call[method]())[:count]


def _room(count: int) -> int:
    """A power of two, not small, so that pictures share programs."""
    return 1 << max(8, (count - 1).bit_length())


@jax.jit
def _points(rgb: Array, at: Array) -> Array:
    return jnp.concatenate([srgb_to_oklab(rgb.astype(jnp.float32) / 255), at], axis=1)


def _dense(rows: _Rows, eps: float | None) -> np.ndarray:
    """Clusters of `dbscan`, and the nearest of them for rows that are noise."""
    from scipy.spatial import cKDTree

    there = (rows.weights > 0).astype(rows.x.dtype)
    few = min(_FEW, rows.present)
    if eps is None:
        eps = float(propose_eps(rows.x, few, sample_weight=there).eps)
        eps = eps if 0 < eps < np.inf else _BLUR
    labels = np.asarray(dbscan(rows.x, eps, few, sample_weight=there).labels)[: rows.present]
    if (labels < 0).all():
        return np.zeros(rows.present, np.int32)
    points = np.asarray(rows.x)[: rows.present]
    inside = labels >= 0
    nearest = cKDTree(points[inside]).query(points[~inside])[1]
    labels = labels.copy()
    labels[~inside] = labels[inside][nearest]
    return labels
