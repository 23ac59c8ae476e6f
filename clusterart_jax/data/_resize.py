"""One picture shape from another: the centre square, scaled with an antialiasing filter."""

from typing import TYPE_CHECKING

import numpy as np

from .._progress import tracked
from .._typing import UInt8
from ._options import check_size

if TYPE_CHECKING:
    from PIL import Image

# While a picture is more than this many times too large, it is first shrunk by a whole factor and
# only then filtered: the result differs by less than one grey level on average, and comes faster.
_REDUCING_GAP = 3.0


def resize(
    images: UInt8[np.ndarray, "n h w c"], size: int, *, quiet: bool = True
) -> UInt8[np.ndarray, "n size size c"]:
    """Pictures as squares: the short side becomes `size`, the long side is cropped to its centre.

    Args:
      images: shape (n, h, w, c) with c = 1 or 3, values 0…255.
      size: side of the squares, in pixels, 4…4096.
      quiet: show no progress bar.

    Returns:
      Shape (n, size, size, c); `images` itself where it has that shape already.

    Raises:
      ConfigError: for a `size` that cannot be.

    Example:
      >>> import numpy as np
      >>> resize(np.full((2, 30, 20, 3), 7, np.uint8), 8).shape
      (2, 8, 8, 3)
    """
    size = check_size(size)
    n, height, width, depth = images.shape
    if (height, width) == (size, size):
        return images
    from PIL import Image

    squares = np.empty((n, size, size, depth), np.uint8)
    for row in tracked(range(n), n, "resizing", "picture", quiet=quiet):
        picture = Image.fromarray(images[row, :, :, 0] if depth == 1 else images[row])
        squares[row] = np.asarray(centre_square(picture, size)).reshape(size, size, depth)
    return squares


def centre_square(picture: "Image.Image", size: int) -> "Image.Image":
    """The largest centred square of a picture, scaled to `size`, in one step."""
    from PIL import Image

    width, height = picture.size
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    box = (left, top, left + side, top + side)
    return picture.resize(
        (size, size), Image.Resampling.LANCZOS, box=box, reducing_gap=_REDUCING_GAP
    )
