"""A codebook: vectors that stand for all vectors near them, kept by moving averages."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import export, lax

from .._linalg import HIGHEST, first_min, group_sums, squared_norms
from .._typing import Array, Float, Int, KeyArray
from ..cluster import kmeans


@partial(export.register_namedtuple_serialization, serialized_name="clusterart_jax.Codebook")
class Codebook(NamedTuple):
    """Vectors, and the moving averages that they are made of.

    Attributes:
      vectors: (v, d); vector j stands for all that are nearer to it than to the others.
      share: (v,) moving average of the share of encoder outputs that each stands for.
      total: (v, d) moving average of their sum, divided by the number of all outputs.
    """

    vectors: Float[Array, "v d"]
    share: Float[Array, " v"]
    total: Float[Array, "v d"]


def start_codebook(key: KeyArray, z: Float[Array, "n d"], size: int) -> Codebook:
    """A codebook that starts from the centres k-means finds among encoder outputs.

    Where there are fewer outputs than vectors, each vector is one of them.

    Args:
      key: for the starts of k-means.
      z: (n, d) encoder outputs.
      size: number of vectors. Static.
    """
    n = z.shape[0]
    if n < size:
        vectors = z[jnp.arange(size, dtype=jnp.int32) % n]
        share = jnp.full((size,), 1 / size, z.dtype)
    else:
        found = kmeans(key, z, size, max_iter=20)
        vectors = found.centers
        ones = jnp.ones((n,), z.dtype)
        share = group_sums(ones[:, None], found.labels, ones, size)[:, 0] / n
    return Codebook(vectors, share, share[:, None] * vectors)


def quantise(vectors: Float[Array, "v d"], z: Float[Array, "n d"]) -> Int[Array, " n"]:
    """The nearest vector of each row, the first of equally near ones. Cost O(n v d)."""
    product = jnp.matmul(z, vectors.T, precision=HIGHEST)
    return first_min(squared_norms(vectors)[None] - 2 * product)[1]


def straight_through(z: Float[Array, "..."], q: Float[Array, "..."]) -> Float[Array, "..."]:
    """q, with derivatives as if it were z (arXiv:1308.3432): rounding itself has none."""
    return z + lax.stop_gradient(q - z)


def follow(
    key: KeyArray,
    book: Codebook,
    z: Float[Array, "n d"],
    index: Int[Array, " n"],
    *,
    decay: float,
    revive: float,
) -> tuple[Codebook, Float[Array, ""]]:
    """The codebook after a batch: averages move, and vectors that stand for too little move to it.

    Vector j is the mean of the outputs it stood for, weighted by how recent they are. One whose
    share falls below `revive` / v becomes a random output of the batch, with a fair share, so that
    it has time to gain outputs before it may be moved again. Outputs are chosen as k-means++ does,
    by squared distance from their own vectors: those of empty background are all the same, and a
    second vector there would stand for nothing.

    Args:
      key: for which outputs dead vectors move to.
      book: before.
      z: (n, d) encoder outputs of the batch.
      index: (n,) which vector stands for each.
      decay: of the averages, for each batch.
      revive: part of the fair share 1 / v below which a vector is dead; 0 revives none.

    Returns:
      The next codebook, and how many vectors were revived.

    References:
      Averages: van den Oord and others, arXiv:1711.00937, appendix A.1. Dead vectors: Dhariwal and
      others, arXiv:2005.00341, section 3.
    """
    n, v = z.shape[0], book.share.shape[0]
    ones = jnp.ones((n, 1), z.dtype)
    sums = group_sums(jnp.concatenate([z, ones], axis=1), index, ones[:, 0], v) / n
    share = decay * book.share + (1 - decay) * sums[:, -1]
    total = decay * book.total + (1 - decay) * sums[:, :-1]
    dead = share < revive / v
    fresh = z[_far_rows(key, squared_norms(z - book.vectors[index]), v)]
    share = jnp.where(dead, 1 / v, share)
    total = jnp.where(dead[:, None], share[:, None] * fresh, total)
    held = share > 0
    mean = total / jnp.where(held, share, 1)[:, None]
    vectors = jnp.where(held[:, None], mean, book.vectors)
    return Codebook(vectors, share, total), jnp.sum(dead, dtype=z.dtype)


def _far_rows(key: KeyArray, squared: Float[Array, " n"], count: int) -> Int[Array, " count"]:
    """Random rows, each as likely as its squared distance says, without repetition up to n."""
    n = squared.shape[0]
    # The largest sums of a logarithm and Gumbel's noise are a sample without replacement.
    rank = jnp.log(squared + 1e-12) + jax.random.gumbel(key, (n,), squared.dtype)
    rows = lax.top_k(rank, min(count, n))[1].astype(jnp.int32)
    return rows[jnp.arange(count, dtype=jnp.int32) % min(count, n)]
