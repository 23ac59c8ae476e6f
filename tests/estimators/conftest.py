"""How tests of estimators run: scikit-learn's fixtures, and programs that compile quickly."""

from collections.abc import Iterator
from unittest import mock

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from clusterart_jax.estimators import _programs


@pytest.fixture(autouse=True, scope="module")
def quick_programs() -> Iterator[None]:
    """These tests run many small programs once: compiling them is nearly all of their time.

    And threads of OpenBLAS that wait for a busy core make small factorisations a hundred times
    slower.
    """
    options = _programs._quick_start()
    with mock.patch.dict(options, xla_backend_optimization_level=0), threadpool_limits(1, "blas"):
        yield


@pytest.fixture
def global_random_seed() -> int:
    """The seed that scikit-learn's own tests run with where they are not told otherwise."""
    return 42


@pytest.fixture(params=[np.float32, np.float64], ids=["float32", "float64"])
def global_dtype(request: pytest.FixtureRequest) -> type:
    return request.param


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what a module's function `excepted` names."""
    asks = [getattr(getattr(item, "module", None), "excepted", None) for item in items]
    left_out = [item for item, ask in zip(items, asks, strict=True) if ask and ask(item)]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)
