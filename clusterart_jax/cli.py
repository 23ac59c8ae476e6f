"""The command line: words → calls, errors → one line and an exit code."""

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from . import __version__
from ._checks import hint
from ._errors import ClusterArtError, ConfigError, OutputError

if TYPE_CHECKING:
    from .job import Run
    from .pipeline import ClusterConfig

EXIT_CODES = """exit codes:
  0    done
  1    an error inside clusterart; --debug shows where
  2    wrong command, option or configuration
  3    pictures or arrays that cannot be used
  4    a folder or file that cannot be written
  5    a run or checkpoint that cannot be read
  6    training diverged; the last good checkpoint is kept
  130  stopped by Ctrl-C; the same command with --resume goes on"""


class _Parser(argparse.ArgumentParser):
    """Names the nearest option or command where a word is unknown."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message} (see {self.prog} --help)")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            near = hint(value, list(action.choices)) or f"; choose from {', '.join(action.choices)}"
            raise ConfigError(f"unknown {action.dest} {value!r}{near}")


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
    return int(options.call(options))


def _explain(error: BaseException, words: list[str]) -> tuple[str, int]:
    """What to say of an error, and the exit code."""
    if isinstance(error, KeyboardInterrupt):
        more = (
            "; the same command with --resume goes on"
            if words[:1] in (["run"], ["cluster"])
            else ""
        )
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


def _parser() -> _Parser:
    parser = _Parser(
        prog="clusterart",
        description="Clusters pictures, then generates new ones from the clusters.",
        epilog="Try it:  clusterart run --out runs/digits\n\n" + EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"clusterart {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_run(commands)
    _add_cluster(commands)
    _add_generate(commands)
    _add_info(commands)
    return parser


def _command(
    commands: Any, name: str, call: Callable[[argparse.Namespace], int], text: str, example: str
) -> _Parser:
    parser: _Parser = commands.add_parser(
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


def _add_run(commands: Any) -> None:
    from .pipeline import PipelineConfig

    parser = _command(
        commands,
        "run",
        _run,
        "Cluster pictures, train a generator on the clusters, make new ones, report.",
        "clusterart run --out runs/digits -k 10",
    )
    _add_job(parser, "runs/NAME", PipelineConfig)
    parser.add_argument(
        "--holdout", type=float, default=0.1, metavar="SHARE", help="not trained on (default: 0.1)"
    )


def _add_cluster(commands: Any) -> None:
    from .pipeline import ClusterConfig

    parser = _command(
        commands,
        "cluster",
        _cluster,
        "Cluster pictures and nothing more: a CSV, contact sheets, a report.",
        "clusterart cluster --cluster hdbscan --out runs/groups",
    )
    _add_job(parser, "runs/NAME-clusters", ClusterConfig)


def _add_job(parser: _Parser, out: str, kind: "type[ClusterConfig]") -> None:
    """Which pictures, where to, and an option for each field of a configuration."""
    add = parser.add_argument
    add(
        "data",
        nargs="?",
        default="digits",
        metavar="DATA",
        help="digits (default), fashion-mnist, a folder of pictures, or an .npy/.npz file",
    )
    add("--out", metavar="DIR", help=f"folder to write (default: {out})")
    add("--seed", type=int, default=0, help="of all randomness (default: 0)")
    add("--size", type=int, metavar="PIXELS", help="side of the pictures (default: 32 for folders)")
    add("--channels", type=int, metavar="1|3", help="grey or colour")
    add("--limit", type=int, metavar="N", help="use at most N pictures, evenly spaced")
    add("--strict", action="store_true", help="refuse a folder with unreadable pictures")
    add("--download", action="store_true", help="fetch a named set that is not on this machine")
    add("--resume", action="store_true", help="go on with the run in --out, or begin it")
    add("--overwrite", action="store_true", help="replace the run in --out")
    add("--config", metavar="FILE", help="TOML or JSON file of the options below")
    group = parser.add_argument_group("what to do")
    for field in fields(kind):
        flags = ["--" + field.name.replace("_", "-")]
        words = kind.CHOICES.get(field.name)
        of_none = _NONE.get(field.name)
        number, default = of_none or (type(field.default), field.default)
        group.add_argument(
            *(["-k", "--k"] if field.name == "k" else flags),
            dest=field.name,
            type=number,
            default=argparse.SUPPRESS,
            metavar="NAME" if words else "N",
            help=f"{_TEXTS[field.name]}{', '.join(words or ())} (default: {default})",
        )


_TEXTS = {
    "k": "number of clusters; where it is found, the most a generator is told of",
    "n_components": "principal components that are clustered",
    "cluster": "how: ",
    "n_init": "starts of kmeans and gmm",
    "max_iter": "iterations of theirs at most",
    "covariance_type": "of gmm: ",
    "eps": "radius of dbscan, in pixel values of 0…1",
    "min_samples": "of dbscan and hdbscan, neighbours that make a picture a core",
    "min_cluster_size": "of hdbscan, pictures in the smallest cluster",
    "selection": "of hdbscan, stable or fine clusters: ",
    "linkage": "of agglomerative: ",
    "distance_threshold": "of agglomerative, in place of -k: where merging ends",
    "generator": "family of the generator: ",
    "latent": "dimensions of its latent space",
    "width": "channels of its first layer",
    "steps": "training steps",
    "batch_size": "pictures a step",
    "learning_rate": "of Adam, at its highest",
    "n_samples": "generated pictures in all",
    "temperature": "1 as varied as the real ones, less nearer the middle of a cluster",
}
_NONE = {
    "eps": (float, "knee of the sorted distances"),
    "min_samples": (int, "5; of hdbscan, the smallest cluster"),
    "min_cluster_size": (int, "1 %% of all, at least 5"),
    "distance_threshold": (float, "none"),
}
"""Type of each option that has no default value, and what its absence means."""


def _add_generate(commands: Any) -> None:
    parser = _command(
        commands,
        "generate",
        _generate,
        "Make new pictures with the generator of a finished run.",
        "clusterart generate runs/digits --cluster 3 -n 64 --seed 1 --out sheet.png",
    )
    parser.add_argument("run", metavar="RUN", help="folder of a finished run")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--cluster", type=_number, metavar="C", help="pictures of this cluster only, or of noise"
    )
    which.add_argument("--mix", metavar="SHARES", help="between clusters, as 3:0.6,7:0.4")
    parser.add_argument("-n", type=int, default=64, help="how many (default: 64)")
    parser.add_argument("--seed", type=int, default=0, help="of the randomness (default: 0)")
    parser.add_argument(
        "--temperature", type=float, help="1 as varied as the real ones, less nearer the middle"
    )
    parser.add_argument("--columns", type=int, help="pictures a row (default: about square)")
    parser.add_argument("--out", metavar="PNG", help="sheet to write (default: in RUN)")


def _add_info(commands: Any) -> None:
    parser = _command(
        commands, "info", _info, "Say what a run is and how good.", "clusterart info runs/digits"
    )
    parser.add_argument("run", metavar="RUN", help="folder of a run")
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--out", metavar="FILE", help="write it there, as JSON")


def _run(options: argparse.Namespace) -> int:
    from . import run
    from .pipeline import PipelineConfig

    return _job(options, partial(run, holdout=options.holdout), PipelineConfig)


def _cluster(options: argparse.Namespace) -> int:
    from .job import cluster_pictures
    from .pipeline import ClusterConfig

    return _job(options, cluster_pictures, ClusterConfig)


def _job(
    options: argparse.Namespace, call: "Callable[..., Run]", kind: "type[ClusterConfig]"
) -> int:
    from . import use_cpu_cores

    values = _read_config(options.config) if options.config else {}
    names = {field.name for field in fields(kind)}
    values |= {name: value for name, value in vars(options).items() if name in names}
    config = kind.from_dict(values)
    with suppress(RuntimeError):  # in a program that has used JAX before, its devices serve
        use_cpu_cores()
    result = call(
        options.data,
        options.out,
        config=config,
        seed=options.seed,
        size=options.size,
        channels=options.channels,
        limit=options.limit,
        strict=options.strict,
        download=options.download,
        resume=options.resume,
        overwrite=options.overwrite,
        quiet=options.quiet,
    )
    if not options.quiet:
        for name, value in result.metrics.items():
            print(f"{name:<40} {'not available' if value is None else f'{value:.4g}'}")
        for warning in result.warnings:
            print(f"note: {warning}")
    done = " (was complete already)" if result.complete_before else ""
    print(f"{result.report}{done}")
    return 0


def _read_config(path: str) -> dict[str, Any]:
    """Options from a TOML or JSON file; a run's own config.json serves too."""
    import json
    import tomllib

    try:
        text = Path(path).read_text(encoding="utf-8")
        values = json.loads(text) if path.endswith(".json") else tomllib.loads(text)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"cannot read the configuration {path}: {reason}") from error
    inner = values.get("pipeline", values) if isinstance(values, dict) else None
    if not isinstance(inner, dict):
        raise ConfigError(f"the configuration {path} must hold keys and values")
    return inner


