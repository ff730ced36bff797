"""Names of receipts: short, unique, and in the order of time."""

from __future__ import annotations

import os
import threading
from functools import lru_cache

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O or U to misread."""

_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]
_MOMENT, _RANDOM = range(40, -1, -10), range(70, -1, -10)
"""By how much to shift for each pair of letters: of the milliseconds, of the random bits."""
_STEP = (1 << 64) - 1
_lock = threading.Lock()
_last = 0


def new_id(now: float) -> str:
    """A new id: 26 characters, as ULID (https://github.com/ulid/spec).

    `now` is seconds since 1970: 48 bits of milliseconds come first, 80 random bits after. Ids made
    by one process always rise, even where the clock stands still or goes back.
    """
    global _last
    with _lock:
        # The module `secrets` would cost 8 ms to import.
        random = int.from_bytes(os.urandom(10))
        number = (int(now * 1000) << 80) | random
        # The step is random too: a forked process goes on from the same number.
        _last = number = max(number, _last + 1 + (random & _STEP))
    return _moment(number >> 80) + "".join([_PAIRS[number >> shift & 1023] for shift in _RANDOM])


@lru_cache(maxsize=1)  # many come in one millisecond
def _moment(milliseconds: int) -> str:
    return "".join([_PAIRS[milliseconds >> shift & 1023] for shift in _MOMENT])
