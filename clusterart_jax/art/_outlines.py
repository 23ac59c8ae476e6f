"""Smooth outlines of areas, each line between two of them drawn once, so that no gaps can open."""

from typing import NamedTuple

import numpy as np

from .._typing import Float, Int

_EAST, _SOUTH, _WEST, _NORTH = 1, 2, 4, 8


class Outlines(NamedTuple):
    """The lines between areas, and of what lines the outline of each area is made.

    Attributes:
      lines: points (n, 2), x and y in pixels, of each line; it ends where three areas meet, or
        where it began.
      sides: (m, 2) the areas to the left and right of each line, −1 for outside.
      rings: for each area, its closed outlines; holes run the other way round.
    """

    lines: tuple[Float[np.ndarray, "n 2"], ...]
    sides: Int[np.ndarray, "m 2"]
    rings: tuple[tuple[Float[np.ndarray, "n 2"], ...], ...]


def outlines(
    regions: Int[np.ndarray, "h w"], *, smooth: int = 10, tolerance: float = 0.12
) -> Outlines:
    """Follows the sides of pixels between areas, rounds the steps off, and leaves out points.

    Points move to the means of their neighbours; the frame of the picture stays where it is. Cost
    is linear in the pixels and in the length of the lines.

    Args:
      regions: (h, w) number of the area of each pixel, 0, 1, ….
      smooth: how many times points move.
      tolerance: how far, in pixels, a line may pass by a point that is left out.

    Returns:
      `Outlines`.
    """
    wide = np.pad(regions, 1, constant_values=-1)
    ways = _ways(wide)
    points = _smoothed(ways, smooth)
    walks, sides = _walks(wide, ways)
    lines = _thinned([points[walk] for walk in walks], tolerance)
    rings = _rings(walks, lines, sides, int(regions.max()) + 1)
    return Outlines(tuple(lines), sides, rings)


def _ways(wide: np.ndarray) -> np.ndarray:
    """For each corner of a pixel, the directions in which an outline leaves it, as bits."""
    h, w = wide.shape[0] - 1, wide.shape[1] - 1  # corners
    ways = np.zeros((h, w), np.uint8)
    east = wide[:-1, 1:-1] != wide[1:, 1:-1]  # between the pixels above and below
    south = wide[1:-1, :-1] != wide[1:-1, 1:]
    ways[:, :-1] |= _EAST * east.astype(np.uint8)
    ways[:, 1:] |= _WEST * east.astype(np.uint8)
    ways[:-1] |= _SOUTH * south.astype(np.uint8)
    ways[1:] |= _NORTH * south.astype(np.uint8)
    return ways


def _steps(w: int) -> dict[int, int]:
    return {_EAST: 1, _SOUTH: w, _WEST: -1, _NORTH: -w}


def _smoothed(ways: np.ndarray, times: int) -> Float[np.ndarray, "c 2"]:
    """Where each corner goes, by its number."""
    h, w = ways.shape
    y, x = np.divmod(np.arange(h * w), w)
    points = np.stack([x, y], axis=1).astype(np.float64)
    flat = ways.ravel()
    inside = (x > 0) & (x < w - 1) & (y > 0) & (y < h - 1)
    free = np.flatnonzero((flat > 0) & inside)
    bits = flat[free]
    count = np.zeros(len(free))
    for bit in (1, 2, 4, 8):
        count += (bits & bit) > 0
    for _ in range(times):
        mean = np.zeros((len(free), 2))
        for bit, step in _steps(w).items():
            has = (bits & bit) > 0
            mean[has] += points[free[has] + step]
        points[free] = 0.5 * points[free] + 0.5 * mean / count[:, None]
    return points


