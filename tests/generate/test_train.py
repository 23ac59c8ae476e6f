"""The loop: it learns, however its steps are cut it takes the same ones, and it compiles once."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from clusterart_jax.condition import encode
from clusterart_jax.generate import VAE, Schedule, init_state, train

FAMILY = VAE((4, 4, 1), n_codes=2, latent=2, width=4)
SCHEDULE = Schedule(steps=120, batch_size=8, learning_rate=1e-2)
CHUNK = 128
KEY = jax.random.key(1)

begin = jax.jit(partial(init_state, FAMILY, SCHEDULE))
error = jax.jit(lambda params, *rest: FAMILY.loss(params, (), *rest)[1][1]["error"])


@pytest.fixture(scope="module")
def problem():
    """Eleven pictures: light in one cluster, dark in the other."""
    labels = jnp.arange(11) % 2
    noise = jax.random.randint(jax.random.key(5), (11, 4, 4, 1), 0, 40)
    return (labels[:, None, None, None] * 200 + noise).astype(jnp.uint8), encode(labels, 2).codes


@pytest.fixture(scope="module")
def steps(problem):
    """(key, state, until) → (state, curves), compiled once, and how often it was traced."""
    traces = []

    @jax.jit
    def call(key, state, until):
        traces.append(1)
        return train(FAMILY, SCHEDULE, key, state, *problem, chunk=CHUNK, until=until)

    return call, traces


@pytest.fixture(scope="module")
def start(problem):
    return begin(jax.random.key(0), *problem)


def equal(one, other):
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


@pytest.mark.parametrize("cuts", [(3, 7), (5, 7), (1, 2, 3, 4, 5, 6, 7), (0, 7), (7, 7)])
def test_steps_do_not_depend_on_how_they_are_cut(steps, start, cuts):
    call, traces = steps
    whole, curves = call(KEY, start, 7)
    state, done = start, 0
    parts = {name: [] for name in curves}
    for until in cuts:
        state, part = call(KEY, state, until)
        for name, values in part.items():
            parts[name].append(np.asarray(values)[: until - done])
        done = until
    equal(state, whole)
    for name, values in curves.items():
        np.testing.assert_array_equal(np.concatenate(parts[name]), values[:7])
    assert len(traces) == 1


def test_neither_the_length_of_a_chunk_nor_of_the_call_changes_a_step(start, problem):
    """And training ends with the schedule where `until` is left out."""
    # As users compile: without optimisation, programs of other lengths round otherwise.
    optimised = {"xla_backend_optimization_level": 3}
    whole, chunked = (
        jax.jit(partial(train, FAMILY, SCHEDULE, KEY, chunk=n), compiler_options=optimised)
        for n in (CHUNK, 64)
    )
    end, curves = whole(start, *problem)
    state, first = chunked(start, *problem)
    assert int(state.step) == 64
    state, second = chunked(state, *problem)
    assert int(state.step) == 120
    equal(state, end)
    np.testing.assert_array_equal(np.concatenate([first["loss"], second["loss"]]), curves["loss"])
    assert np.isnan(second["loss"][56:]).all()


def test_steps_not_taken_are_nan_and_none_is_taken_back(steps, start):
    state, curves = steps[0](KEY, start, 5)
    assert int(state.step) == 5
    assert set(curves) == {"loss", "error", "kl"}
    for values in curves.values():
        assert values.shape == (CHUNK,)
        np.testing.assert_array_equal(np.isfinite(values), np.arange(CHUNK) < 5)
    again, nothing = steps[0](KEY, state, 2)  # `until` lies behind
    equal(again, state)
    assert np.isnan(nothing["loss"]).all()


def test_another_key_takes_other_steps(steps, start):
    state, _ = steps[0](KEY, start, 7)
    other, _ = steps[0](jax.random.key(2), start, 7)
    assert np.abs(state.params["widen"]["kernel"] - other.params["widen"]["kernel"]).max() > 0


def test_the_loss_falls_and_the_average_follows(steps, start, problem):
    state, curves = steps[0](KEY, start, 120)
    loss, errors = np.asarray(curves["loss"])[:120], np.asarray(curves["error"])[:120]
    assert loss[-10:].mean() < loss[:10].mean() - 0.5
    assert errors[-10:].mean() < errors[:10].mean() / 4
    x = problem[0].astype(jnp.float32) / 255
    first, averaged = (error(p, KEY, x, problem[1], 1.0) for p in (start.params, state.ema))
    assert averaged < first / 4


def test_the_moving_average_is_one(steps, start):
    """Of the second step, since the first has learning rate 0: 2/11 of before, 9/11 of now."""
    one, two = (steps[0](KEY, start, until)[0] for until in (1, 2))
    for old, new, ema in zip(
        *(jax.tree.leaves(tree) for tree in (one.ema, two.params, two.ema)), strict=True
    ):
        expected = 2 / 11 * np.asarray(old) + 9 / 11 * np.asarray(new)
        np.testing.assert_allclose(ema, expected, rtol=1e-5, atol=1e-7)
        assert np.abs(np.asarray(old) - np.asarray(new)).max() > 0


def test_the_learning_rate_warms_up_and_falls_to_zero():
    """Sizes of Adam's updates under a constant gradient are the learning rate itself."""
    schedule = Schedule(steps=100, batch_size=1, learning_rate=0.1)
    optimizer = schedule.adam(9.0)
    x, gradient = jnp.zeros(1, jnp.float32), jnp.ones(1, jnp.float32)
    state, sizes = optimizer.init(x), []
    with jax.numpy_dtype_promotion("standard"):
        update = jax.jit(optimizer.update)
        for _ in range(101):
            change, state = update(gradient, state, x)
            sizes.append(abs(float(change[0])))
    assert sizes[0] == 0
    assert np.argmax(sizes) == 5
    assert max(sizes) == pytest.approx(0.1, rel=1e-3)
    assert sizes[100] == pytest.approx(0, abs=1e-6)
