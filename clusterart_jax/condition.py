"""Labels → codes: what a generator is told about the cluster of a picture.

A code is a row of `max_clusters` numbers, so that a generator compiled once serves any clustering
of at most so many clusters: one-hot for a hard label, shares for a mixture, all zero for noise.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ._checks import check_count
from ._errors import ConfigError
from ._typing import Array, ArrayLike, Bool, Float, Int


class Codes(NamedTuple):
    """Codes of pictures, and which of the clusters exist.

    Attributes:
      codes: (n, max_clusters) float32; row i sums to 1, or to 0 where picture i is noise.
      mask: (max_clusters,) True for clusters that hold at least one picture.
    """

    codes: Float[Array, "n max_clusters"]
    mask: Bool[Array, " max_clusters"]


def encode(labels: Int[ArrayLike, " n"], max_clusters: int) -> Codes:
    """Codes of hard labels; −1, and any label outside 0…max_clusters−1, is noise.

    Args:
      labels: (n,) cluster of each picture.
      max_clusters: width of the codes. Static.

    Returns:
      `Codes`: codes (n, max_clusters) and the mask of clusters in use.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax.condition import encode
      >>> encode(jnp.array([1, -1]), 3).codes.tolist()
      [[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """
    max_clusters = check_count(max_clusters, "max_clusters")
    labels = jnp.asarray(labels)
    if labels.ndim != 1 or not jnp.issubdtype(labels.dtype, jnp.integer):
        raise TypeError(f"labels must be whole numbers (n,), not {labels.dtype}{labels.shape}")
    # Labels of a narrow type would wrap the cluster numbers they are compared with.
    codes = jax.nn.one_hot(labels.astype(jnp.int32), max_clusters, dtype=jnp.float32)
    return Codes(codes, jnp.any(codes > 0, axis=0))


def mix(shares: dict[int, float], max_clusters: int) -> Float[Array, " max_clusters"]:
    """The code between clusters: shares by cluster number, scaled to sum to 1.

    Args:
      shares: share ≥ 0 of each cluster, for example `{3: 0.6, 7: 0.4}`.
      max_clusters: width of the code.

    Returns:
      (max_clusters,) float32.

    Raises:
      ConfigError: for a cluster that does not exist, a share below 0, or shares that are all 0.

    Example:
      >>> from clusterart_jax.condition import mix
      >>> mix({0: 3.0, 2: 1.0}, 3).tolist()
      [0.75, 0.0, 0.25]
    """
    code = np.zeros(check_count(max_clusters, "max_clusters"))
    for cluster, share in shares.items():
        if not 0 <= cluster < max_clusters:
            raise ConfigError(
                f"cluster {cluster} does not exist; clusters are 0…{max_clusters - 1}"
            )
        if not (np.isfinite(share) and share >= 0):
            raise ConfigError(f"the share of cluster {cluster} must be a number ≥ 0, not {share}")
        code[cluster] = share
    if code.sum() == 0:
        raise ConfigError("a mixture needs at least one share above 0, for example 3:0.6,7:0.4")
    return jnp.asarray(code / code.sum(), jnp.float32)
