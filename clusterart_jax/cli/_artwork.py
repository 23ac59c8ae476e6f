"""What commands on single pictures have in common: options, and how they are read."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._errors import ConfigError, OutputError
from ._parser import Parser, command

if TYPE_CHECKING:
    import numpy as np

    from .._typing import KeyArray


def on_picture(
    commands: Any, name: str, call: Callable[[argparse.Namespace], int], text: str, example: str
) -> Parser:
    """A command that takes one picture and writes one file."""
    parser = command(commands, name, call, text, example)
    parser.set_defaults(names={})
    parser.add_argument("picture", metavar="PICTURE", help="a picture file")
    add_size(parser)
    parser.add_argument("--seed", type=int, default=0, help="of the randomness (default: 0)")
    return parser


def add_size(parser: Parser) -> None:
    parser.add_argument(
        "--size", type=int, metavar="PIXELS", help="make the longer side no longer than this first"
    )


def picture_of(options: argparse.Namespace) -> "np.ndarray":
    """The picture that a command names, shape (h, w, c) with c = 1, 3 or 4."""
    from ..data import read_picture

    if options.size is not None and options.size < 16:
        raise ConfigError(f"--size must be at least 16, not {options.size}")
    return read_picture(options.picture, max_side=options.size)


def key_of(options: argparse.Namespace) -> "KeyArray":
    """The key of `--seed`."""
    from .._checks import seed_key

    return seed_key(options.seed)


def out_beside(options: argparse.Namespace, what: str, suffixes: tuple[str, ...]) -> Path:
    """Where to write, checked before any work: `--out`, or PICTURE's name with `what` added, here.

    The first of `suffixes` is the format where `--out` does not say one.
    """
    if options.out is None:
        return Path(f"{Path(options.picture).stem}-{what}{suffixes[0]}")
    out = Path(options.out)
    if out.suffix.lower() not in suffixes:
        raise ConfigError(f"--out must end in {' or '.join(suffixes)}, not {options.out!r}")
    return in_folder(out)


def in_folder(out: Path) -> Path:
    """A file to write, whose folder is there."""
    if not out.parent.is_dir():
        raise OutputError(f"cannot write {out}: there is no folder {out.parent}")
    return out
