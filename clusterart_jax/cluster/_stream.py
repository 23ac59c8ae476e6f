"""Mini-batch k-means over rows that do not fit into memory: read in pieces, from the host."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._checks import check_count, check_key
from .._typing import Array, Float, KeyArray
from ._mini_batch import MiniBatchKMeansResult, mini_batch_init, mini_batch_update
from ._mini_batch_steps import START_BATCHES, MiniBatchState, Watch, look, unwatched
from ._nearest import nearest_centers

_RUN = 2**16  # bytes read at one place of the rows
_RUNS = 64  # such places that are mixed before batches are cut
_PIECE = 2**25  # bytes of rows that are labelled at once
_AHEAD = 2  # batches that may wait for the device

Piece = tuple[np.ndarray, np.ndarray]  # rows and weights


def mini_batch_stream(
    key: KeyArray,
    rows: Any,
    k: int,
    *,
    sample_weight: Any = None,
    init: str | Float[Array, "k d"] = "k-means++",
    n_init: int = 1,
    batch_size: int = 1024,
    max_iter: int = 100,
    tol: float = 0.0,
    max_no_improvement: int | None = 10,
    reassignment_ratio: float = 0.01,
    labels: bool | np.ndarray = True,
) -> MiniBatchKMeansResult:
    """Mini-batch k-means over an array on disk, or over pieces of rows as they come.

    It runs on the host, as a loop over `mini_batch_update`, and never holds more than some batches:
    while one is computed, the next is read. An array is read in short runs from random places,
    some of which are mixed into batches; pieces are taken in the order they come, so they should
    be mixed already. Each pass takes every row once.

    Peak extra memory: `batch_size` rows a few times, 4 MiB of rows that are mixed, 32 MiB of rows
    while labels are found, and the labels.

    Args:
      key: for the start, the order of rows, and centres that are moved.
      rows: an array of rows (n, d) that can be sliced (`np.ndarray`, `np.memmap`, an HDF5 or Zarr
        data set); or a function without arguments that gives an iterator over pieces of rows
        (m, d), afresh for each pass; or such an iterator itself, for one pass and no labels.
      k: number of clusters, at most the rows that the start is chosen from: 3 batches, or 3 k.
      sample_weight: (n,) weights ≥ 0, where `rows` is an array.
      init: as in `mini_batch_kmeans`.
      n_init: as there.
      batch_size: rows in a batch.
      max_iter: passes over the rows at most.
      tol: as there.
      max_no_improvement: as there; of pieces only after the first pass, when their number is known.
      reassignment_ratio: as there.
      labels: whether a last pass finds labels and inertia, or an integer array (n,) into which the
        labels are written. Without that pass the inertia is estimated from the last batch.

    Returns:
      A `MiniBatchKMeansResult`; its `labels` are a NumPy array, or None.

    Raises:
      ValueError: when shapes or options cannot be.
      TypeError: when `key` is no random key.

    Example:
      >>> import jax, numpy as np
      >>> from clusterart_jax.cluster import mini_batch_stream
      >>> x = np.concatenate([np.zeros((50, 2)), np.ones((50, 2))])
      >>> result = mini_batch_stream(jax.random.key(0), x, 2, batch_size=20)
      >>> bool(result.labels[0] == result.labels[49] != result.labels[50] == result.labels[99])
      True
    """
    key = check_key(key)
    k, max_iter = check_count(k, "k"), check_count(max_iter, "max_iter")
    batch_size = check_count(batch_size, "batch_size")
    start_key, order_key, step_key = jax.random.split(key, 3)
    seed = jax.random.bits(order_key, (4,), jnp.uint32)
    source: _Array | _Pieces = _Pieces(rows)
    if hasattr(rows, "shape"):
        source = _Array(rows, sample_weight, np.random.default_rng(np.asarray(seed)))
    elif sample_weight is not None:
        raise ValueError("sample_weight goes with an array of rows, not with pieces of them")
    if source.once and labels is not False:
        raise ValueError("labels need another pass over rows: give a function, or labels=False")
    batch_size = min(batch_size, source.n or batch_size)
    limit = np.iinfo(np.int32).max if max_no_improvement is None else max_no_improvement

    batches = _cut(source.mixed(), batch_size)
    first = list(islice(batches, max(START_BATCHES, -(-3 * k // batch_size))))
    x, w = (np.concatenate(part) for part in zip(*first, strict=True))
    if (w > 0).sum() < k:
        raise ValueError(f"k must be at most the first rows of weight, {(w > 0).sum()}, not {k}")
    state = mini_batch_init(start_key, x, k, sample_weight=w, init=init, n_init=n_init)
    least = tol * float(
        np.average((x - np.average(x, axis=0, weights=w)) ** 2, axis=0, weights=w).mean()
    )

    watch = unwatched(state.counts.dtype)
    waiting: deque[Array] = deque()
    stopped, passes = False, 0
    batches = chain(first, batches)
    while True:
        passes += 1
        for batch in batches:
            x, w = jax.device_put(batch)
            before, step = state, jax.random.fold_in(step_key, state.n_steps)
            state = mini_batch_update(
                step, before, x, sample_weight=w, reassignment_ratio=reassignment_ratio
            )
            if source.n:
                smoothing = min(2 * batch_size / (source.n + 1), 1)
                watch = _look(watch, before, state, smoothing, least, limit)
            # The device is given one batch ahead of the one it works on, and no more.
            waiting.append(watch.stopped)
            if len(waiting) > _AHEAD and (stopped := bool(waiting.popleft())):
                break
        stopped = stopped or bool(watch.stopped)
        if stopped or passes == max_iter or source.once:
            break
        batches = _cut(source.mixed(), batch_size)
    found = _label(source, state, labels)
    return MiniBatchKMeansResult(
        state.centers,
        *found,
        state.counts,
        jnp.int32(passes),
        state.n_steps,
        jnp.array(stopped),
    )


@jax.jit
def _look(watch: Watch, before: MiniBatchState, after: MiniBatchState, *numbers: Array) -> Watch:
    kinds = (after.inertia.dtype, after.inertia.dtype, jnp.int32)
    cast = (jnp.asarray(a, kind) for a, kind in zip(numbers, kinds, strict=True))
    return look(watch, before, after, *cast)


class _Array:
    """Rows of an array, in pieces with their weights."""

    once = False

    def __init__(self, rows: Any, weights: Any, rng: np.random.Generator) -> None:
        if len(rows.shape) != 2 or 0 in rows.shape:
            raise ValueError(f"rows must have shape (n, d) with n, d ≥ 1, not {rows.shape}")
        self.rows, self.rng, self.n = rows, rng, rows.shape[0]
        self.weights = np.ones(self.n, np.float32) if weights is None else np.asarray(weights)
        if self.weights.shape != (self.n,):
            wanted = f"({self.n},), one weight a row"
            raise ValueError(f"sample_weight must have shape {wanted}, not {self.weights.shape}")
        self.mass = float(self.weights.sum(dtype=np.float64))

    def pieces(self) -> Iterator[Piece]:
        """All rows in their order."""
        run = self._run(_PIECE)
        return (self._read(first, run) for first in range(0, self.n, run))

    def mixed(self) -> Iterator[Piece]:
        """All rows: runs from random places, some of them mixed."""
        run = self._run(_RUN)
        firsts = self.rng.permutation(-(-self.n // run)) * run
        for i in range(0, len(firsts), _RUNS):
            parts = [self._read(int(first), run) for first in firsts[i : i + _RUNS]]
            x, w = (np.concatenate(part) for part in zip(*parts, strict=True))
            order = self.rng.permutation(len(x))
            yield x[order], w[order]

    def _run(self, size: int) -> int:
        return max(1, size // (self.rows.shape[1] * np.dtype(self.rows.dtype).itemsize))

    def _read(self, first: int, run: int) -> Piece:
        return np.asarray(self.rows[first : first + run]), self.weights[first : first + run]


class _Pieces:
    """Rows that come in pieces, with weights of 1; counted when they have come once."""

    def __init__(self, rows: Any) -> None:
        self.once = not callable(rows)
        self.make: Callable[[], Iterable[Any]] = (lambda: rows) if self.once else rows
        self.n, self.mass = 0, 0.0

    def pieces(self) -> Iterator[Piece]:
        """All rows in their order."""
        n = 0
        for piece in self.make():
            x = np.asarray(piece)
            if x.ndim != 2:
                raise ValueError(f"pieces of rows must have shape (m, d), not {x.shape}")
            n += len(x)
            yield x, np.ones(len(x), np.float32)
        self.n, self.mass = n, float(n)

    mixed = pieces


def _cut(pieces: Iterable[Piece], size: int) -> Iterator[Piece]:
    """Batches of `size` rows; the last is filled up with rows of weight 0."""
    parts: list[Piece] = []
    held = 0
    for piece in pieces:
        parts.append(piece)
        held += len(piece[0])
        if held < size:
            continue
        x, w = (np.concatenate(part) for part in zip(*parts, strict=True))
        whole = held // size * size
        for first in range(0, whole, size):
            yield x[first : first + size], w[first : first + size]
        parts, held = [(x[whole:], w[whole:])], held - whole
    if held:
        x, w = (np.concatenate(part) for part in zip(*parts, strict=True))
        yield np.pad(x, ((0, size - held), (0, 0))), np.pad(w, (0, size - held))


def _label(
    source: _Array | _Pieces, state: MiniBatchState, labels: bool | np.ndarray
) -> tuple[Any, Array]:
    """Labels, where asked for, and inertia."""
    kind = state.inertia.dtype
    if labels is False:
        return None, state.inertia * jnp.asarray(source.mass, kind)
    out = np.empty(source.n, np.int32) if labels is True else labels
    if out.shape != (source.n,):
        raise ValueError(f"labels must have shape ({source.n},), not {out.shape}")
    first, inertia, size = 0, 0.0, 0
    for x, w in source.pieces():
        size = max(size, len(x))  # the last piece is filled up: another shape is another program
        padded = np.pad(x, ((0, size - len(x)), (0, 0)))
        nearest, distances = nearest_centers(padded, state.centers)
        out[first : first + len(x)] = np.asarray(nearest)[: len(x)]
        inertia += float(np.sum(w * np.asarray(distances)[: len(x)].astype(np.float64) ** 2))
        first += len(x)
    return out, jnp.asarray(inertia, kind)
