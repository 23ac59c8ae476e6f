"""Derivatives of fixed points, where they are known."""

import jax
import jax.numpy as jnp
import numpy as np

from clusterart_jax.cluster._implicit import implicit_fixed_point


def test_square_root_by_heron():
    def step(p, data):
        return {"root": (p["root"] + data / p["root"]) / 2}

    found = {"root": jnp.sqrt(jnp.array([4.0, 9.0]))}
    run = lambda data: implicit_fixed_point(step, found, data)["root"]  # noqa: E731
    data = jnp.array([4.0, 9.0])
    assert run(data).tolist() == [2, 3]
    for jacobian in (jax.jacrev(run), jax.jacfwd(run)):
        np.testing.assert_allclose(jacobian(data), np.diag([1 / 4, 1 / 6]), atol=1e-12)


def test_linear_map_that_is_not_symmetric():
    """p = A p + u: dp = (I − A)⁻¹ (dA p + du)."""
    rng = np.random.default_rng(0)
    a, u, push, weights = 0.2 * rng.normal(size=(6, 6)), *rng.normal(size=(3, 6))
    inverse = np.linalg.inv(np.eye(6) - a)
    found = jnp.asarray(inverse @ u)
    run = lambda a, u: implicit_fixed_point(lambda p, data: data[0] @ p + data[1], found, (a, u))  # noqa: E731
    change = jax.jvp(lambda u: run(a, u), (u,), (push,))[1]
    np.testing.assert_allclose(change, inverse @ push, rtol=1e-9)
    by_a, by_u = jax.vjp(run, a, u)[1](jnp.asarray(weights))
    np.testing.assert_allclose(by_u, inverse.T @ weights, rtol=1e-9)
    np.testing.assert_allclose(by_a, np.outer(inverse.T @ weights, found), rtol=1e-9)


def test_only_what_found_depends_on_by_step_counts():
    """`found` comes from iterations that have no derivative of their own."""
    run = lambda u: implicit_fixed_point(lambda p, u: p / 2 + u, 7 * u, u)  # noqa: E731
    assert jax.grad(run)(1.0) == 2


def test_under_vmap():
    step = lambda p, u: jnp.tanh(p / 2) + u  # noqa: E731

    def run(u):
        found = jax.lax.fori_loop(0, 60, lambda _, p: step(p, u), jnp.zeros(()))
        return implicit_fixed_point(step, found, u)

    u = jnp.linspace(-1, 1, 4)
    slopes = jax.vmap(jax.grad(run))(u)
    p = jax.vmap(run)(u)
    np.testing.assert_allclose(slopes, 1 / (1 - (1 - jnp.tanh(p / 2) ** 2) / 2), rtol=1e-9)
