"""Name of an algorithm → how it finds clusters of points, and how it labels new ones."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import export

from .._errors import ConfigError
from .._typing import Array, Bool, Float, Int, KeyArray
from ..cluster import (
    GMMResult,
    HDBSCANResult,
    cut_tree,
    dbscan,
    dbscan_predict,
    gmm,
    hdbscan,
    hdbscan_labels,
    kmeans,
    linkage,
    nearest_centers,
    propose_eps,
)
from ..metrics import nearest_neighbors
from ._config import ClusterConfig

# What programs return can be exported only where its types are known by name.
_kinds: tuple[type, ...] = (GMMResult, *GMMResult.__subclasses__(), HDBSCANResult)
for _kind in _kinds:
    export.register_namedtuple_serialization(
        _kind, serialized_name=f"clusterart_jax.{_kind.__name__}"
    )


class Found(NamedTuple):
    """What any of the algorithms says of points.

    Attributes:
      labels: (n,) int32, the cluster of each point; −1 is noise.
      n_clusters: number of clusters; labels lie below it.
      probabilities: (n,) how firmly each point belongs to its cluster, 0…1, or None.
      centers: (k, m) centres of its own, or None: the means of the clusters serve then.
      n_iter: iterations; 0 where there are none.
      converged: whether it came to rest by itself.
      loss: what starts are compared by, less is better; 0 where there is only one.
      extras: more arrays, by name. "gmm": "mixture". "dbscan": "eps", "core_mask", and "distances"
        of all points to the `min_samples`-th, sorted. "hdbscan": "tree", its result.
        "agglomerative": "linkage". All of the last three: "points", with which new ones are
        compared.
    """

    labels: Int[Array, " n"]
    n_clusters: Int[Array, ""]
    probabilities: Float[Array, " n"] | None
    centers: Float[Array, "k m"] | None
    n_iter: Int[Array, ""]
    converged: Bool[Array, ""]
    loss: Float[Array, ""]
    extras: dict[str, Any]


class Method(NamedTuple):
    """One algorithm.

    Attributes:
      find: (key, points (n, m), config) → `Found`.
      label: (points (q, m), clustering, config) → (q,) labels of new points, by a clustering's
        fields `labels`, `centers` and `extras`.
      starts: whether it begins at random, `config.n_init` times, start i with the key
        `fold_in(key, i)`, the first with `key`; the one of least loss is kept.
    """

    find: Callable[[KeyArray, Float[Array, "n m"], ClusterConfig], Found]
    label: Callable[[Float[Array, "q m"], Any, ClusterConfig], Int[Array, " q"]]
    starts: bool = False


def _find_kmeans(key: KeyArray, x: Array, config: ClusterConfig) -> Found:
    found = kmeans(key, x, config.k, n_init=config.n_init, max_iter=config.max_iter)
    labels, _ = nearest_centers(x, found.centers)
    return Found(
        labels=labels,
        n_clusters=jnp.int32(config.k),
        probabilities=None,
        centers=found.centers,
        n_iter=found.n_iter,
        converged=found.converged,
        loss=found.inertia,
        extras={},
    )


def _label_nearest(x: Array, clustering: Any, config: ClusterConfig) -> Array:
    return nearest_centers(x, clustering.centers)[0]


def _find_gmm(key: KeyArray, x: Array, config: ClusterConfig) -> Found:
    mixture = gmm(
        key,
        x,
        config.k,
        covariance_type=config.covariance_type,
        n_init=config.n_init,
        max_iter=config.max_iter,
    )
    return Found(
        labels=mixture.labels,
        n_clusters=jnp.int32(config.k),
        probabilities=jnp.max(mixture.predict_proba(x), axis=1),
        centers=mixture.means,
        n_iter=mixture.n_iter,
        converged=mixture.converged,
        loss=-mixture.log_likelihood,
        extras={"mixture": mixture},
    )


def _label_gmm(x: Array, clustering: Any, config: ClusterConfig) -> Array:
    labels: Array = clustering.extras["mixture"].predict(x)
    return labels


def _find_dbscan(key: KeyArray, x: Array, config: ClusterConfig) -> Found:
    _, least = least_numbers(config, len(x))
    proposal = propose_eps(x, least)
    curve = proposal.distances
    if config.eps is None:
        # Among copies the knee may be 0, and no radius is.
        some = jnp.min(jnp.where(curve > 0, curve, jnp.inf))
        some = jnp.where(some < jnp.inf, some, jnp.ones_like(some))
        eps = jnp.where(proposal.eps > 0, proposal.eps, some)
    else:
        eps = jnp.asarray(config.eps, x.dtype)
    found = dbscan(x, eps, least)
    extras = {"eps": eps, "core_mask": found.core_mask, "distances": curve, "points": x}
    return _at_once(found.labels, found.n_clusters, extras)


def _label_dbscan(x: Array, clustering: Any, config: ClusterConfig) -> Array:
    extras = clustering.extras
    labels = jnp.where(extras["core_mask"], clustering.labels, -1)
    return dbscan_predict(x, extras["points"], labels, extras["eps"])


def _find_hdbscan(key: KeyArray, x: Array, config: ClusterConfig) -> Found:
    size, samples = least_numbers(config, len(x))
    tree = hdbscan(x, size, min_samples=samples, cluster_selection_method=config.selection)
    extras = {"tree": tree, "points": x}
    found = _at_once(tree.labels, tree.n_clusters, extras)
    return found._replace(probabilities=tree.probabilities)


def _label_hdbscan(x: Array, clustering: Any, config: ClusterConfig) -> Array:
    points, tree = clustering.extras["points"], clustering.extras["tree"]
    samples = least_numbers(config, len(points))[1]
    labels, _ = hdbscan_labels(x, points, tree, min_samples=samples)
    # The tree knows all clusters by its own numbers, also those that were not kept.
    place = jnp.where(tree.labels < 0, len(points), tree.labels)
    number = jnp.full(len(points), -1, jnp.int32).at[place].set(clustering.labels, mode="drop")
    return jnp.where(labels < 0, -1, number[labels])


def least_numbers(config: ClusterConfig, n: int) -> tuple[int, int]:
    """`min_cluster_size` (DBSCAN has none: 1) and `min_samples`, for n points.

    Raises:
      ConfigError: when there are fewer points.
    """
    size = config.min_cluster_size
    if config.cluster == "dbscan":
        size = 1
    elif size is None:
        size = max(5, n // 100)
    samples = config.min_samples
    if samples is None:
        samples = 5 if config.cluster == "dbscan" else size
    for name, value in (("min_cluster_size", size), ("min_samples", samples)):
        if value > n:
            raise ConfigError(f"{name} is {value}, but there are only {n} picture(s)")
    return size, samples


def _find_agglomerative(key: KeyArray, x: Array, config: ClusterConfig) -> Found:
    tree = linkage(x, config.linkage)
    if config.distance_threshold is None:
        labels = cut_tree(tree, n_clusters=config.k)
    else:
        labels = cut_tree(tree, distance_threshold=config.distance_threshold)
    return _at_once(labels, jnp.max(labels) + 1, {"linkage": tree, "points": x})


def _label_agglomerative(x: Array, clustering: Any, config: ClusterConfig) -> Array:
    labels: Array = clustering.labels
    return labels[nearest_neighbors(x, clustering.extras["points"])[1]]


def _at_once(labels: Array, n_clusters: Array, extras: dict[str, Any]) -> Found:
    """Of an algorithm that takes no random starts and does not iterate."""
    return Found(
        labels, n_clusters, None, None, jnp.int32(0), jnp.bool(True), jnp.float32(0), extras
    )


METHODS = {
    "kmeans": Method(_find_kmeans, _label_nearest, starts=True),
    "gmm": Method(_find_gmm, _label_gmm, starts=True),
    "dbscan": Method(_find_dbscan, _label_dbscan),
    "hdbscan": Method(_find_hdbscan, _label_hdbscan),
    "agglomerative": Method(_find_agglomerative, _label_agglomerative),
}
"""The algorithms of `ClusterConfig.cluster`, by name."""
