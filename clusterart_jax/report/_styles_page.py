"""The styles of a folder on one HTML page that needs no other file."""

import base64
import html
import os
from collections.abc import Sequence
from typing import NamedTuple

from .._files import write_text
from ._words import clean, count, percent


class StylePart(NamedTuple):
    """What the page says of a style.

    Attributes:
      number: of the style.
      name: of the style.
      pictures: how many are of it.
      share: of all pictures, 0…1.
      sheet: a PNG, as `style_sheet` draws it.
      typical: file names of typical pictures.
      palette: ("#rrggbb", share) of its colours.
    """

    number: int
    name: str
    pictures: int
    share: float
    sheet: bytes
    typical: Sequence[str]
    palette: Sequence[tuple[str, float]]


def write_styles_page(
    path: str | os.PathLike[str],
    title: str,
    about: str,
    parts: Sequence[StylePart],
    notes: Sequence[str],
) -> None:
    """Writes the page.

    Args:
      path: of the file.
      title: of the page.
      about: one sentence on how styles were found.
      parts: the styles.
      notes: what a reader should know, such as files that could not be read.
    """
    sections = "\n".join(_section(part) for part in parts)
    told = "".join(f"<li>{_text(note)}</li>" for note in notes)
    notes_part = f"<h2>Notes</h2><ul>{told}</ul>" if told else ""
    page = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_text(title)}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; color: #1f2328; background: #faf9f6;
  max-width: 1180px; margin: 2rem auto; padding: 0 1rem; }}
section {{ background: #fff; border: 1px solid #d9d5cc; margin: 2rem 0; padding: 1rem 1.25rem; }}
img {{ max-width: 100%; height: auto; display: block; }}
h2 {{ margin: 0.25rem 0; }} p, li {{ color: #5b6069; overflow-wrap: anywhere; }}
code {{ background: #f1efe9; padding: 0.1em 0.3em; }}
.swatches span {{ display: inline-block; padding: 0.2em 0.6em; margin: 0 0.3em 0.3em 0; }}
</style></head><body>
<h1>{_text(title)}</h1>
<p>{_text(about)}</p>
{sections}
{notes_part}
</body></html>
"""
    write_text(path, page)


def _section(part: StylePart) -> str:
    sheet = base64.b64encode(part.sheet).decode()
    colors = " ".join(f"<code>{color}</code> {percent(share)}" for color, share in part.palette)
    files = ", ".join(_text(name) for name in part.typical)
    return f"""<section id="style-{part.number}">
<h2>{part.number}: {_text(part.name)}</h2>
<p>{count(part.pictures, "picture")}, {percent(part.share)} of all</p>
<img alt="Typical pictures, texture and colours of {_text(part.name)}"
  src="data:image/png;base64,{sheet}">
<p>{colors}</p><p>Typical: {files}</p>
</section>"""


def _text(words: str) -> str:
    return html.escape(clean(words))
