"""Statistics of textures: filters against direct convolution, gratings, noise and flat pictures."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import convolve

from clusterart_jax.features import _texture_statistics as texture
from clusterart_jax.features import texture_statistics

RNG = np.random.default_rng(0)
FIRST = 15  # columns of colours, before those of the finest scale


def grating(turn, period, shape=(64, 64)):
    """Stripes whose colour changes along `turn` degrees, as (h, w, 3)."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    along = np.cos(np.deg2rad(turn)) * x + np.sin(np.deg2rad(turn)) * y
    wave = 127.5 + 100 * np.cos(2 * np.pi * along / period)
    return np.repeat(np.round(wave)[..., None], 3, axis=2).astype(np.uint8)


def energies(images, scale=0):
    rows = np.asarray(texture_statistics(images))
    start = FIRST + (0 if scale == 0 else 25 * scale + 4 * (scale - 1))
    return rows[:, start + 3 : start + 7]


@pytest.mark.parametrize("shape", [(20, 17), (5, 40)])
def test_responses_are_those_of_steered_kernels(shape):
    light = RNG.normal(size=shape).astype(np.float32)
    level = texture._level(*shape)
    even, odd = (np.asarray(part)[:, 0] for part in texture._responses(level, light[None]))
    grid = 0.67 * np.arange(-4, 5)
    y, x = grid[:, None], grid[None]
    bell = np.exp(-(x**2) - y**2)
    for i, turn in enumerate(np.deg2rad([0, 45, 90, 135])):
        u = np.cos(turn) * x - np.sin(turn) * y  # what the basis is turned by
        second = 0.9213 * (2 * u**2 - 1) * bell
        third = 0.978 * (u**3 - 2.254 * u) * bell
        # Ours sums to 0 along each axis exactly, the sampled kernel only nearly.
        wanted = convolve(light, second[::-1, ::-1], mode="reflect")
        np.testing.assert_allclose(even[i], wanted, atol=0.02)
        wanted = convolve(light, third[::-1, ::-1], mode="reflect")
        np.testing.assert_allclose(odd[i], wanted, atol=2e-3)  # 0.7515 is rounded


@pytest.mark.parametrize(("turn", "strongest"), [(0, 0), (90, 2), (45, 3), (135, 1)])
def test_a_grating_is_seen_in_its_own_direction(turn, strongest):
    assert energies(grating(turn, 6)[None]).argmax() == strongest


def test_a_coarser_grating_is_seen_at_a_coarser_scale():
    images = np.stack([grating(0, period) for period in (6, 12, 24)])
    across = np.stack([energies(images, scale)[:, 0] for scale in range(3)])
    assert across.argmax(axis=0).tolist() == [0, 1, 2]


def test_turning_a_picture_turns_its_columns():
    image = RNG.integers(0, 256, (32, 32, 3), np.uint8)
    one, two = energies(np.stack([image, np.rot90(image)]))
    np.testing.assert_allclose(two, one[[2, 3, 0, 1]], atol=1e-4)


def test_stripes_are_lines_or_edges():
    """Thin lines answer to the even filter, steps to the odd one."""
    lines, steps = np.zeros((2, 64, 64, 1), np.uint8)
    lines[:, 8::16] = 255
    steps[:, 32:] = 255
    rows = np.asarray(texture_statistics(np.stack([lines, steps])))
    kinds = rows[:, FIRST + 11]  # of direction 0
    assert kinds[1] < -0.05
    assert kinds[0] > kinds[1] + 0.1


def test_flat_pictures_have_the_least_energy_and_nothing_goes_along():
    rows = np.asarray(texture_statistics(np.full((1, 64, 64, 3), 90, np.uint8)))
    floor = 0.5 * np.log(1e-5)
    np.testing.assert_allclose(energies(np.full((1, 64, 64, 3), 90, np.uint8)), floor, atol=1e-3)
    correlations = rows[0, FIRST + 15 : FIRST + 21]
    np.testing.assert_allclose(correlations, 0, atol=1e-3)


@pytest.mark.parametrize(
    ("shape", "scales"),
    [((64, 64), 5), ((63, 80), 4), ((8, 8), 2), ((3, 50), 1), ((1, 1), 1), ((600, 300), 5)],
)
def test_width_follows_the_shorter_side(shape, scales):
    rows = texture_statistics(RNG.integers(0, 256, (2, *shape, 3), np.uint8))
    assert rows.shape == (2, 25 * scales + 4 * (scales - 1) + 15)
    assert rows.dtype == jnp.float32
    assert np.isfinite(rows).all()


def test_a_large_picture_is_like_its_half():
    image = grating(30, 40, (256, 256))
    twice = image.repeat(2, axis=0).repeat(2, axis=1)
    np.testing.assert_allclose(
        texture_statistics(twice[None]), texture_statistics(image[None]), atol=1e-3
    )
