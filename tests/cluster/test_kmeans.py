"""k-means by hand, against a plain oracle, at its edges, and its errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from clusterart_jax import kmeans
from clusterart_jax._errors import ConfigError
from clusterart_jax.cluster import nearest_centers


def oracle(x, centers, weights=None, max_iter=300):
    """Lloyd's iteration as the textbook has it, in float64: (centers, labels, inertia, n_iter)."""
    x, centers = np.asarray(x, np.float64), np.array(centers, np.float64)
    weights = np.ones(len(x)) if weights is None else np.asarray(weights, np.float64)
    labels, n_iter = np.full(len(x), -1), 0

    def distances():
        return ((x[:, None] - centers[None]) ** 2).sum(-1)

    while n_iter < max_iter:
        squared = distances()
        before, labels = labels, squared.argmin(1)
        owner, far = labels.copy(), np.where(weights > 0, squared.min(1), 0)
        for empty in range(len(centers)):
            while not weights[owner == empty].sum() > 0 and far.max() > 0:
                row = far.argmax()
                far[row] = 0
                if weights[owner == owner[row]].sum() > weights[row]:
                    owner[row] = empty
        for j in range(len(centers)):
            if weights[owner == j].sum() > 0:
                centers[j] = np.average(x[owner == j], axis=0, weights=weights[owner == j])
        n_iter += 1
        if (labels == before)[weights > 0].all():
            break
    squared = distances()
    return centers, squared.argmin(1), (weights * squared.min(1)).sum(), n_iter


def same(ours, theirs, *, places=1e-12):
    centers, labels, inertia, n_iter = theirs
    np.testing.assert_allclose(ours.centers, centers, rtol=places, atol=places * 10)
    assert ours.labels.tolist() == labels.tolist()
    np.testing.assert_allclose(ours.inertia, inertia, rtol=places, atol=places * 10)
    assert ours.n_iter == n_iter


def test_by_hand(key, dtype):
    x = np.array([[0, 0], [0, 2], [10, 0], [10, 4]], dtype)
    result = kmeans(key, x, 2, init=x[[0, 2]])
    assert result.centers.tolist() == [[0, 1], [10, 2]]
    assert result.labels.tolist() == [0, 0, 1, 1]
    assert result.inertia == 1 + 1 + 4 + 4
    assert result.n_iter == 2
    assert result.converged
    assert result.centers.dtype == result.inertia.dtype == dtype
    assert result.labels.dtype == result.n_iter.dtype == jnp.int32


def test_by_hand_with_weights(key, dtype):
    x = np.array([[0], [3], [10], [99]], dtype)
    result = kmeans(key, x, 2, init=x[[0, 2]], sample_weight=[2, 1, 1, 0])
    assert result.centers.tolist() == [[1], [10]]
    assert result.inertia == 2 * 1 + 4
    assert result.labels.tolist() == [0, 0, 1, 1]


def test_one_iteration_at_a_time(key):
    # The starts 0 and 1 take {0} and {1, 2, 9}: 0 and 4. Then {0, 1, 2} and {9}: 1 and 9.
    x = np.array([[0.0], [1], [2], [9]])
    expected = [([0, 1], False), ([0, 4], False), ([1, 9], False), ([1, 9], True)]
    for max_iter, (centers, converged) in enumerate(expected):
        result = kmeans(key, x, 2, init=x[:2], max_iter=max_iter, tol=0)
        assert result.centers.ravel().tolist() == centers
        assert result.n_iter == max_iter
        assert result.converged == converged


def test_tol_is_relative_to_the_variance(key):
    # As above: the first update moves the centres by 3², and the variance is 12.5.
    x = np.array([[0.0], [1], [2], [9]])
    for scale in (1.0, 1000.0):
        run = lambda tol: kmeans(key, x * scale, 2, init=x[:2] * scale, tol=tol)  # noqa: B023, E731
        assert run(9 / 12.5 + 0.01).n_iter == 1
        assert run(9 / 12.5 - 0.01).n_iter > 1
        assert run(9 / 12.5 + 0.01).converged


@pytest.mark.parametrize("seed", range(4))
def test_equals_oracle(seed, key):
    rng = np.random.default_rng(seed)
    x, weights = rng.normal(size=(40, 2)), rng.random(40) * (rng.random(40) < 0.8)
    same(kmeans(key, x, 4, init=x[:4], tol=0), oracle(x, x[:4]))
    weighted = kmeans(key, x, 4, init=x[:4], sample_weight=weights, tol=0)
    same(weighted, oracle(x, x[:4], weights))


