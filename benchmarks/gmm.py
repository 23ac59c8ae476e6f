"""Gaussian mixtures beside scikit-learn and gmmx.

All start from the same mixture, in float32, and run `ITERATIONS` of expectation-maximisation. All
use every core, and all end with weights, means and covariances on the host. gmmx has neither tied
nor spherical covariances, and stores all rows by all components.
"""

import importlib
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

import clusterart_jax as ca

from .harness import Case, Run
from .kmeans import blobs, fashion_mnist_pca, photographs

ITERATIONS = 20
QUICK_ROWS = 10_000
REGULARISATION = 1e-6
_START_ROWS = 8_192  # from which the common start is made; all rows would take longer


class Mixture(NamedTuple):
    """Weights (k,), means (k, d), and covariances in the shape of their kind."""

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray


class Problem(NamedTuple):
    """Rows (n, d) float32, the kind of covariance, and the mixture to start from."""

    x: np.ndarray
    kind: str
    start: Mixture
    precisions: np.ndarray


def cases(quick: bool = False) -> list[Case]:
    """The cases; `quick` takes some rows of each.

    Args:
      quick: at most `QUICK_ROWS` rows.
    """
    limit = QUICK_ROWS if quick else None
    asked: list[tuple[str, str, Callable[[], np.ndarray], str, int]] = [
        ("fashion-mnist-pca", "Fashion-MNIST, 32 components", fashion_mnist_pca, kind, k)
        for kind, k in (("full", 10), ("full", 64), ("tied", 64), ("diag", 64), ("spherical", 64))
    ]
    asked += [
        ("blobs", "32 overlapping groups, 16 columns", blobs, "full", 32),
        ("photographs", "pixels of two photographs, RGB", photographs, "full", 16),
    ]
    return [
        case(f"gmm/{name}-{kind}-k{k}", about, rows, kind, k, limit)
        for name, about, rows, kind, k in asked
    ]


def case(
    name: str,
    about: str,
    rows: Callable[[], np.ndarray],
    kind: str,
    k: int,
    limit: int | None = None,
) -> Case:
    """One case.

    Args:
      name: of the case.
      about: what the rows are.
      rows: gives them, (n, d) float32.
      kind: of the covariances.
      k: number of components.
      limit: rows at most, evenly spaced.
    """
    few = "" if limit is None else f", at most {limit:,} rows"
    peers: dict[str, Callable[[Problem], Run]] = {"scikit-learn": sklearn}
    # With jaxlib 0.10 on two cores, factorisations of many matrices at once, as gmmx asks for, wait
    # for threads for ever: it is run where matrices are few or none.
    if kind == "diag" or (kind == "full" and k <= 16):
        peers["gmmx"] = gmmx
    return Case(
        name=name,
        about=f"{about}{few}, {kind}, k={k}, {ITERATIONS} iterations",
        load=partial(problem, rows, kind, k, limit),
        ours=ours,
        peers=peers,
        loss=surprise,
        loss_name="1/density",
    )


def problem(rows: Callable[[], np.ndarray], kind: str, k: int, limit: int | None) -> Problem:
    """Rows and the start that all share: scikit-learn's, from k-means on some of the rows."""
    x = rows()
    if limit is not None and limit < len(x):
        x = np.ascontiguousarray(x[np.linspace(0, len(x) - 1, limit).astype(int)])
    some = np.random.default_rng(0).permutation(len(x))[: max(_START_ROWS, k)]
    start = _sklearn(k, kind, max_iter=0, reg_covar=1e-3, random_state=0).fit(x[some])
    return Problem(x, kind, _mixture(start), start.precisions_)


def surprise(problem: Problem, found: Mixture) -> float:
    """exp(−mean log-likelihood / d) in float64: what a column's density falls short of, above 0."""
    weights, means, covariances = (np.asarray(a, np.float64) for a in found)
    k, d = means.shape
    if problem.kind == "tied":
        covariances = np.broadcast_to(covariances, (k, d, d))
    if problem.kind == "spherical":
        covariances = np.broadcast_to(covariances[:, None], (k, d))
    if problem.kind in ("diag", "spherical"):
        covariances = covariances[:, :, None] * np.eye(d)
    roots = np.linalg.cholesky(covariances)
    inverses = np.linalg.inv(roots)
    constants = np.log(weights) - d / 2 * np.log(2 * np.pi)
    constants -= np.log(np.diagonal(roots, axis1=1, axis2=2)).sum(1)
    whole = 0.0
    for block in np.array_split(problem.x.astype(np.float64), len(problem.x) // 4096 + 1):
        apart = ((block - m) @ inverse.T for m, inverse in zip(means, inverses, strict=True))
        logs = constants - np.stack([np.sum(a**2, axis=1) for a in apart], axis=1) / 2
        largest = logs.max(axis=1)
        whole += float(np.sum(largest + np.log(np.exp(logs - largest[:, None]).sum(axis=1))))
    return float(np.exp(-whole / problem.x.size))


def ours(problem: Problem) -> Run:
    """`ca.gmm` on rows that are on the device already; results go to the host in each call."""
    from clusterart_jax.cluster import GMMStart

    x = jax.block_until_ready(jax.device_put(problem.x))
    key, k = jax.random.key(0), len(problem.start.weights)
    start = GMMStart(problem.start.weights, problem.start.means, problem.precisions)

    def run() -> Mixture:
        options: dict[str, Any] = {"max_iter": ITERATIONS, "tol": 0, "reg_covar": REGULARISATION}
        result = ca.gmm(key, x, k, covariance_type=problem.kind, init=start, **options)
        return Mixture(*(np.asarray(a) for a in result[:3]))

    return run


def sklearn(problem: Problem) -> Run:
    """scikit-learn's `GaussianMixture`, whose products use all cores."""
    parts = zip(("weights", "means"), problem.start[:2], strict=True)
    start = {f"{name}_init": value for name, value in parts}

    def run() -> Mixture:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it has not converged: it was not asked to
            model = _sklearn(
                len(problem.start.weights),
                problem.kind,
                precisions_init=problem.precisions,
                reg_covar=REGULARISATION,
                max_iter=ITERATIONS,
                tol=0,
                **start,
            )
            return _mixture(model.fit(problem.x))

    return run


def gmmx(problem: Problem) -> Run:
    """The `EMFitter` of gmmx, one compiled program like ours."""
    library: Any = importlib.import_module("gmmx")
    x = jax.block_until_ready(jax.device_put(problem.x))
    weights, means, covariances = problem.start
    start = library.GaussianMixtureModelJax.from_squeezed(
        means=means, covariances=covariances, weights=weights, covariance_type=problem.kind
    )
    fitter = library.EMFitter(max_iter=ITERATIONS, tol=0.0, reg_covar=REGULARISATION)

    def run() -> Mixture:
        model = fitter.fit(x=x, gmm=start).gmm
        covariances = model.covariances.values_numpy
        return Mixture(model.weights_numpy, model.means_numpy, covariances)

    return run


def _sklearn(k: int, kind: str, **options: Any) -> Any:
    from sklearn.mixture import GaussianMixture

    return GaussianMixture(k, covariance_type=kind, **options)


def _mixture(model: Any) -> Mixture:
    return Mixture(model.weights_, model.means_, model.covariances_)
