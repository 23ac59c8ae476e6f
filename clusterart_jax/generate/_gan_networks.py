"""Generators and discriminators of GANs: residual convolutions without normalisation, or dense."""

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from flax import nnx

from .._typing import Array, Float
from ._conv import Conv, Linear, space_to_depth
from ._family import cast
from ._networks import Plan

if TYPE_CHECKING:
    from ._gan import GAN

_zeros = nnx.initializers.zeros_init()
_normal = nnx.initializers.normal(1.0)


def _act(x: Array) -> Array:
    return nnx.leaky_relu(x, 0.2)


class Residual(nnx.Module):
    """x + a function of x that starts at 0, so that depth costs no stability at the start."""

    def __init__(self, width: int, *, rngs: nnx.Rngs) -> None:
        self.spread = Conv(width, width, rngs=rngs)
        self.mix = Linear(width, width, use_bias=False, kernel_init=_zeros, rngs=rngs)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        return x + self.mix(_act(self.spread(_act(x))))


def doubled(x: Float[Array, "b h w c"]) -> Float[Array, "b h2 w2 c"]:
    """Twice the size, by linear interpolation between the middles of pixels."""
    for axis in (1, 2):
        edges = [(1, 1) if i == axis else (0, 0) for i in range(4)]
        size = x.shape[axis]
        around = jnp.pad(x, edges, mode="edge")
        before = jax.lax.slice_in_dim(around, 0, size, axis=axis)
        after = jax.lax.slice_in_dim(around, 2, size + 2, axis=axis)
        both = jnp.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], axis=axis + 1)
        x = both.reshape(*x.shape[:axis], 2 * size, *x.shape[axis + 1 :])
    return x


