"""Clusters that a family found anew while it trained: told to all that comes after training."""

from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from .. import metrics
from .._typing import Array, ArrayLike, Float, Int
from ..features import PCAState
from ..generate import save_tree
from ..pipeline import ClusterConfig, Clustering, Found, clustered
from ._folder import RECLUSTERED


def moved(before: ArrayLike, after: ArrayLike) -> float:
    """Share of the pictures whose code says another cluster than before; codes (m, n_codes)."""
    return float(np.mean(code_labels(before) != code_labels(after)))


def code_labels(codes: ArrayLike) -> Int[np.ndarray, " m"]:
    """The cluster of which most is in each code; −1 where nothing is."""
    codes = np.asarray(codes)
    labels = np.argmax(codes, axis=1).astype(np.int32)
    return np.where(codes.sum(axis=1) > 0, labels, np.int32(-1))


def follow(
    path: Path,
    clustering: Clustering,
    points: Float[np.ndarray, "n m"],
    rows: Int[np.ndarray, " r"],
    codes: Float[ArrayLike, "r n_codes"],
) -> Clustering:
    """The clustering as training left it, which is kept beside the one that training was given.

    Pictures that were not trained on, and new ones, are of the cluster of the nearest picture that
    was: clusters in a network's features have no shape among principal components.

    Args:
      path: folder of the run.
      clustering: that training was given.
      points: of all pictures, as they were clustered.
      rows: pictures that were trained on.
      codes: of those, at the end.

    Returns:
      A clustering whose clusters are numbered as the codes.
    """
    known = code_labels(codes)
    known = np.where(known == clustering.config.k, np.int32(-1), known)  # the code of noise
    labels = np.empty(len(points), np.int32)
    labels[rows] = known
    others = np.setdiff1d(np.arange(len(points)), rows)
    if len(others):
        nearest = np.asarray(metrics.nearest_neighbors(points[others], points[rows])[1])
        labels[others] = known[nearest]
    after = relabelled(
        clustering.projection, jnp.asarray(points), jnp.asarray(labels), clustering.config
    )
    save_tree(path / RECLUSTERED, after)
    return jax.tree.map(jnp.asarray, after)


def relabelled(
    projection: PCAState,
    points: Float[Array, "n m"],
    labels: Int[Array, " n"],
    config: ClusterConfig,
) -> Clustering:
    """A clustering of these labels that puts new pictures where the nearest of `points` is."""
    given = replace(config, cluster="agglomerative", distance_threshold=None)
    found = Found(
        labels,
        jnp.int32(config.k),
        None,
        None,
        jnp.int32(0),
        jnp.bool(True),
        jnp.float32(0),
        {"points": points},
    )
    result = clustered(projection, points, found, given)
    if not config.finds_number:
        return result
    # Noise is still possible; clusters beyond k were left out before.
    return result._replace(
        config=replace(given, distance_threshold=1.0), n_found=jnp.max(labels) + 1
    )
