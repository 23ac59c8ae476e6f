"""What every way of reading returns: pictures, their names and labels, and what was left out."""

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .._typing import Int, UInt8


class Skipped(NamedTuple):
    """A file that could not be read.

    Attributes:
      file: its path relative to the folder, with forward slashes.
      reason: why, in words.
    """

    file: str
    reason: str


@dataclass(frozen=True, eq=False, repr=False)
class Pictures:
    """Pictures of one shape, in memory.

    Attributes:
      images: shape (n, h, w, c), `uint8`; c is 1 (grey) or 3 (sRGB), 0 is black.
      labels: shape (n,), `int32`, or None where the source has none.
      names: n names: the file's path relative to its folder, or the row it was in its source.
      source: what was asked for: "digits", the folder's or the file's path, "array".
      skipped: files that could not be read.
      label_names: what the labels 0, 1, … stand for, where that is known.

    Example:
      >>> from clusterart_jax.data import load
      >>> load("digits", limit=100)
      <Pictures: 100 of 8×8×1 from 'digits'>
    """

    images: UInt8[np.ndarray, "n h w c"]
    labels: Int[np.ndarray, " n"] | None
    names: tuple[str, ...]
    source: str
    skipped: tuple[Skipped, ...] = ()
    label_names: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hexadecimal) of the pictures and their shape, to tell whether data changed."""
        digest = hashlib.sha256(repr(self.images.shape).encode())
        digest.update(np.ascontiguousarray(self.images).data)
        return digest.hexdigest()

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        n, *shape = self.images.shape
        left_out = f", {len(self.skipped)} skipped" if self.skipped else ""
        return f"<Pictures: {n} of {'×'.join(map(str, shape))} from {self.source!r}{left_out}>"


def chosen_rows(n: int, limit: int | None) -> np.ndarray:
    """The rows that `limit` keeps of n: one out of each of `limit` equal stretches, in order.

    Not the first ones: sorted folders and many files group pictures by subject, so the first ones
    would show one subject. Nor exactly every m-th: sets that cycle through their subjects (digits
    does) would again show one. So the place within each stretch moves on by the golden ratio, the
    step that keeps longest from repeating itself.
    """
    if limit is None or limit >= n:
        return np.arange(n)
    edges = np.arange(limit + 1) * n // limit
    golden = (5**0.5 - 1) / 2
    place = np.arange(limit) * golden % 1.0
    return edges[:-1] + (place * np.diff(edges)).astype(edges.dtype)
