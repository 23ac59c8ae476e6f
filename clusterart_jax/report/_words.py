"""Values as words on a page: numbers, durations, names and nested options."""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np


def number_text(value: object) -> str:
    """A number for a reader: four digits that matter, thousands set apart.

    Example:
      >>> number_text(60000), number_text(0.51234567), number_text(float("nan"))
      ('60,000', '0.5123', 'not available')
    """
    if value is None or isinstance(value, str):
        return clean(value) if value else "not available"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return f"{int(value):,}"
    number = float(value)  # type: ignore[arg-type]
    if not math.isfinite(number):
        return "not available" if math.isnan(number) else f"{number:+}".replace("inf", "infinite")
    if abs(number) >= 1e7 or 0 < abs(number) < 1e-4:
        return f"{number:.3g}"
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.4g}"


def count(n: int, one: str, many: str | None = None) -> str:
    """A number and its noun.

    Example:
      >>> count(1, "picture"), count(2000, "picture")
      ('1 picture', '2,000 pictures')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def ordinal(n: int) -> str:
    """Which of several, in figures.

    Example:
      >>> ordinal(1), ordinal(5), ordinal(12), ordinal(22)
      ('1st', '5th', '12th', '22nd')
    """
    ending = "th" if 10 < n % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n:,}{ending}"


def duration(seconds: float) -> str:
    """Seconds as a person says them.

    Example:
      >>> duration(0.0421), duration(12.34), duration(75), duration(7260)
      ('0.04 s', '12.3 s', '1 min 15 s', '2 h 1 min')
    """
    if not math.isfinite(seconds):
        return "not available"
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def percent(share: float) -> str:
    """A share 0…1; small ones are not rounded to nothing."""
    if 0 < share < 0.001:
        return "< 0.1%"
    return f"{100 * share:.1f}%"


def clean(text: object) -> str:
    r"""Text that any page can hold: what is no character, or steers the writing, is spelled out.

    File names on Linux are bytes; those that are no UTF-8 reach Python as lone surrogates, which
    cannot be written to a file. Marks that turn the direction of text could disguise a name.

    Example:
      >>> clean("a\udcffb\x07.png")
      'a\\udcffb\\x07.png'
    """
    turns = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    return "".join(
        c.encode("ascii", "backslashreplace").decode()
        if 0xD800 <= ord(c) <= 0xDFFF or c in turns
        else c.encode("unicode_escape").decode()
        if ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0
        else c
        for c in str(text)
    )


def flattened(config: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """(dotted name, value) of every option, in the order given."""
    rows: list[tuple[str, str]] = []
    for name, value in config.items():
        if isinstance(value, Mapping) and value:
            rows += flattened(value, f"{prefix}{name}.")
        else:
            rows.append((clean(f"{prefix}{name}"), clean(_option(value))))
    return rows


def _option(value: object) -> str:
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        return str(value)
