"""The curve over numbers of clusters, with the one that was picked."""

from typing import TYPE_CHECKING

import numpy as np

from .._checks import check_choice
from ..metrics import KChoice
from ._plots import LIGHT, Theme, _figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_AXES = {
    "silhouette": "mean silhouette",
    "elbow": "inertia",
    "gap": "gap statistic, ± 1 standard error",
    "bic": "Bayes' information criterion",
}


def draw_choice(choice: KChoice, method: str, theme: Theme = LIGHT) -> "Figure":
    """Draws what `choose_k` found: a point for each k, the picked one marked.

    For "elbow" the curve of inertias with the chord below which the knee lies farthest, for "gap"
    with error bars, else the scores.

    Args:
      choice: what `choose_k` returned.
      method: the method it was asked for.
      theme: colours.

    Returns:
      A matplotlib figure, which belongs to no window; `savefig` writes it.

    Raises:
      ValueError: when the method is none of `choose_k`.

    Example:
      >>> import numpy as np
      >>> from clusterart_jax.metrics import KChoice
      >>> curve = KChoice(np.arange(2, 5), np.array([0.4, 0.7, 0.5]), np.zeros(3), np.ones(3), 3)
      >>> draw_choice(curve, "silhouette").axes[0].get_ylabel()
      'mean silhouette'
    """
    label = _AXES[check_choice(method, "method", tuple(_AXES))]
    ks, scores, errors, inertias, k = (np.asarray(a) for a in choice)
    curve = inertias if method == "elbow" else scores
    figure, axes = _figure(5.5, 3.4, theme)
    if method == "elbow":
        axes.plot(ks[[0, -1]], curve[[0, -1]], color=theme.soft, lw=1, ls=(0, (4, 3)))
    bars = errors if method == "gap" else None
    style = {"color": theme.curve, "lw": 1.6, "marker": "o", "ms": 4, "capsize": 3}
    axes.errorbar(ks, curve, yerr=bars, **style)
    picked = curve[ks == k]
    axes.axvline(k, color=theme.soft, lw=1, ls=":", zorder=0)
    axes.plot(np.full(picked.shape, k), picked, "o", ms=11, mfc="none", mec=theme.ink, mew=1.6)
    axes.annotate(
        f"k = {k}",
        (k, 1),
        xycoords=("data", "axes fraction"),
        xytext=(5, -4),
        textcoords="offset points",
        va="top",
        color=theme.ink,
        size=10,
        weight="bold",
    )
    axes.margins(y=0.15)
    axes.set_xlabel("number of clusters")
    axes.set_ylabel(label)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(axis="y", color=theme.line, lw=0.6)
    return figure
