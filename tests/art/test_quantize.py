"""Pictures of few colours: exact where they may be, near the best there is, dithered as told."""

import jax
import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_sample_image

from clusterart_jax._errors import ConfigError
from clusterart_jax.art import quantize
from clusterart_jax.art._dither import dithered
from clusterart_jax.features import srgb_to_oklab

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def photograph():
    return load_sample_image("china.jpg")[100:260, 100:340]


def mse(image, colors):
    return float(((image.astype(float) - colors) ** 2).mean())


def oklab_error(image, colors):
    both = [np.asarray(srgb_to_oklab(x.reshape(-1, 3) / 255)) for x in (image, colors)]
    return float(np.linalg.norm(both[0] - both[1], axis=1).mean())


@pytest.mark.parametrize("depth", [1, 3, 4])
def test_few_colours_come_back_exactly(depth):
    table = np.random.default_rng(0).integers(0, 256, (9, depth), np.uint8)
    image = table[np.random.default_rng(1).integers(0, 9, (30, 40))]
    found = quantize(KEY, image, 16, dither=1.0)
    wanted = image.repeat(3, axis=2) if depth == 1 else image
    assert np.array_equal(found.colors[found.indices], wanted)
    assert len(found.colors) == 9


def test_the_most_frequent_colour_is_first(photograph):
    found = quantize(KEY, photograph, 8)
    counts = np.bincount(found.indices.reshape(-1), minlength=8)
    assert (np.diff(counts) <= 0).all()
    assert np.allclose(found.shares, counts / found.indices.size)
    assert found.indices.dtype == found.colors.dtype == np.uint8


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_each_pixel_has_the_nearest_colour(photograph, p):
    found = quantize(KEY, photograph, 8, perceptual=p)
    pixels, colors = photograph.reshape(-1, 3) / 255, found.colors / 255
    if p:
        pixels, colors = (np.asarray(srgb_to_oklab(x)) for x in (pixels, colors))
    squares = ((pixels[:, None] - colors) ** 2).sum(axis=2)
    given = squares[np.arange(len(pixels)), found.indices.reshape(-1)]
    assert (given <= squares.min(axis=1) + 1e-6).all()


@pytest.mark.parametrize("k", [6, 16])
def test_no_worse_than_k_means_of_scikit_learn(photograph, k):
    points = photograph.reshape(-1, 3).astype(float)
    peer = KMeans(k, n_init=1, random_state=0).fit(points)
    theirs = np.round(peer.cluster_centers_)[peer.labels_].reshape(photograph.shape)
    found = quantize(KEY, photograph, k)
    ours = found.colors[found.indices]
    assert mse(photograph, ours) <= 1.02 * mse(photograph, theirs)
    assert oklab_error(photograph, ours) <= oklab_error(photograph, theirs)


def test_perceptual_trades_one_error_for_the_other(photograph):
    srgb, oklab = (quantize(KEY, photograph, 8, perceptual=p) for p in (0.0, 1.0))
    srgb, oklab = (found.colors[found.indices] for found in (srgb, oklab))
    assert mse(photograph, srgb) < mse(photograph, oklab)
    assert oklab_error(photograph, oklab) < oklab_error(photograph, srgb)


def test_what_is_clear_costs_one_colour(photograph):
    image = np.concatenate([photograph, np.full((*photograph.shape[:2], 1), 255, np.uint8)], axis=2)
    image[:80, :, 3] = 0  # whatever lies below it
    found = quantize(KEY, image, 8)
    assert found.colors.shape[1] == 4
    assert len(np.unique(found.indices[:80])) == 1
    assert found.colors[found.indices[0, 0], 3] == 0
    assert (found.colors[found.indices[80:]][..., 3] == 255).all()


def test_alpha_is_quantised_with_colour():
    image = np.zeros((64, 64, 4), np.uint8)
    image[..., 0] = 200
    image[..., 3] = np.arange(64) * 4
    found = quantize(KEY, image, 8)
    seen = found.colors[found.indices].astype(int)
    assert np.abs(seen[..., 3] - image[..., 3]).max() <= 40
    assert len(found.colors) == 8


def light(levels):
    values = np.asarray(levels, float) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


CONES = [
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
]
LAB = [
    [0.2104542553, 0.7936177850, -0.0040720468],
    [1.9779984951, -2.4285922050, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.8086757660],
]


def oklab(linear):
    return np.cbrt(linear @ np.transpose(CONES)) @ np.transpose(LAB)


def slow(image, colors, amount):
    """Floyd and Steinberg's way, pixel by pixel."""
    h, w, _ = image.shape
    wanted, errors = light(image), np.zeros((h + 1, w + 2, 3))
    points = oklab(light(colors))
    indices = np.zeros((h, w), int)
    for y in range(h):
        for x in range(w):
            value = np.clip(wanted[y, x] + amount * errors[y, x + 1], 0, 1)
            gaps = ((oklab(value) - points) ** 2).sum(axis=1)
            indices[y, x] = gaps.argmin()
            error = value - light(colors[indices[y, x]])
            for dy, dx, part in ((0, 1, 7), (1, -1, 3), (1, 0, 5), (1, 1, 1)):
                errors[y + dy, x + 1 + dx] += part / 16 * error
    return indices


@pytest.mark.parametrize("amount", [0.5, 1.0])
def test_dithering_is_that_of_floyd_and_steinberg(amount):
    # Taller than a band, and no multiple of anything; few colours, so that rounding decides little.
    image = np.random.default_rng(0).integers(0, 256, (131, 21, 3), np.uint8)
    colors = np.random.default_rng(1).integers(0, 256, (5, 3), np.uint8)
    wanted = slow(image, colors.astype(float), amount)
    assert (dithered(image, colors, amount) == wanted).mean() > 0.999


def test_dithering_keeps_the_light_of_a_gradient():
    ramp = np.tile(np.linspace(0, 255, 256).astype(np.uint8), (64, 1))
    plain, dotted = (quantize(KEY, ramp, 2, dither=amount) for amount in (0.0, 1.0))
    wanted = light(ramp)[:, 96:160].mean()
    errors = [
        abs(light(found.colors[found.indices])[:, 96:160].mean() - wanted)
        for found in (plain, dotted)
    ]
    assert errors[1] < 0.02 < errors[0]


def test_dithering_leaves_clear_pixels_clear(photograph):
    image = np.concatenate([photograph, np.full((*photograph.shape[:2], 1), 255, np.uint8)], axis=2)
    image[:80, :, 3] = 0
    found = quantize(KEY, image, 8, dither=1.0)
    assert (found.colors[found.indices[:79]][..., 3] == 0).all()


def test_same_key_same_picture(photograph):
    first, second = (quantize(KEY, photograph, 8) for _ in range(2))
    assert np.array_equal(first.indices, second.indices)
    assert np.array_equal(first.colors, second.colors)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"k": 0}, "k must be between 1 and 256, not 0"),
        ({"k": 257}, "k must be between 1 and 256, not 257"),
        ({"dither": 1.5}, "dither must be between 0 and 1, not 1.5"),
        ({"perceptual": -1.0}, "perceptual must be between 0 and 1"),
    ],
)
def test_what_cannot_be_is_named(photograph, options, words):
    with pytest.raises((ValueError, ConfigError), match=words):
        quantize(KEY, photograph, **{"k": 4, **options})
