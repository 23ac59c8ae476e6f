"""The six classes beside scikit-learn's, and in its programs: pipelines, searches, copies."""

import copy
import inspect
import pickle

import jax
import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy.sparse import csr_array
from sklearn import cluster, decomposition, discriminant_analysis, mixture
from sklearn.base import clone
from sklearn.decomposition._pca import _infer_dimension
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import clusterart_jax as ca
from clusterart_jax.estimators._pca import minka_dimension
from clusterart_jax.estimators._rows import FEW, gather, padded

PEERS = {
    ca.KMeans: cluster.KMeans,
    ca.MiniBatchKMeans: cluster.MiniBatchKMeans,
    ca.BisectingKMeans: cluster.BisectingKMeans,
    ca.GaussianMixture: mixture.GaussianMixture,
    ca.PCA: decomposition.PCA,
    ca.LinearDiscriminantAnalysis: discriminant_analysis.LinearDiscriminantAnalysis,
}
every = pytest.mark.parametrize("ours", PEERS, ids=lambda c: c.__name__)
centers = pytest.mark.parametrize(
    "ours", [ca.KMeans, ca.MiniBatchKMeans, ca.BisectingKMeans], ids=lambda c: c.__name__
)

RNG = np.random.default_rng(0)
Y = np.arange(90) % 3
X = RNG.normal(size=(90, 4)) + 6.0 * np.eye(3, 4)[Y]
WEIGHTS = 1.0 + np.arange(90) % 4


def make(ours):
    """A model with three groups, where there are any."""
    names = {"n_clusters", "n_components"} & set(inspect.signature(ours).parameters)
    count = 3 if ours is not ca.LinearDiscriminantAnalysis else 2
    options = dict.fromkeys(names, count)
    if "random_state" in inspect.signature(ours).parameters:
        options["random_state"] = 0
    return ours(**options)


def answers(model, x=X):
    """What a fitted model says of rows."""
    methods = ("predict", "transform", "predict_proba", "score_samples", "decision_function")
    return {name: getattr(model, name)(x) for name in methods if hasattr(model, name)}


def same(ours, theirs, **tolerance):
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        np.testing.assert_allclose(value, theirs[name], err_msg=name, **tolerance)


@every
def test_parameters_and_defaults_are_the_peers(ours):
    mine, theirs = (inspect.signature(c).parameters for c in (ours, PEERS[ours]))
    assert list(mine) == list(theirs)
    for name, parameter in mine.items():
        assert (parameter.default, parameter.kind) == (theirs[name].default, theirs[name].kind)


@every
def test_attributes_and_methods_are_the_peers(ours):
    peer = make(ours).fit(X, Y)
    theirs = clone(PEERS[ours](**peer.get_params())).fit(X, Y)
    public = {n for n in dir(theirs) if not n.startswith("_")}
    if ours is ca.BisectingKMeans:
        public -= {"n_leaves_"}
    assert public - set(dir(peer)) == set()
    for name in sorted(n for n in vars(theirs) if n.endswith("_") and not n.startswith("_")):
        a, b = getattr(peer, name), getattr(theirs, name)
        assert type(a) is type(b) or (np.ndim(a) == 0 and np.ndim(b) == 0), name
        if name not in ("scalings_", "lower_bounds_"):
            assert np.shape(a) == np.shape(b), name
        assert np.asarray(a).dtype.kind == np.asarray(b).dtype.kind, name


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@every
def test_results_are_numpy_of_the_rows_precision(ours, dtype):
    x64 = jax.config.jax_enable_x64
    model = make(ours).fit(X.astype(dtype), Y)
    assert jax.config.jax_enable_x64 == x64
    leaves = jax.tree.leaves([v for v in vars(model).values() if not callable(v)])
    assert not any(isinstance(leaf, jax.Array) for leaf in leaves)
    for name, value in {**vars(model), **answers(model, X.astype(dtype))}.items():
        floating = isinstance(value, np.ndarray) and value.dtype.kind == "f"
        assert not floating or value.dtype == dtype, name
        assert not isinstance(value, np.ndarray) or value.flags.writeable, name


@every
def test_copies_say_the_same(ours):
    model = make(ours).fit(X, Y)
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model), clone(model).fit(X, Y)):
        same(answers(other), answers(model))


@every
def test_jax_arrays_and_frames_are_rows(ours):
    model = make(ours).fit(X, Y)
    expected = answers(model)
    with jax.enable_x64(True):
        same(answers(make(ours).fit(jax.numpy.asarray(X), Y)), expected)
    frame = pd.DataFrame(X, columns=list("abcd"))
    framed = make(ours).fit(frame, Y)
    assert framed.feature_names_in_.tolist() == list("abcd")
    same(answers(framed, frame), expected)
    if hasattr(framed, "transform"):
        out = framed.set_output(transform="pandas").transform(frame)
        assert out.columns.tolist() == framed.get_feature_names_out().tolist()
        assert out.columns[0] == ours.__name__.lower() + "0"
        np.testing.assert_array_equal(out.to_numpy(), expected["transform"])


