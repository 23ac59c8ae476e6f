"""Sets of pictures known by name."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from .._errors import DataError
from ._download import FASHION_MNIST_URL, download_fashion_mnist
from ._idx import IMAGES, LABELS, idx_file, read_idx_set
from ._pictures import Pictures, chosen_rows

NAMES = ("digits", "fashion-mnist")

FASHION_MNIST_LABELS = (
    "T-shirt",
    "trousers",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)

SYSTEM_FOLDER = Path("/usr/share/datasets")


def digits(limit: int | None) -> Pictures:
    """The 1,797 handwritten digits, 8×8, that come with scikit-learn."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    rows = chosen_rows(len(bunch.images), limit)
    levels = bunch.images[rows].astype(np.int32)  # 0…16
    return Pictures(
        images=((levels * 255 + 8) // 16).astype(np.uint8)[..., None],
        labels=bunch.target[rows].astype(np.int32),
        names=tuple(f"digits/{row}" for row in rows),
        source="digits",
        label_names=tuple("0123456789"),
    )


def fashion_mnist(
    limit: int | None, *, download: bool, quiet: bool, base_url: str = FASHION_MNIST_URL
) -> Pictures:
    """The 60,000 training pictures of Fashion-MNIST, 28×28, from the first place that has them."""
    places = _places("fashion-mnist")
    folder = next((place for place in places if _is_whole(place)), None)
    if folder is None:
        cache = _cache()
        if not download or cache is None:
            tried = ", ".join(map(str, places))
            home = "" if cache else "; there is no home folder to keep it in: set $XDG_CACHE_HOME"
            raise DataError(
                f"fashion-mnist is not on this machine (tried {tried}); get it with `clusterart run"
                f" fashion-mnist --download` or `apt-get install dataset-fashion-mnist`{home}"
            )
        folder = cache / "fashion-mnist"
        download_fashion_mnist(folder, base_url=base_url, quiet=quiet)
    pictures = read_idx_set(folder, limit, source="fashion-mnist", name="fashion-mnist/")
    return replace(pictures, label_names=FASHION_MNIST_LABELS)


def _is_whole(folder: Path) -> bool:
    return all(idx_file(folder, name) is not None for name in (IMAGES, LABELS))


def _places(name: str) -> list[Path]:
    """Where a set is looked for, in this order: the user's word, the system, the user's cache."""
    places = []
    if given := os.environ.get("CLUSTERART_DATA"):
        places += [Path(given).expanduser() / name, Path(given).expanduser()]
    places.append(SYSTEM_FOLDER / name)
    if cache := _cache():
        places.append(cache / name)
    return places


def _cache() -> Path | None:
    given = os.environ.get("XDG_CACHE_HOME", "")
    if given and Path(given).is_absolute():  # the specification says to ignore relative ones
        return Path(given) / "clusterart_jax"
    try:
        return Path.home() / ".cache" / "clusterart_jax"
    except RuntimeError:  # a user without a home, as in some containers
        return None
