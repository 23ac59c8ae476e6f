"""The job on disk: stages that are kept, resumed and shown; from files to files.

- `run`: pictures → a folder with clusters, a generator, new pictures and a report.
- `cluster_pictures`: the same up to the clusters, with a contact sheet of each.
- `Run`: what both return.
- `generate_pictures`: a finished run → more pictures.
- `load_trained`: a finished run → its generator.
- `describe`: a run → what it is and how good.
"""

from ._cluster import cluster_pictures
from ._more import describe, generate_pictures, load_trained
from ._run import run
from ._shell import Run

__all__ = ["Run", "cluster_pictures", "describe", "generate_pictures", "load_trained", "run"]
