"""Areas of one colour: found, measured and merged."""

import numpy as np
import pytest

from clusterart_jax.art._regions import connected, inner_points, merge_small, opened

CENTERS = np.array([[0.0, 0, 0], [0.1, 0, 0], [0.9, 0, 0]])


def painted(text):
    """A picture of digits, a row each; '.' is clear."""
    rows = text.split()
    return np.array([[-1 if c == "." else int(c) for c in row] for row in rows])


def shown(labels):
    return "".join(".0123456789"[v + 1] for v in labels.ravel())


def merged(labels, area, radius=0):
    lab = CENTERS[labels]
    return merge_small(labels, lab, CENTERS, area, radius)


def test_areas_touch_along_sides():
    found = connected(painted("001 011 100"))
    assert len(np.unique(found)) == 4
    assert found[0, 0] != found[2, 1], "a corner joins nothing"
    assert found[0, 2] == found[1, 1]


def test_small_ones_go_to_the_most_alike():
    labels = painted("000222 001222 000222")
    assert shown(merged(labels, 2)) == shown(painted("000222 000222 000222"))
    assert shown(merged(labels, 1)) == shown(labels)


def test_of_equally_near_ones_the_longest_border():
    labels = np.array([[0, 0, 0, 0, 0], [2, 2, 1, 0, 0], [2, 2, 2, 2, 2]])
    centers = np.array([[0.0, 0, 0], [0.5, 0, 0], [1.0, 0, 0]])
    lab = centers[labels]
    found = merge_small(labels, lab, centers, 3, 0)
    assert found[1, 2] in (0, 2)
    labels[1, 1] = 0  # three sides towards 0
    assert merge_small(labels, centers[labels], centers, 2, 0)[1, 2] == 0


def test_areas_of_one_colour_join_when_what_parts_them_goes():
    labels = painted("00100 00100")
    assert shown(merged(labels, 3)) == "0" * 10
    assert shown(merged(painted("0.2"), 4)) == "0.2", "clear pixels are no neighbours"


def test_clear_pixels_stay():
    labels = painted("0000 0..0 0000")
    assert shown(merged(labels, 5)) == shown(labels)


@pytest.mark.parametrize("seed", range(3))
def test_none_is_left_too_small_or_too_thin(seed):
    labels = np.random.default_rng(seed).integers(0, 3, (40, 50))
    found = merged(labels, 12, 1.5)
    regions = connected(found)
    assert regions.max() > 0
    assert np.bincount(regions.ravel()).min() >= 12
    assert inner_points(regions)[1].min() >= 1.5


def test_inner_points_by_brute_force():
    regions = connected(np.repeat(np.repeat(painted("0012 0112 2222"), 9, axis=0), 7, axis=1))
    places, room = inner_points(regions)
    y, x = np.mgrid[-1 : regions.shape[0] + 1, -1 : regions.shape[1] + 1]
    wide = np.pad(regions, 1, constant_values=-1)
    for r in range(regions.max() + 1):
        own, other = (np.stack([x[m], y[m]], axis=1) for m in (wide == r, wide != r))
        far = np.sqrt(np.sum((own[:, None] - other[None]) ** 2, axis=2).min(axis=1))
        px, py = places[r] - 0.5
        assert regions[int(py), int(px)] == r
        best = far[(own == (px, py)).all(axis=1)][0]
        assert best >= far.max() - 1
        assert abs(room[r] - (far.max() - 0.5)) <= 0.5


def test_opening_takes_limbs_and_keeps_bodies():
    labels = np.zeros((40, 60), int)
    labels[5:35, 5:25] = 1
    labels[19:21, 25:55] = 1  # a limb two pixels wide
    found = opened(labels, 3)
    assert (found[19:21, 30:55] == 0).all()
    assert (found[10:30, 8:22] == 1).all()
    assert np.array_equal(opened(labels, 0.4), labels)
    assert np.array_equal(opened(np.arange(9).reshape(3, 3), 3), np.arange(9).reshape(3, 3))
