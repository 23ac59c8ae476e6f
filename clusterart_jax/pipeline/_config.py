"""What the job does: frozen configurations, static wherever JAX meets them."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Self

import jax
from jax import export

from .._checks import check_choice, check_count, hint
from .._errors import ConfigError
from ..generate import FAMILIES, Family, Schedule, families_with
from ._features import FEATURES

CLUSTERS = ("kmeans", "gmm", "dbscan", "hdbscan", "agglomerative")
GENERATORS = tuple(FAMILIES)

FAMILY_OPTIONS = (
    *("latent", "width", "network", "compute", "likelihood", "beta", "free_bits", "components"),
    *("depth", "loss_kind", "gamma", "augment", "phase_in", "recluster_every"),
    "ambiguity",
    *("codebook", "hidden", "guidance", "attempts", "lam"),
)
"""Options of the families of generators; None takes the family's own."""

_MOST = {
    "k": 100_000,
    "n_components": 100_000,
    "n_init": 10_000,
    "max_iter": 1_000_000,
    "min_samples": 1_000_000,
    "min_cluster_size": 1_000_000,
    "steps": 10_000_000,
    "batch_size": 1_000_000,
    "n_samples": 1_000_000,
    "attempts": 1000,
    "flip": 1,
}
"""What whole numbers of a configuration may be at most: beyond, one is mistyped."""

_LEAST = {"min_cluster_size": 2, "flip": 0}


@jax.tree_util.register_static
@dataclass(frozen=True)
class ClusterConfig:
    """How pictures are clustered.

    Attributes:
      cluster: "kmeans", "gmm", "dbscan", "hdbscan" or "agglomerative".
      k: number of clusters. Where an algorithm finds the number ("dbscan", "hdbscan", and
        "agglomerative" with a `distance_threshold`), a generator is told of the k largest, and the
        pictures of the others count as noise.
      n_components: principal components that are clustered, at most as many as there can be.
      features: what is seen of pictures: "pca", components of their pixels; "pixels", all of those
        in place of `n_components`; components of `features.color_statistics`, "color", or of
        `features.texture_statistics`, "texture"; or of what a network says, which needs
        clusterart-jax[pretrained]: "effnet", mostly of their content, "maps", of how they are
        drawn, or "style", what `styles apply` paints with.
      n_init: starts of "kmeans" and "gmm"; the best is kept.
      max_iter: iterations of theirs at most, per start.
      covariance_type: of "gmm": "full", "tied", "diag" or "spherical".
      eps: radius of "dbscan", in units of the features (pixel values of 0…1); None takes the knee
        of the sorted distances to the `min_samples`-th nearest picture.
      min_samples: of "dbscan", pictures within `eps` that make one a core, itself among them; None
        is 5. Of "hdbscan", pictures that a core distance reaches; None is `min_cluster_size`.
      min_cluster_size: of "hdbscan", pictures in the smallest cluster; None is a hundredth of all,
        at least 5.
      selection: of "hdbscan": "eom" takes the most stable clusters, "leaf" the smallest ones.
      linkage: of "agglomerative": "ward", "complete", "average" or "single".
      distance_threshold: of "agglomerative", clusters at this distance or above it do not merge;
        None merges down to k.
    """

    k: int = 10
    n_components: int = 32
    features: str = "pca"
    cluster: str = "kmeans"
    n_init: int = 4
    max_iter: int = 300
    covariance_type: str = "full"
    eps: float | None = None
    min_samples: int | None = None
    min_cluster_size: int | None = None
    selection: str = "eom"
    linkage: str = "ward"
    distance_threshold: float | None = None

    CHOICES: ClassVar[dict[str, tuple[str, ...]]] = {
        "features": tuple(FEATURES),
        "cluster": CLUSTERS,
        "covariance_type": ("full", "tied", "diag", "spherical"),
        "selection": ("eom", "leaf"),
        "linkage": ("ward", "complete", "average", "single"),
        "generator": GENERATORS,
        "network": ("conv", "mlp"),
        "compute": ("float32", "bfloat16"),
        "likelihood": ("optimal", "bernoulli", "fixed"),
        "loss_kind": ("relativistic", "minimax", "non-saturating", "hinge", "wgan-gp"),
    }
    """Words that each option of words may be."""

    def __post_init__(self) -> None:
        try:
            for field in fields(self):
                value = getattr(self, field.name)
                if value is None and field.default is None:
                    continue
                if field.name in _MOST:
                    # A plain int, whatever whole number was given: it is written to config.json.
                    low, high = _LEAST.get(field.name, 1), _MOST[field.name]
                    count = check_count(value, field.name, low=low, high=high)
                    object.__setattr__(self, field.name, count)
                elif field.name in self.CHOICES and field.name not in FAMILY_OPTIONS:
                    check_choice(value, field.name, self.CHOICES[field.name])
                elif field.name not in FAMILY_OPTIONS:
                    _check_positive(value, field.name)
        except (TypeError, ValueError) as error:
            raise ConfigError(str(error)) from None

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
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

    @property
    def options(self) -> dict[str, Any]:
        """What differs from the defaults."""
        both = {field.name: (getattr(self, field.name), field.default) for field in fields(self)}
        return {name: value for name, (value, default) in both.items() if value != default}

    @property
    def words(self) -> list[str]:
        """`options` as words of a command line.

        Example:
          >>> from clusterart_jax import PipelineConfig
          >>> PipelineConfig(k=5, generator="gan", augment=("color", "cutout")).words
          ['-k', '5', '--generator', 'gan', '--augment', 'color,cutout']
        """
        words = []
        for name, value in self.options.items():
            text = ",".join(value) if isinstance(value, tuple) else str(value)
            words += ["-k" if name == "k" else "--" + name.replace("_", "-"), text]
        return words

    @property
    def finds_number(self) -> bool:
        """Whether the number of clusters is found, not given; pictures may be noise then."""
        cut = self.cluster == "agglomerative" and self.distance_threshold is not None
        return cut or self.cluster in ("dbscan", "hdbscan")

    @property
    def n_codes(self) -> int:
        """Width of the codes: one for each cluster, and one for noise where there may be some."""
        return self.k + self.finds_number


