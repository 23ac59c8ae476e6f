"""Pixels in few colours whose areas have short outlines: the Potts model."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .._typing import Array, Float, Int
from ..features import srgb_to_oklab
from ._palette import Palette
from ._photo import Photo, of_colors

MOST_COLORS = 64
_TILE = 64
_ALIKE = 0.025  # in OKLab: nearer colours of paint or thread are one
_SIGMA = 1.5  # pixels: details narrower than this give way first
_RADIUS = 4


def flat_labels(
    small: Photo, colors: Float[np.ndarray, "k 3"], smoothness: float
) -> Int[np.ndarray, "h w"]:
    """The colour of each pixel, near its own and near what is around it; −1 where it is clear.

    Minimises Σ |colour of pixel − its label's|² (OKLab) + length of the outlines by threshold
    dynamics: labels of each colour are blurred, and each pixel takes the label for which blurred
    share and colour speak most. Cost O(h w k) an iteration, 6 of them; memory 6 numbers a pixel.

    Args:
      small: the picture.
      colors: (k, 3) sRGB in 0…1, k ≤ 64.
      smoothness: of outlines; 0 takes each pixel by itself.

    References:
      Esedoḡlu and Otto, Threshold dynamics for networks with arbitrary surface tensions, 2015,
      doi:10.1002/cpa.21527.
    """
    lab = of_colors(srgb_to_oklab, small.on_paper)
    centers = np.asarray(srgb_to_oklab(jnp.asarray(colors, jnp.float32)))
    padded = np.zeros((MOST_COLORS, 3), np.float32)
    padded[: len(centers)] = centers
    h, w = lab.shape[:2]
    lab = np.pad(lab, ((0, -h % _TILE), (0, -w % _TILE), (0, 0)), mode="edge")
    labels = _flat(
        jnp.asarray(lab),
        jnp.asarray(padded),
        np.int32(len(centers)),
        np.float32(smoothness * _gap(centers)),
        np.int32(6 if smoothness else 0),
    )
    return np.where(small.alpha < 0.5, -1, np.asarray(labels)[:h, :w])


def told_apart(found: Palette) -> Float[np.ndarray, "j 3"]:
    """Colours that eyes tell apart: of the nearest two the one that covers more, and so on."""
    lab, shares = np.asarray(found.centers), np.asarray(found.shares)
    kept = list(range(len(lab)))
    while len(kept) > 2:
        apart = np.sum((lab[kept][:, None] - lab[kept]) ** 2, axis=2)
        np.fill_diagonal(apart, np.inf)
        one, other = np.unravel_index(int(apart.argmin()), apart.shape)
        if apart[one, other] >= _ALIKE**2:
            break
        kept.pop(int(one if shares[kept[one]] < shares[kept[other]] else other))
    return np.asarray(found.colors, np.float64)[kept]


def _gap(centers: np.ndarray) -> float:
    """Mean squared distance of a colour to the nearest other one: what one label costs."""
    if len(centers) < 2:
        return 1.0
    apart = np.sum((centers[:, None] - centers[None]) ** 2, axis=2)
    np.fill_diagonal(apart, np.inf)
    return max(float(apart.min(axis=1).mean()), 1e-6)


@jax.jit
def _flat(lab: Array, centers: Array, k: Array, weight: Array, n_iter: Array) -> Array:
    planes = [lab[..., i] for i in range(3)]  # sums over a last axis of 3 take four times as long
    zero = jnp.zeros(lab.shape[:2], lab.dtype)

    def choose(labels: Array | None) -> Array:
        def one(c: Array, best: tuple[Array, Array]) -> tuple[Array, Array]:
            cost = sum(((x - y) ** 2 for x, y in zip(planes, centers[c], strict=True)), zero)
            if labels is not None:
                cost = cost - weight * _blur((labels == c).astype(lab.dtype))
            less = cost < best[0]
            return jnp.where(less, cost, best[0]), jnp.where(less, c, best[1])

        far = jnp.full(lab.shape[:2], jnp.inf, lab.dtype)
        start = far, jnp.zeros(lab.shape[:2], jnp.int32)
        return lax.fori_loop(jnp.int32(0), k, one, start)[1]

    alone = choose(None)
    return lax.fori_loop(jnp.int32(0), n_iter, lambda _, labels: choose(labels), alone)


def _blur(x: Array) -> Array:
    taps = np.exp(-0.5 * (np.arange(-_RADIUS, _RADIUS + 1) / _SIGMA) ** 2)
    taps /= taps.sum()
    for axis in (0, 1):
        size = x.shape[axis]
        wide = jnp.pad(x, [(_RADIUS * (axis == i),) * 2 for i in (0, 1)], mode="edge")
        cut = partial(lax.slice_in_dim, wide, axis=axis)
        x = sum(
            (x.dtype.type(tap) * cut(i, i + size) for i, tap in enumerate(taps)), jnp.zeros_like(x)
        )
    return x
