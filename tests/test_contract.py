"""What every public core function promises, in one battery over one table."""

import inspect
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from clusterart_jax import cluster, condition, features, metrics

N = 48
RNG = np.random.default_rng(0)
X = 4.0 * (np.arange(N) % 4)[:, None] + RNG.normal(size=(N, 3))
LABELS, OTHER = np.arange(N) % 4, np.arange(N) % 3
IMAGES = RNG.integers(0, 256, (N, 2, 2, 3), dtype=np.uint8)
LARGER = np.random.default_rng(2).integers(0, 256, (N, 16, 16, 3), dtype=np.uint8)
COLORS = np.random.default_rng(1).uniform(0.1, 0.9, (N, 3))
WEIGHTS = (np.arange(N) % 5 > 0) * (1.0 + np.arange(N) % 2)


STATE = cluster.MiniBatchState(
    *(X[0], X[:4] - X[0], np.array([3.0, 0, 1, 9]), np.int32(7), np.int32(2), np.float64(1))
)
"""Of mini-batch k-means, with a centre that has taken nothing yet."""


TREE = cluster.hdbscan(X, min_cluster_size=4, min_samples=3)
"""Clusters of `X`, to which new points are joined."""

NEW = 0.9 * X[: N // 2] + RNG.normal(scale=0.3, size=(N // 2, 3))
"""Rows beside those of `X`, as if generated."""


class Case(NamedTuple):
    """One function, and how to call it on arrays of rows.

    Attributes:
      function: the public function.
      call: gets a key, the arrays of `rows`, and `sample_weight` where `weighted`.
      rows: arrays of N rows.
      per_row: for each array of the result, whether its first axis is those rows.
      keyed: whether `key` is the first argument.
      weighted: whether it takes `sample_weight`.
      positional: options that may be given by place, as callers know them from elsewhere.
      whole: whether the result holds no floating numbers.
      tolerance: of what should be equal; more where logarithms are taken of float32.
      differentiable: whether the sum of its floating results has a gradient in the first array.
    """

    function: Callable[..., Any]
    call: Callable[..., Any]
    rows: tuple[np.ndarray, ...]
    per_row: tuple[bool, ...]
    keyed: bool = False
    weighted: bool = False
    differentiable: bool = False
    positional: tuple[str, ...] = ()
    whole: bool = False
    tolerance: float = 1e-9


def agreement(function, outputs=1):
    def call(key, a, b, **kw):
        return function(a, b, k=4, **kw)

    return Case(function, call, (LABELS, OTHER), (False,) * outputs, weighted=True)


def dispersion(function):
    def call(key, x, labels, **kw):
        return function(x, labels, k=4, **kw)

    return Case(function, call, (X, LABELS), (False,), weighted=True)


def beside(function, outputs, **options):
    """Of rows as real ones beside `NEW`."""

    def call(key, x, **kw):
        return function(*([key] if options.get("keyed") else []), x, NEW, **kw)

    return Case(function, call, (X,), (False,) * outputs, weighted=True, **options)


def color(function):
    return Case(function, lambda key, x: function(x), (COLORS,), (True,), differentiable=True)


CASES = {
    "kmeans": Case(
        cluster.kmeans,
        lambda key, x, **kw: cluster.kmeans(key, x, 4, **kw),
        (X,),
        (False, True, False, False, False),
        keyed=True,
        weighted=True,
    ),
    "dbscan": Case(
        cluster.dbscan,
        lambda key, x, **kw: cluster.dbscan(x, 1.5, 4, **kw),
        (X,),
        (True, True, False),
        weighted=True,
        positional=("min_samples",),
        whole=True,
    ),
    "dbscan_predict": Case(
        cluster.dbscan_predict,
        lambda key, x: cluster.dbscan_predict(x, X[:8], LABELS[:8], 1.5),
        (X,),
        (True,),
        whole=True,
    ),
    "dbscan_distances": Case(
        cluster.dbscan_distances,
        lambda key, x, **kw: cluster.dbscan_distances(x, 1.5, 4, **kw),
        (np.linalg.norm(X[:, None] - X, axis=-1),),
        (False,) * 3,
        weighted=True,
        positional=("min_samples",),
        whole=True,
    ),
    "gmm": Case(
        cluster.gmm,
        lambda key, x, **kw: cluster.gmm(key, x, 2, max_iter=2000, tol=0, **kw),
        (X,),
        (*[False] * 5, True, False, False),
        keyed=True,
        weighted=True,
        differentiable=True,
    ),
    "bisecting_kmeans": Case(
        cluster.bisecting_kmeans,
        lambda key, x, **kw: cluster.bisecting_kmeans(key, x, 4, n_init=2, **kw),
        (X,),
        (False, True, *[False] * 5),
        keyed=True,
        weighted=True,
    ),
    "bisecting_labels": Case(
        cluster.bisecting_labels,
        lambda key, x: cluster.bisecting_labels(x, [[0, 4], [1, 2]], X[:4].reshape(2, 2, 3)),
        (X,),
        (True,),
    ),
    "kmedians": Case(
        cluster.kmedians,
        lambda key, x, **kw: cluster.kmedians(key, x, 4, n_init=2, **kw),
        (X,),
        (False, True, False, False, False),
        keyed=True,
        weighted=True,
    ),
    "spherical_kmeans": Case(
        cluster.spherical_kmeans,
        lambda key, x, **kw: cluster.spherical_kmeans(key, x, 4, **kw),
        (X,),
        (False, True, False, False, False),
        keyed=True,
        weighted=True,
    ),
    "soft_kmeans": Case(
        cluster.soft_kmeans,
        lambda key, x, **kw: cluster.soft_kmeans(key, x, 4, temperature=3.0, tol=1e-18, **kw),
        (X,),
        (False, True, False, False, False),
        keyed=True,
        weighted=True,
        differentiable=True,
    ),
    "mini_batch_kmeans": Case(
        cluster.mini_batch_kmeans,
        lambda key, x, **kw: cluster.mini_batch_kmeans(key, x, 4, batch_size=15, **kw),
        (X,),
        (False, True, *[False] * 5),
        keyed=True,
        weighted=True,
    ),
    "mini_batch_init": Case(
        cluster.mini_batch_init,
        lambda key, x, **kw: cluster.mini_batch_init(key, x, 4, n_init=2, **kw),
        (X,),
        (False,) * 6,
        keyed=True,
        weighted=True,
    ),
    "mini_batch_update": Case(
        cluster.mini_batch_update,
        lambda key, x, **kw: cluster.mini_batch_update(key, STATE, x, **kw),
        (X,),
        (False,) * 6,
        keyed=True,
        weighted=True,
    ),
    "hdbscan": Case(
        cluster.hdbscan,
        lambda key, x, **kw: cluster.hdbscan(x, min_cluster_size=4, min_samples=3, **kw),
        (X,),
        (*[True] * 4, *[False] * 4),
        weighted=True,
        positional=("min_cluster_size",),
    ),
    "hdbscan_labels": Case(
        cluster.hdbscan_labels,
        lambda key, x: cluster.hdbscan_labels(x, X, TREE, min_samples=3),
        (X + 0.3,),
        (True, True),
    ),
    "hdbscan_memberships": Case(
        cluster.hdbscan_memberships,
        lambda key, x: cluster.hdbscan_memberships(x, X, TREE, 3, min_samples=3),
        (X + 0.3,),
        (True,),
    ),
    "propose_eps": Case(
        cluster.propose_eps,
        lambda key, x, **kw: cluster.propose_eps(x, 3, **kw),
        (X,),
        (False,) * 4,
        weighted=True,
        positional=("min_samples",),
    ),
    "linkage": Case(
        cluster.linkage,
        lambda key, x, **kw: cluster.linkage(x, **kw),
        (X,),
        (False,),
        weighted=True,
        positional=("method",),
    ),
    "graph_linkage": Case(
        cluster.graph_linkage,
        lambda key, x, **kw: cluster.graph_linkage(x, cluster.image_grid(6, 8), "average", **kw),
        (X,),
        (False,),
        weighted=True,
        positional=("method",),
    ),
    "image_grid": Case(
        cluster.image_grid,
        lambda key, x: cluster.image_grid(6, 8),
        (X,),
        (False,),
        whole=True,
    ),
    "cut_tree": Case(
        cluster.cut_tree,
        lambda key, x: cluster.cut_tree(cluster.linkage(x), n_clusters=4),
        (X,),
        (False,),
        whole=True,
    ),
    "nearest_centers": Case(
        cluster.nearest_centers,
        lambda key, x: cluster.nearest_centers(x, X[:4]),
        (X + 0.1,),
        (True, True),
        differentiable=True,
    ),
    "pca": Case(
        features.pca,
        lambda key, x, **kw: features.pca(x, 2, **kw),
        (X,),
        (False,) * 7,
        weighted=True,
        differentiable=True,
    ),
    "lda": Case(
        features.lda,
        lambda key, x, y, **kw: features.lda(x, y, None, n_classes=4, **kw),
        (X, LABELS),
        (False,) * 7,
        weighted=True,
    ),
    "pca_update": Case(
        features.pca_update,
        lambda key, x, **kw: features.pca_update(
            features.PCASums.empty(3, rank=2, dtype=x.dtype), x, **kw
        ),
        (X,),
        (False,) * 4,
        weighted=True,
    ),
    "scale": Case(
        features.scale,
        lambda key, x, **kw: features.scale(x, "standard", **kw),
        (X,),
        (False, False),
        weighted=True,
        differentiable=True,
    ),
    "unit_rows": Case(
        features.unit_rows,
        lambda key, x: features.unit_rows(x),
        (X,),
        (True,),
        differentiable=True,
    ),
    "extract_patches": Case(
        features.extract_patches,
        lambda key, images: features.extract_patches(images, 2),
        (IMAGES,),
        (True,),
    ),
    "merge_patches": Case(
        features.merge_patches,
        lambda key, x: features.merge_patches(x, (1, 1, 3), 1),
        (X,),
        (True,),
        differentiable=True,
    ),
    "normalize_patches": Case(
        features.normalize_patches,
        lambda key, x: features.normalize_patches(x),
        (X,),
        (True,),
        differentiable=True,
    ),
    "random_patches": Case(
        features.random_patches,
        lambda key, images: features.random_patches(key, images, 1, 9),
        (IMAGES,),
        (False,),
        keyed=True,
    ),
    "resize": Case(
        features.resize,
        lambda key, images: features.resize(images, (3, 1), method="cubic"),
        (IMAGES,),
        (True,),
    ),
    "color_statistics": Case(
        features.color_statistics,
        lambda key, images: features.color_statistics(images),
        (IMAGES,),
        (True,),
    ),
    "texture_statistics": Case(
        features.texture_statistics,
        lambda key, images: features.texture_statistics(images),
        (LARGER,),
        (True,),
        tolerance=1e-4,
    ),
    "luminance": color(features.luminance),
    "srgb_to_linear": color(features.srgb_to_linear),
    "srgb_to_xyz": color(features.srgb_to_xyz),
    "srgb_to_lab": color(features.srgb_to_lab),
    "srgb_to_oklab": color(features.srgb_to_oklab),
    "srgb_to_hsv": color(features.srgb_to_hsv),
    "linear_to_srgb": color(features.linear_to_srgb),
    "xyz_to_srgb": color(features.xyz_to_srgb),
    "lab_to_srgb": color(features.lab_to_srgb),
    "oklab_to_srgb": color(features.oklab_to_srgb),
    "hsv_to_srgb": color(features.hsv_to_srgb),
    "pixels": Case(
        features.pixels, lambda key, images: features.pixels(images), (IMAGES,), (True,)
    ),
    "encode": Case(
        condition.encode,
        lambda key, labels: condition.encode(labels, 6),
        (LABELS,),
        (True, False),
    ),
    "silhouette_samples": Case(
        metrics.silhouette_samples,
        lambda key, x, labels, **kw: metrics.silhouette_samples(x, labels, k=4, **kw),
        (X, LABELS),
        (True,),
        weighted=True,
    ),
    "silhouette_score": dispersion(metrics.silhouette_score),
    "mean_intra_cluster_distance": dispersion(metrics.mean_intra_cluster_distance),
    "davies_bouldin_score": dispersion(metrics.davies_bouldin_score),
    "calinski_harabasz_score": dispersion(metrics.calinski_harabasz_score),
    "choose_k": Case(
        metrics.choose_k,
        lambda key, x, **kw: metrics.choose_k(key, x, (2, 4, 5), method="elbow", n_init=1, **kw),
        (X,),
        (False,) * 5,
        keyed=True,
        weighted=True,
    ),
    "nearest_neighbors": Case(
        metrics.nearest_neighbors,
        lambda key, x: metrics.nearest_neighbors(x, X[:7] + 0.5),
        (X,),
        (True, True),
        differentiable=True,
    ),
    "frechet_distance": beside(metrics.frechet_distance, 1),
    "gaussian_frechet_distance": Case(
        metrics.gaussian_frechet_distance,
        lambda key, x: metrics.gaussian_frechet_distance(
            jnp.max(x, axis=0), np.eye(3), X[0], np.cov(X.T)
        ),
        (X,),
        (False,),
    ),
    "kernel_distance": beside(metrics.kernel_distance, 4, keyed=True),
    "precision_recall": beside(metrics.precision_recall, 2),
    "density_coverage": beside(metrics.density_coverage, 2),
    "picture_scores": Case(
        metrics.picture_scores,
        lambda key, x: metrics.picture_scores(key, x, NEW, network="numbers"),
        (X,),
        (False,) * 13,
        keyed=True,
    ),
    "inception_score": Case(
        metrics.inception_score,
        lambda key, x, **kw: metrics.inception_score(x, splits=5, **kw),
        (np.exp(X) / np.exp(X).sum(axis=1, keepdims=True),),
        (False, False),
        weighted=True,
    ),
    "adjusted_rand_score": agreement(metrics.adjusted_rand_score),
    "normalized_mutual_info_score": agreement(metrics.normalized_mutual_info_score),
    "adjusted_mutual_info_score": agreement(metrics.adjusted_mutual_info_score),
    "homogeneity_score": agreement(metrics.homogeneity_score),
    "completeness_score": agreement(metrics.completeness_score),
    "v_measure_score": agreement(metrics.v_measure_score),
    "clustering_accuracy": agreement(metrics.clustering_accuracy),
    "precision_recall_matched": agreement(metrics.precision_recall_matched, 9),
}
KEY = jax.random.key(3)

every = pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
ON_THE_HOST = {"mini_batch_stream", "network"}
LABELS_ONLY = {"cut_tree", "bisecting_labels"}
FLOATING = {
    name: case
    for name, case in CASES.items()
    if case.rows[0].dtype == np.float64 and name not in LABELS_ONLY
}
floating = pytest.mark.parametrize("case", FLOATING.values(), ids=list(FLOATING))
weighted = pytest.mark.parametrize(
    "case",
    [case for case in CASES.values() if case.weighted],
    ids=[name for name, case in CASES.items() if case.weighted],
)


def arrays(result: Any) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(result)]


