"""The harness on callables that only move a clock: the arithmetic by hand numbers."""

import jax
import jax.numpy as jnp
import pytest

from benchmarks import memory, table
from benchmarks.harness import Case, Spread, UnavailableError, compiling, order, run_case, spread


class Clock:
    """Time that passes when a callable says so."""

    def __init__(self):
        self.now = 0.0
        self.log = []

    def __call__(self):
        return self.now

    def contender(self, name, *durations, result=None, fails_at=None):
        """Takes these seconds call by call, the last one over and over."""
        calls = []

        def run():
            if len(calls) == fails_at:
                raise ArithmeticError(f"{name} is\nbroken")
            self.now += durations[min(len(calls), len(durations) - 1)]
            calls.append(name)
            self.log.append(name)
            return result

        return lambda data: run


def no_gauge(run):
    return run(), 12.0


def measure(clock, ours, rounds=3, load=lambda: None, loss=lambda data, out: out, **peers):
    case = Case("room/case", "rows", load, ours, peers, loss, "loss")
    return run_case(case, rounds, clock=clock, gauge=no_gauge)


def by_name(result):
    return {contender.name: contender for contender in result.contenders}


@pytest.mark.parametrize(
    ("values", "expected"),
    [([4.0], (4, 4, 4)), ([1.0, 3.0], (2, 1.5, 2.5)), ([9.0, 1.0, 2.0, 4.0, 3.0], (3, 2, 4))],
)
def test_spread(values, expected):
    assert spread(values) == Spread(*expected)


def test_two_contenders_take_turns_abba():
    assert "".join("".join(order("AB", i)) for i in range(4)) == "ABBABAAB"


@pytest.mark.parametrize("n", [2, 3, 4])
def test_everyone_is_before_and_after_everyone_equally_often(n):
    names = "ABCD"[:n]
    orders = [order(names, i) for i in range(2 * n)]
    assert all(sorted(o) == list(names) for o in orders)
    for a in names:
        assert [o.index(a) for o in orders].count(0) == 2
        for b in names.replace(a, ""):
            assert sum(o.index(a) < o.index(b) for o in orders) == n


def test_ratio_is_taken_round_by_round():
    # Calls: two to warm up, then a round each. The machine slows down fourfold on the way; the
    # ratios 2, 3, 2 do not show it, while the ratio of the medians would be 6 / 2 = 3.
    clock = Clock()
    ours = clock.contender("ours", 1.0, 1.0, 1.0, 2.0, 4.0, result=5.0)
    peer = clock.contender("peer", 1.0, 1.0, 2.0, 6.0, 8.0, result=6.0)
    result = measure(clock, ours, peer=peer)
    found = by_name(result)
    assert found["clusterart_jax"].rounds_s == [1.0, 2.0, 4.0]
    assert found["peer"].rounds_s == [2.0, 6.0, 8.0]
    assert found["peer"].ratio == Spread(2.0, 2.0, 2.5)
    assert found["peer"].run_s == Spread(6.0, 4.0, 7.0)
    assert found["clusterart_jax"].ratio is None
    assert (found["clusterart_jax"].loss_ratio, found["peer"].loss_ratio) == (1.0, 6 / 5)
    assert clock.log[4:] == ["ours", "peer", "peer", "ours", "peer", "ours"]
    assert result.orders[1] == ["peer", "clusterart_jax"]


def test_short_calls_are_repeated_and_counted_singly():
    clock = Clock()
    ours = clock.contender("ours", 3.0, 0.01, result=1.0)  # the first call compiles
    result = measure(clock, ours, rounds=2)
    (found,) = result.contenders
    assert found.first_s == 3.0
    assert found.calls == 1  # a first call so slow is not made again to find out why
    clock = Clock()
    (found,) = measure(clock, clock.contender("ours", 1.5, 0.01, result=1.0)).contenders
    assert found.calls == 10
    assert found.rounds_s == pytest.approx([0.01] * 3)
    assert len(clock.log) == 2 + 3 * 10


def test_slow_compiling_does_not_pass_for_a_slow_call(monkeypatch):
    clock = Clock()

    def prepare(data):
        def run():
            clock.now += 0.01 if clock.log else 30.01
            if not clock.log:
                event = "/jax/core/compile/backend_compile_duration"
                jax.monitoring.record_event_duration_secs(event, 30.0)
            clock.log.append("ours")
            return 1.0

        return run

    (found,) = measure(clock, prepare).contenders
    assert (found.first_s, found.compile_s, found.calls) == (30.01, 30.0, 10)


def test_memory_of_a_slow_call_is_that_without_the_compiler():
    sizes, case = iter([900.0, 40.0]), Case("a", "b", int, lambda data: run, {}, lambda d, o: 1, "")

    def run():
        event = "/jax/core/compile/backend_compile_duration"
        jax.monitoring.record_event_duration_secs(event, 0.5)

    def gauge(run):
        clock.now += 7.0
        return run(), next(sizes)

    clock = Clock()
    (found,) = run_case(case, 1, clock=clock, gauge=gauge).contenders
    assert (found.memory_mib, found.calls) == (40.0, 1)


