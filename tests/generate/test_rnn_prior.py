"""The prior of grids: its unit against automatic derivatives, its probabilities by enumeration."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax import lax

from clusterart_jax.generate._rnn_prior import Prior
from clusterart_jax.generate._rnn_unit import unit, unit_states

KEY = jax.random.key(0)


def normal(seed, *shape, dtype=jnp.float32):
    return jax.random.normal(jax.random.key(seed), shape, dtype)


def plain(start, inputs, kernel, bias):
    def step(state, inputs):
        state = unit(state, inputs, kernel, bias)
        return state, state

    return lax.scan(step, start, inputs)[1]


ARGUMENTS = tuple(
    normal(seed, *shape, dtype=jnp.float64)
    for seed, shape in enumerate([(3, 4), (5, 3, 12), (4, 12), (4,)])
)


def test_the_unit_against_numpy():
    start, inputs, kernel, bias = (np.asarray(a) for a in ARGUMENTS)
    found = np.asarray(unit_states(*ARGUMENTS))

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    h = start
    for x, now in zip(inputs, found, strict=True):
        r = sigmoid(x[:, :4] + h @ kernel[:, :4])
        u = sigmoid(x[:, 4:8] + h @ kernel[:, 4:8])
        new = np.tanh(x[:, 8:] + r * (h @ kernel[:, 8:] + bias))
        h = (1 - u) * new + u * h
        np.testing.assert_allclose(now, h, rtol=1e-9)


@pytest.mark.parametrize("which", range(4))
def test_derivatives_of_the_states_are_those_of_the_steps(which):
    def cost(function, value):
        arguments = (*ARGUMENTS[:which], value, *ARGUMENTS[which + 1 :])
        return jnp.sum(jnp.sin(function(*arguments)))

    mine, theirs = (
        jax.jit(jax.grad(partial(cost, function)))(ARGUMENTS[which])
        for function in (unit_states, plain)
    )
    np.testing.assert_allclose(mine, theirs, rtol=1e-8, atol=1e-12)
    assert np.abs(mine).max() > 1e-3


class Tiny:
    """A prior of random parameters over 2 by 2 cells of 3 vectors, and all 81 grids of it."""

    def __init__(self, grid=(2, 2), size=3):
        rng = np.random.default_rng(0)

        def make():
            return Prior(grid, 2, size, 6, 2, compute="float32", rngs=nnx.Rngs(0))

        def fill(leaf):
            return jnp.asarray(0.7 * rng.normal(size=leaf.shape), jnp.float32)

        # Larger ones than training starts from, so that what lies before makes a difference.
        graph, state = nnx.split(nnx.eval_shape(make))
        self.prior = nnx.merge(graph, jax.tree.map(fill, state))
        self.vectors = normal(1, size, 2)
        self.grids = np.array(list(itertools.product(range(size), repeat=grid[0] * grid[1])))
        self.grid = grid

    def probabilities(self, code):
        index = jnp.asarray(self.grids, jnp.int32).reshape(-1, *self.grid)
        codes = jnp.tile(jnp.asarray(code, jnp.float32)[None], (len(self.grids), 1))
        nats = jax.jit(self.prior.nats)(self.vectors[index], index, codes)
        return np.exp(-np.asarray(nats, np.float64))

    def drawn(self, code, m, temperature, **options):
        codes = jnp.tile(jnp.asarray(code, jnp.float32)[None], (m, 1))
        draw = jax.jit(partial(self.prior.draw, temperature=temperature, **options))
        return np.asarray(draw(jax.random.split(KEY, m), codes, self.vectors)).reshape(m, -1)


@pytest.fixture(scope="module")
def tiny():
    return Tiny()


@pytest.mark.parametrize("grid", [(2, 2), (4, 1), (1, 1), (1, 10)])
def test_probabilities_of_all_grids_sum_to_one(grid):
    """They would not if a place were told of itself or of what comes after it.

    In a row of ten, places are not told of all to their left.
    """
    found = Tiny(grid, 2 if grid[1] == 10 else 3).probabilities([0.0, 1.0])
    assert found.sum() == pytest.approx(1, abs=1e-5)
    assert found.max() > 2 * found.min()


def test_probabilities_depend_on_the_code_and_on_what_lies_before(tiny):
    one, other = (tiny.probabilities(code) for code in ([1.0, 0.0], [0.0, 1.0]))
    assert np.abs(one - other).sum() > 0.05
    # Were places independent, the joint table would be the product of its margins.
    joint = one.reshape(3, 3, 3, 3).sum(axis=(2, 3))
    assert np.abs(joint - joint.sum(axis=1)[:, None] * joint.sum(axis=0)).max() > 1e-3
    above = one.reshape(3, 3, 3, 3).sum(axis=(1, 3))
    assert np.abs(above - above.sum(axis=1)[:, None] * above.sum(axis=0)).max() > 1e-3


def greedy(table):
    """The likeliest index at each place, given those chosen before."""
    chosen = ()
    while table.ndim:
        margin = table.sum(axis=tuple(range(1, table.ndim)))
        chosen = (*chosen, int(margin.argmax()))
        table = table[chosen[-1]]
    return chosen


@pytest.mark.parametrize(("grid", "code"), [((3, 3), [1.0, 0.0]), ((1, 10), [0.5, 0.5])])
def test_at_temperature_0_the_likeliest_is_chosen_at_each_place(grid, code):
    tiny = Tiny(grid, 2)
    expected = greedy(tiny.probabilities(code).reshape([2] * (grid[0] * grid[1])))
    assert {tuple(row) for row in tiny.drawn(code, 20, 0.0)} == {expected}


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_draws_are_as_frequent_as_they_are_probable(tiny, temperature):
    code, m = [1.0, 0.0], 20_000
    table = tiny.probabilities(code).reshape(3, 3, 3, 3)
    drawn = tiny.drawn(code, m, temperature)

    def sharp(p, axis):
        p = p ** (1 / temperature)
        return p / p.sum(axis=axis, keepdims=True)

    # Of the first place, and of the last given the other three.
    first = sharp(table.sum(axis=(1, 2, 3)), 0)
    np.testing.assert_allclose(np.bincount(drawn[:, 0], minlength=3) / m, first, atol=0.015)
    last = sharp(table, 3)
    before = np.ravel_multi_index(drawn[:, :3].T, (3, 3, 3))
    common = np.bincount(before, minlength=27).argmax()
    found = np.bincount(drawn[before == common, 3], minlength=3) / (before == common).sum()
    np.testing.assert_allclose(found, last.reshape(27, 3)[common], atol=0.05)


def test_guidance_divides_by_what_code_and_rivals_say_together(tiny):
    """Place after place p(i | c)³ / p(i)², where p(i) is a mixture that knows the places before."""
    m = 20_000
    own, rival = (tiny.probabilities(c).reshape(3, 3, 3, 3) for c in ([1.0, 0.0], [0.0, 1.0]))

    def conditional(p):
        return p / p.sum(axis=-1, keepdims=True)

    expected = np.ones(())
    for place in range(4):
        a, b = (p.sum(axis=tuple(range(place + 1, 4))) for p in (own, rival))
        guided = conditional(a) ** 3 / conditional(a + 0.5 * b) ** 2
        expected = expected[..., None] * conditional(guided)
    assert np.abs(expected - own).max() > 0.05
    rivals = jnp.tile(jnp.asarray([[0.0, 1.0], [0.3, 0.3]], jnp.float32)[None], (m, 1, 1))
    weights = jnp.tile(jnp.asarray([0.5, 0.0], jnp.float32)[None], (m, 1))
    drawn = tiny.drawn([1.0, 0.0], m, 1.0, guidance=2.0, rivals=rivals, weights=weights)
    found = np.bincount(np.ravel_multi_index(drawn.T, (3, 3, 3, 3)), minlength=81) / m
    np.testing.assert_allclose(found, expected.ravel(), atol=0.015)


def test_each_row_is_drawn_from_its_own_key(tiny):
    keys, codes = jax.random.split(KEY, 9), jnp.tile(jnp.eye(2, dtype=jnp.float32), (5, 1))[:9]
    draw = partial(tiny.prior.draw, vectors=tiny.vectors, temperature=1.0)
    whole = jax.jit(draw)(keys, codes)
    part = jax.jit(draw)(keys[4:6], codes[4:6])
    np.testing.assert_array_equal(whole[4:6], part)
