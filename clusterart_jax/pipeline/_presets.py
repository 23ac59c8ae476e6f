"""Settings that go together, by the size of the pictures and the machine."""

from dataclasses import dataclass
from typing import Any

from .._checks import hint
from .._errors import ConfigError
from ._config import PipelineConfig

MACHINES = ("cpu", "accelerator")


@dataclass(frozen=True)
class Expected:
    """What came of a preset where it was tried.

    Attributes:
      machine: which it was.
      minutes: of the whole job, its report included.
      consistency: share of new pictures that the clustering puts where they were asked of.
      frechet: Fréchet distance of new pictures to real ones; see `clusterart measure`.
      floor: the same between halves of the real pictures.
    """

    machine: str
    minutes: float
    consistency: float
    frechet: float
    floor: float


@dataclass(frozen=True)
class Preset:
    """Settings, what they are meant for, and what to expect of them.

    Attributes:
      config: the settings.
      size: side of the pictures in pixels.
      machine: "cpu", two cores or more, or "accelerator".
      data: pictures that they are tried on: a named set, or a folder.
      expected: of `command`, as `python -m benchmarks.presets` found it, of a folder of 1,911 emoji
        where there is no named set; None where it was not tried yet.
    """

    config: PipelineConfig
    size: int
    machine: str
    data: str
    expected: Expected | None = None

    @property
    def command(self) -> str:
        """What runs the job with them, option by option."""
        words = ["clusterart run", self.data, "--size", str(self.size), *self.config.words]
        return " ".join(words)


def _vae(**options: Any) -> PipelineConfig:
    return PipelineConfig(generator="vae", **options)


def _gan(**options: Any) -> PipelineConfig:
    return PipelineConfig(generator="gan", **options)


_XEON = "two cores of an Intel Xeon, which did some other work too"
_LONG: dict[str, Any] = {"width": 64, "depth": 2, "batch_size": 256, "compute": "bfloat16"}

PRESETS: dict[str, Preset] = {
    "vae-8": Preset(
        *(_vae(), 8, "cpu", "digits"),
        Expected("two cores of an Intel Xeon", 0.46, 0.976, 0.622, floor=1.058),
    ),
    "gan-8": Preset(
        *(_gan(steps=3000, batch_size=64, width=16), 8, "cpu", "digits"),
        Expected(_XEON, 0.46, 0.968, 1.258, floor=1.058),
    ),
    "vae-28": Preset(
        *(_vae(steps=4000, batch_size=64), 28, "cpu", "fashion-mnist"),
        Expected(_XEON, 3.2, 0.945, 0.731, floor=0.469),
    ),
    "gan-28": Preset(
        *(_gan(steps=8000, batch_size=64, width=16, learning_rate=2e-3), 28, "cpu"),
        "fashion-mnist",
        Expected(_XEON, 10.0, 0.918, 2.498, floor=0.469),
    ),
    "gan-classic-28": Preset(
        _gan(network="mlp", loss_kind="non-saturating", steps=10_000),
        *(28, "cpu", "fashion-mnist"),
        Expected(_XEON, 1.1, 0.940, 3.812, floor=0.469),
    ),
    "rnn-28": Preset(
        PipelineConfig(generator="rnn", steps=4000, batch_size=64),
        *(28, "cpu", "fashion-mnist"),
        Expected(_XEON, 5.4, 0.954, 1.269, floor=0.469),
    ),
    "cci-28": Preset(
        PipelineConfig(generator="cci", steps=2000, batch_size=64),
        *(28, "cpu", "fashion-mnist"),
        Expected(_XEON, 2.3, 0.942, 0.817, floor=0.469),
    ),
    "vae-32": Preset(
        *(_vae(steps=3000, batch_size=64), 32, "cpu", "FOLDER"),
        Expected(_XEON, 3.2, 0.924, 0.754, floor=0.627),
    ),
    "vae-64": Preset(
        *(_vae(steps=3000, batch_size=32), 64, "cpu", "FOLDER"),
        Expected(_XEON, 5.7, 0.941, 0.686, floor=0.500),
    ),
    # So few steps learn nothing by heart: with augmentation and late codes clusters are of one
    # picture each, recall 0.06 in place of 0.54.
    "gan-64": Preset(
        *(_gan(steps=3000, batch_size=16, width=16), 64, "cpu", "FOLDER"),
        Expected(_XEON, 5.2, 0.984, 1.861, floor=0.500),
    ),
    "vae-128": Preset(
        *(_vae(steps=3000, batch_size=16, width=16), 128, "cpu", "FOLDER"),
        Expected(_XEON, 6.3, 0.916, 1.397, floor=1.045),
    ),
    "gan-28-accelerator": Preset(
        _gan(k=50, n_components=64, steps=50_000, **_LONG), 28, "accelerator", "fashion-mnist"
    ),
    "gan-32-accelerator": Preset(
        _gan(k=50, n_components=64, steps=50_000, **_LONG), 32, "accelerator", "FOLDER"
    ),
    "gan-64-accelerator": Preset(
        _gan(k=50, n_components=64, steps=100_000, **_LONG), 64, "accelerator", "FOLDER"
    ),
    "gan-128-accelerator": Preset(
        _gan(k=50, n_components=64, steps=100_000, **_LONG), 128, "accelerator", "FOLDER"
    ),
}
"""Settings by name."""


def preset(name: str) -> Preset:
    """The preset of a name.

    Raises:
      ConfigError: where there is none; the nearest name is told.

    Example:
      >>> from clusterart_jax.pipeline import preset
      >>> preset("gan-8").command
      'clusterart run digits --size 8 --generator gan --width 16 --steps 3000 --batch-size 64'
    """
    if name not in PRESETS:
        near = hint(name, list(PRESETS)) or f"; the presets are {', '.join(PRESETS)}"
        raise ConfigError(f"unknown preset {name!r}{near}")
    return PRESETS[name]
