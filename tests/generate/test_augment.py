"""Random changes of pictures: what each does, held against NumPy, and that gradients go through."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from clusterart_jax.generate._augment import AUGMENTATIONS, augmented

KEY = jax.random.key(0)
IMAGES = jax.random.uniform(jax.random.key(1), (200, 16, 8, 3), jnp.float32, 0.2, 1.0)


def changed(*kinds, images=IMAGES, key=KEY, strength=1.0):
    return np.asarray(augmented(key, images, kinds, strength))


@pytest.fixture(scope="module")
def moved():
    return changed("translation")


@pytest.fixture(scope="module")
def cut():
    return changed("cutout")


def test_translations_are_whole_pixels_up_to_an_eighth_with_zeros_behind(moved):
    found = set()
    for before, after in zip(np.asarray(IMAGES), moved, strict=True):
        options = [(i, j) for i in range(-2, 3) for j in range(-1, 2)]
        fits = []
        for i, j in options:
            padded = np.pad(before, ((2, 2), (1, 1), (0, 0)))
            if np.array_equal(padded[2 - i : 18 - i, 1 - j : 9 - j], after):
                fits.append((i, j))
        assert len(fits) == 1
        found |= set(fits)
    assert len(found) == 15  # all of them happen


def test_cutout_takes_one_rectangle_of_half_the_sides_or_its_part_inside(cut):
    gone = (cut == 0).all(axis=3)
    assert (cut[~gone] == np.asarray(IMAGES)[~gone]).all()
    sizes = set()
    for hole in gone:
        rows, columns = hole.any(axis=1), hole.any(axis=0)
        assert (hole == rows[:, None] & columns[None]).all()
        for side in (rows, columns):
            places = np.flatnonzero(side)
            assert (np.diff(places) == 1).all()
        sizes.add((int(rows.sum()), int(columns.sum())))
    assert max(sizes) == (8, 4)
    assert len(sizes) > 10


def test_color_changes_brightness_saturation_and_contrast_within_bounds():
    y = changed("color")
    x = np.asarray(IMAGES)
    brightness = (y - x).mean(axis=(1, 2, 3))  # the others keep the mean
    assert np.abs(brightness).max() <= 0.5 + 1e-5
    assert brightness.std() > 0.2
    grey, was = y.mean(axis=3), x.mean(axis=3)
    contrast = np.array(
        [np.polyfit(a.ravel(), b.ravel(), 1)[0] for a, b in zip(was, grey, strict=True)]
    )
    assert contrast.min() > 0.5 - 1e-4
    assert contrast.max() < 1.5 + 1e-4
    part = [
        np.polyfit(
            (a - a.mean(axis=2, keepdims=True)).ravel(),
            (b - b.mean(axis=2, keepdims=True)).ravel(),
            1,
        )[0]
        for a, b in zip(x, y, strict=True)
    ]
    saturation = np.array(part) / contrast
    assert saturation.min() > -1e-4
    assert saturation.max() < 2 + 1e-4
    assert saturation.std() > 0.4


def test_grey_pictures_stay_grey_pictures():
    y = changed("color", images=IMAGES[..., :1])
    assert y.shape == (200, 16, 8, 1)


@pytest.mark.parametrize("kind", AUGMENTATIONS)
def test_gradients_are_those_of_finite_differences(kind):
    x = jax.random.uniform(KEY, (3, 8, 8, 3), jnp.float64)
    weight = jax.random.normal(jax.random.key(2), x.shape, jnp.float64)

    def value(x):
        return jnp.sum(weight * augmented(KEY, x, (kind,)) ** 2)

    step = 1e-6 * jax.random.normal(jax.random.key(3), x.shape, jnp.float64)
    expected = (value(x + step) - value(x - step)) / 2
    np.testing.assert_allclose(jnp.sum(jax.grad(value)(x) * step), expected, rtol=1e-6)


def test_each_picture_is_changed_by_itself_and_by_the_key():
    same = jnp.tile(IMAGES[:1], (40, 1, 1, 1))
    once = changed(*AUGMENTATIONS, images=same)
    assert len(np.unique(once.reshape(40, -1), axis=0)) == 40
    np.testing.assert_array_equal(once, changed(*AUGMENTATIONS, images=same))
    assert (once != changed(*AUGMENTATIONS, images=same, key=jax.random.key(9))).any()


def test_strength_0_and_no_kinds_change_nothing():
    np.testing.assert_allclose(changed(*AUGMENTATIONS, strength=0.0), IMAGES, atol=1e-6)
    np.testing.assert_array_equal(changed(), IMAGES)


@pytest.mark.parametrize("kind", ["bfloat16", "float64"])
def test_the_type_stays(kind):
    run = partial(augmented, kinds=AUGMENTATIONS)
    assert jax.eval_shape(run, KEY, IMAGES.astype(kind)).dtype == kind


def test_a_picture_of_one_pixel_goes_through():
    y = changed(*AUGMENTATIONS, images=IMAGES[:, :1, :1])
    assert np.isfinite(y).all()
