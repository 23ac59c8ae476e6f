"""Where rows lie: found, kept, and one device per core where asked for."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from clusterart_jax import _sharding as sh
from clusterart_jax import kmeans, use_cpu_cores


def test_row_sharding_of_concrete_arrays(on_mesh):
    x = jnp.ones((8, 3))
    assert sh.row_sharding(x) is None
    assert sh.row_sharding(np.ones((8, 3))) is None
    assert sh.row_sharding(on_mesh(x, 4)).axis == "data"
    assert sh.row_sharding(on_mesh(x, 1)) is None, "one device needs no communication"
    mesh = Mesh(np.array(jax.devices()[:2]), ("data",))
    columns = jax.device_put(jnp.ones((8, 4)), NamedSharding(mesh, PartitionSpec(None, "data")))
    assert sh.row_sharding(columns) is None


def test_row_sharding_when_traced(on_mesh):
    seen = []

    @jax.jit
    def look(x):
        seen.append(sh.row_sharding(x))
        return x

    look(on_mesh(jnp.ones((8, 3)), 2, "explicit"))
    look(on_mesh(jnp.ones((8, 3)), 2, "auto"))
    assert seen[0].axis == "data"
    assert seen[1] is None


def test_few_rows_stay_where_they_are(monkeypatch):
    monkeypatch.setattr(sh, "_cpu_cores", 4)
    x, w = jnp.ones((sh._SPREAD_FROM - 1, 1)), jnp.ones(sh._SPREAD_FROM - 1)
    rows, weights, sharding = sh.spread_rows(x, w)
    assert rows is x
    assert weights is w
    assert sharding is None


def test_many_rows_are_padded_and_spread(monkeypatch):
    monkeypatch.setattr(sh, "_cpu_cores", 4)
    monkeypatch.setattr(sh, "_SPREAD_FROM", 8)
    x = jnp.arange(20.0).reshape(10, 2)
    rows, weights, sharding = sh.spread_rows(x, jnp.ones(10), absent=-1)
    assert rows.shape == (12, 2)
    assert weights.tolist() == [1.0] * 10 + [-1.0] * 2
    assert sharding.axis == sh.ROWS
    assert len(rows.addressable_shards) == 4
    assert rows.sharding == weights.sharding or weights.sharding.spec[0] == sh.ROWS
    back = sh.rows_back((rows, rows[0]), (True, False), x, sharding)
    assert back[0].tolist() == x.tolist()
    assert back[0].devices() == back[1].devices() == x.devices()


def test_traced_rows_are_not_spread(monkeypatch):
    monkeypatch.setattr(sh, "_cpu_cores", 4)
    monkeypatch.setattr(sh, "_SPREAD_FROM", 8)
    shapes = []

    @jax.jit
    def look(x):
        rows, _, sharding = sh.spread_rows(x, jnp.ones(10))
        shapes.append((rows.shape, sharding))
        return rows

    look(jnp.ones((10, 2)))
    assert shapes == [((10, 2), None)]


@pytest.mark.parametrize("axes", ["auto", "explicit"])
def test_over_rows_sums_over_devices(on_mesh, axes):
    x = on_mesh(jnp.arange(8.0), 4, axes)
    sharding = sh.row_sharding(x)

    def center(x):
        return x - jax.lax.pmean(jnp.mean(x), sharding.axis), jax.lax.psum(1, sharding.axis)

    run = sh.over_rows(center, sharding, rows_in=(True,), rows_out=(True, False))
    centered, devices = jax.jit(run)(x)
    assert centered.tolist() == (np.arange(8) - 3.5).tolist()
    assert centered.sharding.spec[0] == "data"
    assert devices == 4


def test_over_rows_is_the_function_itself_on_one_device():
    assert sh.over_rows(abs, None, rows_in=(True,), rows_out=True) is abs


@pytest.mark.parametrize("order", ["rows then columns", "rows over both"])
@pytest.mark.parametrize("explicit", [False, True])
def test_rows_on_a_mesh_of_two_axes(explicit, order, blobs, key):
    kind = jax.sharding.AxisType.Explicit if explicit else jax.sharding.AxisType.Auto
    mesh = jax.make_mesh((2, 2), ("a", "b"), axis_types=(kind, kind))
    spec = PartitionSpec("a", "b") if order == "rows then columns" else PartitionSpec(("a", "b"))
    x = jax.device_put(blobs, NamedSharding(mesh, spec))
    result = kmeans(key, x, 3, init=blobs[:3])
    assert result.labels.tolist() == kmeans(key, blobs, 3, init=blobs[:3]).labels.tolist()


def test_the_count_of_devices_is_checked():
    with pytest.raises(ValueError, match="n must be at least 1, not 0"):
        use_cpu_cores(0)
    with pytest.raises(TypeError, match=r"n must be a whole number at least 1, not 1\.5"):
        use_cpu_cores(1.5)
    with pytest.raises(TypeError, match="not True"):
        use_cpu_cores(True)


def test_too_late_is_said_clearly():
    jnp.ones(1).block_until_ready()
    with pytest.raises(RuntimeError, match=r"use_cpu_cores\(3\) comes too late.* 4 CPU device"):
        use_cpu_cores(3)


FRESH = """
import numpy as np, jax, clusterart_jax as ca
from clusterart_jax import cluster, metrics
from clusterart_jax._sharding import row_sharding
if {cores}:
    assert ca.use_cpu_cores({cores}) == {cores}
    assert ca.use_cpu_cores({cores}) == {cores}, "a second call with the same number is fine"
rng = np.random.default_rng(0)
x = (rng.normal(size=(8209, 3)) + 6 * rng.integers(0, 3, (8209, 1))).astype(np.float32)
assert len(jax.devices()) == ({cores} or 1)
result = ca.kmeans(jax.random.key(0), x, 3)
assert result.labels.shape == (8209,) and row_sharding(result.labels) is None
assert len(result.centers.devices()) == 1
labels, distances = cluster.nearest_centers(x, result.centers)
assert labels.tolist() == result.labels.tolist()
silhouettes = metrics.silhouette_samples(x, result.labels)
near = metrics.nearest_neighbors(x + np.float32(0.001), x[:500])
state = ca.pca(x, 1)  # the others have nearly equal variance: any turn of them will do
np.savez({path!r}, *result, distances, silhouettes, *near, *state)
"""


def test_cores_change_the_speed_only(tmp_path):
    jobs = []
    for cores in (0, 3):
        code = FRESH.format(cores=cores, path=str(tmp_path / f"{cores}.npz"))
        jobs.append(subprocess.Popen([sys.executable, "-W", "error", "-c", code]))
    assert [job.wait() for job in jobs] == [0, 0]
    one, several = np.load(tmp_path / "0.npz"), np.load(tmp_path / "3.npz")
    assert len(one.files) == 16
    for name in one.files:
        assert several[name].shape == one[name].shape
        np.testing.assert_allclose(several[name], one[name], rtol=2e-5, atol=2e-5)
    assert several["arr_1"].tolist() == one["arr_1"].tolist()
