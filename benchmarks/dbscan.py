"""DBSCAN beside scikit-learn, scikit-learn-intelex (oneDAL) and the package dbscan.

All are exact, take float32 rows and end with labels on the host; dbscan takes float64, so that its
time holds a conversion. The loss is one and the share of some rows whose labels break the rules of
DBSCAN, checked in float64.
"""

import importlib
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

import clusterart_jax as ca

from .harness import Case, Run
from .kmeans import fashion_mnist_pca, photographs

QUICK_ROWS = 10_000
_CHECKED = 24  # rows whose labels are checked
_BESIDE = 12  # and neighbours of each, if they have so many


class Check(NamedTuple):
    """What is known of a row: whether it is core, and core rows within the radius."""

    row: int
    core: bool
    cores: np.ndarray


class Problem(NamedTuple):
    """Rows (n, d) float32, the radius, rows that make one core, and rows to check."""

    x: np.ndarray
    eps: float
    min_samples: int
    checks: list[Check]


def cases(quick: bool = False) -> list[Case]:
    """The cases; `quick` takes some rows of each.

    Args:
      quick: at most `QUICK_ROWS` rows.
    """
    asked: list[tuple[str, str, Callable[[int], np.ndarray], int, float, int]] = [
        ("blobs", "40 overlapping groups, 2 columns", groups, 100_000, 0.05, 10),
        ("blobs", "40 overlapping groups, 2 columns", groups, 1_000_000, 0.02, 10),
        ("photographs", "pixels of two photographs", pixels, 100_000, 0.02, 10),
        ("photographs", "pixels of two photographs", pixels, 546_560, 0.01, 10),
        ("fashion-mnist-pca", "Fashion-MNIST, 32 components", components, 60_000, 3.0, 10),
        ("blobs-of-9-columns", "40 groups", partial(groups, d=9), 180_000, 1.5, 10),
        ("blobs-of-3-columns", "40 groups", partial(groups, d=3), 1_000_000, 0.2, 10),
    ]
    return [
        Case(
            name=f"dbscan/{name}-{n}",
            about=f"{about}, {min(n, QUICK_ROWS) if quick else n:,} rows, eps={eps}",
            load=partial(problem, rows, min(n, QUICK_ROWS) if quick else n, eps, enough),
            ours=ours,
            peers=_peers(n if not quick else QUICK_ROWS, rows),
            loss=faults,
            loss_name="1 + share of faults",
        )
        for name, about, rows, n, eps, enough in asked
    ]


def _peers(n: int, rows: Callable[[int], np.ndarray]) -> dict[str, Callable[[Problem], Run]]:
    """Left out: oneDAL compares every pair, for minutes; dbscan knows up to 20 columns.

    And scikit-learn stores all neighbours, which are many of the rows that memory is measured with.
    """
    peers: dict[str, Callable[[Problem], Run]] = {}
    if not isinstance(rows, partial):
        peers["scikit-learn"] = sklearn
    if n <= 100_000:
        peers["scikit-learn-intelex"] = sklearnex
    if rows is not components:
        peers["dbscan"] = dbscan
    return peers


def groups(n: int, d: int = 2) -> np.ndarray:
    """(n, d): 40 round groups."""
    from sklearn.datasets import make_blobs

    return make_blobs(n, d, centers=40, cluster_std=0.5, random_state=0)[0].astype(np.float32)


def pixels(n: int) -> np.ndarray:
    """(n, 3): pixels 0…1 of two photographs, in no order where these are some of them."""
    x = photographs()
    if n >= len(x):
        return x
    return np.ascontiguousarray(x[np.random.default_rng(0).permutation(len(x))[:n]])


def components(n: int) -> np.ndarray:
    """(n, 32): the first rows of Fashion-MNIST's principal components."""
    return fashion_mnist_pca()[:n]


def problem(rows: Callable[[int], np.ndarray], n: int, eps: float, min_samples: int) -> Problem:
    """Rows, and what must be true of some of them."""
    x = rows(n)
    exact = x.astype(np.float64)

    def near(row: int) -> np.ndarray:
        return np.flatnonzero(np.sum((exact - exact[row]) ** 2, axis=1) <= eps**2)

    checks = []
    for row in np.linspace(0, len(x) - 1, _CHECKED).astype(int):
        around = near(row)
        core = len(around) >= min_samples
        # Of a core row any of its neighbours will do, of others all are needed: they are few.
        beside = around[np.linspace(0, len(around) - 1, _BESIDE).astype(int)] if core else around
        cores = [other for other in np.unique(beside) if len(near(other)) >= min_samples]
        checks.append(Check(int(row), core, np.array(cores, int)))
    return Problem(x, eps, min_samples, checks)


def faults(problem: Problem, labels: np.ndarray) -> float:
    """One, and the share of checked rows that are not labelled as they must be."""
    wrong = 0
    for row, core, cores in problem.checks:
        own, others = labels[row], labels[cores]
        if core:
            right = own >= 0 and bool(np.all(others == own))
        else:
            right = own in others if len(cores) else own == -1
        wrong += not right
    return 1 + wrong / len(problem.checks)


def ours(problem: Problem) -> Run:
    """`ca.dbscan` of rows that are on the device already."""
    x = jax.block_until_ready(jax.device_put(problem.x))
    return lambda: np.asarray(ca.dbscan(x, problem.eps, problem.min_samples).labels)


def sklearn(problem: Problem) -> Run:
    """scikit-learn's `DBSCAN` on all cores."""
    return _estimator(problem, importlib.import_module("sklearn.cluster"), n_jobs=-1)


def sklearnex(problem: Problem) -> Run:
    """The same from scikit-learn-intelex."""
    return _estimator(problem, importlib.import_module("sklearnex.cluster"))


def _estimator(problem: Problem, module: Any, **more: Any) -> Run:
    dbscan = module.DBSCAN(eps=problem.eps, min_samples=problem.min_samples, **more)
    return lambda: dbscan.fit(problem.x).labels_


def dbscan(problem: Problem) -> Run:
    """The package dbscan, which works on grids of cells."""
    from dbscan import DBSCAN

    def run() -> np.ndarray:
        labels: np.ndarray
        labels, _ = DBSCAN(problem.x.astype(np.float64), problem.eps, problem.min_samples)
        return labels

    return run
