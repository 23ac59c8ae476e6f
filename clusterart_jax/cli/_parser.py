"""What a command line is made of: a parser that names the nearest word, and one a command."""

import argparse
from collections.abc import Callable
from typing import Any, NoReturn

from .._checks import hint
from .._errors import ConfigError


class Parser(argparse.ArgumentParser):
    """Names the nearest option or command where a word is unknown."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message} (see {self.prog} --help)")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            near = hint(value, list(action.choices)) or f"; choose from {', '.join(action.choices)}"
            raise ConfigError(f"unknown {action.dest} {value!r}{near}")


def command(
    commands: Any, name: str, call: Callable[[argparse.Namespace], int], text: str, example: str
) -> Parser:
    parser: Parser = commands.add_parser(
        name,
        help=text,
        description=text,
        epilog=f"Example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(call=call, parser=parser)
    parser.add_argument("--quiet", action="store_true", help="print results and errors only")
    parser.add_argument("--debug", action="store_true", help="show where an error came from")
    return parser