@pytest.mark.parametrize("far", [[50], [50, 60], [-90, 50, 60]])
def test_empty_clusters_move_to_the_farthest_rows(far, key):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 2))
    init = np.concatenate([x[: 4 - len(far)], np.array(far)[:, None] * np.ones((1, 2))])
    for max_iter in (1, 300):
        ours = kmeans(key, x, 4, init=init, tol=0, max_iter=max_iter)
        same(ours, oracle(x, init, max_iter=max_iter))
    assert len(np.unique(ours.labels)) == 4


def test_the_last_row_of_a_cluster_is_not_moved_away(key):
    # The farthest row, 20, is alone with the centre 15: the next, 3, fills the empty cluster.
    x, init = np.array([[0.0], [1], [3], [20]]), np.array([[0.0], [15], [999]])
    result = kmeans(key, x, 3, init=init, max_iter=1)
    assert result.centers.ravel().tolist() == [0.5, 20, 3]
    weights = np.array([0.1, 0.1, 0.7, 0.3], np.float32)  # whose sums round
    result = kmeans(key, x.astype(np.float32), 3, init=init, sample_weight=weights, max_iter=1)
    np.testing.assert_allclose(result.centers.ravel(), [0.5, 20, 3], rtol=1e-6)


def test_first_of_equally_near_centers_wins(key, dtype):
    x = np.array([[1], [3], [5], [2], [-7]], dtype)
    result = kmeans(key, x, 3, init=np.array([[2], [4], [2]], dtype), max_iter=0)
    assert result.labels.tolist() == [0, 0, 1, 0, 0]
    labels, _ = nearest_centers(x, np.array([[2], [4], [2]], dtype))
    assert labels.tolist() == [0, 0, 1, 0, 0]


@pytest.mark.parametrize("init", ["k-means++", "random"])
def test_as_many_clusters_as_rows(key, init):
    x = np.array([[0, 1], [2, 3], [4, 9], [7, 7], [8, 0], *[[4, 4]] * 7], np.float32) / 10
    result = kmeans(key, x, 5, init=init, sample_weight=np.arange(12) < 5)
    labels = np.asarray(result.labels)[:5]
    assert sorted(labels.tolist()) == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(np.asarray(result.centers)[labels], x[:5], rtol=1e-6)
    assert float(result.inertia) < 1e-12
    assert result.converged


def test_one_cluster_and_one_row(key, blobs, dtype):
    x = blobs.astype(dtype)
    one = kmeans(key, x, 1, init=x[:1])
    np.testing.assert_allclose(one.centers[0], blobs.mean(0), rtol=1e-5)
    np.testing.assert_allclose(one.inertia, ((blobs - blobs.mean(0)) ** 2).sum(), rtol=1e-5)
    assert not one.labels.any()
    if dtype == np.float64:
        return
    single = kmeans(key, x[:1], 1)
    assert single.centers.tolist() == x[:1].tolist()
    assert single.inertia == 0
    assert single.converged


@pytest.mark.parametrize("init", ["k-means++", "random"])
@pytest.mark.parametrize("scale", [1, 0.1])
def test_fewer_distinct_rows_than_clusters(key, init, scale):
    distinct = np.array([[0, 0], [1, 5], [3, 3]]) * scale
    x = distinct[np.arange(12) % 3].astype(np.float32)
    weights = np.arange(12) > 0  # row 0 is absent, and must not be drawn for lack of others
    x[0] = 99
    result = kmeans(key, x, 5, init=init, sample_weight=weights)
    np.testing.assert_allclose(result.centers[result.labels[1:]], x[1:], atol=1e-6)
    assert float(result.inertia) < 1e-9
    assert result.converged
    assert np.abs(result.centers).max() < 6


def test_labels_are_the_nearest_of_the_centers(key, digits, dtype):
    x = digits.astype(dtype)
    for max_iter in (0, 1, 2, 300):
        result = kmeans(key, x, 10, init=x[:10], max_iter=max_iter)
        squared = ((x[:, None].astype(float) - np.asarray(result.centers, float)) ** 2).sum(-1)
        assert result.labels.tolist() == squared.argmin(1).tolist()
        np.testing.assert_allclose(result.inertia, squared.min(1).sum(), rtol=1e-5)


def test_restarts_keep_the_best(blobs, key):
    x = blobs[:100]
    starts = [key] + [jax.random.fold_in(key, i) for i in range(1, 8)]
    singles = [float(kmeans(k, x, 6, init="random").inertia) for k in starts]
    assert len(set(np.round(singles, 6))) > 1, "all starts end alike"
    best = kmeans(key, x, 6, init="random", n_init=8)
    np.testing.assert_allclose(best.inertia, min(singles), rtol=1e-12)


def test_far_off_float32_clusters_as_float64(key, blobs):
    x = (blobs + 1e4).astype(np.float32)
    ours = kmeans(key, x, 3, init=x[:3], tol=0)
    exact = kmeans(key, x.astype(np.float64), 3, init=x[:3].astype(np.float64), tol=0)
    assert ours.labels.tolist() == exact.labels.tolist()
    np.testing.assert_allclose(ours.centers, exact.centers, atol=2e-3)
    np.testing.assert_allclose(ours.inertia, exact.inertia, rtol=1e-5)


