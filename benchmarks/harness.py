"""Runs a case beside its peers, in turns, and compares them round by round.

Machines drift: clocks change, caches warm, neighbours wake. A ratio of two times taken seconds
apart cancels most of that, a ratio of two averages taken minutes apart does not. So all contenders
of a case run in one process, once a round, in an order that turns; each round gives one ratio per
peer, and the median of these is the result, with its quartiles.
"""

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import jax

from . import memory

_PAUSE_S = 0.2
"""Idle threads of OpenBLAS and OpenMP go on spinning for so long: nobody pays for those either."""

OURS = "clusterart_jax"
"""The name under which our own callable runs."""

Run = Callable[[], Any]
Prepare = Callable[[Any], Run]
Clock = Callable[[], float]
Gauge = Callable[[Run], tuple[Any, float | None]]


class UnavailableError(Exception):
    """Raised by a loader whose data are not on this machine; the text says what to do."""


@dataclass(frozen=True)
class Case:
    """One comparison.

    A contender is a function of the data that does what a user does once (imports, puts data on
    the device) and returns the call that is timed. That call returns what a user needs, on the
    host, or blocks until it is there. A `ModuleNotFoundError` while preparing means: not installed.

    Attributes:
      name: as asked for on the command line, `room/problem`.
      about: one line: rows, columns, settings.
      load: gives the data; may raise `UnavailableError`.
      ours: our contender.
      peers: name → contender, with the settings its users would choose.
      loss: (data, result) → quality, above 0, less is better; the same function for all.
      loss_name: what that is.
    """

    name: str
    about: str
    load: Callable[[], Any]
    ours: Prepare
    peers: Mapping[str, Prepare]
    loss: Callable[[Any, Any], float]
    loss_name: str


@dataclass(frozen=True)
class Spread:
    """The middle of some values and the quartiles around it."""

    median: float
    low: float
    high: float


@dataclass
class Contender:
    """What was measured of one contender.

    Attributes:
      name: its name.
      status: "ok", "not installed" or "failed".
      reason: why, where it is not "ok".
      first_s: seconds of the first call, which compiles.
      compile_s: seconds of it that XLA took to compile; 0 for peers.
      calls: calls a round, more than one where one is too short to time.
      rounds_s: seconds of a call, a number each round.
      run_s: their median and quartiles.
      ratio: of the peer's seconds to ours, round by round; above 1 we are faster. None for us.
      loss: quality of the result, less is better.
      loss_ratio: that beside the best of the case; 1 is the best.
      memory_mib: growth of this process's resident memory during a call, at its highest.
    """

    name: str
    status: str = "ok"
    reason: str = ""
    first_s: float | None = None
    compile_s: float | None = None
    calls: int = 1
    rounds_s: list[float] = field(default_factory=list)
    run_s: Spread | None = None
    ratio: Spread | None = None
    loss: float | None = None
    loss_ratio: float | None = None
    memory_mib: float | None = None

    def fail(self, error: Exception) -> None:
        """Records that it raised; what was measured before is no result."""
        self.status, self.rounds_s = "failed", []
        self.reason = _one_line(error)


@dataclass
class CaseResult:
    """What was measured of a case.

    Attributes:
      name: of the case.
      about: of the case.
      loss_name: of the case.
      status: "ok", "skipped" where its data are not on this machine, or "failed".
      reason: why, where it is not "ok".
      orders: who ran after whom, round by round.
      noisy: whether other processes were at work meanwhile; its ratios prove nothing then.
      contenders: ours first.
    """

    name: str
    about: str
    loss_name: str
    status: str = "ok"
    reason: str = ""
    orders: list[list[str]] = field(default_factory=list)
    noisy: bool = False
    contenders: list[Contender] = field(default_factory=list)


def spread(values: Sequence[float]) -> Spread:
    """Median and quartiles; between two values the quartiles are interpolated.

    Example:
      >>> spread([1.0, 2.0, 3.0, 4.0, 9.0])
      Spread(median=3.0, low=2.0, high=4.0)
    """
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(middle, low, high)


def order(names: Sequence[str], round_: int) -> list[str]:
    """Who runs after whom: forwards, then backwards, then the same with the next one first.

    For two contenders this is ABBA BAAB, so that drift within a round favours neither.

    Example:
      >>> ["".join(order("abc", i)) for i in range(4)]
      ['abc', 'cba', 'bca', 'acb']
    """
    turn = round_ // 2 % len(names)
    turned = [*names[turn:], *names[:turn]]
    return turned[::-1] if round_ % 2 else turned


