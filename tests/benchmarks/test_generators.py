"""The table of generators: rows are whole, and a table that was begun goes on where it stopped."""

import json

from benchmarks import generators

WORDS = "--families vae --codes k70 --steps 5 --batch-size 16 --width 4 --classifier-steps 20"


def test_rows_are_kept_and_a_table_goes_on(few, tmp_path, capsys, monkeypatch):
    out = tmp_path / "table.json"
    words = [*WORDS.split(), "--out", str(out)]
    assert generators.main([*words, "--seeds", "1"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(out.read_text(encoding="utf-8"))
    row = told["rows"]["vae/k70/0"]
    assert line.startswith("vae/k70/0 ")
    assert f"Fréchet {row['frechet']:.3f} (floor {row['frechet_floor']:.3f})" in line
    assert (row["n_real"], row["n_generated"]) == (60, 60)
    assert 0 <= row["consistency"] <= 1
    assert 0 < told["marginal_bits"] < 8
    assert row["bits_per_dimension"] > 0
    assert row["frechet_of_prior"] != row["frechet"]
    assert row["whole_s"] > row["seconds"] + row["compile_s"] > 0
    assert 0.1 < told["classifier_accuracy"] <= 1

    before = dict(told["rows"])
    monkeypatch.setattr(generators, "measure", lambda *_: before["vae/k70/0"] | {"seconds": 7.0})
    assert generators.main([*words, "--seeds", "2"]) == 0
    rows = json.loads(out.read_text(encoding="utf-8"))["rows"]
    assert rows["vae/k70/0"] == before["vae/k70/0"]
    assert rows["vae/k70/1"]["seconds"] == 7.0
    assert len(capsys.readouterr().out.splitlines()) == 1
