"""States of a training on disk: the last whole one, however the process that wrote them ended."""

import asyncio
import errno
import json
import logging
import resource
import shutil
import subprocess
import sys
import time
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from clusterart_jax._errors import CheckpointError, OutputError
from clusterart_jax.generate import Checkpoints, _checkpoints


class State(NamedTuple):
    params: object
    memory: object
    step: object


def state(step=7):
    weights = jnp.array([1.5, -0.0, np.nan, np.inf, 1e-45, step], jnp.float32)
    params = {"deep": {"weights": weights}, "half": jnp.ones((2, 3), jnp.bfloat16)}
    return State(params, (), jnp.int32(step)), {"mask": np.array([True, False]), "n": np.arange(5)}


def bits(tree):
    return [(str(a.dtype), a.shape, np.asarray(a).tobytes()) for a in jax.tree.leaves(tree)]


def saved(folder, *steps):
    with Checkpoints(folder) as checkpoints:
        for step in steps:
            checkpoints.save(step, state(step))
    return folder


def loaded(folder, like=None):
    with Checkpoints(folder) as checkpoints:
        return checkpoints.load(state() if like is None else like)


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """A state, to be read only."""
    return saved(tmp_path_factory.mktemp("checkpoints") / "training", 7)


@pytest.fixture
def mine(one, tmp_path):
    return shutil.copytree(one, tmp_path / "training")


def test_what_is_read_is_what_was_saved_bit_for_bit(one):
    again = loaded(one, jax.eval_shape(state))
    assert jax.tree.structure(again) == jax.tree.structure(state())
    assert bits(again) == bits(state())
    assert all(isinstance(leaf, np.ndarray) for leaf in jax.tree.leaves(again))


def test_only_the_last_is_kept_and_nothing_is_made_before_the_first(tmp_path):
    folder = tmp_path / "training"
    with Checkpoints(folder) as checkpoints:
        assert checkpoints.step is None
        assert not folder.exists()
        with pytest.raises(CheckpointError, match="holds no checkpoint"):
            checkpoints.load(state())
        for step in (3, 20, 100):
            checkpoints.save(step, state(step))
    assert checkpoints.step == 100
    assert [path.name for path in folder.iterdir()] == ["100"]
    assert bits(loaded(folder)) == bits(state(100))


def test_a_state_may_be_given_up_while_it_is_written(tmp_path):
    curve, weights = np.arange(100_000.0), jnp.arange(100_000.0)
    spoil = jax.jit(lambda x: x * 0, donate_argnums=0)
    with Checkpoints(tmp_path / "training") as checkpoints:
        checkpoints.save(1, {"curve": curve, "weights": weights})
        curve[:] = -1
        spoil(weights).block_until_ready()
        checkpoints.wait()
        again = checkpoints.load({"curve": curve, "weights": curve})
    for name in ("curve", "weights"):
        np.testing.assert_array_equal(again[name], np.arange(100_000.0))


def test_arrays_over_devices_are_saved_whole(on_mesh, tmp_path):
    rows = np.arange(24.0).reshape(8, 3)
    with Checkpoints(tmp_path / "training") as checkpoints:
        checkpoints.save(1, {"rows": on_mesh(rows, 4)})
        checkpoints.wait()
        np.testing.assert_array_equal(checkpoints.load({"rows": rows})["rows"], rows)


@pytest.mark.parametrize("how", ["cut", "emptied", "removed", "flipped"])
def test_damage_to_any_file_is_told(mine, how):
    files = [file for file in mine.rglob("*") if file.is_file()]
    assert len(files) > 5
    for file in files:
        whole = file.read_bytes()
        middle = len(whole) // 2
        changed = {
            "cut": whole[:middle],
            "emptied": b"",
            "flipped": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
        }
        if how == "removed":
            file.unlink()
        else:
            file.write_bytes(changed[how])
        with pytest.raises(CheckpointError) as error:
            loaded(mine)
        text = str(error.value)
        assert "\n" not in text
        assert f"{mine}/7 is damaged or truncated" in text
        assert f"remove {mine} and continue the run with --resume" in text
        file.write_bytes(whole)
    assert bits(loaded(mine)) == bits(state())


def test_another_version_is_told(mine):
    file = mine / "7" / "sums.json"
    told = json.loads(file.read_text())
    file.write_text(json.dumps({**told, "format": 99}))
    with pytest.raises(CheckpointError, match="has checkpoint format 99, this version reads 1"):
        loaded(mine)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s[0], "0/params/deep/weights is in one of them only"),
        (lambda s: (s[0]._replace(step=np.zeros(2)), s[1]), r"0/step is int32\[\] in the file"),
        (lambda s: (s[0], {**s[1], "n": np.arange(5.0)}), r"1/n is int64\[5\] in the file, float"),
    ],
)
def test_another_form_is_told(one, change, words):
    with pytest.raises(CheckpointError, match=words):
        loaded(one, change(state()))


