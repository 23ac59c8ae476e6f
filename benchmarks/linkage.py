"""Agglomerative clustering beside fastcluster, SciPy and scikit-learn: the whole tree of merges.

All take float32 rows and end with SciPy's linkage matrix, or scikit-learn's equal of it, on the
host. Peers compute in float64; the loss is how far heights lie from SciPy's. fastcluster runs on
all distances and, where it can, without them.
"""

import importlib
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

import clusterart_jax as ca

from .harness import Case, Run
from .kmeans import fashion_mnist_pca

METHODS = ("ward", "average", "complete", "single")
ROWS, QUICK_ROWS, MANY_ROWS = 10_000, 1_000, 50_000
_VECTOR = ("ward", "single")  # what fastcluster does in memory O(n d)


class Problem(NamedTuple):
    """Rows (n, d) float32, and heights (n − 1,) in order, float64."""

    x: np.ndarray
    heights: np.ndarray


def cases(quick: bool = False) -> list[Case]:
    """The cases; `quick` takes some rows.

    Args:
      quick: at most `QUICK_ROWS` rows.
    """
    n = QUICK_ROWS if quick else ROWS
    found = [case(method, fashion_mnist_pca, n) for method in METHODS]
    many = QUICK_ROWS if quick else MANY_ROWS
    return [*found, case("ward", fashion_mnist_pca, many, "many-ward")]


def case(method: str, rows: Callable[[], np.ndarray], n: int, name: str | None = None) -> Case:
    """One case; where it has a name of its own, peers that store all distances are left out.

    Args:
      method: of the linkage.
      rows: gives rows, (m, d) float32.
      n: how many of them, evenly spaced.
      name: of the case, after the room.
    """
    vector = {"fastcluster, no matrix": partial(fastcluster_vector, method)}
    matrix = {
        "fastcluster": partial(fastcluster, method),
        "SciPy": partial(scipy, method),
        "scikit-learn": partial(sklearn, method),
    }
    peers = {**({} if name else matrix), **(vector if method in _VECTOR else {})}
    return Case(
        name=f"linkage/{name or method}",
        about=f"Fashion-MNIST, 32 components, {n:,} rows, {method} linkage",
        load=partial(problem, method, rows, n),
        ours=partial(ours, method),
        peers=peers,
        loss=error,
        loss_name="1 + largest relative error of a height",
    )


def problem(method: str, rows: Callable[[], np.ndarray], n: int) -> Problem:
    """Some of the rows, and SciPy's heights; of many rows fastcluster's, which need no matrix."""
    x = rows()
    x = np.ascontiguousarray(x[np.linspace(0, len(x) - 1, n).astype(int)])
    solve = fastcluster_vector if n > ROWS else scipy
    return Problem(x, np.sort(solve(method, Problem(x, np.empty(0)))()[:, 2]))


def error(problem: Problem, z: np.ndarray) -> float:
    """1 + the largest |h − h*| / h* of heights in order; those of equal rows, 0, must be so."""
    heights = np.sort(z[:, 2])
    exact = problem.heights
    return 1 + float(np.max(np.abs(heights - exact) / np.where(exact > 0, exact, exact[-1])))


def ours(method: str, problem: Problem) -> Run:
    """`ca.linkage` on rows that are on the device already."""
    x = jax.block_until_ready(jax.device_put(problem.x))
    return lambda: np.asarray(ca.linkage(x, method))


def fastcluster(method: str, problem: Problem) -> Run:
    """`fastcluster.linkage`, which stores all distances."""
    return partial(_library().linkage, problem.x, method)


def fastcluster_vector(method: str, problem: Problem) -> Run:
    """`fastcluster.linkage_vector`, which stores no distances."""
    return partial(_library().linkage_vector, problem.x, method)


def _library() -> Any:
    return importlib.import_module("fastcluster")


def scipy(method: str, problem: Problem) -> Run:
    """`scipy.cluster.hierarchy.linkage`."""
    from scipy.cluster.hierarchy import linkage

    return partial(linkage, problem.x, method)


def sklearn(method: str, problem: Problem) -> Run:
    """scikit-learn's `AgglomerativeClustering` with the whole tree and its distances."""
    from sklearn.cluster import AgglomerativeClustering

    def run() -> np.ndarray:
        model = AgglomerativeClustering(None, linkage=method, distance_threshold=0.0)
        model.fit(problem.x)
        return np.column_stack([model.children_, model.distances_])

    return run
