"""The networks of VAE and CCI in PyTorch."""

import math
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def conv(c: int, o: int, stride: int = 1) -> nn.Conv2d:
    """3×3, initialised as ours."""
    made = nn.Conv2d(c, o, 3, stride, padding=1)
    nn.init.kaiming_normal_(made.weight, nonlinearity="relu")
    nn.init.zeros_(made.bias)
    return made


def linear(a: int, b: int, bias: bool = True, std: float | None = None) -> nn.Linear:
    """Initialised as ours."""
    made = nn.Linear(a, b, bias)
    nn.init.normal_(made.weight, std=a**-0.5 if std is None else std)
    if bias:
        nn.init.zeros_(made.bias)
    return made


def plan(shape: tuple[int, int, int], width: int, levels: int | None) -> tuple[Any, list[int]]:
    """The smallest grid, and channels after each halving, of pictures that halve evenly."""
    h, w, _ = shape
    levels = int(math.log2(min(h, w) / 4)) if levels is None else levels
    assert levels > 0
    assert h % 2**levels == w % 2**levels == 0
    return (h >> levels, w >> levels), [width * min(2**i, 4) for i in range(levels)]


class Encoder(nn.Module):
    """Pictures → features, halved to the smallest grid."""

    def __init__(self, shape: tuple[int, int, int], width: int, levels: int | None = None) -> None:
        super().__init__()
        self.grid, widths = plan(shape, width, levels)
        self.deep = widths[-1]
        self.stem = conv(4 * shape[2], widths[0])
        self.down = nn.ModuleList([conv(a, b, 2) for a, b in pairwise(widths)])

    def forward(self, images: Tensor) -> Tensor:
        x = F.silu(self.stem(F.pixel_unshuffle(2 * images - 1, 2)))
        for layer in self.down:
            x = F.silu(layer(x))
        return x


class Decoder(nn.Module):
    """Features → pictures before the sigmoid."""

    def __init__(self, shape: tuple[int, int, int], width: int, levels: int | None = None) -> None:
        super().__init__()
        self.grid, widths = plan(shape, width, levels)
        self.deep = widths[-1]
        self.up = nn.ModuleList([conv(b, 4 * a) for a, b in pairwise(widths)][::-1])
        self.out = conv(widths[0], 4 * shape[2])

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.up:
            x = F.silu(F.pixel_shuffle(layer(x), 2))
        return F.pixel_shuffle(self.out(x), 2)


class VAE(nn.Module):
    """Encoder, conditional prior and decoder; the variance of the likelihood at its best."""

    def __init__(self, family: Any) -> None:
        super().__init__()
        shape, width, latent, n = family.shape, family.width, family.latent, family.n_codes
        self.values = math.prod(shape)
        self.encoder, self.decoder = Encoder(shape, width), Decoder(shape, width)
        flat, hidden = math.prod(self.encoder.grid) * self.encoder.deep, 8 * width
        self.narrow = linear(flat + n, hidden)
        self.posterior = linear(hidden, 2 * latent)
        self.prior = linear(n, 2 * latent, bias=False, std=0)
        self.widen = linear(latent + n, hidden)
        self.unflatten = linear(hidden, flat)

    def forward(self, images: Tensor, codes: Tensor) -> tuple[Tensor, Tensor]:
        """The loss, and the mean squared error."""
        flat = torch.cat([self.encoder(images).flatten(1), codes], 1)
        mean, log_var = self.posterior(F.silu(self.narrow(flat))).chunk(2, 1)
        prior_mean, prior_log_var = self.prior(codes).chunk(2, 1)
        log_var, prior_log_var = log_var.clamp(-12, 4), prior_log_var.clamp(-6, 4)
        z = mean + torch.exp(log_var / 2) * torch.randn_like(mean)
        x = F.silu(self.unflatten(F.silu(self.widen(torch.cat([z, codes], 1)))))
        x = x.unflatten(1, (self.decoder.deep, *self.decoder.grid))
        x = x.contiguous(memory_format=torch.channels_last)
        error = F.mse_loss(torch.sigmoid(self.decoder(x)), images)
        fit = 0.5 * (torch.log(error + 1e-6) + math.log(2 * math.pi) + 1)
        ratio = (torch.exp(log_var) + (mean - prior_mean) ** 2) * torch.exp(-prior_log_var)
        kl = 0.5 * (prior_log_var - log_var + ratio - 1)
        return fit + kl.mean(0).clamp(min=0).sum() / self.values, error

    def compiled(self) -> None:
        """Goes through `torch.compile` from now on."""
        self.compile()

    def backward(self, images: Tensor, codes: Tensor) -> Tensor:
        """Leaves gradients; returns the error."""
        loss, error = self(images, codes)
        loss.backward()
        return error.detach()


class CCI(nn.Module):
    """A feature network that sees classes, centres that follow, and a VAE that draws."""

    def __init__(self, family: Any) -> None:
        super().__init__()
        self.lam, self.decay = family.lam, family.decay
        self.encoder = Encoder(family.shape, family.width)
        flat = math.prod(self.encoder.grid) * self.encoder.deep
        self.narrow = linear(flat, family.features)
        self.out = linear(family.features, family.n_codes)
        self.drawn_by = VAE(family)
        self.register_buffer("centers", torch.zeros(family.n_codes, family.features))

    def forward(self, images: Tensor, codes: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The loss, the decoder's error, the share of right classes, the next centres."""
        x = self.narrow(self.encoder(images).flatten(1))
        x = x - x.mean(1, keepdim=True)
        features = x * torch.rsqrt((x * x).mean(1, keepdim=True) + 1e-6)
        log_shares = F.log_softmax(self.out(features), 1)
        mass = codes.sum().clamp(min=1e-6)
        away = ((features[:, None] - self.centers[None]) ** 2).mean(2)
        j = (codes * away).sum() / mass - self.lam * (codes * log_shares).sum() / mass
        right = (codes.argmax(1) == log_shares.argmax(1)).float().mean()
        with torch.no_grad():
            seen = log_shares.exp()
            told = torch.where(torch.rand(len(codes), 1) < 0.5, seen, codes)
            counts = codes.sum(0)[:, None]
            means = codes.T @ features / counts.clamp(min=1)
            moved = torch.where(
                counts > 0, torch.lerp(means, self.centers, self.decay), self.centers
            )
        loss, error = self.drawn_by(images, told)
        return j + loss, error, right, moved

    def compiled(self) -> None:
        """Goes through `torch.compile` from now on."""
        self.compile()

    def backward(self, images: Tensor, codes: Tensor) -> Tensor:
        """Leaves gradients; returns the decoder's error."""
        loss, error, _, moved = self(images, codes)
        loss.backward()
        self.centers.copy_(moved)
        return error.detach()
