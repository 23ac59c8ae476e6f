"""A recurrent network over a grid of vectors of a codebook: how likely grids are, and new ones."""

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax

from .._typing import Array, Float, Int, KeyArray
from ._family import cast
from ._rnn_unit import unit, unit_states

_REACH = 8  # places to the left that a place is told of


class Prior(nnx.Module):
    """p(indices | code), row after row by a gated recurrent unit, and within a row from the left.

    The state of the unit starts from the code. Before each row it is told the code and the whole
    row above, and it has something to say to each place of the row. Each place adds what it is told
    itself: the vectors to its left in the row, up to 8, the three above it, and the code. One layer
    makes logits of the sum; a table of what is frequent at each place of each code is added, so
    that the network has to learn only what that cannot say.

    The unit takes rows, not places, since both sides of a picture, and its top and bottom, then are
    few steps apart; from place to place it forgets one before it comes to the other, and draws
    pictures whose parts belong to different things. Its steps are also fewer and larger products.

    References:
      Rows as the steps of a recurrent network: van den Oord and others, arXiv:1601.06759, section
      3.1, where the state is a row of vectors and each is told those near it.
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
        height, width = grid
        self.reach = min(width - 1, _REACH)
        self.first = nnx.Linear(n_codes, hidden, rngs=rngs)
        self.told = nnx.Linear(width * dims + n_codes, 3 * hidden, rngs=rngs)
        self.row = nnx.Param(jnp.zeros((height, 3 * hidden), jnp.float32))
        orthogonal = jax.nn.initializers.orthogonal()
        blocks = [orthogonal(rngs.params(), (hidden, hidden), jnp.float32) for _ in range(3)]
        self.kernel = nnx.Param(jnp.concatenate(blocks, axis=1))
        self.bias = nnx.Param(jnp.zeros((hidden,), jnp.float32))
        self.spread = nnx.Linear(hidden, width * hidden, rngs=rngs)
        near = (self.reach + 3) * dims + n_codes
        self.near = nnx.Linear(near, hidden, use_bias=False, rngs=rngs)
        self.place = nnx.Param(jnp.zeros((height, width, hidden), jnp.float32))
        self.out = nnx.Linear(hidden, size, rngs=rngs)
        zeros = nnx.initializers.zeros_init()
        self.frequent = nnx.Linear(n_codes, height * width * size, kernel_init=zeros, rngs=rngs)

    def nats(
        self,
        q: Float[Array, "b gh gw d"],
        index: Int[Array, "b gh gw"],
        codes: Float[Array, "b n_codes"],
    ) -> Float[Array, " b"]:
        """−log p of all indices of a picture, given their vectors q and the code."""
        (b, gh, gw, d), reach = q.shape, self.reach
        q, codes = cast((q, codes), self.compute)
        above = jnp.pad(q[:, :-1], ((0, 0), (1, 0), (0, 0), (0, 0)))
        of_rows = jnp.broadcast_to(codes[:, None], (b, gh, codes.shape[1]))
        rows = jnp.concatenate([above.reshape(b, gh, gw * d), of_rows], axis=2)
        inputs = self.told(jnp.swapaxes(rows, 0, 1)) + self.row[...][:, None]
        start = jnp.tanh(self.first(codes))
        states = unit_states(start, inputs, self.kernel[...], self.bias[...])
        said = jnp.swapaxes(self.spread(states).reshape(gh, b, gw, -1), 0, 1)

        left = jnp.pad(q, ((0, 0), (0, 0), (reach, 0), (0, 0)))
        above = jnp.pad(above, ((0, 0), (0, 0), (1, 1), (0, 0)))
        near = [left[:, :, i : i + gw] for i in range(reach)]
        near += [above[:, :, i : i + gw] for i in range(3)]
        near.append(jnp.broadcast_to(codes[:, None, None], (b, gh, gw, codes.shape[1])))
        hidden = said + self.near(jnp.concatenate(near, axis=3)) + self.place[...][None]
        logits = cast(self.out(nnx.silu(hidden)), "float32") + self._frequent(codes)
        one_hot = jax.nn.one_hot(index, self.size, dtype=logits.dtype)
        chosen = jnp.sum(logits * one_hot, axis=3)
        return jnp.sum(nnx.logsumexp(logits, axis=3) - chosen, axis=(1, 2))

    def draw(
        self,
        keys: KeyArray,
        codes: Float[Array, "m n_codes"],
        vectors: Float[Array, "v d"],
        temperature: float | Array,
    ) -> Int[Array, "m gh gw"]:
        """New indices in one compiled loop over rows and places, each grid from a key of its own.

        The largest of logits + temperature · noise is chosen, with noise of the standard Gumbel
        distribution: a draw from the softmax of logits / temperature, and at 0 the likeliest.
        """
        m, (gh, gw), d, reach = keys.shape[0], self.grid, vectors.shape[1], self.reach
        codes, table = cast((codes, vectors), self.compute)
        frequent, of_row, of_place = self._frequent(codes), self.row[...], self.place[...]

        def row(carry: tuple[Array, Array], i: Array) -> tuple[tuple[Array, Array], Array]:
            state, above = carry
            told = jnp.concatenate([above.reshape(m, gw * d), codes], axis=1)
            inputs = self.told(told) + of_row[i][None]
            state = unit(state, inputs, self.kernel[...], self.bias[...])
            said = self.spread(state).reshape(m, gw, -1)
            above = jnp.pad(above, ((0, 0), (1, 1), (0, 0)))

            def place(left: Array, j: Array) -> tuple[Array, Array]:
                over = lax.dynamic_slice_in_dim(above, j, 3, axis=1)
                near = [left.reshape(m, reach * d), over.reshape(m, 3 * d), codes]
                hidden = (
                    said[:, j] + self.near(jnp.concatenate(near, axis=1)) + of_place[i, j][None]
                )
                logits = cast(self.out(nnx.silu(hidden)), "float32") + frequent[:, i, j]
                here = jax.vmap(lambda key: jax.random.fold_in(key, i * gw + j))(keys)
                noise = jax.vmap(lambda key: jax.random.gumbel(key, (self.size,), jnp.float32))(
                    here
                )
                index = jnp.argmax(logits + temperature * noise, axis=1).astype(jnp.int32)
                left = jnp.concatenate([left, table[index][:, None]], axis=1)[:, 1:]
                return left, index

            nothing = jnp.zeros((m, reach, d), table.dtype)
            index = lax.scan(place, nothing, jnp.arange(gw, dtype=jnp.int32))[1].T
            return (state, table[index]), index

        start = (jnp.tanh(self.first(codes)), jnp.zeros((m, gw, d), table.dtype))
        _, index = lax.scan(row, start, jnp.arange(gh, dtype=jnp.int32))
        return jnp.swapaxes(index, 0, 1)

    def _frequent(self, codes: Float[Array, "b n_codes"]) -> Float[Array, "b gh gw size"]:
        logits = cast(self.frequent(codes), "float32")
        return logits.reshape(codes.shape[0], *self.grid, self.size)
