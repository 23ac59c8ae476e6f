"""`KMeans`: scikit-learn's interface to `cluster.kmeans`."""

import warnings
from typing import Any, ClassVar

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import StrOptions

from ..cluster import KMeansResult, kmeans
from ._centers import CentersEstimator
from ._programs import compute
from ._rows import Rows, check_weights, few, fill, floats, gather, random_key


class KMeans(CentersEstimator):
    """k-means, with scikit-learn's parameters, attributes, warnings and errors.

    A program written for `sklearn.cluster.KMeans` runs when only the import changes. The results
    are those of another draw of initial centres. Up to 8,192 rows (and 4 million numbers),
    which are computed in float64, they depend neither on the order of the rows nor on whether a row
    stands there twice or weighs 2. More float32 rows are computed in float32. Sparse rows are
    refused.

    Cost O(n k d) an iteration; peak extra memory O(n + k d).

    Args:
      n_clusters: k, at most the number of rows.
      init: "k-means++", "random", centres (k, d), or a function of (X, k, random_state) that
        returns such.
      n_init: number of starts, of which the best is kept; "auto" is 1 for "k-means++" and for
        given centres, else 10.
      max_iter: iterations of a start, at most.
      tol: stops when Σⱼ |shift of cⱼ|² ≤ tol · (mean variance of the columns).
      verbose: whether to print the inertia of each iteration.
      random_state: seed or `RandomState` of the draws.
      copy_x: taken for scikit-learn's sake; the rows are never written to.
      algorithm: "lloyd" or "elkan", which give the same result here.

    Attributes:
      cluster_centers_: (k, d).
      labels_: (n,) int32, nearest centre of each row.
      inertia_: weighted sum of squared distances to the nearest centres.
      n_iter_: iterations of the best start.
      n_features_in_: d.
      feature_names_in_: column names, where `X` had such.

    Example:
      >>> import numpy as np, clusterart_jax as ca
      >>> X = np.array([[1, 2], [1, 4], [1, 0], [10, 2], [10, 4], [10, 0]])
      >>> model = ca.KMeans(n_clusters=2, random_state=0).fit(X)
      >>> sorted(model.cluster_centers_.tolist())
      [[1.0, 2.0], [10.0, 2.0]]
      >>> model.inertia_
      16.0
    """

    _parameter_constraints: ClassVar[dict] = {
        **CentersEstimator._parameter_constraints,
        "copy_x": ["boolean"],
        "algorithm": [StrOptions({"lloyd", "elkan"})],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: Any = "k-means++",
        n_init: Any = "auto",
        max_iter: int = 300,
        tol: float = 1e-4,
        verbose: int = 0,
        random_state: Any = None,
        copy_x: bool = True,
        algorithm: str = "lloyd",
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.verbose = verbose
        self.random_state = random_state
        self.copy_x = copy_x
        self.algorithm = algorithm

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "KMeans":
        """Finds centres and labels.

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
        self._n_init = self._starts(default=10)
        if self.algorithm == "elkan" and self.n_clusters == 1:
            warnings.warn(
                "algorithm='elkan' doesn't make sense for a single cluster. Using 'lloyd' instead.",
                RuntimeWarning,
                stacklevel=2,
            )
        rng = check_random_state(self.random_state)
        weights = check_weights(sample_weight, X)
        rows = gather(X, weights, self.n_clusters, widen=True)
        best: Any
        if isinstance(self.init, str):
            best = self._solve(rows, rng, init=str(self.init), n_init=self._n_init)
        else:
            call = callable(self.init)
            given = [
                self._call_init(X, rng) if call else self._check_centers(X, self.init)
                for _ in range(self._n_init)
            ]
            wide = (fill(c.astype(rows.x.dtype), len(c), rows.x.shape[1]) for c in given)
            best = min((self._solve(rows, rng, init=c) for c in wide), key=lambda r: r.inertia)
        self._keep(X, rows, best.centers, best.labels)
        self.inertia_ = float(best.inertia)
        self.n_iter_ = int(best.n_iter)
        self._warn_few()
        return self

    def _solve(self, rows: Rows, rng: Any, *, init: Any, n_init: int = 1) -> KMeansResult:
        # The mean variance of the columns counts those of zeros, too.
        tol = self.tol * rows.x.shape[1] / rows.d

        def run(max_iter: int = self.max_iter, tol: float = tol, **how: Any) -> KMeansResult:
            options = {
                "sample_weight": rows.weights,
                "max_iter": np.int32(max_iter),
                "tol": tol,
                **how,
            }
            return compute(kmeans, key, rows.x, self.n_clusters, dtype=rows.x.dtype, **options)

        if not self.verbose and not few(rows.x):
            key = random_key(rng)
            return run(init=init, n_init=n_init)
        # Of few rows, starts are run one by one: one program then serves any number of them.
        ends = []
        for _ in range(n_init):
            key = random_key(rng)
            if self.verbose:
                # A program tells nothing while it runs: its iterations are taken singly, too.
                ends.append(self._tell(run(init=init, max_iter=0), run, rows))
            else:
                ends.append(run(init=init))
        return min(ends, key=lambda r: r.inertia)

    def _tell(self, state: Any, run: Any, rows: Rows) -> Any:
        """One start from its initial centres, printing what scikit-learn prints."""
        print("Initialization complete")
        mean: Any = np.average(rows.x, axis=0, weights=rows.weights)
        variance = np.average((rows.x - mean) ** 2, axis=0, weights=rows.weights)
        tol, before = self.tol * float(variance.sum()) / rows.d, None
        for i in range(self.max_iter):
            print(f"Iteration {i}, inertia {float(state.inertia)}.")
            after = run(init=state.centers, max_iter=1, tol=0.0)
            shift = float(np.sum((after.centers - state.centers) ** 2))
            same = before is not None and np.array_equal(state.labels, before)
            state, before = after._replace(n_iter=np.int32(i + 1)), state.labels
            if same:
                print(f"Converged at iteration {i}: strict convergence.")
                break
            if shift <= tol:
                print(f"Converged at iteration {i}: center shift {shift} within tolerance {tol}.")
                break
        return state
