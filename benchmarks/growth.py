"""`python -m benchmarks.growth`: how cost grows with rows, beside the peers, as JSON and a plot.

Sizes double. Each contender prepares and warms up at every size, then is timed once or, where a
call is short, as the median of three; it drops out after a call longer than `--limit` seconds.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

import clusterart_jax as ca
from clusterart_jax._files import write_text

from . import dbscan, hdbscan, linkage
from .harness import OURS, Run
from .setting import setting

SIZES = tuple(1_000 * 2**i for i in range(11))
_SHORT = 2.0  # seconds of a call up to which it is made three times

Contender = Callable[[int], Run]


def _dbscan(solve: Callable[[dbscan.Problem], Run], n: int) -> Run:
    # The radius shrinks so that a row keeps as many neighbours.
    eps = 0.05 * (100_000 / n) ** 0.5
    return solve(dbscan.Problem(dbscan.groups(n), eps, 10, []))


def _hdbscan(solve: Callable[[np.ndarray], Run], n: int) -> Run:
    return solve(hdbscan.groups(n))


def _ward(solve: Callable[[str, linkage.Problem], Run], n: int) -> Run:
    x = np.random.default_rng(0).normal(size=(n, 8)).astype(np.float32)
    return solve("ward", linkage.Problem(x, np.empty(0)))


def jobs() -> dict[str, dict[str, Contender]]:
    """Job → name → contender of n rows."""
    return {
        "DBSCAN, 2 columns": {
            OURS: partial(_dbscan, dbscan.ours),
            "scikit-learn": partial(_dbscan, dbscan.sklearn),
            "oneDAL": partial(_dbscan, dbscan.sklearnex),
            "dbscan": partial(_dbscan, dbscan.dbscan),
        },
        "HDBSCAN, 2 columns": {
            OURS: partial(_hdbscan, hdbscan.ours),
            **{name: partial(_hdbscan, solve) for name, solve in hdbscan.PEERS.items()},
        },
        "Ward's tree, 8 columns": {
            OURS: partial(_ward, linkage.ours),
            "fastcluster, no matrix": partial(_ward, linkage.fastcluster_vector),
            "fastcluster": partial(_ward, linkage.fastcluster),
            "scikit-learn": partial(_ward, linkage.sklearn),
        },
    }


def measure(
    contenders: dict[str, Contender], sizes: Sequence[int], limit: float
) -> dict[str, list[tuple[int, float]]]:
    """For each contender, rows and seconds; one that is not installed has none."""
    found: dict[str, list[tuple[int, float]]] = {name: [] for name in contenders}
    left = dict(contenders)
    for n in sizes:
        for name, prepare in list(left.items()):
            try:
                run = prepare(n)
            except ModuleNotFoundError:
                del left[name]
                continue
            run()
            seconds = [_timed(run)]
            if seconds[0] < _SHORT:
                seconds += [_timed(run), _timed(run)]
            found[name].append((n, float(np.median(seconds))))
            if found[name][-1][1] > limit:
                del left[name]
    return found


def _timed(run: Run) -> float:
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def draw(results: dict[str, dict[str, list[tuple[int, float]]]]) -> Any:
    """A matplotlib figure: a panel for each job, both axes logarithmic."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * len(results), 3.9), layout="constrained")
    axes = figure.subplots(1, len(results), squeeze=False)[0]
    for ax, (job, lines) in zip(axes, results.items(), strict=True):
        for name, points in lines.items():
            if points:
                own = name == OURS
                style: dict[str, Any] = {"linewidth": 2.4, "zorder": 3} if own else {"alpha": 0.8}
                ax.plot(*zip(*points, strict=True), marker="o", markersize=3, label=name, **style)
        ax.set(xscale="log", yscale="log", title=job, xlabel="rows", ylabel="seconds a call")
        ax.grid(which="major", alpha=0.3)
        ax.legend(fontsize=8, frameon=False)
    return figure


def main(argv: Sequence[str] | None = None) -> int:
    """Measures, prints, and writes what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--limit", type=float, default=8.0, help="seconds of a contender's last")
    parser.add_argument("--most", type=int, default=SIZES[-1], help="rows at most")
    parser.add_argument("--out", type=Path, metavar="JSON", required=True)
    parser.add_argument("--plot", type=Path, metavar="PNG")
    words = list(sys.argv[1:] if argv is None else argv)
    options = parser.parse_args(words)
    ca.use_cpu_cores()
    jax.config.update("jax_enable_compilation_cache", False)
    results = {}
    for job, contenders in jobs().items():
        results[job] = measure(contenders, [n for n in SIZES if n <= options.most], options.limit)
        for name, points in results[job].items():
            print(f"{job}: {name}: " + ", ".join(f"{n:,} {s:.3g} s" for n, s in points), flush=True)
    found = {**setting(words), "command": "python -m benchmarks.growth " + " ".join(words)}
    told = {**found, "results": results}
    write_text(options.out, json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    if options.plot is not None:
        draw(results).savefig(options.plot, dpi=120)
    return 0


if __name__ == "__main__":
    sys.exit(main())
