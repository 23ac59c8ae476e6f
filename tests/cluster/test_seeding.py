"""Draws follow their weights, wherever the rows lie."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from clusterart_jax._sharding import over_rows, row_sharding
from clusterart_jax.cluster import _seeding as seeding

draw_rows = jax.jit(seeding.draw_rows, static_argnums=3)


def draws(x, mass, m, seed=0):
    return np.asarray(draw_rows(jax.random.key(seed), x, mass, m))


@pytest.mark.parametrize("n", [1, 2, 37])
def test_draws_follow_the_mass(n, dtype):
    x = jnp.arange(n, dtype=dtype)[:, None]
    mass = np.random.default_rng(n).random(n) * (np.arange(n) % 3 != 1)
    got = np.bincount(draws(x, jnp.asarray(mass, dtype), 20_000)[:, 0].astype(int), minlength=n)
    share = mass / mass.sum()
    # Five standard deviations of a binomial count.
    assert (np.abs(got / 20_000 - share) <= 5 * np.sqrt(share * (1 - share) / 20_000)).all()
    assert not got[mass == 0].any()


def test_rows_without_mass_are_never_drawn():
    mass = jnp.zeros(1000, jnp.float32).at[jnp.array([3, 999])].set(jnp.float32(1e-30))
    x = jnp.arange(1000, dtype=jnp.float32)[:, None]
    assert set(draws(x, mass, 500)[:, 0]) == {3, 999}


@pytest.mark.parametrize("devices", [2, 4])
def test_the_same_rows_on_any_number_of_devices(devices, on_mesh):
    x = jnp.arange(80.0)[:, None]
    mass = jnp.asarray(np.random.default_rng(0).integers(0, 5, 80).astype(float))
    sharded = on_mesh(x, devices)
    sharding = row_sharding(sharded)
    run = over_rows(
        lambda x, mass: seeding.draw_rows(jax.random.key(0), x, mass, 50, sharding.axis),
        sharding,
        rows_in=(True, True),
        rows_out=False,
    )
    assert jax.jit(run)(sharded, mass).tolist() == draws(x, mass, 50).tolist()


def test_random_rows_differ_in_value():
    x = jnp.asarray(np.repeat(np.arange(6.0), 5))[:, None]
    run = jax.jit(lambda key: seeding.random_rows(key, x, jnp.ones(30), 6))
    for seed in range(5):
        rows = run(jax.random.key(seed))
        assert sorted(rows[:, 0].tolist()) == [0, 1, 2, 3, 4, 5]


def test_seeds_are_rows_apart_from_each_other():
    """On tight groups far apart, k-means++ takes one of each; with absent rows, none of those."""
    rng = np.random.default_rng(0)
    x = jnp.asarray(100.0 * (np.arange(40) % 4)[:, None] + rng.normal(size=(40, 1)))
    weights = jnp.where(jnp.arange(40) % 4 == 2, 0.0, 1.0)
    origin = jnp.mean(x, axis=0, keepdims=True)
    run = jax.jit(lambda key: seeding.kmeans_plus_plus(key, x, weights, 3, origin))
    for seed in range(5):
        seeds = run(jax.random.key(seed))
        assert set(seeds[:, 0].tolist()) <= set(x[:, 0].tolist())
        assert sorted(round(s / 100) for s in seeds[:, 0].tolist()) == [0, 1, 3]


def test_many_rows_are_seen_twice_instead_of_kept(monkeypatch):
    x = jnp.asarray(np.random.default_rng(4).integers(0, 99, (300, 3)), jnp.float64)
    weights, origin = jnp.arange(300.0) % 3, jnp.zeros((1, 3))

    def seeds():
        run = jax.jit(lambda key: seeding.kmeans_plus_plus(key, x, weights, 9, origin))
        return run(jax.random.key(1)).tolist()

    kept = seeds()
    monkeypatch.setattr(seeding, "_KEPT", 0)
    assert seeds() == kept


def test_extra_memory_is_some_numbers_a_row():
    n, d = 2**22, 4
    rows, mass = (jax.ShapeDtypeStruct(shape, jnp.float32) for shape in ((n, d), (n,)))
    run = jax.jit(lambda key, x, w: seeding.kmeans_plus_plus(key, x, w, 64, x[:1]))
    memory = run.lower(jax.random.key(0), rows, mass).compile().memory_analysis()
    assert memory.temp_size_in_bytes < 5 * 4 * n  # distances to all candidates were five more
