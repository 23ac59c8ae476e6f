"""How many clusters: k-means or mixtures over a range of k, and a rule that picks one."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import NamedSharding, PartitionSpec

from .._checks import check_choice, check_count, check_key, check_rows, check_weights
from .._sharding import place_rows, row_sharding
from .._typing import Array, ArrayLike, Float, Int, KeyArray
from ..cluster import gmm, kmeans
from ._silhouette import silhouette_score

METHODS = ("silhouette", "elbow", "gap", "bic")


class KChoice(NamedTuple):
    """A curve over the numbers of clusters, and the number that its rule picks.

    Attributes:
      ks: (m,) int32 numbers of clusters tried, rising.
      scores: (m,) of the method. "silhouette": mean silhouette. "elbow": how far the curve of
        inertias lies below the chord between its ends, with both axes scaled to 0…1. "gap": Gap(k).
        "bic": Bayes' criterion.
      errors: (m,) standard errors of the scores that "gap" estimates by simulation; else 0.
      inertias: (m,) of k-means, in squared units of `x`; NaN for "bic", which runs none.
      k: int32 number picked. "silhouette" and "elbow": the highest score. "bic": the lowest. "gap":
        the smallest whose score is at least the next one's less its error.
    """

    ks: Int[Array, " m"]
    scores: Float[Array, " m"]
    errors: Float[Array, " m"]
    inertias: Float[Array, " m"]
    k: Int[Array, ""]


def choose_k(
    key: KeyArray,
    x: Float[ArrayLike, "n d"],
    ks: Sequence[int],
    *,
    method: str = "silhouette",
    sample_weight: Float[ArrayLike, " n"] | None = None,
    n_init: int = 3,
    max_iter: int | Int[ArrayLike, ""] = 300,
    tol: float | Float[ArrayLike, ""] = 1e-4,
    sample_size: int = 10_000,
    n_references: int = 10,
    covariance_type: str = "full",
) -> KChoice:
    """Tries each k of a range and picks one by silhouette, elbow, gap statistic or BIC.

    k-means and mixtures have as many clusters as the largest k, of which only the first k take
    part: they are compiled once for the whole range. Works under `jit` and `vmap`, where the range
    is run through in the program, and on sharded rows.

    - "silhouette": the highest mean silhouette of some rows, the same for all k. From 2 on.
    - "elbow": the knee of the inertias, where they lie farthest below the chord between the ends of
      the curve, as Kneedle has it.
    - "gap": Gap(k) = mean log W* − log W, with W the inertia and W* that of as many rows drawn
      uniformly from the box that holds the rows; the first k with Gap(k) ≥ Gap(k') − s(k'), k' the
      next one tried and s the error of its simulation. It can pick 1.
    - "bic": the lowest criterion of Gaussian mixtures.

    Cost: that of a k-means run with max(ks) clusters, times the length of `ks` and `n_init`;
    "silhouette" adds O(sample_size² d) each; "gap" costs 1 + `n_references` times as much. Peak
    extra memory O(n + k d + sample_size · d), and for "gap" the rows of one reference.

    Args:
      key: for starts, samples and references.
      x: rows (n, d).
      ks: numbers of clusters, rising, each 1 ≤ k ≤ n. Static.
      method: "silhouette", "elbow", "gap" or "bic". Static.
      sample_weight: (n,) weights ≥ 0; a row of weight 0 is absent.
      n_init: number of starts for each k. Static.
      max_iter: iterations at most, per start.
      tol: as of `kmeans` or `gmm`, where it stops.
      sample_size: rows of which "silhouette" takes the mean: all, or so many drawn at random.
        Static.
      n_references: data sets drawn for "gap". Static.
      covariance_type: of the mixtures of "bic". Static.

    Returns:
      A `KChoice`.

    Raises:
      ValueError: when `ks` does not rise, or options cannot be.
      TypeError: when `key` is no random key.

    Example:
      >>> import jax, jax.numpy as jnp, clusterart_jax as ca
      >>> x = jnp.array([[0.0], [0.3], [0.1], [5.0], [5.3], [5.2], [9.0], [9.1], [9.3]])
      >>> int(ca.choose_k(jax.random.key(0), x, range(2, 6)).k)
      3

    References:
      Rousseeuw, Silhouettes, 1987, doi:10.1016/0377-0427(87)90125-7. Satopää et al., Finding a
      "Kneedle" in a haystack, 2011, doi:10.1109/ICDCSW.2011.20. Tibshirani, Walther and Hastie,
      Estimating the number of clusters in a data set via the gap statistic, 2001,
      doi:10.1111/1467-9868.00293. Schwarz, Estimating the dimension of a model, 1978,
      doi:10.1214/aos/1176344136.
    """
    x = check_rows(x)
    key = check_key(key)
    weights = check_weights(sample_weight, x)
    check_choice(method, "method", METHODS)
    least = {"silhouette": 2}.get(method, 1)
    if not isinstance(ks, Iterable):
        raise TypeError(f"ks must hold numbers of clusters, such as range(2, 11), not {ks!r}")
    tried = [check_count(k, "each of ks", low=least, high=x.shape[0]) for k in ks]
    if not tried or any(a >= b for a, b in pairwise(tried)):
        raise ValueError(f"ks must hold numbers that rise, such as range(2, 11), not {ks!r}")
    if method == "elbow" and len(tried) < 3:
        raise ValueError(f"an elbow needs at least 3 ks, not {len(tried)}")
    curve = jnp.asarray(tried, jnp.int32)
    none = jnp.zeros(len(tried), x.dtype)
    if method == "bic":
        mixture = partial(
            gmm,
            k=tried[-1],
            covariance_type=covariance_type,
            sample_weight=weights,
            n_init=n_init,
            max_iter=max_iter,
            tol=tol,
        )
        scores = _over(curve, lambda k: mixture(key, x, active=k).bic(x, sample_weight=weights), x)
        return _choice(curve, scores, none, jnp.full_like(scores, jnp.nan), _highest(-scores))
    run = partial(
        kmeans, k=tried[-1], sample_weight=weights, n_init=n_init, max_iter=max_iter, tol=tol
    )
    if method == "silhouette":
        check_count(sample_size, "sample_size", low=2)
        score = _sampled_silhouette(jax.random.fold_in(key, 1), x, weights, tried[-1], sample_size)

        def fit(k: Array) -> tuple[Array, Array]:
            result = run(key, x, active=k)
            return result.inertia, score(result.labels)

        inertias, scores = _over(curve, fit, x)
        return _choice(curve, scores, none, inertias, _highest(scores))
    inertias = _over(curve, lambda k: run(key, x, active=k).inertia, x)
    if method == "elbow":
        scores = _below_chord(curve.astype(x.dtype), inertias)
        return _choice(curve, scores, none, inertias, _highest(scores))
    check_count(n_references, "n_references", low=2)
    draw = _uniform_box(x, weights)

    def reference(i: Array) -> Array:
        of_start, of_rows = jax.random.split(jax.random.fold_in(key, i + 2))
        rows = draw(of_rows)
        return _over(curve, lambda k: jnp.log(run(of_start, rows, active=k).inertia), x)

    logs = _over(jnp.arange(n_references, dtype=jnp.int32), reference, x)
    gaps = jnp.mean(logs, axis=0) - jnp.log(inertias)
    errors = jnp.std(logs, axis=0) * float(np.sqrt(1 + 1 / n_references))
    # Not-a-number, as of rows that are all alike, is no reason for more.
    enough = jnp.append(~(gaps[:-1] < gaps[1:] - errors[1:]), True)
    return _choice(curve, gaps, errors, inertias, jnp.argmax(enough))


def _choice(ks: Array, scores: Array, errors: Array, inertias: Array, best: Array) -> KChoice:
    return KChoice(ks, scores, errors, inertias, ks[best])


def _highest(scores: Array) -> Array:
    """The first of the highest; not-a-number is the worst, and where all are, the smallest k."""
    return jnp.argmax(jnp.where(jnp.isnan(scores), -jnp.inf, scores))


def _over(values: Array, function: Callable[[Array], Any], x: Array) -> Any:
    """Results for each value: in the program where there is one, else call by call.

    Calls on concrete rows reuse one compiled program, and spread the rows over CPU devices.
    """
    if isinstance(x, jax.core.Tracer):
        return lax.map(function, values)
    return jax.tree.map(lambda *a: jnp.stack(a), *(function(value) for value in values))


def _below_chord(ks: Array, inertias: Array) -> Array:
    along = (ks - ks[0]) / (ks[-1] - ks[0])
    fall = inertias[0] - inertias[-1]
    height = (inertias - inertias[-1]) / jnp.where(fall > 0, fall, 1)
    return 1 - along - height


def _sampled_silhouette(
    key: KeyArray, x: Array, weights: Array, k: int, size: int
) -> Callable[[Array], Array]:
    """Silhouette of labels (n,), on `size` rows drawn without return from those present."""
    if size >= x.shape[0]:
        return lambda labels: silhouette_score(x, labels, sample_weight=weights, k=k)
    lot = jnp.where(weights > 0, jax.random.uniform(key, weights.shape), -1)
    chosen = jnp.argsort(-lot)[:size]
    rows, mass = _take(x, chosen), _take(weights, chosen)
    return lambda labels: silhouette_score(rows, _take(labels, chosen), sample_weight=mass, k=k)


def _take(values: Array, rows: Array) -> Array:
    """Some rows, on every device."""
    sharding = row_sharding(values)
    if sharding is None or jax.sharding.AxisType.Explicit not in sharding.mesh.axis_types:
        return values[rows]
    return values.at[rows].get(out_sharding=NamedSharding(sharding.mesh, PartitionSpec()))


def _uniform_box(x: Array, weights: Array) -> Callable[[KeyArray], Array]:
    """Draws rows like `x`, uniformly from the box that holds those present."""
    present = (weights > 0)[:, None]
    low = jnp.min(jnp.where(present, x, jnp.inf), axis=0)[None]
    high = jnp.max(jnp.where(present, x, -jnp.inf), axis=0)[None]

    def draw(key: KeyArray) -> Array:
        rows = low + (high - low) * jax.random.uniform(key, x.shape, x.dtype)
        return place_rows(rows, row_sharding(x))

    return draw
