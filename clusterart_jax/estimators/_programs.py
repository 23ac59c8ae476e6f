"""Programs for few rows: compiled for a quick start, and kept on disk for the next process."""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import numpy as np

from .._kept import kept_on_disk

FEW = 8192
"""Rows up to which draws depend neither on the order of rows nor on a row written twice."""

FEW_NUMBERS = 2**22
"""The same, in numbers: rows times columns."""


def compute(function: Callable[..., Any], *args: Any, dtype: Any, **options: Any) -> Any:
    """Calls a core function in a precision; results are NumPy's, to be written to.

    Whatever `jax_enable_x64` says. Of few rows, words and whole numbers fix the program, which is
    compiled for a quick start; arrays and other numbers are its input.
    """
    with jax.enable_x64(np.dtype(dtype) == np.float64):
        leaves, tree = jax.tree.flatten((args, options))
        shapes = [a.shape for a in leaves if isinstance(a, np.ndarray)]
        if any(s and (s[0] > FEW or math.prod(s) > 2 * FEW_NUMBERS) for s in shapes):
            return jax.tree.map(np.array, function(*args, **options))
        fixed = tuple(None if _is_input(a) else a for a in leaves)
        inputs = [a for a in leaves if _is_input(a)]
        kinds = tuple(jax.typeof(a) for a in inputs)
        return jax.tree.map(np.array, _program(function, tree, fixed, kinds)(inputs))


def _is_input(leaf: Any) -> bool:
    return isinstance(leaf, np.ndarray | np.generic | jax.Array | float)


@cache
def _program(
    function: Callable[..., Any], tree: Any, fixed: tuple[Any, ...], kinds: tuple[Any, ...]
) -> Any:
    def run(inputs: list[Any]) -> Any:
        rest = iter(inputs)
        leaves = [next(rest) if a is None else a for a in fixed]
        args, options = jax.tree.unflatten(tree, leaves)
        return function(*args, **options)

    lowered = jax.jit(run, compiler_options=_quick_start()).lower(list(kinds))
    with kept_on_disk():
        return lowered.compile()


@cache
def _quick_start() -> dict[str, Any]:
    """What halves the time that compiling takes on a CPU, and costs a small program nothing."""
    options = {"xla_cpu_use_fusion_emitters": False, "xla_backend_optimization_level": 1}
    if jax.default_backend() != "cpu":
        return {}
    try:
        jax.jit(lambda: 0, compiler_options=options)()
    except jax.errors.JaxRuntimeError:  # another version of XLA, which knows them not
        return {}
    return options
