"""The whole job as functions of arrays: pictures → clusters → codes → generator → new pictures.

- `cluster_then_generate`: the job as one pure function; `PipelineResult` is what it returns.
- `PipelineConfig`: what the job does; `ClusterConfig`: its part up to the clusters.
- `preset`, `PRESETS`: settings that go together, by name; a `Preset` tells what is `Expected`.
- `project`, `clustered`: pictures → points; points and what was found among them → a `Clustering`,
  which labels new pictures too.
- `FEATURES`: a kind of features' name → how pictures are `Seen` by it.
- `METHODS`: an algorithm's name → a `Method`, which finds clusters, as `Found`, and labels points.
- `least_numbers`: what DBSCAN and HDBSCAN take for `min_samples` and `min_cluster_size`.
- `turns`: which cluster each of many pictures is asked of; `Keys`: a key for each stage.
"""

from ._clustering import Clustering, clustered, project
from ._config import FAMILY_OPTIONS, ClusterConfig, PipelineConfig
from ._features import FEATURES, Seen
from ._job import Keys, PipelineResult, cluster_then_generate, turns
from ._methods import METHODS, Found, Method, least_numbers
from ._presets import PRESETS, Expected, Preset, preset

__all__ = [
    "FAMILY_OPTIONS",
    "FEATURES",
    "METHODS",
    "PRESETS",
    "ClusterConfig",
    "Clustering",
    "Expected",
    "Found",
    "Keys",
    "Method",
    "PipelineConfig",
    "PipelineResult",
    "Preset",
    "Seen",
    "cluster_then_generate",
    "clustered",
    "least_numbers",
    "preset",
    "project",
    "turns",
]
