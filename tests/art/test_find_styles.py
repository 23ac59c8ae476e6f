"""Styles among vectors, and new ones."""

import jax
import numpy as np
import pytest

from clusterart_jax import art
from clusterart_jax._errors import ConfigError, DataError

RNG = np.random.default_rng(0)
SIZES = (30, 20, 10)
CENTERS = 8 * RNG.normal(size=(3, 40))
LABELS = np.repeat(np.arange(3), SIZES)
MIXED = RNG.permutation(60)
VECTORS = (CENTERS[LABELS] + RNG.normal(size=(60, 40)))[MIXED]


@pytest.fixture(scope="module")
def styles():
    return art.find_styles(jax.random.key(0), VECTORS, 3, n_init=2)


def test_styles_are_found_and_ordered_by_size(styles):
    assert np.bincount(styles.labels).tolist() == list(SIZES)
    assert np.array_equal(styles.labels, LABELS[MIXED])


def test_auto_finds_how_many(monkeypatch):
    monkeypatch.setattr(art._find_styles, "MOST", 5)
    styles = art.find_styles(jax.random.key(0), VECTORS, n_init=1)
    assert np.array_equal(styles.labels, LABELS[MIXED])
    assert len(styles.scores) == 4
    assert styles.scores.argmax() == 1  # three


def test_means_and_distances_belong_to_labels(styles):
    for number in range(3):
        inside = styles.labels == number
        np.testing.assert_allclose(styles.means[number], VECTORS[inside].mean(axis=0), atol=1e-4)
    points = np.asarray(styles.place(VECTORS))
    centers = np.stack([points[styles.labels == i].mean(axis=0) for i in range(3)])
    wanted = np.linalg.norm(points - centers[styles.labels], axis=1)
    np.testing.assert_allclose(styles.distances, wanted, atol=1e-3)


def test_the_mixture_knows_the_styles(styles):
    predicted = np.asarray(styles.mixture.predict(styles.place(VECTORS)))
    assert np.array_equal(predicted, styles.labels)
    np.testing.assert_allclose(styles.mixture.weights, np.array(SIZES) / 60, atol=0.02)


def test_new_styles_at_no_temperature_are_the_middles(styles):
    vectors, points = art.invent_styles(jax.random.key(1), styles, 20, temperature=0)
    gaps = np.linalg.norm(vectors[:, None] - styles.means[None], axis=2).min(axis=1)
    assert gaps.max() < 3  # of 40 columns, whose smaller components are left out
    np.testing.assert_allclose(np.asarray(styles.place(vectors)), points, atol=1e-3)


def test_the_warmer_the_farther(styles):
    far = []
    for temperature in (0.5, 1.0, 2.0):
        _, points = art.invent_styles(jax.random.key(1), styles, 200, temperature=temperature)
        gaps = np.linalg.norm(points[:, None] - np.asarray(styles.mixture.means)[None], axis=2)
        far.append(gaps.min(axis=1).mean())
    assert far[1] == pytest.approx(2 * far[0], rel=0.1)
    assert far[2] == pytest.approx(2 * far[1], rel=0.2)


@pytest.mark.parametrize("n", [2, 4])
def test_few_pictures(n):
    styles = art.find_styles(jax.random.key(0), VECTORS[:n], n_init=1)
    assert 1 <= len(styles.means) < max(n, 2)
    assert np.isfinite(np.asarray(styles.mixture.means)).all()


def test_equal_pictures_are_one_style():
    styles = art.find_styles(jax.random.key(0), np.ones((6, 4)), 2, n_init=1)
    assert len(np.unique(styles.labels)) == len(styles.means)
    assert np.isfinite(art.invent_styles(jax.random.key(0), styles, 3)[0]).all()


@pytest.mark.parametrize(
    ("vectors", "k", "error", "words"),
    [
        (VECTORS, 0, ConfigError, "between 1 and 60"),
        (VECTORS, 61, ConfigError, "between 1 and 60"),
        (VECTORS, "many", ConfigError, "'many'"),
        (VECTORS[:1], 1, DataError, "two pictures"),
        (np.full((3, 2), np.nan), 1, DataError, "row 0"),
    ],
)
def test_bad_input(vectors, k, error, words):
    with pytest.raises(error, match=words):
        art.find_styles(jax.random.key(0), vectors, k)


def test_new_styles_need_a_temperature_that_can_be(styles):
    with pytest.raises(ConfigError, match="temperature"):
        art.invent_styles(jax.random.key(0), styles, 3, temperature=-1)
    with pytest.raises(ValueError, match="n must be at least 1"):
        art.invent_styles(jax.random.key(0), styles, 0)
