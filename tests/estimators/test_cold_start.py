"""What a fresh process needs for a first fit, and what the next one does."""

import os
import resource
import subprocess
import sys

import numpy as np

from clusterart_jax import _kept

IMPORTS = "from sklearn.datasets import load_digits; import jax; import sklearn.cluster;"
FIT = """import clusterart_jax as ca
model = ca.KMeans(10, random_state=0).fit(load_digits().data)
"""
COUNT = """import jax
found = []
jax.monitoring.register_event_listener(lambda event, **_: found.append(event))
"""
SAY = "print(model.inertia_, sum('cache_hits' in e for e in found), jax.config.values == before)"


def run(code: str, folder: str) -> str:
    env = os.environ | {_kept.FOLDER: folder}
    for name in ("XLA_FLAGS", "JAX_COMPILATION_CACHE_DIR"):
        env.pop(name, None)  # a user's process, without the short cuts of tests
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, env=env, capture_output=True, text=True
    )
    assert done.stderr == ""
    return done.stdout


def processor_seconds(code: str, folder: str = "") -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run(code, folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_a_first_fit_costs_little_more_than_the_imports(tmp_path):
    """4 s where imports take 1.7 s, in processor time, which machines and neighbours change."""
    least = np.full(3, np.inf)
    for number in range(3):  # at most: neighbours only ever make a process slower
        folder = str(tmp_path / str(number))
        turn = [
            processor_seconds(IMPORTS),
            processor_seconds(IMPORTS + FIT, folder),
            processor_seconds(IMPORTS + FIT, folder),
        ]
        least = np.minimum(least, turn)
        imports, first, again = least
        # On a Xeon 2.1 and 1.6 times; on an EPYC, where compiling costs more beside imports, 2.2
        # to 2.5 and 1.7 with a neighbour at work.
        quick = first < 2.9 * imports, again < 2.3 * imports, again < first
        if all(quick):
            return
    raise AssertionError(f"{imports:.1f}, {first:.1f} and {again:.1f} s: {quick}")


def test_the_next_process_finds_the_programs_of_the_one_before(tmp_path):
    code = COUNT + "before = dict(jax.config.values);" + IMPORTS + FIT + SAY
    first = run(code, str(tmp_path / "programs"))
    again = run(code, str(tmp_path / "programs"))
    assert first.split()[1:] == ["0", "True"]
    assert again.split()[1:] == ["1", "True"]
    assert first.split()[0] == again.split()[0]
    (folder,) = (tmp_path / "programs").iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
