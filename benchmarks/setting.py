"""What a figure depends on: versions, device, cores, commit, command."""

import os
import platform
import shlex
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jax

PACKAGES = (
    *("clusterart-jax", "jax", "jaxlib", "numpy", "scipy", "scikit-learn"),
    *("scikit-learn-intelex", "daal", "faiss-cpu", "gmmx", "fastcluster"),
    *("dbscan", "hdbscan", "fast_hdbscan", "scikit-image"),
    *("flax", "optax", "torch"),
)


def setting(arguments: Sequence[str]) -> dict[str, Any]:
    """Everything that a reader needs to judge a figure or to repeat it.

    Args:
      arguments: of the command line.
    """
    return {
        "command": shlex.join(["python", "-m", "benchmarks", *arguments]),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "HEAD"),
        "uncommitted": bool(_git("status", "--porcelain")),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu(),
        "cores": cores(),
        "devices": [f"{d.platform}: {d.device_kind}" for d in jax.devices()],
        "versions": {name: _version(name) for name in PACKAGES},
    }


def cores() -> int:
    """Cores that this process may run on."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


QUIET = 0.1
"""Share of our cores that others may use before figures count as noisy."""


class Others:
    """How busy other processes keep our cores from now on; Linux only.

    Processes that this one started, and those that they did, are no others: some libraries have
    workers.

    A load average cannot tell them from us, and forgets slowly what was before. It matters which
    contender they meet: an OpenMP library, whose threads wait for each other by spinning, becomes
    ten times slower beside one busy neighbour while others hardly feel it. Ratios are void then.
    """

    def __init__(self, stat: Path = Path("/proc/stat")) -> None:
        self._stat = stat
        self._start = self._now()

    def cores(self) -> float | None:
        """Cores that others have used on average since this was made; None where unknown."""
        start, now = self._start, self._now()
        if start is None or now is None:
            return None
        wall, busy, ours = (b - a for a, b in zip(start, now, strict=True))
        return max(0.0, busy - ours) / wall if wall > 0 else None

    def noisy(self) -> bool:
        """Whether that is more than figures can bear."""
        used = self.cores()
        return used is not None and used > QUIET * cores()

    def _now(self) -> tuple[float, float, float] | None:
        """Seconds: of the clock, of anyone's work on our cores, of our and our children's work."""
        try:
            ours = {f"cpu{core}" for core in os.sched_getaffinity(0)}
            lines = [line.split() for line in self._stat.read_text().splitlines()]
            ticks = 0
            for name, *values in lines:
                if name in ours:
                    user, nice, system, _, _, irq, softirq, stolen = map(int, values[:8])
                    ticks += user + nice + system + irq + softirq + stolen
        except (OSError, ValueError, AttributeError):
            return None
        second = os.sysconf("SC_CLK_TCK")
        return time.monotonic(), ticks / second, time.process_time() + family_ticks() / second


def family_ticks(process: int | None = None, proc: Path = Path("/proc")) -> int:
    """Work of all that a process started, directly or not, in ticks of the kernel.

    What those did that have ended is with those that waited for them; that of processes whose
    parents ended before them is lost.

    Args:
      process: its number; this one where None.
      proc: where the kernel tells of processes.
    """
    process = os.getpid() if process is None else process
    parents, own, ended = dict[int, int](), dict[int, int](), dict[int, int]()
    for path in proc.glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):  # it has ended meanwhile
            # Behind the name, which may hold anything.
            values = path.read_text(errors="replace").rpartition(")")[2].split()
            number = int(path.parent.name)
            user, system, user_ended, system_ended = map(int, values[11:15])
            parents[number] = int(values[1])
            own[number], ended[number] = user + system, user_ended + system_ended
    total, todo = ended.get(process, 0), [process]
    while todo:
        parent = todo.pop()
        children = [number for number, of in parents.items() if of == parent]
        total += sum(own[child] + ended[child] for child in children)
        todo += children
    return total


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _cpu() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"


def _git(*words: str) -> str | None:
    """What git says of the checkout, None where there is none."""
    home = Path(__file__).parent
    try:
        said = subprocess.run(["git", *words], cwd=home, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return said.stdout.strip()
