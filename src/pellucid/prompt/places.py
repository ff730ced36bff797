"""Half-open ranges of the characters of a text: where things stand in a prompt."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

Place = tuple[int, int]

_start = itemgetter(0)


def count_before(places: Sequence[tuple[Any, ...]], at: int) -> int:
    """How many of some sorted ranges begin before `at`. Their first two items are start and end."""
    return bisect_left(places, at, key=_start)


def parted(places: Sequence[tuple[Any, ...]], at: int) -> bool | None:
    """Whether one of some sorted ranges begins or ends at `at`; `None` when one reaches over it."""
    n = count_before(places, at)
    if n and places[n - 1][1] > at:
        return None
    return (n > 0 and places[n - 1][1] == at) or (n < len(places) and places[n][0] == at)


def covered(places: Sequence[tuple[Any, ...]], at: int) -> bool:
    """Whether the character at `at` lies in one of some sorted ranges."""
    n = count_before(places, at + 1)
    return n > 0 and places[n - 1][1] > at


def shared_length(one: str, other: str) -> int:
    """How many characters two texts have in common at their beginning."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
