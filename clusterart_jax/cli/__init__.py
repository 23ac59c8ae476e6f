"""The command line: words → calls, errors → one line and an exit code."""

import argparse
import io
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext

from .. import __version__
from .._checks import hint
from .._errors import ClusterArtError, ConfigError, OutputError, about
from ._change import add_edit, add_restore, add_translate
from ._draw import add_generate, add_interpolate
from ._jobs import add_cluster, add_info, add_run
from ._judge import add_measure, add_nearest
from ._palette import add_palette, add_quantize
from ._parser import Parser
from ._render import add_render
from ._segment import add_segment
from ._styles import add_styles

__all__ = ["main"]

EXIT_CODES = """exit codes:
  0    done
  1    an error inside clusterart; --debug shows where
  2    wrong command, option or configuration
  3    pictures or arrays that cannot be used
  4    a folder or file that cannot be written
  5    a run or checkpoint that cannot be read
  6    training diverged; the last good checkpoint is kept
  130  stopped by Ctrl-C; the same command with --resume goes on"""


_COMMANDS = (
    *(add_run, add_cluster, add_generate, add_interpolate, add_translate, add_edit, add_restore),
    *(add_measure, add_nearest, add_info),
    *(add_palette, add_quantize, add_segment, add_styles, add_render),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs `clusterart` with the words of `argv`.

    Args:
      argv: words after the program's name; those of the process where it is None.

    Returns:
      The exit code; see `clusterart --help`.

    Example:
      >>> from clusterart_jax.cli import main
      >>> main(["--version"])
      clusterart 0.1.0
      0
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")  # no name is too odd to be printed
    try:
        code = _call(words)
        sys.stdout.flush()  # now, while an error can still be told
        return code
    except BrokenPipeError:  # a reader that has seen enough, such as `head`
        _drop_output()
        return 0
    except (Exception, KeyboardInterrupt) as error:
        _drop_output()
        if "--debug" in words:
            raise
        message, code = _explain(error, words)
        print(f"clusterart: {' '.join(message.split())}", file=sys.stderr)
        return code


def _call(words: list[str]) -> int:
    try:
        options = _parse(words)
    except SystemExit as done:  # --help and --version
        return int(done.code or 0)
    from .._kept import kept_on_disk

    picture = getattr(options, "picture", None)
    naming = nullcontext() if picture is None else about(picture)
    with kept_on_disk(), naming:  # the next command compiles nothing that this one did
        try:
            return int(options.call(options))
        except ConfigError as error:
            raise _by_option(error, options) from error


def _by_option(error: ConfigError, options: argparse.Namespace) -> ConfigError:
    """What is wrong with an argument of a function, told of the option that gives it."""
    if not hasattr(options, "names"):
        return error
    given = {a.dest: a.option_strings[0] for a in options.parser._actions if a.option_strings}
    name, _, rest = str(error).partition(" ")
    option = {**given, **options.names}.get(name)
    return error if option is None else ConfigError(f"{option} {rest}")


def _explain(error: BaseException, words: list[str]) -> tuple[str, int]:
    """What to say of an error, and the exit code."""
    if isinstance(error, KeyboardInterrupt):
        more = ""
        if words[:1] in (["run"], ["cluster"]):
            more = "; the same command with --resume goes on"
        elif words[:2] == ["styles", "discover"]:
            more = "; the same command goes on"
        return f"stopped{more}", 130
    if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error):
        return "not enough memory; use fewer pictures (--limit) or smaller ones (--size)", 3
    if isinstance(error, ClusterArtError):
        return str(error), error.exit_code
    if isinstance(error, OSError):
        return str(error), OutputError.exit_code
    text = " ".join(str(error).split()) or type(error).__name__
    return f"internal error: {text[:300]} (--debug shows where)", 1


def _drop_output() -> None:
    """Forgets what standard output cannot take, or Python complains of it when it ends."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parse(words: list[str]) -> argparse.Namespace:
    parser = _parser()
    options, unknown = parser.parse_known_args(words)
    if unknown:
        program = options.parser.prog
        known = [flag for action in options.parser._actions for flag in action.option_strings]
        if unknown[0] in known:
            raise ConfigError(f"{unknown[0]} must come after the command: {program} {unknown[0]}")
        what = "option" if unknown[0].startswith("-") else "argument"
        raise ConfigError(
            f"unknown {what} {unknown[0]!r}{hint(unknown[0].split('=')[0], known)} "
            f"(see {program} --help)"
        )
    return options


def _parser() -> Parser:
    parser = Parser(
        prog="clusterart",
        description="Clusters pictures, then generates new ones from the clusters.",
        epilog="Try it:  clusterart run --out runs/digits\n\n" + EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"clusterart {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for add in _COMMANDS:
        add(commands)
    return parser
