"""scikit-learn's own test modules, with our classes in the place of its own.

`EXCEPTIONS` lists every test that is left out, with the reason.
"""

import importlib
import re
from contextlib import ExitStack
from unittest import mock

import pytest

import clusterart_jax as ca

# Those modules let warnings pass.
pytestmark = pytest.mark.filterwarnings("default")

PLACES = {
    "sklearn.cluster": (
        *("AgglomerativeClustering", "BisectingKMeans", "DBSCAN", "HDBSCAN", "KMeans"),
        "MiniBatchKMeans",
    ),
    "sklearn.decomposition": ("PCA",),
    "sklearn.mixture": ("GaussianMixture",),
    "sklearn.discriminant_analysis": ("LinearDiscriminantAnalysis",),
}
"""Where scikit-learn has the classes that ours stand in for."""


def dbscan(X, eps=0.5, *, sample_weight=None, **options):
    """What scikit-learn's function of that name does, by our class."""
    found = ca.DBSCAN(eps, **options).fit(X, sample_weight=sample_weight)
    return found.core_sample_indices_, found.labels_


SPARSE = "gives sparse rows, which are refused"
PRIVATE = "calls private functions of scikit-learn, not these classes"
ARRAYS = "array API dispatch: results here are NumPy's, whatever array came in"
INSIDE = "calls a private method of scikit-learn's class"

EXCEPTIONS = {
    "test_k_means": {
        r"\w+\[.*(sparse_matrix|sparse_array|csr|X_csr\d|input_data[12]).*\]": SPARSE,
        r"test_relocate_empty_clusters\[dense\]": PRIVATE,
        r"test_minibatch_reassign\[dense\]": PRIVATE,
        "test_minibatch_update_consistency": PRIVATE,
        "test_(euclidean_distance|inertia|is_same_clustering)": PRIVATE,
        r"test_(k_means_function|kmeans_plusplus_\w+)": "calls a function of scikit-learn",
        "test_sample_weight_(init|zero)": INSIDE,
    },
    "test_bisect_k_means": {
        r"test_sparse|\w+\[(\w+-)?cs[rc]_(matrix|array)(-\w+)?\]": SPARSE,
    },
    "test_dbscan": {
        r"test_\w*sparse\w*\[.*\]": SPARSE,
        "test_dbscan_sparse_precomputed_different_eps": SPARSE,
        r"test_dbscan_input_not_modified\[cs.*\]": SPARSE,
        r"test_dbscan_(no_core_samples|precomputed_metric_with_initial_rows_zero)\[.*\]": SPARSE,
        r"test_dbscan_no_warning_\w+": SPARSE,
    },
    "test_hierarchical": {
        "test_(linkage_misc|n_components|affinity_passed_to_fix_connectivity)": PRIVATE,
        r"test_\w*linkage_tree\w*": PRIVATE,
        "test_(ward_tree_children_order|int_float_dict|ward_linkage_tree_return_distance)": PRIVATE,
        r"test_(mst_linkage_core|vector_scikit_single|sparse_scikit)\w+(\[.*\])?": PRIVATE,
        "test_ward_agglomeration": "is of another class",
        r"test_agglomeration_ward\w+\[.*FeatureAgglomeration\]": "is of another class",
    },
    "test_hdbscan": {
        "test_hdbscan_sparse.*": SPARSE,
        r"test_hdbscan_algorithms\[mahalanobis-ball_tree\]": "names a parameter as trees do, not as"
        " pairwise_distances does",
        "test_labelling_thresholding": PRIVATE,
        "test_labelling_distinct": "gives its tree to private functions of scikit-learn",
        "test_hdbscan_default_copy_warning": "rows are never written to, so that a copy makes no"
        " difference",
    },
    "test_gaussian_mixture": {
        r"test_(suffstat|gaussian_suffstat)_\w+": PRIVATE,
        "test_(compute_log_det_cholesky|gaussian_mixture_log_probabilities)": PRIVATE,
        "test_gaussian_mixture_precisions_init": INSIDE,
        "test_gaussian_mixture_setting_best_params": "a component of one row, whose variance is 0,"
        " outlives rounding there; here it is told as degenerate, as by scikit-learn elsewhere",
        r"test_gaussian_mixture_all_init_does_not\w+": "counts calls of a private function",
        r"test_\w*array_api\w*": ARRAYS,
    },
    "test_discriminant_analysis": {
        r"test_(qda|get_feature_names_out_qda)\w*": "is of another class",
        "test_covariance": PRIVATE,
    },
    "test_pca": {
        "test_pca_sparse": SPARSE,
        "test_pca_sparse_fit_transform": SPARSE,
        "test_sparse_pca_solver_error": SPARSE,
        "test_sparse_pca_auto_arpack_singular_values_consistency": SPARSE,
        r"test_\w*array_api\w*": ARRAYS,
        "test_(small_eigenvalues_mle|assess_dimension_bad_rank|assess_dimension_rank_one)": PRIVATE,
    },
}
"""For each module, patterns of names (or of names with parameters) of tests to leave out."""

_used = set()


def listed(module: str, name: str) -> bool:
    """Whether a test is in the table."""
    for pattern in EXCEPTIONS[module]:
        if re.fullmatch(pattern, name):
            _used.add((module, pattern))
            return True
    return False


def excepted(item: pytest.Item) -> bool:
    """Whether a collected test is in the table, with its parameters."""
    return bool(getattr(item, "cls", None)) and listed(item.cls.__name__, item.name)


def adopt(name: str) -> type:
    """The tests of a module as static methods of a class, imported with our classes in place."""
    with ExitStack() as stack:
        for place, classes in PLACES.items():
            ours = {c: getattr(ca, c) for c in classes}
            stack.enter_context(mock.patch.multiple(place, **ours))
        stack.enter_context(mock.patch("sklearn.cluster.dbscan", dbscan))
        module = importlib.import_module(name)
    short = name.rsplit(".", 1)[1]
    tests = [k for k in vars(module) if k.startswith("test_") and not listed(short, k)]
    return type(short, (), {k: staticmethod(getattr(module, k)) for k in tests})


TestKMeans = adopt("sklearn.cluster.tests.test_k_means")
TestBisectingKMeans = adopt("sklearn.cluster.tests.test_bisect_k_means")
TestDBSCAN = adopt("sklearn.cluster.tests.test_dbscan")
TestHierarchical = adopt("sklearn.cluster.tests.test_hierarchical")
TestHDBSCAN = adopt("sklearn.cluster.tests.test_hdbscan")
TestGaussianMixture = adopt("sklearn.mixture.tests.test_gaussian_mixture")
TestLDA = adopt("sklearn.tests.test_discriminant_analysis")
TestPCA = adopt("sklearn.decomposition.tests.test_pca")


def test_every_exception_meets_a_test():
    every = {(module, pattern) for module, table in EXCEPTIONS.items() for pattern in table}
    assert every == _used
