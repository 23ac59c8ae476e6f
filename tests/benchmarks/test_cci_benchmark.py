"""What λ does, on digits: rows, tables, and numbers that can be told beforehand."""

import json

import pytest

from benchmarks import cci


def test_each_lambda_has_its_row(few, tmp_path, capsys):
    out = tmp_path / "cci.json"
    words = f"--lam 0 2 --steps 120 --batch-size 32 --width 4 --out {out}"
    assert cci.main(words.split()) == 0
    without, two = json.loads(out.read_text(encoding="utf-8"))["rows"].values()
    assert (without["lam"], two["lam"]) == (0, 2)
    for row in (without, two):
        for when in ("_first", ""):
            j = row[f"kmeans{when}"] + row["lam"] * row[f"cnn{when}"]
            assert row[f"j{when}"] == pytest.approx(j, rel=1e-4)
        assert 0 < row["nmi_first"] < 1
    # Nothing teaches the network where λ is 0.
    assert two["cnn"] < 0.8 * two["cnn_first"]
    assert two["agreement"] > without["agreement"]
    assert two["j"] < two["j_first"]
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("| λ |")
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| 0", "| 2"]
