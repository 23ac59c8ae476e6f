"""Where the training loop's pictures come from: the device, or a file, chunk by chunk."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from .._typing import Array, Images, KeyArray
from ..data import LARGE_BYTES
from ..generate import (
    Family,
    Model,
    Schedule,
    TrainState,
    draw,
    init_state,
    rows_of,
    train,
    train_batches,
)

_SAMPLE = 2**16
"""Pictures of a large set that are looked at where a few tell as much as all."""

_GLANCE = 2**11
"""The same in the midst of training, where a look should take little time."""

_CHUNK = 256  # steps at most between two looks at the host
_CHUNK_BYTES = 2**26  # pictures fetched for one chunk, at most about so many

Advance = Callable[[TrainState, int, int], tuple[TrainState, dict[str, Array]]]


def sample_rows(n: int, most: int = _SAMPLE) -> np.ndarray:
    """Rows 0…n−1, or so many of them, evenly spaced."""
    return np.arange(n) if n <= most else np.linspace(0, n - 1, most).astype(np.int64)


def is_large(images: Images) -> bool:
    """Whether pictures stay where they are, in a file or in the host's memory."""
    return images.nbytes > LARGE_BYTES


def spread_over(batch_size: int) -> NamedSharding | None:
    """How the pictures of a step lie over the devices at hand; None where one device has them all.

    Over accelerators, as many as share them out evenly. The cores of a CPU work together on what
    one device computes, and do so quicker: a step of the default VAE (28×28, 128 pictures) took 84
    to 101 ms on two cores as one device, and 119 to 131 ms as two.
    """
    devices = jax.local_devices()
    if devices[0].platform == "cpu":
        return None
    count = max(d for d in range(1, len(devices) + 1) if batch_size % d == 0)
    return batches_over(devices[:count])


def batches_over(devices: Sequence[Any]) -> NamedSharding | None:
    """Pictures of a step laid over these devices; None where there is only one."""
    mesh = Mesh(np.array(devices), ("batch",))
    return NamedSharding(mesh, PartitionSpec("batch")) if len(devices) > 1 else None


