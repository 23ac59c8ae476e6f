"""The whole job as functions of arrays: pictures → clusters → codes → generator → new pictures."""

import json
from dataclasses import asdict, dataclass, fields
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import export

from ._checks import check_choice, check_count, check_images, check_key, hint
from ._errors import ConfigError
from ._linalg import fold_rows
from ._typing import Array, Bool, Float, Images, Int, KeyArray, PyTree, UInt8
from .cluster import KMeansResult, kmeans, nearest_centers
from .condition import encode
from .features import PCAState, pca, pixels
from .generate import VAE, Latents, Schedule, fit_latents, init_state, train

GENERATORS = ("vae",)

_MOST = {
    "k": 100_000,
    "n_components": 100_000,
    "n_init": 10_000,
    "max_iter": 1_000_000,
    "latent": 4096,
    "width": 1024,
    "steps": 10_000_000,
    "batch_size": 1_000_000,
    "n_samples": 1_000_000,
}
"""What whole numbers of a configuration may be at most: beyond, one is mistyped."""

_BLOCK = 128  # pictures generated at once, about as many as a training step holds


@jax.tree_util.register_static
@dataclass(frozen=True)
class PipelineConfig:
    """What the job does; frozen, and static wherever JAX meets it as an argument.

    Attributes:
      k: number of clusters.
      n_components: principal components that are clustered, at most as many as there can be.
      n_init: starts of k-means; the best is kept.
      max_iter: iterations of k-means at most, per start.
      generator: family of the generator; `"vae"`.
      latent: dimensions of its latent space.
      width: channels of its first layer.
      steps: training steps.
      batch_size: pictures a step.
      learning_rate: of Adam, at its highest.
      n_samples: generated pictures in all; picture i is asked of cluster i mod k.
      temperature: 1 draws as the real pictures lie, less draws nearer the middle of a cluster.
    """

    k: int = 10
    n_components: int = 32
    n_init: int = 4
    max_iter: int = 300
    generator: str = "vae"
    latent: int = 32
    width: int = 32
    steps: int = 2000
    batch_size: int = 128
    learning_rate: float = 2e-3
    n_samples: int = 1000
    temperature: float = 1.0

    def __post_init__(self) -> None:
        try:
            for name, most in _MOST.items():
                # A plain int, whatever whole number was given: it is written to config.json.
                count = check_count(getattr(self, name), name, high=most)
                object.__setattr__(self, name, count)
            check_choice(self.generator, "generator", GENERATORS)
            for name in ("learning_rate", "temperature"):
                _check_positive(getattr(self, name), name)
        except (TypeError, ValueError) as error:
            raise ConfigError(str(error)) from None

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "PipelineConfig":
        """A configuration from keys and values; an unknown key is an error that names the nearest.

        Example:
          >>> from clusterart_jax import PipelineConfig
          >>> PipelineConfig.from_dict({"k": 3}).k
          3
          >>> PipelineConfig.from_dict({"step": 3})
          Traceback (most recent call last):
          ...
          clusterart_jax._errors.ConfigError: unknown configuration key 'step'; did you mean
          'steps'?
        """
        known = [field.name for field in fields(cls)]
        for key in values:
            if key not in known:
                near = hint(key, known) or f"; the keys are {', '.join(known)}"
                raise ConfigError(f"unknown configuration key {key!r}{near}")
        return cls(**values)

    def family(self, shape: tuple[int, ...]) -> VAE:
        """The generator for pictures of `shape` (h, w, c)."""
        h, w, c = shape
        return VAE((h, w, c), self.k, self.latent, self.width)

    def schedule(self) -> Schedule:
        """How long and how fast it trains."""
        return Schedule(self.steps, self.batch_size, self.learning_rate)


export.register_pytree_node_serialization(
    PipelineConfig,
    serialized_name="clusterart_jax.PipelineConfig",
    serialize_auxdata=lambda config: json.dumps(asdict(config)).encode(),
    deserialize_auxdata=lambda text: PipelineConfig(**json.loads(text)),
    from_children=lambda config, _: config,
)


