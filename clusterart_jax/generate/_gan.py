"""A generative adversarial network conditioned on codes of clusters."""

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import lax

from .._checks import check_choice, check_count
from .._typing import Array, Float, KeyArray, PyTree, UInt8
from ._augment import AUGMENTATIONS, augmented
from ._family import Family, Logs, Model, fresh, merged
from ._gan_clusters import recluster
from ._gan_losses import (
    LOSSES,
    adversarial,
    ambiguous,
    default_gamma,
    one_centred,
    zero_centred,
)
from ._gan_networks import Discriminator, Generator
from ._schedule import Schedule

NETWORKS = ("conv", "mlp")


@dataclass(frozen=True)
class GAN(Family):
    """The family: what to train and how to sample it. Holds no arrays, so it may be static.

    A generator makes pictures from noise z and the embedding of a code; a discriminator that gets
    the code as well tells them from real ones, and both learn at once, each from the other.
    Residual networks without normalisation, a loss that judges pictures in pairs, and penalties on
    steep discriminators make that stable (R3GAN). Samples come from the generator's moving average.

    Attributes:
      latent: dimensions of z.
      width: channels of the first layer; deeper ones have up to four times as many.
      depth: residual blocks at each size.
      network: "conv" or "mlp", dense layers of 8 · width.
      loss_kind: "relativistic", "minimax", "non-saturating", "hinge" or "wgan-gp"; "minimax" is the
        classic one, whose generator hears little from a discriminator that is sure; it is kept to
        compare with.
      gamma: weight of the penalty: with "wgan-gp" that towards gradients of length 1, with all
        others R1 + R2; None is 0.0006 for each number in a picture with "relativistic", 10 with
        "wgan-gp" and 0 with others.
      penalty_every: the penalty looks at one in so many pictures of a step.
      augment: changes of pictures before they are judged, of "color", "translation" and "cutout",
        against a discriminator that learns few pictures by heart. The two of a pair are changed
        alike. "translation" wants a `gamma` of 25 times the default or more, or clusters lose their
        variety (digits: recall 0.26, then 0.60). In a short training none of them is needed.
      phase_in: share of training after which the code counts in full; it counts for nothing in the
        first half of that, so that few pictures of each code do not set the generator at once.
      recluster_every: steps after which the pictures are clustered anew by what the discriminator
        sees in them; 0 keeps the codes that were given.
      ambiguity: how much the generator is drawn to pictures that might be of any cluster: 0 makes
        what its code asks for, 1 what lies between the clusters, and beyond pictures dissolve. It
        pulls at them at most so many times as strongly as what makes them real. A classifier on
        what the discriminator sees is trained along, and costs a second look at the pictures of a
        step.

    References:
      Huang, Gokaslan, Kuleshov and Tompkin, arXiv:2501.05441; projection of codes: Miyato and
      Koyama, arXiv:1802.05637; clusters of features: Liu and others, arXiv:2006.10728; few
      pictures: Shahbazi, Danelljan, Paudel and Van Gool, arXiv:2201.06578; ambiguity: Elgammal,
      Liu, Elhoseiny and Mazzone, arXiv:1706.07068.
    """

    latent: int = 64
    width: int = 32
    depth: int = 1
    network: str = "conv"
    loss_kind: str = "relativistic"
    gamma: float | None = None
    penalty_every: int = 4
    augment: tuple[str, ...] = ()
    phase_in: float = 0.0
    recluster_every: int = 0
    ambiguity: float = 0.0

    learning_rate = 1e-3

    def __post_init__(self) -> None:
        check_choice(self.network, "network", NETWORKS)
        check_choice(self.loss_kind, "loss_kind", LOSSES)
        for name in ("latent", "width", "depth"):
            check_count(getattr(self, name), name)
        check_count(self.penalty_every, "penalty_every")
        check_count(self.recluster_every, "recluster_every", low=0)
        given: Any = self.augment
        if isinstance(given, str):
            raise ValueError(f"augment must be a tuple of names, not {given!r}")
        for kind in given:
            check_choice(kind, "augment", AUGMENTATIONS)
        if self.gamma is not None and self.gamma < 0:
            raise ValueError(f"gamma must be at least 0, not {self.gamma}")
        if not 0 <= self.ambiguity < math.inf:
            raise ValueError(f"ambiguity must be a number of at least 0, not {self.ambiguity}")
        if not 0 <= self.phase_in <= 1:
            raise ValueError(f"phase_in must be a share between 0 and 1, not {self.phase_in}")

    @property
    def revise_every(self) -> int:  # type: ignore[override]
        """Steps between two clusterings."""
        return self.recluster_every

    def optimizer(self, schedule: Schedule) -> optax.GradientTransformation:
        """Adam without momentum: the other network moves on meanwhile."""
        return schedule.adam(self.learning_rate, b1=0.0, b2=0.99, clip=100.0)

    def init(self, key: KeyArray) -> PyTree:
        """Fresh parameters of both networks."""
        one, other = jax.random.split(key)
        return {
            "generator": fresh(Generator, self, one),
            "discriminator": fresh(Discriminator, self, other),
        }

    def start(
        self,
        key: KeyArray,
        params: PyTree,
        images: UInt8[Array, "n h w c"],
        codes: Float[Array, "n n_codes"],
    ) -> tuple[PyTree, PyTree]:
        """The parameters as they are, and the memory.

        Returns:
          Parameters; and the memory: `progress`, the share of training that is done, and with
          `recluster_every` the `codes`.
        """
        memory = {"progress": jnp.zeros((), jnp.float32)}
        if self.recluster_every:
            memory["codes"] = jnp.array(codes, jnp.float32)  # a copy: the state is given up
        return params, memory

    def gradients(
        self,
        params: PyTree,
        memory: PyTree,
        key: KeyArray,
        images: Float[Array, "b h w c"],
        codes: Float[Array, "b n_codes"],
        progress: Float[Array, ""],
    ) -> tuple[PyTree, PyTree, Logs]:
        """Of both networks at once, from the same generated pictures.

        Returns:
          Gradients; the memory; and `loss`, the discriminator's with its penalty, `generator`, its
          loss, `penalty`, before its weight, and `margin`, real logits less generated ones. With
          `ambiguity` also `classes`, what the classifier makes smaller, and `ambiguity`, how far
          generated pictures are from being of any cluster alike, in nats, before its weight.
        """
        noise, change, place = jax.random.split(key, 3)
        count = self._counts(progress)
        z = jax.random.normal(noise, (images.shape[0], self.latent), jnp.float32)
        codes_of_both = _beside(codes, codes)

        def judge(params: PyTree, x: Array, codes: Array) -> Array:
            return merged(Discriminator, self, params)(x, codes, count)

        def view(params: PyTree, fake: Array) -> tuple[Array, Array]:
            x = self._changed(change, 2 * images - 1, fake)
            return judge(params, x, codes_of_both), x

        fake, to_generator = jax.vjp(
            lambda p: merged(Generator, self, p)(z, codes, count), params["generator"]
        )
        logits, back, seen = jax.vjp(view, params["discriminator"], fake, has_aux=True)

        def losses(logits: Array) -> tuple[Array, Array]:
            return adversarial(self.loss_kind, *_apart(logits))

        (loss, wish), to_logits = jax.vjp(losses, logits)
        one, none = jnp.ones_like(loss), jnp.zeros_like(loss)
        of_loss, of_wish = to_logits((one, none))[0], to_logits((none, one))[0]
        of_discriminator, of_fake = back(of_loss)
        gamma = self.gamma
        if gamma is None:
            gamma = default_gamma(self.loss_kind, math.prod(self.shape))
        if self.loss_kind == "relativistic" and gamma:
            # Pictures are judged one by one: what either loss says of one is the same direction,
            # as long as what its logit counts for. A discriminator with a penalty is never so sure
            # that the share of it rounds to 0; others have no such bound.
            turn = _apart(of_wish)[1] / _apart(of_loss)[1]
            of_fake = turn.reshape(-1, *[1] * (of_fake.ndim - 1)) * of_fake
        else:
            of_fake = back(of_wish)[1]
        extra: Logs = {}
        if self.ambiguity:

            def styles(params: PyTree, fake: Array) -> tuple[Array, Array]:
                x = self._changed(change, 2 * images - 1, fake)
                return ambiguous(*_apart(merged(Discriminator, self, params).classify(x)), codes)

            (known, doubt), to_both = jax.vjp(styles, params["discriminator"], fake)
            of_known, of_doubt = to_both((one, none))[0], to_both((none, one))[1]
            of_discriminator = jax.tree.map(jnp.add, of_discriminator, of_known)
            of_fake = of_fake + self.ambiguity * _no_longer(of_doubt, of_fake)
            extra = {"classes": known, "ambiguity": doubt}
        of_generator = to_generator(of_fake)[0]

        penalty = none
        if gamma:
            real, made = (x[:: self.penalty_every] for x in _apart(seen))
            some = codes[:: self.penalty_every]

            def steep(params: PyTree) -> Array:
                if self.loss_kind == "wgan-gp":
                    share = jax.random.uniform(place, real.shape[:1], real.dtype)
                    return one_centred(lambda x: judge(params, x, some), real, made, share)
                return zero_centred(lambda x: judge(params, x, some), real, made)

            penalty, slope = jax.value_and_grad(steep)(params["discriminator"])
            of_discriminator = jax.tree.map(lambda a, b: a + gamma * b, of_discriminator, slope)
        real_logits, fake_logits = _apart(logits)
        logs = {
            "loss": loss + gamma * penalty,
            "generator": wish,
            "penalty": penalty,
            "margin": jnp.mean(real_logits - fake_logits),
            **extra,
        }
        grads = {"generator": of_generator, "discriminator": of_discriminator}
        return grads, {**memory, "progress": progress}, logs

    def _changed(self, key: KeyArray, real: Array, fake: Array) -> Array:
        """Both, as `_beside`, after the changes of `augment`.

        The two of a pair are changed alike: what tells them apart is then never the change.
        """
        return _beside(*(augmented(key, x, self.augment) for x in (real, fake)))

    def _counts(self, progress: Array) -> Float[Array, ""]:
        """How much the code counts, 0…1: not in the first half of its time, then more and more."""
        if self.phase_in == 0:
            return jnp.ones((), jnp.float32)
        half = self.phase_in / 2
        return jnp.clip((progress - half) / half, 0, 1)

    def revise(
        self,
        key: KeyArray,
        params: PyTree,
        memory: PyTree,
        images: UInt8[Array, "n h w c"],
        codes: Float[Array, "n n_codes"],
    ) -> PyTree:
        """The memory with codes of new clusters, but before the first step, which knows nothing."""

        def features(images: Array) -> Array:
            network = merged(Discriminator, self, params["discriminator"])
            return network.features(2 * images - 1)

        new = lax.cond(
            memory["progress"] > 0,
            lambda: recluster(key, features, images, memory["codes"]),
            lambda: memory["codes"],
        )
        return {**memory, "codes": new}

    def codes_of(
        self, memory: PyTree, codes: Float[Array, "n n_codes"]
    ) -> Float[Array, "n n_codes"]:
        """The codes that were given, or those of the last clustering."""
        return memory["codes"] if self.recluster_every else codes

    def fit(
        self,
        key: KeyArray,
        params: PyTree,
        memory: PyTree,
        images: UInt8[Array, "n h w c"],
        codes: Float[Array, "n n_codes"],
    ) -> Float[Array, ""]:
        """How much the code counts: 1, but in the midst of a training that phases it in."""
        return self._counts(memory["progress"])

    def draw(
        self,
        model: Model,
        keys: KeyArray,
        codes: Float[Array, "m n_codes"],
        temperature: float | Array = 1.0,
    ) -> Float[Array, "m latent"]:
        """Standard normal z, times `temperature`."""
        z = jax.vmap(lambda key: jax.random.normal(key, (self.latent,), jnp.float32))(keys)
        return z * jnp.asarray(temperature, z.dtype)

    def decode(
        self, model: Model, z: Float[Array, "m latent"], codes: Float[Array, "m n_codes"]
    ) -> Float[Array, "m h w c"]:
        """Pictures in 0…1 from z and codes."""
        paint = merged(Generator, self, model.params["generator"])
        return (paint(z, codes, model.fitted) + 1) / 2


def _beside(real: Array, fake: Array) -> Array:
    """(2 b, …), each real one before its generated one: rows stay on the device they are on."""
    return jnp.stack([real, fake], axis=1).reshape(-1, *real.shape[1:])


def _no_longer(x: Array, than: Array) -> Array:
    """An array, made as short as another where it is longer."""
    length, most = (jnp.sqrt(jnp.sum(a**2)) for a in (x, than))
    return x * jnp.minimum(1, most / jnp.maximum(length, 1e-30))


def _apart(both: Array) -> tuple[Array, Array]:
    """The inverse of `_beside`."""
    pairs = both.reshape(-1, 2, *both.shape[1:])
    return pairs[:, 0], pairs[:, 1]
