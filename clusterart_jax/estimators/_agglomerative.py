"""`AgglomerativeClustering`: scikit-learn's interface to `cluster.linkage` and its cuts."""

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin, _fit_context
from sklearn.metrics.pairwise import (
    _VALID_METRICS,
    pairwise_distances,
    pairwise_distances_argmin_min,
)
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, check_memory

from ..cluster import cut_tree, linkage
from ._graphs import graph_edges, graph_tree
from ._programs import compute
from ._rows import few, fill, floats, padded, width

_OURS = {
    "euclidean": "euclidean",
    "l2": "euclidean",
    "manhattan": "manhattan",
    "l1": "manhattan",
    "cityblock": "manhattan",
    "cosine": "cosine",
    "precomputed": "precomputed",
}
_LINKAGES = ("ward", "complete", "average", "single")


class AgglomerativeClustering(ClusterMixin, BaseEstimator):
    """Agglomerative clustering, with scikit-learn's parameters, attributes and errors.

    A program written for `sklearn.cluster.AgglomerativeClustering` runs when only the import
    changes, as long as it gives no `connectivity`, and its results are the same where no ties
    decide; clusters of single linkage may be numbered otherwise. Up to 8,192 rows (and 4 million
    numbers) are computed in float64. More float32 rows are computed in float32.

    Cost O(n² d). Peak extra memory O(n d) for Ward and single linkage, n² numbers for the others,
    which refuse more than 32,768 rows.

    Args:
      n_clusters: how many clusters; None where `distance_threshold` is given.
      metric: "euclidean", "l2", "l1", "manhattan", "cityblock", "cosine", "precomputed", another
        metric of scikit-learn, or a function of `X` that gives all distances; those last two are
        computed as "precomputed" is. Ward takes only the first two.
      memory: where joblib keeps trees, for the next call with the same rows: a folder or a
        `joblib.Memory`.
      connectivity: a graph, (n, n), sparse or dense, whose entries join rows that may merge, or a
        function of `X` that gives one. Parts of it that nothing joins are joined by their nearest
        rows, with a warning. `image_grid` has the edges of pictures.
      compute_full_tree: whether the tree is whole; with a `connectivity` it is left at `n_clusters`
        where False, or where "auto" and there are many of them. `labels_` are in the order of
        the clusters' nodes then.
      linkage: "ward", "complete", "average" or "single".
      distance_threshold: clusters at this distance or above it do not merge.
      compute_distances: whether `distances_` is set without a `distance_threshold`, too.

    Attributes:
      n_clusters_: how many clusters there are.
      labels_: (n,) the cluster of each row.
      children_: (n − 1, 2) the two nodes that each merge joins; row i is node i, merge m makes node
        n + m.
      distances_: (n − 1,) their distances, with `distance_threshold` or `compute_distances`.
      n_leaves_: n.
      n_connected_components_: parts of `connectivity`; 1 without.
      n_features_in_: d.
      feature_names_in_: column names, where `X` had such.

    Example:
      >>> import numpy as np, clusterart_jax as ca
      >>> X = np.array([[1, 2], [1, 4], [1, 0], [4, 2], [4, 4], [4, 0]])
      >>> ca.AgglomerativeClustering().fit(X).labels_
      array([1, 1, 1, 0, 0, 0])

      A dendrogram is drawn by SciPy, from the same tree in its format, in float64:
      `scipy.cluster.hierarchy.dendrogram(np.asarray(ca.linkage(X), float), truncate_mode="lastp")`.
    """

    _parameter_constraints: ClassVar[dict] = {
        "n_clusters": [Interval(Integral, 1, None, closed="left"), None],
        "metric": [StrOptions({*_VALID_METRICS, "precomputed"}), callable],
        "memory": [str, HasMethods("cache"), None],
        "connectivity": ["array-like", "sparse matrix", callable, None],
        "compute_full_tree": [StrOptions({"auto"}), "boolean"],
        "linkage": [StrOptions(set(_LINKAGES))],
        "distance_threshold": [Interval(Real, 0, None, closed="left"), None],
        "compute_distances": ["boolean"],
    }

    def __init__(
        self,
        n_clusters: int | None = 2,
        *,
        metric: Any = "euclidean",
        memory: Any = None,
        connectivity: Any = None,
        compute_full_tree: Any = "auto",
        linkage: str = "ward",
        distance_threshold: float | None = None,
        compute_distances: bool = False,
    ) -> None:
        self.n_clusters = n_clusters
        self.metric = metric
        self.memory = memory
        self.connectivity = connectivity
        self.compute_full_tree = compute_full_tree
        self.linkage = linkage
        self.distance_threshold = distance_threshold
        self.compute_distances = compute_distances

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> "AgglomerativeClustering":
        """Finds the tree, and the clusters.

        Args:
          X: rows (n_samples, n_features), or distances (n_samples, n_samples).
          y: ignored.

        Returns:
          The estimator itself.
        """
        X = floats(self, X, reset=True, ensure_min_samples=2)
        n = len(X)
        self._check_options(n)
        graph = self.connectivity(X) if callable(self.connectivity) else self.connectivity
        self.n_connected_components_, edges = 1, None
        if graph is not None:
            edges, self.n_connected_components_ = graph_edges(X, graph, self.metric)
        z = check_memory(self.memory).cache(_tree)(X, self.linkage, self.metric, edges)
        whole = graph is None or self.compute_full_tree
        if whole == "auto":
            whole = self.n_clusters is None or self.n_clusters < max(100, 0.02 * n)
        part = z[: n - (self.n_clusters or 0)]
        # scikit-learn has all of a spanning tree's merges even where it stops at `n_clusters`.
        held = z if whole or self.linkage == "single" else part
        self.children_ = held[:, :2].astype(np.int64)
        self.n_leaves_ = n
        self.n_clusters_ = self.n_clusters or 0
        if self.distance_threshold is not None or self.compute_distances:
            self.distances_ = held[:, 2]
        if self.distance_threshold is not None:
            self.n_clusters_ = int(np.count_nonzero(self.distances_ >= self.distance_threshold)) + 1
        self.labels_ = _labels(z, self.n_clusters_) if whole else _heads(part, n)
        self._fit_X = X
        return self

    def _check_options(self, n: int) -> None:
        if (self.n_clusters is None) == (self.distance_threshold is None):
            raise ValueError(
                "Exactly one of n_clusters and distance_threshold has to be set, and the other "
                "needs to be None."
            )
        if self.distance_threshold is not None and not self.compute_full_tree:
            raise ValueError("compute_full_tree must be True if distance_threshold is set.")
        if self.linkage == "ward" and self.metric not in ("euclidean", "l2"):
            raise ValueError(
                f"{self.metric} was provided as metric. Ward can only work with euclidean "
                "distances (i.e. 'euclidean' and 'l2')."
            )
        if self.n_clusters is not None and self.n_clusters > n:
            raise ValueError(
                f"Cannot extract more clusters than samples: {self.n_clusters} clusters were given "
                f"for a tree with {n} leaves."
            )

    def predict(self, X: Any) -> np.ndarray:
        """The cluster of the fitted row that is nearest to each row, (n_samples,).

        Args:
          X: rows (n_samples, n_features), or their distances to the fitted rows (n_samples,
            n_fitted).
        """
        check_is_fitted(self)
        X = floats(self, X, reset=False)
        if callable(self.metric):
            raise ValueError("a metric that is a function of all rows says nothing of other rows")
        if self.metric == "precomputed":
            return self.labels_[np.argmin(X, axis=1)]
        nearest, _ = pairwise_distances_argmin_min(X, self._fit_X, metric=self.metric)
        return self.labels_[nearest]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.metric == "precomputed"
        return tags


