"""DBSCAN: clusters of rows that have many others near them, and noise."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .._checks import as_scalar, check_choice, check_rows, check_weights
from .._errors import ConfigError
from .._sharding import RowSharding, over_rows, rows_back, spread_rows
from .._typing import Array, ArrayLike, Bool, Float, Int
from ._cells import sort_into_cells
from ._components import NONE, connect
from ._radius import LEAST, SUM, Neighborhood, neighborhood, sweep
from ._within import METRICS, Radius, in_columns, prepare, two_floats


class DBSCANResult(NamedTuple):
    """Which cluster each row is in.

    Attributes:
      labels: (n,) int32, the cluster of each row in the order of their first core rows, −1 for
        noise and absent rows.
      core_mask: (n,) whether rows of a total weight of `min_samples` are within `eps`.
      n_clusters: number of clusters.
    """

    labels: Int[Array, " n"]
    core_mask: Bool[Array, " n"]
    n_clusters: Int[Array, ""]


def dbscan(
    x: Float[ArrayLike, "n d"],
    eps: float | Float[ArrayLike, ""],
    min_samples: float | Float[ArrayLike, ""] = 5,
    *,
    metric: str = "euclidean",
    sample_weight: Float[ArrayLike, " n"] | None = None,
    present: Bool[ArrayLike, " n"] | None = None,
) -> DBSCANResult:
    """DBSCAN: core rows within `eps` of each other share a cluster, rows near one join it.

    A row is core where the weights of the rows within `eps`, its own among them, sum up to
    `min_samples`. A row that is not core joins the first of the clusters whose core rows are within
    `eps`, else it is noise. Rows at a distance of exactly `eps` are within it: float32 rows whose
    distance is close to `eps` are measured to twice the digits, so that labels are those of
    float64.

    Works under `jit` and `vmap`, and on rows sharded over a mesh, where every device holds all rows
    and compares its share of them.

    Cost O(n log n + n m d), where m rows lie in the cells of a grid around a row: up to n where
    `eps` is as large as the data, or columns are many and none of them tells rows apart. Peak extra
    memory O(n d): neighbourhoods are never stored.

    Args:
      x: rows (n, d). float32 and float64 are kept, other types become the default float.
      eps: the radius, in the units of `x`. Numbers of Python keep all their digits.
      min_samples: weight that makes a row core.
      metric: "euclidean", "manhattan", "chebyshev" or "cosine" (1 − the cosine of the angle).
      sample_weight: (n,) weights; ones where None.
      present: (n,) which rows are there; those of a weight other than 0 where None.

    Returns:
      A `DBSCANResult`.

    Raises:
      ValueError: when shapes or options cannot be.

    Example:
      >>> import jax.numpy as jnp, clusterart_jax as ca
      >>> x = jnp.array([[0.0], [0.5], [1.0], [9.0], [9.5], [20.0]])
      >>> ca.dbscan(x, 0.5, 2).labels.tolist()
      [0, 0, 0, 1, 1, -1]

    References:
      Ester and others, A density-based algorithm for discovering clusters in large spatial
      databases with noise, KDD 1996, https://aaai.org/papers/kdd96-037.
      Gunawan, A faster algorithm for DBSCAN, TU Eindhoven 2013 (cells whose rows are all near).
    """
    x = check_rows(x)
    check_choice(metric, "metric", METRICS)
    if not isinstance(eps, jax.Array) and not float(eps) > 0:
        raise ConfigError(f"eps must be more than 0, not {eps!r}")
    unit = sample_weight is None
    weights = check_weights(sample_weight, x)
    if present is None:
        present = weights != 0
    elif np.shape(present) != x.shape[:1]:
        raise ValueError(f"present must have shape {x.shape[:1]}, not {np.shape(present)}")
    there = jnp.asarray(present, bool)
    rows, held, sharding = spread_rows(x, jnp.stack([weights, there.astype(x.dtype)], axis=1))
    result = _dbscan(
        rows,
        held,
        two_floats(eps, x.dtype),
        as_scalar(min_samples, x.dtype),
        metric=metric,
        unit=unit,
        sharding=sharding,
    )
    return rows_back(result, _ROWS_OUT, x, sharding)


_ROWS_OUT = DBSCANResult(True, True, False)


@partial(jax.jit, static_argnames=("metric", "unit", "sharding"))
def _dbscan(
    x: Array,
    held: Array,
    radius: Radius,
    min_samples: Array,
    *,
    metric: str,
    unit: bool,
    sharding: RowSharding | None,
) -> DBSCANResult:
    axis = None if sharding is None else sharding.axis

    def solve(x: Array, held: Array, high: Array, low: Array, enough: Array) -> DBSCANResult:
        mine = x.shape[0]
        if axis is not None:
            x, held = (lax.all_gather(a, axis, tiled=True) for a in (x, held))
        present = (held[:, 1] > 0) & jnp.all(jnp.isfinite(x), axis=1)
        weights = present.astype(jnp.int32) if unit else jnp.where(present, held[:, 0], 0)
        found = _cluster(x, weights, present, Radius(high, low), enough, metric, axis)
        if axis is None:
            return found
        here = lax.axis_index(axis) * mine
        labels, core = (lax.dynamic_slice_in_dim(a, here, mine) for a in found[:2])
        return DBSCANResult(labels, core, found.n_clusters)

    run = over_rows(solve, sharding, rows_in=(True, True, False, False, False), rows_out=_ROWS_OUT)
    if sharding is None and jax.default_backend() == "cpu":
        # One problem after the other: each is as quick as its own rows let it be.
        run = jax.custom_batching.sequential_vmap(run)
    return run(x, held, *radius, min_samples)


def _cluster(
    x: Array,
    weights: Array,
    present: Array,
    radius: Radius,
    enough: Array,
    metric: str,
    axis: str | None,
) -> DBSCANResult:
    n = x.shape[0]
    x = jnp.where(present[:, None], prepare(x, present, metric), 0)
    cells = sort_into_cells(x, present, in_columns(radius, metric), metric)
    space = neighborhood(x, cells, radius, metric, axis)
    present, weights = present[cells.order], weights[cells.order]

    full = _full(space, weights, enough)
    mass = sweep(space, present & ~full, weights, SUM)
    core = present & (full | (mass >= enough))
    component = connect(space, core)

    # Clusters are numbered by their first core row, in the caller's order.
    first = jnp.full(n, NONE, jnp.int32).at[component].min(cells.order, mode="drop")
    begins = jnp.zeros(n, bool).at[first].set(True, mode="drop")
    number = jnp.cumsum(begins, dtype=jnp.int32) - 1
    cluster = number[jnp.minimum(first[jnp.minimum(component, n - 1)], n - 1)]
    cluster = jnp.where(core, cluster, NONE)
    border = sweep(space, present & ~core, cluster, LEAST)
    labels = jnp.where(core, cluster, border)
    labels = jnp.where(labels == NONE, -1, labels)
    back = jnp.zeros(n, jnp.int32).at[cells.order].set(labels, unique_indices=True)
    mask = jnp.zeros(n, bool).at[cells.order].set(core, unique_indices=True)
    return DBSCANResult(back, mask, jnp.sum(begins, dtype=jnp.int32))


def _full(space: Neighborhood, weights: Array, enough: Array) -> Array:
    """Rows of cells that hold enough for all of them to be core, whatever lies around."""
    keys = space.cells.keys
    heavy = jnp.concatenate([jnp.zeros(1, jnp.int32), jnp.cumsum(weights >= 1, dtype=jnp.int32)])
    held = heavy[jnp.searchsorted(keys, keys, side="right")] - heavy[jnp.searchsorted(keys, keys)]
    return space.cells.tight & jnp.all(weights >= 0) & (held >= enough)
