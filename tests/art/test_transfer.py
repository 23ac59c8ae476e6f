"""Transfer of colours and textures: where it leads, what it keeps, what it refuses."""

import jax
import numpy as np
import pytest

from clusterart_jax import art
from clusterart_jax._errors import ConfigError, DataError
from clusterart_jax.art import _scales, _transfer
from clusterart_jax.features import srgb_to_oklab

RNG = np.random.default_rng(0)
Y, X = np.mgrid[:60, :52]
PHOTO = np.stack([3 * X + 20, 2 * Y + 90, 255 - 3 * X - Y], axis=2).clip(0, 255).astype(np.uint8)
PHOTO[20:40, 10:30] = (200, 40, 60)
WARM = np.stack([200 + 40 * np.sin(X), 110 + 50 * np.cos(Y / 3), 40 + X / 2], axis=2)
WARM = (WARM + RNG.normal(size=WARM.shape) * 8).clip(0, 255).astype(np.uint8)


@pytest.fixture
def few_steps(monkeypatch):
    """For what does not depend on how far the way goes."""
    monkeypatch.setattr(_transfer, "_STEPS", (1, 1, 1))
    monkeypatch.setattr(_transfer, "_SAMPLES", 256)


@pytest.fixture(autouse=True)
def fewer_steps(monkeypatch):
    monkeypatch.setattr(_transfer, "_STEPS", (3, 3, 3))
    monkeypatch.setattr(_transfer, "_SAMPLES", 1024)


def lab(image):
    return np.asarray(srgb_to_oklab(image[..., :3].reshape(-1, 3) / 255.0))


def test_colours_become_those_of_the_example(key):
    made = art.transfer(key, PHOTO, [WARM], strength=1.0)
    assert made.shape == PHOTO.shape
    np.testing.assert_allclose(lab(made).mean(axis=0), lab(WARM).mean(axis=0), atol=0.03)
    np.testing.assert_allclose(lab(made).std(axis=0), lab(WARM).std(axis=0), atol=0.035)
    assert np.corrcoef(lab(made)[:, 0], lab(PHOTO)[:, 0])[0, 1] > 0.5  # it shows the same


def test_strength_goes_from_the_photograph_to_the_example(key):
    far = [
        np.linalg.norm(lab(art.transfer(key, PHOTO, [WARM], strength=s)).mean(axis=0)
                       - lab(PHOTO).mean(axis=0))
        for s in (0.0, 0.5, 1.0)
    ]  # fmt: skip
    assert far[0] < 0.01
    assert far[0] < far[1] < far[2]
    still = art.transfer(key, PHOTO, [WARM], strength=0.0)
    assert abs(still.astype(int) - PHOTO).mean() < 8


def test_two_examples_meet_in_the_middle(key, few_steps):
    red, blue = (np.broadcast_to(np.uint8(c), (20, 20, 3)) for c in ((200, 60, 60), (60, 60, 200)))
    red, blue = (x + RNG.integers(0, 20, x.shape, np.uint8) for x in (red, blue))
    made = art.transfer(key, PHOTO, [red, blue], strength=1.0, weights=[1, 3])
    wanted = 0.25 * lab(red).mean(axis=0) + 0.75 * lab(blue).mean(axis=0)
    np.testing.assert_allclose(lab(made).mean(axis=0), wanted, atol=0.03)


def test_an_example_of_weight_nothing_is_absent(key, few_steps):
    noise = RNG.integers(0, 256, (30, 30, 3), np.uint8)
    one = art.transfer(key, PHOTO, [WARM, noise], weights=[2, 0])
    assert (
        np.abs(lab(one).mean(axis=0) - lab(art.transfer(key, PHOTO, [WARM])).mean(axis=0)).max()
        < 0.02
    )


def test_colours_are_kept(key, few_steps):
    made = art.transfer(key, PHOTO, [WARM], strength=1.0, keep_colors=True)
    inside = (made > 0).all(axis=2) & (made < 255).all(axis=2)  # else cut off to what sRGB shows
    kept = (lab(made)[:, 1:] - lab(PHOTO)[:, 1:])[inside.ravel()]
    assert inside.mean() > 0.5
    assert np.abs(kept).max() < 0.01
    assert not np.array_equal(made, PHOTO)


