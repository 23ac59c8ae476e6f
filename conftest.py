"""JAX as a user finds it, for the examples in docstrings and for tests that ask for it."""

import os
from collections.abc import Iterator

import pytest

os.environ.setdefault("MPLBACKEND", "Agg")  # before the first plot: no test needs a screen


@pytest.fixture
def plain_jax() -> Iterator[None]:
    """32 bits and JAX's own promotion rules, as in a fresh process."""
    import jax

    with (
        jax.enable_x64(False),
        jax.numpy_dtype_promotion("standard"),
        jax.numpy_rank_promotion("allow"),
    ):
        yield


@pytest.fixture(autouse=True)
def _plain_examples(request: pytest.FixtureRequest) -> None:
    if isinstance(request.node, pytest.DoctestItem):
        request.getfixturevalue("plain_jax")
