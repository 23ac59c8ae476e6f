"""Training in chunks on the host's side: progress, checkpoints, and a clean stop on Ctrl-C."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType

import jax
import numpy as np

from .._errors import DivergedError
from .._progress import begin_at, progress
from .._typing import KeyArray
from ..generate import TrainState, load_tree, save_tree
from ._feeds import Feed

_SECONDS_A_CHUNK = 0.5
_SECONDS_A_CHECKPOINT = 30.0

Curves = dict[str, np.ndarray]


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
    feed: Feed, key: KeyArray, checkpoint: Path, *, quiet: bool = False
) -> tuple[TrainState, Curves]:
    """Trains to the end of the schedule, from `checkpoint` where it exists.

    Args:
      feed: what to train, with which pictures, and for how long.
      key: for the first parameters.
      checkpoint: written about every 30 s, on Ctrl-C, and at the end.
      quiet: no progress bar.

    Returns:
      The last state, and each part of the loss at every step, (steps,) each.

    Raises:
      KeyboardInterrupt: after Ctrl-C, once the checkpoint is written.
      DivergedError: when the loss is no longer finite; the last good checkpoint is kept.
    """
    steps = feed.schedule.steps
    state = feed.begin(key)
    with (
        ask_to_stop() as stop_asked,
        closing(feed),
        progress(steps, "compiling", "step", quiet=quiet, at_once=True) as bar,
    ):
        advance, shapes = feed.compile(state)
        curves = {name: np.full(steps, np.nan, leaf.dtype) for name, leaf in shapes.items()}
        if checkpoint.exists():
            state, curves = jax.tree.map(np.array, load_tree(checkpoint, (state, curves)))
        done = int(state.step)
        begin_at(bar, done, "training")
        saved = time.monotonic()
        pace = 8  # steps in the next chunk; steps do not depend on how they are cut
        while done < steps:
            began = time.monotonic()
            until = min(steps, done + pace, done + feed.most)
            state, found = advance(state, done, until)
            part = {name: np.asarray(values)[: until - done] for name, values in found.items()}
            _refuse_divergence(part["loss"], done, checkpoint)
            for name, values in part.items():
                curves[name][done:until] = values
            bar.set_postfix_str(f"loss {part['loss'][-1]:.3f}", refresh=False)
            bar.update(until - done)
            seconds = max(time.monotonic() - began, 1e-3)
            pace = max(1, min(feed.most, round((until - done) * _SECONDS_A_CHUNK / seconds)))
            if feed.streams:
                pace = feed.most  # what was fetched is used
            done = until
            stop = stop_asked()
            if stop or done == steps or time.monotonic() - saved > _SECONDS_A_CHECKPOINT:
                save_tree(checkpoint, (state, curves))
                saved = time.monotonic()
            if stop:
                raise KeyboardInterrupt
    return state, curves


def _refuse_divergence(loss: np.ndarray, first: int, checkpoint: Path) -> None:
    bad = np.flatnonzero(~np.isfinite(loss))
    if len(bad):
        kept = (
            f"{checkpoint.name} keeps the last good state"
            if checkpoint.exists()
            else ("no checkpoint was written yet")
        )
        raise DivergedError(
            f"the loss is no longer finite at step {first + int(bad[0]) + 1}; {kept}; "
            "try a lower --learning-rate"
        )
