"""scikit-learn's interface to the functions of `cluster` and `features`.

- `KMeans`, `MiniBatchKMeans`, `BisectingKMeans`: centres that minimise squared distances.
- `GaussianMixture`: a mixture of Gaussians by expectation-maximisation.
- `PCA`: directions of largest variance.
- `LinearDiscriminantAnalysis`: a classifier, and directions that part classes.

Each runs where scikit-learn's own does when only the import changes, in pipelines and searches
too. They hold NumPy arrays: a fitted one can be pickled, copied and read without JAX.
"""

from ._bisecting import BisectingKMeans
from ._gmm import GaussianMixture
from ._kmeans import KMeans
from ._lda import LinearDiscriminantAnalysis
from ._mini_batch import MiniBatchKMeans
from ._pca import PCA

__all__ = [
    "PCA",
    "BisectingKMeans",
    "GaussianMixture",
    "KMeans",
    "LinearDiscriminantAnalysis",
    "MiniBatchKMeans",
]