@jax.tree_util.register_static
@dataclass(frozen=True)
class PipelineConfig(ClusterConfig):
    """What the whole job does: how pictures are clustered, and what generates new ones.

    Attributes:
      cluster: "kmeans", "gmm", "dbscan", "hdbscan" or "agglomerative"; this and the options up to
        `distance_threshold` are those of `ClusterConfig`.
      generator: family of the generator: "vae", "gan", "rnn" or "cci". What follows, up to `lam`,
        are options of families; None takes the family's own, and one that the family does not have
        is refused.
      latent: dimensions of the latent space.
      width: channels of the first layer.
      network: "conv" or "mlp".
      compute: type that networks compute in: "float32" or "bfloat16".
      likelihood: of "vae": "optimal", "bernoulli" or "fixed".
      beta: of "vae", what its divergence from the prior is multiplied by.
      free_bits: of "vae", bits in each dimension below which that counts for nothing.
      components: of "vae" and "cci", Gaussians in latent space that new pictures are drawn
        from, for each cluster at most.
      depth: of "gan", residual blocks at each size.
      loss_kind: of "gan": "relativistic", "minimax", "non-saturating", "hinge" or "wgan-gp".
      gamma: of "gan", weight of the penalty on steep discriminators.
      augment: of "gan", changes of pictures before they are judged, where there are few: "color",
        "translation" and "cutout".
      phase_in: of "gan", share of training after which codes count in full.
      recluster_every: of "gan", steps after which pictures are clustered anew by what the
        discriminator sees in them; 0 keeps the clusters.
      ambiguity: of "gan", how much new pictures are drawn to what lies between the clusters, from
        0, which makes what is asked for, to about 1.
      codebook: of "rnn", vectors that pictures are made of.
      hidden: of "rnn", width of the state that remembers what was drawn.
      guidance: of "rnn", how much what is drawn keeps away from neighbouring clusters.
      attempts: of "rnn", how often at most a picture is drawn, until it surely is of its cluster.
      lam: of "cci", λ in J = J_kmeans + λ · J_CNN.
      steps: training steps.
      batch_size: pictures a step.
      learning_rate: of Adam, at its highest; None takes the family's own.
      flip: 1 mirrors half of the pictures of a step, left to right; 0 mirrors none.
      n_samples: generated pictures in all, asked of the clusters that exist in turn.
      temperature: 1 draws as the real pictures lie, less draws nearer the middle of a cluster.
    """

    generator: str = "vae"
    latent: int | None = None
    width: int | None = None
    network: str | None = None
    compute: str | None = None
    likelihood: str | None = None
    beta: float | None = None
    free_bits: float | None = None
    components: int | None = None
    depth: int | None = None
    loss_kind: str | None = None
    gamma: float | None = None
    augment: tuple[str, ...] | None = None
    phase_in: float | None = None
    recluster_every: int | None = None
    ambiguity: float | None = None
    codebook: int | None = None
    hidden: int | None = None
    guidance: float | None = None
    attempts: int | None = None
    lam: float | None = None
    steps: int = 2000
    batch_size: int = 128
    learning_rate: float | None = None
    flip: int = 0
    n_samples: int = 1000
    temperature: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        given: Any = self.augment
        if isinstance(given, list):  # of JSON; options are hashed
            object.__setattr__(self, "augment", tuple(given))
        try:
            self.family((8, 8, 1))  # which checks its own options
        except (TypeError, ValueError) as error:
            raise ConfigError(str(error)) from None

    def family(self, shape: tuple[int, ...]) -> Family:
        """The generator for pictures of `shape` (h, w, c), with its options."""
        h, w, c = shape
        given = {name: getattr(self, name) for name in FAMILY_OPTIONS}
        given = {name: value for name, value in given.items() if value is not None}
        for name in given:
            having = families_with(name)
            if self.generator not in having:
                raise ConfigError(
                    f"{name} is an option of {' and '.join(having)}, not of {self.generator}"
                )
        return FAMILIES[self.generator]((h, w, c), self.n_codes, **given)

    def schedule(self) -> Schedule:
        """How long and how fast it trains."""
        return Schedule(self.steps, self.batch_size, self.learning_rate, bool(self.flip))


def _check_positive(value: Any, name: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e6:
        raise ValueError(f"{name} must be a number above 0 and below 1e6, not {value!r}")


def _exported(kind: type[ClusterConfig]) -> None:
    """Programs that take or return a configuration can be exported."""

    def read(text: bytes) -> ClusterConfig:
        return kind(**json.loads(text))

    export.register_pytree_node_serialization(
        kind,
        serialized_name=f"clusterart_jax.{kind.__name__}",
        serialize_auxdata=lambda config: json.dumps(asdict(config)).encode(),
        deserialize_auxdata=read,
        from_children=lambda config, _: config,
    )


_exported(ClusterConfig)
_exported(PipelineConfig)
