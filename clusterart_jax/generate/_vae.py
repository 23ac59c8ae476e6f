"""A variational autoencoder conditioned on codes of clusters."""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from flax import nnx

from .._checks import check_choice, check_count
from .._typing import Array, Float, KeyArray, PyTree, UInt8
from ._family import Family, Logs, Model, cast, fresh, merged
from ._latents import Latents, fit_latents
from ._networks import DECODERS, ENCODERS

LIKELIHOODS = ("optimal", "bernoulli", "fixed")
SOURCES = ("mixture", "prior")


@dataclass(frozen=True)
class VAE(Family):
    """The family: what to train and how to sample it. Holds no arrays, so it may be static.

    q(z | x, c) and the prior p(z | c) are diagonal Gaussians. Latents of new pictures come from a
    Gaussian mixture for each code, fitted to those of real pictures after training: these do not
    fill the prior, and samples from it fall into gaps (arXiv:1903.12436 calls this ex-post density
    estimation).

    Attributes:
      latent: dimensions of z.
      width: channels of the first layer; deeper ones have up to four times as many.
      network: "conv" or "mlp", two dense layers of 8 · width.
      likelihood: of a picture given z and c. "optimal": a Gaussian around the decoder's picture,
        with one variance at its best value for the batch; "fixed": with standard deviation `sigma`;
        "bernoulli": each value of 0…1 as a probability.
      sigma: of "fixed", in pixel values of 0…1.
      beta: what the divergence from the prior is multiplied by.
      free_bits: bits in each dimension of z below which the divergence counts for nothing.
      components: Gaussians of each code's mixture at most, one for 2 · `latent` of its pictures.
      source: of the latents of new pictures: "mixture", or "prior", which is p(z | c) itself.

    References:
      Kingma and Welling, arXiv:1312.6114; the variance: Rybkin, Daniilidis and Levine,
      arXiv:2006.13202; β: Higgins and others, 2017 (ICLR); free bits: Kingma and others,
      arXiv:1606.04934.
    """

    latent: int = 32
    width: int = 32
    network: str = "conv"
    likelihood: str = "optimal"
    sigma: float = 0.1
    beta: float = 1.0
    free_bits: float = 0.0
    components: int = 64
    source: str = "mixture"

    def __post_init__(self) -> None:
        check_choice(self.network, "network", tuple(ENCODERS))
        check_count(self.latent, "latent", high=4096)
        check_count(self.width, "width", high=1024)
        check_count(self.components, "components", high=100_000)
        for name in ("sigma", "beta", "free_bits"):
            value = getattr(self, name)
            if not (isinstance(value, int | float) and 0 <= value < 1e6):
                raise ValueError(f"{name} must be a number ≥ 0 and below 1e6, not {value!r}")
        check_choice(self.likelihood, "likelihood", LIKELIHOODS)
        check_choice(self.source, "source", SOURCES)

    def init(self, key: KeyArray) -> PyTree:
        """Fresh parameters, a nested dict of arrays."""
        return fresh(_Network, self, key)

    def loss(
        self,
        params: PyTree,
        memory: PyTree,
        key: KeyArray,
        images: Float[Array, "b h w c"],
        codes: Float[Array, "b n_codes"],
        progress: Float[Array, ""],
    ) -> tuple[Array, tuple[PyTree, Logs]]:
        """The negative evidence bound in nats per pixel value, and what it consists of.

        Returns:
          The loss; the memory, which is empty; and `loss`, `error` (mean squared), `kl` (nats a
          picture, all of it).
        """
        network = merged(_Network, self, params)
        mean, log_var = network.encode(images, codes)
        prior_mean, prior_log_var = network.prior(codes)
        z = mean + jnp.exp(log_var / 2) * jax.random.normal(key, mean.shape, mean.dtype)
        logits = network.decode(z, codes)
        error = jnp.mean((nnx.sigmoid(logits) - images) ** 2)
        if self.likelihood == "bernoulli":
            fit = jnp.mean(nnx.softplus(logits) - images * logits)
        elif self.likelihood == "fixed":
            fit = error / (2 * self.sigma**2) + 0.5 * math.log(2 * math.pi * self.sigma**2)
        else:
            # With σ² = error, −log p(x | z) is ½ log(2π e · error) a value; the floor keeps it
            # finite.
            fit = 0.5 * (jnp.log(error + 1e-6) + math.log(2 * math.pi) + 1)
        kl = 0.5 * (
            prior_log_var
            - log_var
            + (jnp.exp(log_var) + (mean - prior_mean) ** 2) * jnp.exp(-prior_log_var)
            - 1
        )
        each = jnp.mean(kl, axis=0)
        paid = jnp.sum(jnp.maximum(each, self.free_bits * math.log(2)))
        loss = fit + self.beta * paid / math.prod(self.shape)
        return loss, (memory, {"loss": loss, "error": error, "kl": jnp.sum(each)})

    def fit(
        self,
        key: KeyArray,
        params: PyTree,
        memory: PyTree,
        images: UInt8[Array, "n h w c"],
        codes: Float[Array, "n n_codes"],
    ) -> Latents:
        """Where the pictures of each code lie in latent space."""

        def posterior(images: Array, codes: Array) -> tuple[Array, Array]:
            mean, log_var = merged(_Network, self, params).encode(images, codes)
            return mean, jnp.exp(log_var)

        return fit_latents(key, posterior, self.latent, self.components, images, codes)

    def draw(
        self,
        model: Model,
        keys: KeyArray,
        codes: Float[Array, "m n_codes"],
        temperature: float | Array = 1.0,
    ) -> Float[Array, "m latent"]:
        """Latents of new pictures, from the mixtures that `fit` found, or from the prior."""
        if self.source == "prior":
            mean, log_var = merged(_Network, self, model.params).prior(codes)
            noise = jax.vmap(lambda key: jax.random.normal(key, (self.latent,), mean.dtype))(keys)
            return mean + temperature * jnp.exp(log_var / 2) * noise
        latents: Latents = model.fitted
        return latents.draw(keys, codes, temperature)

    def decode(
        self, model: Model, z: Float[Array, "m latent"], codes: Float[Array, "m n_codes"]
    ) -> Float[Array, "m h w c"]:
        """Pictures in 0…1 from z and codes."""
        return nnx.sigmoid(merged(_Network, self, model.params).decode(z, codes))

    def encode(
        self, model: Model, images: Float[Array, "m h w c"], codes: Float[Array, "m n_codes"]
    ) -> Float[Array, "m latent"]:
        """The mean of q(z | x, c) of pictures in 0…1."""
        return merged(_Network, self, model.params).encode(images, codes)[0]

    def carry(
        self,
        model: Model,
        z: Float[Array, "m latent"],
        start: Float[Array, "m n_codes"],
        end: Float[Array, "m n_codes"],
    ) -> Float[Array, "m latent"]:
        """Moved from the middle of one code's pictures to that of the other's."""
        return z + (end - start) @ model.fitted.center


