"""`DBSCAN`: scikit-learn's interface to `cluster.dbscan`."""

import warnings
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin, _fit_context
from sklearn.metrics.pairwise import _VALID_METRICS, pairwise_distances
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from ..cluster import dbscan, dbscan_distances, dbscan_predict
from ._programs import compute
from ._rows import few, fill, floats, padded

_METRICS = {
    **{"euclidean": "euclidean", "l2": "euclidean", "chebyshev": "chebyshev", "cosine": "cosine"},
    **{"manhattan": "manhattan", "l1": "manhattan", "cityblock": "manhattan"},
    **{"infinity": "chebyshev", "minkowski": "minkowski"},
}
_MINKOWSKI = {1: "manhattan", 2: "euclidean", np.inf: "chebyshev"}
_MOST = 32768  # rows of which all distances are stored


class DBSCAN(ClusterMixin, BaseEstimator):
    """DBSCAN, with scikit-learn's parameters, attributes and errors.

    A program written for `sklearn.cluster.DBSCAN` runs when only the import changes, with equal
    labels: rows at a distance of exactly `eps` are neighbours, and a row that is near two clusters
    joins the first. (Where numbers such as 0.3, which no float is, put a pair at `eps`, the last
    rounding of the squared distance decides, which scikit-learn may do otherwise.)

    Beyond it, `predict` tells the cluster of new rows. Up to 8,192 rows (and 4 million numbers) are
    computed in float64; of more float32 rows, cosine distances have float32's rounding, the others
    float64's. Sparse rows and sparse distances are refused.

    Cost O(n m d), where m rows are in the cells of a grid around a row; peak extra memory O(n d).
    Metrics that have no grid, and functions, take all n² distances, of at most 32,768 rows.

    Args:
      eps: the radius within which rows are neighbours.
      min_samples: rows, or weight, within `eps` of a core row, itself among them.
      metric: "euclidean" ("l2"), "manhattan" ("l1", "cityblock"), "chebyshev" ("infinity"),
        "cosine", or "minkowski" with a `p` of 1, 2 or infinity, which have a grid; "precomputed",
        where `X` holds distances (n, n); or any other metric of scikit-learn, or a function of two
        rows.
      metric_params: what `metric` takes besides; {"p": p} goes before `p`.
      algorithm: taken for scikit-learn's sake: there is one.
      leaf_size: likewise.
      p: of "minkowski"; 2 where None.
      n_jobs: taken for scikit-learn's sake; see `use_cpu_cores`.

    Attributes:
      labels_: (n,) cluster of each row, −1 for noise.
      core_sample_indices_: (m,) the core rows.
      components_: (m, d) copies of them.
      n_features_in_: d.
      feature_names_in_: column names, where `X` had such.

    Example:
      >>> import numpy as np, clusterart_jax as ca
      >>> X = np.array([[1, 2], [2, 2], [2, 3], [8, 7], [8, 8], [25, 80]])
      >>> ca.DBSCAN(eps=3, min_samples=2).fit(X).labels_.tolist()
      [0, 0, 0, 1, 1, -1]
    """

    _parameter_constraints: ClassVar[dict] = {
        "eps": [Interval(Real, 0.0, None, closed="neither")],
        "min_samples": [Interval(Integral, 1, None, closed="left")],
        "metric": [StrOptions({*_METRICS, *_VALID_METRICS, "precomputed"}), callable],
        "metric_params": [dict, None],
        "algorithm": [StrOptions({"auto", "ball_tree", "kd_tree", "brute"})],
        "leaf_size": [Interval(Integral, 1, None, closed="left")],
        "p": [Interval(Real, 0.0, None, closed="left"), None],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        eps: float = 0.5,
        *,
        min_samples: int = 5,
        metric: str = "euclidean",
        metric_params: Any = None,
        algorithm: str = "auto",
        leaf_size: int = 30,
        p: Any = None,
        n_jobs: Any = None,
    ) -> None:
        self.eps = eps
        self.min_samples = min_samples
        self.metric = metric
        self.metric_params = metric_params
        self.algorithm = algorithm
        self.leaf_size = leaf_size
        self.p = p
        self.n_jobs = n_jobs

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "DBSCAN":
        """Finds clusters and noise.

        Args:
          X: rows (n_samples, n_features).
          y: ignored.
          sample_weight: (n_samples,) weights; a row of weight 0 counts for nothing but may be core,
            a negative one keeps its neighbours from being so. Ones where None.

        Returns:
          The estimator itself.
        """
        X = floats(self, X, reset=True)
        self._metric, self._params = self._chosen_metric()
        weights = None
        if sample_weight is not None:
            weights = _check_sample_weight(sample_weight, X, dtype=X.dtype)
        n, options = len(X), dict[str, Any]()
        solve: Any = dbscan
        if self._metric is None:
            solve, x = dbscan_distances, _ready(self._distances(X, X), square=True)
        else:
            x, options["metric"] = _ready(X), self._metric
        if weights is not None:
            # Arrays of JAX, since a negative weight has a meaning here.
            options["sample_weight"] = _padded(weights.astype(x.dtype), len(x))
        if weights is not None or len(x) > n:
            options["present"] = np.arange(len(x)) < n
        found = compute(
            solve, x, float(self.eps), float(self.min_samples), dtype=x.dtype, **options
        )
        self.labels_ = found.labels[:n].astype(np.intp)
        self.core_sample_indices_ = np.flatnonzero(found.core_mask[:n])
        self.components_ = X[self.core_sample_indices_].copy()
        return self

    def _chosen_metric(self) -> tuple[str | None, dict[str, Any]]:
        """The metric that has a grid, None where all distances are needed, and its options."""
        params = dict(self.metric_params or {})
        if self.metric != "minkowski":
            ours = None if callable(self.metric) or params else _METRICS.get(self.metric)
            return ours, params
        if "p" in params and self.p is not None:
            warnings.warn(
                "Parameter p is found in metric_params. The corresponding parameter from __init__ "
                "is ignored.",
                SyntaxWarning,
                stacklevel=4,
            )
        params.setdefault("p", 2 if self.p is None else self.p)
        ours = _MINKOWSKI.get(params["p"]) if len(params) == 1 else None
        return ours, params

    def _distances(self, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
        """All distances from `X` to `Y`, which are given already where they are "precomputed"."""
        if self.metric == "precomputed":
            if X.shape[1] != len(Y):
                raise ValueError(f"Precomputed distances must be (n, {len(Y)}), not {X.shape}")
            if X.min() < 0:
                raise ValueError("Negative values in data passed to precomputed distance matrix.")
            return X
        if max(len(X), len(Y)) > _MOST:
            raise ValueError(
                f"metric {self.metric!r} takes all distances, so X must have at most {_MOST} rows, "
                f"not {max(len(X), len(Y))}"
            )
        return pairwise_distances(X, Y, metric=self.metric, **self._params)

    def fit_predict(self, X: Any, y: Any = None, sample_weight: Any = None) -> np.ndarray:
        """Fits, and returns the cluster of each row, `labels_`.

        Args:
          X: rows (n_samples, n_features).
          y: ignored.
          sample_weight: (n_samples,) weights of the rows; ones where None.
        """
        return self.fit(X, sample_weight=sample_weight).labels_

    def predict(self, X: Any) -> np.ndarray:
        """The first cluster with a core row within `eps` of each row, −1 where there is none.

        Args:
          X: rows (n_samples, n_features), or their distances to the fitted rows (n_samples,
            n_fitted).
        """
        check_is_fitted(self)
        X = floats(self, X, reset=False)
        if self._metric is None:
            return self._nearest_by_distances(X)
        if not len(self.components_):
            return np.full(len(X), -1, np.intp)
        cores = self.components_.astype(np.result_type(X, self.components_))
        labels = self.labels_[self.core_sample_indices_].astype(np.int32)
        x, held = _ready(X.astype(cores.dtype, copy=False)), _ready(cores)
        dtype = np.result_type(x, held)
        found = compute(
            dbscan_predict,
            x.astype(dtype, copy=False),
            held.astype(dtype, copy=False),
            _padded(labels, len(held), -1),
            float(self.eps),
            metric=self._metric,
            dtype=dtype,
        )
        return found[: len(X)].astype(np.intp)

    def _nearest_by_distances(self, X: np.ndarray) -> np.ndarray:
        cores, labels = self.core_sample_indices_, self.labels_
        if self.metric == "precomputed":
            far = self._distances(X, labels)[:, cores]
        else:
            far = self._distances(X, self.components_) if len(cores) else np.empty((len(X), 0))
        none = np.iinfo(np.intp).max
        first = np.min(np.where(far <= self.eps, labels[cores], none), axis=1, initial=none)
        return np.where(first < none, first, -1)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.metric == "precomputed"
        return tags


def _ready(X: np.ndarray, *, square: bool = False) -> np.ndarray:
    """Rows, few ones as float64 and filled up, so that a program serves many sizes."""
    if not few(X):
        return X
    n = padded(len(X))
    return fill(X.astype(np.float64), n, n if square else X.shape[1])


def _padded(values: np.ndarray, n: int, value: int = 0) -> np.ndarray:
    return np.pad(values, (0, n - len(values)), constant_values=value)
