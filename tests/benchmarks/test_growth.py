"""Cost as rows grow: who drops out, and what is written."""

import json
import time

import pytest

from benchmarks import growth


def test_slow_and_absent_contenders_drop_out():
    def slow(n):
        return lambda: time.sleep(n / 1000)

    def absent(n):
        raise ModuleNotFoundError("no such package")

    contenders = {"slow": slow, "quick": lambda n: lambda: None, "absent": absent}
    found = growth.measure(contenders, [1, 30, 60], limit=0.02)
    assert [n for n, _ in found["slow"]] == [1, 30]
    assert found["slow"][1][1] >= 0.03
    assert [n for n, _ in found["quick"]] == [1, 30, 60]
    assert found["absent"] == []


def test_writes_figures_and_a_plot(plain_jax, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(growth, "SIZES", (60,))
    monkeypatch.setattr(growth.hdbscan, "SMALLEST", 10)
    monkeypatch.setattr(growth.ca, "use_cpu_cores", lambda: None)  # too late for it here
    out, plot = tmp_path / "growth.json", tmp_path / "growth.png"
    assert growth.main(["--out", str(out), "--plot", str(plot), "--limit", "60"]) == 0
    results = json.loads(out.read_text())["results"]
    assert len(results) == 3
    for lines in results.values():
        assert [n for n, _ in lines["clusterart_jax"]] == [60]
        assert all(seconds > 0 for _, seconds in lines["clusterart_jax"])
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert "Ward" in capsys.readouterr().out


def test_says_what_is_missing(capsys):
    with pytest.raises(SystemExit):
        growth.main([])
    assert "--out" in capsys.readouterr().err
