"""`python -m benchmarks.generators_markdown FILE`: the table of generators for a README.

A line for each family and its codes, the mean over seeds; of the Fréchet distance also the
standard deviation between seeds. Kernel distances are in thousandths.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

_NUMBERS = {  # heading: name of the number, format, what it is multiplied by
    "kernel": ("kernel", ".1f", 1000),
    "precision": ("precision", ".2f", 1),
    "recall": ("recall", ".2f", 1),
    "coverage": ("coverage", ".2f", 1),
    "consistency": ("consistency", ".3f", 1),
    "bits": ("bits_per_dimension", ".2f", 1),
    "ms a step": ("step_ms", ".1f", 1),
    "compile s": ("compile_s", ".0f", 1),
    "all s": ("whole_s", ".0f", 1),
}


def markdown(rows: dict[str, dict[str, Any]]) -> str:
    """The table of `rows`, which are named family/codes/seed."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for name, row in rows.items():
        groups.setdefault(tuple(name.split("/")[:2]), []).append(row)
    heads = ["", "codes", "Fréchet", "of the prior", *_NUMBERS]
    lines = [heads, ["---", "---", *["---:"] * (len(heads) - 2)]]
    for (family, codes), found in sorted(groups.items(), key=lambda group: group[0][0]):
        spread = f" ± {np.std(_numbers(found, 'frechet'), ddof=1):.3f}" if len(found) > 1 else ""
        cells = [family, codes, _mean(found, "frechet", ".3f", 1) + spread]
        cells.append(_mean(found, "frechet_of_prior", ".2f", 1))
        lines.append([*cells, *(_mean(found, *how) for how in _NUMBERS.values())])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _numbers(rows: Sequence[dict[str, Any]], name: str) -> list[float]:
    return [row[name] for row in rows if row.get(name) is not None]


def _mean(rows: Sequence[dict[str, Any]], name: str, form: str, times: float) -> str:
    numbers = _numbers(rows, name)
    return format(times * float(np.mean(numbers)), form) if numbers else "–"


def main(argv: Sequence[str] | None = None) -> None:
    """Prints the table, its floor and what it was made with."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.generators_markdown", description=__doc__
    )
    parser.add_argument("file", type=Path, help="what benchmarks.generators --out wrote")
    told = json.loads(parser.parse_args(argv).file.read_text(encoding="utf-8"))
    rows = list(told["rows"].values())
    print(markdown(told["rows"]))
    print(
        f"\nFloor: Fréchet {_mean(rows, 'frechet_floor', '.3f', 1)}, kernel "
        f"{_mean(rows, 'kernel_floor', '.1f', 1000)}; a pixel's marginal distribution takes "
        f"{told['marginal_bits']:.2f} bits; the classifier is right of "
        f"{told['classifier_accuracy']:.3f} of test pictures."
    )


if __name__ == "__main__":
    main()
