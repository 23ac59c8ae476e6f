"""A finished run → one HTML file and its figures.

- `Summary`: all that a report shows; `Number`, `Pairs` and `Neighbors` are parts of it, and
  `Dendrogram`, `CondensedTree` or `Radius`, which tell how clusters were found.
- `write_report`: a summary → `report.html`, which needs no network and no other file.
- `write_figures`: a summary → PNG files for slides and papers.
- `write_sheets`: a summary → a contact sheet of each cluster.
- `write_art_page`: what became of photographs → a page; `Portfolio`, `Swatch` and `Work` are it.
- `draw_choice`: what `choose_k` found → a matplotlib figure.
- `draw_eps`: what `propose_eps` found → likewise.
- `draw_curves`: loss curves → an array of a picture.
- `contact_sheet`: pictures → one picture of them in a grid; `captioned_sheet`: with words.
- `style_sheet`: what a style is → one picture; `write_styles_page`: all of them on a page.
"""

from ._art_page import Portfolio, Swatch, Work, write_art_page
from ._captions import captioned_sheet, style_sheet
from ._choice import draw_choice
from ._eps_plot import draw_eps
from ._figures import write_figures, write_sheets
from ._html import write_report
from ._plots import draw_curves
from ._sheets import contact_sheet
from ._styles_page import StylePart, write_styles_page
from ._summary import CondensedTree, Dendrogram, Neighbors, Number, Pairs, Radius, Summary

__all__ = [
    "CondensedTree",
    "Dendrogram",
    "Neighbors",
    "Number",
    "Pairs",
    "Portfolio",
    "Radius",
    "StylePart",
    "Summary",
    "Swatch",
    "Work",
    "captioned_sheet",
    "contact_sheet",
    "draw_choice",
    "draw_curves",
    "draw_eps",
    "style_sheet",
    "write_art_page",
    "write_figures",
    "write_report",
    "write_sheets",
    "write_styles_page",
]
