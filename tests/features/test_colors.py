"""Colours against published values, the standard library, and their own inverses."""

import colorsys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from clusterart_jax import features

SPACES = ["linear", "xyz", "lab", "oklab", "hsv"]
RED, GREEN, BLUE, WHITE, GREY = [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1], [0.5, 0.5, 0.5]


def to(space):
    return getattr(features, f"srgb_to_{space}")


def back(space):
    return getattr(features, f"{space}_to_srgb")


@pytest.fixture(scope="module")
def colors():
    """Random colours, the corners of the cube, and the grey axis."""
    rng = np.random.default_rng(0)
    corners = np.stack(np.meshgrid([0.0, 1], [0.0, 1], [0.0, 1]), -1).reshape(-1, 3)
    greys = np.linspace(0, 1, 41)[:, None] * np.ones(3)
    return np.concatenate([rng.random((500, 3)), rng.random((50, 3)) * 0.05, corners, greys])


@pytest.mark.parametrize(
    ("space", "color", "expected", "digits"),
    [
        # IEC 61966-2-1: the curve, its joint, and its primaries.
        ("linear", GREY, [0.2140411] * 3, 7),
        ("linear", [0.04045, 0.02, 1], [0.0031308, 0.02 / 12.92, 1], 7),
        ("xyz", RED, [0.4124, 0.2126, 0.0193], 4),
        ("xyz", GREEN, [0.3576, 0.7152, 0.1192], 4),
        ("xyz", BLUE, [0.1805, 0.0722, 0.9505], 4),
        ("xyz", WHITE, [0.9505, 1, 1.0891], 4),
        # Lindbloom's calculator, white D65.
        ("lab", RED, [53.2408, 80.0925, 67.2032], 1),
        ("lab", BLUE, [32.2970, 79.1875, -107.8602], 1),
        ("lab", GREY, [53.3890, 0, 0], 3),
        # CSS Color 4 gives these for its named colours.
        ("oklab", RED, [0.62796, 0.22486, 0.12585], 4),
        ("oklab", GREEN, [0.86644, -0.23389, 0.17950], 4),
        ("oklab", BLUE, [0.45201, -0.03246, -0.31153], 4),
        ("oklab", WHITE, [1, 0, 0], 4),
        ("hsv", [0.25, 0.5, 0.75], [7 / 12, 2 / 3, 0.75], 7),
        ("hsv", GREY, [0, 0, 0.5], 7),
    ],
)
def test_published_values(space, color, expected, digits):
    np.testing.assert_allclose(to(space)(np.array(color, float)), expected, atol=0.6 * 10**-digits)


def test_oklab_of_xyz_as_published():
    # Ottosson's own table of test values: XYZ → Lab, to three digits.
    table = {
        (0.950, 1.000, 1.089): (1.000, 0.000, 0.000),
        (1.000, 0.000, 0.000): (0.450, 1.236, -0.019),
        (0.000, 1.000, 0.000): (0.922, -0.671, 0.263),
        (0.000, 0.000, 1.000): (0.153, -1.415, -0.449),
    }
    for xyz, lab in table.items():
        found = features.srgb_to_oklab(features.xyz_to_srgb(np.array(xyz)))
        np.testing.assert_allclose(found, lab, atol=2e-3)


def test_hsv_of_the_standard_library(colors):
    expected = [colorsys.rgb_to_hsv(*color) for color in colors]
    np.testing.assert_allclose(features.srgb_to_hsv(colors), expected, atol=1e-12)
    expected = [colorsys.hsv_to_rgb(*color) for color in colors]
    np.testing.assert_allclose(features.hsv_to_srgb(colors), expected, atol=1e-12)


@pytest.mark.parametrize("space", SPACES)
def test_inverses(space, colors, dtype):
    given = colors.astype(dtype)
    there = to(space)(given)
    assert there.dtype == dtype
    tolerance = 2e-5 if dtype == np.float32 else 1e-11
    np.testing.assert_allclose(back(space)(there), given, atol=tolerance)


@pytest.mark.parametrize("space", ["linear", "xyz", "lab", "oklab"])
def test_inverses_outside_of_srgb(space):
    wild = np.random.default_rng(0).uniform(-0.5, 1.5, (200, 3))
    np.testing.assert_allclose(back(space)(to(space)(wild)), wild, atol=1e-9)


@pytest.mark.parametrize("space", SPACES)
def test_gradients_are_finite_in_the_corners(space, colors):
    for function in (to(space), back(space)):
        for given in (colors, to(space)(colors)):
            slope = jax.grad(lambda c, f=function: f(c).sum())(jnp.asarray(given, jnp.float32))
            assert np.isfinite(slope).all()


@pytest.mark.parametrize("space", ["lab", "oklab"])
def test_grey_has_no_color(space):
    greys = np.linspace(0, 1, 11)[:, None] * np.ones(3)
    assert np.abs(to(space)(greys)[:, 1:]).max() < 1e-4 * (100 if space == "lab" else 1)


def test_luminance(colors):
    # Y of the standard, brought back to its curve; a grey keeps its value.
    np.testing.assert_allclose(
        features.srgb_to_linear(jnp.tile(features.luminance(colors)[:, None], (1, 3)))[:, 0],
        features.srgb_to_xyz(colors)[:, 1],
        atol=1e-12,
    )
    np.testing.assert_allclose(features.luminance(np.full((2, 5, 3), 0.3)), 0.3, rtol=1e-12)


@pytest.mark.parametrize("space", SPACES)
def test_any_leading_axes(space, colors):
    rows = to(space)(colors[:24])
    np.testing.assert_allclose(
        to(space)(colors[:24].reshape(2, 3, 4, 3)).reshape(24, 3), rows, rtol=1e-12, atol=1e-14
    )
    np.testing.assert_allclose(to(space)(colors[3]), rows[3], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", [f"srgb_to_{space}" for space in SPACES] + ["luminance"])
def test_bad_arguments(name):
    function = getattr(features, name)
    with pytest.raises(ValueError, match=r"srgb must have shape \(…, 3\), not \(4,\)"):
        function(np.ones(4))
    with pytest.raises(TypeError, match="floating point, 0…1, not uint8; divide by 255"):
        function(np.ones((4, 3), np.uint8))
