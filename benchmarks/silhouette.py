"""Silhouettes beside scikit-learn's: every pair of rows, on all cores, in float32.

scikit-learn runs as it does by default, and once more with a thread for each core. The loss is how
far the values lie from those of float64.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import numpy as np

import clusterart_jax as ca

from .harness import Case, Run
from .kmeans import blobs, digits, fashion_mnist_pca

QUICK_ROWS = 4_000
_CHECKED = 256  # rows whose values are computed in float64 for the loss


class Problem(NamedTuple):
    """Rows (n, d) float32 and the cluster of each, 0…k−1."""

    x: np.ndarray
    labels: np.ndarray


def cases(quick: bool = False) -> list[Case]:
    """The cases; `quick` takes some rows of each.

    Args:
      quick: at most `QUICK_ROWS` rows.
    """
    asked: list[tuple[str, str, Callable[[], np.ndarray], int, int]] = [
        ("digits", "digits, 64 pixels", digits, 1_797, 10),
        ("fashion-mnist-pca", "Fashion-MNIST, 32 components", fashion_mnist_pca, 20_000, 10),
        ("fashion-mnist-pca", "Fashion-MNIST, 32 components", fashion_mnist_pca, 20_000, 200),
        ("blobs", "32 overlapping groups, 16 columns", blobs, 20_000, 32),
    ]
    return [
        Case(
            name=f"silhouette/{name}-k{k}",
            about=f"{about}, {min(n, QUICK_ROWS) if quick else n:,} rows, k={k}",
            load=partial(problem, rows, min(n, QUICK_ROWS) if quick else n, k),
            ours=ours,
            peers={
                "scikit-learn": partial(sklearn, n_jobs=None),
                "scikit-learn, n_jobs=-1": partial(sklearn, n_jobs=-1),
            },
            loss=error,
            loss_name="largest error + 1e-6",
        )
        for name, about, rows, n, k in asked
    ]


def problem(rows: Callable[[], np.ndarray], n: int, k: int) -> Problem:
    """Some of the rows, evenly spaced, and their clusters by k-means."""
    x = rows()
    x = np.ascontiguousarray(x[np.linspace(0, len(x) - 1, n).astype(int)])
    return Problem(x, np.asarray(ca.kmeans(jax.random.key(0), x, k).labels))


def error(problem: Problem, found: np.ndarray) -> float:
    """Largest error of some of the values, and a millionth, so that rounding makes no ratio."""
    x, labels = problem.x.astype(np.float64), problem.labels
    sizes = np.bincount(labels)
    worst = 0.0
    for row in np.linspace(0, len(x) - 1, _CHECKED).astype(int):
        sums = np.bincount(labels, np.sqrt(np.sum((x - x[row]) ** 2, axis=1)))
        own = labels[row]
        if sizes[own] == 1:
            continue
        a = sums[own] / (sizes[own] - 1)
        b = np.min(np.delete(sums, own) / np.delete(sizes, own))
        worst = max(worst, abs((b - a) / max(a, b) - float(found[row])))
    return worst + 1e-6


def ours(problem: Problem) -> Run:
    """`ca.metrics.silhouette_samples` on rows that are on the device already."""
    x, labels = jax.block_until_ready(jax.device_put(tuple(problem)))
    return lambda: np.asarray(ca.metrics.silhouette_samples(x, labels))


def sklearn(problem: Problem, *, n_jobs: int | None) -> Run:
    """scikit-learn's `silhouette_samples`, with so many jobs for the distances."""
    from sklearn.metrics import silhouette_samples

    return partial(silhouette_samples, problem.x, problem.labels, n_jobs=n_jobs)
