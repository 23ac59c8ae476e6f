"""What all clusterings make of input that cannot be clustered."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import clusterart_jax as ca
from clusterart_jax._errors import ConfigError, DataError

KEY = jax.random.key(0)
NAMES = ["kmeans", "mini_batch_kmeans", "bisecting_kmeans", "gmm", "kmedians", "spherical_kmeans"]
RUNS = {name: getattr(ca, name) for name in NAMES}
each = pytest.mark.parametrize("name", RUNS)


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)


@each
def test_what_is_not_a_number_is_no_convergence(name, rows):
    rows = rows.copy()
    rows[3, 1] = np.nan
    assert not RUNS[name](KEY, rows, 3).converged


@each
def test_words_are_no_rows(name):
    with pytest.raises(TypeError, match="x must hold numbers, not <U1 values"):
        RUNS[name](KEY, [["a", "b"]], 1)


@each
def test_negative_weights_are_refused_with_their_row(name, rows):
    weights = np.ones(40)
    weights[7] = -2
    with pytest.raises(DataError, match="sample_weight must not be negative, as in row 7"):
        RUNS[name](KEY, rows, 3, sample_weight=weights)


def test_half_precision_on_the_host_is_numbers(rows):
    half = np.asarray(jnp.asarray(rows, jnp.bfloat16))
    assert ca.kmeans(KEY, half, 3).centers.dtype == np.float32


def test_tiny_weights_are_weights(rows):
    plain = ca.spherical_kmeans(KEY, rows, 3)
    tiny = ca.spherical_kmeans(KEY, rows, 3, sample_weight=np.full(40, 2.0**-80, np.float32))
    np.testing.assert_array_equal(tiny.labels, plain.labels)
    np.testing.assert_allclose(tiny.inertia * 2.0**80, plain.inertia, rtol=1e-6)


def test_bisecting_says_which_starts_it_knows(rows):
    with pytest.raises(ValueError, match="init must be one of random, k-means\\+\\+, not array"):
        ca.bisecting_kmeans(KEY, rows, 3, init=np.array(["random", "k-means++"]))


def test_shrinkage_is_a_share(rows):
    with pytest.raises(ValueError, match="shrinkage must be between 0 and 1, not 2"):
        ca.lda(rows, np.arange(40) % 3, 1, solver="eigen", shrinkage=2)


def test_spherical_k_means_ends_with_fewer_directions_than_clusters(key):
    x = np.repeat(np.random.default_rng(0).normal(size=(5, 3)), 60, 0).astype(np.float32)
    result = ca.spherical_kmeans(key, x, 8)
    assert result.converged
    assert result.n_iter < 20


@pytest.mark.parametrize("temperature", [0, -1.0, float("nan")])
def test_soft_k_means_refuses_what_is_no_temperature(temperature, key):
    with pytest.raises(ValueError, match="temperature must be above 0"):
        ca.soft_kmeans(key, np.ones((5, 2)), 2, temperature=temperature)


@pytest.mark.parametrize("method", ["silhouette", "gap"])
def test_rows_that_are_all_alike_are_as_few_clusters_as_may_be(method, key):
    assert ca.choose_k(key, np.ones((50, 3)), [2, 3, 4], method=method).k == 2


def test_choose_k_takes_several_numbers(key):
    with pytest.raises(TypeError, match="ks must hold numbers of clusters"):
        ca.choose_k(key, np.ones((5, 3)), 3)


@each
@pytest.mark.parametrize("tol", [-1.0, np.nan])
def test_a_tolerance_that_cannot_be_is_refused(name, rows, tol):
    with pytest.raises(ConfigError, match="tol must be at least 0, not"):
        RUNS[name](KEY, rows, 3, tol=tol)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: ca.hdbscan(x, 5, alpha=0.0), "alpha must be above 0, not 0.0"),
        (
            lambda x: ca.hdbscan(x, 5, cluster_selection_epsilon=-1.0),
            "cluster_selection_epsilon must be at least 0, not -1.0",
        ),
        (
            lambda x: ca.hdbscan(x, 5, max_cluster_size=0),
            "max_cluster_size must be at least 1, not 0",
        ),
        (lambda x: ca.hdbscan(x, 50), "min_samples, here min_cluster_size, must be between 1"),
        (lambda x: ca.dbscan(x, 1.0, np.nan), "min_samples must be a number, not nan"),
        (
            lambda x: ca.cluster.cut_tree(np.ones((3, 4)), distance_threshold=np.nan),
            "distance_threshold must be a number, not nan",
        ),
        (
            lambda x: ca.cluster.dbscan_predict(x, x, np.zeros(3, int), 0.5),
            r"labels must have shape \(40,\), one of each row of components, not \(3,\)",
        ),
    ],
)
def test_options_that_cannot_be_are_named(call, text, rows):
    with pytest.raises(ValueError, match=text):
        call(rows)
