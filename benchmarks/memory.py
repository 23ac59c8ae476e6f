"""How much a call makes this process grow, at its highest; Linux only, else None.

The kernel keeps the highest resident size of a process and lets the process reset it, so the
measure costs nothing. It sees pages touched during the call by whoever runs here, compiled code of
peers as well; it does not see memory that a library had and kept from before.
"""

import ctypes
import gc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

_PROC = Path("/proc/self")


def growth(run: Callable[[], Any]) -> tuple[Any, float | None]:
    """Makes the call; gives its result, and the growth in MiB or None where it is unknown."""
    gc.collect()
    with suppress(OSError, AttributeError):  # hands back what earlier calls freed, where glibc is
        ctypes.CDLL(None).malloc_trim(0)
    try:
        (_PROC / "clear_refs").write_text("5")  # 5: set the highest size to the present one
        before = _kib("VmRSS")
    except (OSError, LookupError):
        return run(), None
    result = run()
    return result, max(0, _kib("VmHWM") - before) / 1024


def _kib(name: str) -> int:
    status = (_PROC / "status").read_text()
    values = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return int(values[name].split()[0])
