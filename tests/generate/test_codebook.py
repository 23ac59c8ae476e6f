"""The codebook against numbers worked by hand and against NumPy."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from clusterart_jax.generate._codebook import (
    Codebook,
    follow,
    quantise,
    start_codebook,
    straight_through,
)

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)


def f32(values):
    return jnp.asarray(values, jnp.float32)


def test_the_nearest_vector_stands_for_a_row_and_the_first_of_equally_near_ones():
    vectors = f32([[0, 0], [4, 0], [0, 4], [4, 0]])
    rows = f32([[1, 0], [3, 0.5], [2, 0], [4, 0], [-1, 9], [2, 2]])
    index = jax.jit(quantise)(vectors, rows)
    assert index.dtype == jnp.int32
    assert index.tolist() == [0, 1, 0, 1, 2, 0]


def test_rounding_passes_gradients_on_as_they_are():
    vectors = f32([[0.0], [1.0]])

    def cost(z):
        q = vectors[quantise(vectors, z)]
        return jnp.sum(f32([[3.0], [5.0]]) * straight_through(z, q) ** 2), q

    z = f32([[0.2], [0.9]])
    slope, q = jax.grad(cost, has_aux=True)(z)
    np.testing.assert_array_equal(q, [[0], [1]])
    # d/dz of a q² is 2 a q, as if q were z: 0 at the first, 2 · 5 · 1 at the second.
    np.testing.assert_allclose(slope, [[0], [10]])
    np.testing.assert_allclose(straight_through(z, q), q, atol=1e-7)


def test_vectors_follow_by_moving_averages_worked_by_hand():
    book = Codebook(f32([[0.0], [10.0]]), f32([0.5, 0.5]), f32([[0.0], [5.0]]))
    z = f32([[1.0], [2.0], [3.0], [8.0]])
    now, revived = follow(KEY, book, z, jnp.array([0, 0, 0, 1]), decay=0.5, revive=0.0)
    # Shares ½·½ + ½·¾ and ½·½ + ½·¼; sums ½·0 + ½·6/4 and ½·5 + ½·8/4.
    np.testing.assert_allclose(now.share, [0.625, 0.375])
    np.testing.assert_allclose(now.total, [[0.75], [3.5]])
    np.testing.assert_allclose(now.vectors, [[1.2], [28 / 3]], rtol=1e-6)
    assert float(revived) == 0


def test_many_batches_against_numpy():
    """Means of all outputs of before, whose weights fall by `decay` from batch to batch."""
    vectors = f32(RNG.normal(size=(3, 2)))
    share = f32([0.2, 0.3, 0.5])
    book = Codebook(vectors, share, share[:, None] * vectors)
    count = np.asarray(share, np.float64)
    total = count[:, None] * np.asarray(vectors, np.float64)
    step = jax.jit(partial(follow, decay=0.8, revive=0.0))
    for _ in range(6):
        z = RNG.normal(size=(20, 2)).astype(np.float32)
        near = ((z[:, None] - np.asarray(book.vectors)) ** 2).sum(axis=2).argmin(axis=1)
        index = quantise(book.vectors, jnp.asarray(z))
        np.testing.assert_array_equal(index, near)
        book, _ = step(KEY, book, jnp.asarray(z), index)
        held = np.eye(3)[near]
        count = 0.8 * count + 0.2 * held.sum(axis=0) / 20
        total = 0.8 * total + 0.2 * held.T @ z / 20
        np.testing.assert_allclose(book.share, count, rtol=1e-5)
        np.testing.assert_allclose(book.vectors, total / count[:, None], rtol=1e-4)
    assert float(jnp.sum(book.share)) == pytest.approx(1)


def test_a_vector_that_stands_for_nothing_moves_to_an_output_of_the_batch():
    book = Codebook(f32([[0.0], [99.0]]), f32([0.9, 0.06]), f32([[0.0], [5.94]]))
    z = f32([[1.0], [2.0], [3.0]])
    step = jax.jit(partial(follow, decay=0.5, revive=0.1))
    index = quantise(book.vectors, z)
    assert index.tolist() == [0, 0, 0]
    now, revived = step(KEY, book, z, index)  # 0.03 of the outputs is below 0.1 / 2
    assert float(revived) == 1
    assert float(now.vectors[1, 0]) in (1.0, 2.0, 3.0)
    np.testing.assert_allclose(now.share, [0.95, 0.5])  # a fair share: time to gain outputs
    np.testing.assert_allclose(now.vectors[0, 0], 1 / 0.95)
    again, revived = step(KEY, now, z, quantise(now.vectors, z))
    assert float(revived) == 0
    assert 1 in quantise(again.vectors, z).tolist()


def test_which_output_it_moves_to_is_a_matter_of_the_key():
    book = Codebook(f32([[0.0], [99.0]]), f32([1.0, 0.0]), f32([[0.0], [0.0]]))
    z = jnp.arange(50, dtype=jnp.float32)[:, None]
    keys = jax.random.split(KEY, 40)
    index = jnp.zeros(50, jnp.int32)
    moved = jax.vmap(lambda key: follow(key, book, z, index, decay=0.5, revive=0.1)[0])(keys)
    assert len(set(np.asarray(moved.vectors[:, 1, 0]).tolist())) > 15


def test_vectors_that_stand_for_nothing_stay_where_none_is_revived():
    book = Codebook(f32([[0.0], [99.0]]), f32([1.0, 0.0]), f32([[0.0], [0.0]]))
    now, _ = follow(KEY, book, f32([[1.0]]), jnp.array([0]), decay=0.5, revive=0.0)
    np.testing.assert_allclose(now.vectors, [[0.5], [99.0]])


def test_it_starts_from_the_centres_of_k_means():
    centers = np.array([[0, 0], [9, 0], [0, 9]])
    rows = centers[np.arange(60) % 3] + RNG.normal(scale=0.1, size=(60, 2))
    book = jax.jit(partial(start_codebook, size=3))(KEY, f32(rows))
    order = np.argsort(np.asarray(book.vectors) @ [1, 2])
    means = [rows[i::3].mean(axis=0) for i in range(3)]
    np.testing.assert_allclose(np.asarray(book.vectors)[order], means, atol=1e-5)
    np.testing.assert_allclose(book.share, [1 / 3] * 3, rtol=1e-6)
    np.testing.assert_allclose(book.total, book.vectors / 3, rtol=1e-5)


def test_more_vectors_than_outputs_are_copies_of_them():
    book = start_codebook(KEY, f32([[1.0], [2.0]]), 5)
    np.testing.assert_array_equal(book.vectors[:, 0], [1, 2, 1, 2, 1])
    np.testing.assert_allclose(jnp.sum(book.share), 1)
