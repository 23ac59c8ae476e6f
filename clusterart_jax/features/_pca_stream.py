"""PCA of rows that come in batches, for data that no memory holds."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .._checks import check_count, check_rows, check_weights
from .._linalg import mean_variance, total, weighted_mean
from .._qr import factor
from .._sharding import RowSharding, over_rows, replicate, rows_back, spread_rows
from .._typing import Array, ArrayLike, Float
from ._pca import state_of, whitened
from ._pca_state import PCAState
from ._spread import check_width


class PCASums(NamedTuple):
    """What is kept of the rows seen so far; starts as `PCASums.empty(d)`.

    Attributes:
      mass: Σ wᵢ.
      mean: (d,) weighted mean row.
      factor: (r, d) F with FᵀF = Σ wᵢ (xᵢ − mean)(xᵢ − mean)ᵀ: exactly where r = d, else the
        closest of that rank to the batch and what was kept before it.
      spread: Σ wᵢ |xᵢ − mean|², exact for any r.
    """

    mass: Float[Array, ""]
    mean: Float[Array, " d"]
    factor: Float[Array, "r d"]
    spread: Float[Array, ""]

    @classmethod
    def empty(cls, d: int, *, rank: int | None = None, dtype: Any = float) -> "PCASums":
        """Sums of no rows.

        Args:
          d: number of columns.
          rank: r, how many directions are kept; None keeps all d, which is exact and takes
            O(d²) memory. For m components of many columns, 2 m lose little.
          dtype: of the sums, float32 or float64; batches are cast to it.
        """
        d = check_count(d, "d")
        r = d if rank is None else check_count(rank, "rank", high=d)
        rows = check_rows(jnp.zeros((r, d), dtype))
        return cls(rows[0, 0], rows[0], rows, rows[0, 0])

    def state(self, n_components: int, *, whiten: bool = False) -> PCAState:
        """The principal components of the rows seen so far.

        Args:
          n_components: between 1 and r. Static.
          whiten: coordinates then have unit variance. Static.
        """
        m = check_count(n_components, "n_components", high=len(self.factor))
        _, values, components = jnp.linalg.svd(self.factor, full_matrices=False)
        state = state_of(self.mass, self.mean, self.spread, values[:m] ** 2, components[:m])
        return whitened(state) if whiten else state


def pca_update(
    sums: PCASums,
    x: Float[ArrayLike, "n d"],
    *,
    sample_weight: Float[ArrayLike, " n"] | None = None,
) -> PCASums:
    """Takes in a batch of rows: incremental PCA.

    Exact, like PCA of all rows at once, where `sums` keeps all directions; otherwise by the
    incremental singular value decomposition. Works under `jit`, in `lax.scan`, and on sharded
    rows; two streams may be merged by their weights only through their rows.

    Cost O(n d²) for all directions, else O((n + r) d min(n + r, d)); peak extra memory O(d²), or
    O((n + r) d).

    Args:
      sums: of the rows before.
      x: rows (n, d).
      sample_weight: (n,) weights ≥ 0, as if each row stood there so many times.

    Returns:
      The sums with these rows; `.state(m)` gives a `PCAState`.

    Raises:
      ValueError: when shapes do not fit.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax.features import PCASums, pca_update
      >>> sums = PCASums.empty(2)
      >>> for batch in ([[0.0, 0.0], [1.0, 1.0]], [[2.0, 2.0]]):
      ...     sums = pca_update(sums, jnp.array(batch))
      >>> [round(value, 3) for value in sums.state(1).components[0].tolist()]
      [0.707, 0.707]

    References:
      Ross, Lim, Lin and Yang, Incremental learning for robust visual tracking, 2008,
      doi:10.1007/s11263-007-0075-7.
    """
    x = check_width(x, len(sums.mean)).astype(sums.mean.dtype)
    weights = check_weights(sample_weight, x)
    rows, weights, sharding = spread_rows(x, weights)
    sums = jax.tree.map(partial(replicate, sharding=sharding), sums)
    updated = _update(sums, rows, weights, sharding=sharding)
    return rows_back(updated, _ROWS_OUT, x, sharding)


_ROWS_OUT = PCASums._make(False for _ in PCASums._fields)


@partial(jax.jit, static_argnames="sharding")
def _update(sums: PCASums, x: Array, weights: Array, *, sharding: RowSharding | None) -> PCASums:
    axis = None if sharding is None else sharding.axis
    solve = partial(_merge, axis=axis)
    return over_rows(solve, sharding, rows_in=(False, True, True), rows_out=_ROWS_OUT)(
        sums, x, weights
    )


def _merge(sums: PCASums, x: Array, weights: Array, *, axis: Any) -> PCASums:
    r, d = sums.factor.shape
    mean = weighted_mean(x, weights, axis)
    mass = total(jnp.sum(weights), axis)
    both = sums.mass + mass
    share = mass / jnp.where(both > 0, both, 1)
    shift = mean - sums.mean
    between = sums.mass * share  # weight of the square of the shift
    rows = factor(x, weights, lambda: mean[None], axis)
    rows = jnp.concatenate([sums.factor, rows, jnp.sqrt(between) * shift[None]])
    if r == d:
        kept = jnp.linalg.qr(rows, mode="r")
    else:
        _, values, axes = jnp.linalg.svd(rows, full_matrices=False)
        kept = values[:r, None] * axes[:r]
    spread = mean_variance(x, weights, mean, axis) * d * mass
    spread = sums.spread + spread + between * jnp.sum(shift**2)
    return PCASums(both, sums.mean + share * shift, kept, spread)