class Feed:
    """The pictures of one training, where they lie, and the programs that train with them.

    Args:
      family: what to train.
      schedule: for how long.
      key: for all randomness of the steps.
      images: `uint8` (n, h, w, c), some of which are trained on.
      rows: (m,) which.
      codes: (m, n_codes) of those.
      sharding: of the pictures of a step, (b, …); parameters and all pictures are then on each of
        its devices. None: all is on one device.

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
        sharding: NamedSharding | None = None,
    ) -> None:
        self.family, self.schedule, self.key = family, schedule, key
        self._all, self._rows, self._codes = images, rows, np.asarray(codes)
        self.streams = is_large(images)
        chosen = sample_rows(len(rows)) if self.streams else np.arange(len(rows))
        self._sharding = sharding
        self._everywhere = sharding and NamedSharding(sharding.mesh, PartitionSpec())
        self.images = jax.device_put(images[rows[chosen]])
        self.codes = jax.device_put(self._codes[chosen])
        step = schedule.batch_size * images[0].nbytes
        self.most = max(1, min(_CHUNK, _CHUNK_BYTES // step)) if self.streams else _CHUNK
        self._pool = ThreadPoolExecutor(1)
        self._next: tuple[int, Future[tuple[np.ndarray, np.ndarray]]] | None = None

    def begin(self, key: KeyArray) -> TrainState:
        """Training that has not begun."""
        return self._place(_begun(self.family, self.schedule, key, self.images, self.codes))

    def _place(self, tree: Any) -> Any:
        """On every device that takes part."""
        return tree if self._everywhere is None else jax.device_put(tree, self._everywhere)

    def gather(self, tree: Any) -> Any:
        """On one device, as all that comes after training expects."""
        return tree if self._everywhere is None else jax.device_put(tree, self.images.sharding)

    def compile(self, state: TrainState) -> tuple[Advance, Any]:
        """What takes steps from one to another, and the form of the loss curves.

        The state that it gets is given up and reused.
        """
        return self._from_file(state) if self.streams else self._resident(state)

    def _resident(self, state: TrainState) -> tuple[Advance, Any]:
        key, *data = self._place((self.key, self.images, self.codes))
        options = {"until": self.schedule.steps, "chunk": self.most}
        compiled = self._compiled(train, key, state, *data, **options)

        def advance(state: TrainState, done: int, until: int) -> Any:
            return compiled(key, state, *data, until=until)

        return advance, compiled.out_info[1]

    def _from_file(self, state: TrainState) -> tuple[Advance, Any]:
        b, width = self.schedule.batch_size, self.codes.shape[1]

        key, spread = self._place(self.key), None
        if self._sharding is not None:
            spread = NamedSharding(self._sharding.mesh, PartitionSpec(None, "batch"))
        form = partial(jax.ShapeDtypeStruct, sharding=spread)
        images = form((self.most, b, *self.images.shape[1:]), jnp.uint8)
        codes = form((self.most, b, width), self.codes.dtype)
        compiled = self._compiled(train_batches, key, state, images, codes, count=1)

        def advance(state: TrainState, done: int, until: int) -> Any:
            ready = self._next
            self._next = None
            batch = ready[1].result() if ready and ready[0] == done else self._fetch(done)
            result = compiled(key, state, *batch, count=until - done)  # each device gets its part
            if until < self.schedule.steps:  # fetched while the device works
                self._next = until, self._pool.submit(self._fetch, until)
            return result

        return advance, compiled.out_info[1]

    def _compiled(self, run: Callable[..., Any], *args: Any, **options: Any) -> Any:
        program = _program(run, self._everywhere, *({"chunk"} & set(options)))
        fixed = self.family, self.schedule
        return program.lower(*fixed, *args, sharding=self._sharding, **options).compile()

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

    def codes_of(self, state: TrainState) -> Array:
        """Codes as training left them, of `images`; from a file nothing is clustered anew."""
        return self.codes if self.streams else self.family.codes_of(state.memory, self.codes)

    def draw(
        self, state: TrainState, key: KeyArray, codes: Array, temperature: float = 1.0
    ) -> np.ndarray:
        """New pictures in the midst of training, from the moving averages of the parameters.

        What the family fits to the data after training is fitted to few of them here.

        Args:
          state: of now.
          key: for the latents; the same gives pictures that can be compared over time.
          codes: (m, n_codes).
          temperature: as of `generate.draw`.

        Returns:
          `uint8` (m, h, w, c).
        """
        params, memory = self.gather((state.ema, state.memory))
        rows = sample_rows(len(self.images), _GLANCE)
        few = self.images[rows], self.codes[rows]
        fitted = fit(self.family, self.key, params, memory, *few)
        return np.asarray(_drawn(self.family, Model(params, fitted), key, codes, temperature))

    def close(self) -> None:
        """Waits for nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)


# Programs are kept by what they are of: another run of the same settings compiles nothing.
_begun = jax.jit(init_state, static_argnums=(0, 1))
_drawn = jax.jit(draw, static_argnums=0)


@partial(jax.jit, static_argnums=0)
def fit(
    family: Family, key: KeyArray, params: Any, memory: Any, images: Array, codes: Array
) -> Any:
    """What a family fits to the data after training."""
    return family.fit(key, params, memory, images, codes)


@cache
def _program(run: Callable[..., Any], everywhere: NamedSharding | None, *fixed: str) -> Any:
    """`run`, whose state is given up and reused; all that comes out lies `everywhere`."""
    options: dict[str, Any] = {} if everywhere is None else {"out_shardings": everywhere}
    fixed = ("family", "schedule", "sharding", *fixed)
    return jax.jit(run, static_argnames=fixed, donate_argnames="state", **options)


@partial(jax.jit, static_argnums=(2, 3))
def _places(key: KeyArray, steps: Array, batch: int, n: int) -> Array:
    return jax.vmap(lambda step: rows_of(key, step, batch, n))(steps)
