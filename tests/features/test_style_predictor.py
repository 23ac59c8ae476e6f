"""The style predictor beside onnxruntime, and as a network by name."""

import jax
import jax.numpy as jnp
import numpy as np
import onnx_wire as wire
import onnxruntime
import pytest
import skimage.data

from clusterart_jax._errors import ConfigError, DataError
from clusterart_jax.features import _network, network

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket", "hubble_deep_field", "brick")


@pytest.fixture(scope="module")
def style():
    return network("style")


@pytest.fixture(scope="module")
def pictures():
    found = []
    for name in PHOTOGRAPHS:
        picture = np.atleast_3d(getattr(skimage.data, name)())[:256, :256]
        found.append(np.broadcast_to(picture, (256, 256, 3)))
    return np.stack(found)


def test_six_photographs_as_onnxruntime_in_float(style, pictures):
    content = wire.installed("predict").read_bytes()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    exact, rounded = (
        onnxruntime.InferenceSession(graph, options) for graph in (wire.floating(content), content)
    )
    ours = np.asarray(style.features(pictures, batch_size=2))
    for i, picture in enumerate(pictures):
        fed = {"style_image": picture[None].astype(np.float32) / 255}
        np.testing.assert_allclose(ours[i], exact.run(None, fed)[0].ravel(), atol=2e-5)
        # The file as it is rounds what flows through it to 8 bits, 1 to 3 % of a style.
        rough = rounded.run(None, fed)[0].ravel()
        assert np.linalg.norm(ours[i] - rough) < 0.05 * np.linalg.norm(ours[i])
    apart = np.linalg.norm(ours[:, None] - ours[None], axis=2)[~np.eye(len(ours), dtype=bool)]
    assert apart.min() > 2, "styles of different pictures"


def test_no_classes_and_any_size(style, pictures):
    out = style(pictures[:2, :100, :, :1], batch_size=2)
    assert out.features.shape == (2, 100)
    assert out.probabilities.shape == (2, 0)
    assert out.features.dtype == np.float32


def test_traced(style, pictures):
    few = jnp.asarray(pictures[:3, ::8, ::8])
    traced = jax.jit(lambda images: network("style")(images, batch_size=2))(few)
    for a, b in zip(traced, style(few, batch_size=2), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_refused(monkeypatch):
    with pytest.raises(DataError, match="it has no tensor MobilenetV2/Conv/weights"):
        network("style", weights=wire.installed("transform"))
    monkeypatch.setattr(_network, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"'style' needs: pip install 'clusterart-jax\[pretr"):
        network("style")
