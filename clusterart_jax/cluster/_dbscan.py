"""DBSCAN: clusters of rows that have many others near them, and noise."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .._checks import check_choice, check_number, check_rows, check_weights
from .._errors import ConfigError
from .._sharding import RowSharding, over_rows, replicate, rows_back, spread_rows
from .._typing import Array, ArrayLike, Bool, Float, Int
from ._cells import AXES, sort_into_cells
from ._components import NONE, connect
from ._duplicates import first_of_equal
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
    eps: float | Float[Array, ""],
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
    float64. (Cosine distances, and rows of float64, have the digits of their type: between pairs
    at `eps` itself their rounding decides. Cosine distances that it leaves open are within.)

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
      sample_weight: (n,) weights; ones where None. A negative one keeps rows from being core.
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
    # As an array of JAX, whose values are not looked at: negative weights are no error here.
    weights = check_weights(None if unit else jnp.asarray(sample_weight), x)
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
        check_number(min_samples, "min_samples", x.dtype),
        metric=metric,
        unit=unit,
        sharding=sharding,
    )
    return rows_back(result, _ROWS_OUT, x, sharding)


def dbscan_predict(
    x: Float[ArrayLike, "n d"],
    components: Float[ArrayLike, "m d"],
    labels: Int[ArrayLike, " m"],
    eps: float | Float[Array, ""],
    *,
    metric: str = "euclidean",
) -> Int[Array, " n"]:
    """The cluster of new rows: the first that has a core row within `eps`, −1 where none has.

    Of the rows that `dbscan` was given, this is the label that it gave them.

    Cost and memory are those of one pass of `dbscan` over n + m rows.

    Args:
      x: rows (n, d).
      components: (m, d) core rows.
      labels: (m,) their clusters; rows of a negative one are passed over.
      eps: the radius that they were found with.
      metric: likewise.

    Returns:
      (n,) int32.

    Raises:
      ValueError: when the two have different numbers of columns.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax.cluster import dbscan_predict
      >>> cores = jnp.array([[0.0], [0.5], [9.0]])
      >>> dbscan_predict(jnp.array([[0.9], [4.0]]), cores, jnp.array([0, 0, 1]), 0.5).tolist()
      [0, -1]
    """
    x, components = check_rows(x), check_rows(components, "components")
    check_choice(metric, "metric", METRICS)
    if x.shape[1] != components.shape[1]:
        raise ValueError(f"x has {x.shape[1]} columns but components have {components.shape[1]}")
    if np.shape(labels) != components.shape[:1]:
        raise ValueError(
            f"labels must have shape {components.shape[:1]}, one of each row of components, not "
            f"{np.shape(labels)}"
        )
    rows, there, sharding = spread_rows(x, jnp.ones(x.shape[:1], x.dtype))
    components, labels = (
        replicate(a, sharding) for a in (components.astype(x.dtype), jnp.asarray(labels, jnp.int32))
    )
    radius = two_floats(eps, x.dtype)
    found = _predict(rows, there, components, labels, radius, metric=metric, sharding=sharding)
    return rows_back(found, True, x, sharding)


@partial(jax.jit, static_argnames=("metric", "sharding"))
def _predict(
    x: Array,
    there: Array,
    cores: Array,
    labels: Array,
    radius: Radius,
    *,
    metric: str,
    sharding: RowSharding | None,
) -> Array:
    axis = None if sharding is None else sharding.axis

    def solve(
        x: Array, there: Array, cores: Array, labels: Array, high: Array, low: Array
    ) -> Array:
        mine = x.shape[0]
        if axis is not None:
            x, there = (lax.all_gather(a, axis, tiled=True) for a in (x, there))
        n = x.shape[0]
        rows = jnp.concatenate([x, cores])
        present = jnp.all(jnp.isfinite(rows), axis=1)
        present = present & jnp.concatenate([there > 0, labels >= 0])
        labels = jnp.concatenate([jnp.full(n, NONE, jnp.int32), labels])
        space = _space(rows, present, Radius(high, low), metric, axis)
        order = space.cells.order
        given = jnp.where(present, labels, NONE)[order]
        found = sweep(space, (order < n) & present[order], given, LEAST)
        found = jnp.where(found == NONE, -1, found)
        found = jnp.zeros(len(rows), jnp.int32).at[order].set(found, unique_indices=True)[:n]
        return found if axis is None else _own(found, mine, axis)

    rows_in = (True, True, False, False, False, False)
    run = over_rows(solve, sharding, rows_in=rows_in, rows_out=True)
    return run(x, there, cores, labels, *radius)


def _own(found: Array, rows: int, axis: str) -> Array:
    """The part of (n,) that belongs to this device's rows."""
    return lax.dynamic_slice_in_dim(found, lax.axis_index(axis) * rows, rows)


