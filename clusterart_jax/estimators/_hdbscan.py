"""`HDBSCAN`: scikit-learn's interface to `cluster.hdbscan`."""

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin, _fit_context
from sklearn.metrics import pairwise_distances
from sklearn.metrics.pairwise import _VALID_METRICS
from sklearn.neighbors import BallTree, KDTree
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from ..cluster import HDBSCANResult, hdbscan, hdbscan_labels, hdbscan_memberships
from ._programs import compute
from ._rows import cast, few, fill, floats, padded

MISSING, INFINITE = -3, -2
"""Labels of rows with NaN, and of others with infinity, as scikit-learn's."""

OWN = {
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
"""Metrics that are computed as the rows are read; others need all distances at once."""

MOST = 16_384
"""Rows up to which all distances at once are made, 2 GiB of them."""


class HDBSCAN(ClusterMixin, BaseEstimator):
    """Clusters of any density, with scikit-learn's parameters, attributes and errors.

    A program written for `sklearn.cluster.HDBSCAN` runs when only the import changes, and labels
    are the same, numbers too, but for rows that edges of equal length leave between two clusters.
    Up to 8,192 rows (and 4 million numbers) are computed in float64; more float32 rows in float32.
    All distances are never stored at once, but for metrics other than "euclidean", "manhattan",
    "chebyshev" and "cosine", and then between at most 16,384 rows. Sparse rows are refused. Rows
    with weights are a matter of `cluster.hdbscan`.

    Cost O(n² d), about O(n log n) for many rows of up to 8 columns; peak extra memory one copy of
    the rows, O(n min_samples) and 2²¹ distances.

    Args:
      min_cluster_size: weight of the smallest part that is a cluster, at least 2.
      min_samples: rows, itself among them, that a core distance reaches; `min_cluster_size` where
        None.
      cluster_selection_epsilon: clusters that part only below this distance are left together.
      max_cluster_size: "eom" takes no cluster that weighs more; None is no limit.
      metric: a name or function that scikit-learn's `pairwise_distances` takes, or "precomputed".
      metric_params: more arguments of the metric.
      alpha: distances are divided by it.
      algorithm: taken for scikit-learn's sake, as are the next two; the result is the same.
      leaf_size: not used.
      n_jobs: for metrics that `pairwise_distances` computes.
      cluster_selection_method: "eom" takes the clusters of most stability, "leaf" those without any
        inside.
      allow_single_cluster: whether all rows may be one cluster.
      store_centers: which centres to keep: "centroid", "medoid", "both", or None.
      copy: taken for scikit-learn's sake; the rows are never written to.

    Attributes:
      labels_: (n,) int32; −1 noise, −2 rows with infinity, −3 rows with NaN.
      probabilities_: (n,) how firmly each row belongs to its cluster; NaN for rows with NaN.
      outlier_scores_: (n,) GLOSH: 0 amid a cluster, towards 1 far out; NaN for the rows above.
      centroids_: (n_clusters, d) means of the rows of each cluster, weighted by how firmly they
        belong to it.
      medoids_: (n_clusters, d) row of each cluster from which the others are least far away,
        weighted alike.
      n_features_in_: d.
      feature_names_in_: column names, where `X` had such.

    Example:
      >>> import clusterart_jax as ca
      >>> X = [[0.0], [0.1], [0.3], [5.0], [5.1], [5.3], [99.0]]
      >>> ca.HDBSCAN(min_cluster_size=3, min_samples=2).fit(X).labels_.tolist()
      [0, 0, 0, 1, 1, 1, -1]
    """

    _parameter_constraints: ClassVar[dict] = {
        "min_cluster_size": [Interval(Integral, left=2, right=None, closed="left")],
        "min_samples": [Interval(Integral, left=1, right=None, closed="left"), None],
        "cluster_selection_epsilon": [Interval(Real, left=0, right=None, closed="left")],
        "max_cluster_size": [None, Interval(Integral, left=1, right=None, closed="left")],
        "metric": [
            StrOptions({*KDTree.valid_metrics, *BallTree.valid_metrics, *_VALID_METRICS, *OWN}),
            callable,
        ],
        "metric_params": [dict, None],
        "alpha": [Interval(Real, left=0, right=None, closed="neither")],
        "algorithm": [StrOptions({"auto", "brute", "kd_tree", "ball_tree"})],
        "leaf_size": [Interval(Integral, left=1, right=None, closed="left")],
        "n_jobs": [Integral, None],
        "cluster_selection_method": [StrOptions({"eom", "leaf"})],
        "allow_single_cluster": ["boolean"],
        "store_centers": [None, StrOptions({"centroid", "medoid", "both"})],
        "copy": ["boolean"],
    }

    def __init__(
        self,
        min_cluster_size: int = 5,
        min_samples: int | None = None,
        cluster_selection_epsilon: float = 0.0,
        max_cluster_size: int | None = None,
        metric: Any = "euclidean",
        metric_params: dict | None = None,
        alpha: float = 1.0,
        algorithm: str = "auto",
        leaf_size: int = 40,
        n_jobs: int | None = None,
        cluster_selection_method: str = "eom",
        allow_single_cluster: bool = False,
        store_centers: str | None = None,
        copy: bool = True,
    ) -> None:
        self.min_cluster_size = min_cluster_size
        self.min_samples = min_samples
        self.cluster_selection_epsilon = cluster_selection_epsilon
        self.max_cluster_size = max_cluster_size
        self.metric = metric
        self.metric_params = metric_params
        self.alpha = alpha
        self.algorithm = algorithm
        self.leaf_size = leaf_size
        self.n_jobs = n_jobs
        self.cluster_selection_method = cluster_selection_method
        self.allow_single_cluster = allow_single_cluster
        self.store_centers = store_centers
        self.copy = copy

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> "HDBSCAN":
        """Finds clusters.

        Args:
          X: rows (n_samples, n_features), or distances between them where those are precomputed.
          y: ignored.

        Returns:
          The estimator itself.
        """
        given = self.metric == "precomputed"
        if given and self.store_centers is not None:
            raise ValueError("Cannot store centers when using a precomputed distance matrix.")
        X = floats(self, X, reset=True, ensure_all_finite=False)
        self._check_algorithm()
        if given:
            _check_distances(X)
        finite, odd = _odd_rows(X)
        if given:
            finite[:] = True
        rows = X[finite]
        n = len(rows)
        if n <= 1:
            raise ValueError(f"n_samples={n} while HDBSCAN requires more than one sample")
        self._samples = self.min_cluster_size if self.min_samples is None else self.min_samples
        if self._samples > n:
            raise ValueError(
                f"min_samples ({self._samples}) must be at most the number of samples in X ({n})"
            )
        self._rows, self._result = rows, self._solve(rows)
        self.labels_, self._finite = odd, finite
        self.labels_[finite] = self._result.labels
        self.probabilities_ = np.where(odd == MISSING, np.nan, 0).astype(X.dtype)
        self.probabilities_[finite] = self._result.probabilities
        self.outlier_scores_ = np.full(len(X), np.nan, X.dtype)
        self.outlier_scores_[finite] = self._result.outlier_scores
        if self.store_centers:
            self._keep_centers()
        return self

    def _check_algorithm(self) -> None:
        for name, tree in (("kd_tree", KDTree), ("ball_tree", BallTree)):
            if self.algorithm == name and self.metric not in tree.valid_metrics:
                raise ValueError(
                    f"{self.metric} is not a valid metric for a {tree.__name__}-based algorithm. "
                    "Please select a different metric."
                )

    def _solve(self, rows: np.ndarray) -> HDBSCANResult:
        """The result for rows that are there: those added to make up the number are taken off."""
        n, kind = len(rows), rows.dtype
        largest = np.inf if self.max_cluster_size is None else self.max_cluster_size
        metric = None if self.metric_params or callable(self.metric) else OWN.get(self.metric)
        if metric is None:
            if n > MOST:
                raise ValueError(
                    f"metric={self.metric!r} needs all {n} x {n} distances at once, which are made "
                    f"for at most {MOST} rows; {', '.join(sorted(OWN))} do not"
                )
            rows = pairwise_distances(
                rows, metric=self.metric, n_jobs=self.n_jobs, **(self.metric_params or {})
            )
            metric = "precomputed"
        weights = None
        if few(rows):
            size = padded(n)
            columns = size if metric == "precomputed" else rows.shape[1]
            rows = fill(rows.astype(np.float64), size, columns)
            weights = _to(np.ones(n), size)
        result = compute(
            hdbscan,
            rows,
            dtype=rows.dtype,
            # Inputs, not what a program is made for: one serves many sizes.
            min_cluster_size=np.int32(self.min_cluster_size),
            min_samples=np.int32(self._samples),
            max_samples=min(len(rows), max(8, 1 << (int(self._samples) - 1).bit_length())),
            metric=metric,
            sample_weight=weights,
            alpha=float(self.alpha),
            cluster_selection_method=self.cluster_selection_method,
            cluster_selection_epsilon=float(self.cluster_selection_epsilon),
            max_cluster_size=float(largest),
            allow_single_cluster=bool(self.allow_single_cluster),
        )
        more, linkage = len(rows) - n, result.linkage[: n - 1]
        linkage[:, :2] -= np.where(linkage[:, :2] >= n, more, 0)
        count = int(result.n_clusters)
        # Labels and what else is one value a row; then what is one a cluster.
        back = HDBSCANResult._make(
            [
                *(a[:n] for a in result[:4]),
                linkage,
                result[5],
                *(a[: max(count, 1)] for a in result[6:]),
            ]
        )
        return cast(back, kind)

    def _keep_centers(self) -> None:
        labels, strength = self._result.labels, self._result.probabilities
        count, d = int(self._result.n_clusters), self._rows.shape[1]
        centroids, medoids = np.empty((count, d)), np.empty((count, d))
        for k in range(count):
            own = labels == k
            rows, weights = self._rows[own], strength[own]
            centroids[k] = np.average(rows, axis=0, weights=weights)
            if self.store_centers != "centroid":
                medoids[k] = rows[np.argmin(self._far(rows, weights))]
        if self.store_centers != "medoid":
            self.centroids_ = centroids
        if self.store_centers != "centroid":
            self.medoids_ = medoids

    def _far(self, rows: np.ndarray, weights: Any) -> np.ndarray:
        """Sum of the weighted distances of each row to all, some rows at a time."""
        step, more = max(1, 2**22 // len(rows)), self.metric_params or {}
        parts = (rows[i : i + step] for i in range(0, len(rows), step))
        return np.concatenate(
            [pairwise_distances(p, rows, metric=self.metric, **more) @ weights for p in parts]
        )

    def fit_predict(self, X: Any, y: Any = None) -> np.ndarray:
        """Fits, and returns the cluster of each row, `labels_`.

        Args:
          X: rows (n_samples, n_features), or distances between them where those are precomputed.
          y: ignored.
        """
        return self.fit(X).labels_

    def predict(self, X: Any) -> np.ndarray:
        """The cluster of new points, as if each alone had been joined to the tree of the rows.

        Rows that were fitted get their own label. Only for the metrics "euclidean", "manhattan",
        "chebyshev" and "cosine".

        Args:
          X: rows (n_samples, n_features).

        Returns:
          Labels (n_samples,) int32: −1 noise, −2 rows with infinity, −3 rows with NaN.
        """
        return self._predict(X)[0]

    def predict_strength(self, X: Any) -> np.ndarray:
        """How firmly new points belong to the cluster that `predict` names, 0…1.

        Args:
          X: rows (n_samples, n_features).

        Returns:
          (n_samples,): 0 for noise, NaN for rows with NaN.
        """
        return self._predict(X)[1]

    def membership_vectors(self, X: Any = None) -> np.ndarray:
        """How much points belong to each cluster; what is left to 1 is noise.

        See `cluster.hdbscan_memberships`. For the metrics that `predict` takes.

        Args:
          X: rows (n_samples, n_features); those that were fitted where None.

        Returns:
          (n_samples, n_clusters), at most 1 in a row; 0 for rows with infinity, NaN for rows with
          NaN.
        """
        check_is_fitted(self)
        metric = self._own_metric()
        if X is None:
            finite, rows = self._finite, self._rows
            missing = np.isnan(self.probabilities_)
        else:
            X = floats(self, X, reset=False, ensure_all_finite=False)
            finite, odd = _odd_rows(X)
            rows, missing = X[finite], odd == MISSING
        count = int(self._result.n_clusters)
        found = np.zeros((len(finite), count), rows.dtype)
        found[missing] = np.nan
        if count and finite.any():
            # One more column for each power of two: few programs serve every number.
            k = 1 << (count - 1).bit_length()
            found[finite] = self._ask(hdbscan_memberships, rows, metric, k=k)[:, :count]
        return found

    def _own_metric(self) -> str:
        metric = None if self.metric_params or callable(self.metric) else OWN.get(self.metric)
        if metric in (None, "precomputed"):
            raise ValueError(f"predict needs distances to rows, which metric={self.metric!r} lacks")
        return str(metric)

    def _predict(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """Labels of new points, and how firmly they hold."""
        check_is_fitted(self)
        metric = self._own_metric()
        X = floats(self, X, reset=False, ensure_all_finite=False)
        finite, labels = _odd_rows(X)
        strength = np.where(labels == MISSING, np.nan, 0).astype(X.dtype)
        if finite.any():
            labels[finite], strength[finite] = self._ask(hdbscan_labels, X[finite], metric)
        return labels, strength

    def _ask(self, function: Any, X: np.ndarray, metric: str, **options: Any) -> Any:
        """What a function says of points; of few, they and rows are made up to few numbers."""
        rows, result, few_ = self._rows, self._result, few(X) and few(self._rows)
        dtype = np.dtype(np.float64) if few_ else np.result_type(X, rows)
        m, n = (padded(len(X)), padded(len(rows))) if few_ else (len(X), len(rows))
        absent = {"labels": -1, "core_distances": np.inf}
        names = result._fields[:4]  # one value a row
        wide: dict[str, Any] = {k: _to(getattr(result, k), n, absent.get(k, 0)) for k in names}
        wide |= {k: _to(getattr(result, k), n) for k in ("births", "deaths")}
        wide["linkage"] = np.zeros((0, 4), dtype)
        found = compute(
            function,
            fill(X.astype(dtype), m, X.shape[1]),
            fill(rows.astype(dtype), n, X.shape[1]),
            cast(result._replace(**wide), dtype),
            dtype=dtype,
            min_samples=int(self._samples),
            metric=metric,
            alpha=float(self.alpha),
            **options,
        )
        cut = tuple(a[: len(X)] for a in found) if isinstance(found, tuple) else found[: len(X)]
        return cut

    def dbscan_clustering(self, cut_distance: float, min_cluster_size: int = 5) -> np.ndarray:
        """The clusters that rows form at one mutual reachability distance: DBSCAN's, of core rows.

        Args:
          cut_distance: rows nearer than this to each other are joined.
          min_cluster_size: smaller clusters are noise.

        Returns:
          Labels (n_samples,): −1 noise, −2 rows with infinity, −3 rows with NaN.
        """
        check_is_fitted(self)
        linkage, n = self._result.linkage, len(self._rows)
        cut = int(np.searchsorted(linkage[:, 2], cut_distance))
        over = np.arange(2 * n - 1)
        over[linkage[:cut, :2].astype(np.int64)] = n + np.arange(cut)[:, None]
        while (over[over] != over).any():
            over = over[over]
        _, home, sizes = np.unique(over[:n], return_inverse=True, return_counts=True)
        kept = sizes >= min_cluster_size
        number = np.where(kept, np.cumsum(kept) - 1, -1)
        labels = np.where(self.labels_ < -1, self.labels_, -1).astype(np.intp)
        labels[self._finite] = number[home]
        return labels

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.metric == "precomputed"
        tags.input_tags.allow_nan = self.metric != "precomputed"
        return tags


def _to(values: np.ndarray, n: int, more: float = 0) -> np.ndarray:
    """The first n values, or as many as there are with `more` behind: few shapes of programs."""
    return np.concatenate([values[:n], np.full(max(n - len(values), 0), more, values.dtype)])


def _odd_rows(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which rows are finite (n,), and the labels of those that are not (n,)."""
    finite, missing = np.isfinite(X).all(axis=1), np.isnan(X).any(axis=1)
    # Infinities of both signs have no sum, which scikit-learn goes by.
    missing |= np.isposinf(X).any(axis=1) & np.isneginf(X).any(axis=1)
    return finite, np.where(missing, MISSING, INFINITE).astype(np.int32)


def _check_distances(X: np.ndarray) -> None:
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
