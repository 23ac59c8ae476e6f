"""`LinearDiscriminantAnalysis`: scikit-learn's interface to `features.lda`."""

import warnings
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.multiclass import unique_labels
from sklearn.utils.validation import check_is_fitted

from ..features import LDAState, lda
from ._programs import compute
from ._rows import ask, cast, floats, ready


class LinearDiscriminantAnalysis(
    ClassNamePrefixFeaturesOutMixin, ClassifierMixin, TransformerMixin, BaseEstimator
):
    """Classes as Gaussians of one covariance, with scikit-learn's parameters and attributes.

    A program written for `sklearn.discriminant_analysis.LinearDiscriminantAnalysis` runs when only
    the import changes. Scores and `coef_` are those relative to the classes' mean for every solver,
    as scikit-learn's "svd" has them. More float32 rows than 8,192 (or 4 million numbers) are
    computed in float32, all others in float64. Columns of `transform` and `scalings_` may have the
    other sign, which is any factorisation's choice. Sparse rows are refused.

    Cost O(n d² + d³), with shrinkage "auto" O(n c d²); peak extra memory O(d² + c d).

    Args:
      solver: "svd", "eigen" or "lsqr", of which the last only classifies.
      shrinkage: of the covariance towards a multiple of the identity, 0…1, or "auto" for Ledoit
        and Wolf's; not for "svd".
      priors: (c,) probabilities of the classes; their shares of the rows where None.
      n_components: width of what `transform` gives, at most min(c − 1, d).
      store_covariance: whether "svd" computes `covariance_` too.
      tol: "svd" ignores directions of smaller singular value.
      covariance_estimator: an estimator with `fit` and `covariance_`; not for "svd".

    Attributes:
      classes_: (c,) labels.
      priors_: (c,) probability of each class.
      means_: (c, d) mean row of each class.
      xbar_: (d,) their mean by priors; for "svd".
      coef_: (c, d) weights of the scores, or (1, d) for two classes.
      intercept_: (c,) or (1,) score at the origin.
      covariance_: (d, d) within the classes.
      scalings_: (d, r) directions that part the classes; for "svd" and "eigen".
      explained_variance_ratio_: share of each in the variance between the classes.
      n_features_in_: d.
      feature_names_in_: column names, where `X` had such.

    Example:
      >>> import numpy as np, clusterart_jax as ca
      >>> X = np.array([[-1, -1], [-2, -1], [-3, -2], [1, 1], [2, 1], [3, 2]])
      >>> model = ca.LinearDiscriminantAnalysis().fit(X, ["a", "a", "a", "b", "b", "b"])
      >>> model.predict([[-0.8, -1]]).tolist()
      ['a']
    """

    _parameter_constraints: ClassVar[dict] = {
        "solver": [StrOptions({"svd", "lsqr", "eigen"})],
        "shrinkage": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="both"), None],
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "priors": ["array-like", None],
        "store_covariance": ["boolean"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "covariance_estimator": [HasMethods("fit"), None],
    }

    def __init__(
        self,
        solver: str = "svd",
        shrinkage: str | float | None = None,
        priors: Any = None,
        n_components: int | None = None,
        store_covariance: bool = False,
        tol: float = 1e-4,
        covariance_estimator: Any = None,
    ) -> None:
        self.solver = solver
        self.shrinkage = shrinkage
        self.priors = priors
        self.n_components = n_components
        self.store_covariance = store_covariance
        self.tol = tol
        self.covariance_estimator = covariance_estimator

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any) -> "LinearDiscriminantAnalysis":
        """Finds the classes' means, their covariance, and what parts them.

        Args:
          X: rows (n_samples, n_features).
          y: (n_samples,) class of each row.

        Returns:
          The estimator itself.
        """
        X, y = floats(self, X, y=y, reset=True, ensure_min_samples=2)
        n, d = X.shape
        self.classes_ = unique_labels(y)
        places = np.searchsorted(self.classes_, y)
        c = len(self.classes_)
        if n == c:
            raise ValueError("The number of samples must be more than the number of classes.")
        self.priors_ = self._check_priors(np.bincount(places, minlength=c) / n, X.dtype)
        most = min(c - 1, d)
        if self.n_components is not None and self.n_components > most:
            raise ValueError("n_components cannot be larger than min(n_features, n_classes - 1).")
        self._max_components = most if self.n_components is None else self.n_components
        if self.solver == "svd" and self.shrinkage is not None:
            raise NotImplementedError("shrinkage not supported with 'svd' solver.")
        if self.solver == "svd" and self.covariance_estimator is not None:
            raise ValueError(
                "covariance estimator is not supported with svd solver. Try another solver"
            )
        x, amount = ready(X), self.shrinkage
        labels = np.full(len(x), -1)
        labels[:n] = places
        state = compute(
            lda,
            x,
            labels,
            self._max_components or None,
            dtype=x.dtype,
            n_classes=c,
            priors=self.priors_,
            solver=self.solver,
            shrinkage=float(amount) if isinstance(amount, Real) else amount,
            store_covariance=self.store_covariance,
            tol=float(self.tol),
        )
        if self.covariance_estimator is not None:
            state = self._with_estimator(state, X, places)
        if not np.isfinite(state.coef).all():
            raise np.linalg.LinAlgError(
                "The covariance within the classes is singular; try shrinkage, or solver 'svd'"
            )
        self._keep(cast(state, X.dtype))
        return self

    def _check_priors(self, shares: np.ndarray, dtype: Any) -> np.ndarray:
        priors = shares.astype(dtype) if self.priors is None else np.asarray(self.priors, dtype)
        if (priors < 0).any():
            raise ValueError("priors must be non-negative")
        if abs(priors.sum() - 1) > 1e-5:
            warnings.warn("The priors do not sum to 1. Renormalizing", UserWarning, stacklevel=3)
            priors = priors / priors.sum()
        return priors

    def _with_estimator(self, state: Any, X: np.ndarray, places: np.ndarray) -> Any:
        """The state by covariances that the caller's estimator finds, on the host."""
        if self.shrinkage is not None and self.shrinkage != 0:
            raise ValueError(
                "covariance_estimator and shrinkage parameters are not None. Only one of the two "
                "can be set."
            )

        def covariance(rows: np.ndarray) -> np.ndarray:
            self.covariance_estimator.fit(rows)
            if not hasattr(self.covariance_estimator, "covariance_"):
                name = type(self.covariance_estimator).__name__
                raise ValueError(f"{name} does not have a covariance_ attribute")
            return self.covariance_estimator.covariance_

        parts = [covariance(X[places == c]) for c in range(len(self.classes_))]
        within = sum(p * part for p, part in zip(self.priors_, parts, strict=True))
        apart = state.means - state.mean
        coef = np.linalg.lstsq(within, apart.T)[0].T
        scalings, ratio = state.scalings, state.explained_variance_ratio
        if self.solver == "eigen":
            root = np.linalg.cholesky(within)
            between = np.linalg.solve(root, covariance(X) - within)
            values, vectors = np.linalg.eigh(np.linalg.solve(root, between.T))
            scalings = np.linalg.solve(root.T, vectors[:, ::-1][:, : len(parts) - 1])
            ratio = (values / values.sum())[::-1][: self._max_components]
        return state._replace(
            covariance=within,
            coef=coef,
            bias=np.log(self.priors_) - (apart * coef).sum(axis=1) / 2,
            scalings=scalings,
            explained_variance_ratio=ratio,
        )

    def _keep(self, state: Any) -> None:
        self._state = state
        self.means_ = state.means
        coef, intercept = state.coef, state.bias - state.coef @ state.mean
        if len(self.classes_) == 2:
            coef, intercept = coef[1:] - coef[:1], intercept[1:] - intercept[:1]
        self.coef_, self.intercept_ = coef, intercept
        if state.covariance is not None:
            self.covariance_ = state.covariance
        if self.solver != "lsqr":
            self.explained_variance_ratio_ = state.explained_variance_ratio
            self.scalings_ = state.scalings[:, state.scalings.any(axis=0)]
        if self.solver == "svd":
            self.xbar_ = state.mean

    def transform(self, X: Any) -> np.ndarray:
        """Coordinates of rows along the directions that part the classes.

        Args:
          X: rows (n_samples, n_features).

        Returns:
          (n_samples, n_components), or fewer columns where the means lie in fewer dimensions.
        """
        if self.solver == "lsqr":
            raise NotImplementedError(
                "transform not implemented for 'lsqr' solver (use 'svd' or 'eigen')."
            )
        check_is_fitted(self)
        X = floats(self, X, reset=False)
        # scikit-learn takes rows relative to the mean for one solver only.
        mean = self._state.mean if self.solver == "svd" else np.zeros_like(self._state.mean)
        return ask(LDAState.transform, self._state._replace(mean=mean), X)[:, : self._width]

    @property
    def _width(self) -> int:
        return min(self._max_components, self.scalings_.shape[1])

    @property
    def _n_features_out(self) -> int:
        return self._max_components

    def decision_function(self, X: Any) -> np.ndarray:
        """Score of each class, (n_samples, c), or of the second one of two, (n_samples,).

        Args:
          X: rows (n_samples, n_features).
        """
        check_is_fitted(self)
        scores = ask(LDAState.decision_function, self._state, floats(self, X, reset=False))
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    def predict(self, X: Any) -> np.ndarray:
        """The likeliest class of each row, (n_samples,).

        Args:
          X: rows (n_samples, n_features).
        """
        check_is_fitted(self)
        return self.classes_[ask(LDAState.predict, self._state, floats(self, X, reset=False))]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of each class given the row, (n_samples, c).

        Args:
          X: rows (n_samples, n_features).
        """
        check_is_fitted(self)
        return ask(LDAState.predict_proba, self._state, floats(self, X, reset=False))

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Logarithm of `predict_proba`, without its underflow.

        Args:
          X: rows (n_samples, n_features).
        """
        check_is_fitted(self)
        return ask(LDAState.predict_log_proba, self._state, floats(self, X, reset=False))
