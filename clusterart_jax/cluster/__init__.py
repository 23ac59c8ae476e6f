"""Points → a `Result` with labels; one algorithm a file.

- `bisecting_kmeans`: a tree of splits in two; `bisecting_labels`: the leaf of new points.
- `dbscan`: rows near many others, joined; the rest is noise. `dbscan_predict`: of new rows.
  `dbscan_distances`: of all distances.
- `gmm`: Gaussian mixtures by expectation-maximisation, and what they say of new rows.
- `hdbscan`: clusters of any density, and noise; `hdbscan_labels`: the cluster of new points;
  `hdbscan_memberships`: how much points belong to each.
- `kmeans`: k-means by Lloyd's iteration from greedy k-means++ seeds.
- `kmedians`: the same by Manhattan distance; `spherical_kmeans`: by angle; `soft_kmeans`: with
  responsibilities, and gradients.
- `linkage`: the tree in which rows merge, nearest first; `cut_tree`: its labels.
  `graph_linkage`: the same along the edges of a graph; `image_grid`: those of a picture.
- `mini_batch_kmeans`: k-means by random batches; `mini_batch_init`, `mini_batch_update`: the same
  batch by batch; `mini_batch_stream`: the same over rows on disk, on the host.
- `propose_eps`: a radius for `dbscan`, from the knee of sorted distances.
- `nearest_centers`: the cluster of new points, and their distance to its centre.
"""

from ._bisecting import BisectingKMeansResult, bisecting_kmeans, bisecting_labels
from ._cut import cut_tree
from ._dbscan import DBSCANResult, dbscan, dbscan_predict
from ._dbscan_distances import dbscan_distances
from ._eps import EpsProposal, propose_eps
from ._gmm import gmm
from ._gmm_result import GMMResult
from ._gmm_start import GMMStart
from ._grid import image_grid
from ._hdbscan import HDBSCANResult, hdbscan
from ._kmeans import KMeansResult, kmeans
from ._linkage import linkage
from ._linkage_graph import graph_linkage
from ._medians import KMediansResult, kmedians
from ._membership import hdbscan_labels, hdbscan_memberships
from ._mini_batch import (
    MiniBatchKMeansResult,
    mini_batch_init,
    mini_batch_kmeans,
    mini_batch_update,
)
from ._mini_batch_steps import MiniBatchState
from ._nearest import nearest_centers
from ._soft import SoftKMeansResult, soft_kmeans
from ._spherical import SphericalKMeansResult, spherical_kmeans
from ._stream import mini_batch_stream

__all__ = [
    "BisectingKMeansResult",
    "DBSCANResult",
    "EpsProposal",
    "GMMResult",
    "GMMStart",
    "HDBSCANResult",
    "KMeansResult",
    "KMediansResult",
    "MiniBatchKMeansResult",
    "MiniBatchState",
    "SoftKMeansResult",
    "SphericalKMeansResult",
    "bisecting_kmeans",
    "bisecting_labels",
    "cut_tree",
    "dbscan",
    "dbscan_distances",
    "dbscan_predict",
    "gmm",
    "graph_linkage",
    "hdbscan",
    "hdbscan_labels",
    "hdbscan_memberships",
    "image_grid",
    "kmeans",
    "kmedians",
    "linkage",
    "mini_batch_init",
    "mini_batch_kmeans",
    "mini_batch_stream",
    "mini_batch_update",
    "nearest_centers",
    "propose_eps",
    "soft_kmeans",
    "spherical_kmeans",
]