def same(ours: Any, theirs: Any, tolerance: float = 1e-9) -> None:
    ours, theirs = arrays(ours), arrays(theirs)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def test_every_public_function_is_in_the_table():
    public = {
        name
        for room in (cluster, features, metrics)
        for name in room.__all__
        if not inspect.isclass(getattr(room, name))
    }
    assert public | {"encode"} == CASES.keys() | ON_THE_HOST
    for name, case in CASES.items():
        assert case.function.__name__ == name


@every
def test_signature(case):
    parameters = inspect.signature(case.function).parameters
    names = list(parameters)
    assert ("key" in names) == case.keyed
    assert not case.keyed or names[0] == "key"
    assert ("sample_weight" in names) == case.weighted
    for name, parameter in parameters.items():
        if parameter.default is not inspect.Parameter.empty and name not in case.positional:
            assert parameter.kind is inspect.Parameter.KEYWORD_ONLY, f"{name} is an option"
    assert not case.keyed or parameters["key"].default is inspect.Parameter.empty
    assert all(p.annotation is not inspect.Parameter.empty for p in parameters.values())


@every
def test_docstring(case):
    lines = inspect.getdoc(case.function).splitlines()
    assert lines[0].endswith((".", ":")) or lines[1], "the first line is not one sentence"
    text = "\n".join(lines)
    for section in ("Args:", "Returns:", "Example:"):
        assert re.search(rf"^{section}$", text, re.MULTILINE), f"no section {section}"
    assert ">>> " in text
    documented = text.split("Args:")[1].split("Returns:")[0]
    for name in inspect.signature(case.function).parameters:
        assert re.search(rf"^  {name}: ", documented, re.MULTILINE), f"{name} is not explained"


