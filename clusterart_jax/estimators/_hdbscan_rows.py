"""What `HDBSCAN` takes: metrics, and rows that hold NaN or infinity."""

from typing import Any

import numpy as np
from sklearn.metrics import pairwise_distances
from sklearn.metrics.pairwise import _VALID_METRICS
from sklearn.neighbors import BallTree, KDTree

MISSING, INFINITE = -3, -2
"""Labels of rows with NaN, and of others with infinity, as scikit-learn's."""

_OWN = {
    "euclidean": "euclidean",
    "l2": "euclidean",
    "manhattan": "manhattan",
    "cityblock": "manhattan",
    "l1": "manhattan",
    "chebyshev": "chebyshev",
    "infinity": "chebyshev",
    "cosine": "cosine",
    "precomputed": "precomputed",
}

METRICS = {*KDTree.valid_metrics, *BallTree.valid_metrics, *_VALID_METRICS, *_OWN}
"""The names that are known."""

_MOST = 16_384  # rows up to which all distances at once are made, 2 GiB of them


def own_metric(metric: Any, params: dict[str, Any] | None) -> str | None:
    """The core's name of a metric; None where it has none, and needs all distances at once."""
    return None if params or callable(metric) else _OWN.get(metric)


def all_distances(
    rows: np.ndarray, metric: Any, params: dict[str, Any] | None, n_jobs: int | None
) -> np.ndarray:
    """Distances (n, n) by a metric that the core does not have."""
    n = len(rows)
    if n > _MOST:
        raise ValueError(
            f"metric={metric!r} needs all {n} x {n} distances at once, which are made for at most "
            f"{_MOST} rows; {', '.join(sorted(_OWN))} do not"
        )
    return pairwise_distances(rows, metric=metric, n_jobs=n_jobs, **(params or {}))


def odd_rows(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which rows are finite (n,), and the labels of those that are not (n,)."""
    finite, missing = np.isfinite(X).all(axis=1), np.isnan(X).any(axis=1)
    # Infinities of both signs have no sum, which scikit-learn goes by.
    missing |= np.isposinf(X).any(axis=1) & np.isneginf(X).any(axis=1)
    return finite, np.where(missing, MISSING, INFINITE).astype(np.int32)


def check_metric(metric: Any, algorithm: str) -> None:
    """Refuses a metric that the named tree does not have, as scikit-learn does."""
    for name, tree in (("kd_tree", KDTree), ("ball_tree", BallTree)):
        if algorithm == name and metric not in tree.valid_metrics:
            raise ValueError(
                f"{metric} is not a valid metric for a {tree.__name__}-based algorithm. "
                "Please select a different metric."
            )


def check_distances(X: np.ndarray) -> None:
    """Refuses what cannot be distances between rows."""
    if np.isnan(X).any():
        raise ValueError("np.nan values found in precomputed-dense")
    if X.shape[0] != X.shape[1]:
        raise ValueError(
            "The precomputed distance matrix is expected to be symmetric, however it has shape "
            f"{X.shape}. Please verify that the distance matrix was constructed correctly."
        )
    if not np.allclose(X, X.T):
        raise ValueError(
            "The precomputed distance matrix is expected to be symmetric, however its values "
            "appear to be asymmetric. Please verify that the distance matrix was constructed "
            "correctly."
        )