def _generate(options: argparse.Namespace) -> int:
    from . import generate_pictures
    from .condition import NOISE
    from .data import write_png
    from .report import contact_sheet

    shares = None
    name = f"generated-seed{options.seed}"
    if options.cluster is not None:
        which = "noise" if options.cluster == NOISE else f"cluster{options.cluster}"
        shares, name = {options.cluster: 1.0}, f"{which}-seed{options.seed}"
    elif options.mix is not None:
        shares = _read_shares(options.mix)
        name = f"mix-{options.mix.replace(':', '-').replace(',', '_')}-seed{options.seed}"
    if options.columns is not None and options.columns < 1:
        raise ConfigError(f"--columns must be at least 1, not {options.columns}")
    out = Path(options.out) if options.out else Path(options.run) / f"{name}.png"
    if out.suffix.lower() != ".png":
        raise ConfigError(f"--out must end in .png, not {options.out!r}")
    pictures = generate_pictures(
        options.run, shares, options.n, seed=options.seed, temperature=options.temperature
    )
    columns = options.columns or max(1, round(len(pictures) ** 0.5))
    write_png(out, contact_sheet(pictures, columns))
    print(out)
    return 0


def _number(word: str) -> int:
    """Number of a cluster, or the word noise."""
    from .condition import NOISE

    return NOISE if word == "noise" else int(word)


