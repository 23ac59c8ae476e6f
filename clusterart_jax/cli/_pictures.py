"""What one can do with a finished run: words → calls."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._errors import ConfigError
from ._parser import Parser, command

if TYPE_CHECKING:
    import numpy as np

    from ..job import Worked

_MOVING = (".gif", ".apng")


def add_generate(commands: Any) -> None:
    """`clusterart generate`."""
    parser = _on_run(
        commands,
        "generate",
        _generate,
        "Make new pictures with the generator of a finished run.",
        "clusterart generate runs/digits --cluster 3 -n 64 --seed 1 --out sheet.png",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--cluster", type=_number, metavar="C", help="pictures of this cluster only, or of noise"
    )
    which.add_argument("--mix", metavar="SHARES", help="between clusters, as 3:0.6,7:0.4")
    parser.add_argument("-n", type=int, default=64, help="how many (default: 64)")
    _add_temperature(parser)
    parser.add_argument("--columns", type=int, help="pictures a row (default: about square)")
    parser.add_argument("--out", metavar="PNG", help="sheet to write (default: in RUN)")


def add_interpolate(commands: Any) -> None:
    """`clusterart interpolate`."""
    parser = _on_run(
        commands,
        "interpolate",
        _interpolate,
        "Walk from cluster to cluster, or within one, picture by picture.",
        "clusterart interpolate runs/digits --through 3 2 1 --out walk.gif",
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
    _add_temperature(parser)
    parser.add_argument(
        "--out", metavar="FILE", help="a sheet (.png), or a film (.gif, .apng) (default: in RUN)"
    )


def add_translate(commands: Any) -> None:
    """`clusterart translate`."""
    parser = _on_run(
        commands,
        "translate",
        _translate,
        "Make pictures again as they would be in another cluster.",
        "clusterart translate runs/digits digits --limit 8 --to 2 --out translated.png",
    )
    parser.add_argument(
        "--to", required=True, metavar="C", help="cluster, or mixture as 3:0.6,7:0.4"
    )
    _add_pictures(parser)


def add_edit(commands: Any) -> None:
    """`clusterart edit`."""
    parser = _on_run(
        commands,
        "edit",
        _edit,
        "Move pictures from what some examples have in common to what others have.",
        "clusterart edit runs/digits digits --limit 8 --toward 2 --away 3 --out e.png",
    )
    what = "cluster, or pictures that show it"
    parser.add_argument("--toward", required=True, metavar="C|DATA", help=what)
    parser.add_argument("--away", required=True, metavar="C|DATA", help=what)
    parser.add_argument(
        "--amount", type=float, default=1.0, help="how far; negative goes back (default: 1)"
    )
    _add_pictures(parser)


def add_restore(commands: Any) -> None:
    """`clusterart restore`."""
    parser = _on_run(
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
    parser.add_argument("--cluster", type=_number, metavar="C", help="what they are (default: any)")
    _add_pictures(parser)


def add_measure(commands: Any) -> None:
    """`clusterart measure`."""
    parser = _on_run(
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


def _on_run(
    commands: Any, name: str, call: Callable[[argparse.Namespace], int], text: str, example: str
) -> Parser:
    parser = command(commands, name, call, text, example)
    parser.add_argument("run", metavar="RUN", help="folder of a finished run")
    parser.add_argument("--seed", type=int, default=0, help="of the randomness (default: 0)")
    return parser


def _add_temperature(parser: Parser) -> None:
    parser.add_argument(
        "--temperature", type=float, help="1 as varied as the real ones, less more typical"
    )


def _add_pictures(parser: Parser) -> None:
    parser.add_argument(
        "data", metavar="DATA", help="a picture, a folder, a named set, or an .npy/.npz file"
    )
    parser.add_argument("--limit", type=int, default=64, help="pictures at most (default: 64)")
    parser.add_argument(
        "--out",
        metavar="PNG|DIR",
        help="a sheet with each result below its picture, or a folder of results (default: in RUN)",
    )


def _generate(options: argparse.Namespace) -> int:
    from .. import generate_pictures
    from ..condition import NOISE
    from ..data import write_png
    from ..report import contact_sheet

    shares = None
    name = f"generated-seed{options.seed}"
    if options.cluster is not None:
        which = "noise" if options.cluster == NOISE else f"cluster{options.cluster}"
        shares, name = {options.cluster: 1.0}, f"{which}-seed{options.seed}"
    elif options.mix is not None:
        shares = _read_shares(options.mix, "--mix")
        name = f"mix-{options.mix.replace(':', '-').replace(',', '_')}-seed{options.seed}"
    if options.columns is not None and options.columns < 1:
        raise ConfigError(f"--columns must be at least 1, not {options.columns}")
    out = _out(options, f"{name}.png", (".png",))
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

    places = [_read_shares(word, "--through") for word in options.through]
    out = _out(options, f"walk-seed{options.seed}.png", (".png", *_MOVING))
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


def _translate(options: argparse.Namespace) -> int:
    from ..job import translate_pictures

    to = _read_shares(options.to, "--to")
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


def _write(options: argparse.Namespace, done: "Worked", name: str) -> int:
    """Results one by one into a folder, or a sheet on which each lies below its picture."""
    from .._files import make_folder
    from ..data import write_png

    out = _out(options, f"{name}.png", (".png", ""))
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


def _out(options: argparse.Namespace, name: str, suffixes: tuple[str, ...]) -> Path:
    """Where to write, checked before any work is done."""
    out = Path(options.out) if options.out else Path(options.run) / name
    if out.suffix.lower() not in suffixes:
        allowed = " or ".join(suffix for suffix in suffixes if suffix)
        more = ", or name a folder" if "" in suffixes else ""
        raise ConfigError(f"--out must end in {allowed}{more}, not {options.out!r}")
    return out


def _number(word: str) -> int:
    """Number of a cluster, or the word noise."""
    from ..condition import NOISE

    return NOISE if word == "noise" else int(word)


_number.__name__ = "number or noise"  # as argparse calls it in an error


def _read_shares(text: str, option: str) -> dict[int, float]:
    """`3:0.6,7:0.4` → {3: 0.6, 7: 0.4}."""
    shares: dict[int, float] = {}
    for part in text.split(","):
        cluster, _, share = part.partition(":")
        try:
            number = _number(cluster)
            shares[number] = shares.get(number, 0.0) + float(share or 1)
        except ValueError:
            raise ConfigError(f"{option} must be like 3:0.6,7:0.4, not {text!r}") from None
    return shares
