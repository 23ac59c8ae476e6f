"""k-means++ alone, beside scikit-learn's and oneDAL's.

All draw k centres from all rows, in float32, on every core, the greedy way where they have it.
oneDAL, through `daal4py`, draws one candidate a centre: faster, with 18 to 85 % more inertia. Ours
ends with centres, labels and inertia, a pass over the rows more than the others. faiss draws rows
at random by default and is left out.
"""

import importlib
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import jax
import numpy as np

import clusterart_jax as ca

from .harness import Case, Run
from .kmeans import QUICK_ROWS, ROWS


def cases(quick: bool = False) -> list[Case]:
    """One case for each of k-means' own; `quick` takes some rows of each."""
    limit = QUICK_ROWS if quick else None
    return [
        Case(
            name=f"seeding/{name}-k{k}",
            about=f"{about}, k-means++ of {k} centres",
            load=partial(_some, rows, limit),
            ours=partial(ours, k, "k-means++"),
            peers={
                "ours, k-means||": partial(ours, k, "k-means||"),
                "scikit-learn": partial(sklearn, k),
                "oneDAL": partial(onedal, k),
            },
            loss=potential,
            loss_name="inertia",
        )
        for name, about, rows, numbers in ROWS
        for k in numbers
    ]


def _some(rows: Callable[[], np.ndarray], limit: int | None) -> np.ndarray:
    x = rows()
    if limit is None or limit >= len(x):
        return x
    return np.ascontiguousarray(x[np.linspace(0, len(x) - 1, limit).astype(int)])


def potential(x: np.ndarray, centers: np.ndarray) -> float:
    """Σ minⱼ |xᵢ − cⱼ|², which the seeds leave for the iteration to lower."""
    found = ca.kmeans(jax.random.key(0), x, len(centers), init=centers, max_iter=0)
    return float(found.inertia)


def ours(k: int, init: str, x: np.ndarray) -> Run:
    """`ca.kmeans` without iterations, another seed each time."""
    rows = jax.block_until_ready(jax.device_put(x))
    numbers = count()

    def run() -> np.ndarray:
        key = jax.random.key(next(numbers))
        return np.asarray(ca.kmeans(key, rows, k, init=init, max_iter=0).centers)

    return run


def sklearn(k: int, x: np.ndarray) -> Run:
    """`sklearn.cluster.kmeans_plusplus`, another seed each time."""
    from sklearn.cluster import kmeans_plusplus

    numbers = count()
    return lambda: kmeans_plusplus(x, k, random_state=next(numbers))[0]


def onedal(k: int, x: np.ndarray) -> Run:
    """`daal4py.kmeans_init`, the seeds behind scikit-learn-intelex."""
    library: Any = importlib.import_module("daal4py")
    numbers = count()

    def run() -> np.ndarray:
        engine = library.engines_mt19937(seed=next(numbers))
        method = {"nClusters": k, "fptype": "float", "method": "plusPlusDense"}
        return np.asarray(library.kmeans_init(**method, engine=engine).compute(x).centroids)

    return run