def run_case(
    case: Case,
    rounds: int,
    *,
    min_s: float = 0.1,
    clock: Clock = time.perf_counter,
    gauge: Gauge = memory.growth,
) -> CaseResult:
    """Measures a case; a peer that fails is reported and the others go on.

    Args:
      case: what to run.
      rounds: how often each contender has its turn.
      min_s: calls are repeated within a turn until they take about so long together.
      clock: gives seconds.
      gauge: makes a call and gives its result and the memory it took in MiB.

    Returns:
      A `CaseResult`.
    """
    result = CaseResult(case.name, case.about, case.loss_name)
    try:
        data = case.load()
    except UnavailableError as error:
        result.status, result.reason = "skipped", _one_line(error)
        return result
    except Exception as error:
        result.status, result.reason = "failed", _one_line(error)
        return result
    running: dict[str, tuple[Contender, Run]] = {}
    for name, prepare in {OURS: case.ours, **case.peers}.items():
        contender = Contender(name)
        result.contenders.append(contender)
        try:
            run = prepare(data)
            out = _warm_up(contender, run, min_s, clock, gauge)
            contender.loss = float(case.loss(data, out))
            running[name] = contender, run
        except ModuleNotFoundError as error:
            contender.status, contender.reason = "not installed", _one_line(error)
        except Exception as error:
            contender.fail(error)
    for round_ in range(rounds if running else 0):
        result.orders.append(order(list(running), round_))
        for name in result.orders[-1]:
            contender, run = running[name]
            try:
                contender.rounds_s.append(_seconds(run, contender.calls, clock))
            except Exception as error:
                contender.fail(error)
                del running[name]
        if not running:
            break
    _compare(result)
    return result


def _warm_up(contender: Contender, run: Run, min_s: float, clock: Clock, gauge: Gauge) -> Any:
    """The first call, and another to learn from where that compiled or costs little."""
    with compiling() as compiled:
        start = clock()
        out, contender.memory_mib = gauge(run)
        contender.first_s = clock() - start
    contender.compile_s = compiled.seconds
    took = contender.first_s
    if compiled.seconds or took < 20 * min_s:
        start = clock()
        out, contender.memory_mib = gauge(run)  # without the compiler's own memory this time
        took = clock() - start
    contender.calls = max(1, min(100, round(min_s / max(took, 1e-6))))
    return out


def _seconds(run: Run, calls: int, clock: Clock) -> float:
    gc.collect()  # so that nobody pays for the garbage of the one before
    time.sleep(_PAUSE_S)
    gc.disable()
    try:
        start = clock()
        for _ in range(calls):
            run()
        return (clock() - start) / calls
    finally:
        gc.enable()


def _compare(result: CaseResult) -> None:
    """Fills in what follows from the times and losses of all."""
    ours, *peers = result.contenders
    done = [c for c in result.contenders if c.status == "ok" and c.rounds_s]
    for contender in done:
        contender.run_s = spread(contender.rounds_s)
    best = min((c.loss for c in done if c.loss is not None), default=None)
    for contender in done:
        if best and contender.loss is not None:
            contender.loss_ratio = contender.loss / best
    if ours not in done:
        result.status, result.reason = "failed", f"{OURS} {ours.status}: {ours.reason}"
        return
    for peer in peers:
        if peer in done:
            pairs = zip(peer.rounds_s, ours.rounds_s, strict=True)
            peer.ratio = spread([theirs / our for theirs, our in pairs])


class Compiled:
    """Adds up the seconds that XLA takes to compile while it listens."""

    EVENT = "/jax/core/compile/backend_compile_duration"

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self, event: str, duration_secs: float, **_: str | int) -> None:
        """Hears of an event; JAX calls it."""
        if event == self.EVENT:
            self.seconds += duration_secs


@contextmanager
def compiling() -> Iterator[Compiled]:
    """Listens to XLA: compiling is told apart from running inside one call."""
    listener = Compiled()
    jax.monitoring.register_event_duration_secs_listener(listener)
    try:
        yield listener
    finally:
        jax.monitoring.unregister_event_duration_listener(listener)


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or "no message"
    plain = isinstance(error, UnavailableError | ModuleNotFoundError)
    return text if plain else f"{type(error).__name__}: {text}"