def test_compiling_listens_to_xla_and_stops_listening():
    with compiling() as compiled:
        jax.jit(lambda x: x * 17 + 3)(jnp.arange(7)).block_until_ready()
    heard = compiled.seconds
    assert heard > 0
    jax.jit(lambda x: x * 19 + 5)(jnp.arange(7)).block_until_ready()
    assert compiled.seconds == heard


def test_peer_that_fails_is_reported_and_the_others_go_on():
    clock = Clock()

    def absent(data):
        raise ModuleNotFoundError("No module named 'faiss'")

    result = measure(
        clock,
        clock.contender("ours", 1.0, result=1.0),
        good=clock.contender("good", 3.0, result=1.0),
        at_once=clock.contender("at_once", 1.0, fails_at=0),
        later=clock.contender("later", 1.0, result=0.1, fails_at=3),
        absent=absent,
    )
    found = by_name(result)
    assert result.status == "ok"
    assert found["good"].ratio == Spread(3.0, 3.0, 3.0)
    assert found["good"].loss_ratio == 1.0  # beside those that finished
    assert [found[name].status for name in ("at_once", "later", "absent")] == [
        *("failed", "failed", "not installed")
    ]
    assert found["later"].reason == "ArithmeticError: later is broken"
    assert found["later"].ratio is None
    assert found["later"].rounds_s == []
    assert result.orders[-1] == order(["clusterart_jax", "good"], 2)
    text = table.case_table(result)
    assert "absent                not installed" in text
    assert "later is broken" in text


def test_ours_failing_fails_the_case_but_times_the_peers():
    clock = Clock()
    result = measure(
        clock,
        clock.contender("ours", 1.0, fails_at=0),
        peer=clock.contender("peer", 2.0, result=1.0),
    )
    assert result.status == "failed"
    assert "ours is broken" in result.reason
    assert by_name(result)["peer"].run_s == Spread(2.0, 2.0, 2.0)
    assert by_name(result)["peer"].ratio is None
    assert "failed: room/case" in table.verdict([result])


def test_everyone_failing_ends():
    clock = Clock()
    result = measure(clock, clock.contender("ours", 1.0, result=1.0, fails_at=2))
    assert result.status == "failed"
    assert len(result.orders) == 1


def test_absent_data_are_said():
    def absent():
        raise UnavailableError("get it with apt-get")

    def broken():
        raise ValueError("bad header")

    clock = Clock()
    ours = clock.contender("ours", 1.0)
    skipped, failed = (measure(clock, ours, load=load) for load in (absent, broken))
    assert (skipped.status, skipped.reason) == ("skipped", "get it with apt-get")
    assert (failed.status, failed.reason) == ("failed", "ValueError: bad header")
    assert "skipped: get it with apt-get" in table.case_table(skipped)
    assert "skipped: room/case" in table.verdict([skipped])
    assert clock.log == []


def test_verdict_says_behind_plainly():
    def result(name, *peer):
        clock = Clock()
        ours = clock.contender("ours", 1.0, result=1.0)
        found = measure(clock, ours, peer=clock.contender("peer", 1.0, 1.0, *peer, result=1.0))
        found.name = name
        return found

    text = table.verdict([result("fast", 4.0), result("slow", 0.5), result("same", 0.5, 1.0, 2.0)])
    assert text == (
        "peer: geometric mean 1.26. ahead in 1 of 3: fast. even in 1 of 3: same. BEHIND\n"
        "  in 1 of 3: slow."
    )


def test_noisy_cases_are_shown_but_not_judged():
    clock = Clock()
    ours = clock.contender("ours", 1.0, result=1.0)
    result = measure(clock, ours, peer=clock.contender("peer", 9.0, result=1.0))
    result.noisy = True
    assert "NOISY" in table.case_table(result)
    assert "9.00 [9.00 9.00]" in table.case_table(result)
    assert table.verdict([result]) == "NOISY, not judged, do not keep: room/case"


def test_memory_growth_is_seen_at_its_highest():
    def call():
        block = bytearray(64 << 20)
        return len(block)

    out, mib = memory.growth(call)
    assert out == 64 << 20
    assert mib is None or 48 < mib < 128


def test_memory_is_none_where_the_system_does_not_tell(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "_PROC", tmp_path / "absent")
    assert memory.growth(lambda: 7) == (7, None)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.00012, "0.12 ms"), (0.0123, "12.3 ms"), (0.5, "500 ms"), (12.34, "12.3 s"), (123, "123 s")],
)
def test_seconds(value, text):
    assert table.seconds(value) == text
