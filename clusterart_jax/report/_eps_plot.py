"""The sorted distances to the k-th nearest row, with the radius that was proposed."""

from typing import TYPE_CHECKING

import numpy as np

from ..cluster import EpsProposal
from ._plots import LIGHT, Theme, _figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_eps(proposal: EpsProposal, theme: Theme = LIGHT) -> "Figure":
    """Draws what `propose_eps` found: the curve, its chord, and the knee.

    Args:
      proposal: what `propose_eps` returned.
      theme: colours.

    Returns:
      A matplotlib figure, which belongs to no window; `savefig` writes it.

    Example:
      >>> import clusterart_jax as ca
      >>> draw_eps(ca.propose_eps([[0.0], [0.1], [0.3], [9.0]], 2)).axes[0].get_xlabel()
      'rows, nearest first'
    """
    eps, distances, knee, mass = (np.asarray(a) for a in proposal)
    there = np.isfinite(distances)
    figure, axes = _figure(5.5, 3.4, theme)
    axes.plot(mass[there], distances[there], color=theme.curve, lw=1.6)
    if there.any():
        ends = np.flatnonzero(there)[[0, -1]]
        axes.plot(mass[ends], distances[ends], color=theme.soft, lw=1, ls=(0, (4, 3)))
        axes.axhline(eps, color=theme.soft, lw=1, ls=":", zorder=0)
        axes.plot(mass[[knee]], eps[None], "o", ms=11, mfc="none", mec=theme.ink, mew=1.6)
        axes.annotate(
            f"eps = {eps:.4g}",
            (0, eps),
            xycoords=("axes fraction", "data"),
            xytext=(5, 4),
            textcoords="offset points",
            color=theme.ink,
            size=10,
            weight="bold",
        )
    axes.set_xlabel("rows, nearest first")
    axes.set_ylabel("distance to the k-th row")
    axes.grid(axis="y", color=theme.line, lw=0.6)
    return figure
