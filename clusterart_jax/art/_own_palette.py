"""For now: colours of a picture by k-means in OKLab."""

import jax
import jax.numpy as jnp
import numpy as np

from ..cluster import kmeans
from ..features import oklab_to_srgb, srgb_to_oklab
from ._photo import of_colors, photo


def main_colors(key, image, k):  # type: ignore[no-untyped-def]
    small = photo(image, 2**15)
    lab = of_colors(srgb_to_oklab, small.on_paper).reshape(-1, 3)
    w = small.alpha.reshape(-1).astype(np.float32)
    n = 2**15 + 2**12
    lab = np.pad(lab, ((0, n - len(lab)), (0, 0)))
    w = np.pad(w, (0, n - len(w)))
    found = kmeans(key, jnp.asarray(lab), k, sample_weight=w)
    shares = np.bincount(np.asarray(found.labels), w, k)
    order = np.argsort(-shares, kind="stable")
    return np.clip(np.asarray(oklab_to_srgb(found.centers)), 0, 1)[order], (shares / shares.sum())[order]
