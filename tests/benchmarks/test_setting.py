"""What a figure depends on: who else was at work, and in which words that is said."""

import os
import subprocess
import sys
import time

import pytest

from benchmarks import table
from benchmarks.setting import PACKAGES, Others, family_ticks, setting

WORKER = """
import os, sys, time
if not os.fork():  # the grandchild does the work
    while time.process_time() < 0.3:
        pass
    print("done", flush=True)
    sys.stdin.read()
    os._exit(0)
os.wait()
"""


def test_others_by_hand(tmp_path, monkeypatch):
    monkeypatch.setattr("os.sysconf", lambda name: 100)
    monkeypatch.setattr("benchmarks.setting.family_ticks", lambda: 50)
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {4}, raising=False)
    stat = tmp_path / "stat"

    def at(wall, ours, line):
        monkeypatch.setattr(time, "monotonic", lambda: wall)
        monkeypatch.setattr(time, "process_time", lambda: ours)
        stat.write_text(
            f"cpu  9 9 9 9 9 9 9 9 0 0\ncpu4 {line} 0 0\ncpu5 {wall:.0f} 1 1 1 1 1 1 1\nintr 5\n"
        )

    # 10 s later: 6 + 1 + 2 + 0.5 + 0.5 + 2 = 12 s of work on our core, 7 of them ours; the 90 s
    # of idling and waiting do not count, nor do cores that are not ours.
    at(100.0, 1.0, "1000 100 100 5000 50 10 10 0")
    others = Others(stat)
    at(110.0, 8.0, "1600 200 300 9000 5050 60 60 200")
    assert others.cores() == pytest.approx(0.5)
    assert others.noisy()
    at(110.0, 12.5, "1600 200 300 9000 5050 60 60 200")
    assert others.cores() == pytest.approx(0.05)
    assert not others.noisy()


def test_workers_of_ours_are_no_others(tmp_path, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0}, raising=False)
    second, stat, clock = os.sysconf("SC_CLK_TCK"), tmp_path / "stat", [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])

    def core_was_busy(seconds):
        stat.write_text(f"cpu0 {round((100 + seconds) * second)} 0 0 0 0 0 0 0\n")

    core_was_busy(0)
    others, began, before = Others(stat), time.process_time(), family_ticks()
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", WORKER], **options) as worker:
        assert worker.stdout.readline() == b"done\n"
        alive = (family_ticks() - before) / second
        clock[0] = 1.0
        core_was_busy(0.3 + time.process_time() - began)
        assert others.cores() < 0.05
        worker.stdin.close()
        worker.wait()
    ended = (family_ticks() - before) / second
    assert 0.25 < alive <= ended < 1
    # Without them that work would be another's.
    monkeypatch.setattr("benchmarks.setting.family_ticks", lambda: before)
    assert others.noisy()


def test_a_family_by_hand(tmp_path):
    def process(number, parent, *ticks, name="a) (b"):
        (tmp_path / str(number)).mkdir()
        line = f"{number} ({name}) S {parent} {' '.join('7' * 9)} {' '.join(map(str, ticks))} 20 0"
        (tmp_path / str(number) / "stat").write_text(line)

    process(1, 0, 1000, 1000, 1000, 1000)
    process(10, 1, 500, 500, 3, 4)  # the one that asks: only those that it waited for count
    process(11, 10, 10, 20, 30, 40)
    process(12, 11, 100, 200, 0, 0)
    process(13, 1, 900, 900, 900, 900)
    (tmp_path / "14").mkdir()  # it has ended
    assert family_ticks(10, tmp_path) == 7 + 100 + 300
    assert family_ticks(12, tmp_path) == 0
    assert family_ticks(15, tmp_path) == 0


def test_others_are_unknown_where_the_system_does_not_tell(tmp_path):
    assert Others(tmp_path / "absent").cores() is None
    assert not Others(tmp_path / "absent").noisy()


@pytest.mark.parametrize(
    ("others", "said"),
    [
        (None, "12 s in all."),
        (0.1, "12 s in all; other processes used 0.1 of 2 core(s)."),
    ],
)
def test_foot_says_who_else_was_at_work(others, said):
    assert table.foot({"seconds": 12.3, "others_cores": others, "cores": 2}) == said


def test_setting_lists_what_is_not_installed(monkeypatch):
    monkeypatch.setattr("benchmarks.setting.PACKAGES", (*PACKAGES, "no-such-package"))
    found = setting(["kmeans", "--out", "a b.json"])
    assert found["command"] == "python -m benchmarks kmeans --out 'a b.json'"
    assert found["versions"]["no-such-package"] == "not installed"
    assert found["cores"] >= 1
    text = table.head(found, 5)
    assert max(map(len, text.splitlines())) <= table.WIDTH
    assert "no-such-package not installed" in " ".join(text.split())


def test_setting_without_git(monkeypatch):
    monkeypatch.setenv("PATH", "")
    found = setting([])
    assert (found["commit"], found["uncommitted"]) == (None, False)
    assert "no commit" in table.head(found, 1)
