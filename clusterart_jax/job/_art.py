"""Photographs → a folder of palettes, segments, prints and paintings, and a page of them."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import jax
import numpy as np

from .. import art
from .._checks import seed_key
from .._errors import ConfigError, DataError
from .._files import atomic_path, make_folder
from .._progress import progress
from .._typing import KeyArray, UInt8
from ..data import SAMPLES, png_bytes, read_picture
from ..report import Portfolio, Swatch, Work, write_art_page
from ._folder import ART_PAGE

PAGE = "index.html"
_SIDE = 800  # pixels of the longer side, at most

Picture = UInt8[np.ndarray, "h w c"]


def make_art(
    out: str | os.PathLike[str],
    pictures: Sequence[str | os.PathLike[str]] = SAMPLES,
    *,
    seed: int = 0,
    back: str = "",
    quiet: bool = True,
) -> Path:
    """Makes of each photograph a palette, segments, a stippling, a sheet to paint, and paintings.

    Paintings, each photograph in the style of the next one and in a mixture of both, need the
    networks of the extra `[pretrained]`; without it the page says how to get it.

    Args:
      out: folder to write; files of the same names are replaced.
      pictures: files, or "china" and "flower", the samples of scikit-learn.
      seed: of all randomness.
      back: address of a page to link back to.
      quiet: no progress bar.

    Returns:
      The page, `index.html`, which is written last.

    Raises:
      DataError: when a picture cannot be read.
      OutputError: when the folder cannot be written.

    Example:
      >>> import pathlib, tempfile, numpy as np
      >>> from clusterart_jax.data import write_picture
      >>> from clusterart_jax.job import make_art
      >>> folder = pathlib.Path(tempfile.mkdtemp())
      >>> ramp = np.linspace(0, 255, 48 * 64 * 3).reshape(48, 64, 3).astype(np.uint8)
      >>> write_picture(folder / "ramp.png", ramp)
      >>> make_art(folder / "art", [folder / "ramp.png"]).name
      'index.html'
    """
    key = seed_key(seed)
    photographs = read_photographs(pictures)
    names = _names(pictures)
    folder = Path(out)
    make_folder(folder)
    painter, notes = _painter(photographs)
    each = len(_MAKERS) + (painter is not None)
    portfolios = []
    with progress(each * len(names), "drawing", "picture", quiet=quiet) as bar:
        for i, name in enumerate(names):
            found = art.palette(jax.random.fold_in(key, i), photographs[i], 8)
            works: list[Work] = []
            for make in _MAKERS:
                works += make(jax.random.fold_in(key, i), photographs[i], name)
                bar.update()
            if painter is not None:
                works += painter(i, names)
                bar.update()
            for work in works:
                _write(folder / work.file, work.data)
            _write(folder / f"{name}-palette.svg", art.palette_svg(found, name).encode())
            _write(folder / f"{name}-palette.json", art.palette_json(found).encode())
            portfolios.append(Portfolio(name, _swatches(found), works))
    page = folder / Path(ART_PAGE).name
    write_art_page(page, portfolios, title="What became of photographs", notes=notes, back=back)
    return page


def read_photographs(pictures: Sequence[str | os.PathLike[str]]) -> list[Picture]:
    """The pictures, at the size that is worked on.

    Raises:
      DataError: when there are none, one cannot be read, or one is clear everywhere.
    """
    if not pictures:
        raise DataError("pictures: there are none")
    photographs = [read_picture(name, max_side=_SIDE) for name in pictures]
    for name, image in zip(pictures, photographs, strict=True):
        if image.shape[2] == 4 and not image[..., 3].any():
            raise DataError(f"{os.fspath(name)}: no pixel of it is visible")
    return photographs


def _names(pictures: Sequence[str | os.PathLike[str]]) -> list[str]:
    """Stems of the files, numbered where two are alike."""
    stems = [Path(name).stem for name in pictures]
    return [stem if stems.count(stem) == 1 else f"{stem}-{i + 1}" for i, stem in enumerate(stems)]


def _write(path: Path, data: bytes) -> None:
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def _swatches(found: art.Palette) -> list[Swatch]:
    there = np.asarray(found.shares) > 0
    colors = np.asarray(found.colors)[there]
    shares = np.asarray(found.shares)[there].tolist()
    return [
        Swatch(*parts)
        for parts in zip(art.hex_codes(colors), art.color_names(colors), shares, strict=True)
    ]


def _original(key: KeyArray, image: Picture, name: str) -> Iterator[Work]:
    yield Work(f"{name}.png", png_bytes(image), "The photograph", "As it was.")


def _segments(key: KeyArray, image: Picture, name: str) -> Iterator[Work]:
    found = art.segment(key, image, 24, method="agglomerative")
    text = f"{len(found.sizes)} connected parts, in their mean colours: superpixels, merged."
    yield Work(f"{name}-segments.png", png_bytes(art.draw_means(found)), "Segments", text)
    text = "The same parts as outlines."
    outlined = art.draw_outlines(image, found)
    yield Work(f"{name}-outlines.png", png_bytes(outlined), "Outlines", text)


def _dots(key: KeyArray, image: Picture, name: str) -> Iterator[Work]:
    drawing = art.draw_stipple(art.stipple(key, image, 12_000))
    text = "12,000 dots of ink by weighted k-means; the file is SVG."
    svg = art.svg_text(drawing, name).encode()
    yield Work(f"{name}-stippling.svg", svg, "Stippling", text)


def _sheet(key: KeyArray, image: Picture, name: str) -> Iterator[Work]:
    sheet = art.paint_by_numbers(key, image, 20)
    for painted, end, title, text in (
        (False, "numbers", "To paint by numbers", "Areas, their numbers and colours, for A4; SVG."),
        (True, "painted", "Painted", "The sheet as it will look."),
    ):
        drawing = art.draw_numbers(sheet, painted=painted)
        svg = art.svg_text(drawing, name).encode()
        yield Work(f"{name}-{end}.svg", svg, title, text)


def _triangles(key: KeyArray, image: Picture, name: str) -> Iterator[Work]:
    svg = art.svg_text(art.draw_lowpoly(art.lowpoly(key, image, 1500)), name).encode()
    text = "Triangles, small where there are edges; SVG."
    yield Work(f"{name}-lowpoly.svg", svg, "Low poly", text)


_MAKERS: tuple[Callable[[KeyArray, Picture, str], Iterator[Work]], ...] = (
    *(_original, _segments, _dots, _sheet, _triangles),
)


def _painter(
    photographs: Sequence[Picture],
) -> tuple[Callable[[int, Sequence[str]], list[Work]] | None, list[str]]:
    """What paints each photograph in the style of the next, and what the reader should know."""
    if len(photographs) < 2:
        return None, []
    try:
        styles = np.concatenate([art.style_vectors([picture]) for picture in photographs])
    except ConfigError as error:
        return None, [f"Paintings in each other's style: {error}"]

    def paint(i: int, names: Sequence[str]) -> list[Work]:
        other = (i + 1) % len(names)
        mixed = (styles[i] + styles[other]) / 2
        works = []
        for end, style, title, text in (
            (f"like-{names[other]}", styles[other], "In a style", f"That of {names[other]}."),
            ("mixture", mixed, "In a mixture of styles", f"Half its own, half of {names[other]}."),
        ):
            painted = art.apply_style(photographs[i], style)
            works.append(Work(f"{names[i]}-{end}.png", png_bytes(painted), title, text))
        return works

    return paint, []
