"""`clusterart run`, `clusterart cluster` and `clusterart info`."""

import argparse
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._errors import ConfigError
from ._parser import Parser, command

if TYPE_CHECKING:
    from ..job import Run
    from ..pipeline import ClusterConfig


def add_run(commands: Any) -> None:
    from ..pipeline import PRESETS, PipelineConfig

    parser = command(
        commands,
        "run",
        _run,
        "Cluster pictures, train a generator on the clusters, make new ones, report.",
        "clusterart run --out runs/digits -k 10",
    )
    _add_job(parser, "runs/NAME", PipelineConfig)
    parser.add_argument(
        "--preset",
        metavar="NAME",
        help=f"start from settings that go together: {', '.join(PRESETS)}",
    )
    parser.add_argument(
        "--art",
        nargs="+",
        default=(),
        metavar="PICTURE",
        help="photographs to make palettes, segments and prints of, on a page of their own",
    )
    parser.add_argument(
        "--holdout", type=float, default=0.1, metavar="SHARE", help="not trained on (default: 0.1)"
    )


def add_cluster(commands: Any) -> None:
    from ..pipeline import ClusterConfig

    parser = command(
        commands,
        "cluster",
        _cluster,
        "Cluster pictures and nothing more: a CSV, contact sheets, a report.",
        "clusterart cluster --cluster hdbscan --out runs/groups",
    )
    _add_job(parser, "runs/NAME-clusters", ClusterConfig)


def _add_job(parser: Parser, out: str, kind: "type[ClusterConfig]") -> None:
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
        of_none = _NONE.get(field.name) or _of_family(field.name)
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
    "features": "what is seen of pictures; networks need the extra pretrained: ",
    "cluster": "how: ",
    "n_init": "starts of kmeans and gmm",
    "max_iter": "iterations of theirs at most",
    "covariance_type": "of gmm: ",
    "eps": "radius of dbscan, in units of the features: pixel values are 0…1",
    "min_samples": "of dbscan and hdbscan, neighbours that make a picture a core",
    "min_cluster_size": "of hdbscan, pictures in the smallest cluster",
    "selection": "of hdbscan, stable or fine clusters: ",
    "linkage": "of agglomerative: ",
    "distance_threshold": "of agglomerative, in place of -k: where merging ends",
    "generator": "family of the generator: ",
    "latent": "dimensions of its latent space",
    "width": "channels of its first layer",
    "network": "its networks: ",
    "compute": "type they compute in: ",
    "likelihood": "of vae: ",
    "beta": "of vae, weight of the divergence from the prior",
    "free_bits": "of vae, bits in each dimension that cost nothing",
    "components": "of vae and cci, Gaussians in latent space to draw from, per cluster at most",
    "depth": "of gan, residual blocks at each size",
    "loss_kind": "of gan: ",
    "gamma": "of gan, weight of the penalty on steep discriminators",
    "augment": "of gan, with few pictures: any of color,translation,cutout",
    "phase_in": "of gan, share of training after which codes count in full",
    "recluster_every": "of gan, steps between two clusterings by what it sees, or 0",
    "ambiguity": "of gan, from 0, faithful to the clusters, to 1, between them",
    "codebook": "of rnn, vectors that pictures are made of",
    "hidden": "of rnn, width of what remembers what was drawn",
    "guidance": "of rnn, how much pictures keep away from neighbouring clusters",
    "attempts": "of rnn, drawings at most, until one surely is of its cluster",
    "lam": "of cci, weight of the classifier beside k-means",
    "flip": "1 mirrors half of the pictures",
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
    "learning_rate": (float, "the family's own"),
}
"""Type of each option that has no default value, and what its absence means."""


def _of_family(name: str) -> tuple[Callable[[str], Any], str] | None:
    """What reads an option of generators, and what each family takes for it."""
    from ..generate import families_with
    from ..pipeline import FAMILY_OPTIONS

    if name not in FAMILY_OPTIONS:
        return None
    own = families_with(name)
    number = next((type(value) for value in own.values() if value is not None), float)
    if number is tuple:
        return lambda text: tuple(text.split(",")), "none"
    if len({*own.values()}) == 1:
        default = next(iter(own.values()))
        return number, "by the size of the pictures" if default is None else str(default)
    return number, ", ".join(f"{value} of {family}" for family, value in own.items())


def add_info(commands: Any) -> None:
    parser = command(
        commands, "info", _info, "Say what a run is and how good.", "clusterart info runs/digits"
    )
    parser.add_argument("run", metavar="RUN", help="folder of a run")
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--out", metavar="FILE", help="write it there, as JSON")


def _run(options: argparse.Namespace) -> int:
    from .. import run
    from ..pipeline import PipelineConfig

    return _job(options, partial(run, holdout=options.holdout, art=options.art), PipelineConfig)


def _cluster(options: argparse.Namespace) -> int:
    from ..job import cluster_pictures
    from ..pipeline import ClusterConfig

    return _job(options, cluster_pictures, ClusterConfig)


def _job(
    options: argparse.Namespace, call: "Callable[..., Run]", kind: "type[ClusterConfig]"
) -> int:
    from .. import use_cpu_cores
    from ..pipeline import preset

    values: dict[str, Any] = {}
    if getattr(options, "preset", None):
        start = preset(options.preset)
        values, options.size = start.config.options, options.size or start.size
    if options.config:
        values |= _read_config(options.config)
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


def _info(options: argparse.Namespace) -> int:
    import json

    from .._files import write_text
    from ..job import describe

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
