"""The job on disk: stages that are kept, resumed and shown; from files to files.

- `run`: pictures → a folder with clusters, a generator, new pictures and a report.
- `Run`: what it returns.
- `generate_pictures`: a finished run → more pictures.
- `load_trained`: a finished run → its generator.
- `describe`: a run → what it is and how good.
"""

from ._more import describe, generate_pictures, load_trained
from ._run import Run, run

__all__ = ["Run", "describe", "generate_pictures", "load_trained", "run"]
