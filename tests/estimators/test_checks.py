"""scikit-learn's checks of estimators, of which none may fail."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

import clusterart_jax as ca

pytestmark = pytest.mark.filterwarnings("default")  # what scikit-learn's checks let pass

# With the settings that scikit-learn checks its own classes with.
ESTIMATORS = [
    ca.KMeans(n_init=2, n_clusters=2, max_iter=5),
    ca.MiniBatchKMeans(n_init=2, n_clusters=2, max_iter=5, batch_size=10),
    ca.BisectingKMeans(n_init=2, n_clusters=2, max_iter=5),
    ca.AgglomerativeClustering(),
    ca.DBSCAN(),
    ca.GaussianMixture(n_init=2, max_iter=5),
    ca.HDBSCAN(),
    ca.PCA(),
    ca.LinearDiscriminantAnalysis(),
]


@parametrize_with_checks(ESTIMATORS)
def test_check(estimator, check):
    check(estimator)


def excepted(item: pytest.Item) -> bool:
    """Left out: arrays of other libraries, checked only where SciPy takes such."""
    return "check_array_api" in item.name
