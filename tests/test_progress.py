"""A bar with speed and time left, where a person can see it and only there."""

import io
from types import SimpleNamespace

import pytest
import tqdm.std

from clusterart_jax import _progress
from clusterart_jax._progress import begin_at, progress, tracked


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """A terminal, and a clock that the test moves."""
    now = [0.0]
    monkeypatch.setattr(tqdm.std, "time", lambda: now[0])
    screen = Terminal()
    monkeypatch.setattr(_progress, "sys", SimpleNamespace(stderr=screen))
    monkeypatch.setenv("COLUMNS", "80")

    def sleep(seconds):
        now[0] += seconds

    return screen, sleep


def test_it_shows_speed_and_time_left_and_fits(clock):
    screen, sleep = clock
    with progress(100, "training", "step") as bar:
        for _ in range(50):
            sleep(0.1)
            bar.update(1)
            bar.set_postfix_str("loss -1.234", refresh=False)
    last = screen.getvalue().rstrip().split("\r")[-1]
    assert "training" in last
    assert "50/100" in last
    assert "00:04<00:04," in last
    assert "10.0" in last
    assert "step/s" in last
    assert max(len(line) for line in screen.getvalue().split("\r")) <= 80


def test_work_of_less_than_two_seconds_shows_nothing(clock):
    screen, sleep = clock
    with progress(10, "reading", "file") as bar:
        for _ in range(10):
            sleep(0.19)
            bar.update(1)
    assert screen.getvalue().strip() == ""


@pytest.mark.parametrize("hidden", ["quiet", "no terminal"])
def test_it_is_silent_where_nobody_looks(clock, monkeypatch, hidden):
    _, sleep = clock
    screen = Terminal() if hidden == "quiet" else io.StringIO()
    monkeypatch.setattr(_progress, "sys", SimpleNamespace(stderr=screen))
    with progress(10, "reading", "file", quiet=hidden == "quiet") as bar:
        for _ in range(10):
            sleep(5)
            bar.update(1)
    assert screen.getvalue() == ""


def test_a_resumed_bar_starts_where_it_was_left(clock):
    """And its speed is that of now: 10 units in 10 seconds, not 90, nor in 30 with compiling."""
    screen, sleep = clock
    with progress(100, "compiling", "step", at_once=True) as bar:
        assert "compiling" in screen.getvalue()  # before anything is done
        sleep(20)
        begin_at(bar, 80, "training")
        for _ in range(10):
            sleep(1)
            bar.update(1)
    last = screen.getvalue().rstrip().split("\r")[-1]
    assert last.startswith("training")
    assert "90/100" in last
    assert "1.00step/s" in last


def test_tracked_passes_items_on(clock):
    screen, sleep = clock
    seen = []
    for item in tracked("abc", 3, "making", "thing"):
        sleep(2)
        seen.append(item)
    assert seen == ["a", "b", "c"]
    assert "3/3" in screen.getvalue()
