"""Pictures made whole: noise taken out, holes filled, twice the resolution."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from .._typing import Array, ArrayLike, Bool, Float, KeyArray, UInt8
from ._draw import to_uint8
from ._edit import search
from ._family import Family, Model


def restore(
    family: Family,
    model: Model,
    key: KeyArray,
    images: UInt8[ArrayLike, "m h w c"],
    codes: Float[Array, "q n_codes"],
    *,
    known: Bool[ArrayLike, "m h w"] | None = None,
    starts: int = 4,
    steps: int = 150,
) -> tuple[UInt8[Array, "m h w c"], Float[Array, "m n_codes"], Float[Array, " m"]]:
    """The picture that the generator knows which is nearest to what is left of one.

    Latents are looked for by Adam, under each of the codes, and the best kept: what the generator
    cannot make, such as noise, is left out. Pictures of a fraction of the generator's size are
    compared with its pictures after these were made as small, which doubles the resolution.

    Args:
      family: static.
      model: trained.
      key: for where the search starts.
      images: `uint8` (m, h, w, c), or (m, h / s, w / s, c) for a whole number s.
      codes: (q, n_codes), the codes to try on each picture, such as one of each cluster.
      known: (m, h, w) True where the picture is to be trusted; all of it where None. Those pixels
        are kept as they are.
      starts: draws to start from, under each code. Static.
      steps: of Adam. Static.

    Returns:
      `uint8` (m, h, w, c); the code (m, n_codes) that fitted best; and the root mean square
      difference (m,) of what was known, in pixel values of 0…1.

    Raises:
      ValueError: when sizes do not belong together.
    """
    given = jnp.asarray(images)
    h, w, c = family.shape
    scale = h // given.shape[1] if given.ndim == 4 and given.shape[1] else 0
    if given.ndim != 4 or not scale or given.shape[1:] != (h // scale, w // scale, c):
        raise ValueError(
            f"images must have the generator's shape (m, {h}, {w}, {c}) or a whole fraction of its "
            f"sides, not {given.shape}"
        )
    if given.shape[1] * scale != h or given.shape[2] * scale != w:
        raise ValueError(f"images of {given.shape[1:3]} are no whole fraction of {(h, w)}")
    mask = jnp.ones(given.shape[:3], bool) if known is None else jnp.asarray(known, bool)
    if mask.shape != given.shape[:3]:
        raise ValueError(f"known has shape {mask.shape}; the pictures make it {given.shape[:3]}")
    return _restore(family, model, key, given, codes, mask, scale, starts, steps, known is not None)


@partial(jax.jit, static_argnums=(0, 6, 7, 8, 9))
def _restore(
    family: Family,
    model: Model,
    key: KeyArray,
    given: Array,
    codes: Array,
    mask: Array,
    scale: int,
    starts: int,
    steps: int,
    keep: bool,
) -> tuple[Array, Array, Array]:
    (m, h, w, c), q = given.shape, codes.shape[0]
    x = (given.astype(jnp.float32) / 255)[:, None]
    held = mask[:, None, :, :, None].astype(jnp.float32)

    def squares(y: Array) -> Array:
        small = y.reshape(m, starts, h, scale, w, scale, c).mean(axis=(3, 5))
        return held * (small - x) ** 2

    def under(entry: tuple[Array, KeyArray]) -> tuple[Array, Array]:
        code, key = entry
        every = jnp.tile(code[None], (m, 1))
        first = None
        if scale == 1:
            # What is not known is guessed grey for the encoder.
            seen = jnp.where(mask[:, :, :, None], x[:, 0], 0.5)
            first = family.encode(model, seen, every)
        return search(family, model, key, every, starts, steps, squares, first)

    z, errors = lax.map(under, (codes, jax.random.split(key, q)))
    best = jnp.argmin(errors, axis=0)
    rows = jnp.arange(m, dtype=best.dtype)
    chosen = codes[best]
    made = to_uint8(family.decode(model, z[best, rows], chosen))
    if keep and scale == 1:
        made = jnp.where(mask[:, :, :, None], given, made)
    share = jnp.mean(mask.reshape(m, -1).astype(jnp.float32), axis=1)
    return made, chosen, jnp.sqrt(errors[best, rows] / jnp.maximum(share, 1e-6))
