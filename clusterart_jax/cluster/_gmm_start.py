"""Where a Gaussian mixture starts: words, arrays, or parameters."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .._checks import check_choice
from .._sharding import RowSharding, over_rows, place_rows, replicate
from .._typing import Array, ArrayLike, Float, KeyArray
from ._gmm_em import ROWS_IN, Params, Rows, start_from
from ._gmm_kinds import covariance_shape, covariances_of
from ._gmm_result import GMMResult
from ._kmeans import _kmeans

INITS = ("k-means", "k-means++", "random", "random_from_data")

_LABELLED = {"k-means": ("k-means++", 300), "k-means++": ("k-means++", 0)}
_LABELLED |= {"random_from_data": ("random", 0), "nearest": ("given", 0)}
"""Starts whose rows belong to the nearest centre: how k-means starts, and its iterations."""


class GMMStart(NamedTuple):
    """Parameters to start from; those that are None come from `otherwise`.

    These are scikit-learn's `weights_init`, `means_init`, `precisions_init` and `init_params`.

    Attributes:
      weights: (k,) shares of the components.
      means: (k, d).
      precisions: inverse covariances, in the shape of `GMMResult.covariances`.
      otherwise: any `init` of `gmm` that is not itself a start.
    """

    weights: Float[ArrayLike, " k"] | None = None
    means: Float[ArrayLike, "k d"] | None = None
    precisions: ArrayLike | None = None
    otherwise: str | ArrayLike = "k-means"


class Given(NamedTuple):
    """The arrays of a start; None where something else decides.

    Attributes:
      per_row: labels (n,) or responsibilities (n, k).
      weights: (k,).
      means: (k, d).
      precisions: in the shape of the kind.
      covariances: the same; instead of `precisions`.
      before: the log-likelihood that the first one is compared to.
    """

    per_row: Array | None = None
    weights: Array | None = None
    means: Array | None = None
    precisions: Array | None = None
    covariances: Array | None = None
    before: Array | None = None


def read_init(
    init: Any, x: Array, rows: Array, k: int, kind: str, sharding: RowSharding | None
) -> tuple[str, Given]:
    """What `init` means: the name of a method, and the arrays given.

    Args:
      init: as of `gmm`.
      x: the rows as they came.
      rows: the rows as they are laid out, perhaps padded.
      k: number of components.
      kind: of the covariances.
      sharding: of `rows`.
    """
    (n, d), dtype = x.shape, x.dtype
    if isinstance(init, GMMResult):
        if init.covariance_type != kind or init.means.shape != (k, d):
            raise ValueError(
                f"init must be a {kind} mixture with means of shape (k, d) = ({k}, {d}), not a "
                f"{init.covariance_type} one with {init.means.shape}"
            )
        values = init._asdict() | {"before": init.log_likelihood}
        method, per_row = "parameters", None
    else:
        start = init if isinstance(init, GMMStart) else GMMStart(otherwise=init)
        values = start._asdict()
        method, per_row, means = _read_rows(start.otherwise, n, k, d)
        values["means"] = means if start.means is None else start.means
        shapes = {"weights": (k,), "means": (k, d), "precisions": covariance_shape(kind, k, d)}
        for name, shape in shapes.items():
            if values[name] is not None and np.shape(values[name]) != shape:
                raise ValueError(
                    f"{name} of init must have shape {shape}, not {np.shape(values[name])}"
                )
        if all(values[name] is not None for name in shapes):
            method, per_row = "parameters", None
    if per_row is not None:
        per_row = per_row.astype(jnp.int32 if per_row.ndim == 1 else dtype)
        absent = [(0, rows.shape[0] - n)] + [(0, 0)] * (per_row.ndim - 1)
        per_row = place_rows(jnp.pad(per_row, absent), sharding)
    small = {
        name: replicate(jnp.asarray(values[name]).astype(dtype), sharding)
        for name in Given._fields
        if values.get(name) is not None
    }
    return method, Given(**{"per_row": per_row} | small)


def _read_rows(init: Any, n: int, k: int, d: int) -> tuple[str, Array | None, Any]:
    """Method, labels or responsibilities, and means that a word or an array stands for."""
    if isinstance(init, str):
        method = "k-means" if init == "kmeans" else check_choice(init, "init", INITS)
        return method, None, None
    if np.shape(init) == (k, d):
        return "nearest", None, init
    if np.shape(init) in ((n,), (n, k)):
        return "rows", jnp.asarray(init), None
    raise ValueError(
        f"init must have shape (k, d) = ({k}, {d}), (n,) = ({n},) or (n, k) = ({n}, {k}), "
        f"not {np.shape(init)}"
    )


def begin(
    key: KeyArray,
    rows: Rows,
    given: Given,
    active: Array,
    *,
    method: str,
    k: int,
    kind: str,
    sharding: RowSharding | None,
) -> Params:
    """The mixture to start from: what is given, and for the rest what the rows say.

    Of its k components only the first `active` have any weight.
    """
    held = jnp.arange(k, dtype=jnp.int32) < active
    start: dict[str, Array] = {}
    if method != "parameters":
        per_row = given.per_row
        if method == "random":
            # The number of a row decides, so that neither blocks nor devices change the draw.
            per_row = place_rows(jnp.arange(rows.x.shape[0], dtype=jnp.uint32), sharding)
        elif per_row is None:
            words, max_iter = _LABELLED[method]
            per_row = _kmeans(
                key,
                rows.x,
                rows.weights,
                given.means if words == "given" else None,
                jnp.int32(max_iter),
                jnp.asarray(1e-4, rows.x.dtype),
                active,
                k=k,
                init=words,
                n_init=1,
                sharding=sharding,
            ).labels
        axis = None if sharding is None else sharding.axis

        def solve(key: KeyArray, per_row: Array, held: Array, *rows: Array) -> Params:
            respond = partial(_responsibilities, key, method, held)
            return start_from(respond, Rows(*rows), per_row, held, kind, axis)

        rows_in = (False, True, False, *ROWS_IN)
        run = over_rows(solve, sharding, rows_in=rows_in, rows_out=Params._make([False] * 3))
        start |= run(key, per_row, held, *rows)._asdict()
    if given.precisions is not None:
        start["covariances"] = covariances_of(given.precisions, kind)
    if given.covariances is not None:
        start["covariances"] = given.covariances
    if given.means is not None:
        start["means"] = given.means - rows.origin
    if given.weights is not None:
        start["weights"] = jnp.where(held, given.weights, 0)
    return Params(**start)


def _responsibilities(key: KeyArray, method: str, held: Array, x: Array, per_row: Array) -> Array:
    """(k, b) in the dtype of `x`, for a block of labels, of responsibilities, or of row numbers."""
    k = held.shape[0]
    if per_row.ndim == 2:
        return per_row.T
    if method == "random":
        draw = jax.vmap(lambda i: jax.random.uniform(jax.random.fold_in(key, i), (k,), x.dtype))
        shares = jnp.where(held[:, None], draw(per_row).T, 0)
        return shares / jnp.sum(shares, axis=0)[None]
    return jax.nn.one_hot(per_row, k, axis=0, dtype=x.dtype)
