"""`python -m benchmarks.presets`: what comes of each preset, as a user gets it.

`clusterart run --preset NAME` and `clusterart measure`, each a process of its own: minutes of the
run with its compilation and report, and what its pictures are like. Presets without a named data
set are tried on a folder, such as the base pictures of the npm package emoji-datasource-google.
What is done is kept in the JSON, and the runs in a folder to look at.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clusterart_jax.pipeline import PRESETS, Preset

from .kept import Kept
from .setting import setting

_KEPT = ("frechet", "frechet_floor", "kernel", "precision", "recall", "cluster_consistency")


def tried(name: str, preset: Preset, folder: Path | None, out: Path) -> dict[str, Any]:
    """Minutes of a preset's run, and the measures of its pictures."""
    data = str(folder) if preset.data == "FOLDER" else preset.data
    size = ["--size", str(preset.size)]
    words = [sys.executable, "-m", "clusterart_jax"]
    start = time.perf_counter()
    # What an interrupted try left would make the next one look quick.
    asked = ["run", data, *size, "--preset", name, "--out", str(out), "--overwrite"]
    subprocess.run([*words, *asked], check=True)
    minutes = (time.perf_counter() - start) / 60
    subprocess.run([*words, "measure", out], check=True)
    measures = json.loads((out / "measures-classifier.json").read_text(encoding="utf-8"))
    return {"minutes": minutes, **{key: measures[key] for key in _KEPT}}


def main(arguments: Sequence[str] | None = None) -> int:
    """Tries presets and writes what came of them.

    Args:
      arguments: of the command line; None for those of this process.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.presets", description=__doc__)
    parser.add_argument("--folder", type=Path, help="pictures for presets without a data set")
    parser.add_argument("--runs", type=Path, required=True, help="folder for the runs")
    parser.add_argument("--only", nargs="*", choices=PRESETS, help="default: those for a CPU")
    parser.add_argument("--out", type=Path, required=True, help="JSON to write, or to go on with")
    options = parser.parse_args(arguments)
    names = options.only or [name for name, one in PRESETS.items() if one.machine == "cpu"]
    wanting = [name for name in names if PRESETS[name].data == "FOLDER"]
    if wanting and not options.folder:
        parser.error(f"{', '.join(wanting)} need --folder")
    kept = Kept(options.out, {**setting(["presets"]), "command": "python -m benchmarks.presets"})
    for name in names:
        if name in kept.rows:
            continue
        kept.add(name, tried(name, PRESETS[name], options.folder, options.runs / name))
        print(name, json.dumps(kept.rows[name]), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
