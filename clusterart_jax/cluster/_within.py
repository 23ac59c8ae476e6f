"""Which rows are no farther apart than a radius: exactly, though computed in float32.

Distances are computed roughly, with a bound of their rounding. Pairs closer to the radius than that
are measured again in numbers of twice the length, sums of two floats each (Dekker, A floating-point
technique for extending the available precision, 1971, doi:10.1007/BF01397083).
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .._linalg import HIGHEST, squared_norms
from .._typing import Array, Bool, Float

METRICS = ("euclidean", "manhattan", "chebyshev", "cosine")
_DIRECT = 8  # columns up to which differences cost less than a product of matrices


class Radius(NamedTuple):
    """A radius as the sum of two floats, the second less than half a digit of the first."""

    high: Float[Array, ""]
    low: Float[Array, ""]


def prepare(x: Array, metric: str) -> Array:
    """Rows as `measure` takes them: unit vectors for cosine distances."""
    if metric != "cosine":
        return x
    norm = jnp.sqrt(squared_norms(x))[:, None]
    return x / jnp.where(norm > 0, norm, 1)


def centred(x: Array, present: Array, metric: str) -> Array:
    """Rows for `measure`: about their mean, where products of large numbers would lose digits.

    For `measure` only: taking off the mean rounds, and `near_exactly` must see rows as they are.
    """
    if is_direct(x.shape[1], metric) or metric == "cosine":
        return x
    mass = jnp.maximum(jnp.sum(present, dtype=x.dtype), 1)
    mean = jnp.sum(jnp.where(present[:, None], x, 0), axis=0, keepdims=True) / mass
    return jnp.where(present[:, None], x - mean, 0)


def is_exact(x: Array, present: Array, radius: Radius, metric: str) -> Array:
    """Whether all are whole numbers, and so small that sums and squares of differences are too.

    Pixels from 0 to 255 are, and many of them lie at exactly a radius.
    """
    d = x.shape[1]
    if not is_direct(d, metric):
        return jnp.array(False)
    high, low = radius
    known = jnp.where(present[:, None], x, 0)
    whole = jnp.all(known == jnp.round(known)) & (high == jnp.round(high)) & (low == 0)
    most = jnp.maximum(2 * jnp.max(jnp.abs(known)), high)
    return whole & (d * most**2 < 1 / jnp.finfo(x.dtype).eps)


def in_columns(radius: Radius, metric: str) -> Array:
    """How far two near rows can be apart in one column, rounded up."""
    high = radius.high
    if metric == "cosine":
        high = jnp.sqrt(jnp.maximum(2 * high, 0))
    return high * (1 + 8 * jnp.finfo(high.dtype).eps)


def measure(
    x: Float[Array, "b d"], y: Float[Array, "d t"], radius: Radius, metric: str
) -> tuple[Float[Array, "t b"], Array, Array]:
    """What grows with the distance, its value at the radius, and how far rounding puts it off.

    The last is a number, or one for each pair.
    """
    b, d = x.shape
    eps = jnp.finfo(x.dtype).eps
    if metric == "cosine":
        value = 1 - jnp.matmul(y.T, x.T, precision=HIGHEST)
        return value, radius.high + 4 * eps, jnp.zeros((), x.dtype)
    if metric == "euclidean" and d > _DIRECT:
        norms = squared_norms(y.T)[:, None] + squared_norms(x)[None, :]
        value = norms - 2 * jnp.matmul(y.T, x.T, precision=HIGHEST)
        # Of the product, and of what `centred` rounds away.
        return value, radius.high**2, 10 * eps * norms
    value = jnp.zeros((y.shape[1], b), x.dtype)
    for i in range(d):
        difference = y[i, :, None] - x[None, :, i]
        if metric == "euclidean":
            value = value + difference * difference
        elif metric == "manhattan":
            value = value + jnp.abs(difference)
        else:
            value = jnp.maximum(value, jnp.abs(difference))
    limit = radius.high**2 if metric == "euclidean" else radius.high
    return value, limit, (d + 4) * eps * limit


def near_exactly(
    x: Float[Array, "b d"], y: Float[Array, "d t"], radius: Radius, metric: str
) -> Bool[Array, "t b"]:
    """Whether rows are near each other, by twice the digits: float64 has digits enough."""
    b, t = x.shape[0], y.shape[1]
    if x.dtype == jnp.float64 and metric == "euclidean":
        squared = jnp.sum((y[:, :, None] - x.T[:, None, :]) ** 2, axis=0)
        return squared <= (radius.high + radius.low) ** 2
    columns = x.T

    def step(i: Array, total: _Pair) -> _Pair:
        part = _two_sum(y[i][:, None], -columns[i][None, :])
        if metric == "euclidean":
            return _add(total, _square(part))
        sign = jnp.where(part[0] < 0, -1, 1).astype(x.dtype)
        part = (part[0] * sign, part[1] * sign)
        return _add(total, part) if metric == "manhattan" else _larger(total, part)

    # A loop: as one expression of d terms, this took longer to compile than all that is around it.
    nothing = jnp.zeros((t, b), x.dtype)
    total = lax.fori_loop(jnp.int32(0), jnp.int32(len(columns)), step, (nothing, nothing))
    limit: _Pair = (radius.high, radius.low)
    return ~_above(total, _square(limit) if metric == "euclidean" else limit)


_Pair = tuple[Array, Array]


def _larger(a: _Pair, b: _Pair) -> _Pair:
    first = _above(a, b)
    return jnp.where(first, a[0], b[0]), jnp.where(first, a[1], b[1])


def is_direct(d: int, metric: str) -> bool:
    """Whether distances are sums over columns, exact in float64 but for the last digit."""
    return metric in ("manhattan", "chebyshev") or (metric == "euclidean" and d <= _DIRECT)


def _above(a: tuple[Array, Array], b: tuple[Array, Array]) -> Array:
    return (a[0] > b[0]) | ((a[0] == b[0]) & (a[1] > b[1]))


def _two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    total = a + b
    kept = total - a
    return total, (a - (total - kept)) + (b - kept)


def _add(a: tuple[Array, Array], b: tuple[Array, Array]) -> tuple[Array, Array]:
    high, low = _two_sum(a[0], b[0])
    return _two_sum(high, low + (a[1] + b[1]))


def _square(a: tuple[Array, Array]) -> tuple[Array, Array]:
    high = _rounded(a[0] * a[0])
    half = _upper(a[0])
    rest = a[0] - half
    lost = ((half * half - high) + 2 * (half * rest)) + rest * rest
    return _two_sum(high, lost + 2 * (a[0] * a[1]))


def _upper(a: Array) -> Array:
    """The upper half of the digits."""
    info = jnp.finfo(a.dtype)
    return lax.reduce_precision(a, exponent_bits=info.nexp, mantissa_bits=(info.nmant - 1) // 2)


def _rounded(a: Array) -> Array:
    """Keeps a compiler from adding something to a product before that is rounded."""
    info = jnp.finfo(a.dtype)
    return lax.reduce_precision(a, exponent_bits=info.nexp, mantissa_bits=info.nmant)


def two_floats(value: Any, dtype: Any) -> Radius:
    """A number of Python with all its digits; an array as it is."""
    if isinstance(value, jax.Array):
        return Radius(value.astype(dtype), jnp.zeros((), dtype))
    high: Any = np.asarray(value, dtype)
    rest: Any = np.asarray(float(value) - float(high), dtype)
    return Radius(high, rest)
