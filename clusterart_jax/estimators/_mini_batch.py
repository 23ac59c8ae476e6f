"""`MiniBatchKMeans`: scikit-learn's interface to `cluster.mini_batch_kmeans` and its parts."""

import warnings
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval

from ..cluster import MiniBatchState, mini_batch_init, mini_batch_kmeans, mini_batch_update
from ._centers import CentersEstimator
from ._programs import compute
from ._rows import Rows, check_weights, fill, floats, gather, padded, random_key

_NEVER = np.iinfo(np.int32).max


class MiniBatchKMeans(CentersEstimator):
    """k-means by small random batches, with scikit-learn's parameters, attributes and errors.

    A program written for `sklearn.cluster.MiniBatchKMeans` runs when only the import changes. The
    results are those of other draws. Up to 8,192 rows (and 4 million numbers), which are
    computed in float64, they depend neither on the order of the rows nor on whether a row stands
    there twice or weighs 2: passes count different rows. More float32 rows are computed in
    float32. Sparse rows are refused.

    Cost O(batch_size k d) a batch, and O(n k d) for the labels; peak extra memory
    O(n + batch_size d + k d).

    Args:
      n_clusters: k, at most the number of rows.
      init: "k-means++", "random", centres (k, d), or a function of (X, k, random_state) that
        returns such.
      max_iter: passes over the rows, at most.
      batch_size: rows in a batch.
      verbose: whether to print how it ended.
      compute_labels: whether to set `labels_`.
      random_state: seed or `RandomState` of the draws.
      tol: stops when Σⱼ |shift of cⱼ|² ≤ tol · (mean variance of the columns); 0 never does.
      max_no_improvement: stops after so many batches without a smoothed inertia below the lowest
        before; None never does.
      init_size: rows among which the start is chosen.
      n_init: starts, of which the one of lowest inertia is taken; "auto" is 1 for "k-means++" and
        for given centres, else 3.
      reassignment_ratio: centres that took fewer rows than this part of the most that any took
        are moved.

    Attributes:
      cluster_centers_: (k, d).
      labels_: (n,) int32, nearest centre of each row; absent without `compute_labels`.
      inertia_: weighted sum of squared distances to the nearest centres.
      n_iter_: passes over the rows that the batches amount to.
      n_steps_: batches taken.
      n_features_in_: d.
      feature_names_in_: column names, where `X` had such.

    Example:
      >>> import numpy as np, clusterart_jax as ca
      >>> X = np.array([[1, 2], [1, 4], [1, 0], [10, 2], [10, 4], [10, 0]])
      >>> model = ca.MiniBatchKMeans(n_clusters=2, random_state=0)
      >>> for batch in (X[::2], X[1::2]):
      ...     model = model.partial_fit(batch)
      >>> sorted(model.cluster_centers_.tolist())
      [[1.0, 2.0], [10.0, 2.0]]
    """

    _parameter_constraints: ClassVar[dict] = {
        **CentersEstimator._parameter_constraints,
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "compute_labels": ["boolean"],
        "max_no_improvement": [Interval(Integral, 0, None, closed="left"), None],
        "init_size": [Interval(Integral, 1, None, closed="left"), None],
        "reassignment_ratio": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: Any = "k-means++",
        max_iter: int = 100,
        batch_size: int = 1024,
        verbose: int = 0,
        compute_labels: bool = True,
        random_state: Any = None,
        tol: float = 0.0,
        max_no_improvement: int | None = 10,
        init_size: int | None = None,
        n_init: Any = "auto",
        reassignment_ratio: float = 0.01,
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.verbose = verbose
        self.compute_labels = compute_labels
        self.random_state = random_state
        self.tol = tol
        self.max_no_improvement = max_no_improvement
        self.init_size = init_size
        self.n_init = n_init
        self.reassignment_ratio = reassignment_ratio

    def _check(self, X: np.ndarray) -> None:
        """What the parameters are for these rows."""
        self._check_size(X)
        self._n_init = self._starts(default=3)
        k, batch = self.n_clusters, min(self.batch_size, X.shape[0])
        size = self.init_size
        if size is None:
            size = 3 * batch if 3 * batch >= k else 3 * k
        elif size < k:
            warnings.warn(
                f"init_size={size} should be larger than n_clusters={k}. Setting it to "
                "min(3*n_clusters, n_samples)",
                RuntimeWarning,
                stacklevel=3,
            )
            size = 3 * k
        self._init_size = min(size, X.shape[0])

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "MiniBatchKMeans":
        """Finds centres and labels by batches drawn from the rows.

        Args:
          X: rows (n_samples, n_features).
          y: ignored.
          sample_weight: (n_samples,) weights ≥ 0; a row of weight 0 counts as absent but gets a
            label. Ones where None.

        Returns:
          The estimator itself.
        """
        X = floats(self, X, reset=True)
        self._check(X)
        rng = check_random_state(self.random_state)
        rows = gather(X, check_weights(sample_weight, X), self.n_clusters, widen=True)
        # The size of a batch fixes a program's shapes: of few rows it is rounded as theirs is.
        batch = min(self.batch_size, padded(rows.n))
        seen = min(self.batch_size, rows.n)
        start = self._start(X, rows, rng)
        result = compute(
            mini_batch_kmeans,
            random_key(rng),
            rows.x,
            self.n_clusters,
            dtype=rows.x.dtype,
            sample_weight=rows.weights,
            init=start.origin + start.offsets,
            batch_size=batch,
            max_iter=np.int32(-(-self.max_iter * batch // seen)),
            tol=self.tol * rows.x.shape[1] / rows.d,
            max_no_improvement=np.int32(
                _NEVER if self.max_no_improvement is None else self.max_no_improvement
            ),
            reassignment_ratio=float(self.reassignment_ratio),
        )
        self._keep(X, rows, result.centers, result.labels)
        if not self.compute_labels:
            del self.labels_
        self.n_steps_ = int(result.n_steps)
        self.n_iter_ = -(-self.n_steps_ * seen // rows.n)
        self.inertia_ = float(result.inertia)
        origin = result.centers[:, : rows.d].mean(axis=0)
        state: Any = MiniBatchState  # of NumPy arrays
        self._state = state(
            origin=origin,
            offsets=result.centers[:, : rows.d] - origin,
            counts=result.counts,
            since=np.zeros((), np.int32),
            n_steps=result.n_steps,
            inertia=result.inertia,
        )
        if self.verbose:
            self._tell(bool(result.converged))
        return self

    def _start(self, X: np.ndarray, rows: Rows, rng: Any) -> Any:
        """The state of the best start.

        Starts are run one by one: one program then serves any number of them.
        """
        if not isinstance(self.init, str):
            call = callable(self.init)
            given = [
                self._call_init(X, rng) if call else self._check_centers(X, self.init)
                for _ in range(self._n_init)
            ]
            wide = (fill(c.astype(rows.x.dtype), len(c), rows.x.shape[1]) for c in given)
            return min((self._begin(rows, rng, c) for c in wide), key=lambda s: s.inertia)
        if self._init_size < rows.n:
            mass = rows.weights.astype(np.float64)
            chosen = rng.choice(len(mass), self._init_size, p=mass / mass.sum())
            sample = fill(rows.x[chosen], padded(len(chosen)), rows.x.shape[1])
            ones = (np.arange(len(sample)) < len(chosen)).astype(rows.x.dtype)
            rows = rows._replace(x=sample, weights=ones)
        starts = (self._begin(rows, rng, str(self.init)) for _ in range(self._n_init))
        return min(starts, key=lambda s: s.inertia)

    def _begin(self, rows: Rows, rng: Any, init: Any) -> Any:
        return compute(
            mini_batch_init,
            random_key(rng),
            rows.x,
            self.n_clusters,
            dtype=rows.x.dtype,
            sample_weight=rows.weights,
            init=init,
        )

    def _tell(self, converged: bool) -> None:
        print(f"Minibatch step {self.n_steps_}: inertia {self.inertia_}")
        if converged and self.tol > 0 and self.max_no_improvement is not None:
            print("Converged (small centers change, or lack of improvement in inertia)")
        elif converged:
            reason = "small centers change" if self.tol > 0 else "lack of improvement in inertia"
            print(f"Converged ({reason}) at step {self.n_steps_}")

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "MiniBatchKMeans":
        """Moves the centres towards the rows of one batch; the first batch also gives the start.

        Args:
          X: rows (n_samples, n_features).
          y: ignored.
          sample_weight: (n_samples,) weights ≥ 0; a row of weight 0 counts as absent but gets a
            label. Ones where None.

        Returns:
          The estimator itself.
        """
        first = not hasattr(self, "cluster_centers_")
        X = floats(self, X, reset=first)
        self._random_state = getattr(self, "_random_state", check_random_state(self.random_state))
        if first:
            self._check(X)
        else:
            X = X.astype(self.cluster_centers_.dtype, copy=False)
        weights = check_weights(sample_weight, X)
        rows = gather(X, weights, self.n_clusters if first else 1, widen=True)
        if first:
            state = self._start(X, rows, self._random_state)
        else:
            state = self._wide(self._state, rows.x.shape[1], rows.x.dtype)
        state = compute(
            mini_batch_update,
            random_key(self._random_state),
            state,
            rows.x,
            dtype=rows.x.dtype,
            sample_weight=rows.weights,
            reassignment_ratio=float(self.reassignment_ratio),
        )
        self._state = self._wide(state, rows.d, rows.x.dtype)
        self.cluster_centers_ = (self._state.origin + self._state.offsets).astype(X.dtype)
        self.n_steps_ = int(state.n_steps)
        if self.compute_labels:
            self.labels_, distances = self._nearest(X)
            self.inertia_ = float(np.dot(weights, distances**2))
        return self

    @staticmethod
    def _wide(state: Any, d: int, dtype: Any) -> Any:
        """The state with d columns, cut or filled up with zeros, in a precision."""
        origin, offsets = state.origin[None, :d].astype(dtype), state.offsets[:, :d].astype(dtype)
        return state._replace(
            origin=fill(origin, 1, d)[0],
            offsets=fill(offsets, len(offsets), d),
            counts=state.counts.astype(dtype),
            inertia=state.inertia.astype(dtype),
        )
