"""Pictures of segments: by mean colour, as outlines, as numbers, and masks of some of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._errors import ConfigError, DataError
from .._typing import Bool, UInt8
from ._counts import check_picture
from ._segments import Segments


def draw_means(segments: Segments) -> UInt8[np.ndarray, "h w c"]:
    """Each segment in its mean colour.

    Args:
      segments: from `slic` or `segment`.

    Returns:
      (h, w, c) `uint8`: c = 1 for a grey picture, else 3; 4, with alpha, where some pixels belong
      to no segment: these are clear.

    Example:
      >>> import numpy as np
      >>> from clusterart_jax.art import draw_means, slic
      >>> draw_means(slic(np.full((16, 16, 1), 9, np.uint8), 4))[0, 0].tolist()
      [9]
    """
    return _of_segments(segments, segments.colors)


def _of_segments(segments: Segments, colors: np.ndarray) -> np.ndarray:
    if (segments.labels >= 0).all():
        return colors[segments.labels]
    colors = np.repeat(colors, 3 // colors.shape[1], axis=1)
    clear = np.concatenate([colors, np.full((len(colors), 1), 255, np.uint8)], axis=1)
    return np.concatenate([clear, np.zeros((1, 4), np.uint8)])[segments.labels]


def draw_labels(segments: Segments) -> UInt8[np.ndarray, "h w c"]:
    """Each segment in a colour of its own, so that neighbours are told apart.

    Hues go round by the golden section, at even lightness, so that the first few differ most.

    Args:
      segments: from `slic` or `segment`.

    Returns:
      (h, w, 3) `uint8`, or (h, w, 4) where some pixels belong to no segment.

    Example:
      >>> import numpy as np
      >>> from clusterart_jax.art import draw_labels, slic
      >>> draw_labels(slic(np.zeros((16, 16, 3), np.uint8), 4)).shape
      (16, 16, 3)
    """
    number = np.arange(segments.n_segments)
    hue = 2 * np.pi * (number * (np.sqrt(5) - 1) / 2 + 0.08)
    light = 0.72 + 0.1 * (number % 3 - 1)
    angle = hue[:, None] - 2 * np.pi * np.arange(3) / 3
    color = light[:, None] + 0.24 * np.cos(angle)
    return _of_segments(segments, np.round(255 * np.clip(color, 0, 1)).astype(np.uint8))


def label_map(segments: Segments) -> np.ndarray:
    """Numbers of segments as a grey picture, one more than in `labels`: 0 is none.

    Args:
      segments: from `slic` or `segment`.

    Returns:
      (h, w), `uint8` up to 255 segments and `uint16` beyond.

    Raises:
      DataError: for more than 65,535 segments.

    Example:
      >>> import numpy as np
      >>> from clusterart_jax.art import label_map, slic
      >>> label_map(slic(np.zeros((16, 16, 3), np.uint8), 4))[[0, -1], [0, -1]].tolist()
      [1, 4]
    """
    if segments.n_segments > np.iinfo(np.uint16).max:
        raise DataError(f"a label map holds 65,535 segments at most, not {segments.n_segments:,}")
    return (segments.labels + 1).astype(np.uint8 if segments.n_segments < 256 else np.uint16)


def segment_mask(segments: Segments, numbers: int | Sequence[int]) -> Bool[np.ndarray, "h w"]:
    """Where some of the segments are.

    Args:
      segments: from `slic` or `segment`.
      numbers: one segment, or several.

    Returns:
      (h, w), True where a pixel belongs to one of them.

    Raises:
      ConfigError: for a number that no segment has.

    Example:
      >>> import numpy as np
      >>> from clusterart_jax.art import segment_mask, slic
      >>> int(segment_mask(slic(np.zeros((16, 16, 3), np.uint8), 4), [0, 3]).sum())
      128
    """
    wanted = np.zeros(segments.n_segments + 1, bool)  # the last is of no segment
    for number in [numbers] if isinstance(numbers, int | np.integer) else numbers:
        if not 0 <= number < segments.n_segments:
            last = segments.n_segments - 1
            raise ConfigError(f"there are segments 0 to {last}, but no segment {number}")
        wanted[number] = True
    return wanted[segments.labels]


def cut_out(
    image: Any, segments: Segments, numbers: int | Sequence[int]
) -> UInt8[np.ndarray, "h w 4"]:
    """Some of the segments of a picture, and nothing else.

    Args:
      image: (h, w, c) `uint8`, c = 1, 3 or 4, of which they are the segments.
      segments: from `slic` or `segment`.
      numbers: one segment, or several.

    Returns:
      (h, w, 4) `uint8`: other pixels are clear.

    Raises:
      DataError: when `image` is of another size than `segments`.
      TypeError: when it is not `uint8`.
      ConfigError: for a number that no segment has.

    Example:
      >>> import numpy as np
      >>> from clusterart_jax.art import cut_out, slic
      >>> image = np.zeros((16, 16, 3), np.uint8)
      >>> int((cut_out(image, slic(image, 4), 0)[..., 3] == 255).sum())
      64
    """
    image = _image_of(image, segments)
    inside = segment_mask(segments, numbers)
    alpha = image[..., 3:] if image.shape[2] == 4 else np.full((*inside.shape, 1), 255, np.uint8)
    color = image[..., :3] if image.shape[2] > 1 else image.repeat(3, axis=2)
    return np.concatenate([color, alpha], axis=2) * inside[..., None]


def _image_of(image: Any, segments: Segments) -> np.ndarray:
    image = np.asarray(check_picture(image))
    if image.shape[:2] != segments.labels.shape:
        size = "×".join(map(str, segments.labels.shape[::-1]))
        here = "×".join(map(str, image.shape[1::-1]))
        raise DataError(f"image is of {here} pixels, but segments are of {size}")
    return image


def draw_outlines(
    image: Any,
    segments: Segments,
    *,
    color: tuple[int, int, int] = (255, 255, 255),
    width: int = 1,
) -> UInt8[np.ndarray, "h w c"]:
    """The picture with lines where segments meet.

    Args:
      image: (h, w, c) `uint8`, c = 1, 3 or 4, of which they are the segments.
      segments: from `slic` or `segment`.
      color: of the lines, sRGB.
      width: of the lines, in pixels; a wide line lies on both sides of the border.

    Returns:
      (h, w, 3) `uint8`, or (h, w, 4) for a picture with alpha; lines are opaque.

    Raises:
      DataError: when `image` is of another size than `segments`.
      TypeError: when it is not `uint8`.
      ConfigError: for a `width` below 1 or a colour that is none.

    Example:
      >>> import numpy as np
      >>> from clusterart_jax.art import draw_outlines, slic
      >>> image = np.zeros((16, 16, 3), np.uint8)
      >>> drawn = draw_outlines(image, slic(image, 4))
      >>> int((drawn[0] == 255).all(axis=1).sum())
      1
    """
    image = _image_of(image, segments)
    labels = segments.labels
    if width < 1:
        raise ConfigError(f"width must be at least 1, not {width}")
    if len(color) != 3 or any(not 0 <= value <= 255 for value in color):
        raise ConfigError(f"color must be three numbers 0…255, not {color!r}")
    line = np.zeros(labels.shape, bool)
    for side in range(width):  # nearer and nearer pixels of both sides in turn
        step = side // 2 + 1
        for axis in (0, 1):
            near, far = [slice(None)] * 2, [slice(None)] * 2
            near[axis], far[axis] = slice(None, -step), slice(step, None)
            unlike = labels[tuple(near)] != labels[tuple(far)]
            line[tuple(near if side % 2 == 0 else far)] |= unlike
    drawn = image.repeat(3, axis=2) if image.shape[2] == 1 else image.copy()
    drawn[line] = (*color, 255)[: drawn.shape[2]]
    return drawn
