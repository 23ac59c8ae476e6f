"""Presets are what their commands say, and make networks of their size."""

import dataclasses
import shlex
from types import SimpleNamespace

import jax
import pytest

import clusterart_jax as ca
from clusterart_jax._errors import ConfigError
from clusterart_jax.cli import main
from clusterart_jax.job._record import command_of
from clusterart_jax.pipeline import PRESETS, preset

each_preset = pytest.mark.parametrize("name", PRESETS)


@pytest.fixture
def asked(monkeypatch):
    """What a command would run: its data, size and configuration."""
    calls = []

    def run(data, out, *, config, size, **_):
        calls.append((data, size, config))
        return SimpleNamespace(metrics={}, warnings=[], report="", complete_before=False)

    monkeypatch.setattr(ca, "run", run)

    def call(*words):
        assert main([*words, "--quiet"]) == 0
        return calls[-1]

    return call


@each_preset
def test_the_command_of_a_preset_is_the_preset(name, asked):
    chosen = PRESETS[name]
    expected = chosen.data, chosen.size, chosen.config
    assert asked(*shlex.split(chosen.command)[1:]) == expected
    assert asked("run", chosen.data, "--preset", name) == expected


def test_a_run_tells_a_command_that_repeats_it(asked, tmp_path):
    options = {"augment": ("color", "cutout"), "loss_kind": "hinge", "gamma": 0.5, "k": 3}
    config = ca.PipelineConfig(generator="gan", **options)
    told = command_of("run", "my pictures", tmp_path, config, 0, {"size": 16})
    assert asked(*shlex.split(told)[1:]) == ("my pictures", 16, config)


def test_options_go_before_a_preset_and_a_file_between(asked, tmp_path):
    file = tmp_path / "settings.toml"
    file.write_text("steps = 5\nbatch_size = 4\n")
    words = ["run", "digits", "--preset", "gan-8", "--config", str(file), "--steps", "7"]
    data, size, config = asked(*words, "--size", "16")
    assert (data, size) == ("digits", 16)
    assert config == dataclasses.replace(preset("gan-8").config, steps=7, batch_size=4)


@each_preset
@pytest.mark.usefixtures("relaxed_promotion")
def test_networks_of_its_size_can_be_made(name):
    chosen = PRESETS[name]
    side = chosen.size
    family = chosen.config.family((side, side, 3))
    shapes = jax.eval_shape(family.init, jax.random.key(0))
    assert len(jax.tree.leaves(shapes)) > 4


def test_every_size_has_one_for_each_machine_that_it_is_for():
    found = {(p.size, p.machine) for p in PRESETS.values()}
    assert {(size, "cpu") for size in (8, 28, 32, 64, 128)} <= found
    assert {(size, "accelerator") for size in (28, 32, 64, 128)} <= found


def test_an_unknown_preset_names_the_nearest():
    with pytest.raises(ConfigError, match="unknown preset 'gan-29'; did you mean 'gan-28'"):
        preset("gan-29")
