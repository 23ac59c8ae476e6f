"""A finished run, read again: more pictures from its generator, and what it says of itself."""

import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._checks import seed_key
from .._errors import CheckpointError, ConfigError
from .._typing import UInt8
from ..condition import encode, mix
from ..generate import Model, init_state, load_tree
from ..pipeline import PipelineConfig, turns
from . import _folder as folder
from ._evaluation import Trained


def load_trained(path: str | Path) -> tuple[Trained, PipelineConfig]:
    """The generator of a finished run, and the configuration it was made with.

    Raises:
      CheckpointError: when the run is absent, unfinished, damaged or of another version.
    """
    path = Path(path)
    asked = folder.read_config(path)
    if folder.job_of(asked) != "run":
        raise CheckpointError(
            f"{path} holds clusters and no generator; clusterart run makes one that has both"
        )
    try:
        config = PipelineConfig.from_dict(asked["pipeline"])
        family = config.family(tuple(asked["data"]["shape"]))
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path / folder.CONFIG} is damaged: {error}") from error
    if not (path / folder.GENERATOR).exists():
        raise CheckpointError(
            f"{path} is not finished; continue it with: {asked.get('command', 'clusterart run')} "
            "--resume"
        )

    def form(images: jax.Array, codes: jax.Array) -> dict[str, Any]:
        key = jax.random.key(0)
        state = init_state(family, config.schedule(), key, images, codes)
        fitted = family.fit(key, state.ema, state.memory, images, codes)
        return Model(state.ema, fitted)._asdict()

    n, shapes = asked["data"]["pictures"], jax.ShapeDtypeStruct
    n -= int(n * asked["holdout"])
    images = shapes((n, *family.shape), jnp.uint8)
    like = jax.eval_shape(form, images, shapes((n, config.n_codes), jnp.float32))
    mask = {"mask": shapes((config.n_codes,), bool)}
    tree = load_tree(path / folder.GENERATOR, like | mask)
    return Trained(family, Model(tree["params"], tree["fitted"]), tree["mask"]), config


def generate_pictures(
    run: str | Path,
    shares: dict[int, float] | None = None,
    n: int = 64,
    *,
    seed: int = 0,
    temperature: float | None = None,
) -> UInt8[np.ndarray, "n h w c"]:
    """New pictures from the generator of a finished run.

    Args:
      run: its folder.
      shares: cluster → share, `{3: 1}` for cluster 3, `{3: 0.6, 7: 0.4}` for a mixture, `{-1: 1}`
        for noise; None takes all clusters in turn.
      n: how many.
      seed: of the randomness.
      temperature: 1 draws as the real pictures lie, less draws nearer the middle; None takes the
        run's own.

    Returns:
      `uint8` (n, h, w, c).

    Raises:
      CheckpointError: when the run is absent, unfinished, damaged or of another version.
      ConfigError: for a cluster that does not exist, or noise where there is none.

    Example:
      >>> import tempfile, clusterart_jax as ca
      >>> config = ca.PipelineConfig(k=3, steps=20, n_samples=30, width=8, latent=4, components=1)
      >>> run = ca.run("digits", tempfile.mkdtemp() + "/run", config=config, limit=200)
      >>> ca.generate_pictures(run.path, {0: 0.6, 2: 0.4}, n=4).shape
      (4, 8, 8, 1)
    """
    trained, config = load_trained(run)
    key = seed_key(seed)
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= 100_000:
        raise ConfigError(f"n must be a whole number between 1 and 100000, not {n!r}")
    warmth = config.temperature if temperature is None else temperature
    if not 0 <= warmth <= 10:
        raise ConfigError(f"temperature must be between 0 and 10, not {warmth!r}")
    if shares is None:
        asked = turns(trained.mask[: config.k], n)
        codes = encode(asked, config.k, noise=config.finds_number).codes
    else:
        code = mix(shares, config.k, noise=config.finds_number, mask=trained.mask)
        codes = jnp.tile(code[None], (n, 1))
    return trained.draw(key, codes, warmth)


def describe(run: str | Path) -> dict[str, Any]:
    """What a run is: its config.json, its numbers where it is finished, and whether it is.

    Raises:
      CheckpointError: when the folder is no run, or of another version.
    """
    path = Path(run)
    asked = folder.read_config(path)
    told: dict[str, Any] = {}
    file = path / folder.METRICS
    if file.exists():
        try:
            told = json.loads(file.read_text(encoding="utf-8"))
            told = {"metrics": dict(told["metrics"]), **told, "warnings": list(told["warnings"])}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(
                f"{file} is damaged ({error}); remove it and continue the run with --resume"
            ) from error
    return {**asked, **told, "finished": folder.finished(path, folder.job_of(asked))}
