"""`BisectingKMeans`: scikit-learn's interface to `cluster.bisecting_kmeans`."""

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from ..cluster import BisectingKMeansResult, bisecting_kmeans, bisecting_labels, kmeans
from ._centers import CentersEstimator
from ._programs import compute
from ._rows import Rows, check_weights, few, fill, floats, gather, padded, random_key, width


class BisectingKMeans(CentersEstimator):
    """Clusters split in two, one after the other, with scikit-learn's parameters and attributes.

    A program written for `sklearn.cluster.BisectingKMeans` runs when only the import changes. The
    results are those of other draws. Up to 8,192 rows (and 4 million numbers), which are computed
    in float64, they depend neither on the order of the rows nor on whether a row stands there
    twice or weighs 2. More float32 rows are computed in float32. Sparse rows are refused.

    Cost O(n d log k) an iteration for a balanced tree; peak extra memory one copy of the rows.

    Args:
      n_clusters: k, at most the number of rows.
      init: "random", "k-means++", or a function of (X, 2, random_state) that gives two centres.
      n_init: starts of each split, of which the best is kept.
      random_state: seed or `RandomState` of the draws.
      max_iter: iterations of a split, at most.
      verbose: whether to print the inertia at the end.
      tol: a split stops when Σⱼ |shift of cⱼ|² ≤ tol · (mean variance of the columns).
      copy_x: taken for scikit-learn's sake; the rows are never written to.
      algorithm: "lloyd" or "elkan", which give the same result here.
      bisecting_strategy: which cluster is split next: that of "biggest_inertia", or the
        "largest_cluster" by weight.

    Attributes:
      cluster_centers_: (k, d).
      labels_: (n,) int32, the leaf of the tree that each row comes to.
      inertia_: weighted sum of squared distances to the centres of the rows' clusters.
      n_features_in_: d.
      feature_names_in_: column names, where `X` had such.

    Example:
      >>> import numpy as np, clusterart_jax as ca
      >>> X = np.array([[1, 1], [10, 1], [3, 1], [10, 0], [2, 1], [10, 2], [10, 8], [10, 9]])
      >>> model = ca.BisectingKMeans(n_clusters=3, random_state=0).fit(X)
      >>> sorted(model.cluster_centers_.tolist())
      [[2.0, 1.0], [10.0, 1.0], [10.0, 8.5]]
    """

    _parameter_constraints: ClassVar[dict] = {
        **CentersEstimator._parameter_constraints,
        "init": [StrOptions({"k-means++", "random"}), callable],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "copy_x": ["boolean"],
        "algorithm": [StrOptions({"lloyd", "elkan"})],
        "bisecting_strategy": [StrOptions({"biggest_inertia", "largest_cluster"})],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: Any = "random",
        n_init: int = 1,
        random_state: Any = None,
        max_iter: int = 300,
        verbose: int = 0,
        tol: float = 1e-4,
        copy_x: bool = True,
        algorithm: str = "lloyd",
        bisecting_strategy: str = "biggest_inertia",
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.random_state = random_state
        self.max_iter = max_iter
        self.verbose = verbose
        self.tol = tol
        self.copy_x = copy_x
        self.algorithm = algorithm
        self.bisecting_strategy = bisecting_strategy

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "BisectingKMeans":
        """Splits the rows into clusters.

        Args:
          X: rows (n_samples, n_features).
          y: ignored.
          sample_weight: (n_samples,) weights ≥ 0; a row of weight 0 counts as absent but gets a
            label. Ones where None.

        Returns:
          The estimator itself.
        """
        X = floats(self, X, reset=True)
        self._check_size(X)
        rng = check_random_state(self.random_state)
        weights = check_weights(sample_weight, X)
        rows = gather(X, weights, self.n_clusters, widen=True)
        result: Any = (
            self._by_calls(rows, rng)
            if callable(self.init) or self.n_clusters == 1
            else self._solve(rows, rng)
        )
        self._children = result.children
        self._split_centers = result.split_centers[..., : rows.d].astype(X.dtype)
        self._keep(X, rows, result.centers, result.labels)
        self.inertia_ = float(result.inertia)
        if self.verbose:
            print(f"Inertia of {self.n_clusters} clusters: {self.inertia_}")
        return self

    def _solve(self, rows: Rows, rng: Any) -> BisectingKMeansResult:
        return compute(
            bisecting_kmeans,
            random_key(rng),
            rows.x,
            self.n_clusters,
            dtype=rows.x.dtype,
            sample_weight=rows.weights,
            init=str(self.init),
            n_init=self.n_init,
            strategy=self.bisecting_strategy,
            max_iter=np.int32(self.max_iter),
            tol=self.tol * rows.x.shape[1] / rows.d,
        )

    def _by_calls(self, rows: Rows, rng: Any) -> Any:
        """The same tree, split by split on the host, since the caller's function gives starts."""
        k, d = self.n_clusters, rows.d
        x, weights = rows.x[:, :d], rows.weights
        leaf = np.zeros(len(x), np.int32)  # in the order of splits: the right side of s is s + 1
        centers, inertia, mass = np.zeros((k, d), x.dtype), np.zeros(k), np.zeros(k)
        centers[0], inertia[0] = np.average(x, axis=0, weights=weights), 1
        if k == 1:
            inertia[0] = weights @ ((x - centers[0]) ** 2).sum(axis=1)
        ranks, slots = [0], {0: (0, 0)}  # leaves from left to right; where `children` holds each
        children = np.zeros((k - 1, 2), np.int32)
        splits = np.zeros((k - 1, 2, d), x.dtype)
        for s in range(k - 1):
            scores = inertia if self.bisecting_strategy == "biggest_inertia" else mass
            old, new = int(np.argmax(np.where(inertia > 0, scores, -1)[: s + 1])), s + 1
            mine = np.flatnonzero(leaf == old)
            two = self._split(x[mine], weights[mine], rng)
            leaf[mine[two.labels == 1]] = new
            for side, j in enumerate((old, new)):
                own = mine[two.labels == side]
                centers[j], mass[j] = two.centers[side], weights[own].sum()
                inertia[j] = weights[own] @ ((x[own] - centers[j]) ** 2).sum(axis=1)
            if s:
                children[slots[old]] = k + s
            slots[old], slots[new] = (s, 0), (s, 1)
            ranks.insert(ranks.index(old) + 1, new)
            splits[s] = two.centers
        for j, slot in slots.items():
            if k > 1:
                children[slot] = ranks.index(j)
        place = np.argsort(ranks).astype(np.int32)
        result: Any = BisectingKMeansResult
        return result(centers[ranks], place[leaf], inertia.sum(), children, splits, 0, True)

    def _split(self, x: np.ndarray, weights: np.ndarray, rng: Any) -> Any:
        """The best of `n_init` starts of 2-means on the rows of one cluster."""
        rows = gather(x, weights, 2, widen=True)
        starts = [self._call_init(x, rng, 2) for _ in range(self.n_init)]
        ends = [
            compute(
                kmeans,
                random_key(rng),
                rows.x,
                2,
                dtype=rows.x.dtype,
                sample_weight=rows.weights,
                init=fill(start, 2, rows.x.shape[1]),
                max_iter=np.int32(self.max_iter),
                tol=self.tol * rows.x.shape[1] / rows.d,
            )
            for start in starts
        ]
        best = min(ends, key=lambda r: r.inertia)
        return best._replace(centers=best.centers[:, : rows.d], labels=best.labels[rows.back])

    def _labels(self, X: np.ndarray) -> np.ndarray:
        x, centers = X, self._split_centers
        if few(X):
            n, d = padded(len(X)), width(X.shape[1])
            x = fill(X.astype(np.float64), n, d)
            pairs = centers.reshape(-1, X.shape[1]).astype(np.float64)
            centers = fill(pairs, len(pairs), d).reshape(*centers.shape[:2], d)
        return compute(bisecting_labels, x, self._children, centers, dtype=x.dtype)[: len(X)]
