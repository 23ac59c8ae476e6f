import json
from dataclasses import asdict

from benchmarks.harness import Case, run_case
from benchmarks.markdown import main, markdown


def result(name, peers, ours=lambda x: lambda: x):
    case = Case(name, "about", lambda: 1.0, ours, peers, lambda x, found: found, "loss")
    return asdict(run_case(case, 1))


def fails(x):
    raise ValueError("no")


def test_a_line_for_each_case_and_a_column_for_each_peer():
    cases = [
        result("a/one", {"peer": lambda x: lambda: 2.0}),
        result("a/two", {"other": lambda x: lambda: x, "ours, too": lambda x: lambda: x}),
        result("a/three", {}, ours=fails),
    ]
    head, rule, first, second = markdown(cases).splitlines()
    assert head == "|  | ours | peer | other | ours, too | quickest / ours | our loss |"
    assert head.count("|") == rule.count("|") == first.count("|") == second.count("|")
    assert first.startswith("| a/one | ")
    assert first.endswith(" | 1.0000 |")
    assert " | – | – | " in first


def test_where_we_are_behind_is_bold(capsys, tmp_path):
    case = result("a/one", {"peer": lambda x: lambda: x})
    case["contenders"][1]["ratio"]["median"] = 0.5
    file = tmp_path / "r.json"
    told = {
        "cases": [case],
        "versions": {"numpy": "2"},
        "cpu": "c",
        "cores": 2,
        "date": "2026-01-02",
    }
    file.write_text(json.dumps(told))
    main([str(file)])
    said = capsys.readouterr().out
    assert "| **0.50** |" in said
    assert "c, 2 core(s), 2026-01-02; numpy 2" in said
