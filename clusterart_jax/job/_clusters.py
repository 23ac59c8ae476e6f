"""Pictures → their clusters, kept on disk; and the numbers that say how good they are."""

from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from .. import metrics
from .._errors import ConfigError
from .._progress import progress
from .._typing import ArrayLike, Images, KeyArray
from ..features import PCAState
from ..generate import load_tree, save_tree
from ..pipeline import (
    FEATURES,
    METHODS,
    ClusterConfig,
    Clustering,
    Found,
    clustered,
    least_numbers,
    project,
)
from ..report import Number
from ._feeds import is_large, sample_rows
from ._folder import CLUSTERING, RECLUSTERED, abandon, stored
from ._reclustered import relabelled

_PART_BYTES = 2**25  # of pictures that are projected at once

SILHOUETTE_ROWS = 10_000
"""Rows at most of which silhouettes are taken, evenly spaced: their cost grows as the square."""


def cluster_images(
    path: Path,
    images: Images,
    key: KeyArray,
    config: ClusterConfig,
    *,
    all_clusters: bool = False,
    quiet: bool = False,
) -> tuple[Clustering, np.ndarray]:
    """The clustering of an earlier try where there is one in `path`, else found and kept there.

    Args:
      path: the run's folder.
      images: `uint8` (n, h, w, c).
      key: for the starts.
      config: what to find.
      all_clusters: keep all clusters of an algorithm that finds their number, not the k largest.
      quiet: no progress bar.

    Returns:
      The clustering, and the points (n, m) that were clustered.

    Raises:
      ConfigError: when there is not one cluster; the message says what to change.
    """
    file = path / CLUSTERING
    try:
        projection, points = _project(images, config)
    except ConfigError:  # what the features need is not installed
        if not file.exists():
            abandon(path)
        raise
    if file.exists():
        shape = images.shape
        kept = _read_first(path, config, shape, all_clusters=all_clusters)
        return kept, np.asarray(points)
    try:
        found = _best(key, points, config, quiet=quiet)
        _refuse_nothing(found, config, len(points))
    except ConfigError:
        abandon(path)  # there is nothing to go on with: other options begin anew
        raise
    clustering = clustered(
        projection, points, found, config, _most(config, found.n_clusters, all_clusters)
    )
    save_tree(file, clustering)
    return clustering, np.asarray(points)


