"""Outlines: they close, they fill the picture without gaps, and neighbours share them."""

import itertools

import numpy as np
import pytest

from clusterart_jax.art._outlines import outlines
from clusterart_jax.art._regions import connected


def area(ring):
    x, y = ring.T
    return (np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def regions_of(seed, h=30, w=40, k=4):
    rough = np.random.default_rng(seed).random((k, h // 5, w // 5))
    return connected(rough.repeat(5, axis=1).repeat(5, axis=2).argmax(axis=0))


def test_two_halves_by_hand():
    found = outlines(np.array([[0, 0, 1, 1]] * 3))
    sides = {tuple(pair) for pair in np.sort(found.sides, axis=1).tolist()}
    assert sides == {(-1, 0), (-1, 1), (0, 1)}
    shared = next(line for line, s in zip(found.lines, found.sides, strict=True) if min(s) == 0)
    assert sorted(shared[[0, -1]].tolist()) == [[2, 0], [2, 3]]
    assert [[abs(area(r)) for r in rings] for rings in found.rings] == [[6], [6]]


def test_a_hole_runs_the_other_way_round():
    regions = np.zeros((12, 12), int)
    regions[4:8, 4:8] = 1
    found = outlines(regions, smooth=0)
    outer, hole = sorted((area(r) for r in found.rings[0]), key=abs, reverse=True)
    assert (outer, hole) in ((144, -16), (-144, 16))
    assert area(found.rings[1][0]) == -hole
    assert len(found.rings[1][0]) == 4, "points on straight lines are left out"


@pytest.mark.parametrize("seed", range(4))
def test_areas_add_up(seed):
    regions = regions_of(seed)
    sizes = np.bincount(regions.ravel())
    exact = outlines(regions, smooth=0, tolerance=1e-9)
    assert np.allclose([abs(sum(map(area, rings))) for rings in exact.rings], sizes)
    found = [abs(sum(map(area, rings))) for rings in outlines(regions).rings]
    assert sum(found) == pytest.approx(regions.size, rel=1e-9), "no gap and no overlap"
    assert np.allclose(found, sizes, rtol=0.25, atol=4)


@pytest.mark.parametrize("seed", range(2))
def test_each_part_between_two_areas_is_in_both(seed):
    found = outlines(regions_of(seed))
    edges = {}
    for r, rings in enumerate(found.rings):
        for ring in rings:
            for a, b in zip(ring, np.roll(ring, -1, axis=0), strict=True):
                edges.setdefault(frozenset((tuple(a), tuple(b))), []).append(r)
    owners = {}
    for line, pair in zip(found.lines, found.sides.tolist(), strict=True):
        for a, b in itertools.pairwise(line):
            owners[frozenset((tuple(a), tuple(b)))] = sorted(r for r in pair if r >= 0)
    assert {edge: sorted(who) for edge, who in edges.items()} == owners


def test_corners_of_the_picture_stay_and_steps_are_rounded():
    y, x = np.mgrid[:40, :40]
    regions = (x > y).astype(int)
    regions = connected(regions)
    found = outlines(regions)
    points = np.concatenate(found.lines)
    for corner in ([0, 0], [40, 0], [0, 40], [40, 40]):
        assert (points == corner).all(axis=1).any()
    inner = next(line for line, s in zip(found.lines, found.sides, strict=True) if min(s) >= 0)
    middle = inner[(inner[:, 0] > 5) & (inner[:, 0] < 35)]
    off = np.abs(middle[:, 0] - middle[:, 1] - 0.5)
    assert (off < 0.3).all(), "a staircase becomes a straight line"
    assert len(inner) < 30


def test_areas_that_meet_at_a_corner():
    regions = connected(np.array([[0, 1], [1, 0]]).repeat(6, axis=0).repeat(6, axis=1))
    found = outlines(regions, smooth=0)
    assert [abs(area(rings[0])) for rings in found.rings] == [36] * 4
    assert [len(rings) for rings in found.rings] == [1] * 4
