"""Pictures from the classes that a network sees: k-means and the network train each other."""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import export, lax

from .._checks import check_choice, check_count
from .._typing import Array, Float, Int, KeyArray, PyTree, UInt8
from ._cci_clusters import (
    Clusters,
    assigned,
    features_of,
    followed,
    means,
    nearest_pictures,
    reclustered,
)
from ._cci_network import FeatureNetwork
from ._family import Family, Logs, Model, fresh, merged
from ._latents import Latents
from ._networks import ENCODERS
from ._vae import VAE

_SHOWN = 16  # real pictures of each cluster that are kept by number


@partial(export.register_namedtuple_serialization, serialized_name="clusterart_jax.Seen")
class Seen(NamedTuple):
    """What `CCI.fit` finds.

    Attributes:
      latents: where the pictures of each cluster lie in the decoder's latent space.
      centers: (n_codes, d) of the clusters among features; infinite for those without pictures.
      nearest: (n_codes, 16) int32, numbers of the pictures nearest to each; −1 for none.
    """

    latents: Latents
    centers: Float[Array, "n_codes d"]
    nearest: Int[Array, "n_codes 16"]


@partial(export.register_namedtuple_serialization, serialized_name="clusterart_jax.Imagined")
class Imagined(NamedTuple):
    """What `CCI.imagine` gives.

    Attributes:
      shares: (m, n_codes), the distribution of classes that was seen, and drove the decoder.
      pictures: (m, h, w, c) in 0…1.
      classes: (m, top) int32, the most probable classes, the first the most.
      real: (m, top, 16) int32, numbers of real pictures of each of those, the nearest to its centre
        first, among the pictures that `fit` saw; −1 for none.
    """

    shares: Float[Array, "m n_codes"]
    pictures: Float[Array, "m h w c"]
    classes: Int[Array, "m top"]
    real: Int[Array, "m top 16"]


