"""SLIC: by hand, beside a loop in NumPy, beside scikit-image, and what must always hold."""

import jax
import numpy as np
import pytest
from scipy import ndimage
from skimage import color, data
from skimage.segmentation import slic as skimage_slic

from benchmarks.slic import boundary_recall, mosaic, under_segmentation
from clusterart_jax._errors import ConfigError, DataError
from clusterart_jax.art import Segments, slic
from clusterart_jax.art._connected import connected, touching
from clusterart_jax.art._slic import Grid, _labels, grid_of
from clusterart_jax.art._slic_tiles import cluster_tiles

NOISE = np.random.default_rng(0).integers(0, 256, (30, 44, 3), np.uint8)
CAT = data.chelsea()[60:140, 100:212]


def patches(labels):
    """Connected components of equal labels, one after the other."""
    found, count = np.full(labels.shape, -1), 0
    for label in np.unique(labels[labels >= 0]):
        parts, more = ndimage.label(labels == label)
        found[parts > 0] = parts[parts > 0] + count - 1
        count += more
    return found, count


def same_division(a, b):
    pairs = np.unique(np.stack([a.ravel(), b.ravel()]), axis=1)
    return len(pairs[0]) == len(np.unique(a)) == len(np.unique(b))


def test_one_colour_is_cut_into_squares():
    labels = slic(np.full((12, 18, 3), 99, np.uint8), 6).labels
    assert np.array_equal(labels, np.arange(6).reshape(2, 3).repeat(6, 0).repeat(6, 1))


def test_an_outline_is_kept():
    image = np.zeros((40, 40, 3), np.uint8)
    image[:, 13:] = 255
    found = slic(image, 16)
    assert not np.intersect1d(found.labels[:, :13], found.labels[:, 13:]).size
    assert {tuple(c) for c in found.colors.tolist()} == {(0, 0, 0), (255, 255, 255)}


