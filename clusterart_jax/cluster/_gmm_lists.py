"""Both steps of EM on a CPU for full covariances, without the work that comes to nothing.

E: z = Uᵀx − Uᵀμ of all components is one product of matrices. What it cancels is of the size of z
itself and not of its square: it costs eps · (distance of the mean from the origin / spread) of the
digits. The few components to which that leaves less than half of them are computed as Uᵀ(x − μ),
one by one.

M: most responsibilities are nothing (see `posterior`), so that each component lists the rows it
has a share in, and sums over these alone.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from .._linalg import HIGHEST, compact
from .._typing import Array, Float
from ._gmm_kinds import Moments


def pays(d: int) -> bool:
    """Whether rows are wide enough for lists, and narrow enough for one product of all components.

    (Measured.)
    """
    return jax.default_backend() == "cpu" and 8 <= d <= 64


_TILE = 256  # rows whose z stay in cache
_LIST = 256  # rows of a list that are summed at once


def block_of(n: int, k: int) -> int:
    """Rows whose responsibilities are kept at once: long lists pay, and all must stay in cache."""
    return min(n, max(_TILE, min(2048, 2**18 // k // _TILE * _TILE)))


class Frames(NamedTuple):
    """The coordinates of all components.

    Attributes:
      means: (k, d)
      turned: (k, d, d) Uᵀ.
      shift: (k, d, 1) Uᵀμ.
      order: (k,) components, first those of too few digits.
      few: () how many these are.
    """

    means: Array
    turned: Array
    shift: Array
    order: Array
    few: Array


def frames(
    means: Float[Array, "k d"], covariances: Float[Array, "k d d"], factor: Float[Array, "k d d"]
) -> Frames:
    """What `squares` needs of a mixture. |U|ᵀ(|μ| + σ) bounds what a product cancels."""
    spread = jnp.sqrt(jnp.diagonal(covariances, axis1=1, axis2=2))
    sizes = jnp.sum(jnp.abs(factor) * (jnp.abs(means) + spread)[:, :, None], axis=1)
    enough = jnp.max(sizes, axis=1) < float(jnp.finfo(means.dtype).eps) ** -0.5
    turned = jnp.swapaxes(factor, 1, 2)
    shift = jnp.matmul(turned, means[:, :, None], precision=HIGHEST)
    few = jnp.sum(~enough, dtype=jnp.int32)
    return Frames(means, turned, shift, jnp.argsort(enough, stable=True), few)


def squares(x: Float[Array, "d b"], frames: Frames) -> Float[Array, "k b"]:
    """|Uⱼᵀ(x − μⱼ)|² for each component and a block of rows, given as columns."""
    k, d, _ = frames.turned.shape
    b = x.shape[1]
    tile = min(b, _TILE)

    def one(x: Array) -> Array:
        z = jnp.matmul(frames.turned.reshape(k * d, d), x, precision=HIGHEST)
        z = lax.optimization_barrier(z).reshape(k, d, -1) - frames.shift
        return jnp.sum(z * z, axis=1)

    tiles = jnp.pad(x, ((0, 0), (0, -b % tile))).reshape(d, -1, tile)
    found = jnp.swapaxes(lax.map(one, jnp.swapaxes(tiles, 0, 1)), 0, 1).reshape(k, -1)[:, :b]

    def again(i: Array, found: Array) -> Array:
        j = frames.order[i]
        z = jnp.matmul(frames.turned[j], x - frames.means[j][:, None], precision=HIGHEST)
        return lax.dynamic_update_index_in_dim(found, jnp.sum(z * z, axis=0), j, 0)

    return lax.fori_loop(jnp.int32(0), frames.few, again, found)


def listed_moments(
    x: Float[Array, "d b"], weights: Float[Array, "k b"], means: Float[Array, "k d"]
) -> Moments:
    """The moments of one block about `means`, from the rows of each component that weigh."""
    d, b = x.shape
    rows = lax.optimization_barrier(x.T)

    def one(component: tuple[Array, Array]) -> tuple[Array, Array]:
        mean, r = component
        places, count = compact(r > 0, min(b, _LIST))

        def add(i: Array, sums: tuple[Array, Array]) -> tuple[Array, Array]:
            at = lax.dynamic_slice_in_dim(places, i * min(b, _LIST), min(b, _LIST))
            y = rows.at[at].get(mode="clip") - mean[None]
            weighted = y * jnp.where(at < b, r.at[at].get(mode="clip"), 0)[:, None]
            first, second = sums
            second = second + jnp.matmul(weighted.T, y, precision=HIGHEST)
            return first + jnp.sum(weighted, axis=0), second

        zeros = (jnp.zeros(d, x.dtype), jnp.zeros((d, d), x.dtype))
        return lax.fori_loop(jnp.int32(0), -(-count // min(b, _LIST)), add, zeros)

    return Moments(jnp.sum(weights, axis=1), *lax.map(one, (means, weights)))