def _walks(wide: np.ndarray, ways: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """Corners along each line, and the areas on its two sides."""
    h, w = ways.shape
    left = ways.ravel().tolist()  # directions not yet walked
    flat = ways.ravel()
    many = np.zeros(h * w, np.int8)
    for bit in (1, 2, 4, 8):
        many += (flat & bit) > 0
    ends = (many > 2).reshape(h, w)
    ends[[0, 0, -1, -1], [0, -1, 0, -1]] = True  # corners of the picture stay sharp
    stop = ends.ravel().tolist()
    steps, back = _steps(w), {_EAST: _WEST, _WEST: _EAST, _SOUTH: _NORTH, _NORTH: _SOUTH}
    walks, sides = [], []

    def walk(corner: int, way: int) -> None:
        y, x = divmod(corner, w)
        # Of the four pixels around the corner (y, x), in `wide`, those beside the first step.
        north_west, north_east = wide[y, x], wide[y, x + 1]
        south_west, south_east = wide[y + 1, x], wide[y + 1, x + 1]
        beside = {
            _EAST: (north_east, south_east),
            _SOUTH: (south_east, south_west),
            _WEST: (south_west, north_west),
            _NORTH: (north_west, north_east),
        }
        sides.append(beside[way])
        path = [corner]
        begin = corner
        while True:
            left[corner] -= way
            corner += steps[way]
            left[corner] -= back[way]
            path.append(corner)
            if stop[corner] or corner == begin:
                break
            way = left[corner]  # of a corner between two areas one direction is left
        walks.append(np.array(path))

    for corner in np.flatnonzero(ends.ravel()).tolist():
        for way in (1, 2, 4, 8):
            if left[corner] & way:
                walk(corner, way)
    for corner in np.flatnonzero(flat).tolist():
        if left[corner]:
            walk(corner, left[corner] & -left[corner])
    return walks, np.array(sides, np.int64).reshape(-1, 2)


def _thinned(lines: list[np.ndarray], tolerance: float) -> list[np.ndarray]:
    """Leaves out every other point that lies near the line through its neighbours, thrice."""
    sizes = np.array([len(line) for line in lines])
    points = np.concatenate(lines)
    owner = np.repeat(np.arange(len(lines)), sizes)
    for _ in range(4):
        starts = np.r_[0, np.cumsum(np.bincount(owner, minlength=len(lines)))]
        place = np.arange(len(points)) - starts[owner]
        inner = np.flatnonzero((place % 2 == 1) & (np.arange(len(points)) < starts[owner + 1] - 1))
        before, here, after = points[inner - 1], points[inner], points[inner + 1]
        along = after - before
        off = here - before
        square = np.sum(along**2, axis=1)
        part = np.sum(off * along, axis=1) / np.where(square > 0, square, 1)
        gap = off - np.clip(part, 0, 1)[:, None] * along
        gone = inner[(np.sum(gap**2, axis=1) < tolerance**2) & (square > 0)]
        points, owner = np.delete(points, gone, axis=0), np.delete(owner, gone)
    ends = np.cumsum(np.bincount(owner, minlength=len(lines)))[:-1]
    return np.split(points, ends)


def _rings(
    walks: list[np.ndarray], lines: list[np.ndarray], sides: np.ndarray, n: int
) -> tuple[tuple[np.ndarray, ...], ...]:
    """The lines around each area, joined end to end, the area always on the same hand."""
    leaving: list[dict[int, list[tuple[int, np.ndarray]]]] = [{} for _ in range(n)]
    for walk, line, (one, other) in zip(walks, lines, sides.tolist(), strict=True):
        first, last = int(walk[0]), int(walk[-1])
        if one >= 0:
            leaving[one].setdefault(first, []).append((last, line))
        if other >= 0:
            leaving[other].setdefault(last, []).append((first, line[::-1]))
    found = []
    for around in leaving:
        rings = []
        while around:
            start = here = next(iter(around))
            parts = []
            while True:
                here_next, line = around[here].pop()
                if not around[here]:
                    del around[here]
                parts.append(line[:-1])
                here = here_next
                if here == start:
                    break
            rings.append(np.concatenate(parts))
        found.append(tuple(rings))
    return tuple(found)
