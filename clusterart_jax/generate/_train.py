"""The one training loop: many steps in one compiled program, the same in pieces as in one go."""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax

from .._typing import Array, Float, Int, KeyArray, PyTree, UInt8
from ._shuffle import shuffled
from ._vae import VAE

EMA_DECAY = 0.999


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    Attributes:
      steps: steps in all; the learning rate falls to zero over them, by a cosine.
      batch_size: pictures a step.
      learning_rate: at its highest, after 5 % of the steps.
    """

    steps: int
    batch_size: int
    learning_rate: float = 2e-3

    def optimizer(self) -> optax.GradientTransformation:
        """Adam with warm-up, cosine decay and clipped gradients."""
        warmup = max(1, self.steps // 20)
        rate = optax.warmup_cosine_decay_schedule(
            0.0, self.learning_rate, warmup, max(self.steps, warmup + 1)
        )
        return optax.chain(optax.clip_by_global_norm(1.0), optax.adam(rate, b2=0.99))


class TrainState(NamedTuple):
    """All that training carries from step to step; saved whole, it resumes bit for bit.

    Attributes:
      params: parameters being trained.
      ema: their moving average, which samples are drawn with.
      opt_state: of the optimiser.
      step: steps done, int32.
    """

    params: PyTree
    ema: PyTree
    opt_state: PyTree
    step: Int[Array, ""]


def init_state(family: VAE, schedule: Schedule, key: KeyArray) -> TrainState:
    """Training that has not begun."""
    params = family.init(key)
    ema = jax.tree.map(jnp.copy, params)
    return TrainState(params, ema, schedule.optimizer().init(params), jnp.int32(0))


def train(
    family: VAE,
    schedule: Schedule,
    key: KeyArray,
    state: TrainState,
    images: UInt8[Array, "n h w c"],
    codes: Float[Array, "n n_codes"],
    *,
    chunk: int,
    until: Int[Array, ""] | int | None = None,
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

    Returns:
      The next state, and for each part of the loss its value at each step (chunk,); NaN for steps
      that were not taken.
    """
    optimizer = schedule.optimizer()
    n, batch = images.shape[0], schedule.batch_size

    def step(state: TrainState) -> tuple[TrainState, dict[str, Array]]:
        rows = _rows(key, state.step, batch, n)
        x = images[rows].astype(jnp.float32) / 255
        noise = jax.random.fold_in(jax.random.fold_in(key, 1), state.step)
        grads, logs = jax.grad(family.loss, has_aux=True)(state.params, noise, x, codes[rows])
        with jax.numpy_dtype_promotion("standard"):  # optax raises floats to whole numbers
            updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        done = state.step.astype(jnp.float32)
        decay = jnp.minimum(EMA_DECAY, (1 + done) / (10 + done))  # short runs average over less
        ema = jax.tree.map(lambda e, p: e + (1 - decay) * (p - e), state.ema, params)
        return TrainState(params, ema, opt_state, state.step + 1), logs

    def body(
        i: Array, carry: tuple[TrainState, dict[str, Array]]
    ) -> tuple[TrainState, dict[str, Array]]:
        state, curves = carry
        state, logs = step(state)
        return state, {name: curves[name].at[i].set(logs[name]) for name in curves}

    _, logs = jax.eval_shape(step, state)
    curves = {name: jnp.full((chunk,), jnp.nan, log.dtype) for name, log in logs.items()}
    last = schedule.steps if until is None else until
    count = jnp.clip(jnp.asarray(last, jnp.int32) - state.step, 0, chunk)
    return lax.fori_loop(jnp.int32(0), count, body, (state, curves))


def _rows(key: KeyArray, step: Array, batch: int, n: int) -> Int[Array, " batch"]:
    """Rows of one step: `batch` places further along the shuffled orders of the epochs."""
    orders = jax.random.fold_in(key, 0)
    per_epoch = -(-n // batch)
    epoch, turn = step // per_epoch, step % per_epoch
    # The last batch of an epoch wraps to the epoch's start, so that all batches have one size.
    places = (turn * batch + jnp.arange(batch, dtype=jnp.int32)) % n
    return shuffled(jax.random.fold_in(orders, epoch), places, n)