@every
def test_jit_equals_eager_bit_for_bit_twice(case):
    eager = case.call(KEY, *case.rows)
    for leaf, per_row in zip(jax.tree.leaves(eager), case.per_row, strict=True):
        assert isinstance(leaf, jax.Array)
        assert not per_row or leaf.shape[0] == N
    for a, b in zip(arrays(eager), arrays(case.call(KEY, *case.rows)), strict=True):
        assert a.tobytes() == b.tobytes(), "the same key gives another result"
    same(jax.jit(case.call)(KEY, *case.rows), eager, case.tolerance)


@every
def test_vmap_equals_a_loop(case):
    orders = [np.arange(N), np.arange(N)[::-1]]
    batch = [jnp.stack([jnp.asarray(rows[o]) for o in orders]) for rows in case.rows]
    keys = jax.random.split(KEY)
    together = jax.jit(jax.vmap(case.call))(keys, *batch)
    for i, order in enumerate(orders):
        alone = case.call(keys[i], *(rows[order] for rows in case.rows))
        same([leaf[i] for leaf in arrays(together)], alone, case.tolerance)


@every
def test_sharded_equals_unsharded(case, on_mesh):
    result = case.call(KEY, *(on_mesh(rows, 4) for rows in case.rows))
    same(result, case.call(KEY, *case.rows), case.tolerance)
    for leaf, per_row in zip(jax.tree.leaves(result), case.per_row, strict=True):
        if per_row:
            assert leaf.sharding.spec[0] == "data", "rows are no longer where they were"
        else:
            assert leaf.sharding.is_fully_replicated


