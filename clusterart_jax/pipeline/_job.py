"""The whole job composed: pictures in, clusters, a trained generator and new pictures out."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import export

from .._checks import check_count, check_images, check_key
from .._typing import Array, ArrayLike, Bool, Float, Images, Int, KeyArray, UInt8
from ..condition import encode
from ..generate import Model, draw, init_state, train
from ._clustering import Clustering, clustered, project
from ._config import PipelineConfig
from ._methods import METHODS


@partial(export.register_namedtuple_serialization, serialized_name="clusterart_jax.PipelineResult")
class PipelineResult(NamedTuple):
    """What the whole job gives.

    Attributes:
      labels: (n,) cluster of each picture; −1 is noise.
      model: the trained generator.
      samples: (n_samples, h, w, c) `uint8`, generated pictures.
      sample_labels: (n_samples,) the cluster each was asked of, one of those that exist; −1, noise,
        where none does.
      found_labels: (n_samples,) the cluster in which the fitted clustering puts it; −1 is noise.
      losses: the parts of the loss at each step, (steps,) each.
      clustering: the fitted clustering.
    """

    labels: Int[Array, " n"]
    model: Model
    samples: UInt8[Array, "m h w c"]
    sample_labels: Int[Array, " m"]
    found_labels: Int[Array, " m"]
    losses: dict[str, Float[Array, " steps"]]
    clustering: Clustering


class Keys(NamedTuple):
    """The keys of the stages, all from one, so that a stage can be repeated alone."""

    cluster: KeyArray
    init: KeyArray
    train: KeyArray
    sample: KeyArray
    split: KeyArray
    fit: KeyArray

    @classmethod
    def of(cls, key: KeyArray) -> "Keys":
        """The keys of the stages of the job that `key` names."""
        return cls(*(jax.random.fold_in(key, i) for i in range(len(cls._fields))))


def turns(mask: Bool[ArrayLike, " k"], n: int) -> Int[Array, " n"]:
    """Clusters that exist, in turn: (n,) numbers; −1, which is noise, where none does.

    Args:
      mask: (k,) which of the clusters exist.
      n: how many numbers. Static.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax.pipeline import turns
      >>> turns(jnp.array([True, False, True]), 5).tolist()
      [0, 2, 0, 2, 0]
    """
    mask = jnp.asarray(mask)
    count = jnp.sum(mask, dtype=jnp.int32)
    order = jnp.argsort(~mask, stable=True).astype(jnp.int32)
    asked = order[jnp.arange(n, dtype=jnp.int32) % jnp.maximum(count, 1)]
    return jnp.where(count > 0, asked, -1)


def cluster_then_generate(
    key: KeyArray, images: Images, config: PipelineConfig | None = None
) -> PipelineResult:
    """The whole job as one pure function: pictures in, labels, a generator and new pictures out.

    `jax.jit` compiles it to one program without host callbacks, whatever algorithm clusters;
    `jax.vmap` over keys trains a population; `jax.export` lowers it for other backends. Clusters
    whose number is found are codes of fixed width with a mask, and noise has a code of its own.

    Args:
      key: for all randomness of the job.
      images: `uint8` (n, h, w, c), n ≥ k where k is given.
      config: static; `PipelineConfig()` where it is None.

    Returns:
      A `PipelineResult`.

    Raises:
      ValueError: when there are fewer pictures than clusters, or `images` is not (n, h, w, c).
      TypeError: when `images` is not `uint8`.

    Example:
      >>> import jax, clusterart_jax as ca
      >>> images = jax.random.bits(jax.random.key(0), (32, 8, 8, 1), "uint8")
      >>> config = ca.PipelineConfig(k=2, steps=3, n_samples=6, width=4, latent=2, components=1)
      >>> job = jax.jit(ca.cluster_then_generate)
      >>> job(jax.random.key(1), images, config).samples.shape
      (6, 8, 8, 1)
    """
    config = PipelineConfig() if config is None else config
    images = check_images(images)
    keys = Keys.of(check_key(key))
    if not config.finds_number:
        check_count(config.k, "k", high=images.shape[0])
    projection, points = project(images, config)
    found = METHODS[config.cluster].find(keys.cluster, points, config)
    clustering = clustered(projection, points, found, config)
    noise = config.finds_number
    codes, mask = encode(clustering.labels, config.k, noise=noise)
    family, schedule = config.family(images.shape[1:]), config.schedule()
    state = init_state(family, schedule, keys.init, images, codes)
    state, losses = train(family, schedule, keys.train, state, images, codes, chunk=config.steps)
    fitted = family.fit(keys.fit, state.ema, state.memory, images, codes)
    model = Model(state.ema, fitted)
    asked = turns(mask[: config.k], config.n_samples)
    samples = draw(
        family,
        model,
        keys.sample,
        encode(asked, config.k, noise=noise).codes,
        config.temperature,
    )
    found_labels, _ = clustering.assign(samples)
    return PipelineResult(
        labels=clustering.labels,
        model=model,
        samples=samples,
        sample_labels=asked,
        found_labels=found_labels,
        losses=losses,
        clustering=clustering,
    )
