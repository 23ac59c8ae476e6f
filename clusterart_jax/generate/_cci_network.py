"""The network of `CCI` that makes features and sees classes in them."""

import math
from typing import TYPE_CHECKING

import jax.numpy as jnp
from flax import nnx
from jax import lax

from .._typing import Array, Float
from ._family import cast
from ._networks import ENCODERS

if TYPE_CHECKING:
    from ._cci import CCI


class FeatureNetwork(nnx.Module):
    """Pictures → features → classes; all results are float32."""

    def __init__(self, family: "CCI", *, rngs: nnx.Rngs) -> None:
        self.compute = family.compute
        self.encoder = ENCODERS[family.network](family.shape, family.width, rngs=rngs)
        flat = math.prod(self.encoder.grid) * self.encoder.deep
        self.narrow = nnx.Linear(flat, family.features, rngs=rngs)
        self.out = nnx.Linear(family.features, family.n_codes, rngs=rngs)

    def features(self, images: Float[Array, "b h w c"]) -> Float[Array, "b d"]:
        """Features of mean 0 and mean square 1 in each row.

        Were their length free, k-means would be best off with all of them shrunk to nothing.
        """
        x = self.encoder(cast(images, self.compute))
        x = cast(self.narrow(x.reshape(x.shape[0], -1)), "float32")
        x = x - jnp.mean(x, axis=1, keepdims=True)
        return x * lax.rsqrt(jnp.mean(x * x, axis=1, keepdims=True) + 1e-6)

    def log_shares(self, features: Float[Array, "b d"]) -> Float[Array, "b n_codes"]:
        """Logarithms of the probability of each class."""
        logits = self.out(cast(features, self.compute))
        return nnx.log_softmax(cast(logits, "float32"), axis=1)
