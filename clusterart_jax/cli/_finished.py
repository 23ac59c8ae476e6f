"""What commands on a finished run have in common: options, and how they are read."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .._errors import ConfigError
from ._parser import Parser, command


def on_run(
    commands: Any, name: str, call: Callable[[argparse.Namespace], int], text: str, example: str
) -> Parser:
    parser = command(commands, name, call, text, example)
    parser.add_argument("run", metavar="RUN", help="folder of a finished run")
    parser.add_argument("--seed", type=int, default=0, help="of the randomness (default: 0)")
    return parser


def add_temperature(parser: Parser) -> None:
    parser.add_argument(
        "--temperature", type=float, help="1 as varied as the real ones, less more typical"
    )


def add_which(parser: Parser) -> None:
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--cluster", type=number, metavar="C", help="pictures of this cluster only, or of noise"
    )
    which.add_argument("--mix", metavar="SHARES", help="between clusters, as 3:0.6,7:0.4")


def read_which(options: argparse.Namespace) -> dict[int, float] | None:
    """Shares of clusters that --cluster or --mix ask for."""
    if options.cluster is not None:
        return {options.cluster: 1.0}
    return None if options.mix is None else read_shares(options.mix, "--mix")


def out_of(options: argparse.Namespace, name: str, suffixes: tuple[str, ...]) -> Path:
    """Where to write, checked before any work is done."""
    out = Path(options.out) if options.out else Path(options.run) / name
    if out.suffix.lower() not in suffixes:
        allowed = " or ".join(suffix for suffix in suffixes if suffix)
        more = ", or name a folder" if "" in suffixes else ""
        raise ConfigError(f"--out must end in {allowed}{more}, not {options.out!r}")
    return out


def number(word: str) -> int:
    """Number of a cluster, or the word noise."""
    from ..condition import NOISE

    return NOISE if word == "noise" else int(word)


number.__name__ = "number or noise"  # as argparse calls it in an error


def read_shares(text: str, option: str) -> dict[int, float]:
    """`3:0.6,7:0.4` → {3: 0.6, 7: 0.4}."""
    shares: dict[int, float] = {}
    for part in text.split(","):
        cluster, _, share = part.partition(":")
        try:
            which = number(cluster)
            shares[which] = shares.get(which, 0.0) + float(share or 1)
        except ValueError:
            raise ConfigError(f"{option} must be like 3:0.6,7:0.4, not {text!r}") from None
    return shares
