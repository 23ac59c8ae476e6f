"""Agreement of labellings, by hand and beside scikit-learn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from sklearn import metrics as peer

from clusterart_jax import metrics

SCORES = ["adjusted_rand_score", "normalized_mutual_info_score", "clustering_accuracy"]


def accuracy(true, pred):
    table = peer.cluster.contingency_matrix(true, pred)
    return table[linear_sum_assignment(table, maximize=True)].sum() / len(true)


@pytest.mark.parametrize(
    ("true", "pred", "rand", "accurate"),
    [
        ([0, 0, 1, 1], [1, 1, 0, 0], 1, 1),
        ([0, 0, 1, 1], [5, -3, 5, -3], -0.5, 0.5),
        ([0, 0, 1, 2], [0, 0, 1, 1], 4 / 7, 0.75),
        ([0, 0, 0, 0], [0, 1, 2, 3], 0, 0.25),
    ],
)
def test_by_hand(true, pred, rand, accurate):
    np.testing.assert_allclose(metrics.adjusted_rand_score(true, pred), rand, atol=1e-12)
    assert metrics.clustering_accuracy(true, pred) == accurate


def test_mutual_information_by_hand():
    # Two halves against quarters: H = 1 and 2 bits, 1 bit in common.
    score = metrics.normalized_mutual_info_score([0, 0, 1, 1], [0, 1, 2, 3])
    np.testing.assert_allclose(score, 1 / 1.5, rtol=1e-12)
    # Independent halves have nothing in common.
    score = metrics.normalized_mutual_info_score([0, 0, 1, 1], [0, 1, 0, 1])
    np.testing.assert_allclose(score, 0, atol=1e-12)


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("seed", range(4))
def test_parity(score, seed):
    rng = np.random.default_rng(seed)
    true = rng.integers(0, 6, 200)
    noise = rng.random(200) < seed / 3
    pred = np.where(noise, rng.integers(0, 8 - seed, 200), (true * 7) % 11)
    expected = (accuracy if score == SCORES[2] else getattr(peer, score))(true, pred)
    ours = getattr(metrics, score)
    np.testing.assert_allclose(ours(true, pred, k=11), expected, atol=1e-9)
    if seed < 2:
        np.testing.assert_allclose(ours(true, 3 * pred - 5), expected, atol=1e-9)


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize(
    ("true", "pred"),
    [([0], [5]), ([1, 1, 1], [2, 2, 2]), ([0, 1, 2], [2, 0, 1]), ([0] * 4097, [3] * 4097)],
)
def test_equal_partitions_are_perfect(score, true, pred):
    np.testing.assert_allclose(getattr(metrics, score)(true, pred), 1, rtol=1e-12)


@pytest.mark.parametrize("score", SCORES)
def test_names_and_order_do_not_matter(score):
    rng = np.random.default_rng(0)
    true, pred = rng.integers(0, 4, 60), rng.integers(0, 5, 60)
    order = rng.permutation(60)
    ours = getattr(metrics, score)
    np.testing.assert_allclose(ours(true[order], 9 - pred[order]), ours(true, pred), rtol=1e-12)
    np.testing.assert_allclose(ours(pred, true), ours(true, pred), rtol=1e-12)


def test_large_counts_keep_their_digits(plain_jax):
    """In 32 bits: pairs of 200,000 rows are far beyond 2²⁴."""
    rng = np.random.default_rng(0)
    true, pred = rng.integers(0, 10, 200_000), rng.integers(0, 10, 200_000)
    pred = np.where(rng.random(200_000) < 0.3, true, pred)
    for score in SCORES[:2]:
        expected = getattr(peer, score)(true, pred)
        np.testing.assert_allclose(getattr(metrics, score)(true, pred), expected, atol=2e-6)


@pytest.mark.parametrize("score", SCORES)
def test_bad_labels(score):
    ours = getattr(metrics, score)
    with pytest.raises(ValueError, match=r"must have one shape, not \(2,\) and \(3,\)"):
        ours([0, 1], [0, 1, 1])
    with pytest.raises(ValueError, match="labels_true must hold at least one label"):
        ours([], [])
    with pytest.raises(ValueError, match=r"labels_true must have shape \(n,\), not \(1, 2\)"):
        ours([[0, 1]], [[0, 1]])
    with pytest.raises(TypeError, match="labels_true must be whole numbers, not float64"):
        ours([0.5, 1.0], [0, 1])
    with pytest.raises(TypeError, match=r"labels_true is traced: say how many labels .*k=10"):
        jax.jit(ours)(jnp.array([0, 1]), jnp.array([0, 1]))
    with pytest.raises(ValueError, match="k must be at least 1, not 0"):
        ours([0, 1], [0, 1], k=0)