_ROWS_OUT = DBSCANResult._make(name != "n_clusters" for name in DBSCANResult._fields)


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
        labels, core = (_own(a, mine, axis) for a in found[:2])
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
    # One of several equal rows has the weight of all and stands for them.
    leader = first_of_equal(x, present)
    weights = jnp.zeros_like(weights).at[leader].add(weights)
    present = present & (leader == jnp.arange(n, dtype=jnp.int32))
    space = _space(x, present, radius, metric, axis)
    cells = space.cells
    present, weights = present[cells.order], weights[cells.order]

    full, mass = _full(space, weights, enough), jnp.zeros_like(weights)

    def look(i: Array, known: tuple[Array, Array]) -> tuple[Array, Array]:
        full, mass = known
        # Of many columns cells say little, but rows next to a row in their order often suffice.
        beside = None if x.shape[1] <= AXES else i == 0
        mass = sweep(space, present & ~full, weights, SUM, beside=beside)
        return full | (jnp.all(weights >= 0) & (mass.astype(enough.dtype) >= enough)), mass

    turns = 1 if x.shape[1] <= AXES else 2
    full, mass = lax.fori_loop(jnp.int32(0), jnp.int32(turns), look, (full, mass))
    core = present & (full | (mass.astype(enough.dtype) >= enough))

    def number(component: Array) -> Array:
        """Clusters are numbered by their first core row, in the caller's order."""
        first = jnp.full(n, n, jnp.int32).at[component].min(cells.order, mode="drop")
        begins = jnp.zeros(n, bool).at[first].set(True, mode="drop")
        rank = jnp.cumsum(begins, dtype=jnp.int32) - 1
        numbers = rank[jnp.minimum(first[jnp.minimum(component, n - 1)], n - 1)]
        return jnp.where(core, numbers, NONE)

    labels = connect(space, core, present & ~core, number)
    labels = jnp.where(labels == NONE, -1, labels)
    clusters = jnp.max(jnp.where(core, labels, -1)) + 1
    back = jnp.zeros(n, jnp.int32).at[cells.order].set(labels, unique_indices=True)
    mask = jnp.zeros(n, bool).at[cells.order].set(core, unique_indices=True)
    return DBSCANResult(back[leader], mask[leader], clusters)


def _space(x: Array, present: Array, radius: Radius, metric: str, axis: str | None) -> Neighborhood:
    x = jnp.where(present[:, None], prepare(x, metric), 0)
    cells = sort_into_cells(x, present, in_columns(radius, metric), metric)
    return neighborhood(x, present, cells, radius, metric, axis)


def _full(space: Neighborhood, weights: Array, enough: Array) -> Array:
    """Rows of cells that hold enough for all of them to be core, whatever lies around."""
    keys = space.cells.keys
    sure = weights if weights.dtype == jnp.int32 else weights >= 1
    heavy = jnp.concatenate([jnp.zeros(1, jnp.int32), jnp.cumsum(sure, dtype=jnp.int32)])
    held = heavy[jnp.searchsorted(keys, keys, side="right")] - heavy[jnp.searchsorted(keys, keys)]
    return space.cells.tight & jnp.all(weights >= 0) & (held.astype(enough.dtype) >= enough)