@dataclass(frozen=True)
class CCI(Family):
    """A classifier that learns from clusters, clusters that follow it, and a decoder for both.

    The clusters that come in are the first pseudo-labels. A convolutional network makes features f
    of a picture and sees classes in them; it is trained on

        J = J_kmeans + λ · J_CNN,

    the mean over pictures, and over the dimensions of f, of |f − c|², c the centre of the picture's
    cluster, and the cross-entropy of the classes seen with the pseudo-labels. Centres follow the
    features from step to step, and every `revise_every` steps k-means goes on from where the
    clusters lie, so that pictures change cluster and clusters keep their numbers.

    In the same steps a small `VAE` learns to draw pictures of these clusters, told half of the time
    the cluster and half of the time what the network sees, so that a distribution of classes is a
    code that it knows. It draws for codes as any family does; `imagine` lets the network see a
    class in a picture, or in noise, and draws that.

    Attributes:
      latent: dimensions of the decoder's latents.
      width: channels of the first layer of each network; deeper ones have up to four times as many.
      network: "conv" or "mlp", two dense layers of 8 · width.
      features: dimensions of f.
      lam: λ. With 0, k-means alone draws all features into one place.
      decay: of the centres' moving averages, for each step.
      revise_every: steps between two looks at all pictures; 0 keeps the clusters as they came.
      components: Gaussians in the decoder's latent space, as of `VAE`.
    """

    latent: int = 32
    width: int = 32
    network: str = "conv"
    features: int = 32
    lam: float = 1.0
    decay: float = 0.99
    revise_every: int = 500
    components: int = 64

    def __post_init__(self) -> None:
        check_choice(self.network, "network", tuple(ENCODERS))
        for name in ("latent", "width", "features", "components"):
            check_count(getattr(self, name), name)
        check_count(self.revise_every, "revise_every", low=0)
        if not 0 <= self.lam < 1e6:
            raise ValueError(f"lam must be a number ≥ 0 and below 1e6, not {self.lam}")
        if not 0 <= self.decay < 1:
            raise ValueError(f"decay must be at least 0 and below 1, not {self.decay}")

    @property
    def drawn_by(self) -> VAE:
        """The decoder, with the encoder that it learns from."""
        return VAE(
            self.shape,
            self.n_codes,
            self.compute,
            latent=self.latent,
            width=self.width,
            network=self.network,
            components=self.components,
        )

    def drawing(self, model: Model) -> Model:
        """What `drawn_by` needs of a trained model."""
        return Model(model.params["decoder"], model.fitted.latents)

    def init(self, key: KeyArray) -> PyTree:
        """Fresh parameters, a nested dict of arrays."""
        first, second = jax.random.split(key)
        classifier = fresh(FeatureNetwork, self, first)
        return {"classifier": classifier, "decoder": self.drawn_by.init(second)}

    def start(
        self,
        key: KeyArray,
        params: PyTree,
        images: UInt8[Array, "n h w c"],
        codes: Float[Array, "n n_codes"],
    ) -> tuple[PyTree, Clusters]:
        """Parameters as they are, and the clusters among the features that they give."""
        centers = means(self._features(params, images), codes)
        return params, Clusters(centers, codes, jnp.int32(0), jnp.float32(0))

    def loss(
        self,
        params: PyTree,
        memory: Clusters,
        key: KeyArray,
        images: Float[Array, "b h w c"],
        codes: Float[Array, "b n_codes"],
        progress: Float[Array, ""],
    ) -> tuple[Array, tuple[PyTree, Logs]]:
        """J and the decoder's loss, and what they consist of.

        Pictures in no cluster teach the decoder alone; one in several counts in each by its share.

        Returns:
          Their sum; the clusters, whose centres have followed; and `loss`, `j`, `kmeans`, `cnn`,
          `agreement` (share of the pictures that the network gives their pseudo-label), `moved`
          (share that changed cluster when all were last looked at), `error` and `kl` of the
          decoder.
        """
        chance, noise = jax.random.split(key)
        network = merged(FeatureNetwork, self, params["classifier"])
        features = network.features(images)
        log_shares = network.log_shares(features)
        mass = jnp.maximum(jnp.sum(codes), 1e-6)
        there = jnp.where(jnp.isfinite(memory.centers), memory.centers, 0)
        away = jnp.mean((features[:, None] - there[None]) ** 2, axis=2)
        kmeans = jnp.sum(codes * away) / mass
        cnn = -jnp.sum(codes * log_shares) / mass
        j = kmeans + self.lam * cnn
        right = jnp.argmax(codes, axis=1) == jnp.argmax(log_shares, axis=1)
        agreement = jnp.sum(jnp.where(right[:, None], codes, 0)) / mass
        seen = lax.stop_gradient(jnp.exp(log_shares))
        told = jnp.where(jax.random.bernoulli(chance, 0.5, (images.shape[0], 1)), seen, codes)
        drawn, (_, logs) = self.drawn_by.loss(params["decoder"], (), noise, images, told, progress)
        loss = j + drawn
        parts = {"loss": loss, "j": j, "kmeans": kmeans, "cnn": cnn, "agreement": agreement}
        parts |= {"moved": memory.moved, "error": logs["error"], "kl": logs["kl"]}
        memory = followed(memory, lax.stop_gradient(features), codes, self.decay)
        return loss, (memory, parts)

    def revise(
        self,
        key: KeyArray,
        params: PyTree,
        memory: Clusters,
        images: UInt8[Array, "n h w c"],
        codes: Float[Array, "n n_codes"],
    ) -> Clusters:
        """k-means goes on among the features of now; not before the network has learned at all.

        Cost: one pass of the network over all pictures; peak extra memory O(n · features).
        """

        def look() -> Clusters:
            return reclustered(self._features(params, images), memory)

        return lax.cond(memory.seen >= self.revise_every, look, lambda: memory)

    def codes_of(
        self, memory: Clusters, codes: Float[Array, "n n_codes"]
    ) -> Float[Array, "n n_codes"]:
        """The pseudo-labels of now."""
        return memory.codes

    def fit(
        self,
        key: KeyArray,
        params: PyTree,
        memory: Clusters,
        images: UInt8[Array, "n h w c"],
        codes: Float[Array, "n n_codes"],
    ) -> Seen:
        """Where the pictures of each cluster lie, and the most typical of each."""
        features = self._features(params, images)
        codes = assigned(features, memory.centers, codes)
        latents = self.drawn_by.fit(key, params["decoder"], (), images, codes)
        nearest = nearest_pictures(features, memory.centers, codes, _SHOWN)
        return Seen(latents, memory.centers, nearest)

    def draw(
        self,
        model: Model,
        keys: KeyArray,
        codes: Float[Array, "m n_codes"],
        temperature: float | Array = 1.0,
    ) -> Float[Array, "m latent"]:
        """Latents of new pictures, from the mixtures that `fit` found."""
        return self.drawn_by.draw(self.drawing(model), keys, codes, temperature)

    def decode(
        self, model: Model, z: Float[Array, "m latent"], codes: Float[Array, "m n_codes"]
    ) -> Float[Array, "m h w c"]:
        """Pictures in 0…1 from z and codes."""
        return self.drawn_by.decode(self.drawing(model), z, codes)

    def encode(
        self, model: Model, images: Float[Array, "m h w c"], codes: Float[Array, "m n_codes"]
    ) -> Float[Array, "m latent"]:
        """Latents of pictures in 0…1."""
        return self.drawn_by.encode(self.drawing(model), images, codes)

    def carry(
        self,
        model: Model,
        z: Float[Array, "m latent"],
        start: Float[Array, "m n_codes"],
        end: Float[Array, "m n_codes"],
    ) -> Float[Array, "m latent"]:
        """Moved from the middle of one code's pictures to that of the other's."""
        return self.drawn_by.carry(self.drawing(model), z, start, end)

    def shares(self, model: Model, images: Float[Array, "m h w c"]) -> Float[Array, "m n_codes"]:
        """The distribution of classes that the network sees in each picture of 0…1."""
        network = merged(FeatureNetwork, self, model.params["classifier"])
        return jnp.exp(network.log_shares(network.features(images)))

    def pseudo_labels(self, model: Model, images: Float[Array, "m h w c"]) -> Int[Array, " m"]:
        """The cluster whose centre lies nearest to the features of each picture of 0…1."""
        network = merged(FeatureNetwork, self, model.params["classifier"])
        ones = jnp.ones((images.shape[0], self.n_codes), jnp.float32)
        codes = assigned(network.features(images), model.fitted.centers, ones)
        return jnp.argmax(codes, axis=1).astype(jnp.int32)

    def imagine(
        self,
        model: Model,
        key: KeyArray,
        seeds: Float[Array, "m h w c"] | None = None,
        noise: float | Array = 0.5,
        *,
        n: int = 1,
        top: int = 3,
        temperature: float | Array = 1.0,
    ) -> Imagined:
        """What the network sees in pictures with noise, drawn.

        Args:
          model: trained.
          key: for the noise and the pictures.
          seeds: (m, h, w, c) in 0…1, or None: noise around grey alone.
          noise: standard deviation of what is added to each value, in 0…1; values stay in 0…1.
          n: how many pictures where there are no seeds. Static.
          top: how many classes are named. Static.
          temperature: of the drawing, as in `draw`.

        Returns:
          An `Imagined`, whose row i depends on the key, i and seed i alone.

        Raises:
          ValueError: when seeds are of another size than the generator's pictures.
        """
        if seeds is None:
            seeds = jnp.full((check_count(n, "n"), *self.shape), 0.5, jnp.float32)
        if seeds.shape[1:] != self.shape:
            raise ValueError(f"seeds must have shape (m, *{self.shape}), not {seeds.shape}")
        top = check_count(top, "top", high=self.n_codes)
        rows = jnp.arange(seeds.shape[0], dtype=jnp.int32)
        keys = jax.vmap(lambda i: jax.random.split(jax.random.fold_in(key, i)))(rows)
        added = jax.vmap(lambda k: jax.random.normal(k, self.shape, jnp.float32))(keys[:, 0])
        shares = self.shares(model, jnp.clip(seeds + noise * added, 0, 1))
        z = self.draw(model, keys[:, 1], shares, temperature)
        classes = lax.top_k(shares, top)[1].astype(jnp.int32)
        pictures = self.decode(model, z, shares)
        return Imagined(shares, pictures, classes, model.fitted.nearest[classes])

    def _features(self, params: PyTree, images: UInt8[Array, "n h w c"]) -> Float[Array, "n d"]:
        network = merged(FeatureNetwork, self, params["classifier"])
        return features_of(network.features, images)
