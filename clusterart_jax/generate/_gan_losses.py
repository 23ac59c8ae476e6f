"""What generator and discriminator of a GAN make smaller, and penalties of steep discriminators."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from flax import nnx

from .._typing import Array, Float

LOSSES = ("relativistic", "minimax", "non-saturating", "hinge", "wgan-gp")

_GAMMA_A_VALUE = 6e-4


def default_gamma(kind: str, values: int) -> float:
    """Weight of the penalty where none is given.

    Gradients are taken with respect to all values of a picture, so that of the zero-centred one
    grows with their number: about 0.5 for 28×28, 120 for 256×256 in colour.

    Args:
      kind: of the loss.
      values: numbers in a picture.
    """
    return {"relativistic": _GAMMA_A_VALUE * values, "wgan-gp": 10.0}.get(kind, 0.0)


Judge = Callable[[Array], Array]
"""From pictures (m, …) to logits (m,), each picture on its own."""


def adversarial(
    kind: str, real: Float[Array, " b"], fake: Float[Array, " b"]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Losses of the discriminator and of the generator, means over the pictures of a step.

    Args:
      kind: one of `LOSSES`. Static.
      real: logits of real pictures, higher where they are taken for real.
      fake: logits of generated ones, each of the same code as the real one in its place.

    Returns:
      The two losses. "relativistic": log(1 + exp(−(real − fake))) and with the sign turned, so that
      a picture is judged beside another. "minimax": cross-entropy, and its negative.
      "non-saturating": cross-entropy, and that of generated pictures taken for real. "hinge":
      margins of 1, and −fake. "wgan-gp": fake − real, and −fake.

    References:
      Huang and others, arXiv:2501.05441; Jolicoeur-Martineau, arXiv:1807.00734; Goodfellow and
      others, arXiv:1406.2661; Lim and Ye, arXiv:1705.02894; Arjovsky and others, arXiv:1701.07875.
    """
    mean = jnp.mean
    if kind == "relativistic":
        return mean(nnx.softplus(fake - real)), mean(nnx.softplus(real - fake))
    if kind == "hinge":
        return mean(nnx.relu(1 - real)) + mean(nnx.relu(1 + fake)), -mean(fake)
    if kind == "wgan-gp":
        return mean(fake) - mean(real), -mean(fake)
    entropy = mean(nnx.softplus(-real)) + mean(nnx.softplus(fake))
    return entropy, mean(nnx.softplus(-fake)) if kind == "non-saturating" else -mean(
        nnx.softplus(fake)
    )


def ambiguous(
    real: Float[Array, "b n"], fake: Float[Array, "b n"], codes: Float[Array, "b n"]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Losses of a classifier of clusters, and of a generator whose pictures it shall not tell.

    Args:
      real: its logits of real pictures.
      fake: of generated ones.
      codes: of the real ones.

    Returns:
      The mean cross-entropy of real pictures with their codes; and the mean Kullback-Leibler
      divergence of what generated ones are taken for from all clusters alike that are among the
      codes, 0 where nothing tells them.

    References:
      Elgammal and others, arXiv:1706.07068, who take a sum of binary entropies instead.
    """
    known = -jnp.sum(codes * jax.nn.log_softmax(real), axis=1)
    present = (jnp.sum(codes, axis=0) > 0).astype(fake.dtype)
    count = jnp.maximum(jnp.sum(present), 1)
    taken = jnp.sum(jax.nn.log_softmax(fake) * present[None], axis=1) / count
    return jnp.mean(known), jnp.mean(-taken - jnp.log(count))


def steepness(judge: Judge, x: Float[Array, "m ..."]) -> Float[Array, " m"]:
    """Squared length of the gradient of each picture's logit."""
    slope = jax.grad(lambda x: jnp.sum(judge(x)))(x)
    return jnp.sum(slope.reshape(x.shape[0], -1) ** 2, axis=1)


def zero_centred(
    judge: Judge, real: Float[Array, "m ..."], fake: Float[Array, "m ..."]
) -> Float[Array, ""]:
    """R1 + R2: half the mean squared gradient at real pictures, and at generated ones.

    References:
      Mescheder, Geiger and Nowozin, arXiv:1801.04406; both together: arXiv:2501.05441.
    """
    # One derivative of both, not two: half as much to compile.
    return jnp.mean(jax.vmap(partial(steepness, judge))(jnp.stack([real, fake])))


def one_centred(
    judge: Judge,
    real: Float[Array, "m ..."],
    fake: Float[Array, "m ..."],
    share: Float[Array, " m"],
) -> Float[Array, ""]:
    """Mean squared distance from 1 of the length of the gradient between real and generated.

    Args:
      judge: the discriminator.
      real: (m, …).
      fake: (m, …).
      share: (m,) of the real one in each place that is looked at.

    References:
      Gulrajani and others, arXiv:1704.00028.
    """
    part = share.reshape(-1, *[1] * (real.ndim - 1))
    between = part * real + (1 - part) * fake
    # The root has no derivative at 0.
    return jnp.mean((jnp.sqrt(steepness(judge, between) + 1e-12) - 1) ** 2)
