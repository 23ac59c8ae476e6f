"""Probabilities of the 256 levels of pixel values: what bits per dimension are counted with."""

import jax
import jax.numpy as jnp

from .._typing import Array, Float

LEVELS = 256
_STEP = 1 / (LEVELS - 1)  # between two levels, in pixel values of 0…1


def logistic_nats(
    x: Float[Array, "..."], mean: Float[Array, "..."], log_scale: Float[Array, "..."]
) -> Float[Array, "..."]:
    """−log of the probability that a logistic distribution gives to the level of each value.

    A level has what lies nearer to it than to the others, 0 and 1 also all beyond them, so that
    the 256 levels have probability 1 together.

    Args:
      x: pixel values, whole multiples of 1/255.
      mean: of the distributions, in the same units.
      log_scale: logarithm of their scales, in the same units.

    References:
      Salimans and others, arXiv:1701.05517, section 2.1.
    """
    rate = jnp.exp(-log_scale)
    above = (x - mean + _STEP / 2) * rate
    below = (x - mean - _STEP / 2) * rate
    # σ(a) − σ(b) = σ(a) σ(−b) (1 − exp(b − a)), whose logarithm loses no digits in the tails.
    below_above = -jax.nn.log_sigmoid(above)
    above_below = -jax.nn.log_sigmoid(-below)
    both = below_above + above_below - jnp.log(-jnp.expm1(-_STEP * rate))
    return jnp.where(x < _STEP / 2, below_above, jnp.where(x > 1 - _STEP / 2, above_below, both))


def gaussian_nats(
    x: Float[Array, "..."], mean: Float[Array, "..."], sigma: Float[Array, "..."]
) -> Float[Array, "..."]:
    """The same of a Gaussian distribution with standard deviation `sigma`."""
    above = (x - mean + _STEP / 2) / sigma
    below = (x - mean - _STEP / 2) / sigma
    above = jnp.where(x > 1 - _STEP / 2, jnp.inf, above)
    below = jnp.where(x < _STEP / 2, -jnp.inf, below)
    # In the upper tail the two are mirrored to the lower one, where logarithms keep their digits.
    upper = above + below > 0
    high, low = jnp.where(upper, -below, above), jnp.where(upper, -above, below)
    high_log, low_log = jax.scipy.special.log_ndtr(high), jax.scipy.special.log_ndtr(low)
    return -high_log - jnp.log1p(-jnp.exp(low_log - high_log))
