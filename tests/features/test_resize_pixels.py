import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from clusterart_jax.features import resize

FILTERS = {
    "area": Image.Resampling.BOX,
    "linear": Image.Resampling.BILINEAR,
    "cubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def test_by_hand():
    picture = np.array([[0.0, 1, 2, 3], [4, 5, 6, 7]]).reshape(1, 2, 4, 1)
    assert resize(picture, (1, 2), method="area").ravel().tolist() == [2.5, 4.5]
    np.testing.assert_allclose(
        resize(picture[:, :1, :2], (1, 4), method="linear").ravel(), [0, 0.25, 0.75, 1]
    )


@pytest.mark.parametrize("method", FILTERS)
def test_parity(method):
    pictures = np.random.default_rng(0).random((2, 16, 24, 1)).astype(np.float32)
    for size in ((8, 6), (17, 31), (40, 9)):
        ours = resize(pictures, size, method=method)
        for picture, found in zip(pictures, ours, strict=True):
            whole = Image.fromarray(picture[:, :, 0]).resize(size[::-1], FILTERS[method])
            if method == "area" and size != (8, 6):
                continue  # Pillow's box takes whole pixels only, ours the shares of cut ones
            np.testing.assert_allclose(found[:, :, 0], np.asarray(whole), atol=2e-5)


@pytest.mark.parametrize("method", FILTERS)
def test_properties(method):
    rng = np.random.default_rng(0)
    flat = resize(np.full((1, 9, 7, 3), 0.3), (4, 11), method=method)
    np.testing.assert_allclose(flat, 0.3, rtol=1e-12)
    pictures = rng.random((3, 9, 7, 2))
    np.testing.assert_allclose(resize(pictures, (9, 7), method=method), pictures, atol=1e-15)
    turned = resize(pictures[:, ::-1, ::-1], (4, 5), method=method)
    np.testing.assert_allclose(
        turned, resize(pictures, (4, 5), method=method)[:, ::-1, ::-1], atol=1e-13
    )
    assert resize(pictures, 5, method=method).shape == (3, 5, 5, 2)


def test_uint8_is_rounded_and_clipped():
    edge = np.repeat(np.array([0, 255], np.uint8), 8).reshape(1, 1, 16, 1)
    small = resize(edge, (1, 8), method="lanczos")
    assert small.dtype == np.uint8
    assert (
        small.ravel().tolist()
        == np.asarray(Image.fromarray(edge[0, :, :, 0]).resize((8, 1), Image.Resampling.LANCZOS))
        .ravel()
        .tolist()
    )
    assert resize(edge.astype(np.float32), (1, 8), method="lanczos").max() > 255


def test_blocks_and_transforms(monkeypatch):
    pictures = jnp.asarray(np.random.default_rng(0).random((10, 6, 6, 3)))
    alone = resize(pictures, 4)
    monkeypatch.setattr("clusterart_jax.features._spread.block_size", lambda n, width: min(n, 3))
    jax.clear_caches()
    np.testing.assert_allclose(resize(pictures, 4), alone, rtol=1e-12)
    weights = jnp.asarray(np.random.default_rng(1).random(alone.shape))
    slope = jax.jit(jax.grad(lambda p: jnp.sum(resize(p, 4) * weights)))(pictures)
    np.testing.assert_allclose(jnp.sum(slope * pictures), jnp.sum(alone * weights), rtol=1e-10)


@pytest.mark.parametrize(
    ("images", "size", "options", "error", "text"),
    [
        (np.zeros((2, 4, 4)), 2, {}, ValueError, r"images must have shape \(n, h, w, c\)"),
        (np.zeros((2, 4, 4, 3), int), 2, {}, TypeError, "uint8 or floating point, not int64"),
        (np.zeros((2, 4, 4, 3)), 0, {}, ValueError, "size must be at least 1, not 0"),
        (np.zeros((2, 4, 4, 3)), (1, 2, 3), {}, ValueError, "one number or"),
        (np.zeros((2, 4, 4, 3)), 2, {"method": "box"}, ValueError, "method must be one of area"),
    ],
)
def test_bad_arguments(images, size, options, error, text):
    with pytest.raises(error, match=text):
        resize(images, size, **options)
