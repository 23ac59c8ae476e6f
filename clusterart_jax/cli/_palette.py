"""`clusterart palette` and `quantize`: the colours of pictures."""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._errors import ConfigError, DataError, about
from ._artwork import add_size, in_folder, key_of, on_picture, out_beside, picture_of
from ._parser import Parser, command

if TYPE_CHECKING:
    import numpy as np

    from ..art import Palette

_SUFFIXES = (".png", ".svg", ".json", ".css", ".gpl", ".ase")


def add_palette(commands: Any) -> None:
    """`clusterart palette`."""
    parser = command(
        commands,
        "palette",
        _palette,
        "Find the colours of pictures, their names and shares; write them for programs.",
        "clusterart palette photo.jpg -k 8 --out photo-palette.png",
    )
    parser.set_defaults(names={})
    parser.add_argument(
        "pictures", nargs="+", metavar="PICTURE", help="picture files, or folders of them"
    )
    parser.add_argument("-k", type=_number, default="auto", help="colours, or auto (default)")
    parser.add_argument("--shared", action="store_true", help="one palette for all pictures")
    parser.add_argument(
        "--out",
        metavar="FILE|DIR",
        help=f"a file ending in {', '.join(_SUFFIXES)}; or a folder, which gets all of these",
    )
    add_size(parser)
    parser.add_argument("--seed", type=int, default=0, help="of the randomness (default: 0)")


def add_quantize(commands: Any) -> None:
    """`clusterart quantize`."""
    parser: Parser = on_picture(
        commands,
        "quantize",
        _quantize,
        "Make a picture of few colours, as an indexed PNG.",
        "clusterart quantize photo.jpg -k 16 --dither --out photo-16.png",
    )
    parser.add_argument("-k", type=int, default=256, help="colours, 1 to 256 (default: 256)")
    parser.add_argument(
        "--dither",
        nargs="?",
        type=float,
        const=0.75,
        default=0.0,
        metavar="AMOUNT",
        help="diffuse the error of pixels, 0.75 of it or this part (0 to 1)",
    )
    parser.add_argument("--out", metavar="PNG", help="the file (default: PICTURE-quantized.png)")


def _number(word: str) -> int | str:
    return int(word) if word.lstrip("-").isdigit() else word


def _palette(options: argparse.Namespace) -> int:
    from ..art import palette, shared_palette

    if options.k != "auto" and not (isinstance(options.k, int) and 1 <= options.k <= 256):
        raise ConfigError(f"-k must be 1 to 256 or auto, not {options.k!r}")
    files = _files(options.pictures)
    out = None if options.out is None else Path(options.out)
    one = options.shared or len(files) == 1
    if out is not None and out.suffix and (not one or out.suffix.lower() not in _SUFFIXES):
        allowed = ", ".join(_SUFFIXES)
        rule = f"end in {allowed}" if one else "be a folder where palettes are several"
        raise ConfigError(f"--out must {rule}, not {options.out!r}")
    if out is not None and out.suffix:
        in_folder(out)
    key = key_of(options)
    pictures = _read(files, options)
    if options.shared:
        name = Path(options.pictures[0]).resolve().stem if len(options.pictures) == 1 else "shared"
        found = shared_palette(key, (image for _, _, image in pictures), options.k)
        _give(found, name, out, options, None)
        return 0
    left: list[Path] = []
    for name, path, image in pictures:
        try:
            with about(path):
                found = palette(key, image, options.k)
        except DataError as error:
            if len(files) == 1:
                raise
            print(f"clusterart: skipped: {error}", file=sys.stderr)
            left += [] if files[name][1] else [path]
            continue
        _give(found, name, out, options, path)
    if left:
        raise DataError(f"{', '.join(map(str, left))}: no pixel is visible; all others are done")
    return 0


def _files(words: list[str]) -> dict[str, tuple[Path, bool]]:
    """By a name of its own, each picture, and whether it was found in a folder."""
    from ..data import find_files

    files: dict[str, tuple[Path, bool]] = {}
    for word in words:
        path = Path(word)
        inside = find_files(path)[0] if path.is_dir() else [path.name]
        if not inside:
            raise DataError(f"no pictures in {word!r}")
        for file in inside:
            name = free = "-".join(Path(file).with_suffix("").parts)
            for i in range(2, 2 + len(files)):
                if free not in files:
                    break
                free = f"{name}-{i}"
            files[free] = (path / file if path.is_dir() else path, path.is_dir())
    return files


def _read(
    files: dict[str, tuple[Path, bool]], options: argparse.Namespace
) -> "Iterator[tuple[str, Path, np.ndarray]]":
    """The pictures; a file of a folder that is none is told of and passed over."""
    read = 0
    for name, (path, from_folder) in files.items():
        try:
            image = picture_of(argparse.Namespace(picture=str(path), size=options.size))
        except DataError as error:
            if not from_folder:
                raise
            print(f"clusterart: skipped: {error}", file=sys.stderr)
            continue
        read += 1
        yield name, path, image
    if not read:
        raise DataError(f"no pictures in {', '.join(options.pictures)}")


def _give(
    found: "Palette",
    name: str,
    out: Path | None,
    options: argparse.Namespace,
    picture: Path | None,
) -> None:
    """Prints a palette, or writes it where `--out` says."""
    if out is None or not options.quiet:
        print(_words(found, name), end="")
    if out is None:
        return
    if out.suffix:
        _write(found, name, out, picture)
        print(out)
        return
    from .._files import make_folder

    make_folder(out)
    for suffix in _SUFFIXES:
        path = out / f"{name}-palette{suffix}"
        _write(found, name, path, picture)
        print(path)


def _words(found: "Palette", name: str) -> str:
    from ..art import palette_facts

    facts = palette_facts(found)
    count = len(facts["colors"])
    colors = "colours" if count > 1 else "colour"
    lines = [f"{name}: {count} {colors}; contrast on white and on black"]
    for color in facts["colors"]:
        lines.append(
            f"  {color['hex']} {100 * color['share']:5.1f} %  {color['name']:<20} "
            f"{color['on_white']:5.2f} {color['on_black']:5.2f}"
        )
    for pair in facts["confusions"]:
        first, second = pair["colors"]
        lines.append(f"  {first} and {second} look alike to {pair['vision']} eyes")
    return "\n".join([*lines, ""])


def _write(found: "Palette", name: str, path: Path, picture: Path | None) -> None:
    from .. import art
    from .._files import atomic_path
    from ..data import png_bytes, read_picture

    suffix = path.suffix.lower()
    if suffix == ".png":
        image = None if picture is None else read_picture(picture, max_side=1728)
        content = png_bytes(art.palette_card(found, name, image))
    elif suffix == ".ase":
        content = art.palette_ase(found, name)
    else:
        writers: dict[str, Callable[[], str]] = {
            ".svg": lambda: art.palette_svg(found, name),
            ".json": lambda: art.palette_json(found),
            ".css": lambda: art.palette_css(found),
            ".gpl": lambda: art.palette_gpl(found, name),
        }
        content = writers[suffix]().encode()
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def _quantize(options: argparse.Namespace) -> int:
    from ..art import quantize
    from ..data import write_indexed_png

    if not 1 <= options.k <= 256:
        raise ConfigError(f"-k must be 1 to 256, not {options.k}")
    if not 0 <= options.dither <= 1:
        raise ConfigError(f"--dither must be 0 to 1, not {options.dither}")
    out = out_beside(options, "quantized", (".png",))
    image = picture_of(options)
    found = quantize(key_of(options), image, options.k, dither=options.dither)
    write_indexed_png(out, found.indices, found.colors)
    print(out)
    return 0
