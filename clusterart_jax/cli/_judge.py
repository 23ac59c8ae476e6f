"""`clusterart measure` and `clusterart nearest`: how good a generator is, and whether it copies."""

import argparse
from typing import Any

from ._finished import add_which, on_run, out_of, read_which


def add_measure(commands: Any) -> None:
    """`clusterart measure`."""
    parser = on_run(
        commands,
        "measure",
        _measure,
        "Say how near the pictures of a run's generator are to real ones.",
        "clusterart measure runs/digits",
    )
    parser.add_argument(
        "--network",
        default="classifier",
        metavar="NAME",
        help="whose features are compared: classifier, trained on the run's own pictures "
        "(default), efficientnet-lite0, inception-v3, inception-v3-pytorch-fid, "
        "inception-v3-clean",
    )
    parser.add_argument("--weights", metavar="FILE", help="of the network, where it needs some")
    parser.add_argument("--data", metavar="DATA", help="the run's pictures, if they moved")
    parser.add_argument("-n", type=int, default=10_000, help="at most (default: 10000)")
    parser.add_argument("--out", metavar="FILE", help="copy of the JSON file (default: in RUN)")


def add_nearest(commands: Any) -> None:
    """`clusterart nearest`."""
    parser = on_run(
        commands,
        "nearest",
        _nearest,
        "Show the training pictures nearest to generated ones, or to yours: does it copy?",
        "clusterart nearest runs/digits --cluster 2 --out nearest.png",
    )
    parser.add_argument(
        "pictures", nargs="?", metavar="DATA", help="your pictures (default: new ones are drawn)"
    )
    add_which(parser)
    parser.add_argument("-n", type=int, default=8, help="pictures at most (default: 8)")
    parser.add_argument(
        "--neighbors", type=int, default=8, help="training pictures beside each (default: 8)"
    )
    parser.add_argument("--data", metavar="DATA", help="the run's pictures, if they moved")
    parser.add_argument(
        "--out", metavar="PNG", help="a sheet: a picture, then the nearest (default: in RUN)"
    )


def _measure(options: argparse.Namespace) -> int:
    from .._files import write_text
    from ..job import measure_pictures

    scores, consistency, file = measure_pictures(
        options.run,
        options.network,
        data=options.data,
        weights=options.weights,
        n=options.n,
        seed=options.seed,
        quiet=options.quiet,
    )
    if not options.quiet:
        distance = f"{float(scores.frechet):.4g} (real pictures: {float(scores.frechet_floor):.4g})"
        kernel = f"{float(scores.kernel):.3g} ± {float(scores.kernel_error):.1g}"
        lines = {
            "network": scores.network,
            "pictures": f"{scores.n_generated:,} generated, {scores.n_real:,} real",
            "Fréchet distance": distance,
            "kernel distance": f"{kernel} (real pictures: {float(scores.kernel_floor):.2g})",
            "Inception Score": f"{float(scores.inception_score):.3g} (real pictures: "
            f"{float(scores.real_inception_score):.3g})",
            "precision, recall": f"{float(scores.precision):.3g}, {float(scores.recall):.3g}",
            "density, coverage": f"{float(scores.density):.3g}, {float(scores.coverage):.3g}",
            "cluster consistency": f"{consistency:.3g}",
        }
        for name, text in lines.items():
            print(f"{name:<20} {text}")
    if options.out:
        write_text(options.out, file.read_text(encoding="utf-8"))
    print(options.out or file)
    return 0


def _nearest(options: argparse.Namespace) -> int:
    import numpy as np

    from ..data import write_png
    from ..job import nearest_pictures
    from ..report import contact_sheet

    out = out_of(options, f"nearest-seed{options.seed}.png", (".png",))
    found = nearest_pictures(
        options.run,
        options.pictures,
        n=options.n,
        k=options.neighbors,
        shares=read_which(options),
        data=options.data,
        seed=options.seed,
    )
    rows = np.concatenate([found.pictures[:, None], found.nearest], axis=1)
    write_png(out, contact_sheet(rows.reshape(-1, *rows.shape[2:]), rows.shape[1]))
    if not options.quiet:
        for number, (names, far) in enumerate(zip(found.names, found.distances, strict=True)):
            print(f"{number:>3}  nearest {names[0]}, {far[0]:.3f} away (pixel values of 0…1)")
    print(out)
    return 0
