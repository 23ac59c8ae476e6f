"""HDBSCAN beside scikit-learn's, hdbscan's and fast_hdbscan's: labels of rows, in float32.

All contenders take the same number of rows for a core distance, and the same smallest cluster. The
loss is the mean edge of the tree that each found, which no other tree can be below.
"""

import importlib
from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import numpy as np

import clusterart_jax as ca

from .harness import Case, Run
from .kmeans import fashion_mnist_pca

QUICK_ROWS = 2_000
SMALLEST = 50
"""Rows of the smallest cluster."""
SAMPLES = 10
"""Rows that a core distance reaches, the row itself among them."""


class Found(NamedTuple):
    """Labels (n,), −1 for noise, and lengths (n − 1,) of the edges of the tree."""

    labels: np.ndarray
    heights: np.ndarray


def cases(quick: bool = False) -> list[Case]:
    """The cases; `quick` takes some rows of each.

    Args:
      quick: at most `QUICK_ROWS` rows.
    """
    narrow = ("fast_hdbscan",)  # it needs one package more for so many columns
    asked: list[tuple[str, str, Callable[[int], np.ndarray], int, tuple[str, ...]]] = [
        ("blobs", "groups of many densities and noise", groups, 50_000, ()),
        ("blobs", "groups of many densities and noise", groups, 200_000, ("scikit-learn",)),
        ("fashion-mnist-pca", "Fashion-MNIST, 32 components", components, 10_000, ()),
        ("fashion-mnist-pca", "Fashion-MNIST, 32 components", components, 60_000, narrow),
    ]
    return [
        Case(
            name=f"hdbscan/{name}-{n}",
            about=f"{about}, {min(n, QUICK_ROWS) if quick else n:,} rows",
            load=partial(rows, min(n, QUICK_ROWS) if quick else n),
            ours=ours,
            peers={name: peer for name, peer in PEERS.items() if quick or name not in too_long},
            loss=mean_edge,
            loss_name="mean edge",
        )
        for name, about, rows, n, too_long in asked
    ]


@cache
def groups(n: int) -> np.ndarray:
    """(n, 2): 40 round groups whose widths differ up to thirtyfold, and a tenth of noise."""
    rng = np.random.default_rng(0)
    centers, widths = rng.uniform(-100, 100, (40, 2)), np.geomspace(0.2, 6, 40)
    own = rng.integers(40, size=n)
    x = centers[own] + widths[own, None] * rng.normal(size=(n, 2))
    noise = rng.uniform(size=n) < 0.1
    x[noise] = rng.uniform(-120, 120, (int(noise.sum()), 2))
    return x.astype(np.float32)


def components(n: int) -> np.ndarray:
    """(n, 32): the first rows of Fashion-MNIST's principal components."""
    return fashion_mnist_pca()[:n]


def mean_edge(x: np.ndarray, found: Found) -> float:
    """Mean length of the tree's edges."""
    return float(np.mean(found.heights, dtype=np.float64))


def ours(x: np.ndarray) -> Run:
    """`ca.hdbscan` of rows that are on the device already."""
    rows = jax.block_until_ready(jax.device_put(x))

    def run() -> Found:
        found = ca.hdbscan(rows, SMALLEST, min_samples=SAMPLES)
        return Found(np.asarray(found.labels), np.asarray(found.linkage[:, 2]))

    return run


def sklearn(x: np.ndarray) -> Run:
    """scikit-learn's `HDBSCAN` on all cores."""
    from sklearn.cluster import HDBSCAN

    def run() -> Found:
        found = HDBSCAN(SMALLEST, min_samples=SAMPLES, n_jobs=-1, copy=False).fit(x)
        return Found(found.labels_, found._single_linkage_tree_["value"])

    return run


def hdbscan(x: np.ndarray) -> Run:
    """`HDBSCAN` of hdbscan on all cores; it does not count the row itself."""
    HDBSCAN: Any = importlib.import_module("hdbscan").HDBSCAN  # noqa: N806

    def run() -> Found:
        found = HDBSCAN(SMALLEST, SAMPLES - 1, core_dist_n_jobs=-1).fit(x)
        return Found(found.labels_, found.single_linkage_tree_.to_numpy()[:, 2])

    return run


def fast_hdbscan(x: np.ndarray) -> Run:
    """`HDBSCAN` of fast_hdbscan, which does not count the row itself either."""
    HDBSCAN: Any = importlib.import_module("fast_hdbscan").HDBSCAN  # noqa: N806

    def run() -> Found:
        found: Any = HDBSCAN(min_cluster_size=SMALLEST, min_samples=SAMPLES - 1).fit(x)
        return Found(found.labels_, found._single_linkage_tree[:, 2])

    return run


PEERS: dict[str, Callable[[np.ndarray], Run]] = {
    "scikit-learn": sklearn,
    "hdbscan": hdbscan,
    "fast_hdbscan": fast_hdbscan,
}
"""Some are left out of the largest cases, so that a run of all ends."""