def test_tight_clusters_far_apart_keep_their_inertia_in_float32(key):
    rng = np.random.default_rng(0)
    x = (1e4 * (np.arange(240) % 3)[:, None] + rng.normal(size=(240, 4))).astype(np.float32)
    result = kmeans(key, x, 3, init=x[:3])
    centers = np.stack([x[result.labels == j].mean(0, dtype=float) for j in range(3)])
    exact = ((x - centers[result.labels]) ** 2).sum()
    np.testing.assert_allclose(result.inertia, exact, rtol=1e-4)


@pytest.mark.parametrize(
    ("given", "computed"),
    [
        ("float32", "float32"),
        ("float64", "float64"),
        ("float16", "float32"),
        (jnp.bfloat16, "float32"),
        ("int32", "float64"),
        ("uint8", "float64"),
        ("bool", "float64"),
    ],
)
def test_dtypes(key, given, computed):
    x = jnp.array([[0, 0], [0, 1], [1, 0]]).astype(given)
    result = kmeans(key, x, 2, init=[[0, 0], [1, 0]], sample_weight=np.ones(3, np.int8))
    assert result.centers.dtype == result.inertia.dtype == computed


def test_lists_and_legacy_keys_are_taken(key):
    x = [[0, 0], [0, 1], [8, 8]]
    legacy = kmeans(jax.random.PRNGKey(0), x, 2, sample_weight=[1, 1, 1], init=[[0, 0], [8, 8]])
    assert legacy.labels.tolist() == [0, 0, 1]
    assert kmeans(jax.random.PRNGKey(0), x, 2)[0].tolist() == kmeans(key, x, 2)[0].tolist()


X = np.arange(12.0).reshape(6, 2)


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"k": 0}, ValueError, "k must be between 1 and 6, not 0"),
        ({"k": 7}, ValueError, "k must be between 1 and 6, not 7"),
        ({"k": 2.0}, TypeError, "k must be a whole number between 1 and 6, not 2.0"),
        ({"k": True}, TypeError, "k must be a whole number between 1 and 6, not True"),
        ({"x": X[0]}, ValueError, r"x must have 2 dimensions \(rows, columns\), not shape \(2,\)"),
        ({"x": X[:0]}, ValueError, r"at least one row and one column, not \(0, 2\)"),
        ({"x": X[:, :0]}, ValueError, r"at least one row and one column, not \(6, 0\)"),
        ({"x": X * 1j}, TypeError, "x must be real, not complex128"),
        ({"key": 0}, TypeError, "key must come from jax.random.key, not int 0"),
        ({"key": X}, TypeError, "key must come from jax.random.key, not ndarray"),
        ({"key": jnp.ones(2)}, TypeError, r"key must come from jax.random.key, not float64\[2\]"),
        ({"key": jax.random.split(jax.random.key(0))}, ValueError, r"single key.* \(2,\); use jax"),
        ({"sample_weight": [1.0]}, ValueError, r"sample_weight must have shape \(6,\).* \(1,\)"),
        ({"init": "kmeans++"}, ConfigError, "init must be.*k-means.*did you mean 'k-means++'?"),
        ({"init": X[:3]}, ValueError, r"init must have shape \(k, d\) = \(2, 2\), not \(3, 2\)"),
        ({"n_init": 0}, ValueError, "n_init must be at least 1, not 0"),
    ],
)
def test_bad_arguments(change, error, text, key):
    arguments = {"key": key, "x": X, "k": 2} | change
    with pytest.raises(error, match=text):
        kmeans(**arguments)


def test_traced_k_is_named(key):
    with pytest.raises(TypeError, match="k fixes shapes, so it must be a Python int"):
        jax.jit(lambda k: kmeans(key, X, k))(2)


def test_nearest_centers_by_hand(dtype):
    x = np.array([[0, 0], [3, 4], [9, 9]], dtype)
    labels, distances = nearest_centers(x, np.array([[0, 0], [9, 8]]))
    assert labels.tolist() == [0, 0, 1]
    assert distances.tolist() == [0, 5, 1]
    assert distances.dtype == dtype
    with pytest.raises(ValueError, match="x has 2 columns but centers have 1"):
        nearest_centers(x, np.ones((2, 1)))


def test_nearest_centers_agrees_with_kmeans(key, digits):
    result = kmeans(key, digits, 10, init=digits[:10], tol=0)
    labels, distances = nearest_centers(digits, result.centers)
    assert labels.tolist() == result.labels.tolist()
    np.testing.assert_allclose((distances**2).sum(), result.inertia, rtol=1e-12)