@pytest.mark.parametrize(
    ("place", "name"), [("json", "dump"), ("os", "fsync"), ("shutil", "rmtree"), ("Path", "rename")]
)
def test_a_write_that_ends_anywhere_leaves_a_whole_state(mine, monkeypatch, place, name):
    class KilledError(Exception):
        pass

    def killed(*args, **options):
        raise KilledError("as if")

    with monkeypatch.context() as patch:
        patch.setattr(getattr(_checkpoints, place), name, killed)
        with pytest.raises(OutputError, match=r"cannot write .*: as if"):
            saved(mine, 8)
    step = Checkpoints(mine).step
    assert step == (8 if name == "rmtree" else 7)  # the old one goes last
    assert bits(loaded(mine)) == bits(state(step))
    saved(mine, 9)
    assert [path.name for path in mine.iterdir()] == ["9"]


FOREVER = """
import sys, numpy as np
from clusterart_jax.generate import Checkpoints
with Checkpoints(sys.argv[1]) as checkpoints:
    for step in range(1, 10_000):
        checkpoints.save(step, {str(i): np.full(30_000, step) for i in range(20)})
"""


def test_the_last_state_is_whole_when_the_process_is_killed_while_it_writes(tmp_path):
    folder = tmp_path / "training"
    running = subprocess.Popen([sys.executable, "-c", FOREVER, str(folder)])
    end = time.monotonic() + 60
    try:
        while time.monotonic() < end:
            if Checkpoints(folder).step and any(folder.glob("unfinished*/**/d/*")):
                break
            assert running.poll() is None
            time.sleep(0.001)
    finally:
        running.kill()
        running.wait()
    assert any(folder.glob("unfinished*")), "it was not killed in the midst of a write"
    step = Checkpoints(folder).step
    like = {str(i): np.zeros(30_000, int) for i in range(20)}
    for values in loaded(folder, like).values():
        np.testing.assert_array_equal(values, step)
    saved(folder, 99_999)
    assert [path.name for path in folder.iterdir()] == ["99999"]


def test_a_full_disk_is_one_line_and_costs_nothing(mine, capfd):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    big = {str(i): np.random.default_rng(i).normal(size=20_000) for i in range(8)}
    with Checkpoints(mine) as checkpoints:
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
            checkpoints.save(8, big)
            with pytest.raises(OutputError, match=r"cannot write .*training: File too large"):
                checkpoints.wait()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert checkpoints.step == 7
        assert bits(checkpoints.load(state())) == bits(state())
        assert capfd.readouterr() == ("", "")


def test_a_file_system_that_reserves_nothing_will_do(tmp_path, monkeypatch):
    def unknown(*args):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(_checkpoints.os, "posix_fallocate", unknown)
    assert bits(loaded(saved(tmp_path / "training", 7))) == bits(state())


def test_the_reason_why_work_ended_comes_before_that_of_a_write(mine, monkeypatch):
    monkeypatch.setattr(_checkpoints, "_write", lambda *args: 1 / 0)

    def work():
        with Checkpoints(mine) as checkpoints:
            checkpoints.save(8, state())
            raise KeyError("work")

    with pytest.raises(KeyError, match="work"):
        work()


def test_nothing_is_printed_and_logs_of_others_are_left_alone(tmp_path, capfd, caplog):
    logger = logging.getLogger("absl")
    filters = list(logger.filters)
    saved(tmp_path / "training", 1, 2)
    loaded(tmp_path / "training")
    assert capfd.readouterr() == ("", "")
    assert logger.filters == filters
    with Checkpoints(tmp_path / "training"):
        logger.warning("of another")
    assert "of another" in caplog.text


def test_it_works_in_a_notebook(tmp_path):
    """Where an event loop runs already, which Orbax would change for all."""

    async def cell():
        saved(tmp_path / "training", 5)
        return loaded(tmp_path / "training")

    assert bits(asyncio.run(cell())) == bits(state(5))
    assert not hasattr(asyncio, "_nest_patched")


def test_orbax_is_loaded_when_it_is_needed():
    code = """import sys, tempfile, clusterart_jax.cli, clusterart_jax.job
from clusterart_jax.generate import Checkpoints
with Checkpoints(tempfile.mkdtemp()) as checkpoints:
    print(checkpoints.step, [m for m in ("orbax", "tensorstore") if m in sys.modules])"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "None []"
