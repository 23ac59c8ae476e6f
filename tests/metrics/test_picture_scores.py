"""All measures at once: each is what its own function says, and the floor is of two halves."""

import json

import jax
import numpy as np
import pytest

from clusterart_jax import metrics


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    return rng.normal(size=(121, 3)), 1.1 * rng.normal(size=(50, 3)) + 0.4


def scores(rows, **options):
    return metrics.picture_scores(jax.random.key(2), *rows, network="numbers", **options)


def test_each_is_that_of_its_function(rows):
    found = scores(rows)
    kernel = metrics.kernel_distance(jax.random.key(0), *rows, n_subsets=1)
    expected = {
        "frechet": metrics.frechet_distance(*rows),
        "kernel": kernel.value,
        "kernel_error": kernel.error,
        **metrics.precision_recall(*rows)._asdict(),
        **metrics.density_coverage(*rows)._asdict(),
    }
    for name, value in expected.items():
        np.testing.assert_allclose(getattr(found, name), value, rtol=1e-12, err_msg=name)
    counts = found.network, found.n_real, found.n_generated, found.n_floor
    assert counts == ("numbers", 121, 50, 60)


def test_the_floor_is_between_halves(rows):
    found = scores(rows)
    order = jax.random.permutation(jax.random.key(2), 121)
    halves = rows[0][order[:60]], rows[0][order[60:120]]
    np.testing.assert_allclose(found.frechet_floor, metrics.frechet_distance(*halves), rtol=1e-9)
    kernel = metrics.kernel_distance(jax.random.key(0), *halves, n_subsets=1)
    np.testing.assert_allclose(found.kernel_floor, kernel.value, rtol=1e-9)
    np.testing.assert_allclose(found.kernel_floor_error, kernel.error, rtol=1e-9)
    assert found.frechet > found.frechet_floor, "the sets differ"
    assert abs(found.kernel_floor) < 4 * found.kernel_floor_error


def test_inception_scores(rows):
    assert np.isnan(scores(rows).inception_score)
    p = np.random.default_rng(0).dirichlet(np.ones(5), 121)
    found = scores(rows, probabilities=p[:50], real_probabilities=p)
    ours = found.inception_score, found.inception_score_std
    np.testing.assert_allclose(ours, metrics.inception_score(p[:50]))
    np.testing.assert_allclose(found.real_inception_score, metrics.inception_score(p).mean)


def test_for_json(rows):
    held = json.loads(json.dumps(scores(rows).as_dict()))
    assert held["network"] == "numbers"
    assert held["n_real"] == 121
    assert held["frechet"] == float(scores(rows).frechet)
    assert len(held) == 17


def test_sharded_equals_unsharded(on_mesh):
    x, y = np.random.default_rng(0).normal(size=(2, 68, 3))  # halves of 34 on four devices
    alone, found = (scores(pair) for pair in ((x, y), (on_mesh(x, 4, "explicit"), y)))
    np.testing.assert_allclose(jax.tree.leaves(found), jax.tree.leaves(alone), rtol=1e-9)


def test_bad_arguments(rows):
    x, y = rows
    with pytest.raises(TypeError, match="network must be the name of what made the features"):
        metrics.picture_scores(jax.random.key(0), x, y, network=None)
    with pytest.raises(ValueError, match="real must have at least 6 rows, not 5"):
        scores((x[:5], y))
    with pytest.raises(ValueError, match=r"real_probabilities must have shape \(121, c\), not"):
        scores(rows, real_probabilities=np.ones((50, 3)))