@every
def test_explicit_axes_are_kept(case, on_mesh):
    """Where the layout is part of a type: the program that follows is that of automatic axes."""
    rows = [on_mesh(rows, 4, "explicit") for rows in case.rows]
    shapes = jax.tree.leaves(jax.eval_shape(jax.jit(case.call), KEY, *rows))
    for leaf, per_row in zip(shapes, case.per_row, strict=True):
        spec = leaf.sharding.spec if leaf.sharding else ()  # none: of no rows
        assert (spec[:1] or (None,)) == (("data",) if per_row else (None,))
        assert all(axis is None for axis in spec[1:])


@weighted
def test_weight_0_is_an_absent_row(case):
    rows, *others = case.rows
    held = (WEIGHTS > 0).reshape(-1, *[1] * (rows.ndim - 1))
    hidden = np.where(held, rows, rows.dtype.type(-55))
    same_twice = [case.call(KEY, x, *others, sample_weight=WEIGHTS) for x in (rows, hidden)]
    for a, b, per_row in zip(*map(arrays, same_twice), case.per_row, strict=True):
        held = WEIGHTS > 0 if per_row else ...
        np.testing.assert_allclose(a[held], b[held], rtol=1e-9, atol=1e-9)


@floating
def test_dtype_follows_the_input(case, dtype):
    rows = [r.astype(dtype) if r.dtype == np.float64 else r for r in case.rows]
    shapes = jax.eval_shape(case.call, KEY, *rows)
    kinds = [s.dtype for s in jax.tree.leaves(shapes) if jnp.issubdtype(s.dtype, jnp.floating)]
    assert set(kinds) == (set() if case.whole else {dtype})
    for small, wide in (("float16", "float32"), ("bfloat16", "float32"), ("int16", "float64")):
        given = jax.ShapeDtypeStruct(case.rows[0].shape, small)
        shapes = jax.eval_shape(case.call, KEY, given, *case.rows[1:])
        kinds = [s.dtype for s in jax.tree.leaves(shapes)]
        floats = {k for k in kinds if jnp.issubdtype(k, jnp.floating)}
        assert floats == (set() if case.whole else {np.dtype(wide)})


