"""Labels as 0…k−1, on the host where they are known, as given where they are traced."""

import jax
import jax.numpy as jnp
import numpy as np

from .._checks import check_count
from .._sharding import replicate, row_sharding
from .._typing import Array, ArrayLike, Int


def dense_labels(
    labels: ArrayLike, num: int | None, name: str, *, noise: bool = False
) -> tuple[Int[Array, " n"], int]:
    """Labels as int32 0…num−1, and `num`.

    Args:
      labels: (n,) whole numbers of any range where they are concrete; 0…num−1 where traced.
      num: number of different labels; None counts them, which a traced array does not allow.
      name: what the error calls them.
      noise: whether −1 stays −1, as the label of no cluster.

    Raises:
      TypeError: when labels are traced and `num` is None, or are not whole numbers.
    """
    if np.ndim(labels) != 1:
        raise ValueError(f"{name} must have shape (n,), not {np.shape(labels)}")
    kind = labels.dtype if isinstance(labels, jax.Array) else np.asarray(labels).dtype
    if np.size(labels) and not (jnp.issubdtype(kind, jnp.integer) or jnp.issubdtype(kind, bool)):
        raise TypeError(f"{name} must be whole numbers, not {kind}")
    if num is not None:
        whole = jnp.asarray(labels).astype(jnp.int32)
        return replicate(whole, row_sharding(whole)), check_count(num, "k")
    if isinstance(labels, jax.core.Tracer):
        raise TypeError(f"{name} is traced: say how many labels there are (static), e.g. k=10")
    host = np.asarray(labels)
    dropped = (host == -1) if noise else np.zeros(host.shape, bool)
    values, dense = np.unique(host[~dropped], return_inverse=True)
    out = np.full(host.shape, -1, np.int32)
    out[~dropped] = dense
    return jnp.asarray(out), len(values)
