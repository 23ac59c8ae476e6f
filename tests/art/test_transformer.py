"""The style transformer beside onnxruntime, as one program and in tiles."""

import tracemalloc

import jax
import jax.numpy as jnp
import numpy as np
import onnx_wire as wire
import onnxruntime
import pytest
import skimage.data

from clusterart_jax._errors import ConfigError, DataError
from clusterart_jax.art import (
    _tiles,
    _transformer,
    style_transformer,
    style_vectors,
    stylize,
)
from clusterart_jax.art._tiles import stylize_tiled
from clusterart_jax.art._transformer import convolve, doubled, doubling

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket", "hubble_deep_field", "brick")
SIDE = 128


def photograph(name):
    picture = np.atleast_3d(getattr(skimage.data, name)())[: 2 * SIDE : 2, : 2 * SIDE : 2]
    return np.ascontiguousarray(np.broadcast_to(picture, (SIDE, SIDE, 3)))


def style(seed):
    return np.random.default_rng(seed).normal(scale=0.7, size=100).astype(np.float32)


@pytest.fixture(scope="module")
def net():
    return style_transformer()


def session(graph):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph, options)


def fed(images, vector):
    picture, values = images[None].astype(np.float32) / 255, vector[None, None, None]
    return {"content_image": picture, "mobilenet_conv/Conv/BiasAdd": values}


def test_six_photographs_as_onnxruntime_in_float(net):
    """A mean of 2/255 is what is promised; rounding alone is what is left."""
    exact = session(wire.floating(wire.installed("transform").read_bytes()))
    pictures = np.stack([photograph(name) for name in PHOTOGRAPHS])
    styles = style_vectors(pictures[::-1])
    ours = np.asarray(stylize(net, pictures.astype(np.float32) / 255, styles))
    assert ours.std() > 0.1
    for i, picture in enumerate(pictures):
        (theirs,) = exact.run(None, fed(picture, styles[i]))
        np.testing.assert_allclose(ours[i], theirs[0], atol=0.01 / 255)


def test_the_file_as_it_is(net):
    """Rounding what flows to 8 bits, as onnxruntime does with the file, is a few grey levels."""
    picture = np.asarray(skimage.data.chelsea()[:300, :384])
    picture = np.pad(picture, ((0, 84), (0, 0), (0, 0)), mode="reflect")
    (vector,) = style_vectors([skimage.data.coffee()])
    (theirs,) = session(wire.installed("transform").read_bytes()).run(None, fed(picture, vector))
    ours = stylize_tiled(net, picture, vector)
    assert 255 * np.abs(ours - theirs[0]).mean() < 10


def test_a_doubling_inside_a_kernel():
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(3, 3, 5, 2)).astype(np.float32)
    x = rng.normal(size=(2, 6, 8, 5)).astype(np.float32)
    large = np.repeat(np.repeat(x, 2, axis=1), 2, axis=2)
    margin = ((0, 0), (1, 1), (1, 1), (0, 0))
    wanted = convolve(jnp.pad(large, margin, mode="reflect"), jnp.asarray(kernel))
    padded = jnp.pad(x, margin, mode="edge")
    found = doubled(convolve(padded, jnp.asarray(doubling(kernel))))
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_vmap_over_styles(net):
    picture = jnp.asarray(photograph("coffee")[None, :32, :48], jnp.float32) / 255
    styles = np.stack([style(i) for i in range(3)])[:, None]
    many = jax.vmap(stylize, (None, None, 0))(net, picture, styles)
    for one, vector in zip(many, styles, strict=True):
        np.testing.assert_allclose(one, stylize(net, picture, vector), atol=1e-5)
    assert np.abs(many[0] - many[1]).mean() > 0.05


def test_gradients_reach_the_style(net):
    picture = jnp.asarray(photograph("coffee")[None, :16, :16], jnp.float32) / 255
    slope = jax.grad(lambda s: jnp.mean(stylize(net, picture, s)))(jnp.asarray(style(0))[None])
    assert np.isfinite(slope).all()
    assert np.abs(slope).max() > 1e-4


@pytest.mark.parametrize(("h", "w", "side"), [(16, 16, 32), (16, 80, 4), (44, 60, 4), (72, 28, 8)])
def test_tiles_give_the_whole(net, h, w, side):
    picture = photograph("astronaut")[:h, :w]
    whole = stylize(net, picture[None].astype(np.float32) / 255, style(1)[None])[0]
    np.testing.assert_allclose(stylize_tiled(net, picture, style(1), side=side), whole, atol=1e-4)


def test_large_tiles_give_the_whole(net):
    """The sides that pictures get, whatever their number."""
    picture = np.tile(photograph("rocket"), (2, 3, 1))[:200, :300]
    sides = (_tiles._SMALL, _tiles._LARGE)
    small, large = (stylize_tiled(net, picture, style(2), side=side) for side in sides)
    np.testing.assert_allclose(small, large, atol=1e-4)


def test_sizes_share_programs(net, compilations):
    stylize_tiled(net, photograph("rocket")[:40, :52], style(2), side=8)
    before = compilations.count
    stylize_tiled(net, photograph("rocket")[:76, :16], style(3), side=8)
    assert compilations.count == before


def test_memory_is_bounded(net):
    picture = np.tile(photograph("rocket"), (6, 6, 1))
    stylize_tiled(net, picture[:64, :64], style(2), side=32)
    tracemalloc.start()
    stylize_tiled(net, picture, style(2), side=32)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 28 * picture[:, :, 0].size + 4e6


def test_refused(net, monkeypatch):
    picture = jnp.zeros((1, 16, 16, 3), jnp.float32)
    with pytest.raises(ValueError, match=r"multiples of 4 from 16 on, not \(1, 16, 18, 3\)"):
        stylize(net, jnp.zeros((1, 16, 18, 3), jnp.float32), jnp.zeros((1, 100), jnp.float32))
    with pytest.raises(ValueError, match=r"styles must have shape \(1, 100\), not \(2, 100\)"):
        stylize(net, picture, jnp.zeros((2, 100), jnp.float32))
    with pytest.raises(DataError, match="is no style transformer: it has no tensor"):
        style_transformer(wire.installed("predict"))
    monkeypatch.setattr(_transformer, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"needs: pip install 'clusterart-jax\[pretrained\]'"):
        style_transformer.__wrapped__()
