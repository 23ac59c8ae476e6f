"""A variational autoencoder conditioned on codes of clusters."""

import math
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from .._typing import Array, Float, KeyArray, PyTree
from ._conv import Conv, depth_to_space, space_to_depth


@dataclass(frozen=True)
class VAE:
    """The family: what to train and how to sample it. Holds no arrays, so it may be static.

    p(x | z, c) is a Gaussian around the decoder's picture, with one variance at its best value for
    the batch; q(z | x, c) and the prior p(z | c) are diagonal Gaussians.

    Attributes:
      shape: (h, w, c) of the pictures.
      n_codes: width of the codes.
      latent: dimensions of z.
      width: channels of the first layer; deeper ones have up to four times as many.

    References:
      Kingma and Welling, arXiv:1312.6114; the variance: Rybkin, Daniilidis and Levine,
      arXiv:2006.13202.
    """

    shape: tuple[int, int, int]
    n_codes: int
    latent: int = 32
    width: int = 32

    def init(self, key: KeyArray) -> PyTree:
        """Fresh parameters, a nested dict of arrays."""
        return nnx.to_pure_dict(nnx.state(_Network(self, rngs=nnx.Rngs(key)), nnx.Param))

    def loss(
        self, params: PyTree, key: KeyArray, images: Float[Array, "b h w c"], codes: Array
    ) -> tuple[Array, dict[str, Array]]:
        """The negative evidence bound in nats per pixel value, and what it consists of.

        Args:
          params: from `init`.
          key: for z.
          images: (b, h, w, c) in 0…1.
          codes: (b, n_codes).

        Returns:
          The loss, and a dict: `loss`, `error` (mean squared), `kl` (nats a picture).
        """
        network = _network(self, params)
        mean, log_var = network.encode(images, codes)
        prior_mean, prior_log_var = network.prior(codes)
        z = mean + jnp.exp(log_var / 2) * jax.random.normal(key, mean.shape, mean.dtype)
        error = jnp.mean((network.decode(z, codes) - images) ** 2)
        kl = 0.5 * jnp.sum(
            prior_log_var
            - log_var
            + (jnp.exp(log_var) + (mean - prior_mean) ** 2) * jnp.exp(-prior_log_var)
            - 1,
            axis=1,
        )
        values = math.prod(self.shape)
        kl = jnp.mean(kl)
        # With σ² = error, −log p(x | z) is ½ log(2π e · error) a value; the floor keeps it finite.
        fit = 0.5 * (jnp.log(error + 1e-6) + math.log(2 * math.pi) + 1)
        loss = fit + kl / values
        return loss, {"loss": loss, "error": error, "kl": kl}

    def posterior(
        self, params: PyTree, images: Float[Array, "m h w c"], codes: Float[Array, "m n_codes"]
    ) -> tuple[Float[Array, "m latent"], Float[Array, "m latent"]]:
        """Mean and log variance of q(z | x, c) of pictures in 0…1."""
        return _network(self, params).encode(images, codes)

    def decode(self, params: PyTree, z: Array, codes: Array) -> Float[Array, "m h w c"]:
        """Pictures in 0…1 from z (m, latent) and codes (m, n_codes)."""
        return _network(self, params).decode(z, codes)


@cache
def _graph(family: VAE) -> Any:
    """The network without its arrays."""
    return nnx.graphdef(nnx.eval_shape(lambda: _Network(family, rngs=nnx.Rngs(0))))


def _network(family: VAE, params: PyTree) -> "_Network":
    return nnx.merge(_graph(family), nnx.State(params))


class _Network(nnx.Module):
    """Encoder, prior and decoder.

    The picture is halved until its shorter side has 4 to 8 pixels, and doubled as often on the
    way back. Sides that cannot be halved so often are padded for the encoder and cropped after
    the decoder.
    """

    def __init__(self, family: VAE, *, rngs: nnx.Rngs) -> None:
        self.shape = h, w, c = family.shape
        levels = int(math.log2(min(h, w) / 4)) if min(h, w) >= 4 else 0
        step = 2**levels
        self.grid = (-(-h // step), -(-w // step))
        self.pad = (self.grid[0] * step - h, self.grid[1] * step - w)
        widths = [family.width * min(2**i, 4) for i in range(max(levels, 1))]
        self.deep = widths[-1]
        flat = self.grid[0] * self.grid[1] * self.deep
        hidden = 8 * family.width
        self.stem = Conv(4 * c if levels else c, widths[0], rngs=rngs)
        self.down = nnx.List([Conv(a, b, stride=2, rngs=rngs) for a, b in pairwise(widths)])
        self.narrow = nnx.Linear(flat + family.n_codes, hidden, rngs=rngs)
        self.posterior = nnx.Linear(hidden, 2 * family.latent, rngs=rngs)
        # No bias: the prior of a mixture of clusters is the mixture of their priors' parameters.
        self.prior_table = nnx.Linear(
            family.n_codes,
            2 * family.latent,
            use_bias=False,
            kernel_init=nnx.initializers.zeros_init(),
            rngs=rngs,
        )
        self.widen = nnx.Linear(family.latent + family.n_codes, hidden, rngs=rngs)
        self.unflatten = nnx.Linear(hidden, flat, rngs=rngs)
        self.up = nnx.List([Conv(b, 4 * a, rngs=rngs) for a, b in pairwise(widths)][::-1])
        self.out = Conv(widths[0], 4 * c if levels else c, rngs=rngs)
        self.halves = levels > 0

    def encode(self, images: Array, codes: Array) -> tuple[Array, Array]:
        """Mean and log variance of q(z | x, c), (b, latent) each."""
        x = jnp.pad(
            2 * images - 1, ((0, 0), (0, self.pad[0]), (0, self.pad[1]), (0, 0)), mode="edge"
        )
        x = nnx.silu(self.stem(space_to_depth(x) if self.halves else x))
        for conv in self.down:
            x = nnx.silu(conv(x))
        flat = jnp.concatenate([x.reshape(x.shape[0], -1), codes], axis=1)
        mean, log_var = jnp.split(self.posterior(nnx.silu(self.narrow(flat))), 2, axis=1)
        return mean, jnp.clip(log_var, -12, 4)

    def prior(self, codes: Array) -> tuple[Array, Array]:
        """Mean and log variance of p(z | c), (b, latent) each."""
        mean, log_var = jnp.split(self.prior_table(codes), 2, axis=1)
        return mean, jnp.clip(log_var, -6, 4)

    def decode(self, z: Array, codes: Array) -> Array:
        """Pictures (b, h, w, c) in 0…1."""
        x = nnx.silu(self.widen(jnp.concatenate([z, codes], axis=1)))
        x = nnx.silu(self.unflatten(x)).reshape(-1, *self.grid, self.deep)
        for conv in self.up:
            x = nnx.silu(depth_to_space(conv(x)))
        x = self.out(x)
        x = depth_to_space(x) if self.halves else x
        return nnx.sigmoid(x)[:, : self.shape[0], : self.shape[1]]
