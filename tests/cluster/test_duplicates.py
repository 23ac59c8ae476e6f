"""Sorting with places, and rows that are there several times."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from clusterart_jax.cluster import _duplicates
from clusterart_jax.cluster._duplicates import first_of_equal
from clusterart_jax.cluster._sorting import _packed, _pairs, sort_places


@pytest.mark.parametrize("sort", [sort_places, _packed, _pairs])
def test_equal_keys_keep_their_order(sort):
    keys = np.random.default_rng(0).integers(-40, 40, 500).astype(np.int32)
    keys[:4] = [np.iinfo(np.int32).min, np.iinfo(np.int32).max, 0, -1]
    order = np.argsort(keys, kind="stable")
    found = jax.jit(sort)(keys)
    np.testing.assert_array_equal(found[0], keys[order])
    np.testing.assert_array_equal(found[1], order)
    assert found[0].dtype == found[1].dtype == jnp.int32


def first_by_hand(x, present):
    seen = {}
    return [
        seen.setdefault(tuple(row), i) if there else i
        for i, (row, there) in enumerate(zip(x.tolist(), present.tolist(), strict=True))
    ]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_first_of_equal_rows(dtype):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 4, (300, 3)).astype(dtype)
    present = rng.random(300) < 0.8
    found = jax.jit(first_of_equal)(jnp.asarray(x), jnp.asarray(present))
    assert found.tolist() == first_by_hand(x, present)


def test_rows_that_are_there_once():
    x = jnp.asarray(np.random.default_rng(0).random((100, 2)))
    assert first_of_equal(x, jnp.ones(100, bool)).tolist() == list(range(100))


def test_different_rows_of_one_number_stay_apart(monkeypatch):
    monkeypatch.setattr(_duplicates, "_mixed", lambda x: jnp.zeros(len(x), jnp.int32))
    x = jnp.array([[1.0], [1.0], [2.0], [1.0], [2.0], [2.0]])
    found = first_of_equal(x, jnp.ones(6, bool))
    assert found.tolist() == [0, 0, 2, 3, 4, 4]
