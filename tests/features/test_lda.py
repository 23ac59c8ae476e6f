"""LDA by hand, against scikit-learn, and what holds on any data."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from clusterart_jax import lda

SOLVERS = [
    *(("svd", None), ("eigen", None), ("eigen", 0.3), ("eigen", "auto")),
    *(("lsqr", None), ("lsqr", 0.3), ("lsqr", "auto")),
]
WINE, KINDS = load_wine(return_X_y=True)


def test_by_hand(dtype):
    # Within the classes the covariance is diag(½, 2); the means are (0, 0) and (4, 0).
    cross = np.array([[1, 0], [-1, 0], [0, 2], [0, -2]])
    x = np.concatenate([cross, cross + np.array([4, 0])]).astype(dtype)
    y = np.repeat([0, 1], 4)
    for solver in ("svd", "eigen", "lsqr"):
        state = lda(x, y, None, solver=solver, store_covariance=True)
        np.testing.assert_allclose(state.means, [[0, 0], [4, 0]], atol=1e-6)
        np.testing.assert_allclose(state.covariance, [[0.5, 0], [0, 2]], atol=1e-6)
        np.testing.assert_allclose(state.mean, [2, 0], atol=1e-6)
        # (x − 2) (±2) / ½ − ½ 2² / ½ + log ½
        np.testing.assert_allclose(state.coef, [[-4, 0], [4, 0]], atol=2e-5)
        np.testing.assert_allclose(state.bias, [-4 + np.log(0.5)] * 2, rtol=1e-5)
        scores = state.decision_function(np.array([[2, 9], [3, 0]], dtype))
        np.testing.assert_allclose(scores[:, 1] - scores[:, 0], [0, 8], atol=1e-4)
        assert {a.dtype for a in jax.tree.leaves(state)} == {dtype}
        if solver != "lsqr":
            np.testing.assert_allclose(state.scalings, [[np.sqrt(2)], [0]], atol=1e-5)
            np.testing.assert_allclose(state.explained_variance_ratio, [1])


@pytest.mark.parametrize(("solver", "shrinkage"), SOLVERS)
def test_parity(solver, shrinkage):
    for priors in (None, np.array([0.1, 0.6, 0.3])):
        options = {"solver": solver, "shrinkage": shrinkage, "priors": priors}
        peer = LinearDiscriminantAnalysis(**options, store_covariance=True).fit(WINE, KINDS)
        ours = lda(WINE, KINDS, None, **options, store_covariance=True)
        np.testing.assert_allclose(ours.means, peer.means_, rtol=1e-12)
        np.testing.assert_allclose(ours.priors, peer.priors_)
        np.testing.assert_allclose(ours.covariance, peer.covariance_, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(
            ours.predict_proba(WINE), peer.predict_proba(WINE), rtol=1e-7, atol=1e-10
        )
        assert ours.predict(WINE).tolist() == peer.predict(WINE).tolist()
        if solver == "svd":
            np.testing.assert_allclose(ours.coef, peer.coef_, rtol=1e-9, atol=1e-9)
            np.testing.assert_allclose(ours.intercept, peer.intercept_, rtol=1e-8)
            np.testing.assert_allclose(ours.mean, peer.xbar_)
        else:  # scores of the peer differ by what is common to the classes
            coef = peer.coef_ - peer.priors_ @ peer.coef_
            np.testing.assert_allclose(ours.coef, coef, rtol=1e-6, atol=1e-8)
        if solver != "lsqr":
            ratio = peer.explained_variance_ratio_
            np.testing.assert_allclose(ours.explained_variance_ratio, ratio, rtol=1e-9)
            scalings = peer.scalings_[:, :2]
            signs = np.sign(np.sum(scalings * np.asarray(ours.scalings), axis=0))
            np.testing.assert_allclose(ours.scalings * signs[None], scalings, rtol=1e-6, atol=1e-9)
            points = peer.transform(WINE) - peer.transform(np.asarray(ours.mean)[None])
            np.testing.assert_allclose(ours.transform(WINE) * signs[None], points, atol=1e-8)


def test_few_components():
    one = lda(WINE, KINDS, 1)
    peer = LinearDiscriminantAnalysis(n_components=1).fit(WINE, KINDS)
    assert one.transform(WINE).shape == (178, 1)
    np.testing.assert_allclose(one.explained_variance_ratio, peer.explained_variance_ratio_)
    np.testing.assert_allclose(one.predict_proba(WINE), peer.predict_proba(WINE), atol=1e-9)


@pytest.mark.parametrize(("solver", "shrinkage"), SOLVERS)
def test_weights_stand_for_rows(solver, shrinkage):
    weights = np.random.default_rng(0).permutation(np.arange(len(WINE)) % 3)
    weights[0] += len(WINE) - weights.sum()  # as many rows repeated: one program
    options = {"solver": solver, "shrinkage": shrinkage, "store_covariance": True}
    hidden = np.where(weights[:, None] > 0, WINE, 777.0)
    ours = lda(hidden, KINDS, None, sample_weight=weights, **options)
    repeated = lda(np.repeat(WINE, weights, axis=0), np.repeat(KINDS, weights), None, **options)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(repeated), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-8)


def test_other_labels_are_absent():
    y = np.where(np.arange(len(KINDS)) % 4 == 0, -1, KINDS)
    ours = lda(WINE, y, None)
    alone = lda(WINE[y >= 0], y[y >= 0], None)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(alone), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-9)


def test_properties():
    state = lda(WINE, KINDS, None, store_covariance=True)
    scalings = np.asarray(state.scalings)
    np.testing.assert_allclose(scalings.T @ state.covariance @ scalings, np.eye(2), atol=1e-9)
    np.testing.assert_allclose(state.predict_proba(WINE).sum(1), 1)
    np.testing.assert_allclose(
        np.exp(state.predict_log_proba(WINE)), state.predict_proba(WINE), atol=1e-12
    )
    stretch = np.random.default_rng(0).uniform(0.1, 10, WINE.shape[1])
    order = np.random.default_rng(1).permutation(len(WINE))
    moved = lda((WINE * stretch + 100)[order], KINDS[order], None)
    probabilities = moved.predict_proba(WINE * stretch + 100)
    np.testing.assert_allclose(probabilities, state.predict_proba(WINE), atol=1e-9)


@pytest.mark.parametrize(("solver", "shrinkage"), [("svd", None), ("eigen", 0.1), ("lsqr", "auto")])
def test_float32_far_off(solver, shrinkage):
    x = (WINE - WINE.mean(0)) / WINE.std(0) + 1e4
    options = {"solver": solver, "shrinkage": shrinkage}
    x = x.astype(np.float32)
    ours, exact = lda(x, KINDS, None, **options), lda(x.astype(np.float64), KINDS, None, **options)
    np.testing.assert_allclose(ours.predict_proba(x), exact.predict_proba(x), atol=2e-3)


@pytest.mark.parametrize("n", [12, 60])
def test_singular_covariance(n):
    # Fewer rows than columns, one column constant in float32, far from 0, and one a copy.
    rng = np.random.default_rng(0)
    y = np.arange(n) % 3
    x = rng.normal(size=(n, 20)) + 3 * np.eye(3, 20)[y] + 0.1
    x[:, 5], x[:, 7] = 1234.567, x[:, 8]
    peer = LinearDiscriminantAnalysis().fit(x, y)
    ours = lda(x.astype(np.float32), y, None)
    assert ours.predict(x).tolist() == peer.predict(x).tolist()
    np.testing.assert_allclose(ours.predict_proba(x), peer.predict_proba(x), atol=1e-3)
    lsqr = lda(x, y, None, solver="lsqr")
    peer = LinearDiscriminantAnalysis(solver="lsqr").fit(x, y)
    np.testing.assert_allclose(lsqr.predict_proba(x), peer.predict_proba(x), atol=1e-6)


def test_collinear_means():
    # Three classes on a line need one direction; the second is none.
    rng = np.random.default_rng(0)
    y = np.arange(90) % 3
    noise = rng.normal(size=(90, 2))
    for k in range(3):
        noise[y == k] -= noise[y == k].mean(0)
    state = lda(noise + np.array([5.0, 0])[None] * y[:, None], y, None)
    assert np.asarray(state.scalings[:, 1]).tolist() == [0, 0]
    np.testing.assert_allclose(state.explained_variance_ratio, [1, 0], atol=1e-12)


def test_one_class_and_empty_class():
    one = lda(WINE, np.zeros(len(WINE), int), None)
    assert one.transform(WINE).shape == (178, 0)
    assert (one.predict_proba(WINE) == 1).all()
    four = lda(WINE, KINDS, None, n_classes=4)
    assert (four.predict(WINE) == lda(WINE, KINDS, None).predict(WINE)).all()
    assert (four.predict_proba(WINE)[:, 3] == 0).all()


@pytest.mark.parametrize(("solver", "shrinkage"), [("svd", None), ("eigen", "auto")])
def test_sharded_and_in_blocks(solver, shrinkage, on_mesh, monkeypatch):
    weights = np.random.default_rng(1).random(len(WINE))
    x, y, w = WINE[:176], KINDS[:176], weights[:176]  # 4 devices
    options = {"n_classes": 3, "solver": solver, "shrinkage": shrinkage}
    alone = lda(x, y, 2, sample_weight=w, **options)
    for module in ("_linalg", "features._lda", "features._spread"):
        monkeypatch.setattr(f"clusterart_jax.{module}.block_size", lambda n, width: min(n, 9))
    state = lda(on_mesh(x), on_mesh(y), 2, sample_weight=w, **options)
    for a, b in zip(jax.tree.leaves(state), jax.tree.leaves(alone), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-8)
        assert a.sharding.is_fully_replicated
    points = state.transform(on_mesh(x))
    assert points.sharding.spec[0] == "data"
    np.testing.assert_allclose(points, alone.transform(x), atol=1e-8)


def test_gradient_of_the_likelihood():
    x = jnp.asarray((WINE - WINE.mean(0)) / WINE.std(0))

    def loss(x):
        state = lda(x, KINDS, None, n_classes=3, solver="eigen", shrinkage=0.1)
        return state.predict_log_proba(x)[:, 0].mean()

    slope = jax.jit(jax.grad(loss))(x)
    turn = jnp.asarray(np.random.default_rng(0).normal(size=x.shape))
    expected = (loss(x + 1e-5 * turn) - loss(x - 1e-5 * turn)) / 2e-5
    np.testing.assert_allclose(jnp.sum(slope * turn), expected, rtol=1e-6)


def test_numbers_do_not_recompile(compilations):
    def run(shrinkage, prior):
        state = lda(WINE, KINDS, 2, solver="eigen", shrinkage=shrinkage, priors=prior)
        jax.block_until_ready(state)

    run(0.1, np.array([0.2, 0.3, 0.5]))
    before = compilations.count
    run(0.7, np.array([0.3, 0.3, 0.4]))
    assert compilations.count == before


@pytest.mark.parametrize("solver", ["svd", "eigen"])
def test_memory_is_bounded(solver):
    x = jax.ShapeDtypeStruct((1_000_000, 64), jnp.float32)
    y = jax.ShapeDtypeStruct((1_000_000,), jnp.int32)
    run = jax.jit(lambda x, y: lda(x, y, None, n_classes=10, solver=solver))
    memory = run.lower(x, y).compile().memory_analysis()
    assert memory.temp_size_in_bytes < 4 * 64_000_000 / 10


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: lda(WINE, KINDS, 3), ValueError, "n_components must be between 1 and 2, not 3"),
        (lambda: lda(WINE, KINDS[:9], 1), ValueError, r"y must have shape \(178,\)"),
        (lambda: lda(WINE, KINDS + 0.5, 1), TypeError, "y must be whole numbers 0…c−1, not float"),
        (lambda: lda(WINE, KINDS, 1, solver="qr"), ValueError, "solver must be one of svd"),
        (lambda: lda(WINE, KINDS, 1, shrinkage=0.1), ValueError, 'shrinkage needs solver "eigen"'),
        (
            lambda: lda(WINE, KINDS, 1, solver="eigen", shrinkage="some"),
            ValueError,
            "shrinkage must be one of auto",
        ),
        (lambda: lda(WINE, KINDS, 1, priors=[1, 2]), ValueError, r"priors must have shape \(3,\)"),
        (
            lambda: jax.jit(lambda y: lda(WINE, y, 1))(KINDS),
            TypeError,
            "y is traced: say how many classes there are",
        ),
        (
            lambda: lda(WINE, KINDS, 1).transform(WINE[:, :3]),
            ValueError,
            "x must have 13 columns, not 3",
        ),
    ],
)
def test_bad_arguments(call, error, text):
    with pytest.raises(error, match=text):
        call()
