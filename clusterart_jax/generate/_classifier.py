"""A classifier of the pictures themselves: a feature network where no pretrained one fits."""

import math
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from flax import nnx

from .._linalg import fold_rows
from .._typing import Array, Float, KeyArray, PyTree, UInt8
from ._family import Learner, Logs, cast, fresh, merged
from ._networks import ENCODERS

_BLOCK = 128


@dataclass(frozen=True)
class Classifier(Learner):
    """A small convolutional network that tells the codes of pictures.

    Trained on known classes, or on clusters, its last layer but one gives the features in which
    distances between real and generated pictures are measured. Such distances cannot be compared
    with those of another network, nor of the same trained on other pictures.

    Attributes:
      width: channels of the first layer; deeper ones have up to four times as many.
      features: width of the last layer but one.
      network: "conv" or "mlp".
      smoothing: share of each label that is spread over all, so that features do not grow on.
    """

    width: int = 32
    features: int = 64
    network: str = "conv"
    smoothing: float = 0.1

    learning_rate = 2e-3

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
        """Cross-entropy in nats a picture; noise, whose code is all zero, counts for nothing."""
        _, logits = merged(_Network, self, params)(images)
        mass = jnp.sum(codes, axis=1, keepdims=True)
        told = (1 - self.smoothing) * codes + self.smoothing * mass / self.n_codes
        each = -jnp.sum(told * jax.nn.log_softmax(logits), axis=1)
        whole = jnp.maximum(jnp.sum(mass), 1)
        right = (jnp.argmax(logits, axis=1) == jnp.argmax(codes, axis=1)) & (mass[:, 0] > 0)
        loss = jnp.sum(each) / whole
        return loss, (memory, {"loss": loss, "accuracy": jnp.sum(right.astype(loss.dtype)) / whole})

    def __call__(
        self, params: PyTree, images: UInt8[Array, "n h w c"]
    ) -> tuple[Float[Array, "n features"], Float[Array, "n n_codes"]]:
        """Features, and probabilities of the classes, of pictures; in blocks."""

        def some(
            carry: tuple[()], valid: Array, images: Array
        ) -> tuple[tuple[()], tuple[Array, Array]]:
            found, logits = merged(_Network, self, params)(images.astype(jnp.float32) / 255)
            return carry, (found, jax.nn.softmax(logits))

        return fold_rows(some, (), (jnp.asarray(images),), block=_BLOCK)[1]


classify = partial(jax.jit, static_argnums=0)(Classifier.__call__)
"""`classify(classifier, params, images)`: the same, compiled."""


class _Network(nnx.Module):
    def __init__(self, family: Classifier, *, rngs: nnx.Rngs) -> None:
        self.compute = family.compute
        self.encoder = ENCODERS[family.network](family.shape, family.width, rngs=rngs)
        flat = math.prod(self.encoder.grid) * self.encoder.deep
        self.narrow = nnx.Linear(flat, family.features, rngs=rngs)
        self.out = nnx.Linear(family.features, family.n_codes, rngs=rngs)

    def __call__(self, images: Array) -> tuple[Array, Array]:
        """Features (b, features), and what the softmax takes (b, n_codes); float32."""
        x = self.encoder(cast(images, self.compute))
        found = nnx.silu(self.narrow(x.reshape(x.shape[0], -1)))
        return cast(found, "float32"), cast(self.out(found), "float32")
