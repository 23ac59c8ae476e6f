"""A thousand small k-means problems at once, beside a loop over scikit-learn.

Ours is one program: `vmap` over the problems, which `shard_map` lays over the devices. The loop is
what a user of scikit-learn writes; its threads use every core. Both seed by greedy k-means++, by
draws of their own, so that the mean inertia differs by chance.
"""

import warnings
from functools import partial

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

import clusterart_jax as ca

from .harness import Case, Run

CLUSTERS = 8
ROWS = 4096


def cases(quick: bool = False) -> list[Case]:
    """The cases; `quick` takes a tenth of the problems.

    Args:
      quick: 100 problems instead of 1,000.
    """
    count = 100 if quick else 1000
    return [
        Case(
            name=f"problems/{count}-of-{ROWS}x3-k{CLUSTERS}",
            about=f"{count:,} problems of {ROWS:,}x3, k={CLUSTERS}, to convergence",
            load=partial(problems, count),
            ours=ours,
            peers={"scikit-learn": sklearn},
            loss=mean_inertia,
            loss_name="inertia",
        )
    ]


def problems(count: int) -> np.ndarray:
    """Rows (count, ROWS, 3) float32: eight overlapping groups in each problem."""
    rng = np.random.default_rng(0)
    centers = rng.normal(scale=3, size=(count, CLUSTERS, 3))
    groups = rng.integers(0, CLUSTERS, (count, ROWS))
    rows = np.take_along_axis(centers, groups[:, :, None], axis=1)
    return (rows + rng.normal(size=rows.shape)).astype(np.float32)


def mean_inertia(rows: np.ndarray, centers: np.ndarray) -> float:
    """Mean over the problems of Σ |x − its nearest centre|², in float64."""
    whole = 0.0
    for x, c in zip(rows.astype(np.float64), centers.astype(np.float64), strict=True):
        whole += ((x[:, None] - c[None]) ** 2).sum(axis=2).min(axis=1).sum()
    return whole / len(rows)


def ours(rows: np.ndarray) -> Run:
    """`ca.kmeans` under `vmap`, on rows that are on the devices already."""
    devices = jax.devices("cpu") if jax.default_backend() == "cpu" else jax.devices()
    used = next(n for n in range(len(devices), 0, -1) if len(rows) % n == 0)
    mesh = jax.sharding.Mesh(np.array(devices[:used]), ("problems",))
    over = PartitionSpec("problems")

    def one(key: jax.Array, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        return ca.kmeans(key, x, CLUSTERS)[:2]

    program = jax.jit(
        jax.shard_map(jax.vmap(one), mesh=mesh, in_specs=over, out_specs=over, check_vma=False)
    )
    place = NamedSharding(mesh, over)
    keys = jax.device_put(jax.random.split(jax.random.key(0), len(rows)), place)
    x = jax.block_until_ready(jax.device_put(rows, place))
    return lambda: np.asarray(jax.block_until_ready(program(keys, x))[0])


def sklearn(rows: np.ndarray) -> Run:
    """scikit-learn's `KMeans`, one problem after the other."""
    from sklearn.cluster import KMeans

    def run() -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fits = (KMeans(CLUSTERS, n_init=1, random_state=i).fit(x) for i, x in enumerate(rows))
            return np.stack([fit.cluster_centers_ for fit in fits])

    return run
