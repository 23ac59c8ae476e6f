"""`clusterart render`: a picture as dots, areas, triangles, tiles, stitches or beads."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._errors import ConfigError
from ._artwork import key_of, on_picture, out_beside, picture_of
from ._parser import Parser

if TYPE_CHECKING:
    import numpy as np

    from ..art import Drawing

_VECTOR = (".svg", ".pdf", ".png")
_RASTER = (".png", ".jpg", ".jpeg", ".webp")
_PAPERS = {
    "a5": (148.0, 210.0),
    "a4": (210.0, 297.0),
    "a3": (297.0, 420.0),
    "a2": (420.0, 594.0),
    "letter": (215.9, 279.4),
}


def add_render(commands: Any) -> None:
    """`clusterart render` and its kinds."""
    text = "Draw a picture as dots, areas to paint, triangles, tiles, stitches or beads."
    parser = commands.add_parser(
        "render",
        help=text,
        description=text,
        epilog="Example:\n  clusterart render stipple flower --out flower.svg",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(parser=parser)
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    for add in (_add_stipple, _add_numbers, _add_lowpoly, _add_mosaic, _add_posterize):
        add(kinds)
    for kind, what in (("stitch", "a cross-stitch chart"), ("beads", "a chart of fuse beads")):
        _add_chart(kinds, kind, what)


def _on(
    kinds: Any, kind: str, call: Any, text: str, example: str, suffixes: Sequence[str]
) -> Parser:
    parser = on_picture(kinds, kind, call, text, f"clusterart render {kind} flower {example}")
    formats = ", ".join(suffixes)
    parser.add_argument(
        "--out", metavar="FILE", help=f"ends in {formats} (default: in this folder)"
    )
    if ".svg" in suffixes:
        parser.add_argument(
            "--pixels", type=int, default=2000, help="longer side of a PNG (default: 2000)"
        )
    return parser


def _add_stipple(kinds: Any) -> None:
    text = "Dots of ink, closer together where the picture is dark."
    parser = _on(kinds, "stipple", _stipple, text, "--points 15000 --out dots.svg", _VECTOR)
    parser.set_defaults(names={"n_points": "--points"})
    add = parser.add_argument
    add("--points", type=int, default=10_000, help="how many dots (default: 10,000)")
    add("--gamma", type=float, default=1.0, help="above 1: light parts are emptier (default: 1)")
    ink = parser.add_mutually_exclusive_group()
    ink.add_argument("--ink", default="#000000", metavar="#RRGGBB", help="colour of the dots")
    ink.add_argument("--colors", action="store_true", help="each dot in the colour of its place")
    add("--paper", default="#ffffff", metavar="#RRGGBB", help="colour of the ground, or none")


def _add_numbers(kinds: Any) -> None:
    text = "Painting by numbers; a PDF has the sheet, and on a second page how it will look."
    parser = _on(kinds, "numbers", _numbers, text, "--colors 20 --out numbers.pdf", _VECTOR)
    parser.set_defaults(names={"n_colors": "--colors", "smallest_mm": "--smallest"})
    add = parser.add_argument
    add("--colors", type=int, default=24, metavar="N", help="at most so many, 2…64 (default: 24)")
    add(
        "--smallest",
        type=float,
        default=4.0,
        metavar="MM",
        help="side of a square as large as the smallest area, in millimetres (default: 4)",
    )
    add("--paper", choices=_PAPERS, default="a4", help="the sheet (default: a4)")
    add("--smoothness", type=float, default=8.0, help="of the outlines (default: 8)")
    add("--painted", action="store_true", help="draw it as it will look when painted")


def _add_lowpoly(kinds: Any) -> None:
    text = "Triangles, small where the picture has edges."
    parser = _on(kinds, "lowpoly", _lowpoly, text, "--points 1500 --out lowpoly.svg", _VECTOR)
    parser.set_defaults(names={"n_points": "--points"})
    add = parser.add_argument
    add("--points", type=int, default=2000, help="corners inside (default: 2000)")
    add("--evenness", type=float, default=0.12, help="more makes sizes alike (default: 0.12)")


def _add_mosaic(kinds: Any) -> None:
    text = "A picture made of the pictures in a folder."
    example = "--tiles digits --tint 0.8 --out mosaic.png"
    parser = _on(kinds, "mosaic", _mosaic, text, example, _RASTER)
    parser.set_defaults(names={"size": "--tile"})
    add = parser.add_argument
    add("--tiles", required=True, metavar="DATA", help="a folder of pictures, or a named set")
    add("--columns", type=int, default=64, help="tiles side by side (default: 64)")
    add("--tile", type=int, default=32, metavar="PIXELS", help="side of a tile (default: 32)")
    add("--tint", type=float, default=0.3, help="0…1, how far tiles are recoloured (default: 0.3)")
    add("--apart", type=int, default=5, help="a tile is used again so far away (default: 5)")
    add("--limit", type=int, help="read at most so many tiles")


def _add_posterize(kinds: Any) -> None:
    text = "Few flat colours with smooth outlines."
    parser = _on(kinds, "posterize", _posterize, text, "--colors 8 --out poster.svg", _VECTOR)
    parser.set_defaults(names={"n_colors": "--colors"})
    add = parser.add_argument
    add("--colors", type=int, default=12, metavar="N", help="at most so many, 2…64 (default: 12)")
    help_ = "side of a square as large as the smallest area (default: a hundredth of the picture)"
    add("--smallest", type=float, metavar="PIXELS", help=help_)
    add("--smoothness", type=float, default=8.0, help="of the outlines (default: 8)")


def _add_chart(kinds: Any, kind: str, what: str) -> None:
    text = f"Draw {what} with counts; a PDF has pages to work from, others one sheet."
    parser = _on(kinds, kind, _chart, text, f"--columns 60 --out {kind}.pdf", _VECTOR)
    parser.set_defaults(names={"n_colors": "--colors"})
    add = parser.add_argument
    add("--columns", type=int, default=80, help="squares side by side (default: 80)")
    add("--colors", type=int, default=16, metavar="N", help="at most so many, 1…64 (default: 16)")
    add("--paper", choices=_PAPERS, default="a4", help="pages of a PDF (default: a4)")
    add("--plain", action="store_true", help="without symbols")


def _stipple(options: argparse.Namespace) -> int:
    from ..art import draw_stipple, stipple

    ink = None if options.colors else _color(options.ink, "--ink")
    paper = None if options.paper == "none" else _color(options.paper, "--paper")
    out, key, picture = _begin(options)
    found = stipple(key, picture, options.points, gamma=options.gamma)
    return _write(options, out, [draw_stipple(found, ink=ink, paper=paper)])


def _numbers(options: argparse.Namespace) -> int:
    from ..art import draw_numbers, paint_by_numbers

    out, key, picture = _begin(options)
    sheet = paint_by_numbers(
        key,
        picture,
        options.colors,
        smallest_mm=options.smallest,
        paper_mm=_PAPERS[options.paper],
        smoothness=options.smoothness,
    )
    pages = [draw_numbers(sheet, painted=options.painted)]
    if out.suffix.lower() == ".pdf" and not options.painted:
        pages.append(draw_numbers(sheet, painted=True))
    return _write(options, out, pages)


def _lowpoly(options: argparse.Namespace) -> int:
    from ..art import draw_lowpoly, lowpoly

    out, key, picture = _begin(options)
    found = lowpoly(key, picture, options.points, evenness=options.evenness)
    return _write(options, out, [draw_lowpoly(found)])


def _mosaic(options: argparse.Namespace) -> int:
    from ..art import draw_mosaic, mosaic
    from ..data import load, write_picture

    out, key, picture = _begin(options, _RASTER)
    tiles = load(options.tiles, size=options.tile, limit=options.limit, quiet=options.quiet).images
    found = mosaic(key, picture, tiles, options.columns, apart=options.apart)
    write_picture(out, draw_mosaic(found, tiles, tint=options.tint))
    print(out)
    return 0


def _posterize(options: argparse.Namespace) -> int:
    from ..art import draw_poster, posterize

    out, key, picture = _begin(options)
    found = posterize(
        key,
        picture,
        options.colors,
        smallest=options.smallest,
        smoothness=options.smoothness,
    )
    return _write(options, out, [draw_poster(found)])


def _chart(options: argparse.Namespace) -> int:
    from ..art import chart, chart_pages, draw_chart

    out, key, picture = _begin(options)
    found = chart(key, picture, options.columns, options.colors)
    if out.suffix.lower() == ".pdf" and not options.plain:
        return _write(options, out, chart_pages(found, options.kind, _PAPERS[options.paper]))
    return _write(options, out, [draw_chart(found, options.kind, symbols=not options.plain)])


def _begin(
    options: argparse.Namespace, suffixes: tuple[str, ...] = _VECTOR
) -> tuple[Path, Any, "np.ndarray"]:
    """Where to write, the key and the picture; all that can be wrong with them is told first."""
    out = out_beside(options, options.kind, suffixes)
    if out.suffix.lower() == ".png" and not 16 <= getattr(options, "pixels", 16) <= 20_000:
        raise ConfigError(f"--pixels must be between 16 and 20000, not {options.pixels}")
    return out, key_of(options), picture_of(options)


def _color(text: str, option: str) -> "np.ndarray":
    """`#rrggbb` → sRGB in 0…1."""
    import numpy as np

    try:
        if len(text) != 7 or text[0] != "#":
            raise ValueError
        return np.frombuffer(bytes.fromhex(text[1:]), np.uint8) / 255
    except ValueError:
        raise ConfigError(f"{option} must be like #1a2b3c, not {text!r}") from None


def _write(options: argparse.Namespace, out: Path, pages: "Sequence[Drawing]") -> int:
    """Writes drawings in the format that the file's name ends in; all but PDF have one."""
    from .._files import atomic_path, write_text
    from ..art import pdf_bytes, raster, svg_text
    from ..data import write_picture

    title = f"{Path(options.picture).stem}, {options.kind}"
    match out.suffix.lower():
        case ".svg":
            write_text(out, svg_text(pages[0], title))
        case ".pdf":
            content = pdf_bytes(pages, title)
            with atomic_path(out) as temporary:
                temporary.write_bytes(content)
        case _:
            longer = max(pages[0].width, pages[0].height)
            write_picture(out, raster(pages[0], options.pixels / longer))
    print(out)
    return 0
