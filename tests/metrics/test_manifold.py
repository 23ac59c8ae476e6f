"""Precision, recall, density and coverage by hand and beside the published formulas."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from clusterart_jax import metrics
from clusterart_jax.metrics._manifold import _radii


def distances(x, y):
    return np.sqrt(((x[:, None].astype(np.float64) - y[None].astype(np.float64)) ** 2).sum(-1))


def reach(x, k):
    """Distance to the k-th nearest other row: itself is the nearest of all."""
    return np.sort(distances(x, x), axis=1)[:, k]


def oracle(x, y, k):
    """Of `prdc`, the authors' program, and with `<=` of torch-fidelity."""
    between, of_x, of_y = distances(x, y), reach(x, k), reach(y, k)
    return {
        "precision": (between <= of_x[:, None]).any(0).mean(),
        "recall": (between <= of_y[None]).any(1).mean(),
        "density": (between < of_x[:, None]).sum(0).mean() / k,
        "coverage": (between < of_x[:, None]).any(1).mean(),
    }


def ours(x, y, k, **weights):
    both = (
        metrics.precision_recall(x, y, k=k, **weights),
        metrics.density_coverage(x, y, k=k, **weights),
    )
    return {name: float(a) for found in both for name, a in found._asdict().items()}


def same(x, y, k, expected=None):
    expected = oracle(x, y, k) if expected is None else expected
    found = ours(x, y, k)
    tolerance = 1e-6 if x.dtype == np.float32 else 1e-12
    assert found == pytest.approx(expected, rel=tolerance, abs=tolerance)
    return found


def test_by_hand(dtype):
    x = np.array([[0, 0], [0, 2], [0, 4], [0, 9]], dtype)
    y = np.array([[0, 1], [0, 2.5], [90, 0]], dtype)
    found = ours(x, y, 1)
    assert found == pytest.approx(
        {"precision": 2 / 3, "recall": 3 / 4, "density": 4 / 3, "coverage": 3 / 4}, rel=1e-6
    )
    scores = metrics.precision_recall(x, y, k=1)
    assert scores.precision.dtype == dtype


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("d", [2, 20])
def test_parity(k, d, dtype):
    rng = np.random.default_rng(d)
    x = rng.normal(size=(150, d)).astype(dtype)
    y = (rng.normal(size=(130, d)) * 0.9 + 0.2).astype(dtype)
    found = same(x, y, k)
    assert len(set(found.values())) > 2, "nothing is told apart"


def test_whole_numbers_with_many_ties(digits, dtype):
    x, y = digits[:200].astype(dtype), digits[200:420].astype(dtype)
    same(x, y, 3)


def test_equal_sets(digits, dtype):
    x = digits[:150].astype(dtype) / 16 + 5  # distances with rounding
    found = same(x, x, 4)
    assert found == pytest.approx({"precision": 1, "recall": 1, "density": 1, "coverage": 1})


@pytest.mark.parametrize("kind", ["tight and apart", "far from zero", "few distinct rows"])
def test_float32_where_expanded_squares_lose_their_digits(kind):
    rng = np.random.default_rng(0)
    x, y, group = rng.normal(size=(90, 24)), 0.9 * rng.normal(size=(80, 24)), np.arange(90) % 3
    x, y = {
        "tight and apart": (1e-4 * x + group[:, None], 1e-4 * y + group[:80, None]),
        "far from zero": (x + 1e4, y + 1e4),
        "few distinct rows": (x[group * 7], np.concatenate([x[group[:40] * 7], y[:40]])),
    }[kind]
    same(np.float32(x), np.float32(y), 2)


def test_copies_fill_balls_of_no_size():
    x = np.zeros((6, 12))
    found = ours(x, x, 2)
    assert (found["precision"], found["recall"]) == (1, 1), "surfaces belong to balls"
    assert (found["density"], found["coverage"]) == (0, 0), "open balls of no size hold nothing"


def test_a_weight_is_a_number_of_rows():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(50, 12)), rng.normal(size=(50, 12)) + 0.4
    w, v = np.arange(50) % 4, np.arange(50) % 3
    expected = oracle(np.repeat(x, w, axis=0), np.repeat(y, v, axis=0), 3)
    found = ours(x, y, 3, sample_weight=w, generated_weight=v)
    assert found == pytest.approx(expected, rel=1e-12)
    few = ours(x, y, 3, sample_weight=np.arange(50) < 3)
    assert np.isnan(list(few.values())).all()


def test_no_number_in_no_number_out():
    x = np.random.default_rng(3).normal(size=(50, 12))
    broken = x.copy()
    broken[3, 1] = np.nan
    assert np.isnan(list(ours(broken, x, 3).values())).all()
    assert np.isnan(list(ours(x, broken, 3).values())).all()


def test_radii_in_blocks(digits, monkeypatch):
    x = digits[:101] + np.random.default_rng(0).normal(size=(101, 64))
    expected = np.sort(((x[:, None] - x[None]) ** 2).sum(-1), axis=1)[:, 6]
    monkeypatch.setattr("clusterart_jax.metrics._balls.block_size", lambda n, w: min(n, 16))
    x = jnp.asarray(x)
    np.testing.assert_allclose(_radii(x, x, jnp.ones(101), 6, None), expected, rtol=1e-11)


@pytest.mark.parametrize(
    ("which", "axes"), [("real", "explicit"), ("generated", "explicit"), ("both", "auto")]
)
def test_sharded_equals_unsharded(axes, which, on_mesh):
    x, y = np.random.default_rng(0).normal(size=(2, 400, 3))  # of more than one block
    alone = ours(x, y, 3)
    x = x if which == "generated" else on_mesh(x, 4, axes)
    y = y if which == "real" else on_mesh(y, 4, axes)
    assert ours(x, y, 3) == pytest.approx(alone, rel=1e-12)


@pytest.mark.parametrize("function", [metrics.precision_recall, metrics.density_coverage])
def test_memory_is_bounded(function):
    x, y = (jax.ShapeDtypeStruct((n, 32), jnp.float32) for n in (30_000, 20_000))
    memory = jax.jit(function).lower(x, y).compile().memory_analysis()
    assert memory.temp_size_in_bytes < 40 * 2**20


def test_bad_arguments(blobs):
    with pytest.raises(ValueError, match="generated must have at least 4 rows, not 3"):
        metrics.precision_recall(blobs, blobs[:3])
    with pytest.raises(ValueError, match="real must have at least 6 rows, not 5"):
        metrics.density_coverage(blobs[:5], blobs)
    with pytest.raises(ValueError, match="k must be at least 1, not 0"):
        metrics.density_coverage(blobs, blobs, k=0)
