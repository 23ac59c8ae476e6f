"""A recurrent network over a grid of vectors of a codebook: how likely grids are, and new ones."""

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax

from .._typing import Array, Float, Int, KeyArray
from ._conv import Linear
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
      Guidance: Ho and Salimans, arXiv:2207.12598, here with p(i) by Bayes' rule from the codes.
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
        self.told = Linear(width * dims + n_codes, 3 * hidden, rngs=rngs)
        self.row = nnx.Param(jnp.zeros((height, 3 * hidden), jnp.float32))
        orthogonal = jax.nn.initializers.orthogonal()
        blocks = [orthogonal(rngs.params(), (hidden, hidden), jnp.float32) for _ in range(3)]
        self.kernel = nnx.Param(jnp.concatenate(blocks, axis=1))
        self.bias = nnx.Param(jnp.zeros((hidden,), jnp.float32))
        self.spread = Linear(hidden, width * hidden, rngs=rngs)
        near = (self.reach + 3) * dims + n_codes
        self.near = Linear(near, hidden, use_bias=False, rngs=rngs)
        self.place = nnx.Param(jnp.zeros((height, width, hidden), jnp.float32))
        self.out = Linear(hidden, size, rngs=rngs)
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
        *,
        guidance: float = 0.0,
        rivals: Float[Array, "m r n_codes"] | None = None,
        weights: Float[Array, "m r"] | None = None,
    ) -> Int[Array, "m gh gw"]:
        """New indices in one compiled loop over rows and places, each grid from a key of its own.

        At each place the largest of logits + temperature · noise is chosen, with noise of the
        standard Gumbel distribution: a draw from the softmax of logits / temperature, and at 0 the
        likeliest. The logits are log p(i | c) + guidance · (log p(i | c) − log p(i)), each given
        the indices before. p(i) is a mixture of what the code and its rivals say, weighted by
        Bayes' rule with how likely each of them found the indices before.

        Args:
          keys: (m,).
          codes: (m, n_codes).
          vectors: of the codebook.
          temperature: of the draw.
          guidance: how much of the difference from p(i) is added. Static.
          rivals: (m, r, n_codes) codes beside one's own that p(i) is made of; None: none, and
            guidance does nothing. Each costs as much as drawing once more.
          weights: (m, r) of the rivals to begin with, where the code itself has 1.
        """
        (m, n_codes), (gh, gw), d, reach = codes.shape, self.grid, vectors.shape[1], self.reach
        if rivals is None or weights is None:
            rivals, weights = jnp.zeros((m, 0, n_codes), codes.dtype), jnp.zeros((m, 0))
        told_codes = jnp.concatenate([codes[:, None], rivals], axis=1)
        each = told_codes.shape[1]
        ones = jnp.ones((m, 1), jnp.float32)
        belief = jnp.log(jnp.concatenate([ones, weights.astype(jnp.float32)], axis=1))
        table, codes = cast((vectors, told_codes.reshape(m * each, n_codes)), self.compute)
        frequent, of_row, of_place = self._frequent(codes), self.row[...], self.place[...]

        def row(
            carry: tuple[Array, Array, Array], i: Array
        ) -> tuple[tuple[Array, Array, Array], Array]:
            state, above, belief = carry
            told = jnp.repeat(above.reshape(m, gw * d), each, axis=0)
            inputs = self.told(jnp.concatenate([told, codes], axis=1)) + of_row[i][None]
            state = unit(state, inputs, self.kernel[...], self.bias[...])
            said = self.spread(state).reshape(m * each, gw, -1)
            above = jnp.pad(above, ((0, 0), (1, 1), (0, 0)))

            def place(carry: tuple[Array, Array], j: Array) -> tuple[tuple[Array, Array], Array]:
                left, belief = carry
                over = lax.dynamic_slice_in_dim(above, j, 3, axis=1)
                near = jnp.concatenate([left, over], axis=1).reshape(m, (reach + 3) * d)
                near = jnp.concatenate([jnp.repeat(near, each, axis=0), codes], axis=1)
                hidden = nnx.silu(said[:, j] + self.near(near) + of_place[i, j][None])
                logits = cast(self.out(hidden), "float32") + frequent[:, i, j]
                logits = nnx.log_softmax(logits, axis=1).reshape(m, each, self.size)
                own, of_all = logits[:, 0], nnx.log_softmax(belief, axis=1)[:, :, None] + logits
                guided = own + guidance * (own - nnx.logsumexp(of_all, axis=1))
                here = jax.vmap(lambda key: jax.random.fold_in(key, i * gw + j))(keys)
                size = (self.size,)
                noise = jax.vmap(lambda key: jax.random.gumbel(key, size, jnp.float32))(here)
                index = jnp.argmax(guided + temperature * noise, axis=1).astype(jnp.int32)
                chosen = jax.nn.one_hot(index, self.size, dtype=logits.dtype)[:, None]
                belief = belief + jnp.sum(logits * chosen, axis=2)
                left = jnp.concatenate([left, table[index][:, None]], axis=1)[:, 1:]
                return (left, belief), index

            nothing = jnp.zeros((m, reach, d), table.dtype)
            columns = jnp.arange(gw, dtype=jnp.int32)
            (_, belief), index = lax.scan(place, (nothing, belief), columns)
            return (state, table[index.T], belief), index.T

        start = (jnp.tanh(self.first(codes)), jnp.zeros((m, gw, d), table.dtype), belief)
        _, index = lax.scan(row, start, jnp.arange(gh, dtype=jnp.int32))
        return jnp.swapaxes(index, 0, 1)

    def _frequent(self, codes: Float[Array, "b n_codes"]) -> Float[Array, "b gh gw size"]:
        logits = cast(self.frequent(codes), "float32")
        return logits.reshape(codes.shape[0], *self.grid, self.size)
