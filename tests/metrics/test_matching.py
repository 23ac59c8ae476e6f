"""Clusters matched to classes: beside SciPy's assignment, by hand, weighted, batched."""

import jax
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from sklearn import metrics as peer

from clusterart_jax import metrics


def matched(true, pred, weights=None):
    """Labels of clusters as those of their classes; −1 for clusters without one."""
    classes, clusters = np.unique(true), np.unique(pred)
    table = np.zeros((len(classes), len(clusters)))
    where = np.searchsorted(classes, true), np.searchsorted(clusters, pred)
    np.add.at(table, where, 1 if weights is None else weights)
    rows, columns = linear_sum_assignment(table, maximize=True)
    name = np.full(len(clusters), -1)
    name[columns] = classes[rows]
    return name[where[1]]


def test_by_hand():
    true = [5, 5, 5, 5, 8, 8, 9]
    pred = [1, 1, 1, 0, 0, 0, 0]
    found = metrics.precision_recall_matched(true, pred)
    assert found.cluster.tolist() == [1, 0, -1]
    np.testing.assert_allclose(found.precision, [1, 0.5, 0])
    np.testing.assert_allclose(found.recall, [0.75, 1, 0])
    np.testing.assert_allclose(found.f1, [6 / 7, 2 / 3, 0])
    assert found.support.tolist() == [4, 2, 1]
    np.testing.assert_allclose(found.macro_precision, 0.5)
    np.testing.assert_allclose(found.macro_recall, 1.75 / 3)
    np.testing.assert_allclose(found.macro_f1, (6 / 7 + 2 / 3) / 3)
    np.testing.assert_allclose(found.accuracy, 5 / 7)


@pytest.mark.parametrize(("t", "p"), [(4, 4), (3, 7), (7, 3), (1, 5)])
@pytest.mark.parametrize("weighted", [False, True])
def test_parity(t, p, weighted):
    rng = np.random.default_rng(t)
    true = rng.integers(0, t, 400)
    pred = np.where(rng.random(400) < 0.4, (true + 1) % p, rng.integers(0, p, 400))
    # Weights without ties, so that there is one best matching.
    weights = rng.random(400) if weighted else None
    named = matched(true, pred, weights)
    found = metrics.precision_recall_matched(true, pred, sample_weight=weights)
    expected = peer.precision_recall_fscore_support(
        true, named, labels=np.arange(t), sample_weight=weights, zero_division=0
    )
    for ours, theirs in zip(found[:4], expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10)
    right = np.average(named == true, weights=weights)
    np.testing.assert_allclose(found.accuracy, right, rtol=1e-12)
    accuracy = metrics.clustering_accuracy(true, pred, sample_weight=weights)
    np.testing.assert_allclose(accuracy, right, rtol=1e-12)


@pytest.mark.parametrize("noise", [0.5, 1.0])
def test_hundreds_of_classes(noise, plain_jax):
    rng = np.random.default_rng(0)
    true = rng.integers(0, 300, 30_000)
    other = rng.integers(0, 300, 30_000)
    pred = np.where(rng.random(30_000) < noise, other, (true * 7) % 300)
    expected = np.mean(matched(true, pred) == true)
    assert metrics.clustering_accuracy(true, pred) == np.float32(expected)


def test_a_batch_is_a_loop():
    rng = np.random.default_rng(0)
    true, pred = rng.integers(0, 6, (2, 8, 50))
    together = jax.vmap(lambda a, b: metrics.clustering_accuracy(a, b, k=6))(true, pred)
    expected = [np.mean(matched(a, b) == a) for a, b in zip(true, pred, strict=True)]
    np.testing.assert_allclose(together, expected, rtol=1e-12)