def callbacks(function: Callable[..., Any], *args: Any) -> list[str]:
    return re.findall(r"\w*callback\w*", str(jax.make_jaxpr(function)(*args)))


@every
def test_nothing_calls_the_host(case):
    assert callbacks(case.call, KEY, *case.rows) == []


def test_calls_of_the_host_are_seen():
    def asks(x):
        return jax.lax.map(lambda row: jax.pure_callback(np.sin, row, row), x)

    assert callbacks(asks, jnp.ones(3)) != []


@every
def test_lowers_for_every_platform(case):
    run = jax.jit(lambda raw, *rows: case.call(jax.random.wrap_key_data(raw), *rows))
    shapes = [jax.ShapeDtypeStruct(rows.shape, rows.dtype) for rows in case.rows]
    raw = jax.ShapeDtypeStruct((2,), jnp.uint32)
    exported = jax.export.export(run, platforms=("cpu", "cuda", "tpu"))(raw, *shapes)
    assert exported.platforms == ("cpu", "cuda", "tpu")


@pytest.mark.parametrize(
    "case",
    [case for case in CASES.values() if case.differentiable],
    ids=[name for name, case in CASES.items() if case.differentiable],
)
def test_gradient_equals_finite_differences(case):
    def loss(x):
        leaves = jax.tree.leaves(case.call(KEY, x))
        return sum(jnp.sum(a) for a in leaves if jnp.issubdtype(a.dtype, jnp.floating))

    slope = jax.jit(jax.grad(loss))(case.rows[0])
    step = 1e-6 * X
    expected = (loss(case.rows[0] + step) - loss(case.rows[0] - step)) / 2e-6
    np.testing.assert_allclose(jnp.sum(slope * X), expected, rtol=1e-5, atol=1e-6)
