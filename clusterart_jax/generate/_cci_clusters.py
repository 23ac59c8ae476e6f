"""Clusters that follow features while a network that makes the features is trained."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import export, lax

from .._linalg import HIGHEST, fold_rows, squared_norms
from .._typing import Array, Float, Int, UInt8
from ..cluster import nearest_centers

_BLOCK = 256  # pictures whose features are computed at once
_ROUNDS = 10  # iterations of k-means after features have moved


@partial(export.register_namedtuple_serialization, serialized_name="clusterart_jax.Clusters")
class Clusters(NamedTuple):
    """Centres in the space of features, and the clusters of all pictures.

    Attributes:
      centers: (n_codes, d); those of clusters without pictures are infinite.
      codes: (n, n_codes), pseudo-labels of the pictures; all 0 for one that is in no cluster.
      seen: steps taken, int32.
      moved: share of the pictures whose cluster changed when they were last looked at.
    """

    centers: Float[Array, "n_codes d"]
    codes: Float[Array, "n n_codes"]
    seen: Int[Array, ""]
    moved: Float[Array, ""]


def features_of(
    network: Callable[[Array], Array], images: UInt8[Array, "n h w c"]
) -> Float[Array, "n d"]:
    """Features of all pictures, a block of them at a time; peak extra memory O(n d)."""

    def step(carry: tuple[()], valid: Array, images: Array) -> tuple[tuple[()], Array]:
        return carry, network(images.astype(jnp.float32) / 255)

    return fold_rows(step, (), (images,), block=_BLOCK)[1]


def means(
    features: Float[Array, "n d"], codes: Float[Array, "n n_codes"]
) -> Float[Array, "n_codes d"]:
    """The mean of each cluster by shares; infinite where none has a share."""
    mass = jnp.sum(codes, axis=0)[:, None]
    sums = jnp.matmul(codes.T, features, precision=HIGHEST)
    return jnp.where(mass > 0, sums / jnp.where(mass > 0, mass, 1), jnp.inf)


def assigned(
    features: Float[Array, "n d"],
    centers: Float[Array, "n_codes d"],
    codes: Float[Array, "n n_codes"],
) -> Float[Array, "n n_codes"]:
    """Codes of the nearest centre; rows that are in no cluster stay so."""
    labels, _ = nearest_centers(features, centers)
    inside = (jnp.sum(codes, axis=1) > 0).astype(codes.dtype)
    return jax.nn.one_hot(labels, codes.shape[1], dtype=codes.dtype) * inside[:, None]


def followed(
    before: Clusters,
    features: Float[Array, "b d"],
    codes: Float[Array, "b n_codes"],
    decay: float,
) -> Clusters:
    """The clusters after a step: centres move towards the means of their pictures in the batch."""
    new = means(features, codes)
    known = jnp.isfinite(before.centers)
    centers = jnp.where(known, before.centers, new)
    moved = decay * centers + (1 - decay) * new
    centers = jnp.where(known & jnp.isfinite(new), moved, centers)
    return before._replace(centers=centers, seen=before.seen + 1)


def reclustered(features: Float[Array, "n d"], before: Clusters) -> Clusters:
    """k-means that starts where the clusters of before lie among features of now.

    Each cluster starts from the mean of its own pictures, so that it keeps its number however far
    the features have moved. A cluster that loses all pictures keeps its centre.
    """

    def round_(i: Array, now: tuple[Array, Array]) -> tuple[Array, Array]:
        centers, _ = now
        codes = assigned(features, centers, before.codes)
        new = means(features, codes)
        return jnp.where(jnp.isfinite(new), new, centers), codes

    start = (means(features, before.codes), before.codes)
    centers, codes = lax.fori_loop(jnp.int32(0), jnp.int32(_ROUNDS), round_, start)
    moved = 0.5 * jnp.mean(jnp.sum(jnp.abs(codes - before.codes), axis=1))
    return before._replace(centers=centers, codes=codes, moved=moved)


def nearest_pictures(
    features: Float[Array, "n d"],
    centers: Float[Array, "n_codes d"],
    codes: Float[Array, "n n_codes"],
    count: int,
) -> Int[Array, "n_codes count"]:
    """The pictures of each cluster that lie nearest to its centre, −1 where there are too few."""
    n = features.shape[0]

    def one(cluster: tuple[Array, Array]) -> Array:
        center, share = cluster
        distance = squared_norms(features - center[None])
        near = jnp.where(share > 0, -distance, -jnp.inf)
        best, rows = lax.top_k(near, min(count, n))
        rows = jnp.where(jnp.isfinite(best), rows, -1).astype(jnp.int32)
        return jnp.pad(rows, (0, max(0, count - n)), constant_values=-1)

    return lax.map(one, (centers, codes.T))