class _Network(nnx.Module):
    """Encoder, prior and decoder; all results are float32."""

    def __init__(self, family: VAE, *, rngs: nnx.Rngs) -> None:
        self.compute = family.compute
        self.encoder = ENCODERS[family.network](family.shape, family.width, rngs=rngs)
        self.decoder = DECODERS[family.network](family.shape, family.width, rngs=rngs)
        flat = math.prod(self.encoder.grid) * self.encoder.deep
        hidden = 8 * family.width
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

    def encode(self, images: Array, codes: Array) -> tuple[Array, Array]:
        """Mean and log variance of q(z | x, c), (b, latent) each."""
        images, codes = cast((images, codes), self.compute)
        x = self.encoder(images)
        flat = jnp.concatenate([x.reshape(x.shape[0], -1), codes], axis=1)
        both = cast(self.posterior(nnx.silu(self.narrow(flat))), "float32")
        mean, log_var = jnp.split(both, 2, axis=1)
        return mean, jnp.clip(log_var, -12, 4)

    def prior(self, codes: Array) -> tuple[Array, Array]:
        """Mean and log variance of p(z | c), (b, latent) each."""
        both = cast(self.prior_table(cast(codes, self.compute)), "float32")
        mean, log_var = jnp.split(both, 2, axis=1)
        return mean, jnp.clip(log_var, -6, 4)

    def decode(self, z: Array, codes: Array) -> Array:
        """Pictures (b, h, w, c) before the sigmoid."""
        z, codes = cast((z, codes), self.compute)
        x = nnx.silu(self.widen(jnp.concatenate([z, codes], axis=1)))
        x = nnx.silu(self.unflatten(x)).reshape(-1, *self.decoder.grid, self.decoder.deep)
        return cast(self.decoder(x), "float32")
