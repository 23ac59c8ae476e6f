"""A gated recurrent unit whose backward pass is quick in a compiled loop."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from .._typing import Array, Float


def unit(
    state: Float[Array, "b s"],
    inputs: Float[Array, "b s3"],
    kernel: Float[Array, "s s3"],
    bias: Float[Array, " s"],
) -> Float[Array, "b s"]:
    """The next state of a gated recurrent unit; its reset gate acts on the product, as in cuDNN.

    Args:
      state: (b, s).
      inputs: (b, 3 s), what reset gate, update gate and new state get from the input.
      kernel: (s, 3 s), what they get from the state.
      bias: (s,), of the new state, inside the reset gate.

    References:
      Cho and others, arXiv:1406.1078.
    """
    return _unit(state, inputs, kernel, bias)[0]


def _unit(state: Array, inputs: Array, kernel: Array, bias: Array) -> tuple[Array, ...]:
    """The next state, and what its derivatives need."""
    reset, update, new = jnp.split(inputs, 3, axis=1)
    to_reset, to_update, to_new = jnp.split(state @ kernel, 3, axis=1)
    reset, update = jax.nn.sigmoid(reset + to_reset), jax.nn.sigmoid(update + to_update)
    to_new = to_new + bias[None]
    new = jnp.tanh(new + reset * to_new)
    return new + update * (state - new), state, reset, update, new, to_new


@jax.custom_vjp
def unit_states(
    start: Float[Array, "b s"],
    inputs: Float[Array, "t b s3"],
    kernel: Float[Array, "s s3"],
    bias: Float[Array, " s"],
) -> Float[Array, "t b s"]:
    """The states after each of t inputs.

    The gradient of the kernel is one product for all steps, made after the backward loop, not a
    sum of small ones inside it.

    Args:
      start: (b, s) state before the first.
      inputs: (t, b, 3 s), as `unit` takes them.
      kernel: (s, 3 s).
      bias: (s,).
    """
    return _forward(start, inputs, kernel, bias)[0]


def _forward(start: Array, inputs: Array, kernel: Array, bias: Array) -> tuple[Array, Any]:
    def step(state: Array, inputs: Array) -> tuple[Array, tuple[Array, ...]]:
        found = _unit(state, inputs, kernel, bias)
        return found[0], found

    (states, *rest) = lax.scan(step, start, inputs)[1]
    return states, (rest, kernel)


def _backward(kept: Any, slope: Array) -> tuple[Array, Array, Array, Array]:
    rest, kernel = kept

    def step(after: Array, now: tuple[Array, ...]) -> tuple[Array, tuple[Array, Array]]:
        slope, state, reset, update, new, to_new = now
        d = after + slope
        d_new = d * (1 - update) * (1 - new * new)
        d_update = d * (state - new) * update * (1 - update)
        d_reset = d_new * to_new * reset * (1 - reset)
        d_inputs = jnp.concatenate([d_reset, d_update, d_new], axis=1)
        d_product = jnp.concatenate([d_reset, d_update, d_new * reset], axis=1)
        return d * update + d_product @ kernel.T, (d_inputs, d_product)

    before, (d_inputs, d_product) = lax.scan(
        step, jnp.zeros_like(slope[0]), (slope, *rest), reverse=True
    )
    size = before.shape[1]
    states, products = rest[0].reshape(-1, size), d_product.reshape(-1, 3 * size)
    return before, d_inputs, states.T @ products, jnp.sum(products[:, 2 * size :], axis=0)


unit_states.defvjp(_forward, _backward)
