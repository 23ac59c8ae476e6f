"""`HDBSCAN`: scikit-learn's interface to `cluster.hdbscan`."""

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from ..cluster import hdbscan_labels, hdbscan_memberships
from ._hdbscan_rows import METRICS, MISSING, check_distances, check_metric, odd_rows, own_metric
from ._hdbscan_tree import Fitted, ask, centers, components, distinct, solve
from ._rows import check_weights, floats


class HDBSCAN(ClusterMixin, BaseEstimator):
    """Clusters of any density, with scikit-learn's parameters, attributes and errors.

    A program written for `sklearn.cluster.HDBSCAN` runs when only the import changes, and labels
    are the same, but for rows that edges of equal length leave between two clusters, and numbers
    too, where rows are all different, weigh 1, and no two edges are of equal length.
    Up to 8,192 rows (and 4 million numbers) are computed in float64; more float32 rows in float32.
    All distances are never stored at once, but for metrics other than "euclidean", "manhattan",
    "chebyshev" and "cosine", and then between at most 16,384 rows. Sparse rows are refused. Beyond
    it, rows may have weights, and `predict` tells the cluster of new ones.

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
      labels_: (n,) int32; −1 noise and rows of weight 0, −2 rows with infinity, −3 rows with NaN.
      probabilities_: (n,) how firmly each row belongs to its cluster; NaN for rows with NaN.
      outlier_scores_: (n,) GLOSH: 0 amid a cluster, towards 1 far out; NaN for rows of weight 0 and
        those with infinity or NaN.
      centroids_: (n_clusters, d) means of the rows of each cluster, weighted by how firmly they
        belong to it, and by their own weights.
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
        "metric": [StrOptions(METRICS), callable],
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
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "HDBSCAN":
        """Finds clusters.

        Args:
          X: rows (n_samples, n_features), or distances between them where those are precomputed.
          y: ignored.
          sample_weight: (n_samples,) weights ≥ 0; a row of weight 2 counts as two rows, one of
            weight 0 as none. In core distances none counts as less than one row. Ones where None.

        Returns:
          The estimator itself.
        """
        given = self.metric == "precomputed"
        if given and self.store_centers is not None:
            raise ValueError("Cannot store centers when using a precomputed distance matrix.")
        X = floats(self, X, reset=True, ensure_all_finite=False)
        check_metric(self.metric, self.algorithm)
        if given:
            check_distances(X)
        there, labels = odd_rows(X)
        if given:
            there[:] = True
        weights = None
        if sample_weight is not None:
            weights = check_weights(sample_weight, X)
            labels[there] = -1
            there &= weights > 0
            weights = weights[there]
        rows, back = X[np.ix_(there, there)] if given else X[there], np.arange(there.sum())
        if not given:
            rows, weights, back = distinct(rows, weights)
        samples = self.min_cluster_size if self.min_samples is None else self.min_samples
        most = len(rows) if weights is None else np.sum(np.maximum(weights, 1))
        if most <= 1:
            raise ValueError(f"n_samples={len(rows)} while HDBSCAN requires more than one sample")
        if samples > most:
            raise ValueError(
                f"min_samples ({samples}) must be at most the number of samples in X ({most:.10g})"
            )
        result = solve(self, rows, weights, samples)
        self._there, self._back = there, back
        self._fitted = fitted = Fitted(rows, weights, result, samples)
        self.labels_ = labels
        self.labels_[there] = result.labels[back]
        self.probabilities_ = np.where(labels == MISSING, np.nan, 0).astype(X.dtype)
        self.probabilities_[there] = result.probabilities[back]
        self.outlier_scores_ = np.full(len(X), np.nan, X.dtype)
        self.outlier_scores_[there] = result.outlier_scores[back]
        if self.store_centers in ("centroid", "both"):
            self.centroids_ = centers(fitted)
        if self.store_centers in ("medoid", "both"):
            self.medoids_ = centers(fitted, self.metric, self.metric_params or {})
        return self

    def fit_predict(self, X: Any, y: Any = None, sample_weight: Any = None) -> np.ndarray:
        """Fits, and returns the cluster of each row, `labels_`.

        Args:
          X: rows (n_samples, n_features), or distances between them where those are precomputed.
          y: ignored.
          sample_weight: (n_samples,) weights ≥ 0; ones where None.
        """
        return self.fit(X, sample_weight=sample_weight).labels_

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

    def _predict(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """Labels of new points, and how firmly they hold."""
        check_is_fitted(self)
        metric = self._metric_for_points()
        X = floats(self, X, reset=False, ensure_all_finite=False)
        finite, labels = odd_rows(X)
        strength = np.where(labels == MISSING, np.nan, 0).astype(X.dtype)
        if finite.any():
            found = ask(hdbscan_labels, X[finite], self._fitted, metric, self.alpha)
            labels[finite], strength[finite] = found
        return labels, strength

    def membership_vectors(self, X: Any = None) -> np.ndarray:
        """How much points belong to each cluster; what is left to 1 is noise.

        See `cluster.hdbscan_memberships`. For the metrics that `predict` takes.

        Args:
          X: rows (n_samples, n_features); those that were fitted where None.

        Returns:
          (n_samples, n_clusters), at most 1 in a row; 0 for rows with infinity and fitted ones of
          weight 0, NaN for rows with NaN.
        """
        check_is_fitted(self)
        metric = self._metric_for_points()
        if X is None:
            there, rows = self._there, self._fitted.rows[self._back]
            missing = np.isnan(self.probabilities_)
        else:
            X = floats(self, X, reset=False, ensure_all_finite=False)
            there, odd = odd_rows(X)
            rows, missing = X[there], odd == MISSING
        count = int(self._fitted.result.n_clusters)
        found = np.zeros((len(there), count), rows.dtype)
        found[missing] = np.nan
        if count and there.any():
            # One more column for each power of two: few programs serve every number.
            k = 1 << (count - 1).bit_length()
            every = ask(hdbscan_memberships, rows, self._fitted, metric, self.alpha, k=k)
            found[there] = every[:, :count]
        return found

    def _metric_for_points(self) -> str:
        metric = own_metric(self.metric, self.metric_params)
        if metric in (None, "precomputed"):
            raise ValueError(f"predict needs distances to rows, which metric={self.metric!r} lacks")
        return str(metric)

    def dbscan_clustering(self, cut_distance: float, min_cluster_size: int = 5) -> np.ndarray:
        """The clusters that rows form at one mutual reachability distance: DBSCAN's, of core rows.

        Args:
          cut_distance: rows nearer than this to each other are joined.
          min_cluster_size: clusters that weigh less are noise.

        Returns:
          Labels (n_samples,): −1 noise, −2 rows with infinity, −3 rows with NaN.
        """
        check_is_fitted(self)
        labels = np.where(self.labels_ < -1, self.labels_, -1).astype(np.intp)
        labels[self._there] = components(self._fitted, cut_distance, min_cluster_size)[self._back]
        return labels

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.metric == "precomputed"
        tags.input_tags.allow_nan = self.metric != "precomputed"
        return tags
