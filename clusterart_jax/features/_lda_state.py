"""What a linear discriminant analysis knows, and what can be done with it."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import export

from .._linalg import HIGHEST, first_min
from .._typing import Array, ArrayLike, Float, Int
from ._spread import check_width, map_rows


@partial(export.register_namedtuple_serialization, serialized_name="clusterart_jax.LDAState")
class LDAState(NamedTuple):
    """Classes as Gaussians of one covariance: a classifier, and a projection that parts them.

    Attributes:
      mean: (d,) the classes' means, averaged by their priors; what rows are taken relative to.
      means: (c, d) mean row of each class.
      priors: (c,) probability of each class; they sum to 1.
      covariance: (d, d) covariance within the classes, averaged by their priors, each divided by
        its number of rows; None where it was not asked for.
      scalings: (d, r) directions by falling separation, r = min(c − 1, n, d), in which the
        covariance is the identity; the largest entry of each is positive. A column is 0 where
        the classes' means lie in fewer dimensions. (d, 0) for the solver "lsqr".
      explained_variance_ratio: (m,) share of each direction in the variance between the classes.
      coef: (c, d) weights of the classes' scores, for rows relative to `mean`.
      bias: (c,) the score of each class at `mean`.
    """

    mean: Float[Array, " d"]
    means: Float[Array, "c d"]
    priors: Float[Array, " c"]
    covariance: Float[Array, "d d"] | None
    scalings: Float[Array, "d r"]
    explained_variance_ratio: Float[Array, " m"]
    coef: Float[Array, "c d"]
    bias: Float[Array, " c"]

    @property
    def intercept(self) -> Float[Array, " c"]:
        """(c,) the score of each class at the origin; loses digits where data lie far off."""
        return self.bias - jnp.matmul(self.coef, self.mean, precision=HIGHEST)

    def transform(self, x: Float[ArrayLike, "n d"]) -> Float[Array, "n m"]:
        """Coordinates of rows along the first m directions, relative to `mean`."""
        x = check_width(x, self.coef.shape[1]).astype(self.mean.dtype)
        return map_rows(_transform, self, x, 2 * x.shape[1])

    def decision_function(self, x: Float[ArrayLike, "n d"]) -> Float[Array, "n c"]:
        """Log of each class's probability given the row, up to a number common to the classes."""
        x = check_width(x, self.coef.shape[1]).astype(self.mean.dtype)
        return map_rows(_scores, self, x, x.shape[1] + self.coef.shape[0])

    def predict(self, x: Float[ArrayLike, "n d"]) -> Int[Array, " n"]:
        """The likeliest class of each row, int32."""
        return first_min(-self.decision_function(x))[1]

    def predict_proba(self, x: Float[ArrayLike, "n d"]) -> Float[Array, "n c"]:
        """Probability of each class given the row; rows sum to 1."""
        return jax.nn.softmax(self.decision_function(x), axis=1)

    def predict_log_proba(self, x: Float[ArrayLike, "n d"]) -> Float[Array, "n c"]:
        """Log of `predict_proba`, without its underflow."""
        return jax.nn.log_softmax(self.decision_function(x), axis=1)


def _transform(state: LDAState, x: Array) -> Array:
    first = state.scalings[:, : state.explained_variance_ratio.shape[0]]
    return jnp.matmul(x - state.mean[None], first, precision=HIGHEST)


def _scores(state: LDAState, x: Array) -> Array:
    product = jnp.matmul(x - state.mean[None], state.coef.T, precision=HIGHEST)
    return product + state.bias[None]
