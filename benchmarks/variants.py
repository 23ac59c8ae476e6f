"""Mini-batch and bisecting k-means beside scikit-learn's, each as it comes.

They stop by their own rules and draw their own batches and starts, so that the loss, the inertia,
differs by chance as well.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np

import clusterart_jax as ca

from .harness import Case, Run
from .kmeans import ROWS, Found, Problem, inertia, problem

_LIMIT = 10_000  # rows of the quick cases


def cases(quick: bool = False) -> list[Case]:
    """The cases; `quick` takes some rows of each.

    Args:
      quick: at most 10,000 rows.
    """
    rows = {name: (about, load) for name, about, load, _ in ROWS}
    asked = [
        ("mini-batch", "fashion-mnist", 64),
        ("mini-batch", "blobs", 128),
        ("bisecting", "photographs", 16),
        ("bisecting", "fashion-mnist-pca", 64),
    ]
    return [case(kind, name, *rows[name], k, _LIMIT if quick else None) for kind, name, k in asked]


def case(
    kind: str, name: str, about: str, rows: Callable[[], np.ndarray], k: int, limit: int | None
) -> Case:
    """One case.

    Args:
      kind: "mini-batch", whose contenders start from the same centres, or "bisecting".
      name: of the rows.
      about: what the rows are.
      rows: gives them, (n, d) float32.
      k: number of clusters.
      limit: rows at most, evenly spaced.
    """
    ours, peer = CONTENDERS[kind]
    few = "" if limit is None else f", at most {limit:,} rows"
    return Case(
        name=f"{kind}/{name}-k{k}",
        about=f"{kind} k-means of {about}{few}, k={k}",
        load=partial(problem, rows, k, limit),
        ours=ours,
        peers={"scikit-learn": peer},
        loss=inertia,
        loss_name="inertia",
    )


def our_mini_batch(problem: Problem) -> Run:
    """`ca.mini_batch_kmeans` on rows that are on the device already."""
    x, start = jax.block_until_ready(jax.device_put((problem.x, problem.start)))
    return lambda: _found(ca.mini_batch_kmeans(jax.random.key(0), x, len(start), init=start))


def our_bisecting(problem: Problem) -> Run:
    """`ca.bisecting_kmeans` on rows that are on the device already."""
    x, k = jax.block_until_ready(jax.device_put(problem.x)), len(problem.start)
    return lambda: _found(ca.bisecting_kmeans(jax.random.key(0), x, k))


def _found(result: Any) -> Found:
    return Found(np.asarray(result.centers), np.asarray(result.labels))


def sklearn_mini_batch(problem: Problem) -> Run:
    """scikit-learn's `MiniBatchKMeans`."""
    from sklearn.cluster import MiniBatchKMeans

    x, start = problem

    def run() -> Found:
        model = MiniBatchKMeans(len(start), init=start, n_init=1, random_state=0).fit(x)
        return Found(model.cluster_centers_, model.labels_)

    return run


def sklearn_bisecting(problem: Problem) -> Run:
    """scikit-learn's `BisectingKMeans`."""
    from sklearn.cluster import BisectingKMeans

    x, start = problem

    def run() -> Found:
        model = BisectingKMeans(len(start), random_state=0).fit(x)
        return Found(model.cluster_centers_, model.labels_)

    return run


CONTENDERS = {
    "mini-batch": (our_mini_batch, sklearn_mini_batch),
    "bisecting": (our_bisecting, sklearn_bisecting),
}
