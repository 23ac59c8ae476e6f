"""Cluster pictures, then generate new ones from the clusters, as XLA programs.

Functions of arrays (they jit, vmap and shard):

- `kmeans`: rows → centres and labels.
- `pca`: rows → principal components.
- `cluster_then_generate`: pictures → clusters, a trained generator, new pictures.

The same from files to files:

- `run`: a folder of pictures → a folder with clusters, new pictures and a report.
- `generate_pictures`: a finished run → more pictures.

And:

- `metrics`: measures of clusterings and pictures.
- `use_cpu_cores`: one XLA device per CPU core, over which rows are then shared.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from . import metrics as metrics
    from ._sharding import use_cpu_cores as use_cpu_cores
    from .cluster import kmeans as kmeans
    from .features import pca as pca
    from .job import generate_pictures as generate_pictures
    from .job import run as run
    from .pipeline import PipelineConfig as PipelineConfig
    from .pipeline import cluster_then_generate as cluster_then_generate

# Loaded when first used, so that importing the package costs next to nothing.
_HOME = {
    "PipelineConfig": "pipeline",
    "cluster_then_generate": "pipeline",
    "generate_pictures": "job",
    "kmeans": "cluster",
    "pca": "features",
    "run": "job",
    "use_cpu_cores": "_sharding",
}
_ROOMS = ("metrics",)
__all__ = ["__version__", *_HOME, *_ROOMS]  # noqa: PLE0604 - all of them are strings


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f".{name}", __name__)
    if name not in _HOME:
        raise AttributeError(f"module 'clusterart_jax' has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME, *_ROOMS})
