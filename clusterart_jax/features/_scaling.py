"""Columns brought to one scale, and rows to one length."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import export, lax

from .._checks import check_choice, check_rows, check_weights
from .._linalg import block_size, fold_rows, total, weighted_mean
from .._sharding import RowSharding, over_rows, rows_back, spread_rows
from .._typing import Array, ArrayLike, Bool, Float
from ._spread import check_width

METHODS = ("standard", "minmax")


@partial(export.register_namedtuple_serialization, serialized_name="clusterart_jax.ScaleState")
class ScaleState(NamedTuple):
    """x ↦ (x − shift) / scale, column by column.

    Attributes:
      shift: (d,) what is taken off: the mean, or the least value.
      scale: (d,) what the rest is divided by: the standard deviation, or the range; 1 for a
        column that is constant.
    """

    shift: Float[Array, " d"]
    scale: Float[Array, " d"]

    def transform(self, x: Float[ArrayLike, "n d"]) -> Float[Array, "n d"]:
        """Rows, scaled."""
        x = check_width(x, len(self.shift)).astype(self.shift.dtype)
        return (x - self.shift[None]) / self.scale[None]

    def inverse_transform(self, x: Float[ArrayLike, "n d"]) -> Float[Array, "n d"]:
        """The rows that scaled ones came from."""
        x = check_width(x, len(self.shift)).astype(self.shift.dtype)
        return x * self.scale[None] + self.shift[None]


def scale(
    x: Float[ArrayLike, "n d"],
    method: str,
    *,
    sample_weight: Float[ArrayLike, " n"] | None = None,
) -> ScaleState:
    """Learns to bring columns to one scale.

    Cost O(n d); peak extra memory O(d).

    Args:
      x: rows (n, d).
      method: "standard", to mean 0 and variance 1 (by Σ wᵢ degrees of freedom, as in
        scikit-learn), or "minmax", to the range 0…1. Static.
      sample_weight: (n,) weights ≥ 0, as if each row stood there so many times.

    Returns:
      A `ScaleState`, with methods `transform` and `inverse_transform`.

    Raises:
      ValueError: when shapes or options cannot be.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax.features import scale
      >>> x = jnp.array([[1.0, 5.0], [3.0, 5.0]])
      >>> scale(x, "standard").transform(x).tolist()
      [[-1.0, 0.0], [1.0, 0.0]]
    """
    x = check_rows(x)
    check_choice(method, "method", METHODS)
    weights = check_weights(sample_weight, x)
    rows, weights, sharding = spread_rows(x, weights)
    state = _scale(rows, weights, method=method, sharding=sharding)
    return rows_back(state, ScaleState(*_NO_ROWS), x, sharding)


_NO_ROWS: Any = (False, False)


@partial(jax.jit, static_argnames=("method", "sharding"))
def _scale(x: Array, weights: Array, *, method: str, sharding: RowSharding | None) -> ScaleState:
    axis = None if sharding is None else sharding.axis
    solve = partial(_standard if method == "standard" else _minmax, axis=axis)
    found = over_rows(solve, sharding, rows_in=(True, True), rows_out=_NO_ROWS)(x, weights)
    return ScaleState(*found)


def _standard(x: Array, weights: Array, *, axis: Any) -> tuple[Array, Array]:
    mean = weighted_mean(x, weights, axis)

    def step(carry: Array, valid: Bool[Array, " b"], x: Array, w: Array) -> tuple[Array, tuple[()]]:
        return carry + jnp.sum((x - mean[None]) ** 2 * jnp.where(valid, w, 0)[:, None], axis=0), ()

    squares, _ = fold_rows(step, jnp.zeros_like(mean), (x, weights), block=block_size(*x.shape))
    mass = total(jnp.sum(weights), axis)
    variance = total(squares, axis) / jnp.where(mass > 0, mass, 1)
    # A constant column leaves the rounding of its mean.
    rounding = 4 * jnp.finfo(x.dtype).eps * jnp.abs(mean)
    varies = variance > rounding**2
    return mean, jnp.where(varies, jnp.sqrt(jnp.where(varies, variance, 1)), 1)


def _minmax(x: Array, weights: Array, *, axis: Any) -> tuple[Array, Array]:
    present = (weights > 0)[:, None]
    low = jnp.min(jnp.where(present, x, jnp.inf), axis=0)
    high = jnp.max(jnp.where(present, x, -jnp.inf), axis=0)
    if axis is not None:
        low, high = lax.pmin(low, axis), lax.pmax(high, axis)
    return low, jnp.where(high > low, high - low, 1)


def unit_rows(x: Float[ArrayLike, "n d"]) -> Float[Array, "n d"]:
    """Rows of Euclidean length 1, in their own directions; a row of zeros stays.

    Squared distances of such rows are 2 − 2 cosine, so that clustering them is by angle.

    Args:
      x: rows (n, d).

    Returns:
      (n, d).

    Raises:
      ValueError: when `x` has not 2 dimensions.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax.features import unit_rows
      >>> [round(value, 3) for value in unit_rows(jnp.array([[3.0, 4.0]]))[0].tolist()]
      [0.6, 0.8]
    """
    x = check_rows(x)
    # By the largest entry first: squares of large or small numbers leave the range of float32.
    largest = lax.stop_gradient(jnp.max(jnp.abs(x), axis=1, keepdims=True))  # it cancels
    safe = jnp.where(largest > 0, x / jnp.where(largest > 0, largest, 1), 1)
    length = jnp.sqrt(jnp.sum(safe**2, axis=1, keepdims=True))
    return jnp.where(largest > 0, safe / length, 0)
