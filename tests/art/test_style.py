"""Style vectors and pictures painted in styles: channels, strength, colours, sizes."""

import numpy as np
import pytest
import skimage.data

from clusterart_jax._errors import ConfigError, DataError
from clusterart_jax.art import apply_style, mix_styles, style_vectors
from clusterart_jax.features import network, srgb_to_oklab

PHOTO = np.ascontiguousarray(skimage.data.astronaut()[:120:2, 150:300:2])  # (60, 75)


@pytest.fixture(scope="module")
def vectors():
    return style_vectors([PHOTO, skimage.data.coffee()])


def oklab(picture):
    return np.asarray(srgb_to_oklab(picture.astype(np.float32) / 255))


def test_vectors_are_the_networks(vectors):
    squares = skimage.data.coffee()[None, :, 100:500]
    np.testing.assert_allclose(vectors[1], network("style").features(squares)[0], atol=0.02)
    again = style_vectors(np.stack([PHOTO, PHOTO[::-1], PHOTO]), batch_size=2)
    np.testing.assert_allclose(again[[0, 2]], vectors[[0, 0]], atol=1e-4)
    assert np.abs(again[1] - again[0]).max() > 0.01


def test_grey_and_alpha_are_seen_as_they_look():
    grey = PHOTO[:, :, :1]
    clear = np.dstack([PHOTO, np.full(PHOTO.shape[:2], 255, np.uint8)])
    found = style_vectors([grey, np.repeat(grey, 3, 2), PHOTO, clear])
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)
    np.testing.assert_allclose(found[2], found[3], atol=1e-5)


def test_what_is_transparent_is_not_seen():
    alpha = np.zeros(PHOTO.shape[:2], np.uint8)
    alpha[:, :40] = 255
    noise = np.random.default_rng(0).integers(0, 256, PHOTO.shape, np.uint8)
    hidden = np.where(alpha[:, :, None] > 0, PHOTO, noise)
    a, b = (np.dstack([part, alpha]) for part in (PHOTO, hidden))
    np.testing.assert_array_equal(style_vectors([a]), style_vectors([b]))
    painted = apply_style(a, style_vectors([noise])[0])
    np.testing.assert_array_equal(
        painted[:, :40], apply_style(b, style_vectors([noise])[0])[:, :40]
    )
    np.testing.assert_array_equal(painted[:, :, 3], alpha)
    empty = apply_style(np.zeros((16, 20, 4), np.uint8), style_vectors([noise])[0])
    assert empty.shape == (16, 20, 4)
    assert not empty[:, :, 3].any()


def test_strength_is_between_styles(vectors):
    own, given = vectors
    full = apply_style(PHOTO, given)
    assert full.dtype == np.uint8
    np.testing.assert_array_equal(apply_style(PHOTO, given, strength=0), apply_style(PHOTO, own))
    half = apply_style(PHOTO, given, strength=0.5)
    np.testing.assert_allclose(half, apply_style(PHOTO, 0.5 * own + 0.5 * given), atol=1)
    changes = [
        np.abs(apply_style(PHOTO, given, strength=s) - PHOTO.astype(float)).mean() for s in (0, 0.5)
    ]
    assert changes[0] < changes[1] < np.abs(full - PHOTO.astype(float)).mean()
    np.testing.assert_array_equal(full, apply_style(PHOTO, given))


def test_mixtures(vectors):
    mixed = mix_styles(vectors, [1, 3])
    np.testing.assert_allclose(mixed, 0.25 * vectors[0] + 0.75 * vectors[1], atol=1e-6)
    np.testing.assert_array_equal(mix_styles(vectors, [0, 2]), vectors[1])
    beyond = mix_styles(vectors, [-0.5, 1.5])
    np.testing.assert_allclose(beyond - vectors[1], (vectors[1] - vectors[0]) / 2, atol=1e-6)
    for weights in ([1], [1, -1], [1, np.inf], [0, 0]):
        with pytest.raises(DataError, match="weights"):
            mix_styles(vectors, weights)
    with pytest.raises(
        DataError, match=r"styles must be \(m, 100\) and weights \(m,\), not \(100,\)"
    ):
        mix_styles(vectors[0], [1])


def test_numbers_stay_in_range(vectors):
    painted = apply_style(PHOTO, 40 * vectors[1])
    assert painted.std() > 0


def test_colors_are_kept(vectors):
    free, kept = (apply_style(PHOTO, vectors[1], keep_colors=keep) for keep in (False, True))
    before = oklab(PHOTO)
    shown = (kept > 0).all(axis=2) & (kept < 255).all(axis=2)  # else out of sRGB's reach
    np.testing.assert_allclose(oklab(kept)[shown, 1:], before[shown, 1:], atol=0.02)
    np.testing.assert_allclose(oklab(kept)[shown, 0], oklab(free)[shown, 0], atol=0.01)
    assert shown.mean() > 0.5
    assert np.abs(oklab(free) - before)[..., 1:].mean() > 0.05


def test_grey(vectors):
    grey = PHOTO[:, :, :1]
    assert apply_style(grey, vectors[1]).shape == (60, 75, 3)
    kept = apply_style(grey, vectors[1], keep_colors=True)
    assert kept.shape == grey.shape
    assert kept.std() > 10


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 50, 1), (16, 16, 3), (17, 33, 4), (130, 21, 3)])
def test_any_size(vectors, shape):
    picture = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    painted = apply_style(picture, vectors[0], keep_colors=shape[2] == 4)
    assert painted.shape == (*shape[:2], max(3, shape[2]))


def test_refused(vectors):
    for strength in (-0.1, 2.5, np.nan, "much", True):
        with pytest.raises(ConfigError, match="strength must be a number from 0 to 2, not "):
            apply_style(PHOTO, vectors[0], strength=strength)
    with pytest.raises(DataError, match=r"picture must have shape .*, not \(60, 75\)"):
        apply_style(PHOTO[:, :, 0], vectors[0])
    with pytest.raises(DataError, match="picture must be uint8, not float64"):
        apply_style(PHOTO / 255, vectors[0])
    with pytest.raises(DataError, match=r"style must be 100 finite numbers, not .* \(2, 100\)"):
        apply_style(PHOTO, vectors)
    with pytest.raises(DataError, match="style must be 100 finite numbers"):
        apply_style(PHOTO, np.full(100, np.nan))
    with pytest.raises(DataError, match=r"pictures\[1\] must have shape"):
        style_vectors([PHOTO, PHOTO[:0]])
    with pytest.raises(DataError, match="pictures must hold at least one"):
        style_vectors([])
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        style_vectors([PHOTO], batch_size=0)
