"""The training cases at a tiny size; PyTorch is beside ours where it is installed."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from benchmarks import training
from benchmarks.harness import run_case


def digits():
    data = load_digits()
    return (data.images[:64, ..., None] * 15).astype(np.uint8), data.target[:64]


def test_ours_runs_and_peers_where_installed_begin_with_its_loss(plain_jax, monkeypatch):
    monkeypatch.setattr(training, "STEPS", 3)
    case = training.case("training/tiny", "vae", 8, digits, width=4, latent=2)
    result = run_case(case, 2, min_s=0.001)
    assert result.status == "ok", result.reason
    ours, *peers = result.contenders
    assert 0 < ours.loss < 0.3  # the mean squared error of pictures in 0…1
    assert ours.compile_s > 0
    for peer in peers:
        if peer.status != "not installed":
            assert peer.loss_ratio == pytest.approx(1, abs=0.2), peer.reason


def test_every_family_has_its_cases_with_its_defaults():
    names = [case.name for case in training.cases()]
    assert names == [f"training/{f}-{b}" for f in ("vae", "gan", "rnn", "cci") for b in (64, 128)]
    assert len(training.cases(quick=True)) == 4
    for name in ("vae", "gan", "rnn"):
        made = training.problem(name, 64, digits)
        assert made.family == type(made.family)((8, 8, 1), 10)
        assert made.told == ("loss" if name == "gan" else "error")
        np.testing.assert_array_equal(made.codes.argmax(1), made.labels)
