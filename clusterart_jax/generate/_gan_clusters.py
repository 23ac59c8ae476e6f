"""Clusters of a discriminator's features while it trains, that keep their numbers."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from .._linalg import fold_rows
from .._typing import Array, Float, KeyArray, UInt8
from ..cluster import kmeans

_BLOCK = 128  # pictures looked at at once, about as many as a training step holds
_ROUNDS = 20  # of k-means, which starts near its end


def recluster(
    key: KeyArray,
    features: Callable[[Float[Array, "b h w c"]], Float[Array, "b f"]],
    images: UInt8[Array, "n h w c"],
    codes: Float[Array, "n n_codes"],
) -> Float[Array, "n n_codes"]:
    """Codes from k-means on features, which starts from the means of the clusters of before.

    A new cluster has the number of the one of before with which it shares its pictures, by the
    matching that keeps most of them. Pictures whose code is 0, noise, stay noise; codes that nobody
    had become clusters too. Cost: one pass of the features, up to 20 rounds of k-means, and
    O(n_codes³) to match; peak extra memory is that of the features, (n, f).

    Args:
      key: for k-means.
      features: from pictures in 0…1.
      images: (n, h, w, c).
      codes: (n, n_codes) of before.

    Returns:
      (n, n_codes), each row one-hot or 0.

    References:
      Liu and others, arXiv:2006.10728; Kuhn, 1955, doi:10.1002/nav.3800020109.
    """

    def look(carry: tuple[()], valid: Array, images: Array) -> tuple[tuple[()], Array]:
        return carry, features(images.astype(jnp.float32) / 255).astype(jnp.float32)

    x = fold_rows(look, (), (images,), block=_BLOCK)[1]
    present = (jnp.sum(codes, axis=1) > 0).astype(x.dtype)
    size = jnp.sum(codes, axis=0)
    middle = jnp.sum(present[:, None] * x, axis=0) / jnp.maximum(jnp.sum(present), 1)
    means = (codes.T @ x) / jnp.maximum(size, 1e-6)[:, None]
    means = jnp.where(size[:, None] > 0, means, middle[None])
    k = codes.shape[1]
    with jax.numpy_dtype_promotion("standard"):
        found = kmeans(key, x, k, sample_weight=present, init=means, max_iter=_ROUNDS)
    new = jax.nn.one_hot(found.labels, k, dtype=codes.dtype) * present[:, None]
    return new[:, matched(codes.T @ new)]


def matched(shared: Float[Array, "k k"]) -> Array:
    """For each cluster of before the new one that takes its number, so that most is shared.

    Args:
      shared: (k, k) pictures, or their shares, of each cluster of before in each new one.

    Returns:
      (k,) int32, a permutation.
    """
    with jax.numpy_dtype_promotion("standard"):
        rows, columns = optax.assignment.hungarian_algorithm(-shared)
    order = jnp.zeros(shared.shape[0], jnp.int32)
    return order.at[rows].set(columns.astype(jnp.int32))
