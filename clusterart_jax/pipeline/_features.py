"""What the clustering sees of pictures: rows of numbers, by name."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

from .._typing import Array, Float, Images
from ..features import Network, color_statistics, network, pixels, texture_statistics


class Seen(NamedTuple):
    """One way of seeing pictures.

    Attributes:
      rows: pictures `uint8` (n, h, w, c) → (n, d). Works when traced.
      reduced: whether only the first principal components of the rows are clustered.
      in_batches: whether it goes over pictures of the host in batches of its own, so that it is
        not to be compiled as a whole.
    """

    rows: Callable[[Any], Float[Array, "n d"]]
    reduced: bool = True
    in_batches: bool = False


@cache
def _loaded(name: str) -> Network:
    return network(name)


def _by_network(name: str, images: Images) -> Float[Array, "n d"]:
    return _loaded(name).features(images)


FEATURES = {
    "pixels": Seen(pixels, reduced=False),
    "pca": Seen(pixels),
    "color": Seen(color_statistics),
    "texture": Seen(texture_statistics),
    "effnet": Seen(partial(_by_network, "efficientnet-lite0"), in_batches=True),
    "maps": Seen(partial(_by_network, "efficientnet-lite0-maps"), in_batches=True),
    "style": Seen(partial(_by_network, "style"), in_batches=True),
}
"""Kinds of features by their names: a kind is an entry here."""
