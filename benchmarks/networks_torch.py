"""EfficientNet-Lite0 in PyTorch, with our folded weights: what a user of PyTorch runs."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

_STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)  # of the blocks


def _same(x: Tensor, kernel: int, stride: int) -> Tensor:
    """Padded as TensorFlow does."""
    pads = []
    for side in (x.shape[3], x.shape[2]):
        missing = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        pads += [missing // 2, missing - missing // 2]
    return F.pad(x, pads) if any(pads) else x


def efficientnet_lite0(
    parameters: Mapping[str, tuple[Any, Any]], images: np.ndarray
) -> Callable[[], np.ndarray]:
    """A call that gives the features of `uint8` pictures of 224 × 224.

    Args:
      parameters: kernel (height, width, in, out) and bias of each layer.
      images: (n, 224, 224, 3).
    """
    layers = {
        name: (torch.from_numpy(np.array(kernel).transpose(3, 2, 0, 1).copy()), torch.tensor(bias))
        for name, (kernel, bias) in ((n, map(np.array, pair)) for n, pair in parameters.items())
    }
    given = torch.from_numpy(images)

    def unit(x: Tensor, name: str, stride: int = 1, act: bool = True) -> Tensor:
        kernel, bias = layers[name]
        groups = x.shape[1] // kernel.shape[1]
        x = F.conv2d(_same(x, kernel.shape[-1], stride), kernel, bias, stride, groups=groups)
        return F.relu6(x, inplace=True) if act else x

    @torch.inference_mode()
    def run() -> np.ndarray:
        x = (given.permute(0, 3, 1, 2).float() - 127) / 128
        x = unit(x, "_conv_stem", 2)
        for i, stride in enumerate(_STRIDES):
            name, before = f"_blocks.{i}", x
            if f"{name}._expand_conv" in layers:
                x = unit(x, f"{name}._expand_conv")
            x = unit(x, f"{name}._depthwise_conv", stride)
            x = unit(x, f"{name}._project_conv", act=False)
            x = x + before if x.shape == before.shape else x
        return unit(x, "_conv_head").mean((2, 3)).numpy()

    return run
