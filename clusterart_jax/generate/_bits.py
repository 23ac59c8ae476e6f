"""How many bits a generator needs for pictures it has not seen, counted alike for all of them."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp

from .._checks import check_images
from .._errors import ConfigError
from .._linalg import fold_rows
from .._typing import Array, Float, Images, KeyArray
from ._cci import CCI
from ._family import Family, Model, merged
from ._levels import LEVELS, gaussian_nats
from ._rnn import RNN
from ._vae import VAE
from ._vae import _Network as _VAENetwork

_BLOCK = 128  # pictures at once


def bits_per_dimension(
    family: Family,
    model: Model,
    key: KeyArray,
    images: Images,
    codes: Float[Array, "n n_codes"],
) -> Float[Array, " n"]:
    """Bits for each pixel value that suffice for pictures as a generator would encode them.

    An upper bound of −log₂ p(x | c) / values, where p is a distribution over the 256 levels of each
    value: what every family is asked here is the same, and what `marginal_bits` says is its
    measure. Of an `RNN`: the bits of the indices by its prior and of the levels by its decoder. Of
    a `VAE` (and the one inside a `CCI`): the divergence of q(z | x, c) from the prior, and the bits
    of the levels, with one z drawn for each picture; the Gaussian around the decoder's picture is
    integrated over each level, with `sigma` where that is fixed, else with the root of the mean
    squared error of all these pictures.

    The loss of a `VAE` is another bound, of densities at pixel values 0…1: it takes log₂ 255 more
    bits a value for levels 1/255 apart, if the density hardly changes from level to level and
    nothing of it lies outside of 0…1.

    Args:
      family: static; a `VAE`, `RNN` or `CCI`.
      model: trained.
      key: for z.
      images: `uint8` (n, h, w, c), not trained on.
      codes: (n, n_codes).

    Returns:
      (n,) bits for each pixel value.

    Raises:
      ConfigError: for a family without a likelihood of levels.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from clusterart_jax.generate import VAE, Model, bits_per_dimension
      >>> family = VAE((4, 4, 1), n_codes=2, latent=2, width=2)
      >>> untrained = Model(family.init(jax.random.key(0)), ())
      >>> images = jax.random.bits(jax.random.key(1), (2, 4, 4, 1), "uint8")
      >>> bits = bits_per_dimension(family, untrained, jax.random.key(2), images, jnp.eye(2))
      >>> bool(jnp.all(bits > 7))
      True
    """
    images = check_images(images)
    if isinstance(family, RNN):
        rnn, values = family, math.prod(family.shape) * math.log(2)
        return _rows(lambda x, c, keys: rnn.nats(model, x, c) / values, key, images, codes)
    if isinstance(family, CCI):
        return _of_vae(family.drawn_by, family.drawing(model), key, images, codes)
    if not isinstance(family, VAE) or family.likelihood == "bernoulli":
        raise ConfigError(f"bits per dimension need a likelihood of 256 levels; {family} has none")
    return _of_vae(family, model, key, images, codes)


def _of_vae(vae: VAE, model: Model, key: KeyArray, images: Array, codes: Array) -> Array:
    values = math.prod(vae.shape) * math.log(2)

    def again(x: Array, codes: Array, keys: KeyArray) -> tuple[Array, Array]:
        """Pictures decoded from a z of each, and their divergence from the prior."""
        network = merged(_VAENetwork, vae, model.params)
        mean, log_var = network.encode(x, codes)
        noise = jax.vmap(lambda key: jax.random.normal(key, (vae.latent,), mean.dtype))(keys)
        z = mean + jnp.exp(log_var / 2) * noise
        return vae.decode(model, z, codes), _divergence(mean, log_var, *network.prior(codes))

    def error(x: Array, codes: Array, keys: KeyArray) -> Array:
        return jnp.mean((again(x, codes, keys)[0] - x) ** 2, axis=(1, 2, 3))

    def bits(x: Array, codes: Array, keys: KeyArray) -> Array:
        y, kl = again(x, codes, keys)
        return (kl + jnp.sum(gaussian_nats(x, y, sigma), axis=(1, 2, 3))) / values

    sigma = jnp.float32(vae.sigma)
    if vae.likelihood == "optimal":
        sigma = jnp.sqrt(jnp.mean(_rows(error, key, images, codes)) + 1e-6)
    return _rows(bits, key, images, codes)


def _divergence(mean: Array, log_var: Array, mean_2: Array, log_var_2: Array) -> Array:
    """Of diagonal Gaussians from others, in nats, of each row."""
    ratio = (jnp.exp(log_var) + (mean - mean_2) ** 2) * jnp.exp(-log_var_2)
    return 0.5 * jnp.sum(log_var_2 - log_var + ratio - 1, axis=1)


def marginal_bits(train: Images, held_out: Images) -> Float[Array, " m"]:
    """Bits for each pixel value by the histogram of its place alone: what a model has to beat.

    The level of each value is coded by how often it occurs at that place in `train`, each level
    once more than counted, so that none is impossible.

    Cost O((n + m) · h · w · c); peak extra memory 256 numbers for each value of a picture.

    Args:
      train: `uint8` (n, h, w, c).
      held_out: `uint8` (m, h, w, c).

    Returns:
      (m,) bits for each pixel value.

    Raises:
      ValueError: when the two are of different sizes.

    Example:
      >>> import numpy as np
      >>> from clusterart_jax.generate import marginal_bits
      >>> black = np.zeros((256, 2, 2, 1), np.uint8)
      >>> round(float(marginal_bits(black, black[:1])[0]), 3)
      0.994
    """
    train, held_out = check_images(train, "train"), check_images(held_out, "held_out")
    if train.shape[1:] != held_out.shape[1:]:
        raise ValueError(f"train has pictures {train.shape[1:]} but held_out {held_out.shape[1:]}")
    return _marginal_bits(train, held_out)


@jax.jit
def _marginal_bits(train: Array, held_out: Array) -> Array:
    values = math.prod(train.shape[1:])
    place = jnp.arange(values, dtype=jnp.int32)[None]

    def count(counts: Array, valid: Array, images: Array) -> tuple[Array, tuple[()]]:
        levels = images.reshape(-1, values).astype(jnp.int32)
        return counts.at[place, levels].add(valid.astype(jnp.int32)[:, None]), ()

    ones = jnp.ones((values, LEVELS), jnp.int32)
    counts, _ = fold_rows(count, ones, (train,), block=_BLOCK)
    bits = math.log2(train.shape[0] + LEVELS) - jnp.log2(counts.astype(jnp.float32))

    def look(carry: tuple[()], valid: Array, images: Array) -> tuple[tuple[()], Array]:
        levels = images.reshape(-1, values).astype(jnp.int32)
        return (), jnp.mean(bits[place, levels], axis=1)

    return fold_rows(look, (), (held_out,), block=_BLOCK)[1]


def _rows(
    of: Callable[[Array, Array, KeyArray], Array], key: KeyArray, images: Array, codes: Array
) -> Array:
    """One number for each picture, a block of them at a time, each with a key of its own."""

    def step(
        carry: tuple[()], valid: Array, numbers: Array, images: Array, codes: Array
    ) -> tuple[tuple[()], Array]:
        keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(numbers)
        return (), of(images.astype(jnp.float32) / 255, codes, keys)

    numbers = jnp.arange(images.shape[0], dtype=jnp.int32)
    return fold_rows(step, (), (numbers, images, codes), block=_BLOCK)[1]
