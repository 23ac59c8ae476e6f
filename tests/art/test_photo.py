"""Pictures of any size at a bounded one: means of what each pixel covers."""

import numpy as np
import pytest

from clusterart_jax.art._photo import of_colors, photo, photo_of, shares


def test_means_by_hand():
    x = np.array([0.0, 3, 6, 9, 12])
    assert np.allclose(shares(5, 2) @ x, [(0 + 3 + 3) / 2.5, (3 + 9 + 12) / 2.5])
    assert np.allclose(shares(5, 1) @ x, [6])
    assert np.allclose(shares(5, 5) @ x, x)
    assert np.allclose(shares(2, 4) @ np.array([0.0, 4]), [0, 1, 3, 4])
    assert np.allclose(shares(1, 3) @ np.array([7.0]), 7)


@pytest.mark.parametrize("size", [(7, 5), (16, 16), (33, 60), (200, 90)])
def test_the_mean_stays(size):
    image = np.random.default_rng(0).integers(0, 256, (64, 90, 3), np.uint8)
    small = photo_of(image, *size)
    assert small.rgb.shape == (*size, 3)
    if size[0] <= 64 and size[1] <= 90:
        assert np.allclose(small.rgb.mean(axis=(0, 1)), image.mean(axis=(0, 1)) / 255, atol=1e-5)
    assert np.allclose(small.scale, (90 / size[1], 64 / size[0]))


def test_blocks_do_not_show(monkeypatch):
    image = np.random.default_rng(0).integers(0, 256, (64, 90, 4), np.uint8)
    whole = photo_of(image, 10, 13)
    monkeypatch.setattr("clusterart_jax.art._photo._BLOCK", 500)
    for one, other in zip(whole, photo_of(image, 10, 13), strict=True):
        assert np.allclose(one, other, atol=1e-6)


def test_more_rows_and_fewer_columns_block_by_block(monkeypatch):
    image = np.random.default_rng(0).integers(0, 256, (6, 40, 3), np.uint8)
    found = photo_of(image, 9, 10).rgb
    wide = photo_of(image, 6, 10).rgb
    assert np.allclose(found, np.tensordot(shares(6, 9).toarray(), wide, 1), atol=1e-6)
    monkeypatch.setattr("clusterart_jax.art._photo._BLOCK", 240)  # two rows at a time
    assert np.allclose(photo_of(image, 9, 10).rgb, found, atol=1e-6)


def test_clear_pixels_do_not_bleed_and_show_paper():
    image = np.zeros((8, 8, 4), np.uint8)
    image[:, :2] = (255, 0, 0, 255)
    image[:, 2:4, 3] = 0
    small = photo_of(image, 2, 2)
    assert np.allclose(small.rgb[:, 0], (1, 0, 0))
    assert np.allclose(small.alpha, [[0.5, 0], [0.5, 0]])
    assert np.allclose(small.on_paper[:, 0], (1, 0.5, 0.5))
    assert np.allclose(small.on_paper[:, 1], 1)


def test_never_larger_and_about_as_asked():
    assert photo(np.zeros((16, 20), np.uint8), 10_000).alpha.shape == (16, 20)
    assert photo(np.zeros((3000, 40), np.uint8), 1200).alpha.size <= 1250
    assert photo(np.zeros((1, 4000), np.uint8), 100).alpha.shape == (1, 632)


def test_colours_go_block_by_block(monkeypatch):
    monkeypatch.setattr("clusterart_jax.art._photo._COLORS", (16, 4))
    rgb = np.random.default_rng(0).random((5, 7, 3)).astype(np.float32)
    seen = []

    def double(rows):
        seen.append(rows.shape)
        return 2 * rows

    assert np.array_equal(of_colors(double, rgb), 2 * rgb)
    assert seen == [(16, 3)] * 2 + [(4, 3)]
