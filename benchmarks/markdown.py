"""`python -m benchmarks.markdown FILE…`: what `--out` wrote, as a table for a README.

The last but one column is the time of the quickest peer to ours, median of the rounds: above 1 we
are ahead. It is bold where we are behind. The last is our loss beside the best of the case.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .harness import OURS
from .table import seconds


def markdown(cases: Sequence[dict[str, Any]]) -> str:
    """A table, a line for each case that ran; a column for each peer."""
    ran = [case for case in cases if case["status"] == "ok" and _ours(case)]
    peers = list(dict.fromkeys(c["name"] for case in ran for c in case["contenders"][1:]))
    lines = [
        _line(["", "ours", *peers, "quickest / ours", "our loss"]),
        _line(["---", *("---:" for _ in range(len(peers) + 3))]),
    ]
    for case in ran:
        found = {c["name"]: c for c in case["contenders"]}
        times = [seconds(_median(found.get(name))) or "–" for name in (OURS, *peers)]
        # Another form of ours may stand among the contenders to be seen; it is no peer.
        ratios = [
            c["ratio"]["median"]
            for name, c in found.items()
            if c["ratio"] is not None and not name.startswith("ours")
        ]
        best = min(ratios, default=None)
        told = "–" if best is None else f"{best:.2f}" if best >= 1 else f"**{best:.2f}**"
        name = case["name"] + (" (noisy)" if case["noisy"] else "")
        lines.append(_line([name, *times, told, f"{found[OURS]['loss_ratio']:.4f}"]))
    return "\n".join(lines)


def _ours(case: dict[str, Any]) -> bool:
    return bool(case["contenders"]) and case["contenders"][0]["run_s"] is not None


def _median(contender: dict[str, Any] | None) -> float | None:
    if contender is None or contender["run_s"] is None:
        return None
    return float(contender["run_s"]["median"])


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def main(argv: Sequence[str] | None = None) -> None:
    """Prints one table of all files."""
    files = list(sys.argv[1:] if argv is None else argv)
    told = [json.loads(Path(file).read_text(encoding="utf-8")) for file in files]
    print(markdown([case for one in told for case in one["cases"]]))
    for one in told:
        versions = ", ".join(f"{name} {v}" for name, v in one["versions"].items())
        print(f"\n{one['cpu']}, {one['cores']} core(s), {one['date'][:10]}; {versions}")


if __name__ == "__main__":
    main()