def halved(x: Float[Array, "b h w c"]) -> Float[Array, "b h2 w2 c"]:
    """Half the size: each pixel is the mean of the four below it."""
    b, h, w, c = x.shape
    return jnp.mean(x.reshape(b, h // 2, 2, w // 2, 2, c), axis=(2, 4))


class Generator(nnx.Module):
    """Latents and codes → pictures in −1…1, float32."""

    def __init__(self, family: "GAN", *, rngs: nnx.Rngs) -> None:
        self.compute = family.compute
        # No bias: a mixture of clusters has the mixture of their embeddings, noise has none.
        self.embedding = nnx.Linear(
            family.n_codes, family.latent, use_bias=False, kernel_init=_normal, rngs=rngs
        )
        build = Painter if family.network == "conv" else DensePainter
        self.painter = build(family, rngs=rngs)

    def __call__(
        self, z: Float[Array, "b latent"], codes: Float[Array, "b n_codes"], strength: Array
    ) -> Float[Array, "b h w c"]:
        z, codes, strength = cast((z, codes, strength), self.compute)
        both = jnp.concatenate([z, strength * self.embedding(codes)], axis=1)
        return jnp.tanh(cast(self.painter(both), "float32"))


def _fine(width: int) -> int:
    """Channels at the full size, where they cost most."""
    return max(width // 4, 4)


class Painter(nnx.Module):
    """Vectors → pictures, doubled from 4 to 8 pixels on the shorter side.

    All by interpolation: channels that become pixels would leave a pattern of 2×2 squares.
    """

    def __init__(self, family: "GAN", *, rngs: nnx.Rngs) -> None:
        plan = Plan.of(family.shape, family.width, None)
        self.grid, self.size, widths = plan.grid, family.shape[:2], plan.widths[::-1]
        self.deep = widths[0]
        self.first = nnx.Linear(2 * family.latent, math.prod(self.grid) * self.deep, rngs=rngs)
        self.blocks = nnx.List(
            [
                nnx.List([Residual(width, rngs=rngs) for _ in range(family.depth)])
                for width in widths
            ]
        )
        self.narrow = nnx.List([Linear(a, b, rngs=rngs) for a, b in pairwise(widths)])
        c, fine = family.shape[2], 2 * _fine(family.width)
        self.last = Linear(widths[-1], fine, rngs=rngs) if plan.halves else None
        self.out = Conv(fine if plan.halves else widths[-1], c, rngs=rngs)

    def __call__(self, x: Float[Array, "b d"]) -> Float[Array, "b h w c"]:
        x = self.first(x).reshape(-1, *self.grid, self.deep)
        for i, level in enumerate(self.blocks):
            if i:
                x = doubled(self.narrow[i - 1](x))
            for block in level:
                x = block(x)
        if self.last is not None:
            x = doubled(self.last(x))
        return self.out(_act(x))[:, : self.size[0], : self.size[1]]


class DensePainter(nnx.Module):
    """Vectors → pictures, by three dense layers."""

    def __init__(self, family: "GAN", *, rngs: nnx.Rngs) -> None:
        self.shape, wide = family.shape, 8 * family.width
        sizes = [2 * family.latent, wide, wide, math.prod(family.shape)]
        self.layers = nnx.List([nnx.Linear(a, b, rngs=rngs) for a, b in pairwise(sizes)])

    def __call__(self, x: Float[Array, "b d"]) -> Float[Array, "b h w c"]:
        for layer in self.layers[:-1]:
            x = _act(layer(x))
        return self.layers[-1](x).reshape(-1, *self.shape)


class Discriminator(nnx.Module):
    """Pictures in −1…1 and codes → logits, float32: higher where a picture is taken for real.

    The logit is a linear function of the features, plus their product with the projected code.
    """

    def __init__(self, family: "GAN", *, rngs: nnx.Rngs) -> None:
        self.compute, wide = family.compute, 8 * family.width
        build = Viewer if family.network == "conv" else DenseViewer
        self.viewer = build(family, rngs=rngs)
        self.score = nnx.Linear(wide, 1, rngs=rngs)
        self.projection = nnx.Linear(
            family.n_codes, wide, use_bias=False, kernel_init=_normal, rngs=rngs
        )
        self.scale = wide**-0.5
        # The last one made, so that the others begin alike with it and without.
        self.classes = nnx.Linear(wide, family.n_codes, rngs=rngs) if family.ambiguity else None

    def classify(self, x: Float[Array, "b h w c"]) -> Float[Array, "b n_codes"]:
        """Logits of clusters, of a family with `ambiguity`."""
        assert self.classes is not None
        return cast(self.classes(self.features(x)), "float32")

    def features(self, x: Float[Array, "b h w c"]) -> Float[Array, "b f"]:
        """What the logit is a function of, (b, 8 · width)."""
        return self.viewer(cast(x, self.compute))

    def __call__(
        self, x: Float[Array, "b h w c"], codes: Float[Array, "b n_codes"], strength: Array
    ) -> Float[Array, " b"]:
        codes, strength = cast((codes, strength), self.compute)
        features = self.features(x)
        match = jnp.sum(features * self.projection(codes), axis=1) * self.scale
        return cast(self.score(features)[:, 0] + strength * match, "float32")


class Viewer(nnx.Module):
    """Pictures → vectors (b, 8 · width), halved to 4 to 8 pixels on the shorter side."""

    def __init__(self, family: "GAN", *, rngs: nnx.Rngs) -> None:
        plan = Plan.of(family.shape, family.width, None)
        self.pad, widths = plan.pad, plan.widths
        c, fine = family.shape[2], _fine(family.width)
        self.stem = Conv(c, fine if plan.halves else widths[0], rngs=rngs)
        self.gather = Conv(4 * fine, widths[0], rngs=rngs) if plan.halves else None
        self.blocks = nnx.List(
            [
                nnx.List([Residual(width, rngs=rngs) for _ in range(family.depth)])
                for width in widths
            ]
        )
        self.widen = nnx.List([Linear(a, b, rngs=rngs) for a, b in pairwise(widths)])
        self.last = nnx.Linear(math.prod(plan.grid) * widths[-1], 8 * family.width, rngs=rngs)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b f"]:
        below, right = self.pad
        x = jnp.pad(x, ((0, 0), (0, below), (0, right), (0, 0)), mode="edge")
        x = self.stem(x)
        if self.gather is not None:
            x = self.gather(space_to_depth(_act(x)))
        for i, level in enumerate(self.blocks):
            if i:
                x = self.widen[i - 1](halved(x))
            for block in level:
                x = block(x)
        return _act(self.last(_act(x).reshape(x.shape[0], -1)))


class DenseViewer(nnx.Module):
    """Pictures → vectors (b, 8 · width), by three dense layers."""

    def __init__(self, family: "GAN", *, rngs: nnx.Rngs) -> None:
        wide = 8 * family.width
        sizes = [math.prod(family.shape), wide, wide, wide]
        self.layers = nnx.List([nnx.Linear(a, b, rngs=rngs) for a, b in pairwise(sizes)])

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b f"]:
        x = x.reshape(x.shape[0], -1)
        for layer in self.layers:
            x = _act(layer(x))
        return x
