"""What every family of generators gives to the training loop, and to those who draw from it."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jax import export

from .._typing import Array, Float, KeyArray, PyTree, UInt8
from ._schedule import Schedule

Logs = dict[str, Array]
"""Parts of the loss by name; "loss" is the one that tells whether training diverges."""


@partial(export.register_namedtuple_serialization, serialized_name="clusterart_jax.Model")
class Model(NamedTuple):
    """A trained generator.

    Attributes:
      params: moving averages of its parameters, a nested dict of arrays.
      fitted: what was found in the data beside them, as the family's `fit` says.
    """

    params: PyTree
    fitted: PyTree


@dataclass(frozen=True)
class Learner(ABC):
    """What the training loop trains, from pictures in 0…1 and their codes. Holds no arrays.

    Attributes:
      shape: (h, w, c) of the pictures.
      n_codes: width of the codes.
      compute: type that networks compute in, "float32" or "bfloat16"; parameters are float32.
    """

    shape: tuple[int, int, int]
    n_codes: int
    compute: str = "float32"

    learning_rate = 2e-3
    """At its highest, where the schedule names none."""

    revise_every = 0
    """Steps between two calls of `revise`; 0 makes none."""

    @abstractmethod
    def init(self, key: KeyArray) -> PyTree:
        """Fresh parameters, a nested dict of arrays."""

    def start(
        self,
        key: KeyArray,
        params: PyTree,
        images: UInt8[Array, "n h w c"],
        codes: Float[Array, "n n_codes"],
    ) -> tuple[PyTree, PyTree]:
        """Parameters that know the data, and the memory: arrays that no gradient changes."""
        return params, ()

    def loss(
        self,
        params: PyTree,
        memory: PyTree,
        key: KeyArray,
        images: Float[Array, "b h w c"],
        codes: Float[Array, "b n_codes"],
        progress: Float[Array, ""],
    ) -> tuple[Array, tuple[PyTree, Logs]]:
        """What a step makes smaller; the next memory; and the parts of the loss.

        A learner whose parts want different things gives `gradients` in its place.
        """
        raise NotImplementedError(f"{type(self).__name__} gives neither loss nor gradients")

    def gradients(
        self,
        params: PyTree,
        memory: PyTree,
        key: KeyArray,
        images: Float[Array, "b h w c"],
        codes: Float[Array, "b n_codes"],
        progress: Float[Array, ""],
    ) -> tuple[PyTree, PyTree, Logs]:
        """Of one step: gradients of the parameters, the next memory, parts of the loss.

        Args:
          params: being trained.
          memory: from `start` or the step before.
          key: for the randomness of this step.
          images: (b, h, w, c) in 0…1.
          codes: (b, n_codes).
          progress: share of the steps that are done, 0…1.
        """
        slope = jax.grad(self.loss, has_aux=True)
        grads, (memory, logs) = slope(params, memory, key, images, codes, progress)
        return grads, memory, logs

    def revise(
        self,
        key: KeyArray,
        params: PyTree,
        memory: PyTree,
        images: UInt8[Array, "n h w c"],
        codes: Float[Array, "n n_codes"],
    ) -> PyTree:
        """The memory after a look at all pictures, every `revise_every` steps."""
        return memory

    def codes_of(
        self, memory: PyTree, codes: Float[Array, "n n_codes"]
    ) -> Float[Array, "n n_codes"]:
        """The codes to train with, where `revise` changes them."""
        return codes

    def optimizer(self, schedule: Schedule) -> optax.GradientTransformation:
        """What turns gradients into updates."""
        return schedule.adam(self.learning_rate)


@dataclass(frozen=True)
class Family(Learner):
    """A kind of generator: what is trained, and how pictures come of it.

    Every family goes from codes to latents, and from latents and codes to pictures; those with an
    encoder come back. Sampling, walks, translation, editing and restoration are made of these
    three, for all families alike. Pictures are in 0…1 here.
    """

    @property
    def encodes(self) -> bool:
        """Whether the family has an encoder."""
        return type(self).encode is not Family.encode

    def fit(
        self,
        key: KeyArray,
        params: PyTree,
        memory: PyTree,
        images: UInt8[Array, "n h w c"],
        codes: Float[Array, "n n_codes"],
    ) -> PyTree:
        """After training: what `draw`, `decode` and `encode` need beside the parameters."""
        return ()

    @abstractmethod
    def draw(
        self,
        model: Model,
        keys: KeyArray,
        codes: Float[Array, "m n_codes"],
        temperature: float | Array = 1.0,
    ) -> Float[Array, "m ..."]:
        """Latents of new pictures, each from a key (m,) and a code of its own.

        A `temperature` below 1 draws what is more typical, and varies less.
        """

    @abstractmethod
    def decode(
        self, model: Model, z: Float[Array, "m ..."], codes: Float[Array, "m n_codes"]
    ) -> Float[Array, "m h w c"]:
        """Pictures in 0…1 from latents and codes."""

    def encode(
        self, model: Model, images: Float[Array, "m h w c"], codes: Float[Array, "m n_codes"]
    ) -> Float[Array, "m ..."] | None:
        """Latents of pictures, or None where the family has no encoder."""
        return None

    def carry(
        self,
        model: Model,
        z: Float[Array, "m ..."],
        start: Float[Array, "m n_codes"],
        end: Float[Array, "m n_codes"],
    ) -> Float[Array, "m ..."]:
        """Latents of pictures of one code as those of another, where they mean other things."""
        return z


def cast(tree: PyTree, compute: str) -> PyTree:
    """The floating arrays of a tree in the type that networks compute in."""
    kind = jnp.dtype(compute)

    def turn(a: Array) -> Array:
        return a.astype(kind) if jnp.issubdtype(a.dtype, jnp.floating) else a

    return jax.tree.map(turn, tree)


def fresh(network: type[nnx.Module], family: Learner, key: KeyArray) -> PyTree:
    """Parameters of a network that is made as `network(family, rngs=…)`."""
    made: Any = network(family, rngs=nnx.Rngs(key))  # type: ignore[call-arg]
    return nnx.to_pure_dict(nnx.state(made, nnx.Param))


def merged(network: type[nnx.Module], family: Learner, params: PyTree) -> Any:
    """The network with these parameters, in the type that the family computes in."""
    return nnx.merge(_graph(network, family), nnx.State(cast(params, family.compute)))


@cache
def _graph(network: type[nnx.Module], family: Learner) -> Any:
    """The network without its arrays."""

    def make() -> Any:
        return network(family, rngs=nnx.Rngs(0))  # type: ignore[call-arg]

    return nnx.graphdef(nnx.eval_shape(make))
