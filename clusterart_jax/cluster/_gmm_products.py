"""Both steps of EM as two matrix products, for mixtures whose digits allow it.

The log-density of a Gaussian is linear in x xᵀ, x and 1, and its moments are sums of the same. So
the E-step is a product of the mixture's natural parameters with these statistics of the rows, and
the M-step one of the responsibilities with them again: a third of the time of taking differences
from each mean, where there are many components. But x² p − 2 x p μ + μ² p loses
eps · (distance of the mean from the origin / spread)² of its digits. `digits_suffice` says
whether that leaves half of them.
"""

import jax.numpy as jnp
import numpy as np

from .._linalg import HIGHEST
from .._typing import Array, Bool, Float
from ._gmm_kinds import Moments

WIDEST = 64
"""Columns up to which products of all pairs of columns pay."""


def pays(kind: str, d: int, k: int) -> bool:
    """Whether products are the faster way for a mixture of this form."""
    return kind == "diag" or (kind == "full" and d <= WIDEST and 2 * k >= d)


def _pairs(d: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of columns (i, j), each once, in the order of `statistics`."""
    first, second = [], []
    for shift in range(d // 2 + 1):
        # In the last round of an even d, the second half would repeat the first.
        i = np.arange(d // 2 if shift and 2 * shift == d else d)
        first.append(i)
        second.append((i + shift) % d)
    return np.concatenate(first), np.concatenate(second)


def statistics(x: Float[Array, "d b"], kind: str) -> Float[Array, "m b"]:
    """Products of columns, columns, and ones: for "full" all pairs, for "diag" squares."""
    d = x.shape[0]
    parts = [x * x]
    if kind == "full":
        # The columns times themselves turned round: plain slices, where a gather would be slow.
        twice = jnp.concatenate([x, x])
        for shift in range(1, d // 2 + 1):
            rows = d // 2 if 2 * shift == d else d
            parts.append(x[:rows] * twice[shift : shift + rows])
    return jnp.concatenate([*parts, x, jnp.ones_like(x[:1])])


def natural_parameters(
    constants: Float[Array, " k"], means: Float[Array, "k d"], factor: Array, kind: str
) -> Float[Array, "k m"]:
    """What, times `statistics`, is constantsⱼ − ½ |Uⱼᵀ(x − μⱼ)|²."""
    if kind == "diag":
        quadratic = factor**2
        linear = quadratic * means
        quadratic = quadratic / -2
    else:
        precisions = jnp.matmul(factor, jnp.swapaxes(factor, 1, 2), precision=HIGHEST)
        linear = jnp.matmul(precisions, means[:, :, None], precision=HIGHEST)[:, :, 0]
        i, j = _pairs(means.shape[1])
        quadratic = precisions[:, i, j] * np.where(i == j, -0.5, -1).astype(means.dtype)[None]
    constants = constants - jnp.sum(linear * means, axis=1) / 2
    return jnp.concatenate([quadratic, linear, constants[:, None]], axis=1)


def moments_from(sums: Float[Array, "k m"], means: Float[Array, "k d"], kind: str) -> Moments:
    """The moments about `means` from Σ r · statistics."""
    d = means.shape[1]
    mass, plain, products = sums[:, -1], sums[:, -1 - d : -1], sums[:, : -1 - d]
    first = plain - mass[:, None] * means
    if kind == "diag":
        return Moments(mass, first, products - means * (plain + first))
    place = np.zeros((d, d), int)
    i, j = _pairs(d)
    place[i, j] = place[j, i] = np.arange(len(i))
    about = means[:, :, None] * plain[:, None, :] + first[:, :, None] * means[:, None, :]
    return Moments(mass, first, products[:, place] - about)


def digits_suffice(
    means: Float[Array, "k d"], covariances: Array, factor: Array, kind: str
) -> Bool[Array, ""]:
    """Whether the products above keep half of the digits of the dtype.

    The largest terms they cancel are vᵀ|Σ⁻¹|v with v = |μ| + σ.
    """
    if kind == "diag":
        sizes = jnp.sum(jnp.square((jnp.abs(means) + jnp.sqrt(covariances)) * factor), axis=1)
    else:
        precisions = jnp.matmul(factor, jnp.swapaxes(factor, 1, 2), precision=HIGHEST)
        spread = jnp.sqrt(jnp.diagonal(covariances, axis1=1, axis2=2))
        v = jnp.abs(means) + spread
        sizes = jnp.sum(v[:, :, None] * jnp.abs(precisions) * v[:, None, :], axis=(1, 2))
    return jnp.all(sizes < float(jnp.finfo(means.dtype).eps) ** -0.5)
