"""Networks that halve pictures to features and double features to pictures, for every family."""

import math
from itertools import pairwise
from typing import NamedTuple

import jax.numpy as jnp
from flax import nnx

from .._typing import Array, Float
from ._conv import Conv, depth_to_space, space_to_depth


class Plan(NamedTuple):
    """How often a picture is halved, and how many channels there are each time.

    Attributes:
      grid: height and width when it is smallest.
      pad: rows and columns that are added so that it can be halved.
      widths: channels after each halving.
      halves: whether it is halved at all.
    """

    grid: tuple[int, int]
    pad: tuple[int, int]
    widths: list[int]
    halves: bool

    @classmethod
    def of(cls, shape: tuple[int, int, int], width: int, levels: int | None) -> "Plan":
        """With so many levels, or as many as leave 4 to 8 pixels on the shorter side."""
        h, w, _ = shape
        if levels is None:
            levels = int(math.log2(min(h, w) / 4)) if min(h, w) >= 4 else 0
        step = 2**levels
        grid = (-(-h // step), -(-w // step))
        pad = (grid[0] * step - h, grid[1] * step - w)
        return cls(grid, pad, [width * min(2**i, 4) for i in range(max(levels, 1))], levels > 0)


class Encoder(nnx.Module):
    """Pictures (b, h, w, c) → features (b, *grid, deep), by 3×3 convolutions.

    The picture is halved until its shorter side has 4 to 8 pixels, or `levels` times. Sides that
    cannot be halved so often are padded with their edge.
    """

    def __init__(
        self, shape: tuple[int, int, int], width: int, levels: int | None = None, *, rngs: nnx.Rngs
    ) -> None:
        plan = Plan.of(shape, width, levels)
        self.grid, self.pad, widths, self.halves = plan
        self.deep, c = widths[-1], shape[2]
        self.stem = Conv(4 * c if self.halves else c, widths[0], rngs=rngs)
        self.down = nnx.List([Conv(a, b, stride=2, rngs=rngs) for a, b in pairwise(widths)])

    def __call__(self, images: Float[Array, "b h w c"]) -> Float[Array, "b gh gw deep"]:
        below, right = self.pad
        x = jnp.pad(2 * images - 1, ((0, 0), (0, below), (0, right), (0, 0)), mode="edge")
        x = nnx.silu(self.stem(space_to_depth(x) if self.halves else x))
        for conv in self.down:
            x = nnx.silu(conv(x))
        return x


class Decoder(nnx.Module):
    """Features (b, *grid, deep) → pictures (b, h, w, c) before the sigmoid; undoes an `Encoder`."""

    def __init__(
        self, shape: tuple[int, int, int], width: int, levels: int | None = None, *, rngs: nnx.Rngs
    ) -> None:
        plan = Plan.of(shape, width, levels)
        self.grid, _, widths, self.halves = plan
        self.deep, self.size, c = widths[-1], shape[:2], shape[2]
        self.up = nnx.List([Conv(b, 4 * a, rngs=rngs) for a, b in pairwise(widths)][::-1])
        self.out = Conv(widths[0], 4 * c if self.halves else c, rngs=rngs)

    def __call__(self, features: Float[Array, "b gh gw deep"]) -> Float[Array, "b h w c"]:
        x = features
        for conv in self.up:
            x = nnx.silu(depth_to_space(conv(x)))
        x = self.out(x)
        x = depth_to_space(x) if self.halves else x
        return x[:, : self.size[0], : self.size[1]]


class DenseEncoder(nnx.Module):
    """Pictures (b, h, w, c) → features (b, 1, 1, deep), by two dense layers."""

    def __init__(self, shape: tuple[int, int, int], width: int, *, rngs: nnx.Rngs) -> None:
        self.grid, self.deep = (1, 1), 8 * width
        self.first = nnx.Linear(math.prod(shape), self.deep, rngs=rngs)
        self.second = nnx.Linear(self.deep, self.deep, rngs=rngs)

    def __call__(self, images: Float[Array, "b h w c"]) -> Float[Array, "b 1 1 deep"]:
        x = (2 * images - 1).reshape(images.shape[0], -1)
        return nnx.silu(self.second(nnx.silu(self.first(x))))[:, None, None]


class DenseDecoder(nnx.Module):
    """Features (b, 1, 1, deep) → pictures (b, h, w, c) before the sigmoid, by two dense layers."""

    def __init__(self, shape: tuple[int, int, int], width: int, *, rngs: nnx.Rngs) -> None:
        self.grid, self.deep, self.shape = (1, 1), 8 * width, shape
        self.first = nnx.Linear(self.deep, self.deep, rngs=rngs)
        self.second = nnx.Linear(self.deep, math.prod(shape), rngs=rngs)

    def __call__(self, features: Float[Array, "b 1 1 deep"]) -> Float[Array, "b h w c"]:
        x = nnx.silu(self.first(features.reshape(-1, self.deep)))
        return self.second(x).reshape(-1, *self.shape)


ENCODERS = {"conv": Encoder, "mlp": DenseEncoder}
DECODERS = {"conv": Decoder, "mlp": DenseDecoder}
