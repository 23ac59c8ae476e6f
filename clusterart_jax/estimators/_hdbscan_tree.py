"""The way of `HDBSCAN`'s rows into the core's programs, and what follows from their answers."""

from typing import Any, NamedTuple

import numpy as np
from sklearn.metrics import pairwise_distances

from ..cluster import HDBSCANResult, hdbscan
from ._hdbscan_rows import all_distances, own_metric
from ._programs import compute
from ._rows import cast, few, fill, gather, padded


class Fitted(NamedTuple):
    """What was clustered, and what was found.

    Attributes:
      rows: (n, d) rows that are there, or distances (n, n) between them.
      weights: (n,) above 0; None where all are 1.
      result: of the core, of those rows alone.
      samples: `min_samples`.
    """

    rows: np.ndarray
    weights: np.ndarray | None
    result: HDBSCANResult
    samples: int


def distinct(
    rows: np.ndarray, weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Rows, their weights, and the place of each row before (m,).

    Of few rows, equal ones become one with the sum of their weights, and all are put in the order
    of their values: a row that is there twice is a row of weight 2, whatever the order. Rows that
    are all different and weigh 1 stay as they are, so that clusters have scikit-learn's numbers.
    """
    as_they_are = rows, weights, np.arange(len(rows))
    if not few(rows):
        return as_they_are
    held = gather(rows, np.ones(len(rows)) if weights is None else weights)
    masses = held.weights[: held.n]
    if held.n == len(rows) and (masses == 1).all():
        return as_they_are
    return held.x[: held.n].astype(rows.dtype), masses.astype(rows.dtype), held.back


def solve(model: Any, rows: np.ndarray, weights: np.ndarray | None, samples: int) -> HDBSCANResult:
    """The result for rows that are there: those added to make up the number are taken off.

    Args:
      model: an `HDBSCAN`, whose parameters are taken.
      rows: (n, d), or distances (n, n).
      weights: (n,) above 0, or None.
      samples: `min_samples`.
    """
    n, kind = len(rows), rows.dtype
    metric = own_metric(model.metric, model.metric_params)
    if metric is None:
        rows = all_distances(rows, model.metric, model.metric_params, model.n_jobs)
        metric = "precomputed"
    if few(rows):
        size = padded(n)
        columns = size if metric == "precomputed" else rows.shape[1]
        rows = fill(rows.astype(np.float64), size, columns)
        weights = _to(np.ones(n) if weights is None else weights.astype(np.float64), size)
    result = compute(
        hdbscan,
        rows,
        dtype=rows.dtype,
        # Inputs, not what a program is made for: one serves many sizes.
        min_cluster_size=np.int32(model.min_cluster_size),
        min_samples=np.int32(samples),
        max_samples=min(len(rows), max(8, 1 << (int(samples) - 1).bit_length())),
        metric=metric,
        sample_weight=weights,
        alpha=float(model.alpha),
        cluster_selection_method=model.cluster_selection_method,
        cluster_selection_epsilon=float(model.cluster_selection_epsilon),
        max_cluster_size=float(
            np.inf if model.max_cluster_size is None else model.max_cluster_size
        ),
        allow_single_cluster=bool(model.allow_single_cluster),
    )
    more, linkage = len(rows) - n, result.linkage[: n - 1]
    linkage[:, :2] -= np.where(linkage[:, :2] >= n, more, 0)
    count = max(int(result.n_clusters), 1)
    # Labels and what else is one value a row; then what is one a cluster.
    back = HDBSCANResult._make(
        [*(a[:n] for a in result[:4]), linkage, result[5], *(a[:count] for a in result[6:])]
    )
    return cast(back, kind)


def ask(
    function: Any, X: np.ndarray, fitted: Fitted, metric: str, alpha: float, **options: Any
) -> Any:
    """What a function of the core says of points; of few, they and rows are made up in number."""
    rows, result, few_ = fitted.rows, fitted.result, few(X) and few(fitted.rows)
    dtype = np.dtype(np.float64) if few_ else np.result_type(X, rows)
    m, n = (padded(len(X)), padded(len(rows))) if few_ else (len(X), len(rows))
    absent = {"labels": -1, "core_distances": np.inf}
    names = result._fields[:4]  # one value a row
    wide: dict[str, Any] = {k: _to(getattr(result, k), n, absent.get(k, 0)) for k in names}
    wide |= {k: _to(getattr(result, k), n) for k in ("births", "deaths")}
    wide["linkage"] = np.zeros((0, 4), dtype)
    weights = fitted.weights
    found = compute(
        function,
        fill(X.astype(dtype), m, X.shape[1]),
        fill(rows.astype(dtype), n, X.shape[1]),
        cast(result._replace(**wide), dtype),
        dtype=dtype,
        min_samples=int(fitted.samples),
        metric=metric,
        row_weight=None if weights is None else _to(weights.astype(dtype), n),
        alpha=float(alpha),
        **options,
    )
    return tuple(a[: len(X)] for a in found) if isinstance(found, tuple) else found[: len(X)]


def centers(fitted: Fitted, metric: Any = None, params: dict[str, Any] | None = None) -> np.ndarray:
    """Means of the rows of each cluster (n_clusters, d), weighted by how firmly they belong to it.

    Where a metric is given, medoids instead: the rows from which the others are least far away.
    """
    result, rows = fitted.result, fitted.rows
    masses = np.asarray(result.probabilities)
    if fitted.weights is not None:
        masses = masses * fitted.weights
    found = np.empty((int(result.n_clusters), rows.shape[1]))
    for k in range(len(found)):
        own = result.labels == k
        if metric is None:
            found[k] = np.average(rows[own], axis=0, weights=masses[own])
        else:
            found[k] = rows[own][np.argmin(_far(rows[own], masses[own], metric, params or {}))]
    return found


def _far(rows: np.ndarray, masses: np.ndarray, metric: Any, params: dict[str, Any]) -> np.ndarray:
    """Sum of the weighted distances of each row to all, some rows at a time."""
    step = max(1, 2**22 // len(rows))
    parts = (rows[i : i + step] for i in range(0, len(rows), step))
    return np.concatenate(
        [pairwise_distances(p, rows, metric=metric, **params) @ masses for p in parts]
    )


def components(fitted: Fitted, cut_distance: float, least: float) -> np.ndarray:
    """Clusters of rows joined below a distance (n,), −1 for those that weigh less than `least`."""
    n, (_, weights, result, _) = len(fitted.rows), fitted
    cut = int(np.searchsorted(result.linkage[:, 2], cut_distance))
    over = np.arange(2 * n - 1)
    over[result.linkage[:cut, :2].astype(np.int64)] = n + np.arange(cut)[:, None]
    while (over[over] != over).any():
        over = over[over]
    masses = np.ones(n) if weights is None else weights
    # The copies that a heavy row stands for are joined from its core distance on.
    masses = np.where(result.core_distances < cut_distance, masses, np.minimum(masses, 1))
    _, home = np.unique(over[:n], return_inverse=True)
    kept = np.bincount(home, masses) >= least
    return np.where(kept, np.cumsum(kept) - 1, -1)[home]


def _to(values: np.ndarray, n: int, more: float = 0) -> np.ndarray:
    """The first n values, or as many as there are with `more` behind: few shapes of programs."""
    return np.concatenate([values[:n], np.full(max(n - len(values), 0), more, values.dtype)])
