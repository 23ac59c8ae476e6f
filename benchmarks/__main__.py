"""`python -m benchmarks`: runs cases, prints a table, and writes JSON where asked."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import jax

import clusterart_jax as ca
from clusterart_jax._files import write_text

from . import (
    dbscan,
    gmm,
    hdbscan,
    kmeans,
    linkage,
    networks,
    pca,
    problems,
    renderers,
    seeding,
    silhouette,
    slic,
    table,
    training,
    variants,
)
from .harness import Case, CaseResult, run_case
from .setting import Others, setting

MODULES = (
    *(dbscan, gmm, hdbscan, kmeans, linkage, networks, pca),
    *(problems, renderers, seeding, silhouette, slic, training, variants),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the cases that `argv` names.

    Returns:
      0, or 1 where a case of ours failed; a peer that fails is only reported.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    options = _parse(words)
    chosen = _chosen([case for module in MODULES for case in module.cases(options.quick)], options)
    if options.list:
        print("\n".join(f"{case.name}: {case.about}" for case in chosen))
        return 0
    rounds = options.rounds or (3 if options.quick else 5)
    ca.use_cpu_cores()
    jax.config.update("jax_enable_compilation_cache", False)  # else compiling looks free
    found = setting(words)
    print(table.head(found, rounds), flush=True)
    others, start, results = Others(), time.monotonic(), []
    for case in chosen:
        meanwhile = Others()
        results.append(run_case(case, rounds))
        results[-1].noisy = meanwhile.noisy()
        print(f"\n{table.case_table(results[-1])}", flush=True)
    found["seconds"], found["others_cores"] = time.monotonic() - start, others.cores()
    print(f"\n{table.verdict(results)}\n{table.foot(found)}")
    if options.out is not None:
        write_text(options.out, to_json(found, rounds, options.quick, results))
    return int(any(result.status == "failed" for result in results))


def to_json(found: dict[str, object], rounds: int, quick: bool, results: list[CaseResult]) -> str:
    """The whole as JSON; `README.md` says what the fields are."""
    cases = [asdict(result) for result in results]
    told = {**found, "rounds": rounds, "quick": quick, "cases": cases}
    return json.dumps(told, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _parse(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help="cases, or what their names begin with; else all")
    parser.add_argument("--rounds", type=_count, help="turns of each contender; 5, or 3 if --quick")
    parser.add_argument("--quick", action="store_true", help="a part of the rows")
    parser.add_argument("--out", type=Path, metavar="FILE", help="JSON to write")
    parser.add_argument("--list", action="store_true", help="only say which cases there are")
    options = parser.parse_args(words)
    if options.out is not None and not options.out.absolute().parent.is_dir():
        parser.error(f"--out: there is no folder {options.out.absolute().parent}")
    return options


def _chosen(cases: list[Case], options: argparse.Namespace) -> list[Case]:
    for name in options.names:
        if not any(case.name.startswith(name) for case in cases):
            known = ", ".join(case.name for case in cases)
            raise SystemExit(f"no case begins with {name!r}; there are {known}")
    return [c for c in cases if not options.names or c.name.startswith(tuple(options.names))]


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {text}")
    return value


if __name__ == "__main__":
    sys.exit(main())