def reference(image, grid, side, compactness, turns):
    """One pixel after the other, in float64, with the nine centres of its tile."""
    height, width = image.shape[:2]
    lab = color.rgb2lab(image)
    y, x = np.mgrid[:height, :width] + 0.5
    rows = np.concatenate(
        [np.stack([y, x], axis=-1) / grid.side, lab / compactness], axis=-1
    ).reshape(-1, 5)
    near = np.empty((height, width, 9), int)
    for i in range(height):
        for j in range(width):
            middle = (i // side + 0.5) * side, (j // side + 0.5) * side
            cell = int(middle[0] * grid.rows / height), int(middle[1] * grid.columns / width)
            cell = (
                min(max(cell[0], 1), max(1, grid.rows - 2)),
                min(max(cell[1], 1), max(1, grid.columns - 2)),
            )
            near[i, j] = [
                min(cell[0] + a, grid.rows - 1) * grid.columns + min(cell[1] + b, grid.columns - 1)
                for a in (-1, 0, 1)
                for b in (-1, 0, 1)
            ]
    near = near.reshape(-1, 9)
    cells = np.stack(np.divmod(np.arange(grid.rows * grid.columns), grid.columns), axis=1) + 0.5
    centers = np.zeros((len(cells), 5))
    centers[:, :2] = cells * [height / grid.rows, width / grid.columns] / grid.side
    gaps = None
    for turn in range(turns + 1):
        used = slice(0, 2) if turn == 0 else slice(0, 5)
        gaps = ((rows[:, None, used] - centers[near][..., used]) ** 2).sum(axis=-1)
        labels = near[np.arange(len(near)), gaps.argmin(axis=1)]
        for center in np.unique(labels):
            centers[center] = rows[labels == center].mean(axis=0)
    gaps = ((rows[:, None] - centers[near]) ** 2).sum(axis=-1)
    clear = np.diff(np.sort(gaps, axis=1)[:, :2])[:, 0] > 1e-3  # not by rounding
    labels = near[np.arange(len(near)), gaps.argmin(axis=1)]
    return labels.reshape(height, width), clear.reshape(height, width)


@pytest.mark.parametrize(("count", "side"), [(30, 2), (12, 4), (97, 1)])
def test_labels_are_those_of_a_loop(count, side):
    image = CAT[:30, :44]
    grid = grid_of(30, 44, count)
    wanted, clear = reference(image, grid, side, 10.0, 4)
    found = _labels(image, None, grid, 10.0, 5)
    assert clear.mean() > 0.9
    assert (found == wanted)[clear].mean() > 0.995


def test_grid_is_of_about_squares():
    assert grid_of(100, 200, 50) == Grid(5, 10, 20.0)
    assert grid_of(1, 40, 4)[:2] == (1, 4)
    assert grid_of(4, 4, 16) == Grid(4, 4, 1.0)


def test_patches_are_those_of_ndimage():
    labels = np.random.default_rng(1).integers(-1, 3, (37, 41))
    wanted, count = patches(labels)
    found = connected(np.zeros((37, 41, 3), np.uint8), labels, 0)
    assert len(found.sizes) == count
    assert same_division(found.labels, wanted)
    assert np.array_equal(found.labels < 0, labels < 0)
    first = [np.flatnonzero(found.labels.ravel() == i)[0] for i in range(count)]
    assert first == sorted(first)


def test_a_small_patch_goes_to_the_nearest_colour():
    image = np.full((6, 9, 3), 200, np.uint8)
    image[:, 4:] = 90
    image[2:4, 3:5] = 110  # between, nearer to the darker
    labels = (image[..., 0] == 90) + 2 * (image[..., 0] == 110)
    found = connected(image, labels, 5)
    assert np.array_equal(found.labels, (image[..., 0] < 200).astype(int))
    assert connected(image, labels, 4).labels.max() == 2


def test_two_large_patches_never_become_one():
    image = np.zeros((4, 12, 3), np.uint8)
    image[:, 5:7] = 1
    labels = np.zeros((4, 12), int)
    labels[:, 5] = 1
    labels[:, 6] = 2
    labels[:, 7:] = 3
    found = connected(image, labels, 9)
    assert len(found.sizes) == 2
    assert sorted(found.sizes.tolist()) == [20, 28] or sorted(found.sizes.tolist()) == [24, 24]


@pytest.mark.parametrize("count", [5, 40, 300])
@pytest.mark.parametrize("image", [NOISE, CAT], ids=["noise", "cat"])
def test_every_segment_is_connected_and_not_small(image, count):
    found = slic(image, count)
    assert found.labels.dtype == np.int32
    assert patches(found.labels)[1] == found.n_segments == found.labels.max() + 1
    assert found.sizes.min() >= 0.25 * found.labels.size / count
    assert np.array_equal(found.sizes, np.bincount(found.labels.ravel()))


def test_means_are_those_of_the_pixels():
    found = slic(CAT, 20)
    y, x = np.mgrid[:80, :112]
    levels = CAT / 255
    light = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    for i in range(found.n_segments):
        mine = found.labels == i
        mean = light[mine].mean(axis=0)
        srgb = np.where(mean <= 0.0031308, 12.92 * mean, 1.055 * mean ** (1 / 2.4) - 0.055)
        assert np.abs(found.colors[i] - 255 * srgb).max() <= 0.51
        assert np.allclose(found.centers[i], [y[mine].mean(), x[mine].mean()], atol=1e-3)


@pytest.mark.parametrize("shape", [(16, 16), (1, 1), (1, 50), (53, 2), (31, 17)])
@pytest.mark.parametrize("depth", [1, 3, 4])
def test_any_shape(shape, depth):
    image = np.random.default_rng(2).integers(1, 256, (*shape, depth), np.uint8)
    pixels = shape[0] * shape[1]
    for count in {1, max(1, pixels // 9), pixels}:
        found = slic(image, count)
        assert found.labels.shape == shape
        assert found.sizes.sum() == pixels
        assert found.colors.shape == (found.n_segments, 1 if depth == 1 else 3)
    if shape == (16, 16):
        assert slic(image, pixels, min_size=0).n_segments <= pixels


def test_clear_pixels_belong_to_none():
    rgba = np.concatenate([CAT, np.full((80, 112, 1), 255, np.uint8)], axis=2)
    rgba[:, 40:60, 3] = 0
    rgba[0, 0, 3] = 1
    found = slic(rgba, 30)
    assert np.array_equal(found.labels < 0, rgba[..., 3] == 0)
    assert not np.intersect1d(found.labels[:, :40], found.labels[:, 60:]).size
    assert 20 <= found.n_segments <= 45
    rgba[:, 40:60, :3] = 255  # what is not seen counts nothing
    assert np.array_equal(slic(rgba, 30).labels, found.labels)


def test_grey_is_colour_without_hue():
    grey = CAT[..., :1]
    assert np.array_equal(slic(grey, 30).labels, slic(grey.repeat(3, axis=2), 30).labels)


def test_large_compactness_gives_squares():
    squares = slic(CAT[:, :80], 64, compactness=1e5).labels
    assert np.array_equal(squares, np.arange(64).reshape(8, 8).repeat(10, 0).repeat(10, 1))
    loose, tight = (slic(CAT, 70, compactness=c) for c in (5, 60))
    border = [np.mean(s.labels[1:] != s.labels[:-1]) for s in (loose, tight)]
    assert border[0] > 1.2 * border[1]


@pytest.mark.parametrize("seed", [0, 1])
def test_no_worse_than_scikit_image(seed):
    image, truth = mosaic(seed, 160, 240, 12)
    ours = slic(image, 250).labels
    for asked in range(250, 420, 20):  # it gives fewer than are asked for
        peer = skimage_slic(image, asked, start_label=0)
        if peer.max() >= ours.max():
            break
    assert peer.max() >= ours.max()
    assert boundary_recall(ours, truth) >= boundary_recall(peer, truth)
    assert under_segmentation(ours, truth) <= under_segmentation(peer, truth)


def test_pictures_of_about_one_size_share_a_program():
    cluster_tiles.clear_cache()
    for size in (98, 99, 100):
        slic(np.zeros((size, 100, 3), np.uint8), 40)
    assert cluster_tiles._cache_size() == 1
    slic(np.zeros((100, 100, 3), np.uint8), 40, compactness=5, max_iter=3)
    assert cluster_tiles._cache_size() == 1


def test_twice_the_same():
    first, second = slic(CAT, 50), slic(CAT, 50)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert isinstance(first, Segments)


def test_32_bits_are_enough():
    with jax.enable_x64(False):
        narrow = slic(CAT, 50).labels
    assert np.array_equal(narrow, slic(CAT, 50).labels)


def test_neighbours_by_hand():
    labels = np.array([[0, 0, 1], [2, -1, 1], [2, 3, 3]])
    assert touching(labels).tolist() == [[0, 1], [0, 2], [1, 3], [2, 3]]


@pytest.mark.parametrize(
    ("image", "options", "error", "text"),
    [
        (CAT[None], {}, ValueError, "image must have shape"),
        (CAT[..., :2], {}, ValueError, "image must have shape"),
        (CAT / 255, {}, TypeError, "uint8"),
        (np.zeros((0, 4, 3), np.uint8), {}, ValueError, "shape"),
        (np.zeros((4, 4, 4), np.uint8), {}, DataError, "fully transparent"),
        (CAT, {"n_segments": 0}, ConfigError, "n_segments must be between 1 and 8960, not 0"),
        (CAT, {"n_segments": 8961}, ConfigError, "not 8961"),
        (CAT, {"n_segments": 2.0}, TypeError, "whole number"),
        (CAT, {"compactness": 0}, ConfigError, "compactness must be above 0"),
        (CAT, {"max_iter": 0}, ConfigError, "max_iter must be at least 1"),
        (CAT, {"min_size": -1}, ConfigError, "min_size must be at least 0"),
    ],
)
def test_bad_input(image, options, error, text):
    with pytest.raises(error, match=text):
        slic(image, **{"n_segments": 10, **options})


def test_the_program_is_lowered_for_every_kind_of_device():
    def shape(*sizes, dtype=np.float32):
        return jax.ShapeDtypeStruct(sizes, dtype)

    exported = jax.export.export(cluster_tiles, platforms=["cpu", "cuda", "tpu"])(
        shape(3, 256, 64, dtype=np.uint8),
        shape(256, 64, dtype=np.bool_),
        shape(256, 2),
        shape(9, 256, dtype=np.int32),
        shape(256, 2),
        shape(),
        shape(),
        shape(dtype=np.int32),
        side=8,
    )
    assert exported.platforms == ("cpu", "cuda", "tpu")
