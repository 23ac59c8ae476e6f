"""The strict JAX that tests run on, set before its backend starts; shared data and meshes."""

import atexit
import gc
import itertools
import os
import shutil
import tempfile
from importlib.metadata import version

# Compiling is most of what tests do; these make it take a quarter of the time. XLA ends the process
# where it does not know a flag, so only versions that were tried get them.
if version("jaxlib").startswith(("0.10.", "0.11.")):
    quick = "--xla_cpu_use_fusion_emitters=false --xla_backend_optimization_level=0"
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {quick}".strip()

os.environ["CLUSTERART_JAX_CACHE"] = ""  # no test leaves programs in the user's home

# What one worker has compiled, another need not; nor a process that a test starts.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    os.environ["JAX_COMPILATION_CACHE_DIR"] = folder = tempfile.mkdtemp(prefix="programs-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")

import jax

jax.config.update("jax_num_cpu_devices", 4)
jax.config.update("jax_enable_x64", True)  # so that float32 and float64 are both tested
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")

from collections.abc import Callable, Iterator  # noqa: E402
from contextlib import contextmanager  # noqa: E402
from pathlib import Path  # noqa: E402
from types import SimpleNamespace  # noqa: E402

import numpy as np  # noqa: E402
import pytest  # noqa: E402
from jax.sharding import Mesh, NamedSharding, PartitionSpec  # noqa: E402
from sklearn.datasets import load_digits  # noqa: E402

from clusterart_jax.estimators import _programs  # noqa: E402

jax.devices()  # the backend starts here, so that no test starts it with other devices


MAPS = Path("/proc/self/maps")  # of Linux, which ends a process that wants more than 65,530
ENOUGH = 20_000  # 7,000 programs, or 7 GB
_tests_run = itertools.count(1)


@pytest.fixture(autouse=True)
def _room_for_programs() -> Iterator[None]:
    """Forgets compiled programs, each of which takes three memory maps and 2 MB, in time."""
    yield
    if next(_tests_run) % 25 or not MAPS.exists():
        return
    if MAPS.read_bytes().count(b"\n") > ENOUGH:
        jax.clear_caches()
        _programs._program.cache_clear()
        gc.collect()


@pytest.fixture
def relaxed_promotion() -> Iterator[None]:
    """JAX's own promotion rules, for libraries (flax, optax) that are not strict themselves."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


@pytest.fixture(params=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> np.dtype:
    return np.dtype(request.param)


@pytest.fixture
def key() -> jax.Array:
    return jax.random.key(0)


@pytest.fixture(scope="session")
def digits() -> np.ndarray:
    """600 pictures of digits, (600, 64), whole numbers 0…16."""
    return load_digits().data[:600]


@pytest.fixture(scope="session")
def blobs() -> np.ndarray:
    """Three round groups with some overlap, (240, 4)."""
    rng = np.random.default_rng(0)
    centers = rng.normal(scale=3, size=(3, 4))
    return centers[np.arange(240) % 3] + rng.normal(size=(240, 4))


@pytest.fixture
def on_mesh() -> Callable[..., jax.Array]:
    """Lays rows over some devices: `on_mesh(x, 4, "explicit")`."""

    def place(x, devices: int = 4, axes: str = "auto") -> jax.Array:
        if axes == "explicit":
            mesh = jax.make_mesh((devices,), ("data",), devices=jax.devices()[:devices])
        else:
            mesh = Mesh(np.array(jax.devices()[:devices]), ("data",))
        return jax.device_put(x, NamedSharding(mesh, PartitionSpec("data")))

    return place


class Compilations:
    """Counts programs that XLA compiles while it listens."""

    EVENT = "/jax/core/compile/backend_compile_duration"

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, event: str, duration: float, **_: object) -> None:
        self.count += event == self.EVENT


@pytest.fixture
def compilations() -> Iterator[Compilations]:
    listener = Compilations()
    jax.monitoring.register_event_duration_secs_listener(listener)
    yield listener
    jax.monitoring.unregister_event_duration_listener(listener)


@pytest.fixture(scope="session")
def tiny() -> list[str]:
    """Options of the command line for a run of a few seconds, most of them compilation."""
    text = """--limit 120 -k 3 --n-components 5 --n-init 2 --steps 12 --batch-size 8
        --n-samples 7 --width 4 --latent 2 --components 1 --quiet"""
    return text.split()


PLOT = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)  # as many bytes as a plot


@pytest.fixture(autouse=True)
def _no_pauses(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Benchmarks rest and collect garbage before they measure; tests of them look at no times."""
    if request.path.parent.name == "benchmarks":
        monkeypatch.setattr("benchmarks.harness._PAUSE_S", 0)
        for module in ("harness", "memory"):
            calm = SimpleNamespace(collect=lambda: 0, enable=gc.enable, disable=gc.disable)
            monkeypatch.setattr(f"benchmarks.{module}.gc", calm)


@contextmanager
def quick_plots() -> Iterator[None]:
    """Noise in place of Matplotlib's plots, which take 2 s a run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("clusterart_jax.report._plots._rendered", lambda figure: PLOT)
        yield


@pytest.fixture
def plain_plots() -> Iterator[None]:
    """For tests of runs whose plots are not looked at."""
    with quick_plots():
        yield


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, tiny: list[str]) -> Path:
    """A finished run on digits, to be read only: a test that changes it copies it first."""
    from clusterart_jax.cli import main

    path = tmp_path_factory.mktemp("runs") / "digits"
    with quick_plots():
        assert main(["run", "digits", "--out", str(path), *tiny]) == 0
    return path


@pytest.fixture
def few(monkeypatch):
    """Of benchmarks: digits in place of Fashion-MNIST, which not every machine has."""
    from benchmarks import generators

    data = load_digits()
    images = (data.images[..., None] * 15).astype(np.uint8)
    parts = images[:300], data.target[:300], images[300:360], data.target[300:360]
    monkeypatch.setattr(generators, "fashion", lambda limit: generators.Pictures(*parts))
    return parts
