"""Programs for few rows: compiled for a quick start, and kept on disk for the next process."""

import hashlib
import math
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.experimental.compilation_cache import compilation_cache

FEW = 8192
"""Rows up to which draws depend neither on the order of rows nor on a row written twice."""

FEW_NUMBERS = 2**22
"""The same, in numbers: rows times columns."""

FOLDER = "CLUSTERART_JAX_CACHE"
"""Variable of the environment: where programs are kept; empty keeps none."""

_MOST = 256  # programs kept, of some 200 kB each


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
    with _kept_on_disk():
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


@contextmanager
def _kept_on_disk() -> Iterator[None]:
    """JAX's own cache of compiled programs, for what is compiled inside, in a folder of ours.

    Where the user has set such a cache, that one is used; where the folder cannot be written to,
    none is.
    """
    config: Any = jax.config
    folder = None if config.jax_compilation_cache_dir else _folder()
    if folder is None or not config.jax_enable_compilation_cache:
        yield
        return
    ours = {
        "jax_compilation_cache_dir": str(folder),
        "jax_persistent_cache_min_compile_time_secs": 0.1,
        "jax_persistent_cache_min_entry_size_bytes": 0,
    }
    before = {name: getattr(config, name) for name in ours}
    try:
        _set(ours)
        yield
    finally:
        _set(before)


def _set(options: dict[str, Any]) -> None:
    for name, value in options.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()  # it looks at them once


@cache
def _folder() -> Path | None:
    """The folder for programs of this kind of processor, made and cleared of the oldest."""
    chosen = os.environ.get(FOLDER)
    if chosen == "":
        return None
    try:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        folder = (Path(chosen) if chosen else home / "clusterart_jax") / _processor()
        # What lies there is run: nobody else may write to it.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        programs = sorted(folder.glob("*-cache"), key=lambda path: path.stat().st_mtime)
        for old in programs[:-_MOST]:
            old.unlink(missing_ok=True)
    except (OSError, RuntimeError):  # no home, no room, no right to
        return None
    return folder if os.access(folder, os.W_OK) else None


def _processor() -> str:
    """A name for the instructions that programs may use: homes are shared between machines."""
    text = platform.machine() + platform.processor()
    with suppress(OSError), Path("/proc/cpuinfo").open() as lines:
        text += next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return hashlib.sha256(text.encode()).hexdigest()[:16]
