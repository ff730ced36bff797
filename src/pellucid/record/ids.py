"""Names of receipts: short, unique, and in the order of time."""

from __future__ import annotations

import os
import threading

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O or U to misread."""

_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]
_lock = threading.Lock()
_last = 0


def new_id(now: float) -> str:
    """A new id: 26 characters, as ULID (https://github.com/ulid/spec).

    `now` is seconds since 1970: 48 bits of milliseconds come first, 80 random bits after. Ids made
    by one process always rise, even where the clock stands still or goes back.
    """
    global _last
    with _lock:
        number = (int(now * 1000) << 80) | _random(10)
        # The step is random too: a forked process goes on from the same number.
        _last = number = max(number, _last + 1 + _random(8))
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])


def _random(size: int) -> int:
    """A number of `size` random bytes. The module `secrets` would cost 8 ms to import."""
    return int.from_bytes(os.urandom(size))
