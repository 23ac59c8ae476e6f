"""`clusterart generate` and `clusterart interpolate`: new pictures from a run's generator."""

import argparse
from typing import Any

from .._errors import ConfigError
from ._finished import add_temperature, add_which, on_run, out_of, read_shares, read_which

_MOVING = (".gif", ".apng")


def add_generate(commands: Any) -> None:
    """`clusterart generate`."""
    parser = on_run(
        commands,
        "generate",
        _generate,
        "Make new pictures with the generator of a finished run.",
        "clusterart generate runs/digits --cluster 2 -n 64 --seed 1 --out sheet.png",
    )
    add_which(parser)
    parser.add_argument("-n", type=int, default=64, help="how many (default: 64)")
    add_temperature(parser)
    parser.add_argument("--columns", type=int, help="pictures a row (default: about square)")
    parser.add_argument("--out", metavar="PNG", help="sheet to write (default: in RUN)")


def add_interpolate(commands: Any) -> None:
    """`clusterart interpolate`."""
    parser = on_run(
        commands,
        "interpolate",
        _interpolate,
        "Walk from cluster to cluster, or within one, picture by picture.",
        "clusterart interpolate runs/digits --through 2 1 0 --out walk.gif",
    )
    parser.add_argument(
        "--through",
        nargs="+",
        required=True,
        metavar="C",
        help="clusters on the way, or mixtures as 3:0.6,7:0.4; one twice walks within it",
    )
    parser.add_argument("--steps", type=int, default=8, help="from one to the next (default: 8)")
    parser.add_argument("--rows", type=int, default=4, help="how many walks (default: 4)")
    add_temperature(parser)
    parser.add_argument(
        "--out", metavar="FILE", help="a sheet (.png), or a film (.gif, .apng) (default: in RUN)"
    )


def _generate(options: argparse.Namespace) -> int:
    from .. import generate_pictures
    from ..condition import NOISE
    from ..data import write_png
    from ..report import contact_sheet

    shares = read_which(options)
    name = f"generated-seed{options.seed}"
    if options.cluster is not None:
        which = "noise" if options.cluster == NOISE else f"cluster{options.cluster}"
        name = f"{which}-seed{options.seed}"
    elif options.mix is not None:
        name = f"mix-{options.mix.replace(':', '-').replace(',', '_')}-seed{options.seed}"
    if options.columns is not None and options.columns < 1:
        raise ConfigError(f"--columns must be at least 1, not {options.columns}")
    out = out_of(options, f"{name}.png", (".png",))
    pictures = generate_pictures(
        options.run, shares, options.n, seed=options.seed, temperature=options.temperature
    )
    columns = options.columns or max(1, round(len(pictures) ** 0.5))
    write_png(out, contact_sheet(pictures, columns))
    print(out)
    return 0


def _interpolate(options: argparse.Namespace) -> int:
    from ..data import write_animation, write_png
    from ..job import interpolate_pictures
    from ..report import contact_sheet

    places = [read_shares(word, "--through") for word in options.through]
    out = out_of(options, f"walk-seed{options.seed}.png", (".png", *_MOVING))
    walks = interpolate_pictures(
        options.run,
        places,
        options.steps,
        rows=options.rows,
        seed=options.seed,
        temperature=options.temperature,
    )
    if out.suffix.lower() in _MOVING:
        side = max(1, round(len(walks) ** 0.5))
        frames = [contact_sheet(walks[:, i], side) for i in range(walks.shape[1])]
        write_animation(out, [*frames, *frames[-2:0:-1]], 0.1)
    else:
        write_png(out, contact_sheet(walks.reshape(-1, *walks.shape[2:]), walks.shape[1]))
    print(out)
    return 0
