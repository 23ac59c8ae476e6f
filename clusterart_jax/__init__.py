"""Cluster pictures, then generate new ones from the clusters, as XLA programs.

Functions of arrays (they jit, vmap and shard):

- `kmeans`: rows → centres and labels.
- `bisecting_kmeans`: the same by splits in two.
- `kmedians`, `spherical_kmeans`, `soft_kmeans`: by Manhattan distance, by angle, and softly.
- `mini_batch_kmeans`: the same by random batches of the rows.
- `dbscan`: rows → clusters of any shape, and noise.
- `propose_eps`: rows → a radius for `dbscan`.
- `gmm`: rows → a Gaussian mixture, which labels, scores and samples rows.
- `hdbscan`: the same at whatever density, without a distance to choose.
- `linkage`: rows → the tree in which they merge.
- `pca`: rows → principal components.
- `lda`: rows and their classes → directions in which classes differ, and a classifier.
- `choose_k`: rows → how many clusters.
- `cluster_then_generate`: pictures → clusters, a trained generator, new pictures.

With scikit-learn's interface:

- `KMeans`, `MiniBatchKMeans`, `BisectingKMeans`: k-means.
- `AgglomerativeClustering`: a tree of merges, cut; `HDBSCAN`: one condensed.
- `DBSCAN`, `GaussianMixture`, `PCA`, `LinearDiscriminantAnalysis`: the functions of those names.

The same from files to files:

- `run`: a folder of pictures → a folder with clusters, new pictures and a report.
- `generate_pictures`: a finished run → more pictures.

And:

- `art`, `cluster`, `features`, `metrics`: the rooms, with more of their kind: palettes and prints,
  results' types, labels of new rows, colour spaces, measures of clusterings and pictures.
- `use_cpu_cores`: one XLA device per CPU core, over which rows are then shared.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from . import art as art
    from . import cluster as cluster
    from . import features as features
    from . import metrics as metrics
    from ._sharding import use_cpu_cores as use_cpu_cores
    from .cluster import bisecting_kmeans as bisecting_kmeans
    from .cluster import dbscan as dbscan
    from .cluster import gmm as gmm
    from .cluster import hdbscan as hdbscan
    from .cluster import kmeans as kmeans
    from .cluster import kmedians as kmedians
    from .cluster import linkage as linkage
    from .cluster import mini_batch_kmeans as mini_batch_kmeans
    from .cluster import propose_eps as propose_eps
    from .cluster import soft_kmeans as soft_kmeans
    from .cluster import spherical_kmeans as spherical_kmeans
    from .estimators import DBSCAN as DBSCAN
    from .estimators import HDBSCAN as HDBSCAN
    from .estimators import PCA as PCA
    from .estimators import AgglomerativeClustering as AgglomerativeClustering
    from .estimators import BisectingKMeans as BisectingKMeans
    from .estimators import GaussianMixture as GaussianMixture
    from .estimators import KMeans as KMeans
    from .estimators import LinearDiscriminantAnalysis as LinearDiscriminantAnalysis
    from .estimators import MiniBatchKMeans as MiniBatchKMeans
    from .features import lda as lda
    from .features import pca as pca
    from .job import generate_pictures as generate_pictures
    from .job import run as run
    from .metrics import choose_k as choose_k
    from .pipeline import PipelineConfig as PipelineConfig
    from .pipeline import cluster_then_generate as cluster_then_generate

# Loaded when first used, so that importing the package costs next to nothing.
_HOME = {
    "DBSCAN": "estimators",
    "AgglomerativeClustering": "estimators",
    "BisectingKMeans": "estimators",
    "GaussianMixture": "estimators",
    "HDBSCAN": "estimators",
    "KMeans": "estimators",
    "LinearDiscriminantAnalysis": "estimators",
    "MiniBatchKMeans": "estimators",
    "PCA": "estimators",
    "PipelineConfig": "pipeline",
    "choose_k": "metrics",
    "cluster_then_generate": "pipeline",
    "generate_pictures": "job",
    "bisecting_kmeans": "cluster",
    "dbscan": "cluster",
    "gmm": "cluster",
    "hdbscan": "cluster",
    "kmeans": "cluster",
    "kmedians": "cluster",
    "linkage": "cluster",
    "mini_batch_kmeans": "cluster",
    "propose_eps": "cluster",
    "lda": "features",
    "pca": "features",
    "run": "job",
    "soft_kmeans": "cluster",
    "spherical_kmeans": "cluster",
    "use_cpu_cores": "_sharding",
}
_ROOMS = ("art", "cluster", "features", "metrics")
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
    return sorted(__all__)
