"""What an algorithm tells of its way to the clusters → what a report draws of it."""

from typing import Any

import numpy as np

from ..pipeline import Clustering, least_numbers
from ..report import CondensedTree, Dendrogram, Radius


def shown_method(clustering: Clustering) -> dict[str, Any]:
    """Parts of a `Summary`: how pictures were joined, and how firmly they belong."""
    config, extras = clustering.config, clustering.extras or {}
    parts: dict[str, Any] = {}
    if clustering.probabilities is not None:
        parts["probabilities"] = np.asarray(clustering.probabilities)
    if "linkage" in extras:
        parts["found"] = Dendrogram(np.asarray(extras["linkage"]))
    if "tree" in extras:
        size, _ = least_numbers(config, len(extras["points"]))
        parts["found"] = CondensedTree(np.asarray(extras["tree"].linkage), size)
    if "eps" in extras:
        curve = np.asarray(extras["distances"])
        _, least = least_numbers(config, len(curve))
        parts["found"] = Radius(curve, float(extras["eps"]), least)
    return parts
