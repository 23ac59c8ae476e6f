"""The way of rows into a program and back: few shapes, a fixed order, NumPy on both ends."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import _check_sample_weight

from ._programs import FEW, FEW_NUMBERS, compute

try:
    from sklearn.utils.validation import validate_data
except ImportError:  # scikit-learn 1.5

    def validate_data(estimator: Any, X: Any, **options: Any) -> Any:
        """What scikit-learn 1.6 made a function."""
        return estimator._validate_data(X, **options)


_STEP = 128  # rows: the smallest difference between the shapes of two programs


class Rows(NamedTuple):
    """Rows as a program takes them.

    Attributes:
      x: (m, w) rows; of few rows each is held once, in a fixed order, then rows of weight 0.
      weights: (m,) how much each weighs; 0 marks rows that are not there.
      back: (n,) place in `x` of each row of the caller.
      n: distinct rows with a weight.
      d: columns of the caller; those after are 0.
    """

    x: np.ndarray
    weights: np.ndarray
    back: Any
    n: int
    d: int


def floats(estimator: BaseEstimator, X: Any, *, reset: bool, **options: Any) -> np.ndarray:
    """Finite rows as float32 or float64, as scikit-learn checks them; never a view to write to."""
    options = {"dtype": [np.float64, np.float32], "order": "C", **options}
    return validate_data(estimator, X, reset=reset, **options)


def check_weights(sample_weight: Any, X: np.ndarray) -> np.ndarray:
    """Weights (n,) ≥ 0 in the type of the rows; ones where None."""
    if sample_weight is None:
        return np.broadcast_to(X.dtype.type(1), X.shape[:1])  # one number in memory
    weights = _check_sample_weight(sample_weight, X, dtype=X.dtype)
    if (weights < 0).any():
        raise ValueError("Negative values in data passed to `sample_weight`.")
    return weights


def few(x: np.ndarray) -> bool:
    """Whether rows are few enough to be copied, rounded up in number, and taken as float64.

    In float64, since one program then serves both precisions, and both start from the same draws.
    """
    return len(x) <= FEW and x.size <= FEW_NUMBERS


def gather(x: np.ndarray, weights: np.ndarray, at_least: int = 1, *, widen: bool = False) -> Rows:
    """Rows made ready for a program whose draws invert the running sum of weights.

    Few rows: equal ones become one with the sum of their weights, since a row that stands there
    twice is a row of weight 2; they are put in the order of their values; and rows of weight 0
    fill up to one of few sizes, so that data of nearly equal size share one compiled program.

    Args:
      x: rows (n, d).
      weights: (n,).
      at_least: rows that there must be, with those of weight 0.
      widen: whether few rows become float64, so that both precisions start from the same draws,
        and get columns of zeros, which change no distance.
    """
    d = x.shape[1]
    if not few(x):
        return Rows(x, weights, slice(None), int(np.count_nonzero(weights)), d)
    x = np.ascontiguousarray(x.astype(np.float64) + 0.0)  # one zero instead of two
    _, first, back = np.unique(_sortable(x), return_index=True, return_inverse=True)
    mass = np.bincount(back, weights, len(first))
    # Rows of weight 0 go last: where they stood must not shift the groups of the running sums.
    order = np.argsort(mass == 0, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    held = np.zeros(padded(max(len(first), at_least)))
    held[: len(first)] = mass[order]
    rows = fill(x[first[order]], len(held), width(d) if widen else d)
    return Rows(rows, held, place[back], int(np.count_nonzero(mass)), d)


def _sortable(x: np.ndarray) -> np.ndarray:
    """One string of bytes a row (n,), which sort as the rows do, column by column."""
    kind = np.dtype(f"u{x.itemsize}")
    bits, sign = x.view(kind), kind.type(1 << (8 * x.itemsize - 1))
    keys = np.where(bits & sign, ~bits, bits | sign).astype(kind.newbyteorder(">"))
    return keys.view(np.dtype((np.void, x.shape[1] * x.itemsize)))[:, 0]


def padded(n: int) -> int:
    """The size that n rows are filled up to: at most a quarter more, beyond 512."""
    if n > FEW:
        return n
    step = max(_STEP, 1 << max(n.bit_length() - 3, 0))
    return -(-n // step) * step


def width(d: int) -> int:
    """The number of columns that d are filled up to: 16 or 32, or d where it is more."""
    return -(-d // 16) * 16 if d <= 32 else d


def fill(x: np.ndarray, n: int, d: int) -> np.ndarray:
    """Rows with zeros below and to the right, (n, d); as they are where that is their size."""
    if x.shape == (n, d):
        return x
    filled = np.zeros((n, d), x.dtype)
    filled[: len(x), : x.shape[1]] = x
    return filled


def cast(tree: Any, dtype: Any) -> Any:
    """A tree of arrays, the floating ones in that precision."""
    arrays = jax.tree.map(np.asarray, tree)
    floating = np.floating
    return jax.tree.map(
        lambda a: a.astype(dtype) if np.issubdtype(a.dtype, floating) else a, arrays
    )


def ready(X: np.ndarray) -> np.ndarray:
    """Rows for a program that takes them one by one, or with weights; few ones rounded up."""
    return fill(X.astype(np.float64), padded(len(X)), X.shape[1]) if few(X) else X


def ask(method: Callable[..., Any], state: Any, X: np.ndarray | None = None) -> Any:
    """Calls a method of a fitted state of NumPy arrays, on rows where it takes such.

    Results have the higher precision of the two.
    """
    kinds = {a.dtype for a in jax.tree.leaves(state) if np.issubdtype(a.dtype, np.floating)}
    dtype = np.result_type(*kinds, *([] if X is None else [X.dtype]))
    if X is None:
        return cast(compute(method, cast(state, np.float64), dtype=np.float64), dtype)
    x = ready(X.astype(dtype, copy=False))
    result = compute(method, cast(state, x.dtype), x, dtype=x.dtype)
    return cast(jax.tree.map(lambda a: a[: len(X)], result), dtype)


def random_key(rng: Any) -> jax.Array:
    """A key drawn from a `RandomState`, which moves on."""
    return jax.random.key(int(rng.randint(np.iinfo(np.int32).max)))
