"""Fashion-MNIST from its authors' repository, each file whole, checked, or absent."""

import gzip
import hashlib
import http.client
import urllib.request
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from .._errors import DataError, OutputError
from .._files import atomic_path
from .._progress import progress

FASHION_MNIST_URL = (
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"
)

# SHA-256 of the bytes inside, since repackagers compress the same bytes in their own way.
FASHION_MNIST_SUMS = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}

_TIMEOUT_S = 30
_CHUNK_BYTES = 1 << 16


def download_fashion_mnist(
    folder: Path,
    *,
    base_url: str = FASHION_MNIST_URL,
    sums: Mapping[str, str] | None = None,
    quiet: bool = True,
) -> None:
    """Fetches what `folder` does not have yet; a failure leaves the files that were finished."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot create {folder}: {error.strerror or error}") from error
    for name, sha256 in (sums or FASHION_MNIST_SUMS).items():
        file = f"{name}.gz"
        if not (folder / file).exists():
            _fetch(base_url + file, folder / file, sha256, quiet)


def _fetch(url: str, path: Path, sha256: str, quiet: bool) -> None:
    with atomic_path(path) as temporary:
        with temporary.open("wb") as file:
            for chunk in _chunks(url, quiet):
                file.write(chunk)
        found = _sum_inside(temporary)
        if found != sha256:
            raise DataError(
                f"{url} is not the file that was expected (SHA-256 inside {found}, not {sha256});"
                " nothing was kept: try again, or get the set another way"
            )


def _chunks(url: str, quiet: bool) -> Iterator[bytes]:
    """The bytes at `url`; failures of the network become one line here, before files are blamed."""
    received = 0
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:
            length = int(answer.headers.get("Content-Length") or 0)
            with progress(
                length // 1000, f"getting {url.rpartition('/')[2]}", "kB", quiet=quiet
            ) as bar:
                while chunk := answer.read(_CHUNK_BYTES):
                    received += len(chunk)
                    bar.update(len(chunk) / 1000)
                    yield chunk
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise DataError(f"cannot get {url}: {error or type(error).__name__}; try again") from error
    if received < length:  # a connection that closes early is no error to urllib
        raise DataError(f"cannot get {url}: it ended after {received} of {length} bytes; try again")


def _sum_inside(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with gzip.open(path) as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    except (gzip.BadGzipFile, EOFError, zlib.error):
        return "of a file that is not whole gzip"
    return digest.hexdigest()
