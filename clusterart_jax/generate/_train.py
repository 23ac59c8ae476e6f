"""The one training loop: many steps in one compiled program, the same in pieces as in one go."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax
from jax.sharding import NamedSharding

from .._typing import Array, Float, Int, KeyArray, PyTree, UInt8
from ._family import Learner, Logs
from ._schedule import Schedule
from ._shuffle import shuffled


class TrainState(NamedTuple):
    """All that training carries from step to step; saved whole, it resumes bit for bit.

    Attributes:
      params: parameters being trained.
      ema: their moving average, which samples are drawn with.
      memory: what the family keeps beside them.
      opt_state: of the optimiser.
      step: steps done, int32.
    """

    params: PyTree
    ema: PyTree
    memory: PyTree
    opt_state: PyTree
    step: Int[Array, ""]


def init_state(
    family: Learner,
    schedule: Schedule,
    key: KeyArray,
    images: UInt8[Array, "n h w c"],
    codes: Float[Array, "n n_codes"],
) -> TrainState:
    """Training that has not begun, of pictures with codes as in `train`."""
    fresh, start = jax.random.split(key)
    params, memory = family.start(start, family.init(fresh), images, codes)
    ema = jax.tree.map(jnp.copy, params)
    return TrainState(params, ema, memory, family.optimizer(schedule).init(params), jnp.int32(0))


def train(
    family: Learner,
    schedule: Schedule,
    key: KeyArray,
    state: TrainState,
    images: UInt8[Array, "n h w c"],
    codes: Float[Array, "n n_codes"],
    *,
    chunk: int,
    until: Int[Array, ""] | int | None = None,
    sharding: NamedSharding | None = None,
) -> tuple[TrainState, dict[str, Float[Array, " chunk"]]]:
    """Up to `chunk` further steps, as one compiled loop.

    Step i draws all its randomness from `key` and i, so steps do not depend on how they are cut
    into chunks. Each epoch sees every picture once, in an order of its own.

    Args:
      family: what to train. Static.
      schedule: static.
      key: the same for all chunks of one training.
      state: from `init_state` or the chunk before.
      images: (n, h, w, c), on the device as they are.
      codes: (n, n_codes).
      chunk: length of the loss curves. Static.
      until: step at which to stop; traced, so that a short last chunk compiles nothing new.
      sharding: how the pictures of a step lie over devices, (b, …), of a mesh whose axes are
        `AxisType.Auto`; all else is on each of them. Static.

    Returns:
      The next state, and for each part of the loss its value at each step (chunk,); NaN for steps
      that were not taken.
    """
    n = images.shape[0]

    def batch(state: TrainState, i: Array) -> tuple[Array, Array]:
        rows = rows_of(key, state.step, schedule.batch_size, n)
        return images[rows], family.codes_of(state.memory, codes)[rows]

    def revise(state: TrainState) -> TrainState:
        if not family.revise_every:
            return state
        chance = jax.random.fold_in(jax.random.fold_in(key, 2), state.step)
        memory = lax.cond(
            state.step % family.revise_every == 0,
            lambda: family.revise(chance, state.params, state.memory, images, codes),
            lambda: state.memory,
        )
        return state._replace(memory=memory)

    last = schedule.steps if until is None else until
    count = jnp.clip(jnp.asarray(last, jnp.int32) - state.step, 0, chunk)
    return _steps(family, schedule, key, state, batch, revise, chunk, count, sharding)


def train_batches(
    family: Learner,
    schedule: Schedule,
    key: KeyArray,
    state: TrainState,
    images: UInt8[Array, "s b h w c"],
    codes: Float[Array, "s b n_codes"],
    *,
    count: Int[Array, ""] | int | None = None,
    sharding: NamedSharding | None = None,
) -> tuple[TrainState, dict[str, Float[Array, " s"]]]:
    """The steps of `train`, of pictures that were fetched for them, since not all fit in memory.

    With the pictures that `rows_of` names these are the same steps. Families that look at all
    pictures again while they train (`revise_every`) do not do so here.

    Args:
      family: what to train. Static.
      schedule: static.
      key: as in `train`.
      state: from `init_state` or the steps before.
      images: (s, b, h, w, c), the pictures of s steps.
      codes: (s, b, n_codes).
      count: steps to take, at most and where None all s.
      sharding: as in `train`. Static.

    Returns:
      As `train`, with curves (s,).
    """
    size = images.shape[0]

    def batch(state: TrainState, i: Array) -> tuple[Array, Array]:
        return images[i], codes[i]

    steps = jnp.asarray(size if count is None else count, jnp.int32)
    return _steps(family, schedule, key, state, batch, lambda s: s, size, steps, sharding)


def _steps(
    family: Learner,
    schedule: Schedule,
    key: KeyArray,
    state: TrainState,
    batch: Callable[[TrainState, Array], tuple[Array, Array]],
    revise: Callable[[TrainState], TrainState],
    chunk: int,
    count: Array,
    sharding: NamedSharding | None,
) -> tuple[TrainState, dict[str, Array]]:
    optimizer = family.optimizer(schedule)

    def step(state: TrainState, i: Array) -> tuple[TrainState, Logs]:
        state = revise(state)
        images, codes = batch(state, i)
        if sharding is not None:
            images, codes = (lax.with_sharding_constraint(a, sharding) for a in (images, codes))
        noise = jax.random.fold_in(jax.random.fold_in(key, 1), state.step)
        x = images.astype(jnp.float32) / 255
        if schedule.flip:
            noise, chance = jax.random.split(noise)
            mirrored = jax.random.bernoulli(chance, 0.5, (x.shape[0], 1, 1, 1))
            x = jnp.where(mirrored, x[:, :, ::-1], x)
        done = state.step.astype(jnp.float32)
        progress = done / max(schedule.steps, 1)
        params, opt_state = state.params, state.opt_state
        grads, memory, logs = family.gradients(params, state.memory, noise, x, codes, progress)
        with jax.numpy_dtype_promotion("standard"):  # optax raises floats to whole numbers
            updates, opt_state = optimizer.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        decay = jnp.minimum(schedule.ema, (1 + done) / (10 + done))  # short runs average over less
        ema = jax.tree.map(lambda e, p: e + (1 - decay) * (p - e), state.ema, params)
        return TrainState(params, ema, memory, opt_state, state.step + 1), logs

    def body(i: Array, carry: tuple[TrainState, Logs]) -> tuple[TrainState, Logs]:
        state, curves = carry
        state, logs = step(state, i)
        return state, {name: curves[name].at[i].set(logs[name]) for name in curves}

    step = jax.jit(step)  # traced once for both that follow
    _, logs = jax.eval_shape(step, state, jnp.int32(0))
    curves = {name: jnp.full((chunk,), jnp.nan, log.dtype) for name, log in logs.items()}
    return lax.fori_loop(jnp.int32(0), count, body, (state, curves))


def rows_of(key: KeyArray, step: Int[Array, ""], batch: int, n: int) -> Int[Array, " batch"]:
    """Rows of one step of `train`: `batch` places further along the shuffled orders of the epochs.

    Args:
      key: of the training.
      step: number of the step, from 0.
      batch: pictures a step. Static.
      n: number of pictures. Static.
    """
    orders = jax.random.fold_in(key, 0)
    per_epoch = -(-n // batch)
    epoch, turn = step // per_epoch, step % per_epoch
    # The last batch of an epoch wraps to the epoch's start, so that all batches have one size.
    places = (turn * batch + jnp.arange(batch, dtype=jnp.int32)) % n
    return shuffled(jax.random.fold_in(orders, epoch), places, n)
