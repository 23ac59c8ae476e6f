"""A fitted Gaussian mixture, and what it says of rows."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .._checks import check_count, check_key, check_rows, check_weights
from .._linalg import HIGHEST, block_size, fold_rows
from .._sharding import RowSharding, over_rows, replicate, rows_back, spread_rows
from .._typing import Array, ArrayLike, Bool, Float, Int, KeyArray
from ._gmm_em import Params, evaluate


class GMMResult(NamedTuple):
    """A Gaussian mixture, and how it was found.

    Each kind of covariance has its own subclass, known by `covariance_type`; shapes below are for
    "full" (k, d, d), "tied" (d, d), "diag" (k, d), "spherical" (k,).

    Attributes:
      weights: (k,) shares of the components, which sum to 1; 0 for those that do not take part.
      means: (k, d), in the units of `x`.
      covariances: (k, d, d), (d, d), (k, d) or (k,), in squared units of `x`.
      precisions_cholesky: of the same shape: upper triangular U with U Uᵀ = Σ⁻¹, or 1/σ.
      log_likelihood: mean over the rows, by weight, of log p(x), at the last E-step, that is
        before the last M-step, as scikit-learn's `lower_bound_`; with `max_iter=0`, of the start.
        `score_samples` gives that of the parameters here.
      labels: (n,) int32, the most probable component of each row under these parameters.
      n_iter: iterations of the best start.
      converged: whether the likelihood came to rest before `max_iter`, and all is finite.
    """

    weights: Float[Array, " k"]
    means: Float[Array, "k d"]
    covariances: Array
    precisions_cholesky: Array
    log_likelihood: Float[Array, ""]
    labels: Int[Array, " n"]
    n_iter: Int[Array, ""]
    converged: Bool[Array, ""]

    @property
    def covariance_type(self) -> str:
        """Kind of the covariances, as given to `gmm`."""
        return next(kind for kind, result in RESULTS.items() if result is type(self))

    @property
    def precisions(self) -> Array:
        """Inverse covariances, in the shape of `covariances`."""
        factor = self.precisions_cholesky
        if self.covariance_type in ("diag", "spherical"):
            return factor**2
        return jnp.matmul(factor, jnp.swapaxes(factor, -1, -2), precision=HIGHEST)

    @property
    def n_parameters(self) -> int:
        """Free parameters of all k components: k − 1 weights, k d means, and the covariances."""
        return int(self._parameters(self.means.shape[0]))

    def predict_proba(self, x: Float[ArrayLike, "n d"]) -> Float[Array, "n k"]:
        """Responsibilities: the probability of each component given the row, (n, d) → (n, k)."""
        return self._evaluate(x, shares=True)[0]

    def predict(self, x: Float[ArrayLike, "n d"]) -> Int[Array, " n"]:
        """The most probable component of each row, the first of equal ones, (n, d) → (n,) int32."""
        return self._evaluate(x)[0]

    def score_samples(self, x: Float[ArrayLike, "n d"]) -> Float[Array, " n"]:
        """Log-likelihood log p(x) of each row, (n, d) → (n,)."""
        return self._evaluate(x)[1]

    def aic(
        self, x: Float[ArrayLike, "n d"], *, sample_weight: Float[ArrayLike, " n"] | None = None
    ) -> Float[Array, ""]:
        """Akaike's criterion 2 · parameters − 2 · log-likelihood on rows; less is better."""
        return 2 * self._parameters(self._active) - 2 * self._likelihood(x, sample_weight)[0]

    def bic(
        self, x: Float[ArrayLike, "n d"], *, sample_weight: Float[ArrayLike, " n"] | None = None
    ) -> Float[Array, ""]:
        """Bayes' criterion log(Σ w) · parameters − 2 · log-likelihood on rows; less is better."""
        likelihood, mass = self._likelihood(x, sample_weight)
        return self._parameters(self._active) * jnp.log(mass) - 2 * likelihood

    def sample(self, key: KeyArray, n: int) -> tuple[Float[Array, "n d"], Int[Array, " n"]]:
        """Draws n rows, (n, d), and the component of each, (n,) int32.

        Args:
          key: random key.
          n: rows to draw. Static.
        """
        n = check_count(n, "n")
        return _sample(check_key(key), self, n=n)

    @property
    def _active(self) -> Float[Array, ""]:
        """Components that take part: only the others have weight 0."""
        return jnp.sum(self.weights > 0, dtype=self.weights.dtype)

    def _parameters(self, k: Any) -> Any:
        d = self.means.shape[1]
        pairs = d * (d + 1) // 2
        free = {"full": k * pairs, "tied": pairs, "diag": k * d, "spherical": k}
        return k - 1 + k * d + free[self.covariance_type]

    def _evaluate(self, x: ArrayLike, *, shares: bool = False) -> tuple[Array, Array]:
        x = check_rows(x)
        if x.shape[1] != self.means.shape[1]:
            raise ValueError(f"x must have {self.means.shape[1]} columns, not {x.shape[1]}")
        x = x.astype(self.means.dtype)
        rows, _, sharding = spread_rows(x, jnp.ones(x.shape[:1], x.dtype))
        found = _evaluate(
            rows,
            *(replicate(a, sharding) for a in (self.weights, self.means, self.precisions_cholesky)),
            kind=self.covariance_type,
            shares=shares,
            sharding=sharding,
        )
        return rows_back(found, (True, True), x, sharding)

    def _likelihood(self, x: ArrayLike, sample_weight: ArrayLike | None) -> tuple[Array, Array]:
        logs = self.score_samples(x)
        weights = check_weights(sample_weight, logs)
        return jnp.sum(weights * logs), jnp.sum(weights)


