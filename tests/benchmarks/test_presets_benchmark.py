"""Trying presets: the command a user would type, and going on after what is done."""

import json
from types import SimpleNamespace

import pytest

from benchmarks import presets


@pytest.fixture
def asked(monkeypatch):
    """Commands that were asked for, which make a run of known measures."""
    found = []

    def run(words, check):
        assert check
        found.append([str(word) for word in words[3:]])
        if words[3] == "measure":
            text = json.dumps(dict.fromkeys(presets._KEPT, 0.5) | {"seed": 0})
            words[4].mkdir(parents=True)
            (words[4] / "measures-classifier.json").write_text(text)

    monkeypatch.setattr(presets, "subprocess", SimpleNamespace(run=run))
    return found


def test_what_is_done_is_not_done_again(asked, tmp_path):
    out, runs = tmp_path / "presets.json", tmp_path / "runs"
    words = ["--runs", str(runs), "--folder", "here", "--out", str(out)]
    presets.main([*words, "--only", "vae-8"])
    presets.main([*words, "--only", "vae-8", "gan-64"])
    at = [str(runs / name) for name in ("vae-8", "gan-64")]
    assert asked == [
        ["run", "digits", "--size", "8", "--preset", "vae-8", "--out", at[0], "--overwrite"],
        ["measure", at[0]],
        ["run", "here", "--size", "64", "--preset", "gan-64", "--out", at[1], "--overwrite"],
        ["measure", at[1]],
    ]
    done = json.loads(out.read_text())["rows"]
    assert list(done) == ["vae-8", "gan-64"]
    assert done["gan-64"]["frechet"] == 0.5
    assert done["gan-64"]["minutes"] >= 0


def test_a_folder_is_asked_for_before_any_work(asked, tmp_path, capsys):
    words = ["--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "presets.json")]
    with pytest.raises(SystemExit):
        presets.main([*words, "--only", "vae-8", "vae-64"])
    assert "vae-64 need --folder" in capsys.readouterr().err
    assert not asked
