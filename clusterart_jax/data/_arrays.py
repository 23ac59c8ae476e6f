"""Arrays of numbers → `uint8` pictures; their dtype says their range, which is checked."""

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from .._errors import DataError
from .._typing import UInt8
from ._pictures import Pictures, chosen_rows

# Rows are converted this many bytes at a time, so that float64 pictures never exist twice.
LARGE_BYTES = 2**30
"""Pictures of more bytes, in an .npy file that needs no conversion, stay in the file."""

_BLOCK_BYTES = 16 << 20

_SHAPES = "(n, h, w) or (n, h, w, c) with c = 1, 3 or 4"


def from_array(
    array: Any, limit: int | None, *, labels: Any = None, where: str = "data", source: str = "array"
) -> Pictures:
    """Pictures of an array; `where` names it in errors."""
    try:
        array = np.asarray(array)
    except ValueError as error:  # lists of unequal lengths
        raise DataError(f"{where} is no array: its pictures differ in shape") from error
    check_shape(array.shape, where)
    rows = chosen_rows(len(array), limit)
    if labels is not None:
        labels = _checked_labels(np.asarray(labels), len(array), where)[rows]
    if array.ndim == 3:
        array = array[..., None]
    return Pictures(
        images=_converted(array, rows, where),
        labels=labels,
        names=tuple(f"row {row}" for row in rows),
        source=source,
    )


def _check_values(array: np.ndarray, rows: np.ndarray, where: str) -> None:
    """Refuses dtypes and values that have no place in 0…255, naming the row or the range."""
    kind = array.dtype.kind
    real = jax.dtypes.issubdtype(array.dtype, np.floating)  # counts bfloat16 in, NumPy does not
    if kind == "O":
        raise DataError(f"{where} holds Python objects, not numbers; give one array of one dtype")
    if kind not in "biu" and not real:
        raise DataError(f"{where} has dtype {array.dtype}; give uint8 0…255 or floats in [0, 1]")
    if kind == "b" or (kind == "u" and array.dtype.itemsize <= 2):
        return  # every value has its place
    low, high = np.inf, -np.inf
    for part, numbers in _parts(array, rows):
        if real:
            finite = np.isfinite(part).reshape(len(part), -1).all(axis=1)
            if not finite.all():
                row = numbers[np.argmin(finite)]
                raise DataError(
                    f"{where} holds NaN or infinity, first in row {row}; remove such rows"
                )
        low, high = min(low, float(part.min())), max(high, float(part.max()))
    top = 1 if real else 255
    if low < 0 or high > top:
        allowed = "floats must lie in [0, 1]" if real else f"{array.dtype} must lie in 0…255"
        mend = "; divide by 255 or give uint8" if real else ""
        raise DataError(f"{where} has values from {low:g} to {high:g}, but {allowed}{mend}")


def to_uint8(values: np.ndarray) -> UInt8[np.ndarray, "..."]:
    """Numbers that passed `_check_values` → 0…255, rounded to nearest."""
    kind = values.dtype.kind
    if kind == "b":
        return values.astype(np.uint8) * np.uint8(255)
    if kind == "u" and values.dtype.itemsize == 2:
        # 65535 = 255 · 257, and half of 257 added first rounds to nearest.
        return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if kind in "iu":
        return values.astype(np.uint8)
    return np.rint(values.astype(np.float32) * 255).astype(np.uint8)


def over_white(rgba: UInt8[np.ndarray, "... 4"]) -> UInt8[np.ndarray, "... 3"]:
    """Colour with alpha laid on white."""
    alpha = rgba[..., 3:].astype(np.uint32)
    mixed = rgba[..., :3] * alpha + 255 * (255 - alpha)
    return ((mixed + 127) // 255).astype(np.uint8)


def with_channels(images: UInt8[np.ndarray, "n h w c"], channels: int | None) -> np.ndarray:
    """Grey ↔ colour where another number of channels is asked for."""
    if channels is None or channels == images.shape[-1]:
        return images
    if channels == 3:
        return np.repeat(images, 3, axis=-1)
    grey = np.empty((*images.shape[:3], 1), np.uint8)
    for block in _blocks(len(images), images[0].size * 4):
        # Rec. 601 luma with Pillow's integer weights, so arrays and files agree to the bit.
        weighted = images[block].astype(np.uint32) @ np.array([19595, 38470, 7471], np.uint32)
        grey[block, ..., 0] = (weighted + 0x8000) >> 16
    return grey


def _converted(array: np.ndarray, rows: np.ndarray, where: str) -> np.ndarray:
    """The chosen rows of an array of rank 4 as contiguous `uint8` with 1 or 3 channels."""
    _check_values(array, rows, where)
    n, height, width, depth = array.shape
    if array.dtype == np.uint8 and depth != 4 and len(rows) == n:
        if not _is_mapped(array):
            return np.ascontiguousarray(array)
        if array.nbytes > LARGE_BYTES and array.flags.c_contiguous:
            return array  # too much to copy; the file is read where it is touched
    images = np.empty((len(rows), height, width, 3 if depth == 4 else depth), np.uint8)
    done = 0
    for part, numbers in _parts(array, rows):
        values = to_uint8(part)
        images[done : done + len(numbers)] = over_white(values) if depth == 4 else values
        done += len(numbers)
    return images


def _parts(array: np.ndarray, rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The chosen rows, some at a time, each part with the numbers of its rows."""
    for block in _blocks(len(rows), array[0].nbytes):
        chosen = rows[block]
        # All rows: a slice, which costs no copy; picked rows do.
        yield array[block] if len(rows) == len(array) else array[chosen], chosen


def check_shape(shape: tuple[int, ...], where: str) -> None:
    if len(shape) not in (3, 4):
        raise DataError(f"{where} has shape {shape}; pictures must have shape {_SHAPES}")
    if 0 in shape:
        raise DataError(f"{where} has shape {shape}: there is no picture in it")
    if len(shape) == 3 and shape[2] in (3, 4) and shape[1] > 4:
        # Else one colour photograph would quietly pass as hundreds of pictures 3 wide.
        raise DataError(
            f"{where} has shape {shape}, which looks like one colour picture;"
            " give x[None] for that, or x[..., None] for grey pictures that narrow"
        )
    if len(shape) == 4 and shape[3] not in (1, 3, 4):
        first = "; channels come last: np.moveaxis(x, 1, -1)" if shape[1] in (1, 3, 4) else ""
        raise DataError(f"{where} has shape {shape}; pictures must have shape {_SHAPES}{first}")


def _checked_labels(labels: np.ndarray, n: int, where: str) -> np.ndarray:
    if labels.shape != (n,):
        raise DataError(f"{where}: labels have shape {labels.shape}, but there are {n} pictures")
    if labels.dtype.kind not in "biu":
        raise DataError(f"{where}: labels must be whole numbers, not {labels.dtype}")
    bounds = np.iinfo(np.int32)
    if labels.min() < bounds.min or labels.max() > bounds.max:
        raise DataError(f"{where}: labels must fit in 32 bits, not {labels.min()} … {labels.max()}")
    return labels.astype(np.int32)


def _is_mapped(array: Any) -> bool:
    while array is not None and not isinstance(array, np.memmap):
        array = getattr(array, "base", None)
    return array is not None


def _blocks(n: int, row_bytes: int) -> list[slice]:
    step = max(1, _BLOCK_BYTES // max(1, row_bytes))
    return [slice(start, min(start + step, n)) for start in range(0, n, step)]
