"""An order of rows, computed row by row: always a permutation, another one for another key."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clusterart_jax.generate import rows_of, shuffled


@partial(jax.jit, static_argnums=1)
def whole(key, n):
    return shuffled(key, jnp.arange(n, dtype=jnp.int32), n)


def order(seed, n):
    return np.asarray(whole(jax.random.key(seed), n))


@settings(max_examples=10, deadline=None)
@given(n=st.integers(1, 5000), seed=st.integers(0, 2**32 - 1))
def test_every_row_stands_at_one_place(n, seed):
    np.testing.assert_array_equal(np.sort(order(seed, n)), np.arange(n))


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 15, 16, 17, 64, 65, 256, 257])
def test_every_row_stands_at_one_place_about_the_powers_of_four(n):
    np.testing.assert_array_equal(np.sort(order(7, n)), np.arange(n))


def test_another_key_is_another_order_and_the_same_key_the_same():
    np.testing.assert_array_equal(order(1, 1000), order(1, 1000))
    assert np.mean(order(1, 1000) == order(2, 1000)) < 0.02


def test_rows_land_anywhere():
    """Over many keys each row is as often at a place as any other: 5 by 5 counts near the mean."""
    n, keys = 5, 4000
    places = jnp.arange(n, dtype=jnp.int32)
    draw = jax.jit(jax.vmap(lambda key: shuffled(key, places, n)))
    many = draw(jax.random.split(jax.random.key(0), keys))
    counts = np.stack([np.bincount(column, minlength=n) for column in np.asarray(many).T])
    expected = keys / n
    assert np.abs(counts - expected).max() < 6 * np.sqrt(expected)


@pytest.mark.parametrize(("n", "batch"), [(10, 5), (11, 4), (3, 8), (7, 7), (1, 2)])
def test_each_epoch_sees_each_row_and_has_an_order_of_its_own(n, batch):
    rows = jax.jit(rows_of, static_argnums=(2, 3))
    key = jax.random.key(3)
    epochs = []
    for epoch in range(2):
        turns = -(-n // batch)
        batches = [rows(key, jnp.int32(epoch * turns + turn), batch, n) for turn in range(turns)]
        assert all(b.shape == (batch,) for b in batches)
        seen = np.concatenate(batches)
        np.testing.assert_array_equal(np.sort(seen[:n]), np.arange(n))  # each once
        np.testing.assert_array_equal(seen[n:], np.resize(seen[:n], len(seen))[n:])  # then again
        epochs.append(seen[:n].tolist())
    if n > 3:
        assert epochs[0] != epochs[1]
