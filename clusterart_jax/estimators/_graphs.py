"""`connectivity` of agglomerative clustering: scikit-learn's graphs → edges → a tree."""

import warnings
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from sklearn.metrics.pairwise import paired_distances, pairwise_distances
from sklearn.utils import check_array

from ..cluster import graph_linkage
from ._programs import compute
from ._rows import few, fill, padded, width

_BLOCK = 2**24  # distances between parts held at once


def graph_edges(X: np.ndarray, graph: Any, metric: Any) -> tuple[np.ndarray, int]:
    """Edges (m, 2) of a graph made symmetric and connected, and how many parts it had.

    Args:
      X: rows (n, d), or distances (n, n) where the metric is "precomputed".
      graph: (n, n), sparse or dense; entries of 0 that a sparse one holds are edges too.
      metric: by which rows are near where parts are joined.
    """
    n = len(X)
    graph = check_array(graph, accept_sparse=["csr", "coo", "lil"])
    if graph.shape != (n, n):
        raise ValueError(f"Wrong shape for connectivity matrix: {graph.shape} when X is {X.shape}")
    held = graph.tocoo() if sparse.issparse(graph) else sparse.coo_array(graph)
    first, second = (np.asarray(a, np.int64) for a in (held.row, held.col))
    pairs = np.stack([np.maximum(first, second), np.minimum(first, second)], axis=1)
    edges = np.unique(pairs[first != second], axis=0)
    links = sparse.coo_array((np.ones(len(edges)), tuple(edges.T)), shape=(n, n))
    parts, label = connected_components(links, directed=False)
    if parts > 1:
        warnings.warn(
            f"the number of connected components of the connectivity matrix is {parts} > 1. "
            "Completing it to avoid stopping the tree early.",
            stacklevel=3,
        )
        edges = np.concatenate([edges, _between(X, label, parts, metric)])
    return edges.astype(np.int32), int(parts)


def _between(X: np.ndarray, label: np.ndarray, parts: int, metric: Any) -> np.ndarray:
    """The nearest two rows of each two parts, as scikit-learn joins them."""
    members = np.split(np.argsort(label, kind="stable"), np.cumsum(np.bincount(label))[:-1])
    found = []
    for i in range(parts):
        for j in range(i):
            a, b = members[i], members[j]
            best: tuple[float, int, int] = (np.inf, int(a[0]), int(b[0]))
            for rows in np.array_split(a, -(-len(a) * len(b) // _BLOCK)):
                if metric == "precomputed":
                    far = X[np.ix_(rows, b)]
                else:
                    far = pairwise_distances(X[rows], X[b], metric=metric)
                place = int(np.argmin(far))
                near = (float(far.flat[place]), *divmod(place, len(b)))
                if near[0] < best[0]:
                    best = (near[0], int(rows[near[1]]), int(b[near[2]]))
            found.append(best[1:])
    return np.array(found)


def graph_tree(X: np.ndarray, method: str, metric: Any, edges: np.ndarray) -> np.ndarray:
    """The tree in SciPy's format, (n − 1, 4), float64."""
    if metric == "cosine" and not np.any(X, axis=1).all():
        raise ValueError("Cosine affinity cannot be used when X contains zero vectors")
    n, m, options = len(X), len(edges), {}
    if method != "ward":
        high, low = edges.T
        if metric == "precomputed":
            lengths = X[high, low]
        else:
            lengths = paired_distances(X[high], X[low], metric=metric)
        X = X[:, :1]  # distances are known: rows only count
        options["lengths"] = np.asarray(lengths).astype(X.dtype)
    size = n
    if few(X):
        # Filled up with rows of weight 0 and edges to nowhere, so that graphs of nearly equal size
        # share a program.
        size, many = padded(n), padded(m)
        X = fill(X.astype(np.float64), size, width(X.shape[1]))
        edges = np.pad(edges, ((0, many - m), (0, 0)))
        if method != "ward":
            options["lengths"] = np.pad(options["lengths"].astype(np.float64), (0, many - m))
        options["sample_weight"] = (np.arange(size) < n).astype(X.dtype)
    z = compute(graph_linkage, X, edges, method=method, dtype=X.dtype, **options)
    z = z[: n - 1].astype(np.float64)
    z[:, :2] -= np.where(z[:, :2] >= size, size - n, 0)
    return z