def _check_positive(value: Any, name: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e6:
        raise ValueError(f"{name} must be a number above 0 and below 1e6, not {value!r}")


@partial(export.register_namedtuple_serialization, serialized_name="clusterart_jax.Clustering")
class Clustering(NamedTuple):
    """Clusters of pictures, and how new pictures find theirs.

    Attributes:
      projection: from pixels in 0…1 to principal components.
      centers: (k, m) in those components.
      labels: (n,) cluster of each picture.
      distances: (n,) to its centre, in pixel values of 0…1.
      inertia: sum of their squares.
      n_iter: iterations of k-means.
      converged: whether it stopped by itself.
    """

    projection: PCAState
    centers: Float[Array, "k m"]
    labels: Int[Array, " n"]
    distances: Float[Array, " n"]
    inertia: Float[Array, ""]
    n_iter: Int[Array, ""]
    converged: Bool[Array, ""]

    def assign(self, images: Images) -> tuple[Int[Array, " m"], Float[Array, " m"]]:
        """The cluster of each picture (m, h, w, c), and the distance to its centre."""
        return nearest_centers(self.projection.transform(pixels(images)), self.centers)


@partial(export.register_namedtuple_serialization, serialized_name="clusterart_jax.PipelineResult")
class PipelineResult(NamedTuple):
    """What the whole job gives.

    Attributes:
      labels: (n,) cluster of each picture.
      params: of the generator, trained; moving averages over the last steps.
      samples: (n_samples, h, w, c) `uint8`, generated pictures.
      sample_labels: (n_samples,) the cluster each was asked of.
      found_labels: (n_samples,) the cluster in which the fitted clustering puts it.
      losses: the parts of the loss at each step, (steps,) each.
      clustering: the fitted clustering.
      latents: where each cluster lies in latent space.
    """

    labels: Int[Array, " n"]
    params: PyTree
    samples: UInt8[Array, "m h w c"]
    sample_labels: Int[Array, " m"]
    found_labels: Int[Array, " m"]
    losses: dict[str, Float[Array, " steps"]]
    clustering: Clustering
    latents: Latents


class Keys(NamedTuple):
    """The keys of the stages, all from one, so that a stage can be repeated alone."""

    cluster: KeyArray
    init: KeyArray
    train: KeyArray
    sample: KeyArray
    split: KeyArray

    @classmethod
    def of(cls, key: KeyArray) -> "Keys":
        """The keys of the stages of the job that `key` names."""
        return cls(*(jax.random.fold_in(key, i) for i in range(len(cls._fields))))


def project(images: Images, config: PipelineConfig) -> tuple[PCAState, Float[Array, "n m"]]:
    """Pictures → the projection to principal components, and the points to cluster.

    Args:
      images: `uint8` (n, h, w, c).
      config: static.
    """
    x = pixels(images)
    projection = pca(x, min(config.n_components, *x.shape))
    return projection, projection.transform(x)


def clustered(
    projection: PCAState, points: Float[Array, "n m"], result: KMeansResult
) -> Clustering:
    """The `Clustering` that k-means found among points of that projection."""
    labels, distances = nearest_centers(points, result.centers)
    return Clustering(
        projection,
        result.centers,
        labels,
        distances,
        result.inertia,
        result.n_iter,
        result.converged,
    )


def draw(
    family: VAE,
    params: PyTree,
    latents: Latents,
    key: KeyArray,
    codes: Float[Array, "m n_codes"],
    temperature: float | Array = 1.0,
) -> UInt8[Array, "m h w c"]:
    """New pictures, one for each code.

    Args:
      family: static.
      params: trained parameters.
      latents: from `fit_latents`.
      key: for the latents.
      codes: (m, n_codes); a mixture of clusters gives a picture between them.
      temperature: less than 1 draws nearer to the middle of a cluster.

    Returns:
      `uint8` (m, h, w, c).
    """

    def decode(
        carry: tuple[()], valid: Array, z: Array, codes: Array
    ) -> tuple[tuple[()], UInt8[Array, "b h w c"]]:
        return carry, to_uint8(family.decode(params, z, codes))

    z = latents.draw(key, codes, temperature)
    return fold_rows(decode, (), (z, codes), block=_BLOCK)[1]


def reconstruct(
    family: VAE, params: PyTree, images: Images, codes: Float[Array, "n n_codes"]
) -> tuple[UInt8[Array, "n h w c"], Float[Array, " n"]]:
    """Pictures encoded and decoded again, and how far off each is.

    Args:
      family: static.
      params: trained parameters.
      images: `uint8` (n, h, w, c).
      codes: (n, n_codes).

    Returns:
      `uint8` (n, h, w, c), and the mean squared difference of each, in pixel values of 0…1.
    """

    def again(
        carry: tuple[()], valid: Array, images: Array, codes: Array
    ) -> tuple[tuple[()], tuple[UInt8[Array, "b h w c"], Float[Array, " b"]]]:
        x = images.astype(jnp.float32) / 255
        y = family.decode(params, family.posterior(params, x, codes)[0], codes)
        return carry, (to_uint8(y), jnp.mean((x - y) ** 2, axis=(1, 2, 3)))

    return fold_rows(again, (), (jnp.asarray(images), codes), block=_BLOCK)[1]


def to_uint8(images: Float[Array, "n h w c"]) -> UInt8[Array, "n h w c"]:
    """Pictures from 0…1 to 0…255, rounded."""
    return jnp.round(jnp.clip(images, 0, 1) * 255).astype(jnp.uint8)


def cluster_then_generate(
    key: KeyArray, images: Images, config: PipelineConfig | None = None
) -> PipelineResult:
    """The whole job as one pure function: pictures in, labels, a generator and new pictures out.

    `jax.jit` compiles it to one program without host callbacks; `jax.vmap` over keys trains a
    population; `jax.export` lowers it for other backends.

    Args:
      key: for all randomness of the job.
      images: `uint8` (n, h, w, c), n ≥ k.
      config: static; `PipelineConfig()` where it is None.

    Returns:
      A `PipelineResult`.

    Raises:
      ValueError: when there are fewer pictures than clusters, or `images` is not (n, h, w, c).
      TypeError: when `images` is not `uint8`.

    Example:
      >>> import jax, clusterart_jax as ca
      >>> images = jax.random.bits(jax.random.key(0), (32, 8, 8, 1), "uint8")
      >>> config = ca.PipelineConfig(k=2, steps=3, n_samples=6, width=4, latent=2)
      >>> job = jax.jit(ca.cluster_then_generate)
      >>> job(jax.random.key(1), images, config).samples.shape
      (6, 8, 8, 1)
    """
    config = PipelineConfig() if config is None else config
    images = check_images(images)
    keys = Keys.of(check_key(key))
    check_count(config.k, "k", high=images.shape[0])
    projection, points = project(images, config)
    found = kmeans(keys.cluster, points, config.k, n_init=config.n_init, max_iter=config.max_iter)
    clustering = clustered(projection, points, found)
    codes = encode(clustering.labels, config.k).codes
    family, schedule = config.family(images.shape[1:]), config.schedule()
    state = init_state(family, schedule, keys.init)
    state, losses = train(family, schedule, keys.train, state, images, codes, chunk=config.steps)
    latents = fit_latents(family, state.ema, images, codes)
    asked = jnp.arange(config.n_samples, dtype=jnp.int32) % config.k
    samples = draw(
        family,
        state.ema,
        latents,
        keys.sample,
        encode(asked, config.k).codes,
        config.temperature,
    )
    found_labels, _ = clustering.assign(samples)
    return PipelineResult(
        labels=clustering.labels,
        params=state.ema,
        samples=samples,
        sample_labels=asked,
        found_labels=found_labels,
        losses=losses,
        clustering=clustering,
        latents=latents,
    )
