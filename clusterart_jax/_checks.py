"""Checks of shape, dtype and options, made when a function is traced; one clear line each."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ._errors import ConfigError, DataError
from ._typing import Array, ArrayLike, KeyArray


def check_key(key: KeyArray) -> KeyArray:
    """One random key, typed (`jax.random.key`) or legacy (`jax.random.PRNGKey`), as a typed key."""
    if not isinstance(key, jax.Array):
        raise TypeError(f"key must come from jax.random.key, not {type(key).__name__} {key!r}")
    if not jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        if key.shape[-1:] != (2,) or key.dtype != jnp.uint32:
            raise TypeError(f"key must come from jax.random.key, not {key.dtype}{list(key.shape)}")
        key = jax.random.wrap_key_data(key)
    if key.shape != ():
        raise ValueError(
            f"key must be a single key, not an array of shape {key.shape}; use jax.vmap"
        )
    return key


def seed_key(seed: int) -> KeyArray:
    """The key of a seed.

    Raises:
      ConfigError: for a seed that is no whole number of 32 bits.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise ConfigError(f"seed must be a whole number between 0 and {2**32 - 1}, not {seed!r}")
    return jax.random.key(seed)


def check_rows(x: ArrayLike, name: str = "x") -> Array:
    """Rows of numbers (n, d) with n, d ≥ 1, as floating point.

    float32 and float64 stay as they are; half precision and integers become the default float
    type, because squared distances need the range.
    """
    if np.ndim(x) != 2:
        raise ValueError(f"{name} must have 2 dimensions (rows, columns), not shape {np.shape(x)}")
    if 0 in np.shape(x):
        raise ValueError(f"{name} must have at least one row and one column, not {np.shape(x)}")
    if not isinstance(x, jax.Array) and np.asarray(x).dtype.kind not in "biufcV":
        raise TypeError(f"{name} must hold numbers, not {np.asarray(x).dtype} values")
    rows = _on_device(x)
    if jnp.issubdtype(rows.dtype, jnp.complexfloating):
        raise TypeError(f"{name} must be real, not {rows.dtype}")
    if rows.dtype not in (jnp.float32, jnp.float64):
        rows = rows.astype(jnp.float32 if jnp.issubdtype(rows.dtype, jnp.floating) else float)
    return rows


_LARGE = 2**26  # bytes from which on a second copy is worth a wait


def _on_device(x: ArrayLike) -> Array:
    """`jnp.asarray` without its second copy of large arrays of NumPy.

    It copies them at once, so that the caller may write to them, and again where XLA's arrays
    begin elsewhere in memory than NumPy's do. Waiting for the second does without the first.
    """
    if not isinstance(x, np.ndarray) or x.nbytes < _LARGE:
        return jnp.asarray(x)
    rows = jax.device_put(x)
    if isinstance(rows, jax.core.Tracer):
        return rows
    jax.block_until_ready(rows)
    on_host = all(device.platform == "cpu" for device in rows.devices())
    lent = on_host and np.may_share_memory(np.asarray(rows), x)
    return jax.block_until_ready(jnp.copy(rows)) if lent else rows


def check_weights(sample_weight: ArrayLike | None, x: Array, name: str = "sample_weight") -> Array:
    """Row weights (n,) in the dtype of `x`; ones where none are given.

    Negative ones are refused where their values are on the host; arrays of JAX are not read.
    """
    if sample_weight is None:
        return jnp.ones(x.shape[:1], x.dtype)
    if np.shape(sample_weight) != x.shape[:1]:
        raise ValueError(
            f"{name} must have shape {x.shape[:1]}, one weight a row, not {np.shape(sample_weight)}"
        )
    if not isinstance(sample_weight, jax.Array) and np.min(sample_weight) < 0:
        row = int(np.argmin(sample_weight))
        raise DataError(f"{name} must not be negative, as in row {row}")
    return jnp.asarray(sample_weight).astype(x.dtype)


def check_count(value: Any, name: str, *, low: int = 1, high: int | None = None) -> int:
    """A static whole number between `low` and `high`, both allowed."""
    span = f"at least {low}" if high is None else f"between {low} and {high}"
    if isinstance(value, jax.core.Tracer):
        raise TypeError(f"{name} fixes shapes, so it must be a Python int, not a traced value")
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} must be a whole number {span}, not {value!r}")
    if value < low or (high is not None and value > high):
        raise ConfigError(f"{name} must be {span}, not {value}")
    return int(value)


def check_active(active: ArrayLike | None, k: int) -> ArrayLike:
    """How many of k clusters take part, perhaps traced; all of them where it is None."""
    if active is None:
        active = k
    elif not isinstance(active, jax.Array):
        active = check_count(active, "active", high=k)
    return as_scalar(active, jnp.int32)


def as_scalar(value: ArrayLike, dtype: Any) -> ArrayLike:
    """A number for a compiled function to take as an argument, perhaps traced.

    Numbers of Python stay on the host: each array made of one costs as much as a small program.
    """
    return value.astype(dtype) if isinstance(value, jax.Array) else np.asarray(value, dtype)


def check_number(
    value: ArrayLike, name: str, dtype: Any, *, low: float = -math.inf, above: bool = False
) -> ArrayLike:
    """A number from `low` on, or above it, as `as_scalar` gives it; arrays of JAX are not read."""
    if not isinstance(value, jax.Array):
        number = float(np.asarray(value, float))
        if not (number > low if above else number >= low):
            bound = f"{'above' if above else 'at least'} {low}" if low > -math.inf else "a number"
            raise ConfigError(f"{name} must be {bound}, not {value!r}")
    return as_scalar(value, dtype)


def check_choice(value: Any, name: str, allowed: tuple[str, ...]) -> str:
    """One of a few words; the error names the nearest."""
    if not isinstance(value, str) or value not in allowed:
        raise ConfigError(
            f"{name} must be one of {', '.join(allowed)}, not {value!r}" + hint(value, allowed)
        )
    return str(value)


def check_images(images: Any, name: str = "images") -> Array:
    """Pictures (n, h, w, c) as `uint8`."""
    if np.ndim(images) != 4:
        raise ValueError(f"{name} must have shape (n, h, w, c), not {np.shape(images)}")
    if 0 in np.shape(images):
        raise ValueError(f"{name} must hold at least one picture, not shape {np.shape(images)}")
    if getattr(images, "dtype", None) != np.uint8:
        kind = getattr(images, "dtype", type(images).__name__)
        raise TypeError(f"{name} must be uint8 values 0…255, not {kind}")
    return jnp.asarray(images)


def check_finite(x: np.ndarray, name: str = "x") -> None:
    """Refuses NaN and infinity, naming the first row that holds one. For shells: needs values."""
    bad = ~np.isfinite(x)
    if bad.any():
        row = int(np.flatnonzero(bad.reshape(len(x), -1).any(axis=1))[0])
        raise DataError(
            f"{name} holds NaN or infinity, first in row {row}; remove or fill such rows"
        )


def hint(word: Any, allowed: tuple[str, ...] | list[str]) -> str:
    """`; did you mean 'x'?` where an allowed word is near, else nothing."""
    import difflib

    near = difflib.get_close_matches(str(word), allowed, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""
