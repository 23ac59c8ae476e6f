"""The folder of styles: what is written there, and how it is read again."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .._errors import CheckpointError
from .._files import atomic_path, write_text
from .._typing import Float, UInt8
from ..art import Styles
from ..cluster import GMMResult
from ..data import read_picture
from ..features import PCAState, ScaleState

FILE, ARRAYS, EXAMPLES = "styles.json", "styles.npz", "examples"
VECTORS, SHEET, PAGE, TABLE = "vectors.npz", "style-{}.png", "report.html", "styles.csv"
FORMAT = 1


class StyleFolder(NamedTuple):
    """Styles that were found, as they lie on disk.

    Attributes:
      path: the folder.
      about: styles.json, whose names a person may have edited.
      styles: what was found.
      examples: (e) files of pictures of the styles, relative to the folder.
      example_styles: (e,) the style of each.
      example_vectors: (e, d) the vector of each.
    """

    path: Path
    about: dict[str, Any]
    styles: Styles
    examples: list[str]
    example_styles: np.ndarray
    example_vectors: Float[np.ndarray, "e d"]

    @property
    def kind(self) -> str:
        """What vectors are made of."""
        return str(self.about["features"])

    @property
    def names(self) -> list[str]:
        """Of the styles, in their order."""
        return [str(style["name"]) for style in self.about["styles"]]

    def pictures(self, rows: np.ndarray) -> list[UInt8[np.ndarray, "h w c"]]:
        """Some of the examples."""
        return [read_picture(self.path / self.examples[row]) for row in rows.tolist()]


def write_styles(
    path: Path,
    about: dict[str, Any],
    styles: Styles,
    example_styles: np.ndarray,
    example_vectors: np.ndarray,
) -> None:
    """Writes styles.json and styles.npz; `about` lists the files of examples."""
    arrays = {
        f"{part}.{name}": np.asarray(value)
        for part in ("scaling", "projection", "mixture")
        for name, value in getattr(styles, part)._asdict().items()
    }
    arrays |= {
        name: np.asarray(getattr(styles, name))
        for name in ("labels", "distances", "means", "scores")
    }
    arrays |= {
        "example_styles": example_styles,
        "example_vectors": example_vectors,
        "covariance_type": np.asarray(styles.mixture.covariance_type),
    }
    with atomic_path(path / ARRAYS) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    write_text(path / FILE, json.dumps(about, indent=2, ensure_ascii=False) + "\n")


def read_styles(path: str | Path) -> StyleFolder:
    """The styles in a folder that `discover_styles` has written.

    Raises:
      CheckpointError: when they are absent, damaged or of another version.
    """
    path = Path(path)
    about = read_about(path)
    if about is None:
        raise CheckpointError(
            f"{path} holds no styles; find some: clusterart styles discover FOLDER --out {path}"
        )
    try:
        if about["format"] != FORMAT:
            raise CheckpointError(f"{path / FILE} is of format {about['format']}, not {FORMAT}")
        names = [str(style["name"]) for style in about["styles"]]
        with np.load(path / ARRAYS, allow_pickle=False) as kept:
            arrays = {name: kept[name] for name in kept.files}
        kind = str(arrays["covariance_type"])

        def part(of: str, cls: Any) -> Any:
            values = {name: arrays[f"{of}.{name}"] for name in cls._fields}
            return cls(**jax.tree.map(jnp.asarray, values))

        kinds: list[Any] = [GMMResult, *GMMResult.__subclasses__()]
        mixture = next(cls for cls in kinds if cls(*[None] * 8).covariance_type == kind)
        styles = Styles(
            arrays["labels"],
            arrays["distances"],
            arrays["means"],
            part("scaling", ScaleState),
            part("projection", PCAState),
            part("mixture", mixture),
            arrays["scores"],
        )
        if len(names) != len(styles.means):
            raise CheckpointError(
                f"{path / FILE} names {len(names)} styles, but there are {len(styles.means)}"
            )
        return StyleFolder(
            path,
            about,
            styles,
            [str(file) for file in about["examples"]],
            arrays["example_styles"],
            arrays["example_vectors"],
        )
    except (KeyError, ValueError, OSError, TypeError, StopIteration) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(
            f"the styles in {path} are damaged ({type(error).__name__}: {error});"
            " discover them again"
        ) from error


def read_about(path: Path) -> dict[str, Any] | None:
    """styles.json, or None where there is none.

    Raises:
      CheckpointError: when it cannot be read; names in it may have been edited wrongly.
    """
    file = path / FILE
    if not file.exists():
        return None
    try:
        about = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{file} cannot be read: {error}") from error
    if not isinstance(about, dict):
        raise CheckpointError(f"{file} holds no styles")
    return about
