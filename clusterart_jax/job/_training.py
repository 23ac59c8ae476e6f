"""Training in chunks on the host's side: progress, checkpoints, and a clean stop on Ctrl-C."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import jax
import numpy as np

from .._errors import DivergedError
from .._progress import begin_at, progress
from .._typing import Array, KeyArray, PyTree
from ..generate import Checkpoints, TrainState
from ._feeds import Feed

_SECONDS_A_CHUNK = 0.5
_SECONDS_A_CHECKPOINT = 30.0

Curves = dict[str, np.ndarray]


class Kept(NamedTuple):
    """What a checkpoint holds."""

    state: TrainState
    curves: Curves


@dataclass(frozen=True)
class Progress:
    """How far training has come; good until the function that was called with it returns.

    Attributes:
      step: steps that are done.
      steps: in all.
      losses: each part of the loss at every step so far, (step,) each.
      seconds: since training began or went on, compiling and all functions called included.
      drawing: what `draw` calls.
    """

    step: int
    steps: int
    losses: Mapping[str, np.ndarray]
    seconds: float
    drawing: Callable[[KeyArray, Array, float], np.ndarray]

    def draw(self, key: KeyArray, codes: Array, temperature: float = 1.0) -> np.ndarray:
        """New pictures as training would make them if it ended now.

        The first call compiles, for some seconds; so does one with another number of codes.

        Args:
          key: for the latents; the same key gives pictures that can be compared over time.
          codes: (m, n_codes), for example `condition.encode(labels, k).codes`.
          temperature: less than 1 draws what is more typical, and varies less.

        Returns:
          `uint8` (m, h, w, c).
        """
        return self.drawing(key, codes, temperature)


Callback = Callable[[Progress], object]
"""Called about twice a second while training goes on; KeyboardInterrupt stops as Ctrl-C does."""


@contextmanager
def ask_to_stop() -> Iterator[Callable[[], bool]]:
    """Turns the first Ctrl-C into a question that work can answer at a good moment.

    Yields:
      A function that says whether Ctrl-C was pressed. A second Ctrl-C stops at once.
    """
    asked = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False  # signals belong to the main thread
        return
    before = signal.signal(signal.SIGINT, handle)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)


def train_in_chunks(
    feed: Feed,
    key: KeyArray,
    folder: Path,
    *,
    callbacks: Sequence[Callback] = (),
    quiet: bool = False,
) -> tuple[TrainState, Curves]:
    """Trains to the end of the schedule, from the checkpoint in `folder` where there is one.

    Args:
      feed: what to train, with which pictures, and for how long.
      key: for the first parameters.
      folder: of `Checkpoints`, written about every 30 s, on Ctrl-C, and at the end.
      callbacks: functions of `Progress`, called after each chunk of steps.
      quiet: no progress bar.

    Returns:
      The last state, and each part of the loss at every step, (steps,) each.

    Raises:
      KeyboardInterrupt: after Ctrl-C, once the checkpoint is written.
      DivergedError: when the loss is no longer finite; the last good checkpoint is kept.
    """
    steps = feed.schedule.steps
    began = time.monotonic()
    with (
        ask_to_stop() as stop_asked,
        closing(feed),
        Checkpoints(folder) as checkpoints,
        progress(steps, "compiling", "step", quiet=quiet, at_once=True) as bar,
    ):
        state = feed.begin(key)
        advance, shapes = feed.compile(state)
        curves = {name: np.full(steps, np.nan, leaf.dtype) for name, leaf in shapes.items()}
        if checkpoints.step is not None:
            state, curves = checkpoints.load(Kept(state, curves))
        done = int(state.step)
        begin_at(bar, done, "training")
        saved = time.monotonic()
        pace = 8  # steps in the next chunk; steps do not depend on how they are cut
        while done < steps:
            chunk_began = time.monotonic()
            until = min(steps, done + pace, done + feed.most)
            state, found = advance(state, done, until)
            part = {name: np.asarray(values)[: until - done] for name, values in found.items()}
            bad = np.flatnonzero(~np.isfinite(part["loss"]))
            if len(bad):
                raise _diverged("the loss", done + int(bad[0]) + 1, checkpoints)
            for name, values in part.items():
                curves[name][done:until] = values
            bar.set_postfix_str(f"loss {part['loss'][-1]:.3f}", refresh=False)
            bar.update(until - done)
            seconds = max(time.monotonic() - chunk_began, 1e-3)
            pace = max(1, min(feed.most, round((until - done) * _SECONDS_A_CHUNK / seconds)))
            if feed.streams:
                pace = feed.most  # what was fetched is used
            done = until
            losses = {name: values[:done] for name, values in curves.items()}
            now = time.monotonic()
            told = Progress(done, steps, losses, now - began, partial(feed.draw, state))
            stop = _call(callbacks, told) or stop_asked()
            if stop or done == steps or now - saved > _SECONDS_A_CHECKPOINT:
                if not _finite(state.params):
                    raise _diverged("a parameter", done, checkpoints)  # after a loss that was
                checkpoints.save(done, Kept(state, curves))
                saved = time.monotonic()
            if stop:
                checkpoints.wait()
                raise KeyboardInterrupt
    return feed.gather(state), curves


def _call(callbacks: Sequence[Callback], progress: Progress) -> bool:
    """Whether one of them asks to stop."""
    try:
        for callback in callbacks:
            callback(progress)
    except KeyboardInterrupt:
        return True
    return False


def _finite(params: PyTree) -> bool:
    return all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(jax.device_get(params)))


def _diverged(what: str, step: int, checkpoints: Checkpoints) -> DivergedError:
    checkpoints.wait()
    kept = "no checkpoint was written yet"
    if checkpoints.step is not None:
        kept = f"{checkpoints.folder.name} keeps the state of step {checkpoints.step}"
    return DivergedError(
        f"{what} is no longer finite at step {step}; {kept}; try a lower --learning-rate"
    )
