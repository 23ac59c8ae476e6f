"""The job on disk: stages that are kept, resumed and shown; from files to files.

- `run`: pictures → a folder with clusters, a generator, new pictures and a report.
- `cluster_pictures`: the same up to the clusters, with a contact sheet of each.
- `Run`: what both return; `Progress`: what `run` tells while it trains.
- `make_art`: photographs → palettes, segments, prints, paintings and a page of them.
- `generate_pictures`: a finished run → more pictures.
- `interpolate_pictures`: walks from cluster to cluster.
- `translate_pictures`, `edit_pictures`, `restore_pictures`: real pictures in another cluster,
  moved along a direction, made whole; `Worked` is what they return.
- `measure_pictures`: how near generated pictures are to real ones.
- `nearest_pictures`: the training pictures nearest to generated ones; `Nearest` is what it returns.
- `load_trained`: a finished run → its generator.
- `discover_styles`: a folder of pictures → the styles in it, as `Discovered` tells;
  `read_styles`: what it has written, a `StyleFolder`.
- `Brush`: how photographs are painted in a style; `Wanted`: a style to paint in, from
  `of_painting`, `of_shares` (`grid_shares` lie between four) or `invented`; `painted`: a photograph
  in each of several; `photographs`: those of a folder.
- `describe`: a run → what it is and how good.
"""

from ._art import make_art
from ._cluster import cluster_pictures
from ._measure import measure_pictures
from ._more import describe, generate_pictures, load_trained
from ._nearest import Nearest, nearest_pictures
from ._run import run
from ._shell import Run
from ._style_files import StyleFolder, read_styles
from ._styled import (
    Brush,
    Wanted,
    grid_shares,
    invented,
    of_painting,
    of_shares,
    painted,
    photographs,
)
from ._styles import Discovered, discover_styles
from ._tools import (
    Worked,
    edit_pictures,
    interpolate_pictures,
    restore_pictures,
    translate_pictures,
)
from ._training import Progress

__all__ = [
    "Brush",
    "Discovered",
    "Nearest",
    "Progress",
    "Run",
    "StyleFolder",
    "Wanted",
    "Worked",
    "cluster_pictures",
    "describe",
    "discover_styles",
    "edit_pictures",
    "generate_pictures",
    "grid_shares",
    "interpolate_pictures",
    "invented",
    "load_trained",
    "make_art",
    "measure_pictures",
    "nearest_pictures",
    "of_painting",
    "of_shares",
    "painted",
    "photographs",
    "read_styles",
    "restore_pictures",
    "run",
    "translate_pictures",
]
