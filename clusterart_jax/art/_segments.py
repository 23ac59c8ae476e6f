"""What a picture falls apart into, and the means and sizes of the parts."""

from typing import Any, NamedTuple

import numpy as np

from .._checks import check_count
from .._errors import ConfigError, DataError
from .._typing import Float, Int, UInt8
from ._counts import check_picture

_levels: np.ndarray = np.arange(511) / 510
_levels = np.where(_levels <= 0.04045, _levels / 12.92, ((_levels + 0.055) / 1.055) ** 2.4)
LINEAR = _levels[::2].astype(np.float32)
"""Linear light of 8-bit sRGB, as `features.srgb_to_linear` has it; no program is made for it."""


class Segments(NamedTuple):
    """Parts of a picture; every field is on the host.

    Attributes:
      labels: (h, w) int32, the segment of each pixel, −1 of pixels that belong to none.
      colors: (n, c) uint8, mean colour of each, taken in linear light; c = 1 of grey pictures,
        else 3.
      sizes: (n,) int32, their pixels.
      centers: (n, 2) float32, their middles: row and column, in pixels.
    """

    labels: Int[np.ndarray, "h w"]
    colors: UInt8[np.ndarray, "n c"]
    sizes: Int[np.ndarray, " n"]
    centers: Float[np.ndarray, "n 2"]

    @property
    def n_segments(self) -> int:
        """How many there are."""
        return len(self.sizes)


class Parts(NamedTuple):
    """Labels, and sums over the pixels of each, from which those of unions follow exactly.

    Attributes:
      labels: (h, w) int32.
      sums: (n, c + 3): linear light, pixels, rows and columns.
    """

    labels: np.ndarray
    sums: np.ndarray

    @property
    def sizes(self) -> np.ndarray:
        return self.sums[:, -3]

    def joined(self, group: Int[np.ndarray, " n"]) -> "Parts":
        """Those of one group as one; groups are numbered by size, the largest is 0."""
        found, group = np.unique(group, return_inverse=True)
        sums = [np.bincount(group, column, len(found)) for column in self.sums.T]
        order = np.argsort(-sums[-3], kind="stable")
        number = np.empty(len(found), np.int32)
        number[order] = np.arange(len(order))
        of_part = np.append(number[group], np.int32(-1))  # -1 of pixels that belong to none
        return Parts(of_part[self.labels], np.stack(sums, axis=1)[order])

    def segments(self) -> Segments:
        """With means in place of sums."""
        means = self.sums / self.sizes[:, None]
        return Segments(
            labels=self.labels,
            colors=np.searchsorted(_levels[1::2], means[:, :-3]).astype(np.uint8),
            sizes=self.sizes.astype(np.int32),
            centers=means[:, -2:].astype(np.float32),
        )


def check_visible(image: Any) -> np.ndarray:
    """A picture (h, w, c) on the host, some pixel of which shows."""
    array = np.asarray(check_picture(image))
    if array.shape[2] == 4 and not array[..., 3].any():
        raise DataError("image is fully transparent: there is nothing to segment")
    return array


def check_amount(value: Any, name: str, high: int | None = None) -> int:
    """A whole number from 1 to `high`, which users give by an option."""
    try:
        return check_count(value, name, high=high)
    except ValueError as error:
        raise ConfigError(str(error)) from None
