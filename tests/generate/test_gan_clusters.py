"""Clusters of features found anew: they keep their numbers, and noise stays noise."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from clusterart_jax.condition import encode
from clusterart_jax.generate import GAN, Schedule, init_state, train
from clusterart_jax.generate._gan_clusters import matched, recluster

KEY = jax.random.key(0)


def features(images):
    """The two values of a picture are its features."""
    return 10 * images.reshape(images.shape[0], 2)


found_anew = jax.jit(partial(recluster, KEY, features))


@pytest.fixture(scope="module")
def groups():
    """400 pictures of two values in four groups, and the groups."""
    rng = np.random.default_rng(0)
    label = np.arange(400) % 4
    centers = np.array([[40, 40], [40, 200], [200, 40], [200, 200]])
    values = centers[label] + rng.normal(scale=8, size=(400, 2))
    return np.round(values).astype(np.uint8).reshape(400, 1, 1, 2), label


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [2, 0, 3, 1]])
def test_groups_that_were_mixed_up_are_found_and_keep_their_numbers(groups, order):
    images, label = groups
    label = np.array(order)[label]
    mixed = np.where(np.random.default_rng(1).random(400) < 0.3, (label + 1) % 4, label)
    codes = found_anew(images, encode(mixed, 4).codes)
    np.testing.assert_array_equal(codes, np.eye(4)[label])


def test_noise_stays_noise_and_moves_no_cluster(groups):
    images, label = groups
    images, label = images.copy(), np.where(np.arange(400) < 40, -1, label)
    images[:40] = 255
    codes = found_anew(images, encode(label, 4).codes)
    np.testing.assert_array_equal(codes, encode(label, 4).codes)


def test_shares_of_clusters_become_one_cluster_each(groups):
    images, label = groups
    codes = found_anew(images, 0.6 * encode(label, 4).codes + jnp.float32(0.1))
    np.testing.assert_array_equal(codes, np.eye(4)[label])


def test_a_code_that_nobody_had_becomes_a_cluster(groups):
    images, label = groups
    codes = np.asarray(found_anew(images, encode(label % 3, 4).codes))
    np.testing.assert_array_equal(codes.sum(axis=1), 1)
    assert (codes.sum(axis=0) > 0).all()
    for cluster in (1, 2):
        np.testing.assert_array_equal(codes[:, cluster] > 0, label == cluster)


@pytest.mark.parametrize("seed", range(3))
def test_the_matching_keeps_most(seed):
    shared = np.random.default_rng(seed).integers(0, 20, (5, 5)).astype(np.float32)
    order = np.asarray(matched(jnp.asarray(shared)))
    best = max(shared[range(5), p].sum() for p in itertools.permutations(range(5)))
    assert sorted(order) == list(range(5))
    assert shared[range(5), order].sum() == best


def test_training_clusters_anew_after_its_first_steps_and_says_where_pictures_went(groups):
    images, label = groups
    family = GAN((1, 1, 2), 4, latent=2, width=2, network="mlp", recluster_every=3)
    schedule = Schedule(steps=9, batch_size=16)
    mixed = np.where(np.arange(400) < 100, (label + 1) % 4, label)
    codes = encode(mixed, 4).codes
    run = jax.jit(partial(train, family, schedule, KEY, chunk=9))
    begun = jax.jit(partial(init_state, family, schedule))(KEY, images, codes)
    early, _ = run(begun, images, codes, until=3)
    np.testing.assert_array_equal(family.codes_of(early.memory, codes), codes)
    state, _ = run(early, images, codes, until=9)
    new = np.asarray(family.codes_of(state.memory, codes))
    np.testing.assert_array_equal(new.sum(axis=1), 1)
    kept = (new.argmax(axis=1) == mixed).mean()
    assert 0.5 < kept < 1
    given = GAN((1, 1, 2), 4, network="mlp")
    assert given.codes_of({}, codes) is codes
