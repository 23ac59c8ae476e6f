"""Inception Score: how sure a classifier is of each picture, and how many classes it sees."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from .._checks import check_count, check_rows, check_weights
from .._linalg import block_size, fold_rows, group_sums, total
from .._sharding import RowSharding, over_rows, rows_back, spread_rows
from .._typing import Array, ArrayLike, Float


class InceptionScore(NamedTuple):
    """Inception Score over some splits of the pictures.

    Attributes:
      mean: from 1 (all pictures alike, or none sure) to the number of classes.
      std: standard deviation over the splits.
    """

    mean: Float[Array, ""]
    std: Float[Array, ""]


def inception_score(
    probabilities: Float[ArrayLike, "n c"],
    *,
    splits: int = 10,
    sample_weight: Float[ArrayLike, " n"] | None = None,
) -> InceptionScore:
    """exp(mean KL(p(class | picture) ‖ p(class))), p(class) the mean over the pictures of a split.

    Splits are equal runs of the rows in their order, as torch-fidelity cuts them: shuffle rows that
    are sorted by class. It grows with the number of rows in a split.

    Cost O(n c); peak extra memory O(splits · c) and a block of rows. Rows may be sharded.

    Args:
      probabilities: (n, c) of each class for each picture, rows summing up to 1; from logits by
        `jax.nn.softmax`.
      splits: how many, at most n. Static.
      sample_weight: (n,) how many rows each row stands for; 0 is absent.

    Returns:
      An `InceptionScore`.

    Raises:
      ValueError: when shapes or options cannot be.

    Example:
      >>> import jax.numpy as jnp
      >>> from clusterart_jax import metrics
      >>> round(float(metrics.inception_score(jnp.eye(4), splits=1).mean), 4)
      4.0

    References:
      Salimans et al., Improved techniques for training GANs, 2016, arXiv:1606.03498.
    """
    p = check_rows(probabilities, "probabilities")
    check_count(splits, "splits", high=p.shape[0])
    rows, weights, sharding = spread_rows(p, check_weights(sample_weight, p))
    found = _score(rows, weights, splits=int(splits), sharding=sharding)
    return rows_back(found, InceptionScore(*_NO_ROWS), p, sharding)


_NO_ROWS: Any = (False, False)


@partial(jax.jit, static_argnames=("splits", "sharding"))
def _score(
    p: Array, weights: Array, *, splits: int, sharding: RowSharding | None
) -> InceptionScore:
    axis = None if sharding is None else sharding.axis
    solve = partial(_solve, splits=splits, axis=axis)
    return over_rows(solve, sharding, rows_in=(True, True), rows_out=InceptionScore(*_NO_ROWS))(
        p, weights
    )


def _solve(p: Array, weights: Array, *, splits: int, axis: Any) -> InceptionScore:
    part = _parts(weights, splits, axis)

    def step(sums: Array, valid: Array, p: Array, part: Array, w: Array) -> tuple[Array, tuple[()]]:
        rows = jnp.concatenate([p, _entropy(p)[:, None], jnp.ones_like(p[:, :1])], axis=1)
        return sums + group_sums(rows, part, jnp.where(valid, w, 0), splits), ()

    zeros = jnp.zeros((splits, p.shape[1] + 2), p.dtype)
    block = block_size(p.shape[0], 2 * p.shape[1])
    sums = total(fold_rows(step, zeros, (p, part, weights), block=block)[0], axis)
    mass = sums[:, -1:]
    means = jnp.where(mass > 0, sums / jnp.where(mass > 0, mass, 1), jnp.nan)
    # The mean divergence is the entropy of the mean less the mean entropy.
    scores = jnp.exp(_entropy(means[:, :-2]) - means[:, -2])
    return InceptionScore(jnp.mean(scores), jnp.std(scores))


def _entropy(p: Float[Array, "n c"]) -> Float[Array, " n"]:
    held = ~(p <= 0)  # and where it is no number, so that the score is none
    return -jnp.sum(jnp.where(held, p * jnp.log(jnp.where(held, p, 1)), 0), axis=1)


def _parts(weights: Array, splits: int, axis: Any) -> Array:
    """The split of each row: runs of equal weight."""
    ends = jnp.cumsum(weights)
    whole = ends[-1]
    if axis is not None:
        masses = lax.all_gather(whole, axis)
        before = jnp.cumsum(masses)[lax.axis_index(axis)] - whole
        ends, whole = ends + before, jnp.sum(masses)
    # A run's last row lies on its end: rounding must not carry it over.
    share = ends * splits / jnp.where(whole > 0, whole, 1) * (1 - 4 * jnp.finfo(weights.dtype).eps)
    return jnp.clip(jnp.ceil(share).astype(jnp.int32) - 1, 0, splits - 1)
