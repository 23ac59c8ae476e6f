"""Mutual information and its relatives, beside scikit-learn and by brute force."""

import itertools

import jax
import numpy as np
import pytest
from sklearn import metrics as peer

from clusterart_jax import metrics
from clusterart_jax.metrics._expected import expected_mutual_information

AVERAGES = ["arithmetic", "geometric", "min", "max"]
SHARES = ["homogeneity_score", "completeness_score", "v_measure_score"]
ADJUSTED = ["normalized_mutual_info_score", "adjusted_mutual_info_score"]


def labellings(seed):
    """From unrelated to equal, from one row to some, with noise and labels that are not there."""
    rng = np.random.default_rng(seed)
    n = [1, 2, 5, 40, 300][seed % 5]
    true, pred = rng.integers(-1, 6, n), 3 * rng.integers(0, 9, n)
    return true, np.where(rng.random(n) < seed / 20, true, pred)


@pytest.mark.parametrize("seed", range(20))
def test_parity(seed):
    true, pred = labellings(seed)
    for name in SHARES:
        expected = getattr(peer, name)(true, pred)
        np.testing.assert_allclose(getattr(metrics, name)(true, pred, k=25), expected, atol=1e-12)
    for name, average in itertools.product(ADJUSTED, AVERAGES):
        expected = getattr(peer, name)(true, pred, average_method=average)
        ours = getattr(metrics, name)(true, pred, average_method=average, k=25)
        np.testing.assert_allclose(ours, expected, atol=1e-9)


def test_by_hand():
    # One bit of the two that the clusters have, all of the one that the classes have.
    true, pred = [0, 0, 1, 1], [0, 1, 2, 3]
    np.testing.assert_allclose(metrics.homogeneity_score(true, pred), 1)
    np.testing.assert_allclose(metrics.completeness_score(true, pred), 0.5)
    np.testing.assert_allclose(metrics.v_measure_score(true, pred), 2 / 3)
    np.testing.assert_allclose(metrics.v_measure_score(true, pred, beta=3.0), 4 * 0.5 / 3.5)
    # Single rows have as much in common with anything: the chance is all there is.
    np.testing.assert_allclose(metrics.adjusted_mutual_info_score(true, pred), 0, atol=1e-12)


def test_chance_is_the_mean_over_all_permutations():
    true, pred = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 1, 1])
    every = [peer.mutual_info_score(true, pred[list(p)]) for p in itertools.permutations(range(6))]
    ours = expected_mutual_information(*(np.bincount(a).astype(float) for a in (true, pred)))
    np.testing.assert_allclose(ours, np.mean(every), rtol=1e-12)


@pytest.mark.parametrize("k", [2, 12])
def test_a_million_rows_in_32_bits(k, plain_jax):
    rng = np.random.default_rng(k)
    true, pred = rng.integers(0, k, (2, 1_000_000))
    related = np.where(rng.random(true.shape) < 0.2, true, pred)
    for other in (pred, related):
        expected = peer.adjusted_mutual_info_score(true, other)
        ours = metrics.adjusted_mutual_info_score(true, other)
        np.testing.assert_allclose(ours, expected, atol=3e-7)
    sizes = [np.bincount(a) for a in (true, pred)]
    table = peer.cluster.contingency_matrix(true, pred, sparse=True)
    expected = peer.cluster.expected_mutual_information(table, len(true))
    ours = expected_mutual_information(*(np.asarray(s, np.float32) for s in sizes))
    np.testing.assert_allclose(ours, expected, rtol=1e-3)


@pytest.mark.parametrize("name", SHARES + ADJUSTED)
def test_equal_partitions_are_perfect(name):
    rng = np.random.default_rng(0)
    for labels in (rng.integers(0, 5, 50), np.zeros(7, int), np.arange(6)):
        np.testing.assert_allclose(getattr(metrics, name)(labels, 9 - labels), 1, rtol=1e-12)


@pytest.mark.parametrize("name", SHARES + ADJUSTED)
def test_a_weight_is_a_number_of_rows(name):
    rng = np.random.default_rng(1)
    true, pred, weights = rng.integers(0, 4, 60), rng.integers(0, 3, 60), rng.integers(0, 3, 60)
    score = getattr(metrics, name)
    expected = score(np.repeat(true, weights), np.repeat(pred, weights))
    np.testing.assert_allclose(score(true, pred, sample_weight=weights), expected, rtol=1e-9)


@pytest.mark.parametrize("name", SHARES + ADJUSTED + ["adjusted_rand_score", "clustering_accuracy"])
def test_noise_is_a_label_of_its_own(name):
    rng = np.random.default_rng(2)
    true, pred = rng.integers(0, 4, 60), rng.integers(-1, 3, 60)
    score = getattr(metrics, name)
    traced = jax.jit(lambda a, b: score(a, b, k=4))(true, pred)
    np.testing.assert_allclose(traced, score(true, pred), rtol=1e-10)


def test_bad_options():
    with pytest.raises(ValueError, match="average_method must be one of arithmetic"):
        metrics.adjusted_mutual_info_score([0], [0], average_method="mean")
    with pytest.raises(ValueError, match=r"sample_weight must have shape \(2,\)"):
        metrics.v_measure_score([0, 1], [0, 1], sample_weight=[1.0])
