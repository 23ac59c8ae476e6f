"""Results as text of at most 80 columns."""

import math
import textwrap
from collections.abc import Sequence
from functools import partial
from typing import Any

from .harness import CaseResult, Contender, Spread

WIDTH = 80


def head(setting: dict[str, Any], rounds: int) -> str:
    """What the figures depend on, and how to read them."""
    versions = setting["versions"]
    commit = (setting["commit"] or "no commit")[:12] + ("+" if setting["uncommitted"] else "")
    lines = [
        f"{setting['cpu']}, {setting['cores']} core(s); Python {setting['python']}; {commit}",
        "JAX on " + ", ".join(_counted(setting["devices"])),
        ", ".join(f"{name} {number}" for name, number in versions.items()),
        f"{rounds} rounds. peer/ours above 1: we are faster. The loss is beside the best of all, "
        "less is better. first: the first call, which compiles. MiB: growth during a call.",
    ]
    fill = partial(textwrap.fill, width=WIDTH, subsequent_indent="  ", break_on_hyphens=False)
    return "\n".join(map(fill, lines))


def case_table(result: CaseResult) -> str:
    """One case: a line for each contender."""
    noisy = " (NOISY: others were at work)" if result.noisy else ""
    title = textwrap.fill(f"{result.name}: {result.about}{noisy}", WIDTH, subsequent_indent="  ")
    if not result.contenders:
        return f"{title}\n{_wrapped(f'{result.status}: {result.reason}')}"
    lines = [
        title,
        f"  {'':<21}{'a call':>9}{'peer/ours, quartiles':>22}{result.loss_name[:8]:>9}{'first':>9}"
        f"{'MiB':>8}",
    ]
    for contender in result.contenders:
        if contender.run_s is None:
            said = f"{contender.name:<21} {contender.status}"
            if contender.status != "not installed":
                said += f": {contender.reason}"
            lines.append(_wrapped(said))
        else:
            lines.append(_line(contender))
    return "\n".join(lines)


def verdict(results: Sequence[CaseResult]) -> str:
    """For each peer where we are ahead and where behind; even where the quartiles hold 1.

    Cases that were noisy are not judged: noise slows some libraries far more than others.
    """
    ratios: dict[str, dict[str, Spread]] = {}
    for result in results:
        for contender in [] if result.noisy else result.contenders:
            if contender.ratio is not None:
                ratios.setdefault(contender.name, {})[result.name] = contender.ratio
    lines = []
    for peer, found in ratios.items():
        mean = math.exp(sum(math.log(r.median) for r in found.values()) / len(found))
        ahead = [name for name, r in found.items() if r.low > 1]
        behind = [name for name, r in found.items() if r.high < 1]
        even = [name for name in found if name not in (*ahead, *behind)]
        text = f"{peer}: geometric mean {mean:.2f}."
        for word, names in (("ahead", ahead), ("even", even), ("BEHIND", behind)):
            if names:
                text += f" {word} in {len(names)} of {len(found)}: {', '.join(names)}."
        lines.append(textwrap.fill(text, WIDTH, subsequent_indent="  ", break_on_hyphens=False))
    for result in results:
        if result.status != "ok":
            lines.append(f"{result.status}: {result.name}")
        elif result.noisy:
            lines.append(f"NOISY, not judged, do not keep: {result.name}")
    return "\n".join(lines)


def foot(setting: dict[str, Any]) -> str:
    """How long it took, and how much others were at work meanwhile."""
    others = setting["others_cores"]
    text = f"{setting['seconds']:.0f} s in all"
    if others is not None:
        text += f"; other processes used {others:.1f} of {setting['cores']} core(s)"
    return textwrap.fill(f"{text}.", WIDTH, subsequent_indent="  ")


def _line(contender: Contender) -> str:
    assert contender.run_s is not None
    ratio = contender.ratio
    compared = "" if ratio is None else f"{ratio.median:.2f} [{ratio.low:.2f} {ratio.high:.2f}]"
    loss = "" if contender.loss_ratio is None else f"{contender.loss_ratio:.4f}"
    memory = "" if contender.memory_mib is None else f"{contender.memory_mib:,.0f}"
    return (
        f"  {contender.name:<21}{seconds(contender.run_s.median):>9}{compared:>22}{loss:>9}"
        f"{seconds(contender.first_s):>9}{memory:>8}"
    )


def seconds(value: float | None) -> str:
    """Three digits and a unit.

    Example:
      >>> seconds(0.00123), seconds(1.5), seconds(None)
      ('1.23 ms', '1.50 s', '')
    """
    if value is None:
        return ""
    return f"{value:.3g} s" if value >= 100 else _three(value)


def _three(value: float) -> str:
    scaled, unit = (value, "s") if value >= 1 else (1e3 * value, "ms")
    decimals = 2 if scaled < 10 else 1 if scaled < 100 else 0
    return f"{scaled:.{decimals}f} {unit}"


def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent="  ", subsequent_indent=" " * 24)


def _counted(names: Sequence[str]) -> list[str]:
    return [f"{names.count(name)} × {name}" for name in dict.fromkeys(names)]
