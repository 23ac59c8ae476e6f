"""What estimators with cluster centres share: checks, prediction, distances."""

import warnings
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    TransformerMixin,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from ..cluster import nearest_centers
from ._programs import compute
from ._rows import Rows, few, fill, floats, padded, width


class CentersEstimator(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator
):
    """Base of `KMeans`, `MiniBatchKMeans` and `BisectingKMeans`; not for direct use."""

    _parameter_constraints: ClassVar[dict] = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "init": [StrOptions({"k-means++", "random"}), callable, "array-like"],
        "n_init": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    # Set by subclasses.
    n_clusters: int
    init: Any
    n_init: Any
    cluster_centers_: np.ndarray
    labels_: np.ndarray

    def _check_size(self, X: np.ndarray) -> None:
        if X.shape[0] < self.n_clusters:
            raise ValueError(f"n_samples={X.shape[0]} should be >= n_clusters={self.n_clusters}.")

    def _starts(self, default: int) -> int:
        """How many starts there are: `default` for random ones where `n_init` is "auto"."""
        array = not isinstance(self.init, str) and not callable(self.init)
        one = array or (isinstance(self.init, str) and self.init == "k-means++")
        n_init = (1 if one else default) if self.n_init == "auto" else self.n_init
        if array and n_init != 1:
            warnings.warn(
                "Explicit initial center position passed: performing only one init in "
                f"{type(self).__name__} instead of n_init={n_init}.",
                RuntimeWarning,
                stacklevel=3,
            )
            return 1
        return n_init

    def _check_centers(self, X: np.ndarray, centers: Any, k: int | None = None) -> np.ndarray:
        """Initial centres, a copy in the type of `X`, of the right shape."""
        centers = check_array(centers, dtype=X.dtype, copy=True, order="C")
        k = self.n_clusters if k is None else k
        if centers.shape[0] != k:
            raise ValueError(
                f"The shape of the initial centers {centers.shape} does not match the number of "
                f"clusters {k}."
            )
        if centers.shape[1] != X.shape[1]:
            raise ValueError(
                f"The shape of the initial centers {centers.shape} does not match the number of "
                f"features of the data {X.shape[1]}."
            )
        return centers

    def _call_init(self, X: np.ndarray, rng: Any, k: int | None = None) -> np.ndarray:
        """Initial centres from the caller's function, which gets rows as they were given."""
        k = self.n_clusters if k is None else k
        return self._check_centers(X, self.init(X, k, random_state=rng), k)

    def _warn_few(self) -> None:
        """Warns where clusters are empty at the end."""
        found = len(np.unique(self.labels_))
        if found < self.n_clusters:
            warnings.warn(
                f"Number of distinct clusters ({found}) found smaller than n_clusters "
                f"({self.n_clusters}). Possibly due to duplicate points in X.",
                ConvergenceWarning,
                stacklevel=3,
            )

    def _nearest(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Nearest centre of each row, and the distance to it."""
        x, centers = X, self.cluster_centers_
        if few(X):
            n, d = padded(len(X)), width(X.shape[1])
            x = fill(X.astype(np.float64), n, d)
            centers = fill(centers.astype(np.float64), len(centers), d)
        labels, distances = compute(nearest_centers, x, centers, dtype=x.dtype)
        return labels[: len(X)], distances[: len(X)]

    def _keep(self, X: np.ndarray, rows: Rows, centers: np.ndarray, labels: np.ndarray) -> None:
        """Sets centres, in the precision of the rows, and labels that `predict` gives again."""
        self.cluster_centers_ = centers[:, : rows.d].astype(X.dtype)
        self.labels_ = labels[rows.back]
        if X.dtype != rows.x.dtype:
            self.labels_ = self._labels(X)

    def _labels(self, X: np.ndarray) -> np.ndarray:
        """The cluster of each row."""
        return self._nearest(X)[0]

    @property
    def _n_features_out(self) -> int:
        return self.cluster_centers_.shape[0]

    def fit_predict(self, X: Any, y: Any = None, sample_weight: Any = None) -> np.ndarray:
        """Fits, and returns the cluster of each row, `labels_`.

        Args:
          X: rows (n_samples, n_features).
          y: ignored.
          sample_weight: (n_samples,) weights of the rows; ones where None.
        """
        return self.fit(X, sample_weight=sample_weight).labels_

    def fit_transform(self, X: Any, y: Any = None, sample_weight: Any = None) -> np.ndarray:
        """Fits, and returns the distance of each row to each centre.

        Args:
          X: rows (n_samples, n_features).
          y: ignored.
          sample_weight: (n_samples,) weights of the rows; ones where None.
        """
        return self.fit(X, sample_weight=sample_weight).transform(X)

    def predict(self, X: Any) -> np.ndarray:
        """The cluster of each row, (n_samples,) int32.

        Args:
          X: rows (n_samples, n_features).
        """
        check_is_fitted(self)
        return self._labels(floats(self, X, reset=False))

    def transform(self, X: Any) -> np.ndarray:
        """The distance of each row to each centre, (n_samples, n_clusters).

        Args:
          X: rows (n_samples, n_features).
        """
        from sklearn.metrics.pairwise import euclidean_distances

        check_is_fitted(self)
        X = floats(self, X, reset=False)
        return euclidean_distances(X, self.cluster_centers_)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Minus the weighted sum of squared distances to the nearest centres.

        Args:
          X: rows (n_samples, n_features).
          y: ignored.
          sample_weight: (n_samples,) weights of the rows; ones where None.
        """
        check_is_fitted(self)
        X = floats(self, X, reset=False)
        weights = _check_sample_weight(sample_weight, X, dtype=X.dtype)
        return -float(np.dot(weights, self._nearest(X)[1] ** 2))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
