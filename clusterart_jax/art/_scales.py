"""Pictures on coarser scales and back, and changes that follow a picture's edges; with NumPy."""

import numpy as np

_REACH, _NOISE = 8, 4e-4  # of windows, pixels; squared lightness


def means(x: np.ndarray, factor: int) -> np.ndarray:
    """(⌈h / f⌉, ⌈w / f⌉, c) float32; squares at the far edges hold fewer pixels."""
    if factor == 1:
        return x.astype(np.float32)
    tops, lefts = (np.arange(0, side, factor) for side in x.shape[:2])
    rows = np.stack([x[top : top + factor].mean(axis=0, dtype=np.float32) for top in tops])
    counts = np.diff(np.append(lefts, x.shape[1]))[None, :, None]
    return (np.add.reduceat(rows, lefts, axis=1) / counts).astype(np.float32)


def half(mask: np.ndarray) -> np.ndarray:
    half: np.ndarray = means(mask[..., None].astype(np.float32), 2)[..., 0] >= 0.5
    return half if half.any() else np.ones_like(half)


def grown(x: np.ndarray, factor: int) -> np.ndarray:
    """`factor` times as large, linear between the middles of pixels."""
    if factor == 1:
        return x
    for axis in (0, 1):
        x = between(x, np.arange(x.shape[axis] * factor), factor, axis)
    return x


def between(x: np.ndarray, at: np.ndarray, factor: int, axis: int) -> np.ndarray:
    place = np.clip((at + 0.5) / factor - 0.5, 0, x.shape[axis] - 1)
    below = np.minimum(place.astype(int), max(0, x.shape[axis] - 2))
    share = (place - below).astype(np.float32).reshape([-1 if i == axis else 1 for i in range(3)])
    above = np.minimum(below + 1, x.shape[axis] - 1)
    return x.take(below, axis) * (1 - share) + x.take(above, axis) * share


def guided(change: np.ndarray, light: np.ndarray) -> np.ndarray:
    """A change of colours that follows the picture's own edges (He, Sun and Tang 2013).

    Maps of colours are steep where the picture has few colours and the examples have many: noise
    and the blocks of JPEG files would be seen. In a window the change is linear in the lightness.
    """
    guide = light[..., None]
    mean, mean_change = windowed(guide), windowed(change)
    variance = windowed(guide**2) - mean**2
    slope = (windowed(guide * change) - mean * mean_change) / (variance + _NOISE)
    offset = mean_change - slope * mean
    guided: np.ndarray = (windowed(slope) * guide + windowed(offset)).astype(np.float32)
    return guided


def windowed(x: np.ndarray) -> np.ndarray:
    """Means over windows around each pixel, cut off at the edges."""
    for axis in (0, 1):
        n = x.shape[axis]
        zero = np.zeros_like(x.take([0], axis), dtype=float)
        sums = np.concatenate([zero, np.cumsum(x, axis=axis, dtype=float)], axis=axis)
        low = np.maximum(np.arange(n) - _REACH, 0)
        high = np.minimum(np.arange(n) + _REACH + 1, n)
        counts = (high - low).reshape([-1 if i == axis else 1 for i in range(x.ndim)])
        x = (sums.take(high, axis) - sums.take(low, axis)) / counts
    return x