class TiedGMMResult(GMMResult):
    """A mixture whose components share one covariance matrix (d, d)."""

    __slots__ = ()


class DiagGMMResult(GMMResult):
    """A mixture whose components have no correlations: variances (k, d)."""

    __slots__ = ()


class SphericalGMMResult(GMMResult):
    """A mixture of round components: variances (k,)."""

    __slots__ = ()


RESULTS = {
    "full": GMMResult,
    "tied": TiedGMMResult,
    "diag": DiagGMMResult,
    "spherical": SphericalGMMResult,
}


@partial(jax.jit, static_argnames=("kind", "shares", "sharding"))
def _evaluate(
    x: Array,
    weights: Array,
    means: Array,
    factor: Array,
    *,
    kind: str,
    shares: bool,
    sharding: RowSharding | None,
) -> tuple[Array, Array]:
    def solve(x: Array, weights: Array, means: Array, factor: Array) -> tuple[Array, Array]:
        origin = jnp.matmul(weights, means, precision=HIGHEST)[None]
        params = Params(weights, means - origin, factor)
        return evaluate(params, factor, x, origin, kind, shares=shares)

    rows_in = (True, False, False, False)
    return over_rows(solve, sharding, rows_in=rows_in, rows_out=(True, True))(
        x, weights, means, factor
    )


@partial(jax.jit, static_argnames="n")
def _sample(key: KeyArray, mixture: GMMResult, *, n: int) -> tuple[Array, Array]:
    pick, draw = jax.random.split(key)
    d = mixture.means.shape[1]
    labels = jax.random.categorical(pick, jnp.log(mixture.weights), shape=(n,)).astype(jnp.int32)
    normal = jax.random.normal(draw, (n, d), mixture.means.dtype)
    kind = mixture.covariance_type
    if kind in ("full", "tied"):
        # Σ U = L: a Cholesky factor without another factorisation.
        factor = mixture.precisions_cholesky
        spread = jnp.matmul(mixture.covariances, factor, precision=HIGHEST)
    else:
        spread = jnp.sqrt(mixture.covariances)

    def step(
        carry: tuple[()], valid: Bool[Array, " b"], z: Array, labels: Array
    ) -> tuple[tuple[()], Array]:
        if kind == "tied":
            scaled = jnp.matmul(z, spread.T, precision=HIGHEST)
        elif kind == "full":
            scaled = jnp.matmul(spread[labels], z[:, :, None], precision=HIGHEST)[:, :, 0]
        else:
            scaled = z * (spread[labels] if kind == "diag" else spread[labels][:, None])
        return (), mixture.means[labels] + scaled

    block = block_size(n, d * d if kind == "full" else d)
    return fold_rows(step, (), (normal, labels), block=block)[1], labels