_number.__name__ = "number or noise"  # as argparse calls it in an error


def _read_shares(text: str) -> dict[int, float]:
    """`3:0.6,7:0.4` → {3: 0.6, 7: 0.4}."""
    shares: dict[int, float] = {}
    for part in text.split(","):
        cluster, _, share = part.partition(":")
        try:
            number = _number(cluster)
            shares[number] = shares.get(number, 0.0) + float(share or 1)
        except ValueError:
            raise ConfigError(f"--mix must be like 3:0.6,7:0.4, not {text!r}") from None
    return shares


def _info(options: argparse.Namespace) -> int:
    import json

    from ._files import write_text
    from .job import describe

    about = describe(options.run)
    if options.out:
        write_text(options.out, json.dumps(about, indent=2, ensure_ascii=False) + "\n")
        print(options.out)
        return 0
    data = about["data"]
    shape = "×".join(map(str, data["shape"]))
    done = "finished" if about["finished"] else "not finished"
    print(f"run       {options.run} ({done})")
    print(f"pictures  {data['pictures']:,} of {shape} from {data['source']}")
    print(f"command   {about['command']}")
    print("settings  " + ", ".join(f"{k}={v}" for k, v in about["pipeline"].items()))
    print("versions  " + ", ".join(f"{k} {v}" for k, v in about["versions"].items()))
    for name, value in about.get("metrics", {}).items():
        print(f"  {name:<40} {'not available' if value is None else f'{value:.4g}'}")
    return 0