def _tree(X: np.ndarray, method: str, metric: Any, edges: np.ndarray | None) -> np.ndarray:
    """The tree in SciPy's format, (n − 1, 4), float64."""
    if edges is not None:
        return graph_tree(X, method, metric, edges)
    if callable(metric):
        X, metric = np.asarray(metric(X)), "precomputed"
    elif metric not in _OURS:
        X, metric = pairwise_distances(X, metric=metric), "precomputed"
    metric = _OURS[metric]
    n, d = X.shape
    if metric == "precomputed" and n != d:
        raise ValueError(f"Distance matrix should be square, got matrix of shape {X.shape}")
    if metric == "cosine" and not np.any(X, axis=1).all():
        raise ValueError("Cosine affinity cannot be used when X contains zero vectors")
    size, options = n, {}
    if few(X):
        # Rounded up in number with rows of weight 0, so that data of nearly equal size share a
        # program; those merge after all others.
        size = padded(n)
        X = fill(X.astype(np.float64), size, size if metric == "precomputed" else width(d))
        options["sample_weight"] = (np.arange(size) < n).astype(X.dtype)
    z = compute(linkage, X, method=method, metric=metric, dtype=X.dtype, **options)
    z = z[: n - 1].astype(np.float64)
    z[:, :2] -= np.where(z[:, :2] >= size, size - n, 0)
    return z


def _heads(children: np.ndarray, n: int) -> np.ndarray:
    """Labels of all rows in a forest, in the order of its trees' topmost nodes."""
    children = children[:, :2].astype(np.int64)
    up = np.arange(n + len(children))
    up[children] = n + np.arange(len(children))[:, None]
    while not np.array_equal(up, further := up[up]):
        up = further
    return np.unique(up[:n], return_inverse=True)[1]


def _labels(z: np.ndarray, k: int) -> np.ndarray:
    """Labels of all rows; of few, in a tree filled up with rows that merge at infinite height."""
    n = len(z) + 1
    size = padded(n)
    whole = np.full((size - 1, 4), np.inf)
    whole[: n - 1] = z
    whole[: n - 1, :2] += np.where(z[:, :2] >= n, size - n, 0)
    step = np.arange(n - 1, size - 1)
    whole[n - 1 :, 0], whole[n - 1 :, 1] = size + step - 1, step + 1
    labels = compute(cut_tree, whole, n_clusters=np.int32(k), dtype=whole.dtype)
    return labels[:n].astype(np.int64)
