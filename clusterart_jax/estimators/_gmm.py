"""`GaussianMixture`: scikit-learn's interface to `cluster.gmm`."""

import math
import warnings
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, DensityMixin, _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from ..cluster import GMMResult, GMMStart, gmm
from ._kmeans import KMeans
from ._programs import compute
from ._rows import Rows, ask, cast, check_weights, few, floats, gather, random_key

_DEGENERATE = (
    "Fitting the mixture model failed because some components have ill-defined empirical "
    "covariance (for instance caused by singleton or collapsed samples). Try to decrease the "
    "number of components, increase reg_covar, or scale the input data."
)


class GaussianMixture(DensityMixin, BaseEstimator):
    """A mixture of Gaussians by EM, with scikit-learn's parameters, attributes and errors.

    A program written for `sklearn.mixture.GaussianMixture` runs when only the import changes;
    `fit` also takes `sample_weight`. The results are those of other draws. Up to 8,192 rows (and 4
    million numbers), starts from k-means depend neither on the order of the rows nor on whether a
    row stands there twice or weighs 2, and all is computed in float64; more float32 rows are
    computed in float32. Sparse rows are refused.

    Cost of an iteration O(n k d²) for "full", O(n k d) for "diag" and "spherical"; responsibilities
    are never stored for all rows.

    Args:
      n_components: k, at most the number of rows.
      covariance_type: "full", "tied", "diag" or "spherical".
      tol: stops when the mean log-likelihood of a row changes by less.
      reg_covar: added to the variances.
      max_iter: iterations of a start, at most; 0 keeps the start.
      n_init: number of starts, of which the likeliest is kept.
      init_params: where responsibilities come from at first: "kmeans", "k-means++" or
        "random_from_data" (rows go to the nearest of k rows), or "random".
      weights_init: (k,) shares of the components to start from.
      means_init: (k, d).
      precisions_init: inverse covariances.
      random_state: seed or `RandomState` of the draws.
      warm_start: whether `fit` goes on from the solution before.
      verbose: whether to print how each start ended.
      verbose_interval: taken for scikit-learn's sake.

    Attributes:
      weights_: (k,) shares of the components.
      means_: (k, d).
      covariances_: (k, d, d), (d, d), (k, d) or (k,) as `covariance_type` says.
      precisions_: inverse covariances.
      precisions_cholesky_: U with U Uᵀ = precision, or its square root.
      converged_: whether the best start came to rest before `max_iter`.
      n_iter_: its iterations.
      lower_bound_: mean log-likelihood of a row before the last M-step.
      lower_bounds_: that alone in a list, since a program keeps no history.
      n_features_in_: d.
      feature_names_in_: column names, where `X` had such.

    Example:
      >>> import numpy as np, clusterart_jax as ca
      >>> X = np.array([[1, 2], [1, 4], [1, 0], [10, 2], [10, 4], [10, 0]])
      >>> model = ca.GaussianMixture(n_components=2, random_state=0).fit(X)
      >>> sorted(model.means_.round(6).tolist())
      [[1.0, 2.0], [10.0, 2.0]]
    """

    _parameter_constraints: ClassVar[dict] = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "covariance_type": [StrOptions({"full", "tied", "diag", "spherical"})],
        "tol": [Interval(Real, 0.0, None, closed="left")],
        "reg_covar": [Interval(Real, 0.0, None, closed="left")],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "init_params": [StrOptions({"kmeans", "random", "random_from_data", "k-means++"})],
        "weights_init": ["array-like", None],
        "means_init": ["array-like", None],
        "precisions_init": ["array-like", None],
        "random_state": ["random_state"],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "verbose_interval": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        n_components: int = 1,
        *,
        covariance_type: str = "full",
        tol: float = 1e-3,
        reg_covar: float = 1e-6,
        max_iter: int = 100,
        n_init: int = 1,
        init_params: str = "kmeans",
        weights_init: Any = None,
        means_init: Any = None,
        precisions_init: Any = None,
        random_state: Any = None,
        warm_start: bool = False,
        verbose: int = 0,
        verbose_interval: int = 10,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.tol = tol
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.n_init = n_init
        self.init_params = init_params
        self.weights_init = weights_init
        self.means_init = means_init
        self.precisions_init = precisions_init
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose
        self.verbose_interval = verbose_interval

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "GaussianMixture":
        """Finds the components.

        Args:
          X: rows (n_samples, n_features).
          y: ignored.
          sample_weight: (n_samples,) weights ≥ 0; a row of weight 0 counts as absent. Ones where
            None.

        Returns:
          The estimator itself.
        """
        self.fit_predict(X, sample_weight=sample_weight)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_predict(self, X: Any, y: Any = None, sample_weight: Any = None) -> np.ndarray:
        """Finds the components, and returns the most probable one of each row, (n_samples,).

        Args:
          X: rows (n_samples, n_features).
          y: ignored.
          sample_weight: (n_samples,) weights ≥ 0; a row of weight 0 counts as absent. Ones where
            None.
        """
        X = floats(self, X, reset=True, ensure_min_samples=2)
        if X.shape[0] < self.n_components:
            raise ValueError(
                "Expected n_samples >= n_components but got n_components = "
                f"{self.n_components}, n_samples = {X.shape[0]}"
            )
        start = self._check_starts(X.shape[1])
        rng = check_random_state(self.random_state)
        weights = check_weights(sample_weight, X)
        rows = gather(X, weights, self.n_components)
        if self.warm_start and hasattr(self, "converged_"):
            ends = [self._run(rows, rng, self._mixture)]
        elif few(X):
            # Starts are run one by one: one program then serves any number of them.
            ends = []
            for i in range(self.n_init):
                if self.verbose:
                    print(f"Initialization {i}")
                start = start._replace(otherwise=self._responsibilities(X, weights, rows, rng))
                ends.append(self._run(rows, rng, start))
        else:
            ends = [self._run(rows, rng, start, n_init=self.n_init)]
        best = max(ends, key=lambda r: r.log_likelihood)
        self._keep(cast(best, X.dtype))
        if not self.converged_ and self.max_iter > 0:
            warnings.warn(
                "Best performing initialization did not converge. Try different init parameters, "
                "or increase max_iter, tol, or check for degenerate data.",
                ConvergenceWarning,
                stacklevel=2,
            )
        if X.dtype != rows.x.dtype:
            return self._labels(X)  # by the parameters as they were rounded
        return best.labels[rows.back].astype(np.intp)

    def _responsibilities(self, X: np.ndarray, weights: np.ndarray, rows: Rows, rng: Any) -> Any:
        """The name of a start, or for k-means the labels that `KMeans` finds."""
        given = (self.weights_init, self.means_init, self.precisions_init)
        if self.init_params != "kmeans" or not any(a is None for a in given):
            return self.init_params
        model = KMeans(self.n_components, n_init=1, random_state=rng).fit(X, sample_weight=weights)
        labels = np.zeros(len(rows.x), np.int32)
        labels[rows.back] = model.labels_
        return labels

    def _run(self, rows: Rows, rng: Any, start: Any, n_init: int = 1) -> Any:
        result = compute(
            gmm,
            random_key(rng),
            rows.x,
            self.n_components,
            dtype=rows.x.dtype,
            covariance_type=self.covariance_type,
            sample_weight=rows.weights,
            init=start,
            n_init=n_init,
            max_iter=np.int32(self.max_iter),
            tol=float(self.tol),
            reg_covar=float(self.reg_covar),
        )
        if not np.isfinite(result.precisions_cholesky).all():
            raise ValueError(_DEGENERATE)
        if self.verbose:
            print(f"Initialization {'converged' if result.converged else 'did not converge'}.")
        return result

    def _check_starts(self, d: int) -> GMMStart:
        """The parameters to start from, checked as scikit-learn checks them."""
        k, kind = self.n_components, self.covariance_type

        def array(value: Any, name: str, shape: tuple[int, ...]) -> np.ndarray:
            value = check_array(
                value, dtype=[np.float64, np.float32], ensure_2d=False, allow_nd=True
            )
            if value.shape != shape:
                raise ValueError(
                    f"The parameter '{name}' should have the shape of {shape}, but got "
                    f"{value.shape}"
                )
            return value

        weights, means, precisions = self.weights_init, self.means_init, self.precisions_init
        if weights is not None:
            weights = array(weights, "weights", (k,))
            if (weights < 0).any() or (weights > 1).any():
                raise ValueError(
                    "The parameter 'weights' should be in the range [0, 1], but got max value "
                    f"{weights.min():.5f}, min value {weights.max():.5f}"
                )
            if abs(1 - weights.sum()) > (1e-6 if weights.dtype == np.float32 else 1e-8):
                raise ValueError(
                    "The parameter 'weights' should be normalized, but got sum(weights) = "
                    f"{weights.sum():.5f}"
                )
        if means is not None:
            means = array(means, "means", (k, d))
        if precisions is not None:
            shapes = {"full": (k, d, d), "tied": (d, d), "diag": (k, d), "spherical": (k,)}
            precisions = array(precisions, f"{kind} precision", shapes[kind])
            if kind in ("diag", "spherical"):
                if (precisions <= 0).any():
                    raise ValueError(f"'{kind} precision' should be positive")
            elif (
                not np.allclose(precisions, np.swapaxes(precisions, -1, -2))
                or not (np.linalg.eigvalsh(precisions) > 0).all()
            ):
                raise ValueError(f"'{kind} precision' should be symmetric, positive-definite")
        return GMMStart(weights, means, precisions, self.init_params)

    def _keep(self, result: Any) -> None:
        self._fitted = result._replace(labels=result.labels[:0])
        self.weights_, self.means_ = result.weights, result.means
        self.covariances_ = result.covariances
        self.precisions_cholesky_ = factor = result.precisions_cholesky
        if self.covariance_type in ("full", "tied"):
            self.precisions_ = factor @ np.swapaxes(factor, -1, -2)
        else:
            self.precisions_ = factor**2
        self.converged_ = bool(result.converged) and self.max_iter > 0
        self.n_iter_ = int(result.n_iter)
        self.lower_bound_ = float(result.log_likelihood) if self.max_iter > 0 else -np.inf
        self.lower_bounds_ = [self.lower_bound_] if self.max_iter > 0 else []

    @property
    def _mixture(self) -> Any:
        """The fitted mixture, with what the attributes say now."""
        return self._fitted._replace(
            weights=self.weights_,
            means=self.means_,
            covariances=self.covariances_,
            precisions_cholesky=self.precisions_cholesky_,
        )

    def _ask(self, method: Any, X: Any) -> np.ndarray:
        check_is_fitted(self)
        return ask(method, self._mixture, floats(self, X, reset=False))

    def score_samples(self, X: Any) -> np.ndarray:
        """Log-likelihood of each row, (n_samples,).

        Args:
          X: rows (n_samples, n_features).
        """
        return self._ask(GMMResult.score_samples, X)

    def score(self, X: Any, y: Any = None) -> float:
        """Mean log-likelihood of the rows.

        Args:
          X: rows (n_samples, n_features).
          y: ignored.
        """
        return float(np.mean(self.score_samples(X)))

    def predict(self, X: Any) -> np.ndarray:
        """The most probable component of each row, (n_samples,).

        Args:
          X: rows (n_samples, n_features).
        """
        check_is_fitted(self)
        return self._labels(floats(self, X, reset=False))

    def _labels(self, X: np.ndarray) -> np.ndarray:
        return ask(GMMResult.predict, self._mixture, X).astype(np.intp)

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each component given the row, (n_samples, n_components).

        Args:
          X: rows (n_samples, n_features).
        """
        return self._ask(GMMResult.predict_proba, X)

    def sample(self, n_samples: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Draws rows, (n_samples, n_features), and the component of each, (n_samples,).

        Args:
          n_samples: how many.
        """
        check_is_fitted(self)
        if n_samples < 1:
            raise ValueError(
                f"Invalid value for 'n_samples': {n_samples} . The sampling requires at least one "
                "sample."
            )
        rng = check_random_state(self.random_state)
        shares = self.weights_.astype(np.float64)
        y = np.repeat(np.arange(len(shares)), rng.multinomial(n_samples, shares / shares.sum()))
        noise = rng.standard_normal((n_samples, self.means_.shape[1]))
        if self.covariance_type in ("full", "tied"):
            factor = np.linalg.cholesky(self.covariances_)
            for j in range(len(shares)):
                noise[y == j] @= (factor[j] if self.covariance_type == "full" else factor).T
        else:
            scale = np.sqrt(self.covariances_)[y]
            noise *= scale if scale.ndim == 2 else scale[:, None]
        return self.means_[y] + noise, y

    def _n_parameters(self) -> int:
        return self._fitted.n_parameters

    def bic(self, X: Any) -> float:
        """Bayes' information criterion on rows; less is better.

        Args:
          X: rows (n_samples, n_features).
        """
        logs = self.score_samples(X)
        return -2 * float(logs.sum()) + self._n_parameters() * math.log(len(logs))

    def aic(self, X: Any) -> float:
        """Akaike's information criterion on rows; less is better.

        Args:
          X: rows (n_samples, n_features).
        """
        return -2 * float(self.score_samples(X).sum()) + 2 * self._n_parameters()
