"""Checks of the options of `load` and `resize`; one clear line each."""

import operator
from typing import Any

from .._errors import ConfigError


def check_whole(value: Any, name: str, low: int, high: int | None = None) -> int:
    """Refuses all but whole numbers from `low` to `high`, both allowed."""
    span = f"at least {low}" if high is None else f"from {low} to {high}"
    # NumPy's integers have __index__ too, and so have booleans, which are a slip here.
    whole = hasattr(value, "__index__") and not isinstance(value, bool)
    if not whole or value < low or (high is not None and value > high):
        raise ConfigError(f"{name} must be a whole number {span}, not {value!r}")
    return operator.index(value)


def check_size(size: Any) -> int:
    """Refuses a side of pictures below 4 (no structure left) or above 4096 pixels."""
    return check_whole(size, "size", 4, 4096)


def check_channels(channels: Any) -> int:
    """Refuses all but 1 (grey) and 3 (colour)."""
    if isinstance(channels, bool) or not isinstance(channels, int) or channels not in (1, 3):
        raise ConfigError(f"channels must be 1 (grey) or 3 (colour), not {channels!r}")
    return channels
