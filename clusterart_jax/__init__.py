"""Cluster pictures, then generate new ones from the clusters, as XLA programs.

Functions of arrays (they jit, vmap and shard):

- `kmeans`: rows → centres and labels.
- `use_cpu_cores`: one XLA device per CPU core, over which rows are then shared.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from ._sharding import use_cpu_cores as use_cpu_cores
    from .cluster import kmeans as kmeans

# Loaded when first used, so that importing the package costs next to nothing.
_HOME = {
    "kmeans": "cluster",
    "use_cpu_cores": "_sharding",
}
__all__ = ["__version__", *_HOME]  # noqa: PLE0604 - all of them are strings


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'clusterart_jax' has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
