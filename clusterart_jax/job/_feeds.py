"""Where the training loop's pictures come from: the device, or a file, chunk by chunk."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._typing import Array, Images, KeyArray
from ..data import LARGE_BYTES
from ..generate import Family, Schedule, TrainState, init_state, rows_of, train, train_batches

_SAMPLE = 2**16
"""Pictures of a large set that are looked at where a few tell as much as all."""

_CHUNK = 256  # steps at most between two looks at the host
_CHUNK_BYTES = 2**26  # pictures fetched for one chunk, at most about so many

Advance = Callable[[TrainState, int, int], tuple[TrainState, dict[str, Array]]]


def sample_rows(n: int, most: int = _SAMPLE) -> np.ndarray:
    """Rows 0…n−1, or so many of them, evenly spaced."""
    return np.arange(n) if n <= most else np.linspace(0, n - 1, most).astype(np.int64)


def is_large(images: Images) -> bool:
    """Whether pictures stay where they are, in a file or in the host's memory."""
    return images.nbytes > LARGE_BYTES


class Feed:
    """The pictures of one training.

    Attributes:
      images: `uint8` (m, h, w, c) on the device: all pictures, or an even sample of a large set.
      codes: (m, n_codes) of those.
      most: steps at most that `advance` takes at once.
    """

    def __init__(
        self,
        family: Family,
        schedule: Schedule,
        key: KeyArray,
        images: Images,
        rows: np.ndarray,
        codes: Array,
    ) -> None:
        self.family, self.schedule, self.key = family, schedule, key
        self._all, self._rows, self._codes = images, rows, np.asarray(codes)
        self.streams = is_large(images)
        chosen = sample_rows(len(rows)) if self.streams else np.arange(len(rows))
        self.images = jax.device_put(images[rows[chosen]])
        self.codes = jax.device_put(self._codes[chosen])
        step = schedule.batch_size * images[0].nbytes
        self.most = max(1, min(_CHUNK, _CHUNK_BYTES // step)) if self.streams else _CHUNK
        self._pool = ThreadPoolExecutor(1)
        self._next: tuple[int, Future[tuple[np.ndarray, np.ndarray]]] | None = None

    def begin(self, key: KeyArray) -> TrainState:
        """Training that has not begun."""
        start = jax.jit(partial(init_state, self.family, self.schedule))
        return start(key, self.images, self.codes)

    def compile(self, state: TrainState) -> tuple[Advance, Any]:
        """What takes steps from one to another, and the form of the loss curves.

        The state that it gets is given up and reused.
        """
        return self._from_file(state) if self.streams else self._resident(state)

    def _resident(self, state: TrainState) -> tuple[Advance, Any]:
        # The data are arguments, not constants of the program.
        def run(state: TrainState, until: int, images: Array, codes: Array) -> Any:
            step = partial(train, self.family, self.schedule, self.key, chunk=self.most)
            return step(state, images, codes, until=until)

        args = (state, self.schedule.steps, self.images, self.codes)
        compiled = jax.jit(run, donate_argnums=0).lower(*args).compile()

        def advance(state: TrainState, done: int, until: int) -> Any:
            return compiled(state, until, self.images, self.codes)

        return advance, compiled.out_info[1]

    def _from_file(self, state: TrainState) -> tuple[Advance, Any]:
        b, width = self.schedule.batch_size, self.codes.shape[1]

        def run(state: TrainState, count: int, images: Array, codes: Array) -> Any:
            return train_batches(
                self.family, self.schedule, self.key, state, images, codes, count=count
            )

        images = jax.ShapeDtypeStruct((self.most, b, *self.images.shape[1:]), jnp.uint8)
        codes = jax.ShapeDtypeStruct((self.most, b, width), self.codes.dtype)
        compiled = jax.jit(run, donate_argnums=0).lower(state, 1, images, codes).compile()

        def advance(state: TrainState, done: int, until: int) -> Any:
            ready = self._next
            self._next = None
            batch = ready[1].result() if ready and ready[0] == done else self._fetch(done)
            result = compiled(state, until - done, *batch)
            if until < self.schedule.steps:  # fetched while the device works
                self._next = until, self._pool.submit(self._fetch, until)
            return result

        return advance, compiled.out_info[1]

    def _fetch(self, done: int) -> tuple[np.ndarray, np.ndarray]:
        """The pictures and codes of the next `most` steps, in the order of the loop's own."""
        steps = np.arange(done, done + self.most, dtype=np.int32)
        n, b = len(self._rows), self.schedule.batch_size
        places = np.asarray(_places(self.key, steps, b, n)).reshape(-1)
        rows = self._rows[places]
        order = np.argsort(rows)  # a file is read forwards
        images = np.empty((len(rows), *self.images.shape[1:]), np.uint8)
        images[order] = self._all[rows[order]]
        codes = self._codes[places]
        return images.reshape(self.most, b, *images.shape[1:]), codes.reshape(self.most, b, -1)

    def close(self) -> None:
        """Waits for nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)


@partial(jax.jit, static_argnums=(2, 3))
def _places(key: KeyArray, steps: Array, batch: int, n: int) -> Array:
    return jax.vmap(lambda step: rows_of(key, step, batch, n))(steps)
