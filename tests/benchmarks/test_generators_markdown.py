"""The table of generators for a README: a line for each family and its codes."""

import json

import pytest

from benchmarks.generators_markdown import main

ROW = {"kernel": 0.0125, "precision": 0.5, "recall": 0.25, "coverage": 0.75, "consistency": 1.0}
ROW |= {"step_ms": 10.0, "compile_s": 3.2, "whole_s": 61.0}
ROW |= {"frechet_floor": 0.25, "kernel_floor": 0.001}


def test_lines_are_means_over_seeds(tmp_path, capsys):
    rows = {
        "vae/k10/0": ROW | {"frechet": 1.0, "frechet_of_prior": 7.5, "bits_per_dimension": 3.0},
        "gan/k10/0": ROW | {"frechet": 2.0},
        "vae/k10/1": ROW | {"frechet": 2.0, "frechet_of_prior": 8.5, "bits_per_dimension": None},
    }
    told = {"rows": rows, "marginal_bits": 4.5, "classifier_accuracy": 0.9}
    file = tmp_path / "table.json"
    file.write_text(json.dumps(told), encoding="utf-8")
    main([str(file)])
    head, rule, gan, vae, _, foot = capsys.readouterr().out.splitlines()
    assert head.count("|") == rule.count("|") == gan.count("|") == vae.count("|")
    same = "12.5 | 0.50 | 0.25 | 0.75 | 1.000"
    assert gan == f"| gan | k10 | 2.000 | – | {same} | – | 10.0 | 3 | 61 |"
    assert vae == f"| vae | k10 | 1.500 ± 0.707 | 8.00 | {same} | 3.00 | 10.0 | 3 | 61 |"
    assert foot.startswith("Floor: Fréchet 0.250, kernel 1.0; ")


def test_one_file_is_asked_for():
    with pytest.raises(SystemExit):
        main([])