@every
def test_sparse_rows_are_refused_in_one_line(ours):
    with pytest.raises(TypeError, match=r"^Sparse data was passed for X.*$") as error:
        make(ours).fit(csr_array(X), Y)
    assert "\n" not in str(error.value)


@every
def test_more_rows_than_few(ours):
    n = FEW + 8
    x, y = np.tile(X, (n // 90 + 1, 1))[:n], np.resize(Y, n)
    x = (x + np.random.default_rng(1).normal(size=x.shape)).astype(np.float32)
    model = make(ours).fit(x, y)
    found = answers(model, x)
    assert all(len(v) == n for v in found.values())
    assert {v.dtype for v in found.values() if v.dtype.kind == "f"} <= {np.dtype(np.float32)}
    few = answers(model, x[:50])
    same(few, {name: value[:50] for name, value in found.items()}, rtol=1e-3, atol=1e-3)
    if hasattr(model, "labels_"):
        np.testing.assert_array_equal(model.labels_, found["predict"])
    if hasattr(model, "fit_predict"):
        assert len(set(model.fit_predict(x))) == 3


@centers
def test_order_and_copies_of_rows_do_not_matter(ours):
    model = make(ours).fit(X, sample_weight=WEIGHTS)
    order = RNG.permutation(np.repeat(np.arange(90), WEIGHTS.astype(int)))
    repeated = make(ours).fit(X[order])
    np.testing.assert_array_equal(repeated.labels_, model.labels_[order])
    np.testing.assert_allclose(repeated.cluster_centers_, model.cluster_centers_)
    np.testing.assert_allclose(repeated.inertia_, model.inertia_)


def test_gathered_rows_hold_every_row_once_in_order():
    x = np.array([[2.0, 1.0], [-0.0, 5.0], [2.0, -1.0], [0.0, 5.0], [-3.0, 0.0]])
    rows = gather(x, np.array([1.0, 2.0, 0.0, 4.0, 8.0]))
    np.testing.assert_array_equal(rows.x[:4], [[-3, 0], [0, 5], [2, 1], [2, -1]])
    np.testing.assert_array_equal(rows.weights[:4], [8, 6, 1, 0])
    np.testing.assert_array_equal(rows.back, [2, 1, 3, 1, 0])
    assert (len(rows.x), rows.n, rows.weights[4:].any()) == (padded(4), 3, False)
    assert all(n <= padded(n) <= max(n + 127, 1.25 * n) for n in range(1, FEW))


def test_folds_of_a_search_share_programs(compilations):
    def search(n):
        ca.KMeans(3, random_state=n, n_init=n % 3 + 1, tol=n * 1e-6).fit(X[:n]).predict(X[: n - 9])

    search(90)
    before = compilations.count
    for n in (62, 71, 80):
        search(n)
    assert compilations.count == before


def test_pipeline_and_search():
    steps = make_pipeline(StandardScaler(), ca.PCA(2), ca.KMeans(random_state=0))
    grid = {"pca__n_components": [2, 3], "kmeans__n_clusters": [2, 3]}
    search = GridSearchCV(steps, grid, cv=3).fit(X)
    assert search.best_params_["kmeans__n_clusters"] == 3
    assert search.predict(X).shape == (90,)
    lda = make_pipeline(ca.PCA(3), ca.LinearDiscriminantAnalysis())
    assert lda.fit(X, Y).score(X, Y) > 0.9


def test_weights_are_routed_to_who_asked():
    with sklearn.config_context(enable_metadata_routing=True):
        model = ca.KMeans(3, random_state=0).set_fit_request(sample_weight=True)
        model.set_score_request(sample_weight=True)
        steps = make_pipeline(ca.PCA(), model).fit(X, sample_weight=WEIGHTS)
        alone = clone(model).fit(ca.PCA().fit_transform(X), sample_weight=WEIGHTS)
        np.testing.assert_array_equal(steps[-1].labels_, alone.labels_)
        weighted = steps.score(X, sample_weight=WEIGHTS)
    np.testing.assert_allclose(weighted, -alone.inertia_)


@pytest.mark.parametrize("ours", [c for c in PEERS if "Discr" not in c.__name__])
def test_random_state(ours):
    def draw(state):
        model = make(ours).set_params(random_state=state)
        if "init" in model.get_params():
            model.set_params(init="random", max_iter=1, n_init=1)
        return answers(model.fit(X[:60]))

    same(draw(7), draw(7))
    same(draw(np.random.RandomState(7)), draw(7))
    assert draw(None).keys() == draw(7).keys()
    state = np.random.RandomState(7)
    if ours is ca.KMeans:
        twice = [draw(state)["transform"] for _ in range(4)]
        assert any(not np.allclose(twice[0], other) for other in twice[1:])


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
def test_kmeans_equals_the_peer_from_the_same_start(weights):
    options = {"n_clusters": 5, "init": X[:5], "n_init": 1, "tol": 0}
    mine = ca.KMeans(**options).fit(X, sample_weight=weights)
    theirs = cluster.KMeans(**options).fit(X, sample_weight=weights)
    np.testing.assert_array_equal(mine.labels_, theirs.labels_)
    np.testing.assert_allclose(mine.cluster_centers_, theirs.cluster_centers_)
    np.testing.assert_allclose(mine.inertia_, theirs.inertia_)
    assert mine.n_iter_ == theirs.n_iter_
    np.testing.assert_allclose(mine.score(X, None, weights), theirs.score(X, None, weights))
    same(answers(mine), answers(theirs))


def test_kmeans_that_tells_finds_the_same(capsys):
    silent = ca.KMeans(4, random_state=1, n_init=2).fit(X)
    telling = ca.KMeans(4, random_state=1, n_init=2, verbose=1).fit(X)
    lines = capsys.readouterr().out.splitlines()
    np.testing.assert_array_equal(telling.labels_, silent.labels_)
    assert telling.n_iter_ == silent.n_iter_
    assert lines.count("Initialization complete") == 2
    told = [float(line.split()[-1][:-1]) for line in lines if line.startswith("Iteration")]
    assert min(told) == pytest.approx(silent.inertia_)


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_mixture_equals_the_peer_from_the_same_start(kind):
    options = {"covariance_type": kind, "means_init": X[:3], "weights_init": np.full(3, 1 / 3)}
    precisions = {"full": np.stack([np.eye(4)] * 3), "tied": np.eye(4)}
    options["precisions_init"] = precisions.get(kind, np.ones((3, 4) if kind == "diag" else 3))
    mine, theirs = (c(3, **options).fit(X) for c in (ca.GaussianMixture, mixture.GaussianMixture))
    assert mine.n_iter_ == theirs.n_iter_
    for name in ("weights_", "means_", "covariances_", "precisions_", "lower_bound_"):
        np.testing.assert_allclose(getattr(mine, name), getattr(theirs, name), rtol=1e-6, atol=1e-9)
    same(answers(mine), answers(theirs), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose([mine.aic(X), mine.bic(X)], [theirs.aic(X), theirs.bic(X)])


def test_mixture_of_weighted_rows_is_that_of_repeated_ones():
    weighted = ca.GaussianMixture(3, random_state=0).fit(X, sample_weight=WEIGHTS)
    repeated = ca.GaussianMixture(3, random_state=0).fit(np.repeat(X, WEIGHTS.astype(int), axis=0))
    same(answers(weighted), answers(repeated))


@pytest.mark.parametrize("solver", ["svd", "eigen", "lsqr"])
def test_discriminant_equals_the_peer(solver):
    options = {"solver": solver, "priors": [0.2, 0.3, 0.5]}
    mine = ca.LinearDiscriminantAnalysis(**options).fit(X, Y)
    theirs = discriminant_analysis.LinearDiscriminantAnalysis(**options).fit(X, Y)
    np.testing.assert_allclose(mine.predict_proba(X), theirs.predict_proba(X), atol=1e-9)
    np.testing.assert_allclose(mine.means_, theirs.means_)
    if solver != "lsqr":
        ours, peers = (np.abs(m.transform(X)) for m in (mine, theirs))
        np.testing.assert_allclose(ours, peers)


def test_discriminant_tells_a_singular_covariance():
    constant = np.c_[X, np.ones(90)]
    with pytest.raises(np.linalg.LinAlgError, match="shrinkage"):
        ca.LinearDiscriminantAnalysis(solver="eigen").fit(constant, Y)


@pytest.mark.parametrize("whiten", [False, True])
def test_pca_equals_the_peer(whiten):
    mine, theirs = (c(2, whiten=whiten).fit(X) for c in (ca.PCA, decomposition.PCA))
    same(answers(mine), answers(theirs))
    np.testing.assert_allclose(mine.get_precision(), theirs.get_precision())
    back = mine.inverse_transform(mine.transform(X))
    np.testing.assert_allclose(back, theirs.inverse_transform(theirs.transform(X)))


def test_minka_dimension_is_the_peers():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        spectrum = np.sort(rng.gamma(0.5, size=9))[::-1] + 0.01
        assert minka_dimension(spectrum, 60) == _infer_dimension(spectrum, 60)


def test_bisecting_with_a_function_for_a_start():
    def first_and_last(rows, k, random_state):
        return rows[[0, -1]]

    for strategy in ("biggest_inertia", "largest_cluster"):
        model = ca.BisectingKMeans(5, init=first_and_last, bisecting_strategy=strategy).fit(X)
        np.testing.assert_array_equal(model.labels_, model.predict(X))
        assert sorted(set(model.labels_)) == list(range(5))
        means = [X[model.labels_ == j].mean(axis=0) for j in range(5)]
        np.testing.assert_allclose(model.cluster_centers_, means)


def test_negative_weights_are_refused():
    for ours in (ca.KMeans, ca.MiniBatchKMeans, ca.BisectingKMeans, ca.GaussianMixture):
        with pytest.raises(ValueError, match="Negative values in data passed to `sample_weight`"):
            make(ours).fit(X, sample_weight=-WEIGHTS)
