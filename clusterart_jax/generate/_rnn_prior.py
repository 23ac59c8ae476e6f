"""A recurrent network over a grid of vectors of a codebook: how likely grids are, and new ones."""

import math

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax

from .._typing import Array, Float, Int, KeyArray
from ._family import cast
from ._rnn_unit import unit, unit_states


class Prior(nnx.Module):
    """p(indices | code), place after place and row after row, by a gated recurrent unit.

    Its first state comes from the code. At each place it is told the code, and the vectors to the
    left, above, and above to both sides, all of which lie before it: what lies a row back need not
    be kept in its state, and what is told is one product for all places. The same, and a table of
    what is frequent at each place of each code, also go straight to the logits, so that the
    recurrent part has to learn only what they cannot say.
    """

    def __init__(
        self,
        grid: tuple[int, int],
        dims: int,
        size: int,
        hidden: int,
        n_codes: int,
        *,
        compute: str,
        rngs: nnx.Rngs,
    ) -> None:
        self.grid, self.compute, self.size = grid, compute, size
        width, places = grid[1], math.prod(grid)
        self.back = sorted({1, width - 1, width, width + 1} - {0})  # never the place itself
        self.first = nnx.Linear(n_codes, hidden, rngs=rngs)
        told = len(self.back) * dims + n_codes
        self.told = nnx.Linear(told, 3 * hidden, rngs=rngs)
        self.place = nnx.Param(jnp.zeros((places, 3 * hidden), jnp.float32))
        orthogonal = jax.nn.initializers.orthogonal()
        blocks = [orthogonal(rngs.params(), (hidden, hidden), jnp.float32) for _ in range(3)]
        self.kernel = nnx.Param(jnp.concatenate(blocks, axis=1))
        self.bias = nnx.Param(jnp.zeros((hidden,), jnp.float32))
        self.out = nnx.Linear(hidden, size, rngs=rngs)
        zeros = nnx.initializers.zeros_init()
        self.straight = nnx.Linear(told, size, use_bias=False, kernel_init=zeros, rngs=rngs)
        self.frequent = nnx.Linear(n_codes, places * size, kernel_init=zeros, rngs=rngs)

    def nats(
        self,
        q: Float[Array, "b gh gw d"],
        index: Int[Array, "b gh gw"],
        codes: Float[Array, "b n_codes"],
    ) -> Float[Array, " b"]:
        """−log p of all indices of a picture, given their vectors q and the code."""
        b, gh, gw, _ = q.shape
        places, reach = gh * gw, self.back[-1]
        q, codes = cast((q.reshape(b, places, -1), codes), self.compute)
        padded = jnp.pad(q, ((0, 0), (reach, 0), (0, 0)))
        near = [padded[:, reach - back : reach - back + places] for back in self.back]
        near.append(jnp.broadcast_to(codes[:, None], (b, places, codes.shape[1])))
        told = jnp.swapaxes(jnp.concatenate(near, axis=2), 0, 1)
        inputs = self.told(told) + self.place[...][:, None]
        start = jnp.tanh(self.first(codes))
        hidden = unit_states(start, inputs, self.kernel[...], self.bias[...])
        logits = cast(self.out(hidden) + self.straight(told), "float32")  # (places, b, size)
        logits = logits + jnp.swapaxes(self._frequent(codes), 0, 1)
        one_hot = jax.nn.one_hot(index.reshape(b, places).T, logits.shape[2], dtype=logits.dtype)
        chosen = jnp.sum(logits * one_hot, axis=2)
        return jnp.sum(nnx.logsumexp(logits, axis=2) - chosen, axis=0)

    def draw(
        self,
        keys: KeyArray,
        codes: Float[Array, "m n_codes"],
        vectors: Float[Array, "v d"],
        temperature: float | Array,
    ) -> Int[Array, "m gh gw"]:
        """New indices in one compiled loop, each row from a key of its own.

        The largest of logits + temperature · noise is chosen, with noise of the standard Gumbel
        distribution: a draw from the softmax of logits / temperature, and at 0 the likeliest.
        """
        m, (gh, gw), reach = keys.shape[0], self.grid, self.back[-1]
        codes, table = cast((codes, vectors), self.compute)
        places, frequent = self.place[...], self._frequent(codes)

        def step(carry: tuple[Array, Array], t: Array) -> tuple[tuple[Array, Array], Array]:
            state, before = carry  # the vectors of the last places, the newest last
            near = [before[:, reach - back] for back in self.back]
            told = jnp.concatenate([*near, codes], axis=1)
            inputs = self.told(told) + places[t][None]
            state = unit(state, inputs, self.kernel[...], self.bias[...])
            logits = cast(self.out(state) + self.straight(told), "float32") + frequent[:, t]
            here = jax.vmap(lambda key: jax.random.fold_in(key, t))(keys)
            size = logits.shape[1:]
            noise = jax.vmap(lambda key: jax.random.gumbel(key, size, jnp.float32))(here)
            index = jnp.argmax(logits + temperature * noise, axis=1).astype(jnp.int32)
            before = jnp.concatenate([before[:, 1:], table[index][:, None]], axis=1)
            return (state, before), index

        nothing = jnp.zeros((m, reach, table.shape[1]), table.dtype)
        start = (jnp.tanh(self.first(codes)), nothing)
        _, index = lax.scan(step, start, jnp.arange(gh * gw, dtype=jnp.int32))
        return index.T.reshape(m, gh, gw)

    def _frequent(self, codes: Float[Array, "b n_codes"]) -> Float[Array, "b places size"]:
        logits = cast(self.frequent(codes), "float32")
        return logits.reshape(codes.shape[0], -1, self.size)
