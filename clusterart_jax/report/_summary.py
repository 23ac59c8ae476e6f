"""What a report shows: one frozen value of plain NumPy arrays and Python words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np


class Number(NamedTuple):
    """One headline number, with what a reader needs to judge it.

    Attributes:
      name: what it is called, as "silhouette".
      value: the number, or words in its place; a NaN is shown as "not available".
      meaning: one line for a reader without the background.
      better: "higher", "lower", or "" where neither is.
    """

    name: str
    value: float | int | str | None
    meaning: str = ""
    better: str = ""


class Pairs(NamedTuple):
    """Pictures and what the model made of them, row by row.

    Attributes:
      originals: `uint8` (r, h, w, c).
      reconstructed: `uint8` (r, h, w, c).
    """

    originals: np.ndarray
    reconstructed: np.ndarray


class Neighbors(NamedTuple):
    """Generated pictures beside the training pictures most like them.

    Attributes:
      samples: `uint8` (r, h, w, c), generated.
      nearest: `uint8` (r, h, w, c), the nearest training picture of each.
      distances: (r,), from one to the other, in the run's own unit; 0 is an exact copy.
    """

    samples: np.ndarray
    nearest: np.ndarray
    distances: np.ndarray


class Dendrogram(NamedTuple):
    """Pictures as they merge.

    Attributes:
      linkage: (n − 1, 4) merges in SciPy's form; heights never fall.
    """

    linkage: np.ndarray


class CondensedTree(NamedTuple):
    """Pictures as they drop out of clusters of a least size, as HDBSCAN sees them.

    Attributes:
      linkage: (n − 1, 4) single linkage by mutual reachability, in SciPy's form.
      min_size: pictures in the smallest cluster.
    """

    linkage: np.ndarray
    min_size: int


class Radius(NamedTuple):
    """The radius of DBSCAN, and the distances it was chosen by.

    Attributes:
      distances: (m,) of some pictures to their `min_samples`-th nearest, sorted.
      eps: the radius.
      min_samples: pictures within it that make one a core.
    """

    distances: np.ndarray
    eps: float
    min_samples: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Summary:
    """All that a report shows. Only the pictures and their labels must be there.

    Attributes:
      title: the heading of the page.
      source: where the pictures came from, in words.
      command: the exact command that made the run; it is shown with a copy button.
      versions: name of a program or library → its version.
      config: option → value; a nested mapping is shown with dotted names.
      numbers: the headline numbers.
      images: `uint8` (n, h, w, c), c is 1 (grey) or 3 (sRGB).
      names: n names, one a picture; empty: they are called "picture 0" and so on.
      labels: (n,) int, the cluster of each picture; -1 is none.
      distances: (n,) distance of each picture to its cluster's centre, or None.
      probabilities: (n,) how firmly each picture belongs to its cluster, 0…1, or None.
      found: how the clusters were found: a `Dendrogram`, a `CondensedTree`, a `Radius`, or None.
      points: (n, d) coordinates for the maps, the most telling first, or None.
      centers: (k, d') clusters' centres in the same coordinates, or None.
      samples: `uint8` (k, m, h', w', c) generated pictures of each cluster, or None.
      noise_samples: `uint8` (m, h', w', c) generated pictures of what is in no cluster, or None.
      reconstructions: training pictures and what the model makes of them, or None.
      walks: `uint8` (w, steps, h', w', c) pictures on the way between clusters, or None.
      walk_names: w names.
      losses: name of a curve → (steps,) its value at each training step.
      progress: step → a PNG file's bytes: a sheet of pictures generated after so many steps.
      neighbors: generated pictures and the nearest training pictures, or None.
      pages: (title, address) of other pages that belong to this one.
      skipped: (file, reason) of each file that could not be used.
      warnings: sentences the reader should see.
      seconds: stage → how long it took.
      true_labels: (n,) int, known classes that the clustering did not see, or None.
      true_names: names of the classes 0, 1, …; empty: their numbers are shown.

    Raises:
      ValueError: when shapes do not belong together; the text names the field.

    Example:
      >>> import numpy as np
      >>> summary = Summary(images=np.zeros((4, 8, 8, 1), np.uint8), labels=np.array([0, 1, 1, 2]))
      >>> summary.k
      3
    """

    images: np.ndarray
    labels: np.ndarray
    title: str = "Clusters and new pictures"
    source: str = ""
    command: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    numbers: Sequence[Number] = ()
    names: Sequence[str] = ()
    distances: np.ndarray | None = None
    probabilities: np.ndarray | None = None
    found: Dendrogram | CondensedTree | Radius | None = None
    points: np.ndarray | None = None
    centers: np.ndarray | None = None
    samples: np.ndarray | None = None
    noise_samples: np.ndarray | None = None
    reconstructions: Pairs | tuple[np.ndarray, np.ndarray] | None = None
    walks: np.ndarray | None = None
    walk_names: Sequence[str] = ()
    losses: Mapping[str, np.ndarray] = field(default_factory=dict)
    progress: Mapping[int, bytes] = field(default_factory=dict)
    neighbors: Neighbors | tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
    pages: Sequence[tuple[str, str]] = ()
    skipped: Sequence[tuple[str, str]] = ()
    warnings: Sequence[str] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    true_labels: np.ndarray | None = None
    true_names: Sequence[str] = ()

    def __post_init__(self) -> None:
        self._check_rows()
        self._check_groups()
        for name in ("reconstructions", "neighbors"):
            value = getattr(self, name)
            if value is None:
                continue
            for part in value[:2]:
                pictures(name, part)
            if len({len(part) for part in value}) > 1 or np.shape(value[0]) != np.shape(value[1]):
                raise ValueError(f"{name}: shapes {[np.shape(part) for part in value]} differ")

    def _check_rows(self) -> None:
        """What has one entry a picture."""
        pictures("images", self.images)
        n = len(self.images)
        if n == 0:
            raise ValueError("images: there are none; a report needs at least one picture")
        for name in ("labels", "true_labels", "distances", "probabilities"):
            value = getattr(self, name)
            if value is None:
                continue
            if np.shape(value) != (n,):
                raise ValueError(f"{name} has shape {np.shape(value)}; images make it ({n},)")
            if (
                name not in ("distances", "probabilities")
                and np.asarray(value).dtype.kind not in "iu"
            ):
                raise ValueError(f"{name} has dtype {np.asarray(value).dtype}; it must be integers")
        if len(self.names) not in {0, n}:
            raise ValueError(f"names has {len(self.names)} entries for {n} images")
        if self.points is not None and (np.ndim(self.points) != 2 or len(self.points) != n):
            raise ValueError(f"points has shape {np.shape(self.points)}; it must be ({n}, d)")

        if isinstance(self.found, Dendrogram | CondensedTree):
            shape = np.shape(self.found.linkage)
            if shape != (n - 1, 4):
                raise ValueError(f"found has a linkage of shape {shape}; it must be ({n - 1}, 4)")

    def _check_groups(self) -> None:
        """What has one entry a cluster or walk."""
        if self.noise_samples is not None:
            pictures("noise_samples", self.noise_samples)
        for name in ("samples", "walks"):
            value = getattr(self, name)
            if value is not None:
                pictures(name, value, "(groups, pictures, h, w, c)", 5)
        top = int(np.max(self.labels))
        if self.centers is not None and (np.ndim(self.centers) != 2 or len(self.centers) <= top):
            raise ValueError(f"centers has shape {np.shape(self.centers)}; labels go to {top}")
        if self.samples is not None and len(self.samples) < self.k:
            raise ValueError(f"samples has {len(self.samples)} clusters; there are {self.k}")
        if self.walks is not None and len(self.walk_names) not in {0, len(self.walks)}:
            raise ValueError(f"walk_names has {len(self.walk_names)} for {len(self.walks)} walks")

    @property
    def k(self) -> int:
        """Number of clusters: all that labels, centers or samples know of, empty ones too."""
        known = [int(np.max(self.labels)) + 1]
        known += [len(part) for part in (self.centers, self.samples) if part is not None]
        return max(known)

    def name(self, i: int) -> str:
        """Name of picture i."""
        return str(self.names[i]) if len(self.names) else f"picture {i}"


def pictures(name: str, value: np.ndarray, shape: str = "(n, h, w, c)", ndim: int = 4) -> None:
    """Raises ValueError unless `value` is uint8 pictures of 1 or 3 channels."""
    value = np.asarray(value)
    if value.ndim != ndim or value.dtype != np.uint8 or value.shape[-1] not in {1, 3}:
        raise ValueError(
            f"{name} has shape {value.shape} and dtype {value.dtype}; "
            f"it must be uint8 {shape} with 1 or 3 channels"
        )
    if 0 in value.shape[-3:]:
        raise ValueError(f"{name} has shape {value.shape}: pictures without pixels")
