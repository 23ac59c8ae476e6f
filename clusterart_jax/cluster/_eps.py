"""A radius for DBSCAN: where the sorted distances to the k-th nearest row bend upwards."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from .._checks import check_choice, check_count, check_rows, check_weights
from .._sharding import replicate, row_sharding
from .._typing import Array, ArrayLike, Float, Int
from ._leaves import grow_leaves, leaves_pay
from ._near_rows import near_distances
from ._neighbors import METRICS, core_distances, embed, power_above, reached


class EpsProposal(NamedTuple):
    """A radius, and the curve that it was read from.

    Attributes:
      eps: the proposed radius, in the unit of the distances; infinite where no row has
        `min_samples` rows.
      distances: (n,) of each row the distance at which the rows around weigh `min_samples`,
        ascending; infinite at the end for absent rows.
      knee: int32, the place in `distances` of `eps`.
      mass: (n,) weight of the rows up to each place, by which the curve is drawn.
    """

    eps: Float[Array, ""]
    distances: Float[Array, " n"]
    knee: Int[Array, ""]
    mass: Float[Array, " n"]


def propose_eps(
    x: Float[ArrayLike, "n d"],
    min_samples: int = 5,
    *,
    metric: str = "euclidean",
    sample_weight: Float[ArrayLike, " n"] | None = None,
) -> EpsProposal:
    """A radius for `dbscan`: the knee of the sorted distances to the `min_samples`-th row.

    Rows in clusters have that many rows near them, noise has not: sorted, the distances rise
    slowly and then fast. The knee is the place that lies farthest below the chord from the first
    to the last. A row is its own first neighbour, as in `dbscan`, so that rows up to the knee are
    core rows. Of clusters of different density the knee speaks for the sparsest at best; a
    proposal, to be looked at beside the curve.

    Cost O(n² d), on a CPU about O(n log n) for many rows of up to 8 columns; peak extra memory one
    copy of the rows, O(n min_samples) and a block of 2²¹ distances. Works under `jit` and `vmap`;
    sharded rows are gathered.

    Args:
      x: rows (n, d), finite also where their weight is 0, or distances (n, n) between them.
      min_samples: rows, itself among them, at most n. Static.
      metric: "euclidean", "manhattan", "chebyshev", "cosine", or "precomputed" where `x` holds
        the distances. Static.
      sample_weight: (n,) weights ≥ 0; a row of weight w counts as w rows, and as no less than 1
        where rows around are counted; of weight 0 as absent.

    Returns:
      An `EpsProposal`.

    Raises:
      ValueError: when shapes or options cannot be.

    Example:
      >>> import jax.numpy as jnp, clusterart_jax as ca
      >>> x = jnp.array([[0.0], [0.1], [0.3], [5.0], [5.1], [5.3], [99.0]])
      >>> found = ca.propose_eps(x, min_samples=2)
      >>> round(float(found.eps), 3), ca.dbscan(x, found.eps, 2).labels.tolist()
      (0.2, [0, 0, 0, 1, 1, 1, -1])

    References:
      Ester and others, A density-based algorithm for discovering clusters in large spatial
      databases with noise, 1996, KDD-96.
      Satopää and others, Finding a "Kneedle" in a haystack: detecting knee points in system
      behavior, 2011, doi:10.1109/ICDCSW.2011.20.
    """
    x = check_rows(x)
    n = x.shape[0]
    samples = check_count(min_samples, "min_samples", high=n)
    check_choice(metric, "metric", METRICS)
    if metric == "precomputed" and x.shape != (n, n):
        raise ValueError(f"x must hold distances (n, n) where they are precomputed, not {x.shape}")
    sharding = row_sharding(x)
    weights = replicate(check_weights(sample_weight, x), sharding)
    reach = power_above(samples, n)
    return _propose(replicate(x, sharding), weights, samples=samples, reach=reach, metric=metric)


@partial(jax.jit, static_argnames=("samples", "reach", "metric"))
def _propose(x: Array, weights: Array, *, samples: int, reach: int, metric: str) -> EpsProposal:
    n, present, rows = x.shape[0], weights > 0, embed(x, metric)
    if leaves_pay(rows, metric):
        found = near_distances(grow_leaves(rows, present), n, reach, samples, metric)
        core = reached(*found, weights, samples)
    else:
        core = core_distances(rows, rows, weights, samples, reach, metric)
    core = jnp.where(present, core, jnp.inf)
    distances, order = lax.sort((core, jnp.arange(n, dtype=jnp.int32)), num_keys=2)
    there = distances < jnp.inf
    mass = jnp.cumsum(jnp.where(there, weights[order], 0))
    knee = _knee(distances, mass, there)
    return EpsProposal(distances[knee], distances, knee, mass)


def _knee(distances: Array, mass: Array, there: Array) -> Array:
    """The place farthest below the chord from the first to the last that is there."""
    last = jnp.max(jnp.where(there, distances, 0))
    rise, run = last - distances[0], mass[-1] - 1
    along = (mass - 1) / jnp.where(run > 0, run, 1)
    up = (distances - distances[0]) / jnp.where(rise > 0, rise, 1)
    below = jnp.where(there, along - up, -jnp.inf)
    # Of equally far ones the last, so that rows of equal distance are all within it.
    places = jnp.arange(distances.shape[0], dtype=jnp.int32)
    return jnp.max(jnp.where(below >= jnp.max(below), places, 0))
