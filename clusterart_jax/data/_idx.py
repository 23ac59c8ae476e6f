"""The IDX format of the MNIST family: a magic number, the shape, the bytes; plain or gzipped."""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from .._errors import DataError
from ._pictures import Pictures, chosen_rows

IMAGES = "train-images-idx3-ubyte"
LABELS = "train-labels-idx1-ubyte"


def idx_file(folder: Path, name: str) -> Path | None:
    """The file of that name in `folder`, plain or gzipped, or None."""
    places = (folder / name, folder / f"{name}.gz")
    return next((place for place in places if place.is_file()), None)


def read_idx_set(folder: Path, limit: int | None, *, source: str, name: str) -> Pictures:
    """The training pictures of an IDX folder, with their labels; `name` begins each one's name."""
    images_file, labels_file = idx_file(folder, IMAGES), idx_file(folder, LABELS)
    if images_file is None or labels_file is None:
        missing = IMAGES if images_file is None else LABELS
        raise DataError(f"{folder} has no {missing}.gz; put it beside its fellow")
    images, labels = read_idx(images_file, rank=3), read_idx(labels_file, rank=1)
    if len(images) != len(labels):
        raise DataError(f"{labels_file} has {len(labels)} labels for {len(images)} pictures")
    if images.size == 0:
        raise DataError(f"{images_file} has shape {images.shape}: there is no picture in it")
    rows = chosen_rows(len(images), limit)
    return Pictures(
        images=np.ascontiguousarray(images[rows][..., None]),
        labels=labels[rows].astype(np.int32),
        names=tuple(f"{name}{row}" for row in rows),
        source=source,
    )


def read_idx(path: Path, rank: int) -> np.ndarray:
    """Unsigned bytes of one IDX file, as an array of the given rank."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            header = file.read(4 + 4 * rank)
            if header[:4] != bytes((0, 0, 8, rank)):
                raise DataError(
                    f"{path} is no IDX file of rank {rank} (unsigned bytes); replace it"
                )
            shape = struct.unpack(f">{rank}I", header[4:])
            values = file.read(math.prod(shape) + 1)
    except (EOFError, struct.error) as error:
        raise DataError(f"{path} is truncated; get it again") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path} is damaged ({error}); get it again") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    if len(values) != math.prod(shape):
        fault = "is truncated" if len(values) < math.prod(shape) else "has bytes after its end"
        raise DataError(f"{path} {fault}: its header says {shape}; get it again")
    return np.frombuffer(values, np.uint8).reshape(shape)
