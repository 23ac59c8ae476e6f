"""Compiled programs are kept in a folder of the user, and only so many."""

import os
from pathlib import Path

import jax
import pytest
from jax.experimental.compilation_cache import compilation_cache

from clusterart_jax import _kept
from clusterart_jax.cli import main


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    monkeypatch.setenv(_kept.FOLDER, str(tmp_path / "programs"))
    monkeypatch.setattr(_kept, "_folder", _kept._folder.__wrapped__)
    return tmp_path / "programs"


def test_the_oldest_programs_are_forgotten(fresh, monkeypatch):
    monkeypatch.setattr(_kept, "_MOST", 2)
    folder = _kept._folder()
    for age, name in enumerate("abcd"):
        path = folder / f"jit_{name}-cache"
        path.write_bytes(b"")
        os.utime(path, (1000 - age, 1000 - age))
    _kept._folder()
    assert sorted(p.name for p in folder.iterdir()) == ["jit_a-cache", "jit_b-cache"]


def test_no_folder_is_no_error(fresh, monkeypatch):
    Path(fresh).write_text("a file, where the folder would be")
    assert _kept._folder() is None
    monkeypatch.setenv(_kept.FOLDER, "")
    assert _kept._folder() is None
    with _kept.kept_on_disk():
        pass


def test_a_command_keeps_its_programs_for_the_next(fresh, finished, tmp_path, monkeypatch):
    jax.clear_caches()
    before = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", None)  # of these tests
    try:
        assert main(["generate", str(finished), "-n", "3", "--out", str(tmp_path / "a.png")]) == 0
        assert jax.config.jax_compilation_cache_dir is None
    finally:
        jax.config.update("jax_compilation_cache_dir", before)
        compilation_cache.reset_cache()
    (folder,) = fresh.iterdir()
    assert list(folder.glob("*-cache"))
