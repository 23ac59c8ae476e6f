"""The networks and gradients of GAN in PyTorch."""

import math
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from clusterart_jax.generate._gan_losses import default_gamma

from .training_networks_torch import conv, linear, plan


def mix(a: int, b: int, bias: bool = True, std: float | None = None) -> nn.Conv2d:
    """1×1, initialised as ours."""
    made = nn.Conv2d(a, b, 1, bias=bias)
    nn.init.normal_(made.weight, std=a**-0.5 if std is None else std)
    if bias:
        nn.init.zeros_(made.bias)
    return made


def act(x: Tensor) -> Tensor:
    """Leaky, 0.2."""
    return F.leaky_relu(x, 0.2)


class Residual(nn.Module):
    """x + a function of x that starts at 0."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.spread, self.mix = conv(width, width), mix(width, width, bias=False, std=0)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.mix(act(self.spread(act(x))))


class Generator(nn.Module):
    """Latents and codes → pictures in −1…1."""

    def __init__(self, family: Any) -> None:
        super().__init__()
        self.grid, widths = plan(family.shape, family.width, None)
        widths, fine = widths[::-1], 2 * max(family.width // 4, 4)
        self.deep = widths[0]
        self.embedding = linear(family.n_codes, family.latent, bias=False, std=1)
        self.first = linear(2 * family.latent, math.prod(self.grid) * self.deep)
        self.blocks = nn.ModuleList(
            [nn.Sequential(*(Residual(width) for _ in range(family.depth))) for width in widths]
        )
        self.narrow = nn.ModuleList([mix(a, b) for a, b in pairwise(widths)])
        self.last, self.out = mix(widths[-1], fine), conv(fine, family.shape[2])

    def forward(self, z: Tensor, codes: Tensor) -> Tensor:
        x = self.first(torch.cat([z, self.embedding(codes)], 1))
        x = x.unflatten(1, (self.deep, *self.grid)).contiguous(memory_format=torch.channels_last)
        for i, block in enumerate(self.blocks):
            x = block(doubled(self.narrow[i - 1](x)) if i else x)
        return torch.tanh(self.out(act(doubled(self.last(x)))))


def doubled(x: Tensor) -> Tensor:
    """Twice the size, by linear interpolation."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class Discriminator(nn.Module):
    """Pictures in −1…1 and codes → logits."""

    def __init__(self, family: Any) -> None:
        super().__init__()
        grid, widths = plan(family.shape, family.width, None)
        fine, wide = max(family.width // 4, 4), 8 * family.width
        self.stem, self.gather = conv(family.shape[2], fine), conv(4 * fine, widths[0])
        self.blocks = nn.ModuleList(
            [nn.Sequential(*(Residual(width) for _ in range(family.depth))) for width in widths]
        )
        self.widen = nn.ModuleList([mix(a, b) for a, b in pairwise(widths)])
        self.last = linear(math.prod(grid) * widths[-1], wide)
        self.score = linear(wide, 1)
        self.projection = linear(family.n_codes, wide, bias=False, std=1)
        self.scale = wide**-0.5

    def forward(self, x: Tensor, codes: Tensor) -> Tensor:
        x = self.gather(F.pixel_unshuffle(act(self.stem(x)), 2))
        for i, block in enumerate(self.blocks):
            x = block(self.widen[i - 1](F.avg_pool2d(x, 2)) if i else x)
        features = act(self.last(act(x).flatten(1)))
        match = (features * self.projection(codes)).sum(1) * self.scale
        return self.score(features)[:, 0] + match


class GAN(nn.Module):
    """Relativistic pairs with R1 + R2, both networks in one step from the same pictures."""

    def __init__(self, family: Any) -> None:
        super().__init__()
        self.generator, self.discriminator = Generator(family), Discriminator(family)
        self.latent, self.every = family.latent, family.penalty_every
        self.gamma = default_gamma(family.loss_kind, math.prod(family.shape))
        self.paint, self.judge = self.generator.forward, self.discriminator.forward

    def compiled(self) -> None:
        """Both networks through `torch.compile`, which knows no second derivatives.

        So the penalty is without. Buffers are kept, since there are two passes back.
        """
        import torch._functorch.config

        torch._functorch.config.donated_buffer = False
        self.paint = torch.compile(self.generator.forward)
        self.judge = torch.compile(self.discriminator.forward)

    def backward(self, images: Tensor, codes: Tensor) -> Tensor:
        """Leaves gradients; returns the discriminator's loss with its penalty."""
        real = 2 * images - 1
        fake = self.paint(torch.randn(len(real), self.latent), codes)
        logits = self.judge(torch.cat([real, fake]), torch.cat([codes, codes]))
        on_real, on_fake = logits.chunk(2)
        loss, wish = F.softplus(on_fake - on_real).mean(), F.softplus(on_real - on_fake).mean()
        theirs, mine = list(self.discriminator.parameters()), list(self.generator.parameters())
        of_discriminator = torch.autograd.grad(loss, theirs, retain_graph=True)
        of_generator = torch.autograd.grad(wish, mine)
        some = torch.cat([real[:: self.every], fake.detach()[:: self.every]]).requires_grad_()
        told = codes[:: self.every]
        logits = self.discriminator(some, torch.cat([told, told]))
        (slope,) = torch.autograd.grad(logits.sum(), some, create_graph=True)
        penalty = slope.square().sum() / len(told) / 2
        (self.gamma * penalty).backward()
        for p, g in zip(theirs + mine, of_discriminator + of_generator, strict=True):
            p.grad = g if p.grad is None else p.grad.add_(g)
        return (loss + self.gamma * penalty).detach()
