"""Compiled programs on disk, for the next process."""

import hashlib
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import jax
from jax.experimental.compilation_cache import compilation_cache

FOLDER = "CLUSTERART_JAX_CACHE"
"""Variable of the environment: where programs are kept; empty keeps none."""

_MOST = 1024  # programs kept, of some 200 kB each


@contextmanager
def kept_on_disk() -> Iterator[None]:
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
