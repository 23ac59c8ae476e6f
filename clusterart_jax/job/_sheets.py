"""What one sees while training goes on: sheets of new pictures, and the loss so far."""

import time
from contextlib import suppress
from pathlib import Path

import numpy as np

from .._errors import OutputError
from .._typing import KeyArray
from ..data import write_png
from ..report import contact_sheet, draw_curves
from ._feeds import sample_rows
from ._folder import LOSSES, PROGRESS
from ._training import Progress

_SECONDS_A_SHEET = 30.0
_SHARE = 0.05  # of the time that training is expected to take
_COLUMNS, _ROWS = 12, 40
_KEPT = 8


class Sheets:
    """Writes progress-STEP.png and losses.png now and then.

    A sheet has a row for each cluster, in their order, noise last; its pictures are drawn from the
    same latents each time. Sheets come every 30 s at most, and further apart where they take long:
    together no more than 5 % of the time that training is expected to take, for which the first is
    thought to take as long as compiling did. At most eight are kept, the denser the earlier.

    Args:
      path: folder of the run.
      key: for the latents.
      mask: (n_codes,) which codes have pictures.
      temperature: of the pictures.
    """

    def __init__(self, path: Path, key: KeyArray, mask: np.ndarray, temperature: float) -> None:
        self._path, self._key, self._temperature = path, key, temperature
        there = np.flatnonzero(mask)
        rows = there[sample_rows(len(there), _ROWS)]
        self._codes = np.eye(len(mask), dtype=np.float32)[np.repeat(rows, _COLUMNS)]
        self._first: Progress | None = None
        self._last = self._spent = self._cost = 0.0

    def __call__(self, now: Progress) -> None:
        """Draws where it is time to."""
        if self._first is None:
            self._first, self._last, self._cost = now, now.seconds, now.seconds
        wait = max(_SECONDS_A_SHEET, self._spent and self._cost / _SHARE)
        if now.seconds - self._last < wait or now.step == self._first.step:
            return
        taken = now.seconds - self._first.seconds - self._spent
        pace = taken / (now.step - self._first.step)
        total = now.seconds + pace * (now.steps - now.step)
        if self._spent + self._cost > _SHARE * total:
            return
        began = time.monotonic()
        if not self._spent:
            self._images(now)  # which compiles: how long the others take is seen from here on
        compiled = time.monotonic()
        with suppress(OutputError):  # a checkpoint will say so
            self._write(now)
        ended = time.monotonic()
        self._cost = ended - compiled
        self._spent += ended - began
        self._last = now.seconds + ended - began

    def _images(self, now: Progress) -> np.ndarray:
        return now.draw(self._key, self._codes, self._temperature)

    def _write(self, now: Progress) -> None:
        images = self._images(now)
        file = self._path / PROGRESS.replace("*", f"{now.step:06}")
        write_png(file, contact_sheet(images, _COLUMNS))
        write_png(self._path / LOSSES, draw_curves(now.losses))
        thin_out(self._path)


def sheets_of(path: Path) -> dict[int, Path]:
    """Step → sheet, in order of the steps."""
    found = {int(file.stem.split("-")[1]): file for file in path.glob(PROGRESS)}
    return dict(sorted(found.items()))


def thin_out(path: Path, most: int = _KEPT) -> None:
    """Removes sheets until few are left, the first and the last among them.

    Those go whose neighbours lie nearest together, by the ratio of their steps: early in training
    pictures change most.
    """
    sheets = sheets_of(path)
    while len(sheets) > most:
        steps = list(sheets)
        ratios = [after / before for before, after in zip(steps, steps[2:], strict=False)]
        sheets.pop(steps[1 + int(np.argmin(ratios))]).unlink(missing_ok=True)
