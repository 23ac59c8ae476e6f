"""The k-means case at tiny sizes, and the whole program once."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import kmeans
from benchmarks.__main__ import main
from benchmarks.harness import UnavailableError, run_case
from benchmarks.kmeans import Found, Problem
from clusterart_jax._errors import DataError

CHECKOUT = Path(__file__).parents[2]


def rows():
    rng = np.random.default_rng(0)
    centers = rng.normal(scale=8, size=(3, 4))
    return (centers[np.arange(120) % 3] + rng.normal(size=(120, 4))).astype(np.float32)


def test_inertia_by_hand():
    x = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]], np.float32)
    centers = np.array([[0.0, 0.0], [3.0, 4.0]], np.float32)
    right = Found(centers, np.array([0, 1, 0]))
    wrong = Found(centers, np.array([0, 0, 0]))
    problem = Problem(x, centers)
    assert kmeans.inertia(problem, right) == 1.0
    assert kmeans.inertia(problem, wrong) == 26.0


def test_all_start_alike_and_end_alike(plain_jax):
    result = run_case(kmeans.case("kmeans/tiny", "groups", rows, 3), 2, min_s=0.001)
    found = {c.name: c for c in result.contenders}
    assert result.status == "ok"
    assert list(found) == ["clusterart_jax", "scikit-learn", "scikit-learn-intelex", "faiss"]
    for contender in found.values():
        if contender.status == "not installed":
            continue
        assert contender.status == "ok", contender.reason
        assert contender.loss_ratio == pytest.approx(1, abs=1e-5)
        assert len(contender.rounds_s) == 2
        assert contender.run_s.median > 0
    assert found["scikit-learn"].ratio.median > 0
    assert found["clusterart_jax"].compile_s > 0
    assert found["scikit-learn"].compile_s == 0


def test_quick_takes_rows_evenly():
    x = np.arange(100, dtype=np.float32)[:, None]
    few = kmeans.problem(lambda: x, 2, 12)
    assert few.x.shape == (12, 1)
    assert few.x.flags.c_contiguous
    np.testing.assert_array_equal(few.x[[0, -1], 0], [0, 99])
    assert kmeans.problem(lambda: x, 2, None).x is x


def test_absent_fashion_mnist_is_unavailable(monkeypatch):
    def absent(name):
        raise DataError(f"{name} is not on this machine")

    monkeypatch.setattr(kmeans, "load", absent)
    kmeans.fashion_mnist.cache_clear()
    with pytest.raises(UnavailableError, match="fashion-mnist is not on this machine"):
        kmeans.fashion_mnist()


def test_program_prints_and_writes(tmp_path):
    out = tmp_path / "results.json"
    words = ["-m", "benchmarks", "kmeans/digits", "--quick", "--rounds", "2", "--out", str(out)]
    done = subprocess.run(
        [sys.executable, *words], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "scikit-learn" in done.stdout
    assert "geometric mean" in done.stdout or "NOISY" in done.stdout
    told = json.loads(out.read_text())
    assert set(told) == {
        *("command", "date", "commit", "uncommitted", "python", "system", "cpu", "cores"),
        *("others_cores", "devices", "versions", "seconds", "rounds", "quick", "cases"),
    }
    assert told["command"].startswith("python -m benchmarks kmeans/digits --quick")
    assert told["versions"]["jax"][0].isdigit()
    assert len(told["devices"]) >= 1
    (case,) = told["cases"]
    assert set(case) == {
        *("name", "about", "loss_name", "status", "reason", "orders", "noisy", "contenders")
    }
    assert (case["name"], case["status"], case["loss_name"]) == (
        "kmeans/digits-k10",
        "ok",
        "inertia",
    )
    peer = case["contenders"][1]
    assert set(peer) == {
        *("name", "status", "reason", "first_s", "compile_s", "calls", "rounds_s", "run_s"),
        *("ratio", "loss", "loss_ratio", "memory_mib"),
    }
    assert set(peer["ratio"]) == {"median", "low", "high"}
    assert len(peer["rounds_s"]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


def test_names_are_checked_before_anything_runs(tmp_path, capsys):
    with pytest.raises(SystemExit, match="no case begins with 'kmean/'"):
        main(["kmean/"])
    for words in (["--rounds", "0"], ["--out", str(tmp_path / "absent" / "x.json")]):
        with pytest.raises(SystemExit, match="2"):
            main(words)
    assert "there is no folder" in capsys.readouterr().err
    assert main(["kmeans/photographs", "--list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
