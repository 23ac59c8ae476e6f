"""Places of sorted numbers, and the least of many candidates, beside NumPy's."""

import jax
import jax.numpy as jnp
import numpy as np

from clusterart_jax.cluster._least import GROUP, pick
from clusterart_jax.cluster._sorting import sort_floats, sort_places


def test_floats_and_whole_numbers_in_a_stable_order(dtype):
    rng = np.random.default_rng(0)
    values = np.concatenate(
        [
            rng.normal(size=300),
            rng.integers(-3, 3, 300),
            [0.0, -0.0, np.inf, -np.inf, 1e-30, -1e-30],
        ]
    )
    values = rng.permutation(np.append(values, [-0.0, 0.0])).astype(dtype)
    expected = np.argsort(values, kind="stable")
    np.testing.assert_array_equal(jax.jit(sort_floats)(values), expected)
    whole = rng.integers(-(2**31), 2**31, 500, dtype=np.int64).astype(np.int32) // 2**24
    keys, order = jax.jit(sort_places)(whole)
    np.testing.assert_array_equal(order, np.argsort(whole, kind="stable"))
    np.testing.assert_array_equal(keys, np.sort(whole))


def test_candidates_come_in_order_the_first_of_equal_ones_first(dtype):
    rng = np.random.default_rng(1)
    raw = rng.integers(0, 9, (5, GROUP, 2, 3)).astype(dtype)
    raw[4] = np.inf
    first = np.broadcast_to(100 * np.arange(5, dtype=np.int32)[:, None], (5, 6))
    least, taken = jnp.min(raw, axis=1).reshape(5, 6), jnp.zeros((5, 6), jnp.int32)
    found = []
    for _ in range(4 * GROUP):
        value, number, least, taken = jax.jit(pick)(raw, least, taken, first)
        found.append((value, number))
    flat = raw.reshape(5 * GROUP, 6)
    order = np.argsort(flat, axis=0, kind="stable")[: 4 * GROUP]
    values, numbers = map(np.array, zip(*found, strict=True))
    np.testing.assert_array_equal(values, np.take_along_axis(flat, order, axis=0))
    np.testing.assert_array_equal(numbers, 100 * (order // GROUP) + order % GROUP)
    assert np.isinf(least).all()
