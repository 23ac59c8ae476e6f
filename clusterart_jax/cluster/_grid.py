"""The graph of a picture's pixels."""

import jax.numpy as jnp
import numpy as np

from .._checks import check_count
from .._errors import ConfigError
from .._typing import Array, Int


def image_grid(h: int, w: int, *, neighbors: int = 4) -> Int[Array, "m 2"]:
    """Edges between neighbouring pixels of a picture, for `graph_linkage`.

    Pixel (i, j) is row i w + j, as `features.pixels` and `reshape` have it. Each edge is there
    once, the smaller number first; pixels that are left out take a `sample_weight` of 0.

    Args:
      h: height of the picture.
      w: its width.
      neighbors: 4, beside and above, or 8, those across corners too.

    Returns:
      (m, 2) int32, with m = h (w − 1) + (h − 1) w, and 2 (h − 1) (w − 1) more across corners.

    Raises:
      ValueError: when the size or the number of neighbours cannot be.

    Example:
      >>> import clusterart_jax as ca
      >>> ca.cluster.image_grid(2, 2)
      Array([[0, 1],
             [2, 3],
             [0, 2],
             [1, 3]], dtype=int32)
    """
    h, w = check_count(h, "h"), check_count(w, "w")
    if neighbors not in (4, 8):
        raise ConfigError(f"neighbors must be 4 or 8, not {neighbors!r}")
    i = np.arange(h * w, dtype=np.int32).reshape(h, w)
    pairs = [(i[:, :-1], i[:, 1:]), (i[:-1], i[1:])]
    if neighbors == 8:
        pairs += [(i[:-1, :-1], i[1:, 1:]), (i[:-1, 1:], i[1:, :-1])]
    return jnp.asarray(np.concatenate([np.stack([a.ravel(), b.ravel()], 1) for a, b in pairs]))
