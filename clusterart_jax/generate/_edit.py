"""What one can do with latents of real pictures: walk, translate, move along a direction.

All of it is for one picture or many, whatever the family: latents come from its encoder, or, where
it has none, from `embed`, which looks for them.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jax import lax

from .._linalg import fold_rows
from .._typing import Array, Float, KeyArray, UInt8
from ._draw import to_uint8
from ._family import Family, Model

_BLOCK = 128  # pictures made at once, about as many as a training step holds

Squares = Callable[[Array], Array]
"""From pictures (m, starts, h, w, c) to squared differences (m, starts, …)."""


def embed(
    family: Family,
    model: Model,
    key: KeyArray,
    images: UInt8[Array, "m h w c"],
    codes: Float[Array, "m n_codes"],
    *,
    starts: int = 4,
    steps: int = 200,
) -> Float[Array, "m ..."]:
    """Latents from which pictures like these come.

    By the encoder, where the family has one; else by Adam on the mean squared difference, from
    several draws, of which the best is kept for each picture.

    Args:
      family: static.
      model: trained.
      key: for where the search starts.
      images: `uint8` (m, h, w, c).
      codes: (m, n_codes).
      starts: draws to start from. Static.
      steps: of Adam. Static.

    Returns:
      (m, …) latents.
    """
    x = images.astype(jnp.float32) / 255
    found = family.encode(model, x, codes)
    if found is not None:
        return found
    return search(family, model, key, codes, starts, steps, lambda y: (y - x[:, None]) ** 2)[0]


def reconstruct(
    family: Family,
    model: Model,
    key: KeyArray,
    images: UInt8[Array, "n h w c"],
    codes: Float[Array, "n n_codes"],
) -> tuple[UInt8[Array, "n h w c"], Float[Array, " n"]]:
    """Pictures made again from their latents, and how far off each is.

    Args:
      family: static.
      model: trained.
      key: for families without an encoder.
      images: `uint8` (n, h, w, c).
      codes: (n, n_codes).

    Returns:
      `uint8` (n, h, w, c), and the mean squared difference of each, in pixel values of 0…1.
    """

    def again(
        carry: tuple[()], valid: Array, images: Array, codes: Array
    ) -> tuple[tuple[()], tuple[UInt8[Array, "b h w c"], Float[Array, " b"]]]:
        x = images.astype(jnp.float32) / 255
        y = family.decode(model, embed(family, model, key, images, codes), codes)
        return carry, (to_uint8(y), jnp.mean((x - y) ** 2, axis=(1, 2, 3)))

    return fold_rows(again, (), (jnp.asarray(images), codes), block=_BLOCK)[1]


def search(
    family: Family,
    model: Model,
    key: KeyArray,
    codes: Float[Array, "m n_codes"],
    starts: int,
    steps: int,
    squares: Squares,
    first: Float[Array, "m ..."] | None = None,
) -> tuple[Float[Array, "m ..."], Float[Array, " m"]]:
    """Latents whose pictures fit best, by Adam from several draws for each.

    Args:
      family: static.
      model: trained.
      key: for the draws.
      codes: (m, n_codes), that of each picture.
      starts: draws of each. Static.
      steps: of Adam. Static.
      squares: from pictures (m, starts, h, w, c) to squared differences (m, starts, …).
      first: (m, …) latents that take the place of the first draw.

    Returns:
      The best latents of each, and their mean squared difference (m,).
    """
    m = codes.shape[0]
    many = jnp.repeat(codes, starts, axis=0)
    begin = family.draw(model, jax.random.split(key, m * starts), many, 1.0)
    if first is not None:
        begin = begin.reshape(m, starts, *begin.shape[1:]).at[:, 0].set(first)
        begin = begin.reshape(m * starts, *begin.shape[2:])

    def errors(z: Array) -> Array:
        y = family.decode(model, z, many)
        apart = squares(y.reshape(m, starts, *y.shape[1:]))
        return jnp.mean(apart.reshape(m, starts, -1), axis=2)

    # A step is a share of what latents differ by from draw to draw.
    spread = jnp.sqrt(jnp.mean((begin - jnp.mean(begin, axis=0, keepdims=True)) ** 2) + 1e-8)
    rates = optax.cosine_decay_schedule(0.1, steps)
    optimizer = optax.adam(rates)

    def improve(i: Array, state: tuple[Array, optax.OptState]) -> tuple[Array, optax.OptState]:
        u, opt_state = state
        # Each start has gradients of its own: Adam's step is as long for one as for another.
        slope = jax.grad(lambda u: jnp.sum(errors(begin + spread * u)))(u)
        with jax.numpy_dtype_promotion("standard"):  # optax raises floats to whole numbers
            step, opt_state = optimizer.update(slope, opt_state)
        return u + step, opt_state

    u = jnp.zeros_like(begin)
    u, _ = lax.fori_loop(jnp.int32(0), jnp.int32(steps), improve, (u, optimizer.init(u)))
    z = begin + spread * u
    found = errors(z)
    best = jnp.argmin(found, axis=1)
    rows = jnp.arange(m, dtype=best.dtype)
    return z.reshape(m, starts, *z.shape[1:])[rows, best], found[rows, best]


def walk(
    family: Family,
    model: Model,
    z: Float[Array, "p ..."],
    codes: Float[Array, "p n_codes"],
    steps: int,
) -> UInt8[Array, "s h w c"]:
    """Pictures on the way from place to place, `steps` from each to the next, both ends included.

    Args:
      family: static.
      model: trained.
      z: (p, …) latents of p ≥ 2 places.
      codes: (p, n_codes) of them.
      steps: pictures from one place up to the next. Static.

    Returns:
      `uint8` ((p − 1) · steps + 1, h, w, c).
    """
    places = z.shape[0] - 1
    at = jnp.linspace(0, places, places * steps + 1, dtype=jnp.float32)
    low = jnp.minimum(at.astype(jnp.int32), places - 1)
    share = at - low.astype(jnp.float32)

    def between(values: Array) -> Array:
        part = share.reshape(-1, *[1] * (values.ndim - 1)).astype(values.dtype)
        return (1 - part) * values[low] + part * values[low + 1]

    return to_uint8(family.decode(model, between(z), between(codes)))


def translate(
    family: Family,
    model: Model,
    key: KeyArray,
    images: UInt8[Array, "m h w c"],
    start: Float[Array, "m n_codes"],
    end: Float[Array, "m n_codes"],
) -> UInt8[Array, "m h w c"]:
    """Pictures as they would be in another cluster: the same latents, carried to another code.

    Args:
      family: static.
      model: trained.
      key: for families without an encoder.
      images: `uint8` (m, h, w, c).
      start: (m, n_codes) what they are.
      end: (m, n_codes) what they shall be.
    """
    z = embed(family, model, key, images, start)
    return to_uint8(family.decode(model, family.carry(model, z, start, end), end))


def direction(
    family: Family,
    model: Model,
    key: KeyArray,
    images: UInt8[Array, "m h w c"],
    codes: Float[Array, "m n_codes"],
    chosen: Float[Array, " m"],
) -> Float[Array, "..."]:
    """The way in latent space from pictures that are not chosen to those that are.

    Args:
      family: static.
      model: trained.
      key: for families without an encoder.
      images: `uint8` (m, h, w, c), examples.
      codes: (m, n_codes) of them.
      chosen: (m,) 1 for examples of what one moves towards, 0 for those one moves away from.

    Returns:
      A difference of latents, (…); `edit` adds it.
    """
    z = embed(family, model, key, images, codes)
    flat, share = z.reshape(z.shape[0], -1), chosen.astype(z.dtype)

    def mean(weight: Array) -> Array:
        return weight @ flat / jnp.maximum(jnp.sum(weight), 1e-6)

    return (mean(share) - mean(1 - share)).reshape(z.shape[1:])


def edit(
    family: Family,
    model: Model,
    key: KeyArray,
    images: UInt8[Array, "m h w c"],
    codes: Float[Array, "m n_codes"],
    along: Float[Array, "..."],
    amount: float | Array = 1.0,
) -> UInt8[Array, "m h w c"]:
    """Pictures moved along a direction in latent space.

    Args:
      family: static.
      model: trained.
      key: for families without an encoder.
      images: `uint8` (m, h, w, c).
      codes: (m, n_codes).
      along: (…) from `direction`.
      amount: how far; negative goes the other way.
    """
    z = embed(family, model, key, images, codes)
    return to_uint8(family.decode(model, z + amount * along[None], codes))
