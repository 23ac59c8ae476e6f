"""Segments: fields of colour that any method must find, connectedness, clear pixels, bad input."""

import jax
import numpy as np
import pytest
from scipy import ndimage
from skimage import data

from clusterart_jax._errors import ConfigError, DataError
from clusterart_jax.art import Segments, segment, slic

KEY = jax.random.key(0)
METHODS = ("kmeans", "gmm", "dbscan", "agglomerative")
CAT = data.chelsea()[60:140, 100:212]
COLORS = np.array([(200, 30, 30), (30, 160, 40), (40, 50, 200), (230, 210, 60)], np.uint8)


def fields(noise=4):
    """Four fields of 48 × 24, 24, 32 and 16 pixels, a colour each, and their numbers by size."""
    truth = np.repeat([0, 2, 1, 3], [32, 24, 24, 16])[None].repeat(48, axis=0)
    shift = np.random.default_rng(0).integers(-noise, noise + 1, (*truth.shape, 3))
    return (COLORS[[0, 1, 2, 3]][truth] + shift).astype(np.uint8), truth


def asked(method, k):
    return {"method": method, "k": None if method == "dbscan" else k}


@pytest.mark.parametrize("method", METHODS)
def test_fields_of_colour_are_found(method):
    image, truth = fields()
    found = segment(KEY, image, **asked(method, 4))
    assert isinstance(found, Segments)
    assert found.n_segments == 4
    sizes = found.sizes.tolist()
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 48 * 32
    assert sizes[-1] == 48 * 16
    for number in range(4):
        (field,) = np.unique(truth[found.labels == number])
        assert (np.abs(found.colors[number].astype(int) - COLORS[field]) <= 2).all()


@pytest.mark.parametrize("method", METHODS)
def test_grey_and_clear_pixels(method):
    image, truth = fields()
    grey = np.array([20, 90, 160, 240], np.uint8)[truth][..., None]
    found = segment(KEY, grey, **asked(method, 4))
    assert sorted(found.colors.ravel().tolist()) == [20, 90, 160, 240]
    clear = np.concatenate([image, np.full((*truth.shape, 1), 255, np.uint8)], axis=2)
    clear[truth == 1, 3] = 0
    found = segment(KEY, clear, **asked(method, 3))
    assert np.array_equal(found.labels < 0, truth == 1)
    assert found.n_segments == 3


def test_neighbours_merge_and_stay_connected():
    found = segment(KEY, CAT, 9, method="agglomerative")
    assert found.n_segments == 9
    for number in range(9):
        assert ndimage.label(found.labels == number)[1] == 1


def test_agglomerative_merges_in_the_order_of_ward():
    """Three stripes by hand: of two gaps the smaller is closed first, whatever the numbers."""
    image = np.repeat(np.array([60, 90, 140], np.uint8), 20)[None].repeat(30, axis=0)[..., None]
    found = segment(KEY, image, 2, method="agglomerative", place=0)
    assert found.sizes.tolist() == [1200, 600]
    assert len(np.unique(found.labels[:, :40])) == 1


def test_parts_are_segments_of_their_own():
    image, _ = fields(0)
    image[:, 80:] = image[0, 0]  # the first colour once more, elsewhere
    whole = segment(KEY, image, 3, place=0)
    assert whole.n_segments == 3
    parts = segment(KEY, image, 3, place=0, parts=True)
    assert parts.n_segments == 4
    assert parts.sizes.sum() == whole.sizes.sum() == image[..., 0].size
    assert parts.labels[0, 0] != parts.labels[0, -1]


def test_place_parts_what_colour_does_not():
    image = np.full((40, 80, 3), 120, np.uint8)
    found = segment(KEY, image, 2, place=1)
    assert sorted(found.sizes.tolist()) == [1600, 1600]
    assert segment(KEY, image, 2, place=0).n_segments == 1  # one colour is no two


def test_segments_are_unions_of_superpixels():
    found = segment(KEY, CAT, 5, n_superpixels=60)
    small = slic(CAT, 60)
    pairs = np.unique(np.stack([small.labels.ravel(), found.labels.ravel()]), axis=1)
    assert pairs.shape[1] == small.n_segments
    light = np.array([small.sizes[pairs[0][pairs[1] == i]].sum() for i in range(5)])
    assert np.array_equal(light, found.sizes)


@pytest.mark.parametrize("method", METHODS)
def test_twice_the_same_and_any_size(method):
    for image in (CAT[:16, :16], CAT[:1, :40, :1]):
        first, second = (segment(KEY, image, **asked(method, 2)) for _ in range(2))
        assert np.array_equal(first.labels, second.labels)
        assert first.sizes.sum() == image[..., 0].size
        assert (first.labels >= 0).all()


def test_noise_goes_to_the_nearest():
    image, truth = fields(0)
    image[16:24, 8:16] = (255, 255, 255)  # of one superpixel, so that it is no cluster
    found = segment(KEY, image, method="dbscan", eps=0.12, n_superpixels=72, place=0)
    assert found.n_segments == 4
    assert (found.labels >= 0).all()
    assert len(np.unique(found.labels[truth == 2])) == 1


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"k": 0}, ConfigError, "k must be between 1 and 8960"),
        ({"k": 2.5}, TypeError, "k must be a whole number"),
        ({}, ConfigError, "method 'kmeans' needs k"),
        ({"k": 3, "method": "kmean"}, ConfigError, "did you mean 'kmeans'"),
        ({"k": 3, "method": "dbscan"}, ConfigError, "k must be None, not 3"),
        ({"k": 3, "eps": 0.1}, ConfigError, "eps is an option of method 'dbscan'"),
        ({"method": "dbscan", "eps": 0}, ConfigError, "eps must be above 0"),
        ({"k": 3, "place": -0.1}, ConfigError, "place must be at least 0"),
        ({"k": 3, "min_size": -0.1}, ConfigError, "min_size must be at least 0"),
        ({"k": 3, "n_superpixels": 0}, ConfigError, "n_superpixels must be between"),
        ({"k": 90, "n_superpixels": 9}, ConfigError, "k must be at most"),
        ({"k": 3, "compactness": 0}, ConfigError, "compactness"),
    ],
)
def test_bad_options(options, error, text):
    with pytest.raises(error, match=text):
        segment(KEY, CAT, **options)


def test_bad_pictures():
    with pytest.raises(ValueError, match="shape"):
        segment(KEY, CAT[None], 3)
    with pytest.raises(DataError, match="transparent"):
        segment(KEY, np.zeros((9, 9, 4), np.uint8), 3)
    with pytest.raises(TypeError, match="key"):
        segment(0, CAT, 3)
