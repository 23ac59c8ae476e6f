"""Error diffusion along slanted lines, whose pixels do not wait for each other."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .._linalg import HIGHEST, first_min
from .._typing import Array, UInt8
from ..features import linear_to_srgb, srgb_to_linear, srgb_to_oklab

_BAND = 128  # rows of a program, whose errors the next one goes on with
_ROOMS = (16, 64, 256)  # colours that three programs have room for
_STEP = 256  # widths are rounded up to a multiple of it, so that few programs serve all pictures


def dithered(
    pixels: UInt8[np.ndarray, "h w c"], colors: UInt8[np.ndarray, "k c"], amount: float
) -> UInt8[np.ndarray, "h w"]:
    """The index of a colour for each pixel, errors diffused by the weights of Floyd and Steinberg.

    Row r at column x needs row r − 1 up to column x + 1, so that at step t each row r of a band
    works on column t − 2r. Errors are of linear light, with alpha premultiplied; the nearest colour
    is that in OKLab.

    Cost: h (w / 128 + 2) steps of 128 pixels each. Memory: the picture's and 20 bytes a pixel of a
    band.
    """
    h, w, depth = pixels.shape
    wide = -(-w // _STEP) * _STEP
    k = len(colors)
    table = np.zeros((next(room for room in _ROOMS if room >= k), depth), np.uint8)
    table[:k] = colors
    above = jnp.zeros((wide + 2, depth), jnp.float32)
    bands = []
    for top in range(0, h, _BAND):
        band = np.zeros((_BAND, wide, depth), np.uint8)
        rows = pixels[top : top + _BAND]
        band[: len(rows), :w] = rows
        found, above = _dither_band(
            band, table, above, np.int32(k), np.int32(w), np.float32(amount)
        )
        bands.append(np.asarray(found)[: len(rows), :w])
    return np.concatenate(bands)


def _light(colors: Array) -> Array:
    """Linear light 0…1 of `uint8` colours (…, 3 or 4), premultiplied, and alpha."""
    values = colors.astype(jnp.float32) / 255
    light = srgb_to_linear(values[..., :3])
    alpha = values[..., 3:]
    if colors.shape[-1] == 4:
        light = light * alpha
    return jnp.concatenate([light, alpha], axis=-1)


def _seen(light: Array) -> Array:
    """What is compared."""
    return jnp.concatenate([srgb_to_oklab(linear_to_srgb(light[:, :3])), light[:, 3:]], axis=1)


@partial(jax.jit, donate_argnums=2)
def _dither_band(
    band: Array, table: Array, above: Array, k: Array, w: Array, amount: Array
) -> tuple[Array, Array]:
    """Indices (rows, width) of a band, and the errors of its last row, 1 column to the right."""
    rows, wide, depth = band.shape
    steps = wide + 2 * rows
    lane = jnp.arange(rows, dtype=jnp.int32)
    table = _light(table)
    palette = _seen(table)
    number = jnp.arange(len(table), dtype=jnp.int32)
    norms = jnp.where(number < k, jnp.sum(palette**2, axis=1), jnp.inf)
    # Row r, 2r columns to the right: rows that are two longer than what is read of them slant so.
    slanted = jnp.pad(band, ((0, 0), (0, steps + 2 - wide), (0, 0)))
    slanted = slanted.reshape(-1, depth)[: rows * steps].reshape(rows, steps, depth)

    def step(
        carry: tuple[Array, Array, Array], now: tuple[Array, Array, Array]
    ) -> tuple[tuple[Array, Array, Array], tuple[Array, Array]]:
        first, second, third = carry  # errors of the last three steps
        pixel, edge, t = now
        down = (3 * first + 5 * second + third) / 16
        down = jnp.concatenate([edge[None], down[:-1]])
        column = t - 2 * lane
        inside = (column >= 0) & (column < w)
        wanted = jnp.clip(_light(pixel) + amount * (7 * first / 16 + down), 0, 1)
        scores = norms[None] - 2 * jnp.matmul(_seen(wanted), palette.T, precision=HIGHEST)
        label = first_min(scores)[1]
        error = jnp.where(inside[:, None], wanted - table[label], 0)
        return (error, first, second), (label.astype(jnp.uint8), error[-1])

    edges = (3 * above[2:] + 5 * above[1:-1] + above[:-2]) / 16
    edges = jnp.pad(edges, ((0, steps - wide), (0, 0)))
    none = jnp.zeros((rows, depth), jnp.float32)
    times = jnp.arange(steps, dtype=jnp.int32)
    _, (labels, last) = lax.scan(step, (none,) * 3, (slanted.swapaxes(0, 1), edges, times))
    labels = jnp.pad(labels.T.reshape(-1), (0, 2 * rows)).reshape(rows, steps + 2)[:, :wide]
    last = lax.dynamic_slice_in_dim(last, 2 * (rows - 1), wide)
    return labels, jnp.pad(last, ((1, 1), (0, 0)))
