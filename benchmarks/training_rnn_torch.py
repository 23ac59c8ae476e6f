"""The networks and the codebook of RNN in PyTorch."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .training_gan_torch import mix
from .training_networks_torch import Decoder, Encoder, linear


class Prior(nn.Module):
    """A GRU over rows, and a layer that adds what each place is told of those to its left.

    What each row adds to the gates goes in as a one-hot vector, since `nn.GRU` projects its input
    itself. Its weights are as PyTorch starts them.
    """

    def __init__(self, grid: tuple[int, int], family: Any) -> None:
        super().__init__()
        self.grid, n, hidden, d = grid, family.n_codes, family.hidden, family.dims
        height, width = grid
        self.reach = min(width - 1, 8)
        self.first = linear(n, hidden)
        self.gru = nn.GRU(width * d + n + height, hidden)
        self.spread = linear(hidden, width * hidden)
        self.near = linear((self.reach + 3) * d + n, hidden, bias=False)
        self.place = nn.Parameter(torch.zeros(height, width, hidden))
        self.out = linear(hidden, family.codebook)
        self.frequent = linear(n, height * width * family.codebook, std=0)

    def forward(self, q: Tensor, index: Tensor, codes: Tensor) -> Tensor:
        """−log p of all indices of a picture."""
        b, (height, width), reach = len(q), self.grid, self.reach
        above = F.pad(q[:, :-1], (0, 0, 0, 0, 1, 0))
        rows = above.flatten(2).transpose(0, 1)
        number = torch.eye(height)[:, None].expand(-1, b, -1)
        inputs = torch.cat([rows, codes.expand(height, *codes.shape), number], 2)
        states, _ = self.gru(inputs, torch.tanh(self.first(codes))[None])
        said = self.spread(states).view(height, b, width, -1).transpose(0, 1)
        left, above = F.pad(q, (0, 0, reach, 0)), F.pad(above, (0, 0, 1, 1))
        near = [left[:, :, i : i + width] for i in range(reach)]
        near += [above[:, :, i : i + width] for i in range(3)]
        near.append(codes[:, None, None].expand(-1, height, width, -1))
        hidden = said + self.near(torch.cat(near, 3)) + self.place
        frequent = self.frequent(codes).view(b, height, width, -1)
        logits = self.out(F.silu(hidden)) + frequent
        return F.cross_entropy(logits.flatten(0, 2), index.flatten(), reduction="sum") / b


class RNN(nn.Module):
    """VQ-VAE with a codebook of moving averages, discretised logistic levels, and the prior."""

    def __init__(self, family: Any) -> None:
        super().__init__()
        (h, w, c), levels, width = family.shape, family.halvings, family.width
        self.decay, self.revive, self.commitment = family.decay, family.revive, family.commitment
        self.values = math.prod(family.shape)
        self.encoder = Encoder(family.shape, width, levels)
        self.decoder = Decoder((h, w, 2 * c), width, levels)
        self.narrow = mix(self.encoder.deep, family.dims)
        self.widen = mix(family.dims + family.n_codes, self.decoder.deep)
        self.prior = Prior(self.encoder.grid, family)
        self.spare = 2 * family.hidden
        self.register_buffer("vectors", torch.randn(family.codebook, family.dims) / 2)
        self.register_buffer("share", torch.full((family.codebook,), 1 / family.codebook))
        self.register_buffer("total", self.vectors / family.codebook)

    def forward(self, images: Tensor, codes: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The loss, the mean squared error, encoder outputs, and which vector stands for each."""
        z = self.narrow(self.encoder(images)).permute(0, 2, 3, 1)
        flat = z.detach().flatten(0, 2)
        squares = self.vectors.square().sum(1)
        index = torch.argmin(torch.addmm(squares, flat, self.vectors.T, alpha=-2), 1)
        q = self.vectors[index].view(z.shape)
        told = codes[:, None, None].expand(-1, *z.shape[1:3], -1)
        x = torch.cat([z + (q - z).detach(), told], 3).permute(0, 3, 1, 2)
        mean, log_scale = self.decoder(F.silu(self.widen(x))).chunk(2, 1)
        mean, log_scale = torch.sigmoid(mean), (log_scale - 3).clamp(-7, 1)
        fit = logistic_nats(images, mean, log_scale).mean()
        bound = fit + self.prior(q, index.view(z.shape[:3]), codes) / self.values
        loss = bound + self.commitment * (z - q).square().mean()
        return loss, F.mse_loss(mean.detach(), images), flat, index

    @torch.no_grad()
    def follow(self, z: Tensor, index: Tensor) -> None:
        """The codebook after a batch."""
        v = len(self.vectors)
        counts = torch.bincount(index, minlength=v) / len(z)
        sums = torch.zeros_like(self.total).index_add_(0, index, z) / len(z)
        self.share.lerp_(counts, 1 - self.decay)
        self.total.lerp_(sums, 1 - self.decay)
        dead = self.share < self.revive / v
        far = (z - self.vectors[index]).square().sum(1)
        fresh = z[torch.multinomial(far + 1e-12, v)]
        self.share[dead] = 1 / v
        self.total[dead] = fresh[dead] / v
        self.vectors.copy_(self.total / self.share[:, None])

    def compiled(self) -> None:
        """Goes through `torch.compile` from now on."""
        self.compile()

    def backward(self, images: Tensor, codes: Tensor) -> Tensor:
        """Leaves gradients; returns the error."""
        loss, error, z, index = self(images, codes)
        loss.backward()
        self.follow(z, index)
        return error


def logistic_nats(x: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
    """−log of the probability of the level of each value."""
    step, rate = 1 / 255, torch.exp(-log_scale)
    above, below = (x - mean + step / 2) * rate, (x - mean - step / 2) * rate
    low, high = F.softplus(-above), F.softplus(below)
    both = low + high - torch.log(-torch.expm1(-step * rate))
    return torch.where(x < step / 2, low, torch.where(x > 1 - step / 2, high, both))
