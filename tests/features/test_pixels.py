import numpy as np
import pytest

from clusterart_jax.features import pixels


def test_by_hand():
    images = np.array([[[[0, 255]], [[51, 102]]]], np.uint8)  # one picture, 2 × 1, two channels
    rows = pixels(images)
    np.testing.assert_allclose(rows, [[0, 1, 0.2, 0.4]], rtol=1e-7)
    assert rows.dtype == np.float32


@pytest.mark.parametrize(
    ("images", "error", "text"),
    [
        (np.zeros((2, 4, 4), np.uint8), ValueError, r"images must have shape \(n, h, w, c\)"),
        (np.zeros((0, 4, 4, 1), np.uint8), ValueError, "at least one picture"),
        (np.zeros((2, 4, 4, 1)), TypeError, "images must be uint8 values 0…255, not float64"),
        ([[[[0]]]], TypeError, "images must be uint8 values 0…255, not list"),
    ],
)
def test_bad_images(images, error, text):
    with pytest.raises(error, match=text):
        pixels(images)
