"""Photographs in styles: of a folder's clusters, between them, of one painting, or new ones."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from .. import art
from .._checks import seed_key
from .._errors import ConfigError, DataError
from .._typing import Bool, Float, UInt8
from ..data import find_files, read_picture
from ._style_files import StyleFolder, read_styles
from ._styles import has_network

METHODS = ("network", "transfer")
_SOFT = 0.012  # of the picture's side: about half a superpixel
_EDGE = 0.03  # light: what changes more is an edge
_NEAREST = 3  # examples that stand for a new style, where no network paints it


class Brush(NamedTuple):
    """How photographs are painted.

    Attributes:
      method: "network", the pretrained one, or "transfer", of colours and patches of examples;
        None is "network" where that is installed.
      strength: 0 leaves a photograph as it is, 1 paints in the style; "network" goes up to 2.
      keep_colors: whether colours stay those of the photograph.
      size: the longer side of photographs, in pixels; larger ones are made smaller first.
      seed: of the randomness.
      only: segments of a photograph that are painted, the rest stays; none of them: all of it.
      segments: into how many parts a photograph is divided for that, as `art.segment` does.
    """

    method: str | None = None
    strength: float = 0.8
    keep_colors: bool = False
    size: int = 1024
    seed: int = 0
    only: tuple[int, ...] = ()
    segments: int = 8

    def checked(self) -> "Brush":
        """With its method decided.

        Raises:
          ConfigError: for options that cannot be.
        """
        if self.method is not None and self.method not in METHODS:
            raise ConfigError(f"method must be {' or '.join(METHODS)}, not {self.method!r}")
        if self.size < 16:
            raise ConfigError(f"size must be at least 16, not {self.size}")
        method = self.method or ("network" if has_network() else "transfer")
        most = 2 if method == "network" else 1
        if not 0 <= self.strength <= most:
            raise ConfigError(
                f"strength must be between 0 and {most} with {method}, not {self.strength!r}"
            )
        return self._replace(method=method)

    def read(self, path: Path) -> UInt8[np.ndarray, "h w c"]:
        """A photograph, no larger than asked."""
        return read_picture(path, max_side=self.size)

    def paint(self, picture: UInt8[np.ndarray, "h w c"], style: "Wanted") -> np.ndarray:
        """The photograph in a style.

        Raises:
          ConfigError: for a segment that it does not have.
        """
        options: dict[str, Any] = {"strength": self.strength, "keep_colors": self.keep_colors}
        key = seed_key(self.seed)
        mask = None
        if self.only:
            found = art.segment(key, picture, self.segments)
            mask = art.segment_mask(found, self.only)
        if style.vector is not None:
            made = art.apply_style(picture, style.vector, **options)
        else:
            made = art.transfer(key, picture, style.examples, weights=style.weights, **options)
        return made if mask is None else _within(mask, made, picture)


class Wanted(NamedTuple):
    """A style to paint in.

    Attributes:
      name: what to call it.
      vector: of the network; None where examples are transferred.
      examples: pictures of the style.
      weights: of these.
    """

    name: str
    vector: Float[np.ndarray, " 100"] | None
    examples: list[np.ndarray]
    weights: list[float]


def _within(
    mask: Bool[np.ndarray, "h w"], made: np.ndarray, picture: np.ndarray
) -> UInt8[np.ndarray, "h w c"]:
    """One picture where the mask is, the other elsewhere; a pixel near the border is of both."""
    share = _matte(mask, picture)[..., None]
    if made.shape[2] == 3 and picture.shape[2] == 1:
        picture = picture.repeat(3, axis=2)
    return np.round(share * made + (1 - share) * picture).astype(np.uint8)


def _matte(
    mask: Bool[np.ndarray, "h w"], picture: UInt8[np.ndarray, "h w c"]
) -> Float[np.ndarray, "h w"]:
    """The mask, 0…1, sharp where the picture has an edge and soft where it has none.

    Parts are made of superpixels, whose borders are blocks where nothing in the picture tells them
    where to run. A guided filter (He, Sun and Tang, 2013, doi:10.1109/TPAMI.2012.213).
    """
    from scipy.ndimage import uniform_filter

    height, width = mask.shape
    reach = max(1, round(math.sqrt(height * width) * _SOFT))

    def mean(values: np.ndarray) -> np.ndarray:
        return np.asarray(uniform_filter(values, 2 * reach + 1, mode="nearest"))

    inside = mask.astype(np.float32)
    light = picture[..., :3].mean(axis=2, dtype=np.float32) / 255
    light_mean, inside_mean = mean(light), mean(inside)
    spread = mean(light * light) - light_mean**2
    slope = (mean(light * inside) - light_mean * inside_mean) / (spread + _EDGE**2)
    return np.clip(mean(slope) * light + mean(inside_mean - slope * light_mean), 0, 1)


def of_painting(path: str | Path, brush: Brush) -> Wanted:
    """The style of one picture.

    Raises:
      DataError: when it cannot be read.
    """
    painting = read_picture(path, max_side=1024)
    if brush.checked().method == "network":
        return Wanted(Path(path).stem, art.style_vectors([painting])[0], [], [])
    return Wanted(Path(path).stem, None, [painting], [1.0])


def of_shares(
    styles: str | Path | StyleFolder, wanted: Sequence[dict[int, float]], brush: Brush
) -> list[Wanted]:
    """Styles of a folder, or what lies between them.

    Args:
      styles: folder that `discover_styles` has written.
      wanted: style → share for each; shares are scaled to sum 1.
      brush: how they will be painted.

    Raises:
      CheckpointError: when there are no styles.
      ConfigError: for a style that there is not, or shares that cannot be.
    """
    kept = styles if isinstance(styles, StyleFolder) else read_styles(styles)
    names = kept.names
    shares = [_shares(some, len(names), kept.path) for some in wanted]
    titles = [_title(some, names) for some in shares]
    if brush.checked().method == "network":
        vectors = _network_vectors(kept, np.flatnonzero(np.sum(shares, axis=0)))
        return [
            Wanted(title, art.mix_styles(vectors, some), [], [])
            for title, some in zip(titles, shares, strict=True)
        ]
    found = []
    for title, some in zip(titles, shares, strict=True):
        rows = np.flatnonzero(some[kept.example_styles] > 0)
        counts = np.bincount(kept.example_styles[rows], minlength=len(names))
        weights = [float(some[s] / counts[s]) for s in kept.example_styles[rows]]
        found.append(Wanted(title, None, kept.pictures(rows), weights))
    return found


def invented(styles: str | Path, n: int, brush: Brush, *, temperature: float = 1.5) -> list[Wanted]:
    """New styles, drawn from the mixture of a folder's; the same for the same seed.

    The network paints them as they are drawn, where styles were told apart by it. Else each is
    mixed of the examples nearest to it.

    Args:
      styles: folder that `discover_styles` has written.
      n: how many.
      brush: how they will be painted.
      temperature: as of `art.invent_styles`.

    Raises:
      CheckpointError: when there are no styles.
      ConfigError: for options that cannot be.
    """
    kept = read_styles(styles)
    if n < 1:
        raise ConfigError(f"n must be at least 1, not {n}")
    brush = brush.checked()
    key = jax.random.fold_in(seed_key(brush.seed), 7)
    vectors, points = art.invent_styles(key, kept.styles, n, temperature=temperature)
    titles = [f"new {i}" for i in range(n)]
    if brush.method == "network" and kept.kind == "style":
        return [Wanted(t, v, [], []) for t, v in zip(titles, vectors, strict=True)]
    places = np.asarray(kept.styles.place(kept.example_vectors))
    found = []
    for title, point in zip(titles, points, strict=True):
        squares = np.sum((places - point) ** 2, axis=1)
        rows = np.argsort(squares, kind="stable")[:_NEAREST]
        weights = 1 / (squares[rows] + 1e-3 * squares.max() + 1e-12)
        weights = weights / weights.sum()
        examples = kept.pictures(rows)
        if brush.method == "network":
            mixed = art.mix_styles(art.style_vectors(examples), weights)
            found.append(Wanted(title, mixed, [], []))
        else:
            found.append(Wanted(title, None, examples, weights.tolist()))
    return found


def photographs(path: str | Path) -> tuple[Path, list[str]]:
    """A folder, and the pictures in it; one picture is the only one of its folder.

    Raises:
      DataError: where there is none.
    """
    path = Path(path)
    if not path.is_dir():
        return path.parent, [path.name]
    names, _ = find_files(path)
    if not names:
        raise DataError(f"no pictures in {path} or the folders in it")
    return path, names


def painted(
    photo: UInt8[np.ndarray, "h w c"], styles: Sequence[Wanted], brush: Brush
) -> Iterator[UInt8[np.ndarray, "h w c"]]:
    """A photograph in each of several styles, one after the other."""
    for style in styles:
        yield brush.paint(photo, style)


def grid_shares(corners: Sequence[int], steps: int) -> list[dict[int, float]]:
    """Shares for a grid between four styles, row by row: the corners are the styles themselves.

    Raises:
      ConfigError: when there are not four corners, or fewer than 2 steps.

    Example:
      >>> grid_shares([0, 1, 2, 3], 3)[1]
      {0: 0.5, 1: 0.5}
    """
    if len(corners) != 4:
        raise ConfigError(f"a grid lies between four styles, not {len(corners)}")
    if not 2 <= steps <= 12:
        raise ConfigError(f"a grid has 2 to 12 steps a side, not {steps}")
    cells = []
    for y in np.linspace(0, 1, steps).tolist():
        for x in np.linspace(0, 1, steps).tolist():
            shares: dict[int, float] = {}
            parts = ((1 - y) * (1 - x), (1 - y) * x, y * (1 - x), y * x)
            for corner, share in zip(corners, parts, strict=True):
                if share:
                    shares[corner] = shares.get(corner, 0.0) + share
            cells.append(shares)
    return cells


def _shares(some: dict[int, float], k: int, path: Path) -> np.ndarray:
    shares = np.zeros(k)
    for number, share in some.items():
        if not 0 <= number < k:
            raise ConfigError(f"there is no style {number} in {path}; there are 0 to {k - 1}")
        if not 0 <= share < np.inf:
            raise ConfigError(f"the share of style {number} must be 0 or more, not {share!r}")
        shares[number] += share
    if not shares.sum() > 0:
        raise ConfigError("shares of styles must not all be 0")
    return shares / shares.sum()


def _title(shares: np.ndarray, names: list[str]) -> str:
    rows = np.flatnonzero(shares)
    if len(rows) == 1:
        return names[rows[0]]
    return ", ".join(f"{names[row]} {100 * shares[row]:.0f} %" for row in rows)


def _network_vectors(kept: StyleFolder, needed: np.ndarray) -> Float[np.ndarray, "k 100"]:
    """The network's vector of each style: of its pictures, or else of its examples."""
    if kept.kind == "style":
        return kept.styles.means
    vectors = np.zeros((len(kept.names), 100), np.float32)
    for number in needed.tolist():
        rows = np.flatnonzero(kept.example_styles == number)
        vectors[number] = art.style_vectors(kept.pictures(rows)).mean(axis=0)
    return vectors