def _project(images: Images, config: ClusterConfig) -> tuple[PCAState, jax.Array]:
    """As `project`; of a large set components are those of a sample, and points come in parts."""
    seen = FEATURES[config.features]
    look = project if seen.in_batches else jax.jit(project, static_argnums=1)
    if not is_large(images):
        return look(images, config)
    projection, _ = look(images[sample_rows(len(images))], config)

    def place(some: Images) -> jax.Array:
        return projection.transform(seen.rows(some))

    transform = place if seen.in_batches else jax.jit(place)
    step = max(1, _PART_BYTES // images[0].nbytes)
    parts = [
        np.asarray(transform(images[first : first + step])) for first in range(0, len(images), step)
    ]
    return projection, jnp.asarray(np.concatenate(parts))


def read_clustering(path: Path, config: ClusterConfig, shape: tuple[int, ...]) -> Clustering:
    """The clustering that a run has kept, as its generator knows it.

    Args:
      path: the run's folder.
      config: what was found.
      shape: (n, h, w, c) of the pictures that were clustered.

    Raises:
      CheckpointError: when it is absent, damaged or of another form.
    """
    file = path / RECLUSTERED
    if not file.exists():
        return _read_first(path, config, shape)

    def form(images: Images, labels: jax.Array) -> Clustering:
        return relabelled(*project(images, config), labels, config)

    images, labels = jax.ShapeDtypeStruct(shape, jnp.uint8), jnp.zeros(shape[0], jnp.int32)
    return jax.tree.map(jnp.asarray, load_tree(file, jax.eval_shape(form, images, labels)))


def _read_first(
    path: Path, config: ClusterConfig, shape: tuple[int, ...], *, all_clusters: bool = False
) -> Clustering:
    """The clustering that was found before anything was trained."""
    file = path / CLUSTERING
    most = _most(config, stored(file, "n_found"), all_clusters) if file.exists() else config.k

    def form(images: Images) -> Clustering:
        projection, points = project(images, config)
        found = _find(jax.random.key(0), points, config)
        return clustered(projection, points, found, config, most)

    like = jax.eval_shape(form, jax.ShapeDtypeStruct(shape, jnp.uint8))
    return jax.tree.map(jnp.asarray, load_tree(file, like))


def _find(key: KeyArray, points: jax.Array, config: ClusterConfig) -> Found:
    return METHODS[config.cluster].find(key, points, config)


def _most(config: ClusterConfig, count: ArrayLike | None, all_clusters: bool) -> int:
    """Clusters that are kept at most."""
    given = not (all_clusters and config.finds_number) or count is None
    return config.k if given else int(np.asarray(count))


def _best(key: KeyArray, points: jax.Array, config: ClusterConfig, *, quiet: bool) -> Found:
    """The best of all starts, as `find` gives it with `n_init`, but heard of in between."""
    once = replace(config, n_init=1)
    starts = config.n_init if METHODS[config.cluster].starts else 1
    best = None
    with progress(starts, "clustering", "start", quiet=quiet, at_once=True) as bar:
        for i in range(starts):
            found = _find(jax.random.fold_in(key, i) if i else key, points, once)
            if best is None or found.loss < best.loss or jnp.isnan(best.loss):
                best = found
            bar.update()
    assert best is not None
    return best


def _refuse_nothing(found: Found, config: ClusterConfig, n: int) -> None:
    """No clusters are an error, which says what to change."""
    if not np.isfinite(found.loss):
        raise ConfigError(
            f"{config.cluster} came to no result: a covariance of its {config.k} clusters is "
            "singular; lower -k or --n-components, or use --covariance-type diag"
        )
    if int(found.n_clusters):
        return
    if config.cluster == "dbscan":
        eps, curve = float(found.extras["eps"]), found.extras["distances"]
        _, least = least_numbers(config, n)
        reason = (
            f"none has {least} within eps {eps:.4g}; raise --eps (half of them have at "
            f"{float(np.median(curve)):.4g}) or lower --min-samples"
        )
    else:
        size, samples = least_numbers(config, n)
        reason = (
            f"no two groups of {size} lie apart; lower --min-cluster-size"
            f"{'' if samples == size else f' or --min-samples, which is {samples}'}, "
            "or use another --cluster"
        )
    raise ConfigError(f"{config.cluster} finds no cluster: all {n} pictures are noise, as {reason}")


def clustering_numbers(
    clustering: Clustering, points: np.ndarray, true_labels: np.ndarray | None
) -> list[Number]:
    """The headline numbers of a clustering.

    Args:
      clustering: of the pictures.
      points: (n, m) that were clustered.
      true_labels: (n,) known classes, or None.
    """
    labels = np.asarray(clustering.labels)
    member = labels >= 0
    numbers = _settings(clustering, len(points))
    if clustering.config.finds_number:
        numbers += [
            Number("clusters", len(np.unique(labels[member])), "found, with pictures in them"),
            Number("noise", float(np.mean(~member)), "share of the pictures in no cluster, 0…1"),
        ]
    if clustering.config.cluster == "kmeans":
        numbers.append(
            Number(
                "inertia",
                float(clustering.inertia),
                "sum of squared distances of pictures to their cluster's centre (what k-means "
                "minimises), in pixel values of 0…1",
                "lower",
            )
        )
    rows = np.unique(np.linspace(0, len(points) - 1, SILHOUETTE_ROWS).astype(int))
    several = len(np.unique(labels[rows][member[rows]])) > 1
    part = f" ({SILHOUETTE_ROWS:,} evenly spaced pictures)" if len(rows) < len(points) else ""
    noise = "" if member.all() else "; noise is left out"
    numbers.append(
        Number(
            "silhouette",
            float(metrics.silhouette_score(points[rows], labels[rows])) if several else np.nan,
            "how much nearer pictures are to their own cluster than to the next one, −1 to 1"
            + noise
            + part,
            "higher",
        )
    )
    return numbers if true_labels is None else numbers + _agreement(labels, true_labels)


def _settings(clustering: Clustering, n: int) -> list[Number]:
    """What the algorithm chose by itself."""
    config, extras = clustering.config, clustering.extras
    if config.cluster == "dbscan" and extras is not None:
        _, least = least_numbers(config, n)
        how = "as asked"
        if config.eps is None:
            how = f"the knee of the sorted distances within which {least} pictures are"
        return [Number("eps", float(extras["eps"]), f"radius, in pixel values of 0…1: {how}")]
    if config.cluster == "hdbscan" and config.min_cluster_size is None:
        size = least_numbers(config, n)[0]
        return [
            Number("min cluster size", size, "pictures of a cluster at least: 1 % of all, or 5")
        ]
    return []


def _agreement(labels: np.ndarray, true_labels: np.ndarray) -> list[Number]:
    member = labels >= 0
    wrong = "" if member.all() else "; noise counts as wrong"
    one_more = "" if member.all() else "; noise counts as a cluster"
    accuracy = metrics.clustering_accuracy(true_labels[member], labels[member])
    return [
        Number(
            "accuracy",
            float(accuracy) * float(np.mean(member)),
            "share of pictures in the cluster that is matched to their known class, one "
            "cluster a class" + wrong,
            "higher",
        ),
        Number(
            "adjusted Rand index",
            float(metrics.adjusted_rand_score(true_labels, labels)),
            "agreement of clusters and known classes over pairs of pictures; 0 is chance, "
            "1 is full" + one_more,
            "higher",
        ),
        Number(
            "normalised mutual information",
            float(metrics.normalized_mutual_info_score(true_labels, labels)),
            "what the cluster tells of the known class; 0 is nothing, 1 is all" + one_more,
            "higher",
        ),
    ]
