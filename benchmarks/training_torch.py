"""The training steps of `training` in PyTorch."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch._inductor.config
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from .setting import cores
from .training_gan_torch import GAN
from .training_networks_torch import CCI, VAE
from .training_rnn_torch import RNN

MODELS: dict[str, Any] = {"VAE": VAE, "GAN": GAN, "CCI": CCI, "RNN": RNN}
"""Family → a module whose `backward(images, codes)` leaves gradients and returns the loss."""


def trainer(problem: Any, compiled: bool) -> Callable[[], Tensor]:
    """What takes one step, and returns the loss.

    Args:
      problem: a `training.Problem`.
      compiled: whether networks and losses go through `torch.compile`.
    """
    torch.set_num_threads(cores())
    torch.manual_seed(0)
    family, schedule = problem.family, problem.schedule
    name = type(family).__name__
    # Faster here than contiguous channels, as is usual on CPU.
    model = MODELS[name](family).to(memory_format=torch.channels_last)
    _check_size(model, family)
    if compiled:
        torch._inductor.config.force_disable_caches = True  # else compiling looks free
        model.compiled()
    b1, b2, clip = (0.0, 0.99, 100.0) if name == "GAN" else (0.9, 0.99, 1.0)
    optimizer = torch.optim.Adam(
        model.parameters(), family.learning_rate, betas=(b1, b2), fused=True
    )
    warmup = max(1, schedule.steps // 20)
    rates = torch.optim.lr_scheduler.SequentialLR(
        optimizer,
        [
            torch.optim.lr_scheduler.LinearLR(optimizer, 1e-6, 1, warmup),
            torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, schedule.steps - warmup),
        ],
        [warmup],
    )
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(schedule.ema))
    images = torch.from_numpy(np.ascontiguousarray(problem.images.transpose(0, 3, 1, 2)))
    images = images.contiguous(memory_format=torch.channels_last)
    codes = torch.from_numpy(problem.codes)
    order, place = torch.randperm(len(images)), 0

    def take() -> Tensor:
        nonlocal order, place
        if place + schedule.batch_size > len(images):
            order, place = torch.randperm(len(images)), 0
        rows = order[place : place + schedule.batch_size]
        place += schedule.batch_size
        loss = model.backward(images[rows].float() / 255, codes[rows])
        clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        optimizer.zero_grad()
        rates.step()
        average.update_parameters(model)
        return loss

    return take


def _check_size(model: nn.Module, family: Any) -> None:
    """Both networks have as many parameters; PyTorch's GRU has two more vectors of biases."""
    import jax

    params = jax.eval_shape(family.init, jax.random.key(0))
    ours = sum(leaf.size for leaf in jax.tree.leaves(params))
    theirs = sum(p.numel() for p in model.parameters()) - getattr(model, "spare", 0)
    assert ours == theirs, f"{ours:,} parameters of ours, {theirs:,} of PyTorch's"
