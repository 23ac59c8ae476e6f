"""The benchmark of few colours: measures by hand, tables, and who is not installed."""

import json

import numpy as np
import pytest

from benchmarks import quantize

FLAT = np.full((16, 16, 3), 128, np.uint8)


def test_measures_by_hand():
    lighter = FLAT.copy()
    lighter[:, :8] += 2
    found = quantize.judged(FLAT, lighter)
    assert found["colors"] == 2
    assert found["psnr"] == pytest.approx(10 * np.log10(255**2 / 2))
    lab = quantize.oklab(np.uint8([[[128] * 3, [130] * 3]]))[0]
    assert found["oklab"] == pytest.approx(np.linalg.norm(lab[1] - lab[0]) / 2, rel=1e-4)
    # A dither of equal halves is seen from afar as what lies between.
    board = FLAT + 8 * (np.indices((16, 16)).sum(axis=0) % 2).astype(np.uint8)[..., None]
    dithered = quantize.judged(FLAT, board - 4)
    assert dithered["afar"] < dithered["oklab"] / 10


def test_who_is_not_installed_has_no_row():
    def absent(image, k):
        raise ModuleNotFoundError("colorthief")

    runs = {quantize.OURS: lambda image, k: image // 64 * 64, "absent": absent}
    runs["as it is"] = lambda image, k: image
    pictures = {name: np.full((8, 8, 3), i, np.uint8) for i, name in enumerate("ab")}
    rows = quantize.measure(pictures, runs, 4)
    assert sorted((row["who"], row["picture"]) for row in rows) == [
        (who, name) for who in ("as it is", quantize.OURS) for name in "ab"
    ]
    lines = quantize.table(rows, 4).splitlines()[4:]
    assert [line.split(" | ")[0] for line in lines] == ["| clusterart_jax", "| as it is"]


def test_the_command_writes_every_row(tmp_path, monkeypatch, capsys):
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    monkeypatch.setattr(quantize, "photographs", lambda: {"ramp": ramp})
    ours = quantize.contenders()[quantize.OURS]
    monkeypatch.setattr(quantize, "contenders", lambda: {quantize.OURS: ours})
    out = tmp_path / "rows.json"
    quantize.main(["-k", "2", "16", "--out", str(out)])
    rows = json.loads(out.read_text())["rows"]
    assert [row["colors"] for row in rows] == [2, 16]
    assert rows[0]["oklab"] > rows[1]["oklab"]
    assert capsys.readouterr().out.count(f"| {quantize.OURS} |") == 2
