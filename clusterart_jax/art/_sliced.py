"""Steps of sliced optimal transport: pixels and patches moved towards those of examples."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from .._linalg import HIGHEST
from .._typing import Array, Float, Int, KeyArray

PATCH = 5
"""Side of a patch, in pixels of its scale."""

_SLICES = 16  # directions a step
_QUANTILES = 128
_CELLS = 256  # of the tables in which maps of a line are looked up
_PACE = 3.0  # how far a step goes: overlapping patches pull less far together than each alone


def quantiles(samples: Float[Array, "m d"]) -> Float[Array, "q d"]:
    """The middles of `_QUANTILES` equal shares of each column."""
    m = samples.shape[0]
    ordered = jnp.sort(samples, axis=0)
    place = (jnp.arange(_QUANTILES, dtype=samples.dtype) + 0.5) / _QUANTILES * m - 0.5
    below = jnp.clip(jnp.floor(place).astype(jnp.int32), 0, m - 2)
    share = (place - below.astype(samples.dtype))[:, None]
    return ordered[below] * (1 - share) + ordered[below + 1] * share


def moved(
    values: Float[Array, "h w d"], before: Float[Array, "q d"], after: Float[Array, "q d"]
) -> Float[Array, "h w d"]:
    """How far each value goes under the monotone map of each column's quantiles to others.

    Beyond the outermost quantiles as far as these. The map is a table of even cells: two look-ups
    a value.
    """
    low, width = before[0], jnp.maximum((before[-1] - before[0]) / (_CELLS - 1), 1e-9)
    cells = jnp.arange(_CELLS, dtype=values.dtype)[:, None] * width[None] + low[None]
    rising = before + 1e-7 * jnp.arange(len(before), dtype=values.dtype)[:, None]
    table = jax.vmap(jnp.interp, in_axes=1)(cells, rising, after - before)  # (d, cells)
    at = jnp.clip((values - low[None, None]) / width[None, None], 0, _CELLS - 1.001)
    cell = at.astype(jnp.int32)
    place = cell + (_CELLS * jnp.arange(values.shape[-1], dtype=jnp.int32))[None, None]
    one, two = (jnp.take(table.reshape(-1), place + i) for i in (0, 1))
    return one + (two - one) * (at - cell.astype(values.dtype))


def barycenter(
    directions: Float[Array, "d k"],
    examples: Float[Array, "s m d"],
    shares: Float[Array, " s"],
    own: Float[Array, "m d"],
    own_share: Array,
) -> Float[Array, "q k"]:
    """Quantiles along directions of what lies between the examples, and the picture as it was.

    On a line the mean of quantile functions is the barycentre of distributions.
    """
    along = partial(jnp.matmul, precision=HIGHEST)
    each = lax.map(lambda samples: quantiles(along(samples, directions)), examples)
    mean = jnp.einsum("s,sqk->qk", shares, each, precision=HIGHEST)
    return mean + own_share * quantiles(along(own, directions))


@jax.jit
def color_step(
    key: KeyArray,
    x: Float[Array, "h w 3"],
    places: Int[Array, "m 2"],
    examples: Float[Array, "s m 3"],
    shares: Float[Array, " s"],
    own: Float[Array, "m 3"],
    own_share: Array,
    pace: Array,
) -> Float[Array, "h w 3"]:
    """Colours moved along three axes of a random frame towards those of the barycentre."""
    frame, _ = jnp.linalg.qr(jax.random.normal(key, (3, 3), x.dtype))
    along = jnp.matmul(x, frame, precision=HIGHEST)
    before = quantiles(along[places[:, 0], places[:, 1]])
    after = barycenter(frame, examples, shares, own, own_share)
    back = jnp.matmul(moved(along, before, after), frame.T, precision=HIGHEST)
    return x + pace * back


@jax.jit
def patch_step(
    key: KeyArray,
    x: Float[Array, "h w 3"],
    places: Int[Array, "m 2"],
    examples: Float[Array, "s m d"],
    shares: Float[Array, " s"],
    own: Float[Array, "m d"],
    own_share: Array,
) -> Float[Array, "h w 3"]:
    """Patches moved along random directions towards those of the barycentre.

    Directions leave the mean of a patch alone, which is colour. A pixel goes where the patches over
    it pull on average.
    """
    filters = jax.random.normal(key, (PATCH**2, 3, _SLICES), x.dtype)
    filters = (filters - jnp.mean(filters, axis=0, keepdims=True)).reshape(-1, _SLICES)
    filters, _ = jnp.linalg.qr(filters)
    kernel = filters.reshape(PATCH, PATCH, 3, _SLICES)
    reach = PATCH // 2
    padded = jnp.pad(x, ((reach, reach), (reach, reach), (0, 0)), mode="symmetric")
    numbers = ("NHWC", "HWIO", "NHWC")
    convolve = partial(
        lax.conv_general_dilated,
        window_strides=(1, 1),
        dimension_numbers=numbers,
        precision=HIGHEST,
    )
    along = convolve(padded[None], kernel, padding="VALID")[0]
    before = quantiles(along[places[:, 0], places[:, 1]])
    after = barycenter(filters, examples, shares, own, own_share)
    turned = kernel[::-1, ::-1].transpose(0, 1, 3, 2)
    back = convolve(moved(along, before, after)[None], turned, padding="SAME")[0]
    return x + (_PACE / PATCH**2) * back
