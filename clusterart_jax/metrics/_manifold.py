"""Precision and recall, density and coverage: how two sets of rows overlap."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from .._checks import check_count
from .._sharding import RowSharding, replicate
from .._typing import Array, ArrayLike, Float
from ._balls import held, radii
from ._pair import Pair, by_rows, check_pair


class PrecisionRecall(NamedTuple):
    """Improved precision and recall.

    Attributes:
      precision: part of the generated rows that lie among real ones: how good they are.
      recall: part of the real rows that lie among generated ones: how much of the data they show.
    """

    precision: Float[Array, ""]
    recall: Float[Array, ""]


class DensityCoverage(NamedTuple):
    """Density and coverage.

    Attributes:
      density: mean number of real rows' balls that hold a generated row, by k; may exceed 1.
      coverage: part of the real rows with a generated row in their ball.
    """

    density: Float[Array, ""]
    coverage: Float[Array, ""]


def precision_recall(
    real: Float[ArrayLike, "n d"],
    generated: Float[ArrayLike, "m d"],
    *,
    k: int = 3,
    sample_weight: Float[ArrayLike, " n"] | None = None,
    generated_weight: Float[ArrayLike, " m"] | None = None,
) -> PrecisionRecall:
    """Improved precision and recall: each set is where the balls around its rows are.

    The ball of a row reaches as far as its k-th nearest other row of its own set, surface included.
    Precision is the part of the generated rows in any real row's ball, recall the part of the real
    rows in any generated row's.

    Expanded squares find the distances; where these lose the digits that decide, in near pairs and
    on surfaces, differences are taken. Both numbers depend on n, m and k: compare like with like.

    Cost O((n + m)² d); peak extra memory O(n + m) and a block of pairs. Rows may be sharded; each
    device then holds all of them.

    Args:
      real: (n, d) features, n > k.
      generated: (m, d) features, m > k.
      k: which nearest neighbour. Static.
      sample_weight: (n,) how many rows each real row stands for, whole numbers; 0 is absent.
      generated_weight: (m,) the same for generated rows.

    Returns:
      A `PrecisionRecall` of values in 0…1; NaN where no more than k rows of a set are present, or
      one is not finite.

    Raises:
      ValueError: when shapes or options cannot be.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax import metrics
      >>> x = jnp.array([[0.0], [1.0], [2.0], [9.0]])
      >>> found = metrics.precision_recall(x, jnp.array([[0.5], [1.5], [2.5], [99.0]]), k=1)
      >>> float(found.precision), float(found.recall)
      (0.75, 1.0)

    References:
      Kynkäänniemi et al., Improved precision and recall metric for assessing generative models,
      2019, arXiv:1904.06991.
    """
    k = check_count(k, "k")
    pair = check_pair(real, generated, sample_weight, generated_weight, fewest=(k + 1, k + 1))
    whole, mesh = pair.whole(), pair.sharding()
    x, y, w, v = whole
    of_real, of_generated = _radii(pair.real, x, w, k, mesh), _radii(pair.generated, y, v, k, mesh)
    among_real = _held(pair.generated, None, (x, w, of_real), mesh, surface=True)
    among_generated = _held(pair.real, None, (y, v, of_generated), mesh, surface=True)
    return _precision_recall(whole, among_real, among_generated, k=k)


@partial(jax.jit, static_argnames="k")
def _precision_recall(
    whole: Pair, among_real: Array, among_generated: Array, *, k: int
) -> PrecisionRecall:
    x, y, w, v = whole
    enough = (_mass(x, w) > k) & (_mass(y, v) > k)
    precision, recall = _mean(among_real > 0, v), _mean(among_generated > 0, w)
    return PrecisionRecall(
        jnp.where(enough, precision, jnp.nan), jnp.where(enough, recall, jnp.nan)
    )


def density_coverage(
    real: Float[ArrayLike, "n d"],
    generated: Float[ArrayLike, "m d"],
    *,
    k: int = 5,
    sample_weight: Float[ArrayLike, " n"] | None = None,
    generated_weight: Float[ArrayLike, " m"] | None = None,
) -> DensityCoverage:
    """Density and coverage: how many real rows' balls hold generated rows, and how many hold any.

    Balls as of `precision_recall`, but of real rows alone, and without their surface, as in the
    authors' program: outliers among the generated rows then do no harm.

    Cost and memory as of `precision_recall`.

    Args:
      real: (n, d) features, n > k.
      generated: (m, d) features.
      k: which nearest neighbour. Static.
      sample_weight: (n,) how many rows each real row stands for, whole numbers; 0 is absent.
      generated_weight: (m,) the same for generated rows.

    Returns:
      A `DensityCoverage`; of equal sets both are about 1. NaN where no more than k real rows, or no
      generated ones, are present.

    Raises:
      ValueError: when shapes or options cannot be.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax import metrics
      >>> x = jnp.array([[0.0], [2.0], [4.0], [9.0]])
      >>> found = metrics.density_coverage(x, jnp.array([[1.0], [2.5]]), k=1)
      >>> float(found.density), float(found.coverage)
      (2.0, 0.75)

    References:
      Naeem et al., Reliable fidelity and diversity metrics for generative models, 2020,
      arXiv:2002.09797.
    """
    k = check_count(k, "k")
    pair = check_pair(real, generated, sample_weight, generated_weight, fewest=(k + 1, 1))
    whole, mesh = pair.whole(), pair.sharding()
    x, y, w, v = whole
    limits = _radii(pair.real, x, w, k, mesh)
    balls = _held(pair.generated, None, (x, w, limits), mesh, surface=False)
    covered = _held(pair.real, limits, (y, v, jnp.zeros_like(v)), mesh, surface=False)
    return _density_coverage(whole, balls, covered, k=k)


@partial(jax.jit, static_argnames="k")
def _density_coverage(whole: Pair, balls: Array, covered: Array, *, k: int) -> DensityCoverage:
    x, y, w, v = whole
    enough = (_mass(x, w) > k) & (_mass(y, v) > 0)
    density, coverage = _mean(balls, v) / k, _mean(covered > 0, w)
    return DensityCoverage(
        jnp.where(enough, density, jnp.nan), jnp.where(enough, coverage, jnp.nan)
    )


def _radii(
    rows: Array, x: Array, weights: Array, k: int, mesh: RowSharding | None
) -> Float[Array, " n"]:
    """Squared radius of each row's ball, on every device."""
    numbers = jnp.arange(len(x), dtype=jnp.int32)
    run = partial(radii, k=k)
    return replicate(by_rows(run, rows, numbers, (x, weights), among=mesh, out=True), mesh)


def _held(
    queries: Array,
    own: Array | None,
    others: tuple[Array, Array, Array],
    mesh: RowSharding | None,
    *,
    surface: bool,
) -> Float[Array, " m"]:
    """`held`, on every device."""
    limits = jnp.zeros(queries.shape[:1], queries.dtype) if own is None else own
    run = partial(held, surface=surface)
    return replicate(by_rows(run, queries, limits, others, among=mesh, out=True), mesh)


def _mass(x: Array, weights: Array) -> Array:
    """Σ wᵢ; NaN where a present row is not finite, of which balls would say nothing."""
    return jnp.sum(jnp.where(weights > 0, weights + 0 * jnp.sum(x, axis=1), 0))


def _mean(values: Array, weights: Array) -> Array:
    mass = jnp.sum(weights)
    return jnp.sum(weights * values.astype(weights.dtype)) / jnp.where(mass > 0, mass, 1)
