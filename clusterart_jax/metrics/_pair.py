"""Features of real and of generated pictures: what every comparison of the two begins with."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax

from .._checks import check_rows, check_weights
from .._sharding import RowSharding, over_rows, replicate, row_sharding, rows_back, spread_rows
from .._typing import Array, ArrayLike, Float


class Pair(NamedTuple):
    """Two sets of rows of one width and dtype.

    Attributes:
      real: (n, d).
      generated: (m, d).
      weights: (n,) of real rows.
      generated_weights: (m,).
    """

    real: Float[Array, "n d"]
    generated: Float[Array, "m d"]
    weights: Float[Array, " n"]
    generated_weights: Float[Array, " m"]

    def sharding(self) -> RowSharding | None:
        """The mesh that either set lies on."""
        return row_sharding(self.real) or row_sharding(self.generated)

    def whole(self) -> "Pair":
        """All of both, on every device of that mesh."""
        return Pair(*(replicate(a, self.sharding()) for a in self))


class Layout(NamedTuple):
    """Where the rows of one set lie.

    Attributes:
      mesh: the devices of either set, or None.
      split: whether these rows are spread over it; else all of them are on each device.
    """

    mesh: RowSharding | None
    split: bool

    def axis(self) -> Any:
        """Over which sums over these rows go."""
        return self.mesh.axis if self.mesh and self.split else None

    def over(self, function: Callable[..., Any], rows: int, others: int, out: Any) -> Any:
        """`over_rows` for so many arrays of these rows, then others; `out` as its `rows_out`."""
        rows_in = (self.split,) * rows + (False,) * others
        rows_out = jax.tree.map(lambda per_row: per_row and self.split, out)
        return over_rows(function, self.mesh, rows_in=rows_in, rows_out=rows_out)


def by_rows(
    run: Callable[..., Any],
    rows: Array,
    values: Array,
    others: tuple[Any, ...],
    *,
    among: RowSharding | None,
    out: Any,
) -> Any:
    """`run(rows, values, *others, layout=…)` where the rows lie, spread over CPU devices if any.

    Args:
      run: a compiled function; `layout` is static.
      rows: (n, d).
      values: (n,) one value for each, 0 for padding.
      others: arrays that each device needs whole.
      among: the mesh of either set.
      out: the form of the result: True where the first axis is rows.
    """
    spread, values, mesh = spread_rows(rows, values)
    layout = Layout(mesh, True) if mesh else Layout(among, False)
    others = jax.tree.map(partial(replicate, sharding=layout.mesh), others)
    if not layout.split:
        return run(spread, replicate(values, layout.mesh), *others, layout=layout)
    return rows_back(run(spread, values, *others, layout=layout), out, rows, layout.mesh)


def check_pair(
    real: ArrayLike,
    generated: ArrayLike,
    sample_weight: ArrayLike | None,
    generated_weight: ArrayLike | None,
    *,
    fewest: tuple[int, int],
) -> Pair:
    """The pair, where both have as many columns and at least so many rows each."""
    x, y = check_rows(real, "real"), check_rows(generated, "generated")
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"real has {x.shape[1]} columns but generated has {y.shape[1]}")
    for rows, name, least in zip((x, y), ("real", "generated"), fewest, strict=True):
        if rows.shape[0] < least:
            raise ValueError(f"{name} must have at least {least} rows, not {rows.shape[0]}")
    y = y.astype(x.dtype)
    w = check_weights(sample_weight, x)
    v = check_weights(generated_weight, y, "generated_weight")
    mesh = row_sharding(x) or row_sharding(y)  # where one set is sharded, the other goes there too
    return Pair(*(a if row_sharding(a) else replicate(a, mesh) for a in (x, y, w, v)))
