"""`clusterart styles`: discover the styles of a folder, apply them, invent new ones."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._errors import ConfigError, DataError
from ._artwork import in_folder
from ._finished import read_shares
from ._parser import Parser, command

if TYPE_CHECKING:
    import numpy as np

    from ..job import Brush, Wanted

_PICTURES = (".png", ".jpg", ".jpeg", ".webp")


def add_styles(commands: Any) -> None:
    """`clusterart styles discover`, `apply` and `invent`."""
    text = "Discover the styles in a folder, paint photographs in them, invent new ones."
    parser = commands.add_parser("styles", help=text, description=text, allow_abbrev=False)
    parser.set_defaults(parser=parser)
    inner = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    _add_discover(inner)
    _add_apply(inner)
    _add_invent(inner)


def _add_discover(commands: Any) -> None:
    parser = command(
        commands,
        "discover",
        _discover,
        "Cluster pictures by style: a sheet of each, names to edit, a file of them.",
        "clusterart styles discover paintings/ -k auto --out styles/",
    )
    parser.set_defaults(names={})
    add = parser.add_argument
    add("folder", metavar="FOLDER", help="folder of pictures")
    add("-k", "--k", default="auto", metavar="N|auto", help="number of styles (default: auto)")
    add(
        "--features",
        choices=("style", "texture", "color", "effnet", "maps"),
        help="what tells styles apart (default: style where [pretrained] is installed, or texture)",
    )
    add("--out", metavar="DIR", help="folder to write (default: FOLDER's name with -styles)")
    add("--seed", type=int, default=0, help="of the randomness (default: 0)")
    add("--limit", type=int, metavar="N", help="use at most N pictures, evenly spaced")


def _add_apply(commands: Any) -> None:
    parser = command(
        commands,
        "apply",
        _apply,
        "Paint a photograph, or a folder of them, in a style.",
        "clusterart styles apply photo.jpg --styles styles/ --mix 3:0.6,7:0.4",
    )
    parser.usage = (  # argparse would set the ways to say a style on one line, however long
        "%(prog)s PHOTO [--styles DIR] [options]\n"
        "       (--style S | --mix SHARES | --from PICTURE | --sheet | --grid A,B,C,D)"
    )
    _add_photo(parser)
    parser.add_argument("--styles", metavar="DIR", help="folder that `discover` has written")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--style", type=int, metavar="S", help="number of a style")
    which.add_argument("--mix", metavar="SHARES", help="between styles, as 3:0.6,7:0.4")
    which.add_argument("--from", dest="painting", metavar="PICTURE", help="the style of a picture")
    which.add_argument("--sheet", action="store_true", help="a sheet: in all styles")
    which.add_argument("--grid", metavar="A,B,C,D", help="a sheet: a grid between four styles")
    parser.add_argument(
        "--steps", type=int, default=5, metavar="N", help="pictures a side of a grid (default: 5)"
    )


def _add_invent(commands: Any) -> None:
    parser = command(
        commands,
        "invent",
        _invent,
        "Paint a photograph in new styles, between and beyond those found.",
        "clusterart styles invent styles/ photo.jpg --n 8 --out new.png",
    )
    parser.add_argument("styles", metavar="DIR", help="folder that `discover` has written")
    _add_photo(parser)
    parser.add_argument("--n", type=int, default=8, metavar="N", help="how many (default: 8)")
    parser.add_argument(
        "--temperature",
        type=float,
        default=1.5,
        help="1 as varied as the pictures were, more reaches beyond (default: 1.5)",
    )


def _add_photo(parser: Parser) -> None:
    parser.set_defaults(names={})
    add = parser.add_argument
    add("photo", metavar="PHOTO", help="a picture file, or a folder of them")
    add(
        "--method",
        choices=("network", "transfer"),
        help="the pretrained network, or transfer of colours and patches of examples (default: the "
        "network where it is installed)",
    )
    add("--strength", type=float, default=0.8, help="0 leaves the photograph (default: 0.8)")
    add("--keep-colors", action="store_true", help="keep the colours of the photograph")
    add(
        "--size",
        type=int,
        default=1024,
        metavar="PIXELS",
        help="longer side of the photograph at most (default: 1024)",
    )
    add(
        "--only-segment",
        metavar="N[,N…]",
        help="paint these parts only, as `clusterart segment` numbers them",
    )
    add("--segments", type=int, default=8, metavar="N", help="how many parts (default: 8)")
    add("--seed", type=int, default=0, help="of the randomness (default: 0)")
    add("--out", metavar="FILE|DIR", help="a picture, or a folder where PHOTO is one")


def _discover(options: argparse.Namespace) -> int:
    from ..job import discover_styles

    k = options.k
    if k != "auto":
        try:
            k = int(k)
        except ValueError:
            raise ConfigError(f"-k must be a whole number or auto, not {k!r}") from None
    out = options.out or f"{Path(options.folder).resolve().name}-styles"
    found = discover_styles(
        options.folder,
        out,
        k,
        kind=options.features,
        seed=options.seed,
        limit=options.limit,
        quiet=options.quiet,
    )
    if not options.quiet:
        for number, (name, size) in enumerate(zip(found.names, found.sizes, strict=True)):
            print(f"{number:>3}  {size:>6} picture(s)  {name}")
        for note in found.notes:
            print(f"note: {note}")
    print(found.page)
    return 0


def _brush(options: argparse.Namespace) -> "Brush":
    from ..job import Brush

    try:
        only = tuple(int(word) for word in (options.only_segment or "").split(",") if word)
    except ValueError:
        raise ConfigError(
            f"--only-segment must be numbers as 4 or 1,4, not {options.only_segment!r}"
        ) from None
    brush = Brush(
        options.method,
        options.strength,
        options.keep_colors,
        options.size,
        options.seed,
        only,
        options.segments,
    ).checked()
    if brush.method != options.method and brush.method == "transfer" and not options.quiet:
        print(
            "note: colours and textures are transferred; a network paints after"
            " pip install 'clusterart-jax[pretrained]'"
        )
    return brush


def _apply(options: argparse.Namespace) -> int:
    from ..job import grid_shares, of_painting, of_shares, read_styles

    brush = _brush(options)
    if options.painting is None and options.styles is None:
        raise ConfigError("--styles DIR says where the styles are (or take --from PICTURE)")
    sheet = options.sheet or options.grid is not None
    _check_out(options, sheet)
    if options.painting is not None:
        return _files(options, of_painting(options.painting, brush), brush)
    kept = read_styles(options.styles)
    if not sheet:
        shares = {options.style: 1.0} if options.mix is None else read_shares(options.mix, "--mix")
        return _files(options, of_shares(kept, [shares], brush)[0], brush)
    if options.sheet:
        wanted = of_shares(kept, [{i: 1.0} for i in range(len(kept.names))], brush)
        return _sheet(options, wanted, brush)
    try:
        corners = [int(word) for word in options.grid.split(",")]
    except ValueError:
        raise ConfigError(f"--grid must be like 1,2,3,4, not {options.grid!r}") from None
    wanted = of_shares(kept, grid_shares(corners, options.steps), brush)
    corner = {0, options.steps - 1, len(wanted) - options.steps, len(wanted) - 1}
    named = [style._replace(name=style.name if i in corner else "") for i, style in
             enumerate(wanted)]  # fmt: skip
    return _sheet(options, named, brush, options.steps)


def _invent(options: argparse.Namespace) -> int:
    from ..job import invented

    brush = _brush(options)
    _check_out(options, sheet=True)
    wanted = invented(options.styles, options.n, brush, temperature=options.temperature)
    return _sheet(options, wanted, brush)


def _check_out(options: argparse.Namespace, sheet: bool) -> None:
    folder = Path(options.photo).is_dir()
    if folder and sheet:
        raise ConfigError(f"a sheet shows one photograph, but {options.photo} is a folder")
    if options.out is None or folder:
        return
    if Path(options.out).suffix.lower() not in _PICTURES:
        raise ConfigError(f"--out must end in {' or '.join(_PICTURES)}, not {options.out!r}")
    in_folder(Path(options.out))


def _files(options: argparse.Namespace, style: "Wanted", brush: "Brush") -> int:
    """Each photograph in one style: to one file, or a folder of files named alike."""
    from .._files import make_folder
    from .._progress import tracked
    from ..data import write_picture
    from ..job import photographs

    folder, names = photographs(options.photo)
    if not Path(options.photo).is_dir():
        out = Path(options.out or f"{Path(options.photo).stem}-styled.png")
        write_picture(out, brush.paint(brush.read(Path(options.photo)), style))
        print(out)
        return 0
    out = Path(options.out or f"{folder.resolve().name}-styled")
    make_folder(out)
    skipped = 0
    for name in tracked(names, len(names), "painting", "picture", quiet=options.quiet):
        try:
            photo = brush.read(folder / name)
        except DataError as error:
            skipped += 1
            print(f"note: {error}")
            continue
        target = out / Path(name).with_suffix(".png")
        make_folder(target.parent)
        write_picture(target, brush.paint(photo, style))
    if skipped == len(names):
        raise DataError(f"no picture in {folder} can be read")
    print(out)
    return 0


def _sheet(
    options: argparse.Namespace,
    wanted: "list[Wanted]",
    brush: "Brush",
    columns: int | None = None,
) -> int:
    """One photograph in many styles, with their names; it comes first, but in a grid."""
    from .._progress import tracked
    from ..data import write_picture
    from ..job import painted
    from ..report import captioned_sheet

    photo = brush.read(Path(options.photo))
    made = tracked(
        painted(photo, wanted, brush), len(wanted), "painting", "style", quiet=options.quiet
    )
    first = columns is None
    count = len(wanted) + first
    columns = columns or min((4, 5, 3), key=lambda c: -count % min(c, count))
    images = [_on_white(photo)] if first else []
    images += [_on_white(image) for image in made]
    names = ["the photograph"] if first else []
    names += [style.name for style in wanted]
    out = Path(options.out or f"{Path(options.photo).stem}-styles.png")
    write_picture(out, captioned_sheet(images, names, columns))
    print(out)
    return 0


def _on_white(image: "np.ndarray") -> "np.ndarray":
    """Three channels without alpha."""
    import numpy as np

    if image.shape[2] == 4:
        alpha = image[..., 3:] / np.float32(255)
        return np.round(image[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
    return np.broadcast_to(image, (*image.shape[:2], 3))
