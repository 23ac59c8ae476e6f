"""scikit-learn's interface to the functions of `cluster` and `features`.

- `KMeans`, `MiniBatchKMeans`, `BisectingKMeans`: centres that minimise squared distances.
- `AgglomerativeClustering`: a tree of merges, cut at a number of clusters or a distance.
- `DBSCAN`: clusters of any shape, and noise.
- `GaussianMixture`: a mixture of Gaussians by expectation-maximisation.
- `HDBSCAN`: clusters of any density, and noise.
- `PCA`: directions of largest variance.
- `LinearDiscriminantAnalysis`: a classifier, and directions that part classes.

Each runs where scikit-learn's own does when only the import changes, in pipelines and searches
too. They hold NumPy arrays: a fitted one can be pickled, copied and read without JAX.
"""

from ._agglomerative import AgglomerativeClustering
from ._bisecting import BisectingKMeans
from ._dbscan import DBSCAN
from ._gmm import GaussianMixture
from ._hdbscan import HDBSCAN
from ._kmeans import KMeans
from ._lda import LinearDiscriminantAnalysis
from ._mini_batch import MiniBatchKMeans
from ._pca import PCA

__all__ = [
    "DBSCAN",
    "HDBSCAN",
    "PCA",
    "AgglomerativeClustering",
    "BisectingKMeans",
    "GaussianMixture",
    "KMeans",
    "LinearDiscriminantAnalysis",
    "MiniBatchKMeans",
]
