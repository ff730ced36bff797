"""What a rendering may allocate. Every value a template makes is paid for before it is used.

Two rules keep a hostile template small without a process of its own:

- each new value is paid out of one allowance, so all that is alive fits into it;
- the *unfolded* weight of a value (what printing or comparing it would walk) stays below the same
  allowance, so `[x, x]` repeated forty times is refused long before something walks its 2**40
  leaves inside one C call that no deadline can interrupt.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from jinja2 import Undefined

ALLOWANCE = 48_000_000
"""Bytes any rendering may make, beside `PER_BYTE` for each byte it is given."""

PER_BYTE = 32
SMALL = 64
"""Bytes of a small object: a number, an empty string."""


class Aborted(BaseException):
    """The rendering was stopped. Not an `Exception`: no handler on the way may swallow it."""


class Meter:
    """The allowance of one rendering, in bytes, and the moment it happens at."""

    def __init__(self, now: datetime, given: object) -> None:
        self.now = now
        self.asked_clock = False
        self._given: object = given
        self._left = ALLOWANCE
        self._weights: dict[int, tuple[object, int]] = {}

    def spend(self, amount: int) -> None:
        """Pay for `amount` bytes. Raises `Aborted` when the allowance is used up."""
        self._left -= amount
        if self._left < 0:
            self._grow(0)

    def _grow(self, needed: int) -> None:
        """Add what the size of the input allows; it is weighed only when that matters."""
        if self._given is not None:
            given, self._given = self._given, None
            left, self._left = self._left, sys.maxsize
            self._left = left + PER_BYTE * self.weigh(given)
        if self._left < needed:
            raise Aborted("it makes more text, or larger lists, than a prompt can hold")

    def weigh(self, value: Any) -> int:
        """Bytes of `value` with everything in it, shared parts counted as often as they occur.

        Raises `Aborted` for more than the allowance, `TypeError` for what is not plain data.
        """
        kind = type(value)
        if isinstance(value, str):
            return SMALL + (len(value) if value.isascii() else 4 * len(value))
        if kind is int:
            return SMALL + int(value.bit_length()) // 8
        if isinstance(value, dict | list | tuple):
            # Nothing in the sandbox changes a container, so a weight holds as long as the
            # container lives; keeping it here sees to that.
            known = self._weights.get(id(value))
            if known is not None:
                return known[1]
            parts: Iterable[Any] = value
            weight = SMALL
            if isinstance(value, dict):
                weight += sum(map(self.weigh, value))
                parts = value.values()
            weight += sum(map(self.weigh, parts))
            if weight > self._left:
                self._grow(weight)
            self._weights[id(value)] = (value, weight)
            return weight
        if value is None or isinstance(value, bool | float | complex | range | Undefined):
            return SMALL
        raise TypeError(f"a list or mapping of a template cannot hold a {kind.__name__}")

    def keep(self, value: Any) -> Any:
        """Pay for a value that was just made, and return it."""
        if isinstance(value, str):
            self.spend(self.weigh(value))
        elif isinstance(value, dict | list | tuple):
            self.weigh(value)
            self.spend(SMALL + len(value) * (128 if isinstance(value, dict) else 8))
        return value

    def join(self, separator: str, parts: Sequence[str]) -> str:
        """`separator.join(parts)`, paid for before it is made where it is large."""
        size = sum(map(len, parts)) + len(separator) * len(parts)
        if size > 100_000:
            narrow = separator.isascii() and all(map(str.isascii, parts))
            self.spend(size if narrow else 4 * size)
            return separator.join(parts)
        text = separator.join(parts)
        self.spend(SMALL + (size if text.isascii() else 4 * size))
        return text


_running = threading.local()


def start(meter: Meter) -> None:
    """Make `meter` the one that this thread's rendering pays from."""
    _running.meter = meter


def meter() -> Meter:
    """The meter of the rendering that runs in this thread."""
    running: Meter = _running.meter
    return running
