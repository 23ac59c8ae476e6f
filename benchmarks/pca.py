"""PCA beside scikit-learn's, with its own choice of solver and with its fastest exact one.

The loss is the variance that the components leave out, measured in float64 by one function for all.
Calls end with the whole state on the host.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import jax
import numpy as np

import clusterart_jax as ca

from .harness import Case, Run
from .kmeans import QUICK_ROWS, digits, fashion_mnist

_LOSS_ROWS = 20_000


def cases(quick: bool = False) -> list[Case]:
    """The cases; `quick` takes some rows of each.

    Args:
      quick: at most `QUICK_ROWS` rows.
    """
    limit = QUICK_ROWS if quick else None
    asked: list[tuple[str, str, Callable[[], np.ndarray], int]] = [
        ("digits", "digits, 64 pixels", digits, 16),
        ("fashion-mnist", "Fashion-MNIST, 784 pixels", fashion_mnist, 32),
        ("tall", "1,000,000 rows of 16 columns", partial(decaying, 1_000_000, 16), 4),
        ("medium", "100,000 rows of 64 columns", partial(decaying, 100_000, 64), 8),
        ("wide", "1,000 rows of 2,000 columns", partial(decaying, 1_000, 2_000), 32),
        ("broad", "20,000 rows of 2,000 columns", partial(decaying, 20_000, 2_000), 32),
    ]
    return [case(f"pca/{name}-m{m}", about, rows, m, limit) for name, about, rows, m in asked]


def case(
    name: str, about: str, rows: Callable[[], np.ndarray], m: int, limit: int | None = None
) -> Case:
    """One case.

    Args:
      name: of the case.
      about: what the rows are.
      rows: gives them, (n, d) float32.
      m: number of components.
      limit: rows at most, evenly spaced.
    """
    few = "" if limit is None else f", at most {limit:,} rows"
    peers: dict[str, Callable[[Any], Run]] = {
        "scikit-learn": partial(sklearn, m, "auto"),
        "scikit-learn covariance_eigh": partial(sklearn, m, "covariance_eigh"),
        "ours, two passes": partial(ours, m, solver="randomized", passes=2),
    }
    return Case(
        name=name,
        about=f"{about}{few}, m={m}",
        load=partial(some, rows, limit),
        ours=partial(ours, m),
        peers=peers,
        loss=left_out,
        loss_name="variance left out",
    )


def some(rows: Callable[[], np.ndarray], limit: int | None) -> np.ndarray:
    x = rows()
    if limit is not None and limit < len(x):
        x = np.ascontiguousarray(x[np.linspace(0, len(x) - 1, limit).astype(int)])
    return x


def left_out(x: np.ndarray, components: np.ndarray) -> float:
    """Σ |xᵢ − its projection|² in float64, over evenly spaced rows where there are many."""
    x = x[:: -(-len(x) // _LOSS_ROWS)]
    away = x - x.mean(axis=0, dtype=np.float64)
    basis = np.linalg.qr(components.T.astype(np.float64))[0]
    return float(np.sum(away**2) - np.sum((away @ basis) ** 2))


def ours(m: int, x: np.ndarray, **options: Any) -> Run:
    """`ca.pca` on rows that are on the device already."""
    rows = jax.block_until_ready(jax.device_put(x))
    return lambda: np.asarray(jax.device_get(ca.pca(rows, m, **options)).components)


def sklearn(m: int, solver: str, x: np.ndarray) -> Run:
    """scikit-learn's `PCA`, all cores."""
    from sklearn.decomposition import PCA

    return lambda: PCA(m, svd_solver=solver, random_state=0).fit(x).components_


@cache
def decaying(n: int, d: int) -> np.ndarray:
    """(n, d), turned columns whose variances fall as those of pictures do, like 1 / (1 + j)."""
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(d, d)))[0].astype(np.float32)
    x = rng.standard_normal((n, d), dtype=np.float32)
    return (x / np.sqrt(1 + np.arange(d, dtype=np.float32))) @ turn
