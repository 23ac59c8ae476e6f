"""What became of photographs, as one HTML page that needs nothing else."""

import base64
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .._files import write_text
from ._html import environment, resource

_MEDIA = {".png": "image/png", ".jpg": "image/jpeg", ".svg": "image/svg+xml"}


class Work(NamedTuple):
    """One picture that was made.

    Attributes:
      file: its name, in the folder of the page; ends in .png, .jpg or .svg.
      data: the bytes of that file.
      title: what it is called.
      text: one line on what it is.
      wide: whether it takes the room of two.
    """

    file: str
    data: bytes
    title: str
    text: str
    wide: bool = False


class Swatch(NamedTuple):
    """A colour of a palette: `#rrggbb`, what it is called, and its share of the picture, 0…1."""

    code: str
    name: str
    share: float


class Portfolio(NamedTuple):
    """A photograph and what was made of it."""

    name: str
    palette: Sequence[Swatch]
    works: Sequence[Work]


def write_art_page(
    path: str | os.PathLike[str],
    portfolios: Sequence[Portfolio],
    *,
    title: str,
    notes: Sequence[str] = (),
    back: str = "",
) -> None:
    """Writes the page; the works are inside it, and link to their files beside it.

    Args:
      path: the file; one that exists is replaced.
      portfolios: what to show, a section each.
      title: the heading.
      notes: sentences that the reader should see.
      back: address of the page that this one belongs to, or nothing.

    Raises:
      OutputError: when the file cannot be written; an earlier one then stays as it was.

    Example:
      >>> import pathlib, tempfile
      >>> work = Work("dot.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "A dot", "Black.")
      >>> made = Portfolio("dot", [Swatch("#000000", "black", 1.0)], [work])
      >>> path = pathlib.Path(tempfile.mkdtemp()) / "index.html"
      >>> write_art_page(path, [made], title="Art")
      >>> "A dot" in path.read_text(encoding="utf-8")
      True
    """
    shown = [
        {"name": p.name, "palette": p.palette, "works": [_view(work) for work in p.works]}
        for p in portfolios
    ]
    page = environment().get_template("art.html.jinja")
    text = page.render(
        style=resource("_style.css"), title=title, notes=notes, portfolios=shown, back=back
    )
    write_text(Path(path), text)


def _view(work: Work) -> dict[str, Any]:
    media = _MEDIA[Path(work.file).suffix]
    data = base64.b64encode(work.data).decode()
    return {**work._asdict(), "src": f"data:{media};base64,{data}"}