def test_alpha_comes_back_and_hides_what_is_clear(key, few_steps):
    alpha = np.full((60, 52, 1), 255, np.uint8)
    alpha[:, 26:] = 0
    clear = PHOTO.copy()
    clear[:, 26:] = (0, 255, 0)
    other = PHOTO.copy()
    other[:, 26:] = (255, 0, 255)
    made, same = (
        art.transfer(key, np.concatenate([x, alpha], axis=2), [WARM]) for x in (clear, other)
    )
    assert np.array_equal(made[..., 3:], alpha)
    assert abs(made[:, :18, :3].astype(int) - same[:, :18, :3]).mean() < 3


def test_grey_pictures(key, few_steps):
    grey = PHOTO[..., :1]
    assert art.transfer(key, grey, [WARM]).shape == (60, 52, 3)
    assert art.transfer(key, grey, [WARM[..., :1]], keep_colors=True).shape == (60, 52, 1)


def test_the_same_key_gives_the_same_and_another_another(key, few_steps):
    one, two = (art.transfer(key, PHOTO, [WARM]) for _ in range(2))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, art.transfer(jax.random.key(1), PHOTO, [WARM]))


@pytest.mark.parametrize("shape", [(16, 16), (1, 1), (7, 130), (300, 33)])
def test_any_size(key, shape, few_steps):
    picture = RNG.integers(0, 256, (*shape, 3), np.uint8)
    assert art.transfer(key, picture, [WARM], size=64).shape == (*shape, 3)


def test_a_larger_picture_keeps_its_detail(key, few_steps):
    large = PHOTO.repeat(4, axis=0).repeat(4, axis=1)
    large[::2, ::2] //= 2  # finer than what is worked on
    made = art.transfer(key, large, [WARM], size=60)
    fine = [np.abs(np.diff(lab(x).reshape(*x.shape), axis=1)[..., 0]).mean() for x in (large, made)]
    assert fine[1] > 0.8 * fine[0]


def test_few_programs_serve_all_sizes(key, few_steps, compilations):
    art.transfer(key, PHOTO, [WARM])
    before = compilations.count
    art.transfer(key, PHOTO[:55, :41], [WARM[:50, :31]])
    assert compilations.count == before


def test_the_map_between_gaussians():
    one, two = RNG.normal(size=(5000, 3)), RNG.normal(size=(5000, 3)) @ RNG.normal(size=(3, 3)) + 2
    there = _transfer._affine(one, _transfer._map(one, two))
    np.testing.assert_allclose(there.mean(axis=0), two.mean(axis=0), atol=1e-3)
    np.testing.assert_allclose(np.cov(there.T), np.cov(two.T), atol=0.02)
    matrix = _transfer._map(one, two)[1]
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-9)  # a gradient of a convex function
    assert (np.linalg.eigvalsh(matrix) > 0).all()


def test_windows_are_means():
    x = RNG.normal(size=(30, 21, 2))
    found = _scales.windowed(x)
    assert found[15, 10] == pytest.approx(x[7:24, 2:19].mean(axis=(0, 1)))
    assert found[0, 20] == pytest.approx(x[:9, 12:].mean(axis=(0, 1)))


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"strength": 1.5}, ConfigError, "strength must be between 0 and 1, not 1.5"),
        ({"weights": [1, 2]}, ConfigError, "weights must be 1 numbers"),
        ({"weights": [-1]}, ConfigError, "weights"),
        ({"weights": [0]}, ConfigError, "not all 0"),
        ({"size": 4}, ValueError, "size must be at least 16"),
        ({"examples": []}, DataError, "examples: there are none"),
        ({"examples": [WARM[..., 0]]}, DataError, r"examples\[0\] must have shape"),
        ({"picture": PHOTO / 255}, DataError, "picture must be uint8"),
    ],
)
def test_bad_input(key, change, error, words):
    options = {"picture": PHOTO, "examples": [WARM]} | change
    with pytest.raises(error, match=words):
        art.transfer(key, options.pop("picture"), options.pop("examples"), **options)
