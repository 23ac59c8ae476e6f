"""Labels → codes: what a generator is told about the cluster of a picture.

A code is a row of `max_clusters` numbers, so that a generator compiled once serves any clustering
of at most so many clusters: one-hot for a hard label, shares for a mixture. Noise is all zero, or
has a number of its own, the last, where the generator shall draw noise too.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ._checks import check_count
from ._errors import ConfigError
from ._typing import Array, ArrayLike, Bool, Float, Int

NOISE = -1
"""The label of what is in no cluster."""


class Codes(NamedTuple):
    """Codes of pictures, and which of the clusters exist.

    Attributes:
      codes: (n, max_clusters) float32; row i sums to 1, or to 0 where picture i is noise. With a
        number for noise (n, max_clusters + 1), the last of which is noise's.
      mask: (max_clusters,) or (max_clusters + 1,) True for what holds at least one picture.
    """

    codes: Float[Array, "n n_codes"]
    mask: Bool[Array, " n_codes"]


def encode(labels: Int[ArrayLike, " n"], max_clusters: int, *, noise: bool = False) -> Codes:
    """Codes of hard labels; −1, and any label outside 0…max_clusters−1, is noise.

    Args:
      labels: (n,) cluster of each picture.
      max_clusters: clusters that there can be. Static.
      noise: whether noise has a number of its own, after those of the clusters. Static.

    Returns:
      `Codes`: codes (n, max_clusters), or one wider with `noise`, and the mask of those in use.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax.condition import encode
      >>> encode(jnp.array([1, -1]), 3).codes.tolist()
      [[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
      >>> encode(jnp.array([1, -1]), 3, noise=True).codes.tolist()
      [[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
    """
    max_clusters = check_count(max_clusters, "max_clusters")
    labels = jnp.asarray(labels)
    if labels.ndim != 1 or not jnp.issubdtype(labels.dtype, jnp.integer):
        raise TypeError(f"labels must be whole numbers (n,), not {labels.dtype}{labels.shape}")
    # Labels of a narrow type would wrap the cluster numbers they are compared with.
    labels = labels.astype(jnp.int32)
    if noise:
        labels = jnp.where((labels < 0) | (labels >= max_clusters), max_clusters, labels)
    codes = jax.nn.one_hot(labels, max_clusters + noise, dtype=jnp.float32)
    return Codes(codes, jnp.any(codes > 0, axis=0))


def mix(
    shares: dict[int, float],
    max_clusters: int,
    *,
    noise: bool = False,
    mask: Bool[ArrayLike, " n_codes"] | None = None,
) -> Float[Array, " n_codes"]:
    """The code between clusters: shares by cluster number, scaled to sum to 1.

    Args:
      shares: share ≥ 0 of each cluster, for example `{3: 0.6, 7: 0.4}`; −1 is noise.
      max_clusters: clusters that there can be, as of `encode`.
      noise: whether noise has a number of its own, as there.
      mask: (n_codes,) which of them exist, as from there; None: all do.

    Returns:
      (max_clusters,) float32, or one wider with `noise`.

    Raises:
      ConfigError: for a cluster that does not exist, a share below 0, or shares that are all 0.

    Example:
      >>> from clusterart_jax.condition import mix
      >>> mix({0: 3.0, 2: 1.0}, 3).tolist()
      [0.75, 0.0, 0.25]
    """
    max_clusters = check_count(max_clusters, "max_clusters")
    code = np.zeros(max_clusters + noise)
    there = np.ones(len(code), bool) if mask is None else np.asarray(mask, bool)
    for cluster, share in shares.items():
        if cluster == NOISE:
            if not (noise and there[max_clusters]):
                raise ConfigError(f"there is no noise; {_existing(there[:max_clusters])}")
        elif not (0 <= cluster < max_clusters and there[cluster]):
            raise ConfigError(
                f"cluster {cluster} does not exist; {_existing(there[:max_clusters])}"
            )
        if not (np.isfinite(share) and share >= 0):
            raise ConfigError(f"the share of cluster {cluster} must be a number ≥ 0, not {share}")
        code[cluster] = share  # noise, −1, is the last
    if code.sum() == 0:
        raise ConfigError("a mixture needs at least one share above 0, for example 3:0.6,7:0.4")
    return jnp.asarray(code / code.sum(), jnp.float32)


def _existing(there: np.ndarray) -> str:
    """How many clusters there are, and their numbers, in words."""
    numbers = np.flatnonzero(there)
    if len(numbers) < 2:
        return f"there is only cluster {numbers[0]}" if len(numbers) else "there are no clusters"
    names = f"0…{len(numbers) - 1}"
    if numbers[-1] >= len(numbers):
        names = ", ".join(map(str, numbers))
    return f"there are {len(numbers)} clusters: {names}"
