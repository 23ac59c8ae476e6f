"""Clusters of pictures, whatever algorithm found them, and how new pictures find theirs."""

from functools import partial
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import export

from .._linalg import group_sums
from .._typing import Array, Bool, Float, Images, Int
from ..features import PCAState, pca
from ._config import ClusterConfig
from ._features import FEATURES
from ._methods import METHODS, Found


@partial(export.register_namedtuple_serialization, serialized_name="clusterart_jax.Clustering")
class Clustering(NamedTuple):
    """Clusters of pictures, and how new pictures find theirs.

    Attributes:
      projection: from features, such as pixels in 0…1, to principal components.
      centers: (k, m) in those components; infinite for clusters that do not exist.
      labels: (n,) cluster of each picture; −1 is noise.
      distances: (n,) to its centre, in units of the features; NaN for noise.
      inertia: sum of their squares.
      n_iter: iterations of the algorithm; 0 where it has none.
      converged: whether it stopped by itself.
      probabilities: (n,) how firmly each belongs to its cluster, 0…1, or None.
      n_found: clusters found, where the algorithm finds their number; those beyond k are noise.
        Else None.
      extras: what else the algorithm said, as in `Found`; None where there is nothing.
      config: what was asked; static.
    """

    projection: PCAState
    centers: Float[Array, "k m"]
    labels: Int[Array, " n"]
    distances: Float[Array, " n"]
    inertia: Float[Array, ""]
    n_iter: Int[Array, ""]
    converged: Bool[Array, ""]
    probabilities: Float[Array, " n"] | None = None
    n_found: Int[Array, ""] | None = None
    extras: dict[str, Any] | None = None
    config: ClusterConfig = ClusterConfig()

    def assign(self, images: Images) -> tuple[Int[Array, " m"], Float[Array, " m"]]:
        """The cluster of each picture (m, h, w, c), −1 for noise, and the distance to its centre.

        As k-means and mixtures label pictures of their own; by the cores in reach for "dbscan", by
        the tree for "hdbscan", by the nearest picture for "agglomerative".
        """
        points = self.projection.transform(FEATURES[self.config.features].rows(images))
        labels = METHODS[self.config.cluster].label(points, self, self.config)
        return labels, _distances(points, labels, self.centers)


def project(images: Images, config: ClusterConfig) -> tuple[PCAState, Float[Array, "n m"]]:
    """Pictures → the projection to principal components, and the points to cluster.

    Args:
      images: `uint8` (n, h, w, c).
      config: static.
    """
    seen = FEATURES[config.features]
    x = seen.rows(images)
    projection = pca(x, min(config.n_components if seen.reduced else x.shape[1], *x.shape))
    return projection, projection.transform(x)


def clustered(
    projection: PCAState,
    points: Float[Array, "n m"],
    found: Found,
    config: ClusterConfig,
    most: int | None = None,
) -> Clustering:
    """The `Clustering` that an algorithm found among points of that projection.

    Where the algorithm finds the number of clusters, the `most` largest are kept in their order,
    and the points of the others become noise.

    Args:
      projection: from `project`.
      points: likewise.
      found: what the algorithm says of them.
      config: static.
      most: clusters at most; `config.k` where it is None. Static.
    """
    most = config.k if most is None else most
    labels = _largest(found.labels, most) if config.finds_number else found.labels
    centers = _means(points, labels, most) if found.centers is None else found.centers
    distances = _distances(points, labels, centers)
    return Clustering(
        projection,
        centers,
        labels,
        distances,
        jnp.sum(jnp.where(labels < 0, 0, distances**2)),
        found.n_iter,
        found.converged,
        found.probabilities,
        found.n_clusters if config.finds_number else None,
        found.extras or None,
        config,
    )


def _largest(labels: Int[Array, " n"], most: int) -> Int[Array, " n"]:
    """Labels of the `most` largest clusters, numbered as they were; −1 for the others."""
    n = labels.shape[0]
    sizes = jnp.zeros(n, jnp.int32).at[jnp.where(labels < 0, n, labels)].add(1, mode="drop")
    largest = jnp.argsort(-sizes, stable=True)[:most]
    kept = jnp.zeros(n, bool).at[largest].set(True) & (sizes > 0)
    number = jnp.where(kept, jnp.cumsum(kept, dtype=jnp.int32) - 1, -1)
    return jnp.where(labels < 0, -1, number[labels])


def _means(points: Array, labels: Array, k: int) -> Float[Array, "k m"]:
    held = (labels >= 0).astype(points.dtype)
    place = jnp.maximum(labels, 0)
    mass = group_sums(jnp.ones_like(points[:, :1]), place, held, k)
    sums = group_sums(points, place, held, k)
    return jnp.where(mass > 0, sums / jnp.where(mass > 0, mass, 1), jnp.inf)


def _distances(points: Array, labels: Array, centers: Array) -> Float[Array, " n"]:
    squares = jnp.sum((points - centers[jnp.maximum(labels, 0)]) ** 2, axis=1)
    return jnp.where(labels < 0, jnp.nan, jnp.sqrt(squares))
