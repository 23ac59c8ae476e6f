"""`clusterart translate`, `edit` and `restore`: real pictures, made anew by a generator."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._finished import number, on_run, out_of, read_shares
from ._parser import Parser

if TYPE_CHECKING:
    import numpy as np

    from ..job import Worked


def add_translate(commands: Any) -> None:
    """`clusterart translate`."""
    parser = on_run(
        commands,
        "translate",
        _translate,
        "Make pictures again as they would be in another cluster.",
        "clusterart translate runs/digits digits --limit 8 --to 2 --out translated.png",
    )
    parser.add_argument(
        "--to", required=True, metavar="C", help="cluster, or mixture as 3:0.6,7:0.4"
    )
    add_pictures(parser)


def add_edit(commands: Any) -> None:
    """`clusterart edit`."""
    parser = on_run(
        commands,
        "edit",
        _edit,
        "Move pictures from what some examples have in common to what others have.",
        "clusterart edit runs/digits digits --limit 8 --toward 2 --away 1 --out e.png",
    )
    what = "cluster, or pictures that show it"
    parser.add_argument("--toward", required=True, metavar="C|DATA", help=what)
    parser.add_argument("--away", required=True, metavar="C|DATA", help=what)
    parser.add_argument(
        "--amount", type=float, default=1.0, help="how far; negative goes back (default: 1)"
    )
    add_pictures(parser)


def add_restore(commands: Any) -> None:
    """`clusterart restore`."""
    parser = on_run(
        commands,
        "restore",
        _restore,
        "Take noise out of pictures, fill holes (--mask), or double the size (--double).",
        "clusterart restore runs/digits digits --limit 8 --out restored.png",
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--mask", metavar="FILE", help="picture, white where pixels are missing")
    how.add_argument(
        "--double", action="store_true", help="pictures have half the generator's size"
    )
    parser.add_argument("--cluster", type=number, metavar="C", help="what they are (default: any)")
    add_pictures(parser)


def add_pictures(parser: Parser) -> None:
    parser.add_argument(
        "data", metavar="DATA", help="a picture, a folder, a named set, or an .npy/.npz file"
    )
    parser.add_argument("--limit", type=int, default=64, help="pictures at most (default: 64)")
    parser.add_argument(
        "--out",
        metavar="PNG|DIR",
        help="a sheet with each result below its picture, or a folder of results (default: in RUN)",
    )


def _translate(options: argparse.Namespace) -> int:
    from ..job import translate_pictures

    to = read_shares(options.to, "--to")
    done = translate_pictures(options.run, options.data, to, seed=options.seed, limit=options.limit)
    return _write(options, done, "translated")


def _edit(options: argparse.Namespace) -> int:
    from ..job import edit_pictures

    toward, away = (
        int(word) if word.lstrip("-").isdigit() else word for word in (options.toward, options.away)
    )
    done = edit_pictures(
        options.run,
        options.data,
        toward,
        away,
        options.amount,
        seed=options.seed,
        limit=options.limit,
    )
    return _write(options, done, "edited")


def _restore(options: argparse.Namespace) -> int:
    from ..job import restore_pictures

    done = restore_pictures(
        options.run,
        options.data,
        mask=options.mask,
        double=options.double,
        cluster=options.cluster,
        seed=options.seed,
        limit=options.limit,
    )
    return _write(options, done, "restored")


def _write(options: argparse.Namespace, done: "Worked", name: str) -> int:
    """Results one by one into a folder, or a sheet on which each lies below its picture."""
    from .._files import make_folder
    from ..data import write_png

    out = out_of(options, f"{name}.png", (".png", ""))
    if out.suffix:
        write_png(out, _pairs(done.before, done.after))
        print(out)
        return 0
    make_folder(out)
    digits = len(str(len(done.after) - 1))
    for i, picture in enumerate(done.after):
        write_png(out / f"{i:0{digits}}-{Path(done.names[i]).stem}.png", picture)
    print(out)
    return 0


def _pairs(before: "np.ndarray", after: "np.ndarray", columns: int = 16) -> "np.ndarray":
    """Rows of pictures, each above a row of what became of them."""
    import numpy as np

    from ..report import contact_sheet

    scale = after.shape[1] // before.shape[1]
    before = before.repeat(scale, axis=1).repeat(scale, axis=2)
    columns = min(columns, len(after))
    missing = -len(after) % columns
    rows = []
    for images in (before, after):
        blank = np.full((missing, *images.shape[1:]), 255, np.uint8)
        rows.append(np.concatenate([images, blank]).reshape(-1, columns, *images.shape[1:]))
    both = np.stack(rows, axis=1)
    return contact_sheet(both.reshape(-1, *after.shape[1:]), columns)
