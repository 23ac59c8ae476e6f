"""What is done with real pictures, of a family so simple that every answer is known."""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from clusterart_jax.generate import (
    Family,
    Model,
    direction,
    edit,
    embed,
    restore,
    translate,
    walk,
)

KEY = jax.random.key(0)
MODEL = Model((), ())
EYE = jnp.eye(2, dtype=jnp.float32)


@dataclass(frozen=True)
class Ramp(Family):
    """Of 4 by 4 pictures: grey z₀, a slope to the right z₁, and a dark corner for code 1."""

    shape: tuple[int, int, int] = (4, 4, 1)
    n_codes: int = 2

    def init(self, key):
        return ()

    def draw(self, model, keys, codes, temperature=1.0):
        noise = jax.vmap(lambda key: jax.random.normal(key, (2,), jnp.float32))(keys)
        return jnp.array([[0.5, 0.0]], jnp.float32) + 0.1 * temperature * noise

    def decode(self, model, z, codes):
        right = jnp.linspace(-1, 1, 4, dtype=jnp.float32)[None, None, :, None]
        corner = jnp.zeros((1, 4, 4, 1), jnp.float32).at[0, 0, 0, 0].set(0.4)
        z = z[:, :, None, None, None]
        return z[:, 0] + z[:, 1] * right - codes[:, 1:, None, None] * corner


@dataclass(frozen=True)
class Encoded(Ramp):
    """The same with an encoder, and codes whose latents lie apart."""

    def encode(self, model, images, codes):
        x = images.at[:, 0, 0].add(0.4 * codes[:, 1:])
        slope = jnp.mean(x[:, :, 3] - x[:, :, 0], axis=(1, 2)) / 2
        return jnp.stack([jnp.mean(x, axis=(1, 2, 3)), slope], axis=1)

    def carry(self, model, z, start, end):
        return z + (end - start)[:, 1:] * jnp.array([[0.1, 0.0]], jnp.float32)


def pictures(z, codes):
    """`uint8`, as the family makes them."""
    made = Ramp().decode(MODEL, jnp.asarray(z, jnp.float32), codes)
    return jnp.round(jnp.clip(made, 0, 1) * 255).astype(jnp.uint8)


TRUE = np.array([[0.5, 0.1], [0.6, -0.2], [0.45, 0.0]], np.float32)
CODES = EYE[jnp.array([0, 1, 0])]


@pytest.mark.parametrize("family", [Ramp(), Encoded()], ids=["search", "encoder"])
def test_latents_of_pictures_are_found(family):
    z = jax.jit(partial(embed, family, MODEL, KEY))(pictures(TRUE, CODES), CODES)
    np.testing.assert_allclose(z, TRUE, atol=6e-3)


def test_a_walk_goes_straight_and_keeps_its_ends():
    z, codes = jnp.asarray(TRUE), EYE[jnp.array([0, 1, 1])]
    steps = np.asarray(walk(Ramp(), MODEL, z, codes, 4)).astype(int)
    assert steps.shape == (9, 4, 4, 1)
    np.testing.assert_array_equal(steps[[0, 4, 8]], pictures(TRUE, codes))
    half = pictures((TRUE[:1] + TRUE[1:2]) / 2, (codes[:1] + codes[1:2]) / 2)
    np.testing.assert_array_equal(steps[2:3], half)
    np.testing.assert_allclose(np.diff(steps[:5], n=2, axis=0), 0, atol=2)  # but for rounding


@pytest.mark.parametrize(("family", "shift"), [(Ramp(), 0.0), (Encoded(), 0.1)])
def test_translated_pictures_keep_their_latents_and_get_the_other_code(family, shift):
    start, end = CODES, EYE[jnp.array([1, 0, 0])]
    made = translate(family, MODEL, KEY, pictures(TRUE, start), start, end)
    moved = TRUE + np.array([[shift, 0], [-shift, 0], [0, 0]], np.float32)
    expected = np.asarray(pictures(moved, end)).astype(int)
    np.testing.assert_allclose(np.asarray(made).astype(int), expected, atol=3)


def test_edits_go_from_one_kind_of_examples_to_the_other():
    chosen = np.array([1, 1, 0, 0])
    z = np.array([[0.7, 0.1], [0.5, 0.1], [0.5, -0.1], [0.7, -0.1]], np.float32)
    codes = jnp.tile(EYE[:1], (4, 1))
    along = direction(Encoded(), MODEL, KEY, pictures(z, codes), codes, jnp.asarray(chosen))
    np.testing.assert_allclose(along, [0, 0.2], atol=6e-3)
    made = edit(Encoded(), MODEL, KEY, pictures(z, codes), codes, along, -0.5)
    expected = np.asarray(pictures(np.add(z, [[0, -0.1]]), codes)).astype(int)
    np.testing.assert_allclose(np.asarray(made).astype(int), expected, atol=3)


@pytest.mark.parametrize("family", [Ramp(), Encoded()], ids=["search", "encoder"])
def test_noise_is_taken_out_and_the_code_found(family):
    clean = np.asarray(pictures(TRUE, CODES)).astype(int)
    noise = np.random.default_rng(0).integers(-12, 13, clean.shape)
    made, codes, off = restore(family, MODEL, KEY, (clean + noise).astype(np.uint8), EYE)
    np.testing.assert_array_equal(codes, CODES)
    apart = [np.abs(np.asarray(made).astype(int) - clean).mean(), np.abs(noise).mean()]
    assert apart[0] < apart[1] / 2
    np.testing.assert_allclose(off, (noise / 255).std(axis=(1, 2, 3)), atol=0.015)


def test_holes_are_filled_and_what_is_known_is_kept():
    clean = np.asarray(pictures(TRUE, CODES))
    known = np.ones((3, 4, 4), bool)
    known[:, 1:3, 1:3] = False
    torn = np.where(known[..., None], clean, np.uint8(255))
    made = np.asarray(restore(Ramp(), MODEL, KEY, torn, EYE, known=known)[0])
    np.testing.assert_array_equal(made[known], clean[known])
    np.testing.assert_allclose(made.astype(int), clean.astype(int), atol=4)


def test_the_resolution_is_doubled():
    clean = np.asarray(pictures(TRUE, CODES)).astype(float)
    small = np.round(clean.reshape(3, 2, 2, 2, 2, 1).mean(axis=(2, 4))).astype(np.uint8)
    made, codes, off = restore(Ramp(), MODEL, KEY, small, EYE)
    np.testing.assert_array_equal(codes, CODES)
    np.testing.assert_allclose(np.asarray(made).astype(int), clean, atol=5)
    assert np.asarray(off).max() < 0.01


@pytest.mark.parametrize(
    ("shape", "known", "message"),
    [
        ((2, 4, 4, 3), None, r"images must have the generator's shape \(m, 4, 4, 1\)"),
        ((2, 3, 3, 1), None, "whole fraction of its sides"),
        ((2, 4, 2, 1), None, "whole fraction of its sides"),
        ((2, 8, 8, 1), None, "whole fraction of its sides"),
        ((4, 4, 1), None, "whole fraction of its sides"),
        ((2, 4, 4, 1), (4, 4), r"known has shape \(4, 4\); the pictures make it \(2, 4, 4\)"),
    ],
)
def test_what_cannot_be_restored_is_refused(shape, known, message):
    mask = None if known is None else np.ones(known, bool)
    with pytest.raises(ValueError, match=message):
        restore(Ramp(), MODEL, KEY, np.zeros(shape, np.uint8), EYE, known=mask)
