"""`PCA`: scikit-learn's interface to `features.pca`."""

import math
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.utils import check_array, check_random_state
from sklearn.utils._param_validation import Interval, RealNotInt, StrOptions
from sklearn.utils.validation import check_is_fitted

from ..features import PCAState, pca
from ._programs import compute
from ._rows import ask, cast, floats, random_key, ready

_EXACT_UP_TO = 1024  # rows or columns up to which truncated solvers are exact


class PCA(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Principal components, with scikit-learn's parameters, attributes and errors.

    A program written for `sklearn.decomposition.PCA` runs when only the import changes. More
    float32 rows than 8,192 (or 4 million numbers) are computed in float32, all others in float64.
    Sparse rows are refused.

    Cost O(n d² + d³), or O(n d m) for m components of more than 1,024 rows and columns by
    "randomized"; peak extra memory O(d²), or O(d m).

    Args:
      n_components: how many to keep; a part of 1 keeps as many as explain that share of the
        variance, "mle" as many as Minka's estimate says, None all.
      copy: taken for scikit-learn's sake; the rows are never written to.
      whiten: whether coordinates get unit variance.
      svd_solver: "auto", "full", "covariance_eigh", "arpack" or "randomized". The last two are
        exact up to 1,024 rows or columns, and subspace iteration beyond.
      tol: taken for scikit-learn's sake.
      iterated_power: passes over all rows, of "randomized" beyond 1,024; "auto" is 4.
      n_oversamples: directions carried beyond those asked for, there.
      power_iteration_normalizer: taken for scikit-learn's sake.
      random_state: seed or `RandomState` of the sketch that subspace iteration starts from.

    Attributes:
      components_: (n_components_, d) by falling variance; the largest entry of each is positive.
      explained_variance_: (n_components_,) variance along each.
      explained_variance_ratio_: (n_components_,) its share of the variance of all columns.
      singular_values_: (n_components_,) of the centred rows.
      mean_: (d,).
      n_components_: how many there are.
      n_samples_: rows.
      noise_variance_: mean variance of the directions left out.
      n_features_in_: d.
      feature_names_in_: column names, where `X` had such.

    References:
      Minka, Automatic choice of dimensionality for PCA, NIPS 2000;
      Tipping and Bishop, 1999, doi:10.1111/1467-9868.00196.

    Example:
      >>> import numpy as np, clusterart_jax as ca
      >>> X = np.array([[-1, -1], [-2, -1], [-3, -2], [1, 1], [2, 1], [3, 2]])
      >>> model = ca.PCA(n_components=2).fit(X)
      >>> model.explained_variance_ratio_.round(4).tolist()
      [0.9924, 0.0076]
    """

    _parameter_constraints: ClassVar[dict] = {
        "n_components": [
            Interval(Integral, 0, None, closed="left"),
            Interval(RealNotInt, 0, 1, closed="neither"),
            StrOptions({"mle"}),
            None,
        ],
        "copy": ["boolean"],
        "whiten": ["boolean"],
        "svd_solver": [StrOptions({"auto", "full", "covariance_eigh", "arpack", "randomized"})],
        "tol": [Interval(Real, 0, None, closed="left")],
        "iterated_power": [StrOptions({"auto"}), Interval(Integral, 0, None, closed="left")],
        "n_oversamples": [Interval(Integral, 1, None, closed="left")],
        "power_iteration_normalizer": [StrOptions({"auto", "QR", "LU", "none"})],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_components: int | float | str | None = None,
        *,
        copy: bool = True,
        whiten: bool = False,
        svd_solver: str = "auto",
        tol: float = 0.0,
        iterated_power: int | str = "auto",
        n_oversamples: int = 10,
        power_iteration_normalizer: str = "auto",
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.copy = copy
        self.whiten = whiten
        self.svd_solver = svd_solver
        self.tol = tol
        self.iterated_power = iterated_power
        self.n_oversamples = n_oversamples
        self.power_iteration_normalizer = power_iteration_normalizer
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> "PCA":
        """Finds the components.

        Args:
          X: rows (n_samples, n_features).
          y: ignored.

        Returns:
          The estimator itself.
        """
        X = floats(self, X, reset=True)
        n, d = X.shape
        wanted = self._choose(X)
        solver = {"arpack": "full", "randomized": "auto"}.get(
            self._fit_svd_solver, self._fit_svd_solver
        )
        count: Any = min(n, d)
        truncated = self._fit_svd_solver in ("arpack", "randomized")
        if truncated and count > _EXACT_UP_TO:
            solver, count = "randomized", wanted
        x = ready(X)
        state = compute(
            pca,
            x,
            count,
            dtype=x.dtype,
            sample_weight=(np.arange(len(x)) < n).astype(x.dtype),
            solver=solver,
            sketch_key=random_key(check_random_state(self.random_state)),
            passes=4 if self.iterated_power == "auto" else max(1, int(self.iterated_power)),
            oversample=int(self.n_oversamples),
        )
        variance, ratio = state.explained_variance, state.explained_variance_ratio
        if wanted == "mle":
            wanted = minka_dimension(variance, n)
        elif 0 < wanted < 1:
            wanted = int(np.searchsorted(np.cumsum(ratio), wanted, side="right")) + 1
        m, state = int(wanted), cast(state, X.dtype)
        variance, ratio = state.explained_variance, state.explained_variance_ratio
        if count < min(n, d):
            self.noise_variance_ = state.noise_variance[()]
        else:
            self.noise_variance_ = variance[m:].mean() if m < count else 0.0
        self.mean_ = state.mean
        self.components_ = state.components[:m].copy()
        self.explained_variance_ = variance[:m].copy()
        self.explained_variance_ratio_ = ratio[:m].copy()
        self.singular_values_ = np.sqrt(self.explained_variance_ * X.dtype.type(n - 1))
        self.n_components_ = m
        self.n_samples_ = n
        return self

    def _choose(self, X: np.ndarray) -> Any:
        """Settles the solver as scikit-learn does; returns the number of components wanted."""
        n, d = X.shape
        least, solver = min(n, d), self.svd_solver
        wanted: Any = self.n_components
        if wanted is None:
            wanted = least - 1 if solver == "arpack" else least
        if solver == "auto":
            if d <= 1000 and n >= 10 * d:
                solver = "covariance_eigh"
            elif max(n, d) <= 500 or wanted == "mle" or not 1 <= wanted < 0.8 * least:
                solver = "full"
            else:
                solver = "randomized"
        self._fit_svd_solver = solver
        if solver in ("arpack", "randomized"):
            if isinstance(wanted, str):
                raise ValueError(
                    f"n_components={wanted!r} cannot be a string with svd_solver='{solver}'"
                )
            if not 1 <= wanted <= least:
                raise ValueError(
                    f"n_components={wanted!r} must be between 1 and "
                    f"min(n_samples, n_features)={least!r} with svd_solver='{solver}'"
                )
            if solver == "arpack" and wanted == least:
                raise ValueError(
                    f"n_components={wanted!r} must be strictly less than "
                    f"min(n_samples, n_features)={least!r} with svd_solver='{solver}'"
                )
        elif wanted == "mle":
            if n < d:
                raise ValueError("n_components='mle' is only supported if n_samples >= n_features")
        elif not 0 <= wanted <= least:
            raise ValueError(
                f"n_components={wanted} must be between 0 and "
                f"min(n_samples, n_features)={least} with svd_solver={solver!r}"
            )
        return wanted

    @property
    def _state(self) -> PCAState:
        variance = self.explained_variance_
        noise = np.asarray(self.noise_variance_, variance.dtype)
        scale = np.ones_like(variance)
        if self.whiten:
            scale = np.maximum(np.sqrt(variance), np.finfo(variance.dtype).eps)
            # scikit-learn's Gaussian is another one, by components that are scaled a second time.
            variance = noise + variance * np.maximum(variance - noise, 0)
        state: Any = PCAState  # of NumPy arrays
        return state(
            mean=self.mean_,
            components=self.components_,
            explained_variance=variance,
            explained_variance_ratio=self.explained_variance_ratio_,
            noise_variance=noise,
            scale=scale,
            mass=np.asarray(self.n_samples_, variance.dtype),
        )

    def transform(self, X: Any) -> np.ndarray:
        """Coordinates of rows along the components, (n_samples, n_components_).

        Args:
          X: rows (n_samples, n_features).
        """
        check_is_fitted(self)
        return ask(PCAState.transform, self._state, floats(self, X, reset=False))

    def fit_transform(self, X: Any, y: Any = None) -> np.ndarray:
        """Fits, and returns the coordinates of the rows, (n_samples, n_components_).

        Args:
          X: rows (n_samples, n_features).
          y: ignored.
        """
        return self.fit(X).transform(X)

    def inverse_transform(self, X: Any) -> np.ndarray:
        """The rows that coordinates stand for, (n_samples, n_features).

        Args:
          X: coordinates (n_samples, n_components_).
        """
        check_is_fitted(self)
        X = check_array(X, input_name="X", dtype=[np.float64, np.float32])
        return ask(PCAState.inverse_transform, self._state, X)

    def score_samples(self, X: Any) -> np.ndarray:
        """Log-likelihood of each row under probabilistic PCA, (n_samples,).

        Args:
          X: rows (n_samples, n_features).
        """
        check_is_fitted(self)
        return ask(PCAState.score_samples, self._state, floats(self, X, reset=False))

    def score(self, X: Any, y: Any = None) -> float:
        """Mean log-likelihood of the rows under probabilistic PCA.

        Args:
          X: rows (n_samples, n_features).
          y: ignored.
        """
        return float(np.mean(self.score_samples(X)))

    def get_covariance(self) -> np.ndarray:
        """Covariance matrix of probabilistic PCA, (n_features, n_features)."""
        check_is_fitted(self)
        return ask(PCAState.covariance, self._state)

    def get_precision(self) -> np.ndarray:
        """Inverse of that matrix."""
        check_is_fitted(self)
        return ask(PCAState.precision, self._state)

    @property
    def _n_features_out(self) -> int:
        return self.components_.shape[0]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def minka_dimension(variance: np.ndarray, n: int) -> int:
    """The number of components of highest evidence, by Minka's approximation (eq. 30 there).

    Args:
      variance: (d,) variances along all directions, falling.
      n: rows they were found from.
    """
    values = variance.astype(np.float64)
    d, tiny = len(values), 1e-15
    evidence = np.full(d, -np.inf)
    volume = 0.0  # of orthonormal frames of k columns
    for k in range(1, d):
        volume += math.lgamma((d - k + 1) / 2) - math.log(math.pi) * (d - k + 1) / 2
        if values[k - 1] < tiny:
            break
        noise = max(tiny, values[k:].sum() / (d - k))
        inverse = 1 / np.concatenate([values[:k], np.full(d - k, noise)])
        i, j = np.triu_indices(d, 1)
        i, j = i[i < k], j[i < k]
        with np.errstate(divide="ignore"):
            gaps = np.log((values[i] - values[j]) * (inverse[j] - inverse[i])) + math.log(n)
        free = d * k - k * (k + 1) / 2
        evidence[k] = (
            volume
            - k * math.log(2)
            - n / 2 * (np.log(values[:k]).sum() + (d - k) * math.log(noise))
            + (free + k) / 2 * math.log(2 * math.pi)
            - gaps.sum() / 2
            - k / 2 * math.log(n)
        )
    return int(np.argmax(evidence))
