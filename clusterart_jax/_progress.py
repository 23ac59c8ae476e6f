"""One progress bar for everything that may take longer than two seconds."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")


@contextmanager
def progress(
    total: int, label: str, unit: str, *, quiet: bool = False, at_once: bool = False
) -> Iterator[Any]:
    """A bar with speed and time left, shown after two seconds, only where a person can see it.

    Args:
      total: number of units of work.
      label: what is being done, one or two words.
      unit: name of one unit, for the speed ("step", "picture").
      quiet: show nothing, whatever the terminal.
      at_once: do not wait two seconds: the first unit is known to take long.

    Yields:
      A `tqdm` bar; call its `update(n)` after n more units, `set_postfix_str` to add a word.

    Example:
      >>> with progress(3, "reading", "file") as bar:
      ...     for _ in range(3):
      ...         _ = bar.update(1)
    """
    from tqdm import tqdm

    hidden = quiet or not sys.stderr.isatty()
    with tqdm(
        total=total,
        desc=label,
        unit=unit,
        disable=hidden,
        delay=0 if at_once else 2,
        dynamic_ncols=True,
        file=sys.stderr,
        smoothing=0.1,
    ) as bar:
        yield bar


def begin_at(bar: Any, done: int, label: str) -> None:
    """Counts from here: `done` units are there already, and no time has passed for the others.

    For a resumed run, and after a first part that says nothing of the speed, such as compiling.
    """
    bar.initial = bar.n = done
    bar.unpause()
    bar.set_description_str(label)


def tracked(
    items: Iterable[T], total: int, label: str, unit: str, *, quiet: bool = False
) -> Iterator[T]:
    """Passes `items` on, moving a progress bar by one for each."""
    with progress(total, label, unit, quiet=quiet) as bar:
        for item in items:
            yield item
            bar.update(1)
