"""k-means beside scikit-learn, scikit-learn-intelex (oneDAL) and faiss.

All start from the same centres, in float32, and run Lloyd's algorithm until no label changes any
more, but no longer than `ITERATIONS` (faiss has no such stop and runs them all). All use every
core, and all end with centres and labels on the host. scikit-learn runs its default "lloyd".
"""

import importlib
from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import numpy as np

import clusterart_jax as ca
from clusterart_jax._errors import DataError
from clusterart_jax.data import load

from .harness import Case, Run, UnavailableError

ITERATIONS = 100
QUICK_ROWS = 10_000
_START_ROWS = 4_096  # among which k-means++ chooses the common start; all rows would take longer


class Problem(NamedTuple):
    """Rows (n, d) float32, and the centres (k, d) to start from."""

    x: np.ndarray
    start: np.ndarray


class Found(NamedTuple):
    """Centres (k, d) and the label of each row (n,)."""

    centers: np.ndarray
    labels: np.ndarray


def cases(quick: bool = False) -> list[Case]:
    """The cases; `quick` takes some rows of each.

    Args:
      quick: at most `QUICK_ROWS` rows.
    """
    limit = QUICK_ROWS if quick else None
    return [
        case(f"kmeans/{name}-k{k}", about, rows, k, limit)
        for name, about, rows, numbers in ROWS
        for k in numbers
    ]


def case(
    name: str, about: str, rows: Callable[[], np.ndarray], k: int, limit: int | None = None
) -> Case:
    """One case.

    Args:
      name: of the case.
      about: what the rows are.
      rows: gives them, (n, d) float32.
      k: number of clusters.
      limit: rows at most, evenly spaced.
    """
    few = "" if limit is None else f", at most {limit:,} rows"
    return Case(
        name=name,
        about=f"{about}{few}, k={k}, to convergence or {ITERATIONS} iterations",
        load=partial(problem, rows, k, limit),
        ours=ours,
        peers={"scikit-learn": sklearn, "scikit-learn-intelex": sklearnex, "faiss": faiss},
        loss=inertia,
        loss_name="inertia",
    )


def problem(rows: Callable[[], np.ndarray], k: int, limit: int | None) -> Problem:
    """Rows and the start that all share: k-means++ among some of the rows."""
    from sklearn.cluster import kmeans_plusplus

    x = rows()
    if limit is not None and limit < len(x):
        x = np.ascontiguousarray(x[np.linspace(0, len(x) - 1, limit).astype(int)])
    some = np.random.default_rng(0).permutation(len(x))[: max(_START_ROWS, k)]
    return Problem(x, kmeans_plusplus(x[some], k, random_state=0)[0])


def inertia(problem: Problem, found: Found) -> float:
    """Σ |xᵢ − c(labelᵢ)|² in float64; wrong labels cost as much as wrong centres."""
    centers = found.centers.astype(np.float64)
    blocks = np.array_split(np.arange(len(problem.x)), len(problem.x) // 4096 + 1)
    return sum(float(np.sum((problem.x[b] - centers[found.labels[b]]) ** 2)) for b in blocks)


def ours(problem: Problem) -> Run:
    """`ca.kmeans` on rows that are on the device already; results go to the host in each call."""
    x, start = jax.block_until_ready(jax.device_put((problem.x, problem.start)))
    key = jax.random.key(0)

    def run() -> Found:
        result = ca.kmeans(key, x, len(start), init=start, max_iter=ITERATIONS, tol=0.0)
        return Found(np.asarray(result.centers), np.asarray(result.labels))

    return run


def sklearn(problem: Problem) -> Run:
    """scikit-learn's `KMeans` with its defaults: all cores, "lloyd"."""
    from sklearn.cluster import KMeans

    return partial(_fit, KMeans, problem)


def sklearnex(problem: Problem) -> Run:
    """The same from Intel's extension, whose algorithms are oneDAL's."""
    return partial(_fit, importlib.import_module("sklearnex.cluster").KMeans, problem)


def _fit(estimator: Any, problem: Problem) -> Found:
    x, start = problem
    model = estimator(len(start), init=start, n_init=1, max_iter=ITERATIONS, tol=0).fit(x)
    return Found(model.cluster_centers_, model.labels_)


def faiss(problem: Problem) -> Run:
    """`faiss.Kmeans` on all rows; by itself it would train on at most 256 a cluster."""
    library: Any = importlib.import_module("faiss")
    x, start = problem
    n, d = x.shape
    every = {"max_points_per_centroid": n, "min_points_per_centroid": 1}

    def run() -> Found:
        model = library.Kmeans(d, len(start), niter=ITERATIONS, nredo=1, **every)
        model.train(x, init_centroids=start)
        return Found(model.centroids, model.index.search(x, 1)[1][:, 0])

    return run


def digits() -> np.ndarray:
    """(1797, 64), 0…16."""
    from sklearn.datasets import load_digits

    return load_digits().data.astype(np.float32)


@cache
def fashion_mnist() -> np.ndarray:
    """(60000, 784), 0…1."""
    try:
        images = load("fashion-mnist").images
    except DataError as error:
        raise UnavailableError(str(error)) from error
    return images.reshape(len(images), -1).astype(np.float32) / 255


@cache
def fashion_mnist_pca() -> np.ndarray:
    """(60000, 32), its principal components."""
    x = fashion_mnist()
    return np.asarray(ca.pca(x, 32).transform(x))


@cache
def photographs() -> np.ndarray:
    """(546560, 3), the pixels of scikit-learn's two photographs, 0…1."""
    from sklearn.datasets import load_sample_images

    pictures = load_sample_images().images
    return np.concatenate([p.reshape(-1, 3) for p in pictures]).astype(np.float32) / 255


@cache
def blobs() -> np.ndarray:
    """(1000000, 16), 128 groups apart from each other."""
    return _blobs(1_000_000, 128, 1.0)


@cache
def overlapping() -> np.ndarray:
    """(200000, 16), 32 groups that overlap so that there is more to iterate for."""
    return _blobs(200_000, 32, 4.0)


def _blobs(n: int, groups: int, spread: float) -> np.ndarray:
    from sklearn.datasets import make_blobs

    made = make_blobs(n, 16, centers=groups, cluster_std=spread, random_state=0)
    return made[0].astype(np.float32)


ROWS: list[tuple[str, str, Callable[[], np.ndarray], tuple[int, ...]]] = [
    ("digits", "digits, 64 pixels", digits, (10,)),
    ("fashion-mnist", "Fashion-MNIST, 784 pixels", fashion_mnist, (10, 64, 256)),
    ("fashion-mnist-pca", "Fashion-MNIST, 32 components", fashion_mnist_pca, (64, 256)),
    ("photographs", "pixels of two photographs, RGB", photographs, (16, 64, 256)),
    ("blobs", "128 groups, 16 columns", blobs, (128,)),
    ("overlapping", "32 overlapping groups, 16 columns", overlapping, (32,)),
]
"""Name, what the rows are, the rows, and the numbers of clusters."""
