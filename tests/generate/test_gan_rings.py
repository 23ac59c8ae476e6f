"""Gaussians on a ring and a grid, at reduced size: the default loss finds them all.

`python tests/generate/test_gan_rings.py` trains at full size, 8 and 25 of them, with the default
and with the minimax loss, and prints how many are found.
"""

import time
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from clusterart_jax.generate import GAN, Model, Schedule, draw, init_state, train

SPREAD = 0.02  # standard deviation, where the square that points lie in has side 1


def ring(modes=8):
    """Middles on a circle, (modes, 2)."""
    angle = 2 * np.pi * np.arange(modes) / modes
    return 0.5 + 0.35 * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def grid(side=5):
    """Middles on a grid, (side², 2)."""
    at = np.linspace(0.15, 0.85, side)
    return np.stack(np.meshgrid(at, at), axis=-1).reshape(-1, 2)


def points(middles, n, seed=0):
    """Points as pictures of one pixel of two channels, uint8 (n, 1, 1, 2)."""
    rng = np.random.default_rng(seed)
    x = middles[np.arange(n) % len(middles)] + rng.normal(scale=SPREAD, size=(n, 2))
    return np.round(255 * np.clip(x, 0, 1)).astype(np.uint8).reshape(n, 1, 1, 2)


def found(middles, samples):
    """Middles with a tenth of an even share within 3 deviations, and the share of all there."""
    x = samples.reshape(-1, 2) / 255
    far = np.linalg.norm(x[:, None] - middles[None], axis=-1)
    near = far.min(axis=1) < 3 * SPREAD + 0.005
    count = np.bincount(far.argmin(axis=1)[near], minlength=len(middles))
    return int((count > 0.1 * len(x) / len(middles)).sum()), near.mean()


def samples(middles, steps, loss_kind="relativistic", *, width=16, batch=128, seed=0, m=2000):
    """What a generator without codes makes after so many steps, and the seconds it took."""
    family = GAN((1, 1, 2), 1, latent=8, width=width, network="mlp", loss_kind=loss_kind)
    schedule = Schedule(steps, batch)
    images = jnp.asarray(points(middles, 20_000))
    codes = jnp.ones((20_000, 1), jnp.float32)
    key = jax.random.key(seed)
    begun = jax.jit(partial(init_state, family, schedule))(key, images, codes)
    start = time.perf_counter()
    run = jax.jit(partial(train, family, schedule, key, chunk=steps))
    state, _ = run(begun, images, codes)
    fitted = family.fit(key, state.ema, state.memory, images, codes)
    new = draw(family, Model(state.ema, fitted), key, codes[:m])
    return np.asarray(new), time.perf_counter() - start


@pytest.mark.parametrize("middles", [ring(8)], ids=["ring of 8"])
def test_the_default_loss_finds_every_mode(middles):
    modes, near = found(middles, samples(middles, 1500, width=8)[0])
    assert modes == len(middles)
    assert near > 0.25  # of points anywhere it would be 0.11


def test_counting_sees_modes_that_are_missing():
    middles = ring(8)
    assert found(middles, points(middles, 800)) == (8, pytest.approx(1, abs=0.05))
    assert found(middles, points(middles[:5], 800))[0] == 5
    assert found(middles, np.full((800, 1, 1, 2), 128, np.uint8)) == (0, 0)


if __name__ == "__main__":
    for name, middles in (("ring of 8", ring(8)), ("grid of 25", grid(5))):
        for loss_kind in ("relativistic", "minimax"):
            new, seconds = samples(middles, 6000, loss_kind)
            modes, near = found(middles, new)
            print(f"{name:10} {loss_kind:12} {modes:2} modes, {near:.2f} near, {seconds:.0f} s")
