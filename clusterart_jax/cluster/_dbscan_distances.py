"""DBSCAN of rows of which only the distances are known."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .._checks import as_scalar, check_number, check_rows, check_weights
from .._errors import ConfigError
from .._sharding import replicate, row_sharding
from .._typing import Array, ArrayLike, Bool, Float
from ._dbscan import DBSCANResult
from ._linkage import LIMIT


def dbscan_distances(
    distances: Float[ArrayLike, "n n"],
    eps: float | Float[Array, ""],
    min_samples: float | Float[ArrayLike, ""] = 5,
    *,
    sample_weight: Float[ArrayLike, " n"] | None = None,
    present: Bool[ArrayLike, " n"] | None = None,
) -> DBSCANResult:
    """`dbscan` of rows of which all distances are given.

    Row i has those rows within `eps` whose entries of row i of the matrix are at most `eps`; the
    matrix need not be symmetric, and clusters are then what is reached from their first core row,
    as in scikit-learn. Works under `jit` and `vmap`; rows sharded over a mesh are gathered first.

    Cost O(n²); peak extra memory O(n) besides the matrix, which has at most 32,768 rows.

    Args:
      distances: (n, n). float32 and float64 are kept, other types become the default float.
      eps: the radius.
      min_samples: weight that makes a row core.
      sample_weight: (n,) weights; ones where None. A negative one keeps rows from being core.
      present: (n,) which rows are there; those of a weight other than 0 where None.

    Returns:
      A `DBSCANResult`.

    Raises:
      ValueError: when the matrix is not square or too large, or options cannot be.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax.cluster import dbscan_distances
      >>> x = jnp.array([0.0, 0.5, 1.0, 9.0, 9.5, 20.0])
      >>> dbscan_distances(jnp.abs(x[:, None] - x), 0.5, 2).labels.tolist()
      [0, 0, 0, 1, 1, -1]
    """
    distances = check_rows(distances, "distances")
    n = len(distances)
    if distances.shape != (n, n):
        raise ValueError(f"distances must be square, not {distances.shape}")
    if n > LIMIT:
        raise ConfigError(
            f"distances must be of at most {LIMIT} rows, not {n}: `dbscan` takes more"
        )
    if not isinstance(eps, jax.Array) and not float(eps) > 0:
        raise ConfigError(f"eps must be more than 0, not {eps!r}")
    # As an array of JAX, whose values are not looked at: negative weights are no error here.
    given = None if sample_weight is None else jnp.asarray(sample_weight)
    weights = check_weights(given, distances)
    if present is None:
        present = weights != 0
    elif np.shape(present) != (n,):
        raise ValueError(f"present must have shape ({n},), not {np.shape(present)}")
    sharding = row_sharding(distances)
    rows = (distances, weights, jnp.asarray(present, bool))
    args = [replicate(a, sharding) for a in rows]
    radius, least = (
        as_scalar(eps, distances.dtype),
        check_number(min_samples, "min_samples", distances.dtype),
    )
    return _dbscan_distances(*args, radius, least)


@jax.jit
def _dbscan_distances(
    distances: Array, weights: Array, present: Array, eps: Array, min_samples: Array
) -> DBSCANResult:
    n = len(distances)
    counted = jnp.where(present, weights, 0)
    mass = jnp.sum(jnp.where(distances <= eps, counted[None], 0), axis=1)
    core = present & (mass >= min_samples)
    here = jnp.arange(n, dtype=jnp.int32)

    def first(rows: Array) -> Array:
        return jnp.min(jnp.where(rows, here, n))

    # A cluster grows from its first core row by the neighbours of one core row after the other.
    def grow(state: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        labels, waiting, cluster, i = state
        begins = i == n
        seed = first(core & (labels < 0))
        cluster = jnp.where(begins, cluster + 1, cluster)
        i = jnp.where(begins, seed, i)
        row = lax.dynamic_slice_in_dim(distances, i, 1)[0]
        joins = present & (labels < 0) & ((row <= eps) | (here == i)) & (i < n)
        labels = jnp.where(joins, cluster, labels)
        waiting = (waiting | (joins & core)) & (here != i)
        return labels, waiting, cluster, first(waiting)

    def left(state: tuple[Array, Array, Array, Array]) -> Array:
        return (state[3] < n) | jnp.any(core & (state[0] < 0))

    start = (jnp.full(n, -1, jnp.int32), jnp.zeros(n, bool), jnp.int32(-1), jnp.int32(n))
    labels, _, cluster, _ = lax.while_loop(left, grow, start)
    return DBSCANResult(labels, core, cluster + 1)
