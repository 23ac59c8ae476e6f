"""Gradients of a fixed point: of what an iteration ends at, not of the iterations."""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.sparse.linalg import bicgstab

Params = TypeVar("Params")


def implicit_fixed_point(
    step: Callable[[Params, Any], Params],
    found: Params,
    data: Any,
    *,
    tol: float = 1e-12,
    max_iter: int = 400,
) -> Params:
    """The fixed point p = step(p, data), found already, with its derivatives by `data`.

    Differentiating p(data) = step(p(data), data) gives dp = ∂step/∂p · dp + ∂step/∂data · ddata.
    The linear system (I − ∂step/∂p) dp = … is solved by BiCGSTAB, and its transpose for gradients;
    it is never formed, and a product with it costs about as much as two steps. Forward and reverse
    mode both work, and neither stores iterations.

    Memory: a few copies of the parameters. Where `found` is no fixed point, these are the
    derivatives that a fixed point there would have.

    Args:
      step: maps (parameters, data) to parameters. What it closes over must not be traced: pass
        all arrays in `data`.
      found: a tree of floating arrays; where the iteration ended.
      data: a tree of arrays by which to differentiate; integers among them have no derivative.
      tol: residual, relative to the right side, at which the linear solver stops; what the dtype
        can hold at least.
      max_iter: iterations of the solver at most, of two products each.

    Returns:
      `found`, unchanged.

    Source: implicit function theorem; as in arXiv:2105.15183.
    """
    eps = float(jnp.finfo(jnp.result_type(*jax.tree.leaves(found))).eps)
    tol = max(tol, 10 * eps)

    def solve(matvec: Callable[[Params], Params], right: Params) -> Params:
        return bicgstab(matvec, right, tol=tol, maxiter=max_iter)[0]

    @jax.custom_jvp
    def fixed_point(found: Params, data: Any) -> Params:
        return found

    @fixed_point.defjvp
    def fixed_point_jvp(primals: Any, tangents: Any) -> tuple[Params, Params]:
        found, data = primals
        right = jax.jvp(lambda data: step(found, data), (data,), (tangents[1],))[1]

        def matvec(v: Params) -> Params:
            pushed = jax.jvp(lambda p: step(p, data), (found,), (v,))[1]
            return jax.tree.map(jnp.subtract, v, pushed)

        return found, lax.custom_linear_solve(matvec, right, solve, transpose_solve=solve)

    return fixed_point(jax.tree.map(lax.stop_gradient, found), data)
