"""A vector-quantised autoencoder, and a recurrent network that draws its grids for each cluster."""

import math
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax import export, lax

from .._checks import check_count
from .._linalg import fold_rows
from .._typing import Array, Float, Int, KeyArray, PyTree, UInt8
from ._codebook import Codebook, follow, quantise, start_codebook, straight_through
from ._conv import Linear
from ._family import Family, Logs, Model, cast, fresh, merged
from ._levels import logistic_nats
from ._networks import Decoder, Encoder
from ._rnn_prior import Prior

_LOOKED_AT = 2**14  # encoder outputs that k-means starts the codebook from, about
_BLOCK = 128  # pictures encoded at once
_RIVALS = 7  # codes that a drawing is told from
_SURE = math.log(0.99)  # of a drawing's code, so that it is not made again


@partial(export.register_namedtuple_serialization, serialized_name="clusterart_jax.Grids")
class Grids(NamedTuple):
    """What `RNN.fit` finds.

    Attributes:
      vectors: (codebook, dims).
      center: (n_codes, gh, gw, dims), the mean grid of each code; 0 for one without pictures.
    """

    vectors: Float[Array, "codebook dims"]
    center: Float[Array, "n_codes gh gw dims"]


@dataclass(frozen=True)
class RNN(Family):
    """A picture is a grid of vectors from a codebook; a recurrent network draws grids.

    The encoder gives a vector for each cell of the picture, and the nearest of the codebook takes
    its place; the decoder gets those. The codebook starts from k-means and follows the encoder by
    moving averages. In the same steps a gated recurrent unit learns the prior p(indices | code),
    which changes neither encoder nor codebook. Latents are grids of vectors; walks may leave the
    codebook, since the decoder takes any.

    Attributes:
      width: channels of the first layer; deeper ones have up to four times as many.
      levels: how often pictures are halved; None: until the shorter side has at most 8 cells, but
        at least once.
      codebook: vectors in it.
      dims: dimensions of each.
      hidden: width of the prior's state, and of the layer that makes logits.
      commitment: weight of the mean squared distance of encoder outputs from their vectors.
      decay: of the codebook's moving averages, for each step.
      revive: part of the fair share of outputs, 1 / codebook, below which a vector moves.
      attempts: at most so many grids are drawn for a picture: the first is taken whose code has
        99 % by Bayes' rule among itself and the 7 whose mean grids are nearest, from what the prior
        says of the grid with each; else the likeliest. A prior that blurs the borders of clusters
        draws fewer pictures beyond them, and those within as before. 1 takes what comes.
      guidance: s in drawing from p(indices | code) · p(code | indices)ˢ, index after index, by the
        same rule. Above 0 pictures keep away from the borders, and vary less; each costs eight.

    References:
      van den Oord and others, arXiv:1711.00937; levels of pixels: Salimans and others,
      arXiv:1701.05517; the choice among several draws: Ramesh and others, arXiv:2102.12092.
    """

    width: int = 32
    levels: int | None = None
    codebook: int = 256
    dims: int = 32
    hidden: int = 256
    commitment: float = 0.25
    decay: float = 0.99
    revive: float = 0.05
    guidance: float = 0.0
    attempts: int = 3

    def __post_init__(self) -> None:
        for name in ("width", "codebook", "dims", "hidden", "attempts"):
            check_count(getattr(self, name), name)
        if self.levels is not None:
            check_count(self.levels, "levels")
        for name in ("commitment", "guidance"):
            if not 0 <= getattr(self, name) < 1e6:
                raise ValueError(
                    f"{name} must be at least 0 and below 1e6, not {getattr(self, name)}"
                )
        for name in ("decay", "revive"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(
                    f"{name} must be at least 0 and below 1, not {getattr(self, name)}"
                )

    @property
    def halvings(self) -> int:
        """How often pictures are halved."""
        if self.levels is not None:
            return self.levels
        return max(1, math.ceil(math.log2(min(self.shape[:2]) / 8)))

    def init(self, key: KeyArray) -> PyTree:
        """Fresh parameters, a nested dict of arrays."""
        return fresh(_Network, self, key)

    def start(
        self,
        key: KeyArray,
        params: PyTree,
        images: UInt8[Array, "n h w c"],
        codes: Float[Array, "n n_codes"],
    ) -> tuple[PyTree, Codebook]:
        """Parameters as they are, and a codebook from k-means on outputs of the fresh encoder."""
        network = merged(_Network, self, params)
        n, cells = images.shape[0], math.prod(network.encoder.grid)
        choice, seeds = jax.random.split(key)
        count = min(n, max(1, _LOOKED_AT // cells))
        rows = jax.random.choice(choice, n, (count,), replace=False)

        def look(carry: tuple[()], valid: Array, images: Array) -> tuple[tuple[()], Array]:
            return carry, network.encode(images.astype(jnp.float32) / 255)

        z = fold_rows(look, (), (images[rows],), block=_BLOCK)[1]
        return params, start_codebook(seeds, z.reshape(-1, self.dims), self.codebook)

    def loss(
        self,
        params: PyTree,
        memory: Codebook,
        key: KeyArray,
        images: Float[Array, "b h w c"],
        codes: Float[Array, "b n_codes"],
        progress: Float[Array, ""],
    ) -> tuple[Array, tuple[PyTree, Logs]]:
        """A bound of −log p(x | c) in nats per pixel value, and the commitment of the encoder.

        Returns:
          Their sum; the codebook of after; and `loss` (the bound), `error` (mean squared), `prior`
          (nats of the indices of a picture), `used` (vectors in use: the exponential of the
          entropy of their shares), `revived` (vectors moved).
        """
        network = merged(_Network, self, params)
        z = network.encode(images)
        flat = lax.stop_gradient(z).reshape(-1, self.dims)
        index = quantise(memory.vectors, flat)
        q = memory.vectors[index].reshape(z.shape)
        mean, log_scale = network.decode(straight_through(z, q), codes)
        fit = jnp.mean(logistic_nats(images, mean, log_scale))
        prior = jnp.mean(network.prior.nats(q, index.reshape(z.shape[:3]), codes))
        bound = fit + prior / math.prod(self.shape)
        memory, revived = follow(key, memory, flat, index, decay=self.decay, revive=self.revive)
        share = memory.share / jnp.sum(memory.share)
        logs = {
            "loss": bound,
            "error": jnp.mean((mean - images) ** 2),
            "prior": prior,
            "used": jnp.exp(-jnp.sum(share * jnp.log(share + 1e-12))),
            "revived": revived,
        }
        return bound + self.commitment * jnp.mean((z - q) ** 2), (memory, logs)

    def fit(
        self,
        key: KeyArray,
        params: PyTree,
        memory: Codebook,
        images: UInt8[Array, "n h w c"],
        codes: Float[Array, "n n_codes"],
    ) -> Grids:
        """The codebook, and the mean grid of each code, by one pass of the encoder."""
        network = merged(_Network, self, params)
        h, w = network.encoder.grid

        def look(
            total: Array, valid: Array, images: Array, codes: Array
        ) -> tuple[Array, tuple[()]]:
            q = self._quantised(network, memory.vectors, images.astype(jnp.float32) / 255)[0]
            share = jnp.where(valid[:, None], codes, 0)
            return total + share.T @ q.reshape(q.shape[0], -1), ()

        none = jnp.zeros((self.n_codes, h * w * self.dims), jnp.float32)
        total, _ = fold_rows(look, none, (images, codes), block=_BLOCK)
        mass = jnp.sum(codes, axis=0)[:, None]
        center = total / jnp.where(mass > 0, mass, 1)
        return Grids(memory.vectors, center.reshape(-1, h, w, self.dims))

    def draw(
        self,
        model: Model,
        keys: KeyArray,
        codes: Float[Array, "m n_codes"],
        temperature: float | Array = 1.0,
    ) -> Float[Array, "m gh gw dims"]:
        """Grids of new pictures, from the prior; at temperature 0 the likeliest cell after cell."""
        network, grids = merged(_Network, self, model.params), model.fitted
        rivals, weights = self._rivals(grids.center, codes)
        times = self.attempts if rivals.shape[1] else 1
        if times > 1:
            keys = jax.vmap(lambda key: jax.random.split(key, times))(keys).reshape(-1)
        again = partial(jnp.repeat, repeats=times, axis=0)
        index = network.prior.draw(
            keys,
            again(codes),
            grids.vectors,
            temperature,
            guidance=self.guidance,
            rivals=again(rivals) if self.guidance else None,
            weights=again(weights) if self.guidance else None,
        )
        z = grids.vectors[index]
        if times > 1:
            sure = _sure(network.prior, z, index, again(codes), again(rivals), again(weights))
            # The first that is sure enough, else the surest.
            first = jnp.argmax(jnp.minimum(sure, _SURE).reshape(-1, times), axis=1)
            z = z[jnp.arange(codes.shape[0], dtype=first.dtype) * times + first]
        return z

    def decode(
        self, model: Model, z: Float[Array, "m gh gw dims"], codes: Float[Array, "m n_codes"]
    ) -> Float[Array, "m h w c"]:
        """Pictures in 0…1 from grids of any vectors, and codes."""
        return merged(_Network, self, model.params).decode(z, codes)[0]

    def encode(
        self, model: Model, images: Float[Array, "m h w c"], codes: Float[Array, "m n_codes"]
    ) -> Float[Array, "m gh gw dims"]:
        """The grids of vectors that stand for pictures in 0…1."""
        network = merged(_Network, self, model.params)
        return self._quantised(network, model.fitted.vectors, images)[0]

    def carry(
        self,
        model: Model,
        z: Float[Array, "m gh gw dims"],
        start: Float[Array, "m n_codes"],
        end: Float[Array, "m n_codes"],
    ) -> Float[Array, "m gh gw dims"]:
        """Moved from the middle of one code's grids to that of the other's."""
        center = model.fitted.center
        by = (end - start) @ center.reshape(center.shape[0], -1)
        return z + by.reshape(z.shape)

    def nats(
        self, model: Model, images: Float[Array, "m h w c"], codes: Float[Array, "m n_codes"]
    ) -> Float[Array, " m"]:
        """−log p(levels, indices | code) of each picture: a bound of that of its levels alone.

        Levels are the 256 of pixel values, so that the bound is one of a discrete distribution.
        """
        network = merged(_Network, self, model.params)
        q, index = self._quantised(network, model.fitted.vectors, images)
        mean, log_scale = network.decode(q, codes)
        fit = jnp.sum(logistic_nats(images, mean, log_scale), axis=(1, 2, 3))
        return fit + network.prior.nats(q, index, codes)

    def _rivals(
        self, center: Float[Array, "n_codes gh gw dims"], codes: Float[Array, "m n_codes"]
    ) -> tuple[Float[Array, "m r n_codes"], Float[Array, "m r"]]:
        """Codes whose mean grids are nearest to each row's own; weight 0 for those without one."""
        asked = self.guidance or self.attempts > 1
        count = min(_RIVALS, self.n_codes - 1) if asked else 0
        flat = center.reshape(self.n_codes, -1)
        apart = jnp.sum(flat**2, axis=1)[None] - 2 * (codes @ flat) @ flat.T
        held = jnp.any(flat != 0, axis=1)[None] & (codes < 0.05)  # not a part of one's own
        near, which = lax.top_k(-jnp.where(held, apart, jnp.inf), count)
        rivals = jax.nn.one_hot(which, self.n_codes, dtype=codes.dtype)
        return rivals, (near > -jnp.inf).astype(codes.dtype)

    def _quantised(
        self, network: "_Network", vectors: Float[Array, "codebook dims"], images: Array
    ) -> tuple[Float[Array, "b gh gw dims"], Int[Array, "b gh gw"]]:
        z = network.encode(images)
        index = quantise(vectors, z.reshape(-1, self.dims)).reshape(z.shape[:3])
        return vectors[index], index


def _sure(
    prior: Prior,
    z: Float[Array, "m gh gw dims"],
    index: Int[Array, "m gh gw"],
    codes: Float[Array, "m n_codes"],
    rivals: Float[Array, "m r n_codes"],
    weights: Float[Array, "m r"],
) -> Float[Array, " m"]:
    """How sure, log p(code | grid), it is of each grid, among its code and the rivals."""
    own = -prior.nats(z, index, codes)
    others = lax.map(lambda code: -prior.nats(z, index, code), jnp.swapaxes(rivals, 0, 1))
    others = jnp.where(weights > 0, others.T, -jnp.inf)
    return own - nnx.logsumexp(jnp.concatenate([own[:, None], others], axis=1), axis=1)


class _Network(nnx.Module):
    """Encoder, decoder and prior; all results are float32."""

    def __init__(self, family: RNN, *, rngs: nnx.Rngs) -> None:
        self.compute = family.compute
        (h, w, c), levels, width = family.shape, family.halvings, family.width
        self.encoder = Encoder(family.shape, width, levels, rngs=rngs)
        self.decoder = Decoder((h, w, 2 * c), width, levels, rngs=rngs)
        self.narrow = Linear(self.encoder.deep, family.dims, rngs=rngs)
        self.widen = Linear(family.dims + family.n_codes, self.decoder.deep, rngs=rngs)
        self.prior = Prior(
            self.encoder.grid,
            family.dims,
            family.codebook,
            family.hidden,
            family.n_codes,
            compute=family.compute,
            rngs=rngs,
        )

    def encode(self, images: Array) -> Array:
        """Vectors (b, gh, gw, dims) before others stand for them."""
        return cast(self.narrow(self.encoder(cast(images, self.compute))), "float32")

    def decode(self, z: Array, codes: Array) -> tuple[Array, Array]:
        """Means of pixel values (b, h, w, c) in 0…1, and logarithms of their scales."""
        z, codes = cast((z, codes), self.compute)
        told = jnp.broadcast_to(codes[:, None, None], (*z.shape[:3], codes.shape[1]))
        x = nnx.silu(self.widen(jnp.concatenate([z, told], axis=3)))
        mean, log_scale = jnp.split(cast(self.decoder(x), "float32"), 2, axis=3)
        # A scale of e⁻³ to start with; e⁻⁷ is a quarter of a level.
        return nnx.sigmoid(mean), jnp.clip(log_scale - 3, -7, 1)
