"""`import clusterart_jax` is light: slow libraries load when first used."""

import subprocess
import sys

SLOW = "PIL flax jinja2 matplotlib optax orbax pandas scipy.optimize sklearn tqdm"


def python(code: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *options, "-c", code], capture_output=True, text=True, check=True
    )


def test_import_loads_nothing_slow():
    code = f"import sys, clusterart_jax; print([m for m in '{SLOW}'.split() if m in sys.modules])"
    assert python(code).stdout.strip() == "[]"


def test_first_use_loads_no_other_library():
    code = f"""import sys, jax, clusterart_jax as ca
before = set(sys.modules)
ca.kmeans, ca.pca, ca.metrics.silhouette_score, ca.use_cpu_cores
print([m for m in '{SLOW}'.split() if m in sys.modules and m not in before])"""
    assert python(code).stdout.strip() == "[]"


def microseconds(log: str, package: str) -> int:
    """Time that `-X importtime` reports for a package without what it imports."""
    lines = [line.removeprefix("import time:").split("|") for line in log.splitlines()]
    return sum(
        int(own)
        for own, _, name in (line for line in lines if len(line) == 3)
        if name.strip().split(".")[0] == package
    )


def test_import_costs_little_more_than_jax():
    # The time of everything that is imported after JAX, so that a slow start of JAX, or a busy
    # machine while it starts, does not count.
    code = """import time, jax
begin = time.perf_counter()
import clusterart_jax
print(time.perf_counter() - begin)"""
    assert min(float(python(code).stdout) for _ in range(3)) < 0.3
    log = python("import clusterart_jax", "-X", "importtime").stderr
    assert 0 < microseconds(log, "clusterart_jax") < 100_000


def test_unknown_name_is_an_attribute_error():
    import pytest

    import clusterart_jax as ca

    with pytest.raises(AttributeError, match="no attribute 'kmean'"):
        _ = ca.kmean


def test_every_listed_name_exists():
    import clusterart_jax as ca

    for name in ca.__all__:
        assert getattr(ca, name) is not None
        assert name in dir(ca)
