"""The one door for pictures: what was asked for decides who reads it."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from .._checks import hint
from .._errors import ConfigError, DataError
from ._array_files import read_array_file
from ._arrays import from_array, with_channels
from ._folder import SUFFIXES, read_folder
from ._idx import IMAGES, idx_file, read_idx_set
from ._named import NAMES, digits, fashion_mnist
from ._options import check_channels, check_size, check_whole
from ._pictures import Pictures
from ._resize import resize

FOLDER_SIZE = 32


def load(
    data: Any = "digits",
    *,
    size: int | None = None,
    channels: int | None = None,
    limit: int | None = None,
    strict: bool = False,
    download: bool = False,
    max_pixels: int = 100_000_000,
    quiet: bool = True,
) -> Pictures:
    """Reads pictures from a named set, a folder, a picture file, a file of arrays, or an array.

    A folder is read with the folders in it, in the order of the paths: .jpg .jpeg .png .webp .gif
    .bmp .tif .tiff, hidden ones left out, links to folders followed once. Each picture is turned
    as its EXIF says; transparency is laid over white; palettes, 1-bit, 16-bit (scaled to 8) and
    CMYK pictures become 8-bit grey or RGB; colour profiles are ignored; of animations and of files
    with several pages the first is taken. Then the short side is scaled to `size` with an
    antialiasing filter and the long side cropped to its centre. A file that cannot be read is
    listed in `skipped`, with the reason. A folder with a file `train-images-idx3-ubyte.gz` is a set
    of the MNIST family, and read as that.

    Arrays have shape (n, h, w) or (n, h, w, c) with c = 1, 3, or 4 (alpha is laid over white).
    `uint8` stays as it is, booleans become 0 and 255, `uint16` counts 65535 as white, floats must
    lie in [0, 1], other integers in 0…255. An .npz file holds them as `images` (or `x`, or the only
    array), and perhaps `labels` (or `y`). Pickled objects are never loaded.

    Args:
      data: "digits" (1,797 of 8×8, comes with scikit-learn), "fashion-mnist" (60,000 of 28×28), or
        else the path of a folder, a picture, an .npy or .npz file, or an array. A name wins over a
        path: write `./digits` for a folder of that name.
      size: side of the square pictures in pixels, 4…4096. None: 32 for folders, else as they are.
      channels: 1 (grey) or 3 (sRGB). None: as they are; a folder is grey if every file's mode is.
      limit: at most so many pictures, one out of each of `limit` equal stretches of the whole,
        since the first ones of a sorted folder would show one subject. Files are chosen before
        they are read: broken ones among them are not made up for.
      strict: raise where a file cannot be read, rather than skip it.
      download: fetch Fashion-MNIST where it is not on this machine. It is looked for in
        `$CLUSTERART_DATA`, /usr/share/datasets and the user's cache, where a download is kept.
      max_pixels: files whose header claims more pixels are skipped before they are decoded.
      quiet: show no progress bar.

    Returns:
      The pictures, in memory: n·h·w·c bytes; of an .npy file of `uint8` above 1 GiB, a map into the
      file. Beyond that, one full-size picture a CPU core while a folder is read.

    Raises:
      ConfigError: for an option that cannot be.
      DataError: where there is nothing to read or it cannot be used; the text names file and row.

    Example:
      >>> pictures = load("digits")
      >>> pictures.images.shape, pictures.names[17], int(pictures.labels[17])
      ((1797, 8, 8, 1), 'digits/17', 7)
      >>> load("digits", size=16, channels=3, limit=10).images.shape
      (10, 16, 16, 3)
    """
    if size is not None:
        size = check_size(size)
    if channels is not None:
        channels = check_channels(channels)
    if limit is not None:
        limit = check_whole(limit, "limit", 1)
    max_pixels = check_whole(max_pixels, "max_pixels", 1)

    if not isinstance(data, str | os.PathLike):
        if not (isinstance(data, list | tuple) or hasattr(data, "__array__")):
            raise ConfigError(f"data must be a name, a path or an array, not {data!r}")
        pictures = from_array(data, limit)
    elif data == "digits":
        pictures = digits(limit)
    elif data == "fashion-mnist":
        pictures = fashion_mnist(limit, download=download, quiet=quiet)
    else:
        path = _existing(data)
        single = path.is_file() and path.suffix.lower() in SUFFIXES
        if single or (path.is_dir() and idx_file(path, IMAGES) is None):
            return read_folder(
                path,
                size=size or FOLDER_SIZE,
                channels=channels,
                limit=limit,
                strict=strict,
                max_pixels=max_pixels,
                quiet=quiet,
            )
        pictures = _read_arrays(path, limit)
    images = with_channels(pictures.images, channels)
    if size is not None:
        images = resize(images, size, quiet=quiet)
    return replace(pictures, images=images)


def _existing(data: str | os.PathLike[str]) -> Path:
    try:
        path = Path(data).expanduser()
        if path.exists():
            return path
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{os.fspath(data)} cannot be read: {reason}") from error
    raise DataError(
        f"unknown data {os.fspath(data)!r}: neither a named set nor a path"
        f"{hint(os.fspath(data), NAMES)} (named sets: {', '.join(NAMES)})"
    )


def _read_arrays(path: Path, limit: int | None) -> Pictures:
    if path.is_dir():
        return read_idx_set(path, limit, source=str(path), name="row ")
    suffix = path.suffix.lower()
    if suffix in (".npy", ".npz"):
        return read_array_file(path, limit)
    raise DataError(f"{path} is not read; give pictures, an .npy or an .npz file")
